//! What a confirm writes into the ledger, and nothing around it: two transactions, as fast as the database takes them.
//!
//! Invariant: they go into the tables of onsale itself, with its settings, and each has an order and a unit of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use onsale_testkit::servers::postgres::{self, Postgres};
use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

/// Units of one session of PostgreSQL, and of these in one round: far more than it can come to.
const UNITS_EACH: u32 = 1_000_000;
const UNITS_A_ROUND: u32 = 20_000;
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// The database, ready for them.
pub(super) enum Transactions<'a> {
    Sqlite { connection: Connection, performance: Uuid, next_unit: u32 },
    Postgres { server: &'a Postgres, performance: String, sessions: usize, rounds: u32 },
}

impl<'a> Transactions<'a> {
    /// In the ledger's file, while onsale has nothing to write.
    pub(super) fn sqlite(file: &Path, performance: &str) -> anyhow::Result<Self> {
        let connection = Connection::open(file).with_context(|| format!("opening {}", file.display()))?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")?;
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        ensure!(mode == "wal", "the ledger is in mode {mode}");
        Ok(Self::Sqlite { connection, performance: performance.parse()?, next_unit: 1 })
    }

    /// In the ledger's database.
    pub(super) fn postgres(server: &'a Postgres, performance: &str, sessions: usize) -> Self {
        Self::Postgres { server, performance: performance.to_owned(), sessions, rounds: 0 }
    }

    /// How many pairs of transactions there are a second.
    pub(super) fn per_second(&mut self, measured: Duration) -> anyhow::Result<f64> {
        match self {
            Self::Sqlite { connection, performance, next_unit } => {
                let (begun, first) = (Instant::now(), *next_unit);
                while begun.elapsed() < measured {
                    both(connection, *performance, *next_unit)?;
                    *next_unit += 1;
                }
                Ok(f64::from(*next_unit - first) / begun.elapsed().as_secs_f64())
            }
            Self::Postgres { server, performance, sessions, rounds } => {
                *rounds += 1;
                pgbench(server, performance, *sessions, *rounds, measured)
            }
        }
    }
}

/// The claim, then the payment.
fn both(connection: &mut Connection, performance: Uuid, unit: u32) -> anyhow::Result<()> {
    let (order, now) = (Uuid::now_v7(), 1_800_000_000_000_i64);
    let claim = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    claim
        .prepare_cached(
            "INSERT INTO orders (id, reservation_id, performance_id, owner_id, fence, status, total, currency, \
             buyer_name, sequence, created_at) VALUES (?1, ?2, ?3, ?4, 1, 'paying', 1000, 'KRW', 'Kim Min-ji', ?5, ?6)",
        )?
        .execute(params![order, Uuid::now_v7(), performance, Uuid::now_v7(), unit, now])?;
    claim
        .prepare_cached(
            "INSERT INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live) \
             VALUES (?1, ?2, ?3, 1000, 'KRW', ?4, TRUE)",
        )?
        .execute(params![order, unit, performance, Uuid::new_v4().simple().to_string()])?;
    claim
        .prepare_cached(
            "INSERT INTO payments (order_id, method, status, amount, currency, updated_at) \
             VALUES (?1, 'simulated', 'open', 1000, 'KRW', ?2)",
        )?
        .execute(params![order, now])?;
    claim.commit()?;
    let payment = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let moved = payment
        .prepare_cached(
            "UPDATE orders SET status = 'paid', settled_at = ?2 WHERE id = ?1 AND status = 'paying'",
        )?
        .execute(params![order, now])?;
    payment
        .prepare_cached(
            "UPDATE payments SET status = 'captured', reference = ?2, updated_at = ?3 WHERE order_id = ?1",
        )?
        .execute(params![order, order.to_string(), now])?;
    payment.commit()?;
    ensure!(moved == 1, "the order was not paying");
    Ok(())
}

/// The same as two statements, which are transactions of their own.
fn script(performance: &str, round: u32) -> String {
    let first = round * UNITS_A_ROUND;
    format!(
        "\\set n :n + 1\n\
         \\set unit {first} + :client_id * {UNITS_EACH} + :n\n\
         WITH begun AS (INSERT INTO orders (id, reservation_id, performance_id, owner_id, fence, status, total, currency, \
         buyer_name, sequence, created_at) VALUES (gen_random_uuid(), gen_random_uuid(), '{performance}', \
         gen_random_uuid(), 1, 'paying', 1000, 'KRW', 'Kim Min-ji', 1, 1800000000000) RETURNING id), claimed AS (INSERT \
         INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live) SELECT id, :unit::int, \
         '{performance}', 1000, 'KRW', gen_random_uuid()::text, TRUE FROM begun), payment AS (INSERT INTO payments \
         (order_id, method, status, amount, currency, updated_at) SELECT id, 'simulated', 'open', 1000, 'KRW', \
         1800000000000 FROM begun) SELECT id AS order_id FROM begun \\gset\n\
         WITH moved AS (UPDATE orders SET status = 'paid', settled_at = 1800000000000 WHERE id = :order_id::uuid AND \
         status = 'paying' RETURNING id) UPDATE payments SET status = 'captured', reference = moved.id::text, updated_at \
         = 1800000000000 FROM moved WHERE payments.order_id = moved.id;\n"
    )
}

fn pgbench(
    server: &Postgres,
    performance: &str,
    sessions: usize,
    round: u32,
    measured: Duration,
) -> anyhow::Result<f64> {
    let file = server.data_dir().with_file_name("confirms.sql");
    fs::write(&file, script(performance, round))?;
    let programs = postgres::programs().context("PostgreSQL is not on this machine")?;
    let output = Command::new(programs.join("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", "--define=n=0", "--jobs=1"])
        .args(["--client", &sessions.to_string(), "--time", &measured.as_secs().to_string(), "--file"])
        .arg(&file)
        .arg(server.url())
        .output()
        .context("running pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(said.contains("number of failed transactions: 0 "), "pgbench: {said}");
    per_second(&said).with_context(|| format!("pgbench: {said}"))
}

fn per_second(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix("tps = "))?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{per_second, script};

    #[test]
    fn reads_what_pgbench_says() {
        let said = "number of failed transactions: 0 (0.000%)\ntps = 8123.456789 (without initial connection time)\n";
        assert_eq!(per_second(said), Some(8_123.456_789));
        assert_eq!(per_second("nothing"), None);
    }

    #[test]
    fn the_script_is_two_statements() {
        let script = script("01939d2c-0000-7000-8000-000000000001", 3);
        let lines: Vec<&str> = script.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(lines, ["\\set", "\\set", "WITH", "WITH"]);
    }
}
