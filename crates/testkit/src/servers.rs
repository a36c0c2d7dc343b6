//! Private servers for tests: real ones, started from the machine's binaries, on data of their own.
//!
//! Invariant: a server belongs to the test that started it, listens where nobody else does, and is ended by its own
//! id, at the latest when its handle is dropped.

pub mod nginx;
pub mod postgres;
pub mod redis;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
};

use postgres::Postgres;

/// The variable that says which stores the tests of the whole program run it on.
pub const STORES: &str = "ONSALE_TEST_STORES";

/// The stores that a program under test runs on, beside its folder.
#[derive(Debug)]
pub enum Stores {
    /// Everything in its folder.
    Embedded,
    /// Its stock in the folder, its ledger in PostgreSQL.
    Postgres(Box<Postgres>),
}

impl Stores {
    /// Those that [`STORES`] asks for, started: `embedded` unless told, or `postgres`.
    ///
    /// # Panics
    ///
    /// Where it asks for others, or for what is not on this machine: whoever asks for them means them.
    pub fn asked_for() -> Self {
        let asked = std::env::var(STORES).unwrap_or_default();
        match asked.as_str() {
            "" | "embedded" => Self::Embedded,
            "postgres" => match Postgres::start() {
                Ok(Some(server)) => Self::Postgres(Box::new(server)),
                Ok(None) => panic!("{STORES} is postgres, which is not on this machine"),
                Err(error) => panic!("PostgreSQL does not start: {error:#}"),
            },
            _ => panic!("{STORES} is {asked}; allowed is embedded or postgres"),
        }
    }

    /// The PostgreSQL server, where the ledger is in one.
    pub fn postgres(&mut self) -> Option<&mut Postgres> {
        match self {
            Self::Embedded => None,
            Self::Postgres(server) => Some(server),
        }
    }

    /// The settings that lead a program to them, as environment variables.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Postgres(server) => vec![("ONSALE_DATABASE_URL", server.url())],
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
