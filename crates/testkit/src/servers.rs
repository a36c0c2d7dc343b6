//! Private servers for tests: real ones, started from the machine's binaries, on data of their own.
//!
//! Invariant: a server belongs to the test that started it, listens where nobody else does, and is ended by its own
//! id, at the latest when its handle is dropped.

pub mod nginx;
pub mod postgres;
pub mod redis;
pub mod smtp;
pub mod stripe;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use postgres::Postgres;
use redis::Redis;

/// The variable that says which stores the tests of the whole program run it on.
pub const STORES: &str = "ONSALE_TEST_STORES";

/// The stores that a program under test runs on, beside its folder.
#[derive(Debug)]
pub enum Stores {
    /// Everything in its folder.
    Embedded,
    /// Its stock in the folder, its ledger in PostgreSQL.
    Postgres(Box<Postgres>),
    /// Its stock in Redis, its ledger in PostgreSQL: as several processes have them.
    Cluster(Box<Postgres>, Box<Redis>),
}

impl Stores {
    /// Those that [`STORES`] asks for, started: `embedded` unless told, `postgres`, or `cluster`.
    ///
    /// # Panics
    ///
    /// Where it asks for others, or for what is not on this machine: whoever asks for them means them.
    pub fn asked_for() -> Self {
        let asked = std::env::var(STORES).unwrap_or_default();
        match asked.as_str() {
            "" | "embedded" => Self::Embedded,
            "postgres" => Self::Postgres(Box::new(meant("PostgreSQL", Postgres::start()))),
            "cluster" => Self::Cluster(
                Box::new(meant("PostgreSQL", Postgres::start())),
                Box::new(meant("Redis", Redis::start())),
            ),
            _ => panic!("{STORES} is {asked}; allowed is embedded, postgres or cluster"),
        }
    }

    /// Stores that several programs share, started; `None` where they are not on this machine. What is accepted is
    /// on disk: of an append-only file that is synced once a second, or of a log that is written behind the answers,
    /// `kill -9` may cost the last moments.
    pub fn cluster() -> Option<Self> {
        let options = postgres::Options { durable: true, tcp: true, ..postgres::Options::default() };
        let postgres = or_passed_over(Postgres::with(options), "postgres")?;
        let options = redis::Options { durability: redis::Durability::Always, ..redis::Options::default() };
        let redis = or_passed_over(Redis::with(&options), "redis-server")?;
        Some(Self::Cluster(Box::new(postgres), Box::new(redis)))
    }

    /// The PostgreSQL server, where the ledger is in one.
    pub fn postgres(&mut self) -> Option<&mut Postgres> {
        match self {
            Self::Embedded => None,
            Self::Postgres(server) | Self::Cluster(server, _) => Some(server),
        }
    }

    /// The Redis server, where the stock is in one.
    pub fn redis(&mut self) -> Option<&mut Redis> {
        match self {
            Self::Embedded | Self::Postgres(_) => None,
            Self::Cluster(_, server) => Some(server),
        }
    }

    /// The settings that lead a program to them, as environment variables.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Postgres(server) => vec![("ONSALE_DATABASE_URL", server.url())],
            Self::Cluster(database, hot) => vec![
                ("ONSALE_DATABASE_URL", database.url()),
                ("ONSALE_REDIS_URL", hot.url()),
                ("ONSALE_SECRET", "for all processes of one test, 32 bytes".into()),
            ],
        }
    }
}

fn is_root() -> std::io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// Sends a signal to a process that was started here.
fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let kill = format!("kill -{name} {pid}");
    let status = Command::new("sh").arg("-c").arg(&kill).stderr(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "{kill}: {status}");
    Ok(())
}

fn meant<T>(name: &str, started: anyhow::Result<Option<T>>) -> T {
    match started {
        Ok(Some(server)) => server,
        Ok(None) => panic!("{STORES} asks for {name}, which is not on this machine"),
        Err(error) => panic!("{name} does not start: {error:#}"),
    }
}

/// Whether a missing program fails a test. Elsewhere it is said and the test is passed over.
fn is_required() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Decides about a server whose program is not on this machine: a failure under `CI=true`, `None` and a message
/// elsewhere.
///
/// # Panics
///
/// Under `CI=true`, where `found` is nothing.
pub fn or_passed_over<T>(found: anyhow::Result<Option<T>>, program: &str) -> Option<T> {
    match found {
        Ok(Some(found)) => Some(found),
        Ok(None) if is_required() => panic!("{program} is not on this machine, and CI=true"),
        Ok(None) => {
            #[expect(clippy::print_stderr, reason = "whoever runs the tests has to see what was not tested")]
            {
                eprintln!("PASSED OVER: {program} is not on this machine");
            }
            None
        }
        Err(error) => panic!("{program} does not start: {error:#}"),
    }
}

/// The interpreter of a Python program that `cargo xtask test` has put into a folder of its name beside the build, or
/// that `ONSALE_` and its name name; `None` where it is not installed.
pub fn python_with(program: &str) -> Option<PathBuf> {
    provided(program, "python3")
}

/// The same for another executable that came with it.
pub fn provided(program: &str, executable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(format!("ONSALE_{}", program.to_uppercase())).map(PathBuf::from);
    let test = std::env::current_exe().ok();
    let beside = test.iter().flat_map(|test| test.ancestors()).map(|folder| folder.join(program));
    named
        .into_iter()
        .chain(beside)
        .map(|folder| folder.join("bin").join(executable))
        .find(|found| found.is_file())
}
