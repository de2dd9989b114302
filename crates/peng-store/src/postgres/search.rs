//! [`Searches`] on PostgreSQL.

use std::{collections::BTreeMap, time::SystemTime};

use async_trait::async_trait;
use peng_search::candidate::Candidate;
use sqlx::Connection;

use super::Postgres;
use crate::{Error, SearchChange, SearchKey, SearchRecord, Searches, rows};

#[async_trait]
impl Searches for Postgres {
    async fn open_search(
        &self,
        id: &str,
        settings: &str,
        at: SystemTime,
    ) -> Result<SearchRecord, Error> {
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let mut commit = db.begin().await?;
            sqlx::query(
                "INSERT INTO searches (id, settings, created_us) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(settings)
            .bind(rows::micros(at))
            .execute(&mut *commit)
            .await?;
            let (key, settings, watched, paused): (i64, String, String, bool) =
                sqlx::query_as("SELECT key, settings, watched, paused FROM searches WHERE id = $1")
                    .bind(id)
                    .fetch_one(&mut *commit)
                    .await?;
            let candidates: Vec<(String,)> =
                sqlx::query_as("SELECT record FROM candidates WHERE search = $1 ORDER BY number")
                    .bind(key)
                    .fetch_all(&mut *commit)
                    .await?;
            commit.commit().await?;
            db.give_back();
            Ok(SearchRecord {
                key: SearchKey(key),
                settings,
                watched,
                paused,
                candidates: candidates
                    .iter()
                    .map(|(record,)| rows::from_json("candidate", record))
                    .collect::<Result<_, Error>>()?,
            })
        })
        .await
    }

    async fn put_search(&self, search: SearchKey, change: SearchChange<'_>) -> Result<(), Error> {
        // One statement changes a row once: of several forms of a candidate the last counts.
        let last: BTreeMap<u32, &Candidate> = change
            .candidates
            .iter()
            .map(|candidate| (candidate.id.number(), candidate))
            .collect();
        let numbers: Vec<i64> = last.keys().copied().map(i64::from).collect();
        let records = last
            .values()
            .map(|candidate| rows::to_json("candidate", candidate))
            .collect::<Result<Vec<_>, Error>>()?;
        self.in_time(async {
            let mut db = self.writer.take().await?;
            let mut commit = db.begin().await?;
            sqlx::query(
                "INSERT INTO candidates (search, number, record)
                 SELECT $1, number, record
                 FROM UNNEST($2::bigint[], $3::text[]) AS new (number, record)
                 ON CONFLICT (search, number) DO UPDATE SET record = excluded.record",
            )
            .bind(search.0)
            .bind(&numbers)
            .bind(&records)
            .execute(&mut *commit)
            .await?;
            if change.is_of_the_search() {
                sqlx::query(
                    "UPDATE searches
                     SET watched = COALESCE($1, watched), paused = COALESCE($2, paused)
                     WHERE key = $3",
                )
                .bind(change.watched)
                .bind(change.paused)
                .bind(search.0)
                .execute(&mut *commit)
                .await?;
            }
            commit.commit().await?;
            db.give_back();
            Ok(())
        })
        .await
    }
}
