//! [`Trials`] on SQLite.

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use peng_predict::rate;

use super::Sqlite;
use crate::{
    Deleted, Error, Event, Experiment, ExperimentKey, Logged, NewExperiment, OnlyIf, Seq, Trial,
    TrialKey, Trials, Write, Written,
    rows::{self, EventRow, ExperimentRow, LoggedRow, TrialRow},
};

#[async_trait]
impl Trials for Sqlite {
    async fn create_experiment(
        &self,
        new: NewExperiment,
        at: SystemTime,
    ) -> Result<(Experiment, bool), Error> {
        let label = rows::to_json("experiment label", &new.label)?;
        let settings = rows::to_json("experiment", &new.settings)?;
        let (_turn, mut commit) = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO experiments (id, label, settings, created_us) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(&new.id)
        .bind(label)
        .bind(settings)
        .bind(rows::micros(at))
        .execute(&mut *commit)
        .await?
        .rows_affected();
        let row: ExperimentRow = sqlx::query_as("SELECT * FROM experiments WHERE id = ?")
            .bind(&new.id)
            .fetch_one(&mut *commit)
            .await?;
        commit.commit().await?;
        Ok((row.try_into()?, inserted > 0))
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Error> {
        let row: Option<ExperimentRow> = sqlx::query_as("SELECT * FROM experiments WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.reader)
            .await?;
        row.map(Experiment::try_from).transpose()
    }

    async fn experiments(&self, after: &str, limit: u32) -> Result<Vec<Experiment>, Error> {
        let page: Vec<ExperimentRow> = sqlx::query_as(
            "SELECT * FROM experiments WHERE id > ? AND deleted_us IS NULL
                 ORDER BY id LIMIT ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows::all(page)
    }

    async fn trial(&self, experiment: ExperimentKey, id: &str) -> Result<Option<Trial>, Error> {
        let row: Option<TrialRow> = sqlx::query_as(
            "SELECT trials.* FROM trials JOIN experiments ON experiments.key = experiment
                 WHERE experiment = ? AND trials.id = ? AND deleted_us IS NULL",
        )
        .bind(experiment.0)
        .bind(id)
        .fetch_optional(&self.reader)
        .await?;
        row.map(Trial::try_from).transpose()
    }

    async fn trials(
        &self,
        experiment: ExperimentKey,
        after: TrialKey,
        limit: u32,
    ) -> Result<Vec<Trial>, Error> {
        let page: Vec<TrialRow> = sqlx::query_as(
            "SELECT * FROM trials WHERE experiment = ? AND key > ? ORDER BY key LIMIT ?",
        )
        .bind(experiment.0)
        .bind(after.get())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows::all(page)
    }

    async fn trial_count(&self, experiment: ExperimentKey) -> Result<u64, Error> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM trials WHERE experiment = ?")
            .bind(experiment.0)
            .fetch_one(&self.reader)
            .await?;
        Ok(count.unsigned_abs())
    }

    async fn schedules(
        &self,
        experiment: ExperimentKey,
    ) -> Result<Vec<(TrialKey, Arc<rate::Schedule>)>, Error> {
        let found: Vec<(i64, String)> = sqlx::query_as(
            "SELECT key, schedule FROM trials WHERE experiment = ? AND schedule IS NOT NULL",
        )
        .bind(experiment.0)
        .fetch_all(&self.reader)
        .await?;
        rows::schedules(found)
    }

    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error> {
        let log: Vec<LoggedRow> = sqlx::query_as(
            "SELECT epoch, value, decision FROM events
             WHERE trial = ? AND epoch IS NOT NULL AND retracted = 0 ORDER BY seq",
        )
        .bind(trial.get())
        .fetch_all(&self.reader)
        .await?;
        rows::all(log)
    }

    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error> {
        let thread = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        let turn = self.turn().await;
        thread.commit(writes.to_vec(), rows::micros(at), turn).await
    }

    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let page: Vec<EventRow> = sqlx::query_as(
            "SELECT seq, at_us, trial, trials.id, events.state, epoch, value, decision,
                    retracted
             FROM events JOIN trials ON trials.key = events.trial
             WHERE events.experiment = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(experiment.0)
        .bind(after.get())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows::all(page)
    }

    async fn ends(
        &self,
        experiments: &[ExperimentKey],
    ) -> Result<Vec<(ExperimentKey, Seq)>, Error> {
        let mut ends = Vec::with_capacity(experiments.len());
        for experiment in experiments {
            let end: Option<i64> = sqlx::query_scalar(
                "SELECT coalesce((SELECT max(seq) FROM events WHERE experiment = key), 0)
                 FROM experiments WHERE key = ? AND deleted_us IS NULL",
            )
            .bind(experiment.0)
            .fetch_optional(&self.reader)
            .await?;
            ends.extend(end.map(|seq| (*experiment, Seq::new(seq))));
        }
        Ok(ends)
    }

    async fn delete_experiment(
        &self,
        experiment: ExperimentKey,
        only_if: OnlyIf,
        at: SystemTime,
    ) -> Result<Deleted, Error> {
        let _turn = self.turn().await;
        super::deletion::delete(&self.other, experiment.0, only_if, rows::micros(at)).await
    }

    async fn idle_experiments(
        &self,
        since: SystemTime,
        limit: u32,
    ) -> Result<Vec<Experiment>, Error> {
        let idle: Vec<ExperimentRow> = sqlx::query_as(
            "SELECT * FROM experiments WHERE deleted_us IS NULL AND ?1 > coalesce(
                 (SELECT at_us FROM events WHERE experiment = experiments.key
                  ORDER BY seq DESC LIMIT 1),
                 created_us)
             ORDER BY id LIMIT ?2",
        )
        .bind(rows::micros(since))
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows::all(idle)
    }

    async fn sweep(&self, limit: u32) -> Result<u64, Error> {
        let _turn = self.turn().await;
        super::deletion::sweep(&self.other, limit).await
    }

    fn is_shared(&self) -> bool {
        false
    }
}
