//! How fast the drain can write: batches of 2,000 changes into a SQLite file, synced at every commit.
//!
//! `cargo run --release -p onsale-ledger --example record`
//!
//! The target is 100,000 `Held` changes a second, more than the hot store accepts at its best on the same
//! machine, so that a drain that fell behind catches up. How the buyers come decides: in the order of their ids
//! their index grows at its end, in no order every hold dirties another page of it. Two shared cores, 330 MB/s
//! to the disk, 100,000 holds: 156,000 to 187,000 a second in order, 88,000 to 113,000 in no order, and there
//! 139,000 to 157,000 in batches of 10,000; payments 150,000 to 171,000.
#![expect(clippy::print_stdout, reason = "a command that reports")]

use std::{error::Error, time::Instant};

use onsale_app::ports::ledger::ReservationRecords;
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, OrderId, PerformanceId, PerformanceNumber, ReservationId},
    position::Position,
    time::Timestamp,
    units::{Unit, Units},
};
use onsale_ledger::{LedgerSettings, SqlLedger};
use uuid::Uuid;

/// As many as a large hall has seats.
const CHANGES: u32 = 100_000;
const BATCH: usize = 2_000;
const START_MS: u64 = 1_800_000_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for buyers in [Buyers::InOrder, Buyers::InNoOrder] {
        let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let ledger = SqlLedger::open(&url, LedgerSettings::default()).await?;
        ledger.migrate().await?;
        let performance = PerformanceId(Uuid::now_v7());
        let held: Vec<Recorded> = (1..=CHANGES).map(|offset| held(performance, offset, buyers)).collect();
        measure(&ledger, &format!("held, buyers {buyers:?}"), &held).await?;
        let sold: Vec<Recorded> = held.iter().flat_map(sold).collect();
        measure(&ledger, "payment begun, sold", &sold).await?;
        measure(&ledger, "held, again", &held).await?;
        ledger.close().await;
    }
    Ok(())
}

/// In which order new buyers come, by their ids.
#[derive(Clone, Copy, Debug)]
enum Buyers {
    InOrder,
    InNoOrder,
}

async fn measure(ledger: &SqlLedger, name: &str, changes: &[Recorded]) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    for batch in changes.chunks(BATCH) {
        ledger.record(batch).await?;
    }
    let rate = changes.len() as u128 * 1_000_000 / begun.elapsed().as_micros().max(1);
    println!("{name}: {} changes in batches of {BATCH}, {rate} a second", changes.len());
    Ok(())
}

/// 50 changes a millisecond.
fn at(offset: u32) -> Timestamp {
    Timestamp(0).plus_ms(START_MS + u64::from(offset) / 50)
}

fn recorded(performance: PerformanceId, offset: u32, change: Change) -> Recorded {
    let position = Position { epoch: 1, offset };
    Recorded { performance, position, sequence: u64::from(offset), at: at(offset), change }
}

/// A hold of two seats by a new buyer, as an on-sale makes them: 50 a millisecond.
fn held(performance: PerformanceId, offset: u32, buyers: Buyers) -> Recorded {
    // Spreads the random bits of the ids, so that those of one millisecond are in no order.
    let random = u64::from(offset).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hold = ReservationId::compose(START_MS + u64::from(offset) / 50, PerformanceNumber(1), random >> 20);
    let owner = match buyers {
        Buyers::InOrder => u64::from(offset),
        Buyers::InNoOrder => random,
    };
    let owner = AccountId(Uuid::from_u64_pair(owner, random));
    let units: Units = [Unit(offset % 50_000 + 1), Unit(offset % 50_000 + 2)].into_iter().collect();
    let expires_at = at(offset).plus_ms(300_000);
    recorded(performance, offset, Change::Held { hold, owner, units, expires_at, key: None })
}

fn sold(held: &Recorded) -> Vec<Recorded> {
    let Change::Held { hold, units, .. } = &held.change else { return Vec::new() };
    let (order, offset) = (OrderId(Uuid::now_v7()), CHANGES + held.position.offset * 2);
    vec![
        recorded(held.performance, offset, Change::PaymentBegun { hold: *hold, order, units: units.clone() }),
        recorded(held.performance, offset + 1, Change::Sold { hold: *hold, order, units: units.clone() }),
    ]
}
