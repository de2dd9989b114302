//! Deletions on SQLite.

use sqlx::SqlitePool;

use crate::{Deleted, Error, OnlyIf, deletion::Standing};

pub(super) async fn delete(
    writer: &SqlitePool,
    experiment: i64,
    only_if: OnlyIf,
    at: i64,
) -> Result<Deleted, Error> {
    let mut commit = writer.begin().await?;
    let standing: Option<Standing> = sqlx::query_as(
        "SELECT coalesce((SELECT at_us FROM events WHERE experiment = experiments.key
                          ORDER BY seq DESC LIMIT 1), created_us) AS last_us,
                EXISTS (SELECT 1 FROM trials WHERE experiment = experiments.key) AS has_trials
         FROM experiments WHERE key = ? AND deleted_us IS NULL",
    )
    .bind(experiment)
    .fetch_optional(&mut *commit)
    .await?;
    let Some(standing) = standing else {
        return Ok(Deleted::NotFound);
    };
    if !only_if.holds(&standing) {
        return Ok(Deleted::Kept);
    }
    sqlx::query("UPDATE experiments SET deleted_us = ?, id = '~' || key WHERE key = ?")
        .bind(at)
        .bind(experiment)
        .execute(&mut *commit)
        .await?;
    commit.commit().await?;
    Ok(Deleted::Done)
}

/// What an experiment consists of, in the order in which it goes: rows of experiment `?1`, at
/// most `?2`.
const PARTS: [&str; 3] = [
    "DELETE FROM events WHERE seq IN
         (SELECT seq FROM events WHERE experiment = ?1 ORDER BY seq LIMIT ?2)",
    "DELETE FROM trials WHERE key IN (SELECT key FROM trials WHERE experiment = ?1 LIMIT ?2)",
    // The last one stays: SQLite would give its key to the next, and a server may still have
    // trials in memory that write to it.
    "DELETE FROM experiments WHERE key = ?1 AND ?2 > 0
         AND key < (SELECT max(key) FROM experiments)",
];

pub(super) async fn sweep(writer: &SqlitePool, limit: u32) -> Result<u64, Error> {
    let mut commit = writer.begin().await?;
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT key FROM experiments WHERE deleted_us IS NOT NULL ORDER BY key LIMIT 1",
    )
    .fetch_optional(&mut *commit)
    .await?;
    let Some(experiment) = next else { return Ok(0) };
    for part in PARTS {
        let removed = sqlx::query(part)
            .bind(experiment)
            .bind(limit)
            .execute(&mut *commit)
            .await?
            .rows_affected();
        if removed > 0 {
            commit.commit().await?;
            return Ok(removed);
        }
    }
    Ok(0)
}
