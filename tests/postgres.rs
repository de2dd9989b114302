//! A PostgreSQL for tests: `PENG4NN_POSTGRES` where it is set to the address of
//! a server, else a private cluster of an installed version 15 or newer. Without
//! either, tests say so and pass, but fail where `CI` is set.

use std::{
    env,
    fs::{self, File},
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

const OLDEST: u32 = 15;
const USER: &str = "peng4nn";

/// The address of a new database, which is empty.
pub async fn database() -> Option<String> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    let given = env::var("PENG4NN_POSTGRES").ok();
    let server = match given.filter(|url| !url.is_empty()) {
        Some(url) => url.parse().unwrap(),
        None => SHARED
            .get_or_init(|| Cluster::make(false))
            .as_ref()?
            .options(),
    };
    Some(make_database(server).await)
}

async fn make_database(server: PgConnectOptions) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("peng4nn_test_{}_{number}", std::process::id());
    let mut connection = connect(&server).await;
    let create = format!("CREATE DATABASE {name}");
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    server.database(&name).to_url_lossy().to_string()
}

/// Connects, waiting for a server that is about to listen.
async fn connect(server: &PgConnectOptions) -> PgConnection {
    let mut last = None;
    for _ in 0..300 {
        match server.connect().await {
            Ok(connection) => return connection,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("PostgreSQL does not start: {last:?}");
}

/// A private cluster, which ends with this process at the latest.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    account: Option<(u32, u32)>,
    /// Removed by the keeper, as whoever owns it.
    folder: PathBuf,
    durable: bool,
    keeper: Option<Child>,
}

impl Cluster {
    /// A cluster of a test's own that can be killed, writing to the disk as a real one does.
    pub fn start() -> Option<Self> {
        Self::make(true)
    }

    fn make(durable: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            let missing = "PostgreSQL 15 or newer is not installed (`cargo xtask setup --only \
                           postgres`, or Debian's package postgresql), so nothing is tested on it";
            assert!(
                env::var_os("CI").is_none_or(|ci| ci.is_empty()),
                "{missing}"
            );
            eprintln!("{missing}");
            return None;
        };
        let mut cluster = Self::empty(programs, durable);
        let made = cluster
            .command("initdb")
            .args([
                "--username",
                USER,
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pgdata")
            .arg(cluster.data())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        cluster.restart();
        Some(cluster)
    }

    /// Without data.
    fn empty(programs: PathBuf, durable: bool) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("peng4nn-pg-")
            .tempdir()
            .unwrap()
            .keep();
        let account = unprivileged();
        if let Some((user, group)) = account {
            chown(&folder, Some(user), Some(group)).unwrap();
        }
        Self {
            programs,
            account,
            folder,
            durable,
            keeper: None,
        }
    }

    /// A copy that has each commit before it is acknowledged, and takes no writes until it is
    /// promoted (`pg_promote`).
    pub async fn standby(&self) -> Self {
        let mut standby = Self::empty(self.programs.clone(), self.durable);
        let copied = standby
            .command("pg_basebackup")
            .args(["--username", USER, "--checkpoint=fast", "--no-sync"])
            .arg("--write-recovery-conf")
            .arg("--host")
            .arg(&self.folder)
            .arg("--pgdata")
            .arg(standby.data())
            .output()
            .unwrap();
        assert!(
            copied.status.success(),
            "{}",
            String::from_utf8_lossy(&copied.stderr)
        );
        standby.restart();
        standby.wait().await;
        let mut connection = connect(&self.options()).await;
        for statement in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "SELECT pg_reload_conf()",
        ] {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        standby
    }

    /// Its folder, in which its socket is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command.current_dir(&self.folder);
        command
    }

    /// Starts the server again after [`Cluster::kill`].
    pub fn restart(&mut self) {
        // The keeper's input ends with this process, however that ends.
        const KEEP: &str = r#"
            "$@" & server=$!
            read -r line
            kill -QUIT "$server"; wait "$server"
            [ "$line" = again ] || rm -rf "$PWD"
        "#;
        if let Some(mut keeper) = self.keeper.take() {
            let told = keeper
                .stdin
                .take()
                .map(|mut input| io::Write::write_all(&mut input, b"again\n"));
            told.unwrap().unwrap();
            keeper.wait().unwrap();
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        let mut keeper = self.command("/bin/sh");
        keeper
            .args(["-c", KEEP, "sh"])
            .arg(self.programs.join("postgres"));
        keeper
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.folder);
        for setting in [
            "listen_addresses=",
            "shared_buffers=64MB",
            "max_connections=200",
        ] {
            keeper.args(["-c", setting]);
        }
        if !self.durable {
            keeper.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        keeper
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        self.keeper = Some(keeper.spawn().unwrap());
    }

    /// Kills every process of the server with SIGKILL.
    pub fn kill(&self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        // It forks no more: a child that is left would hold the memory of the next server.
        signal("STOP", std::slice::from_ref(&pid));
        let listed = Command::new("ps")
            .args(["-e", "-o", "pid=,ppid="])
            .output()
            .unwrap();
        let mut victims = vec![pid.clone()];
        for line in String::from_utf8(listed.stdout).unwrap().lines() {
            if let [child, parent] = line.split_whitespace().collect::<Vec<_>>()[..]
                && parent == pid
            {
                victims.push(child.to_owned());
            }
        }
        signal("KILL", &victims);
        // One that still writes to the disk holds that memory until it is done.
        while victims.iter().any(|victim| runs(victim)) {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The address of a new database, once the server listens.
    pub async fn database(&self) -> String {
        make_database(self.options()).await
    }

    /// The socket that the server listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Waits until the server listens.
    pub async fn wait(&self) {
        connect(&self.options()).await.close().await.unwrap();
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(5432)
            .username(USER)
            .database("postgres")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            drop(keeper.wait());
        }
    }
}

/// A process may be gone by now.
fn signal(signal: &str, processes: &[String]) {
    Command::new("kill")
        .args(["-s", signal])
        .args(processes)
        .stderr(Stdio::null())
        .status()
        .unwrap();
}

/// Whether a process is there, and not merely its exit code.
fn runs(process: &str) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", process])
        .output()
        .unwrap();
    !state.stdout.is_empty() && !state.stdout.starts_with(b"Z")
}

/// Whom the server runs as: it refuses to be root.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse::<u32>()
            .ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let account = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
    account("postgres").or_else(|| account("nobody"))
}

/// The folder with the programs of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let packaged = packaged.flatten().map(|version| version.path().join("bin"));
    let found = on_path.into_iter().flatten().chain(packaged);
    let versions = found.filter_map(|folder| Some((version(&folder)?, folder)));
    let newest = versions.max_by_key(|(version, _)| *version)?;
    (newest.0 >= OLDEST)
        .then(|| fs::canonicalize(newest.1.join("initdb")).unwrap())
        .map(|initdb| initdb.parent().unwrap().to_owned())
}

fn version(folder: &Path) -> Option<u32> {
    let initdb = folder.join("initdb");
    let answer = Command::new(initdb).arg("--version").output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    text.split_whitespace()
        .nth(2)?
        .split('.')
        .next()?
        .parse()
        .ok()
}
