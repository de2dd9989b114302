//! Which failures to open a database pass by themselves.

use std::{net::Ipv4Addr, time::Duration};

use peng_store::{Error, Patience, Postgres};
use peng4nn_tests::postgres::Cluster;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn open(address: &str) -> Error {
    let patience = Patience {
        connect: Duration::from_secs(2),
        ..Patience::default()
    };
    Postgres::open(address, patience).await.unwrap_err()
}

async fn passes(address: &str) {
    let error = open(address).await;
    assert!(error.is_transient(), "{address}: {error:?}");
}

async fn stays(address: &str) {
    let error = open(address).await;
    assert!(!error.is_transient(), "{address}: {error:?}");
}

/// Somebody on a port who reads what a client begins with, gives that answer and hangs up.
async fn answering(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut begin = [0; 8];
            socket.read_exact(&mut begin).await.unwrap();
            socket.write_all(answer).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn nobody_who_answers_passes() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = format!("postgres://me@127.0.0.1:{port}/nas");
    assert!(matches!(open(&silent).await, Error::TimedOut(_)));
    passes(&silent).await;
    drop(listener);
    passes(&silent).await;
    for parameters in ["", "?sslmode=disable"] {
        let port = answering(b"").await;
        passes(&format!("postgres://me@127.0.0.1:{port}/nas{parameters}")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display();
    passes(&format!("postgres://me@localhost/nas?host={folder}")).await;
}

#[tokio::test]
async fn who_is_no_database_stays() {
    let port = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    stays(&format!("postgres://me@127.0.0.1:{port}/nas")).await;
    let port = answering(b"N").await;
    stays(&format!(
        "postgres://me@127.0.0.1:{port}/nas?sslmode=require"
    ))
    .await;
    let port = answering(b"Sno handshake").await;
    for certificate in ["", "&sslrootcert=/no/such.pem"] {
        let parameters = format!("?sslmode=verify-full{certificate}");
        stays(&format!("postgres://me@127.0.0.1:{port}/nas{parameters}")).await;
    }
}

async fn execute(database: &PgConnectOptions, statements: &[&str]) {
    let mut connection = database.connect().await.unwrap();
    for statement in statements {
        let statement = AssertSqlSafe((*statement).to_owned());
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_a_database_refuses_passes_or_stays() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database().await;
    let options: PgConnectOptions = url.parse().unwrap();
    let statements = [
        "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0",
        "CREATE ROLE stranger LOGIN",
        "CREATE ROLE locked LOGIN PASSWORD 'right'",
        "DO $$ BEGIN EXECUTE format(
             'COPY (VALUES (''local all locked scram-sha-256''), (''local all all trust'')) TO %L',
             current_setting('hba_file')); END $$",
        "SELECT pg_reload_conf()",
    ];
    execute(&options, &statements).await;
    let of = |user: &str| options.clone().username(user).password("wrong");
    let crowded = of("crowded").to_url_lossy();
    passes(crowded.as_str()).await;
    passes(&format!("{url}&options[default_transaction_read_only]=on")).await;
    let missing = options.clone().database("missing");
    let strangers = ["stranger", "locked", "nobody"].map(of);
    for refused in strangers.iter().chain([&missing]) {
        stays(refused.to_url_lossy().as_str()).await;
    }
    // As a newer server leaves it.
    Postgres::open(&url, Patience::default()).await.unwrap();
    let newer = "UPDATE _sqlx_migrations SET version = version + 98";
    execute(&options, &[newer]).await;
    stays(&url).await;
}
