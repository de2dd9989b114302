//! [`Trials`] on PostgreSQL.

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use peng_predict::rate;
use sqlx::Connection;

use super::Postgres;
use crate::{
    Deleted, Error, Event, Experiment, ExperimentKey, Logged, NewExperiment, OnlyIf, Seq, Trial,
    TrialKey, Trials, Write, Written,
    rows::{self, EventRow, ExperimentRow, LoggedRow, TrialRow},
};

#[async_trait]
impl Trials for Postgres {
    async fn create_experiment(
        &self,
        new: NewExperiment,
        at: SystemTime,
    ) -> Result<(Experiment, bool), Error> {
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let inserted = sqlx::query(
                "INSERT INTO experiments (id, label, settings, created_us)
                 VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(&new.id)
            .bind(rows::to_json("experiment label", &new.label)?)
            .bind(rows::to_json("experiment", &new.settings)?)
            .bind(rows::micros(at))
            .execute(&mut *db)
            .await?
            .rows_affected();
            let row: ExperimentRow = sqlx::query_as("SELECT * FROM experiments WHERE id = $1")
                .bind(&new.id)
                .fetch_one(&mut *db)
                .await?;
            db.give_back();
            Ok((row.try_into()?, inserted > 0))
        })
        .await
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let row: Option<ExperimentRow> =
                sqlx::query_as("SELECT * FROM experiments WHERE id = $1")
                    .bind(id)
                    .fetch_optional(&mut *db)
                    .await?;
            db.give_back();
            row.map(Experiment::try_from).transpose()
        })
        .await
    }

    async fn experiments(&self, after: &str, limit: u32) -> Result<Vec<Experiment>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let page: Vec<ExperimentRow> = sqlx::query_as(
                "SELECT * FROM experiments WHERE id > $1 AND deleted_us IS NULL
                     ORDER BY id LIMIT $2",
            )
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::all(page)
        })
        .await
    }

    async fn trial(&self, experiment: ExperimentKey, id: &str) -> Result<Option<Trial>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let row: Option<TrialRow> = sqlx::query_as(
                "SELECT trials.* FROM trials JOIN experiments ON experiments.key = experiment
                     WHERE experiment = $1 AND trials.id = $2 AND deleted_us IS NULL",
            )
            .bind(experiment.0)
            .bind(id)
            .fetch_optional(&mut *db)
            .await?;
            db.give_back();
            row.map(Trial::try_from).transpose()
        })
        .await
    }

    async fn trials(
        &self,
        experiment: ExperimentKey,
        after: TrialKey,
        limit: u32,
    ) -> Result<Vec<Trial>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let page: Vec<TrialRow> = sqlx::query_as(
                "SELECT * FROM trials WHERE experiment = $1 AND key > $2 ORDER BY key LIMIT $3",
            )
            .bind(experiment.0)
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::all(page)
        })
        .await
    }

    async fn trial_count(&self, experiment: ExperimentKey) -> Result<u64, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let count: i64 =
                sqlx::query_scalar("SELECT count(*) FROM trials WHERE experiment = $1")
                    .bind(experiment.0)
                    .fetch_one(&mut *db)
                    .await?;
            db.give_back();
            Ok(count.unsigned_abs())
        })
        .await
    }

    async fn schedules(
        &self,
        experiment: ExperimentKey,
    ) -> Result<Vec<(TrialKey, Arc<rate::Schedule>)>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let found: Vec<(i64, String)> = sqlx::query_as(
                "SELECT key, schedule FROM trials
                 WHERE experiment = $1 AND schedule IS NOT NULL",
            )
            .bind(experiment.0)
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::schedules(found)
        })
        .await
    }

    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let log: Vec<LoggedRow> = sqlx::query_as(
                "SELECT epoch, value, decision FROM events
                 WHERE trial = $1 AND epoch IS NOT NULL AND NOT retracted ORDER BY seq",
            )
            .bind(trial.get())
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::all(log)
        })
        .await
    }

    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error> {
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let mut transaction = db.begin().await?;
            let at = rows::micros(at);
            let written = super::commit::execute(&mut transaction, writes, at).await?;
            transaction.commit().await?;
            db.give_back();
            Ok(written)
        })
        .await
    }

    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let page: Vec<EventRow> = sqlx::query_as(
                "SELECT seq, at_us, trial, trials.id, events.state, epoch, value, decision,
                        retracted
                 FROM events JOIN trials ON trials.key = events.trial
                 WHERE events.experiment = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            )
            .bind(experiment.0)
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::all(page)
        })
        .await
    }

    async fn ends(
        &self,
        experiments: &[ExperimentKey],
    ) -> Result<Vec<(ExperimentKey, Seq)>, Error> {
        let keys: Vec<i64> = experiments.iter().map(|key| key.0).collect();
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let ends: Vec<(i64, i64)> = sqlx::query_as(
                "SELECT key, last_seq FROM experiments WHERE key = ANY($1) AND deleted_us IS NULL",
            )
            .bind(&keys)
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            let ends = ends.into_iter();
            Ok(ends
                .map(|(key, seq)| (ExperimentKey(key), Seq::new(seq)))
                .collect())
        })
        .await
    }

    async fn delete_experiment(
        &self,
        experiment: ExperimentKey,
        only_if: OnlyIf,
        at: SystemTime,
    ) -> Result<Deleted, Error> {
        let (key, at) = (experiment.0, rows::micros(at));
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let deleted = super::deletion::delete(&mut db, key, only_if, at).await?;
            db.give_back();
            Ok(deleted)
        })
        .await
    }

    async fn idle_experiments(
        &self,
        since: SystemTime,
        limit: u32,
    ) -> Result<Vec<Experiment>, Error> {
        self.in_time(async {
            let mut db = self.reader.take().await?;
            let idle: Vec<ExperimentRow> = sqlx::query_as(
                "SELECT * FROM experiments WHERE deleted_us IS NULL AND $1 > coalesce(
                     (SELECT at_us FROM events WHERE experiment = experiments.key
                      ORDER BY seq DESC LIMIT 1),
                     created_us)
                 ORDER BY id LIMIT $2",
            )
            .bind(rows::micros(since))
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
            db.give_back();
            rows::all(idle)
        })
        .await
    }

    async fn sweep(&self, limit: u32) -> Result<u64, Error> {
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let removed = super::deletion::sweep(&mut db, limit).await?;
            db.give_back();
            Ok(removed)
        })
        .await
    }

    fn is_shared(&self) -> bool {
        true
    }
}
