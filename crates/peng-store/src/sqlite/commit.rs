//! One commit on SQLite.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::{
    Error, Seq, State, Write, Written,
    plan::{self, Entered, Entry, EntryKind, Known, Plan, RolledBack},
    rows,
};

/// Executes the writes in a transaction; where one fails, nothing is stored.
pub(super) fn execute(db: &Connection, writes: &[Write], at: i64) -> Result<Vec<Written>, Error> {
    // Its turn to write is waited for; one that has read before it asks would be refused at once.
    let commit = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let known = Known {
        created: create(db, writes, at)?,
        trials: versions(
            db,
            "SELECT version FROM trials WHERE key = ?",
            &plan::trials(writes),
        )?,
        experiments: versions(
            db,
            "SELECT version FROM experiments WHERE key = ? AND deleted_us IS NULL",
            &plan::experiments(writes),
        )?,
    };
    let plan = Plan::new(writes, known);
    let seqs = insert(db, &plan.entries, at)?;
    retract(db, &plan.rolled_back)?;
    enter(db, &plan.entered)?;
    raise(
        db,
        "UPDATE trials SET version = ?2 WHERE key = ?1",
        &plan.trials,
    )?;
    raise(
        db,
        "UPDATE experiments SET version = ?2 WHERE key = ?1",
        &plan.experiments,
    )?;
    commit.commit()?;
    Ok(plan.written(&seqs, at))
}

/// The keys of the trials that did not exist.
fn create(
    db: &Connection,
    writes: &[Write],
    at: i64,
) -> Result<HashMap<(i64, String), i64>, Error> {
    let mut created = HashMap::new();
    for write in writes {
        let Write::Create {
            experiment,
            id,
            display_name,
            schedule,
        } = write
        else {
            continue;
        };
        let schedule = schedule.as_ref();
        let schedule = schedule
            .map(|one| rows::to_json("schedule", one))
            .transpose()?;
        // Of an experiment that is not there, no trial is made.
        let key = db
            .prepare_cached(
                "INSERT INTO trials (experiment, id, display_name, schedule, state, created_us)
                 SELECT key, ?2, ?3, ?4, ?5, ?6 FROM experiments
                 WHERE key = ?1 AND deleted_us IS NULL
                 ON CONFLICT DO NOTHING RETURNING key",
            )?
            .query_row(
                params![
                    experiment.get(),
                    id,
                    display_name,
                    schedule,
                    State::Running.as_str(),
                    at
                ],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(key) = key {
            created.insert((experiment.get(), id.clone()), key);
        }
    }
    Ok(created)
}

fn versions(db: &Connection, select: &str, keys: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let mut select = db.prepare_cached(select)?;
    let mut found = HashMap::with_capacity(keys.len());
    for key in keys {
        let version = select.query_row([key], |row| row.get(0)).optional()?;
        found.extend(version.map(|version| (*key, version)));
    }
    Ok(found)
}

fn raise(db: &Connection, update: &str, versions: &BTreeMap<i64, i64>) -> Result<(), Error> {
    let mut update = db.prepare_cached(update)?;
    for version in versions {
        update.execute(version)?;
    }
    Ok(())
}

/// Their places.
fn insert(db: &Connection, entries: &[Entry<'_>], at: i64) -> Result<Vec<Seq>, Error> {
    let mut insert = db.prepare_cached(
        "INSERT INTO events (experiment, trial, at_us, state, epoch, value, decision)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut seqs = Vec::with_capacity(entries.len());
    for entry in entries {
        let decision = match entry.kind {
            EntryKind::Observed(logged) => Some(rows::to_json("decision", &logged.decision)?),
            EntryKind::Entered(_) | EntryKind::RolledBack(_) => None,
        };
        let (state, epoch, value) = entry.kind.columns();
        let row = params![
            entry.experiment,
            entry.trial,
            at,
            state,
            epoch,
            value,
            decision
        ];
        seqs.push(Seq::new(insert.insert(row)?));
    }
    Ok(seqs)
}

fn retract(db: &Connection, rolled_back: &[RolledBack]) -> Result<(), Error> {
    for RolledBack { trial, epoch } in rolled_back {
        db.prepare_cached(
            "UPDATE events SET retracted = 1 WHERE trial = ? AND epoch > ? AND retracted = 0",
        )?
        .execute(params![trial, epoch])?;
    }
    Ok(())
}

fn enter(db: &Connection, entered: &BTreeMap<i64, Entered<'_>>) -> Result<(), Error> {
    for (trial, row) in entered {
        db.prepare_cached("UPDATE trials SET state = ?, message = ?, ended_us = ? WHERE key = ?")?
            .execute(params![row.state.as_str(), row.message, row.ended, trial])?;
    }
    Ok(())
}
