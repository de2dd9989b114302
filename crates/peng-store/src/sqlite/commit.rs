//! One commit on SQLite.
//!
//! Every statement is a journey to the thread of the connection, so rows are
//! inserted many at a time.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::{
    Error, Seq, State, Write, Written,
    plan::{self, Entered, Entry, EntryKind, Known, Plan},
    rows,
};

/// Rows of an INSERT, the largest first: few texts, which stay prepared.
const CHUNKS: [u8; 3] = [64, 8, 1];

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
            "SELECT key, version FROM experiments WHERE key IN (SELECT value FROM json_each(?))",
            &plan::experiments(writes),
        )
        .await?,
    };
    let plan = Plan::new(writes, known);
    let seqs = insert(db, &plan.entries, at).await?;
    for entered in &plan.entered {
        enter(db, entered, at).await?;
    }
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
    let mut created = HashMap::new();
    for write in writes {
        let Write::Create {
            experiment,
            id,
            display_name,
        } = write
        else {
            continue;
        };
        let row = sqlx::query(
            "INSERT INTO trials (experiment, id, display_name, state, created_us)
             SELECT key, ?2, ?3, ?4, ?5 FROM experiments WHERE key = ?1
             ON CONFLICT DO NOTHING RETURNING key",
        )
        .bind(experiment.0)
        .bind(id)
        .bind(display_name)
        .bind(State::Running.as_str())
        .bind(at)
        .fetch_optional(&mut *db)
        .await?;
        if let Some(row) = row {
            created.insert((experiment.0, id.clone()), row.try_get("key")?);
        }
    }
    Ok(created)
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
    versions: &std::collections::BTreeMap<i64, i64>,
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
            EntryKind::Entered(_) => None,
        });
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO events (experiment, trial, at_us, state, epoch, value, decision) ",
    );
    insert.push_values(chunk.iter().zip(decisions), |mut row, (entry, decision)| {
        row.push_bind(entry.experiment)
            .push_bind(entry.trial)
            .push_bind(at);
        let (state, observation) = match entry.kind {
            EntryKind::Entered(state) => (Some(state.as_str()), None),
            EntryKind::Observed(logged) => (None, Some(logged.observation)),
        };
        row.push_bind(state)
            .push_bind(observation.map(|observation| observation.epoch.get()))
            .push_bind(observation.map(|observation| observation.value))
            .push_bind(decision);
    });
    Ok(insert.build().execute(db).await?.last_insert_rowid())
}

async fn enter(db: &mut SqliteConnection, entered: &Entered<'_>, at: i64) -> Result<(), Error> {
    sqlx::query("UPDATE trials SET state = ?, message = ?, ended_us = ? WHERE key = ?")
        .bind(entered.state.as_str())
        .bind(entered.message)
        .bind(entered.state.is_terminal().then_some(at))
        .bind(entered.trial)
        .execute(db)
        .await?;
    Ok(())
}
