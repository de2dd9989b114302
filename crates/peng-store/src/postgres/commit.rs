//! One commit on PostgreSQL: the same few statements for any number of writes.

use std::collections::{BTreeMap, HashMap};

use sqlx::{PgConnection, Row};

use crate::{
    Error, Seq, State, Write, Written,
    plan::{self, Entered, Entry, EntryKind, Known, Plan, RolledBack},
    rows,
};

/// An experiment, locked until the end of the transaction.
#[derive(Debug, Clone, Copy)]
struct Locked {
    version: i64,
    last_seq: i64,
}

/// Executes the writes in a transaction.
///
/// The rows of the experiments are locked first and in order of their keys, so
/// that servers wait for each other and never in a circle. What is read after
/// that is what the last commit left.
pub(super) async fn execute(
    db: &mut PgConnection,
    writes: &[Write],
    at: i64,
) -> Result<Vec<Written>, Error> {
    let mut locked = lock(db, writes).await?;
    let known = Known {
        created: create(db, writes, at).await?,
        trials: versions(db, &plan::trials(writes)).await?,
        experiments: locked
            .iter()
            .map(|(key, row)| (*key, row.version))
            .collect(),
    };
    let plan = Plan::new(writes, known);
    let seqs = number(&plan.entries, &mut locked);
    for (key, version) in &plan.experiments {
        if let Some(row) = locked.get_mut(key) {
            row.version = *version;
        }
    }
    if !plan.entries.is_empty() {
        insert(db, &plan.entries, &seqs, at).await?;
        raise_experiments(db, &locked).await?;
    }
    raise_trials(db, &plan.trials).await?;
    for rolled_back in &plan.rolled_back {
        retract(db, rolled_back).await?;
    }
    enter(db, &plan.entered).await?;
    let seqs: Vec<Seq> = seqs.into_iter().map(Seq::new).collect();
    Ok(plan.written(&seqs, at))
}

async fn lock(db: &mut PgConnection, writes: &[Write]) -> Result<BTreeMap<i64, Locked>, Error> {
    let keys = plan::experiments(writes);
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT key, version, last_seq FROM experiments
         WHERE key = ANY($1) AND deleted_us IS NULL ORDER BY key FOR NO KEY UPDATE",
    )
    .bind(&keys)
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(key, version, last_seq)| (key, Locked { version, last_seq }))
        .collect())
}

/// The keys of the trials that did not exist.
async fn create(
    db: &mut PgConnection,
    writes: &[Write],
    at: i64,
) -> Result<HashMap<(i64, String), i64>, Error> {
    let (mut experiments, mut ids, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut schedules = Vec::new();
    for write in writes {
        if let Write::Create {
            experiment,
            id,
            display_name,
            schedule,
        } = write
        {
            experiments.push(experiment.0);
            ids.push(id.as_str());
            names.push(display_name.as_str());
            let schedule = schedule.as_ref();
            schedules.push(
                schedule
                    .map(|one| rows::to_json("schedule", one))
                    .transpose()?,
            );
        }
    }
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let created = sqlx::query(
        "INSERT INTO trials (experiment, id, display_name, schedule, state, created_us)
         SELECT new.experiment, new.id, new.display_name, new.schedule, $5, $6
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[])
             WITH ORDINALITY AS new (experiment, id, display_name, schedule, place)
         JOIN experiments ON experiments.key = new.experiment AND deleted_us IS NULL
         ORDER BY place
         ON CONFLICT DO NOTHING RETURNING experiment, id, key",
    )
    .bind(&experiments)
    .bind(&ids)
    .bind(&names)
    .bind(&schedules)
    .bind(State::Running.as_str())
    .bind(at)
    .fetch_all(db)
    .await?;
    created
        .iter()
        .map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?)))
        .collect()
}

async fn versions(db: &mut PgConnection, trials: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    if trials.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, i64)> =
        sqlx::query_as("SELECT key, version FROM trials WHERE key = ANY($1)")
            .bind(trials)
            .fetch_all(db)
            .await?;
    Ok(found.into_iter().collect())
}

