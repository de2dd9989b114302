//! One commit on SQLite.
//!
//! Every statement is a journey to the thread of the connection, so rows are
//! inserted many at a time.

use std::collections::{BTreeMap, HashMap};

use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::{
    Error, Seq, State, Write, Written,
    plan::{self, Entered, Entry, EntryKind, Known, Plan, RolledBack},
    rows,
};

/// Rows of an INSERT, the largest first: few texts, which stay prepared, and few
/// statements for any number of rows.
const CHUNKS: [u16; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Executes the writes in a transaction.
pub(super) async fn execute(
    db: &mut SqliteConnection,
    writes: &[Write],
    at: i64,
) -> Result<Vec<Written>, Error> {
    let known = Known {
        created: create(db, writes, at).await?,
        trials: versions(
            db,
            "SELECT key, version FROM trials WHERE key IN (SELECT value FROM json_each(?))",
            &plan::trials(writes),
        )
        .await?,
        experiments: versions(
            db,
            "SELECT key, version FROM experiments
             WHERE key IN (SELECT value FROM json_each(?)) AND deleted_us IS NULL",
            &plan::experiments(writes),
        )
        .await?,
    };
    let plan = Plan::new(writes, known);
    let seqs = insert(db, &plan.entries, at).await?;
    for rolled_back in &plan.rolled_back {
        retract(db, rolled_back).await?;
    }
    enter(db, &plan.entered).await?;
    raise(
        db,
        "UPDATE trials SET version = changed.value FROM json_each(?) AS changed
         WHERE trials.key = CAST(changed.key AS INTEGER)",
        &plan.trials,
    )
    .await?;
    raise(
        db,
        "UPDATE experiments SET version = changed.value FROM json_each(?) AS changed
         WHERE experiments.key = CAST(changed.key AS INTEGER)",
        &plan.experiments,
    )
    .await?;
    Ok(plan.written(&seqs))
}

/// The keys of the trials that did not exist.
async fn create(
    db: &mut SqliteConnection,
    writes: &[Write],
    at: i64,
) -> Result<HashMap<(i64, String), i64>, Error> {
    let creates = writes.iter().filter_map(|write| match write {
        Write::Create {
            experiment,
            id,
            display_name,
            schedule,
        } => Some((experiment.0, id.as_str(), display_name.as_str(), schedule)),
        _ => None,
    });
    let creates: Vec<_> = creates.collect();
    if creates.is_empty() {
        return Ok(HashMap::new());
    }
    // CROSS JOIN keeps the order of its sides.
    let made = sqlx::query(
        "INSERT INTO trials (experiment, id, display_name, schedule, state, created_us)
         SELECT experiments.key, new.value ->> 1, new.value ->> 2, new.value ->> 3, ?2, ?3
         FROM json_each(?1) AS new CROSS JOIN experiments ON experiments.key = new.value ->> 0
         WHERE experiments.deleted_us IS NULL ORDER BY new.key ON CONFLICT DO NOTHING RETURNING experiment, id, key",
    )
    .bind(rows::to_json("trial", &creates)?)
    .bind(State::Running.as_str())
    .bind(at)
    .fetch_all(db)
    .await?;
    made.iter()
        .map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?)))
        .collect()
}

async fn versions(
    db: &mut SqliteConnection,
    select: &'static str,
    keys: &[i64],
) -> Result<HashMap<i64, i64>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, i64)> = sqlx::query_as(select)
        .bind(rows::to_json("key", &keys)?)
        .fetch_all(db)
        .await?;
    Ok(found.into_iter().collect())
}

async fn raise(
    db: &mut SqliteConnection,
    update: &'static str,
    versions: &BTreeMap<i64, i64>,
) -> Result<(), Error> {
    if !versions.is_empty() {
        sqlx::query(update)
            .bind(rows::to_json("version", versions)?)
            .execute(db)
            .await?;
    }
    Ok(())
}

async fn insert(
    db: &mut SqliteConnection,
    mut entries: &[Entry<'_>],
    at: i64,
) -> Result<Vec<Seq>, Error> {
    let mut seqs = Vec::with_capacity(entries.len());
    for size in CHUNKS {
        while let Some((chunk, rest)) = entries.split_at_checked(size.into()) {
            let last = insert_chunk(db, chunk, at).await?;
            // One writer: the rows of one statement follow each other.
            seqs.extend((last - i64::from(size) + 1..=last).map(Seq::new));
            entries = rest;
        }
    }
    Ok(seqs)
}

/// The place of the last row.
async fn insert_chunk(
    db: &mut SqliteConnection,
    chunk: &[Entry<'_>],
    at: i64,
) -> Result<i64, Error> {
    let mut decisions = Vec::with_capacity(chunk.len());
    for entry in chunk {
        decisions.push(match entry.kind {
            EntryKind::Observed(logged) => Some(rows::to_json("decision", &logged.decision)?),
            EntryKind::Entered(_) | EntryKind::RolledBack(_) => None,
        });
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO events (experiment, trial, at_us, state, epoch, value, decision) ",
    );
    insert.push_values(chunk.iter().zip(decisions), |mut row, (entry, decision)| {
        row.push_bind(entry.experiment)
            .push_bind(entry.trial)
            .push_bind(at);
        let (state, epoch, value) = entry.kind.columns();
        row.push_bind(state)
            .push_bind(epoch)
            .push_bind(value)
            .push_bind(decision);
    });
    Ok(insert.build().execute(db).await?.last_insert_rowid())
}

async fn retract(db: &mut SqliteConnection, rolled_back: &RolledBack) -> Result<(), Error> {
    sqlx::query("UPDATE events SET retracted = 1 WHERE trial = ? AND epoch > ? AND retracted = 0")
        .bind(rolled_back.trial)
        .bind(rolled_back.epoch)
        .execute(db)
        .await?;
    Ok(())
}

async fn enter(
    db: &mut SqliteConnection,
    entered: &BTreeMap<i64, Entered<'_>>,
) -> Result<(), Error> {
    if entered.is_empty() {
        return Ok(());
    }
    let states: BTreeMap<_, _> = entered
        .iter()
        .map(|(trial, row)| (trial, (row.state.as_str(), row.message, row.ended)))
        .collect();
    sqlx::query(
        "UPDATE trials SET state = entered.value ->> 0, message = entered.value ->> 1,
             ended_us = entered.value ->> 2
         FROM json_each(?) AS entered WHERE trials.key = CAST(entered.key AS INTEGER)",
    )
    .bind(rows::to_json("trial state", &states)?)
    .execute(db)
    .await?;
    Ok(())
}
