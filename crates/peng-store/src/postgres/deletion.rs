//! Deletions on PostgreSQL.

use sqlx::{Connection, PgConnection};

use crate::{Deleted, Error, OnlyIf, deletion::Standing};

pub(super) async fn delete(
    db: &mut PgConnection,
    experiment: i64,
    only_if: OnlyIf,
    at: i64,
) -> Result<Deleted, Error> {
    let mut commit = db.begin().await?;
    // The commits of other servers lock the row, too: what is read once it is ours is the last.
    let found =
        sqlx::query("SELECT 1 FROM experiments WHERE key = $1 AND deleted_us IS NULL FOR UPDATE")
            .bind(experiment)
            .fetch_optional(&mut *commit)
            .await?;
    if found.is_none() {
        commit.rollback().await?;
        return Ok(Deleted::NotFound);
    }
    let standing: Standing = sqlx::query_as(
        "SELECT coalesce((SELECT at_us FROM events WHERE experiment = experiments.key
                          ORDER BY seq DESC LIMIT 1), created_us) AS last_us,
                EXISTS (SELECT 1 FROM trials WHERE experiment = experiments.key) AS has_trials
         FROM experiments WHERE key = $1",
    )
    .bind(experiment)
    .fetch_one(&mut *commit)
    .await?;
    if !only_if.holds(&standing) {
        commit.rollback().await?;
        return Ok(Deleted::Kept);
    }
    sqlx::query("UPDATE experiments SET deleted_us = $1, id = '~' || key WHERE key = $2")
        .bind(at)
        .bind(experiment)
        .execute(&mut *commit)
        .await?;
    commit.commit().await?;
    Ok(Deleted::Done)
}

/// What an experiment consists of, in the order in which it goes: rows of experiment `$1`, at
/// most `$2`.
const PARTS: [&str; 3] = [
    "DELETE FROM events WHERE experiment = $1 AND seq IN
         (SELECT seq FROM events WHERE experiment = $1 ORDER BY seq LIMIT $2)",
    "DELETE FROM trials WHERE key IN (SELECT key FROM trials WHERE experiment = $1 LIMIT $2)",
    "DELETE FROM experiments WHERE key = $1 AND $2 > 0",
];

pub(super) async fn sweep(db: &mut PgConnection, limit: u32) -> Result<u64, Error> {
    let mut commit = db.begin().await?;
    // One that another server is at is left to it.
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT key FROM experiments WHERE deleted_us IS NOT NULL
         ORDER BY key LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(&mut *commit)
    .await?;
    let Some(experiment) = next else {
        commit.rollback().await?;
        return Ok(0);
    };
    for part in PARTS {
        let removed = sqlx::query(part)
            .bind(experiment)
            .bind(i64::from(limit))
            .execute(&mut *commit)
            .await?
            .rows_affected();
        if removed > 0 {
            commit.commit().await?;
            return Ok(removed);
        }
    }
    commit.rollback().await?;
    Ok(0)
}