/// The place of each entry in its experiment's log.
fn number(entries: &[Entry<'_>], locked: &mut BTreeMap<i64, Locked>) -> Vec<i64> {
    entries
        .iter()
        .map(|entry| {
            let row = locked.entry(entry.experiment).or_insert(Locked {
                version: 0,
                last_seq: 0,
            });
            row.last_seq += 1;
            row.last_seq
        })
        .collect()
}

async fn insert(
    db: &mut PgConnection,
    entries: &[Entry<'_>],
    seqs: &[i64],
    at: i64,
) -> Result<(), Error> {
    let experiments: Vec<i64> = entries.iter().map(|entry| entry.experiment).collect();
    let trials: Vec<i64> = entries.iter().map(|entry| entry.trial).collect();
    let (mut states, mut epochs, mut values, mut decisions) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let logged = match entry.kind {
            EntryKind::Observed(logged) => Some(logged),
            EntryKind::Entered(_) | EntryKind::RolledBack(_) => None,
        };
        let (state, epoch, value) = entry.kind.columns();
        states.push(state);
        epochs.push(epoch);
        values.push(value);
        decisions.push(
            logged
                .map(|logged| rows::to_json("decision", &logged.decision))
                .transpose()?,
        );
    }
    sqlx::query(
        "INSERT INTO events (experiment, seq, trial, at_us, state, epoch, value, decision)
         SELECT experiment, seq, trial, $1, state, epoch, value, decision
         FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::text[],
                     $6::double precision[], $7::double precision[], $8::text[])
             AS new (experiment, seq, trial, state, epoch, value, decision)",
    )
    .bind(at)
    .bind(&experiments)
    .bind(seqs)
    .bind(&trials)
    .bind(&states)
    .bind(&epochs)
    .bind(&values)
    .bind(&decisions)
    .execute(db)
    .await?;
    Ok(())
}

async fn raise_experiments(
    db: &mut PgConnection,
    locked: &BTreeMap<i64, Locked>,
) -> Result<(), Error> {
    let keys: Vec<i64> = locked.keys().copied().collect();
    let versions: Vec<i64> = locked.values().map(|row| row.version).collect();
    let ends: Vec<i64> = locked.values().map(|row| row.last_seq).collect();
    sqlx::query(
        "UPDATE experiments SET version = new.version, last_seq = new.last_seq
         FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS new (key, version, last_seq)
         WHERE experiments.key = new.key",
    )
    .bind(&keys)
    .bind(&versions)
    .bind(&ends)
    .execute(db)
    .await?;
    Ok(())
}

async fn raise_trials(db: &mut PgConnection, versions: &BTreeMap<i64, i64>) -> Result<(), Error> {
    if versions.is_empty() {
        return Ok(());
    }
    let keys: Vec<i64> = versions.keys().copied().collect();
    let versions: Vec<i64> = versions.values().copied().collect();
    sqlx::query(
        "UPDATE trials SET version = new.version
         FROM UNNEST($1::bigint[], $2::bigint[]) AS new (key, version)
         WHERE trials.key = new.key",
    )
    .bind(&keys)
    .bind(&versions)
    .execute(db)
    .await?;
    Ok(())
}

async fn retract(db: &mut PgConnection, rolled_back: &RolledBack) -> Result<(), Error> {
    sqlx::query(
        "UPDATE events SET retracted = true WHERE trial = $1 AND epoch > $2 AND NOT retracted",
    )
    .bind(rolled_back.trial)
    .bind(rolled_back.epoch)
    .execute(db)
    .await?;
    Ok(())
}

async fn enter(db: &mut PgConnection, entered: &BTreeMap<i64, Entered<'_>>) -> Result<(), Error> {
    if entered.is_empty() {
        return Ok(());
    }
    let trials: Vec<i64> = entered.keys().copied().collect();
    let states: Vec<_> = entered.values().map(|row| row.state.as_str()).collect();
    let messages: Vec<_> = entered.values().map(|row| row.message).collect();
    let ends: Vec<_> = entered.values().map(|row| row.ended).collect();
    sqlx::query(
        "UPDATE trials SET state = new.state, message = new.message, ended_us = new.ended_us
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::bigint[])
             AS new (key, state, message, ended_us)
         WHERE trials.key = new.key",
    )
    .bind(&trials)
    .bind(&states)
    .bind(&messages)
    .bind(&ends)
    .execute(db)
    .await?;
    Ok(())
}
