//! [`Searches`] on SQLite.

use std::time::SystemTime;

use async_trait::async_trait;
use sqlx::Row;

use super::Sqlite;
use crate::{Error, SearchChange, SearchKey, SearchRecord, Searches, rows};

#[async_trait]
impl Searches for Sqlite {
    async fn open_search(
        &self,
        id: &str,
        settings: &str,
        at: SystemTime,
    ) -> Result<SearchRecord, Error> {
        let (_turn, mut commit) = self.begin().await?;
        sqlx::query(
            "INSERT INTO searches (id, settings, created_us) VALUES (?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(settings)
        .bind(rows::micros(at))
        .execute(&mut *commit)
        .await?;
        let row = sqlx::query("SELECT key, settings, watched, paused FROM searches WHERE id = ?")
            .bind(id)
            .fetch_one(&mut *commit)
            .await?;
        let key: i64 = row.try_get("key")?;
        let candidates =
            sqlx::query("SELECT record FROM candidates WHERE search = ? ORDER BY number")
                .bind(key)
                .fetch_all(&mut *commit)
                .await?;
        commit.commit().await?;
        Ok(SearchRecord {
            key: SearchKey(key),
            settings: row.try_get("settings")?,
            watched: row.try_get("watched")?,
            paused: row.try_get("paused")?,
            candidates: candidates
                .iter()
                .map(|row| rows::from_json("candidate", row.try_get("record")?))
                .collect::<Result<_, Error>>()?,
        })
    }

    async fn put_search(&self, search: SearchKey, change: SearchChange<'_>) -> Result<(), Error> {
        let (_turn, mut commit) = self.begin().await?;
        for candidate in change.candidates {
            sqlx::query(
                "INSERT INTO candidates (search, number, record) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET record = excluded.record",
            )
            .bind(search.0)
            .bind(candidate.id.number())
            .bind(rows::to_json("candidate", candidate)?)
            .execute(&mut *commit)
            .await?;
        }
        if change.is_of_the_search() {
            sqlx::query(
                "UPDATE searches SET watched = COALESCE(?, watched), paused = COALESCE(?, paused)
                 WHERE key = ?",
            )
            .bind(change.watched)
            .bind(change.paused)
            .bind(search.0)
            .execute(&mut *commit)
            .await?;
        }
        commit.commit().await?;
        Ok(())
    }
}
