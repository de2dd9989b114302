//! [`Trials`] on SQLite.

use std::time::SystemTime;

use async_trait::async_trait;
use sqlx::{Row, SqliteConnection};

use super::{Sqlite, rows};
use crate::{
    Error, Event, Experiment, ExperimentKey, Logged, NewExperiment, Seq, State, Trial, TrialKey,
    Trials, Write, Written,
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
        let mut commit = self.writer.begin().await?;
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
        let row = sqlx::query("SELECT * FROM experiments WHERE id = ?")
            .bind(&new.id)
            .fetch_one(&mut *commit)
            .await?;
        commit.commit().await?;
        Ok((rows::experiment(&row)?, inserted > 0))
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Error> {
        let row = sqlx::query("SELECT * FROM experiments WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(rows::experiment).transpose()
    }

    async fn experiments(&self, after: &str, limit: u32) -> Result<Vec<Experiment>, Error> {
        let rows = sqlx::query("SELECT * FROM experiments WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after)
            .bind(limit)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(rows::experiment).collect()
    }

    async fn trial(&self, experiment: ExperimentKey, id: &str) -> Result<Option<Trial>, Error> {
        let row = sqlx::query("SELECT * FROM trials WHERE experiment = ? AND id = ?")
            .bind(experiment.0)
            .bind(id)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(rows::trial).transpose()
    }

    async fn trials(
        &self,
        experiment: ExperimentKey,
        after: TrialKey,
        limit: u32,
    ) -> Result<Vec<Trial>, Error> {
        let rows = sqlx::query(
            "SELECT * FROM trials WHERE experiment = ? AND key > ? ORDER BY key LIMIT ?",
        )
        .bind(experiment.0)
        .bind(after.get())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(rows::trial).collect()
    }

    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error> {
        let rows = sqlx::query(
            "SELECT epoch, value, decision FROM events
             WHERE trial = ? AND epoch IS NOT NULL ORDER BY seq",
        )
        .bind(trial.get())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(rows::logged).collect()
    }

    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error> {
        let at = rows::micros(at);
        let mut written = Vec::with_capacity(writes.len());
        let mut commit = self.writer.begin().await?;
        for write in writes {
            written.push(put(&mut commit, write, at).await?);
        }
        commit.commit().await?;
        Ok(written)
    }

    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let rows = sqlx::query(
            "SELECT seq, at_us, trial, trials.id, events.state, epoch, value, decision
             FROM events JOIN trials ON trials.key = events.trial
             WHERE events.experiment = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(experiment.0)
        .bind(after.get())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(rows::event).collect()
    }
}

async fn put(db: &mut SqliteConnection, write: &Write, at: i64) -> Result<Written, Error> {
    match write {
        Write::Create {
            experiment,
            id,
            display_name,
        } => create(db, *experiment, id, display_name, at).await,
        Write::Observe {
            experiment,
            trial,
            logged,
            enters,
        } => {
            let mut seq = observe(db, *experiment, *trial, logged, at).await?;
            if let Some(state) = enters {
                seq = enter(db, *experiment, *trial, *state, "", at).await?;
            }
            Ok(Written::At(seq))
        }
        Write::Enter {
            experiment,
            trial,
            state,
            message,
        } => enter(db, *experiment, *trial, *state, message, at)
            .await
            .map(Written::At),
    }
}

async fn create(
    db: &mut SqliteConnection,
    experiment: ExperimentKey,
    id: &str,
    display_name: &str,
    at: i64,
) -> Result<Written, Error> {
    let row = sqlx::query(
        "INSERT INTO trials (experiment, id, display_name, state, created_us)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key",
    )
    .bind(experiment.0)
    .bind(id)
    .bind(display_name)
    .bind(State::Running.as_str())
    .bind(at)
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else {
        return Ok(Written::IdTaken);
    };
    let trial = TrialKey::new(row.try_get("key")?);
    log_state(db, experiment, trial, State::Running, at)
        .await
        .map(Written::At)
}

async fn observe(
    db: &mut SqliteConnection,
    experiment: ExperimentKey,
    trial: TrialKey,
    logged: &Logged,
    at: i64,
) -> Result<Seq, Error> {
    let done = sqlx::query(
        "INSERT INTO events (experiment, trial, at_us, epoch, value, decision)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(experiment.0)
    .bind(trial.get())
    .bind(at)
    .bind(logged.observation.epoch.get())
    .bind(logged.observation.value)
    .bind(rows::to_json("decision", &logged.decision)?)
    .execute(db)
    .await?;
    Ok(Seq::new(done.last_insert_rowid()))
}

async fn enter(
    db: &mut SqliteConnection,
    experiment: ExperimentKey,
    trial: TrialKey,
    state: State,
    message: &str,
    at: i64,
) -> Result<Seq, Error> {
    sqlx::query("UPDATE trials SET state = ?, message = ?, ended_us = ? WHERE key = ?")
        .bind(state.as_str())
        .bind(message)
        .bind(state.is_terminal().then_some(at))
        .bind(trial.get())
        .execute(&mut *db)
        .await?;
    log_state(db, experiment, trial, state, at).await
}

async fn log_state(
    db: &mut SqliteConnection,
    experiment: ExperimentKey,
    trial: TrialKey,
    state: State,
    at: i64,
) -> Result<Seq, Error> {
    let done =
        sqlx::query("INSERT INTO events (experiment, trial, at_us, state) VALUES (?, ?, ?, ?)")
            .bind(experiment.0)
            .bind(trial.get())
            .bind(at)
            .bind(state.as_str())
            .execute(db)
            .await?;
    Ok(Seq::new(done.last_insert_rowid()))
}
