//! What a waiting visitor costs: joins a million buyers to one room and shows how much memory that took.
//!
//! `cargo run --release -p onsale-hot --example places [-- PLACES]`, on Linux. The store runs as in earnest, on a journal
//! in a temporary folder.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use onsale_app::ports::{clock::Clock, waiting_room::WaitingRooms};
use onsale_domain::{
    events::WaitingRoomSettings,
    ids::{AccountId, EventId},
    waiting_room::{AddressKey, JoinOutcome, Pseudonym, Secret, Terms, room::JoinRequest},
};
use onsale_hot::memory::{MemoryStore, journal::sqlite::SqliteJournal};
use onsale_testkit::clock::ManualClock;
use uuid::Uuid;

/// Joins under way at once.
const AT_ONCE: u32 = 64;

fn resident() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let places: u32 = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let with_addresses = std::env::args().nth(2).is_some_and(|word| word == "addresses");
    let folder = tempfile::tempdir()?;
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))?;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let opens_at = Some(clock.now().plus_ms(3_600_000));
    let store = MemoryStore::open(Box::new(journal), clock, Box::new(|_| ()))?;
    let event = EventId(Uuid::from_u128(1));
    let terms = Terms::from(&WaitingRoomSettings { opens_at, ..WaitingRoomSettings::default() });
    store.begin(event, 1, Secret([7; 32])).await?;
    let before = resident()?;
    let begun = Instant::now();
    let mut visitors = tokio::task::JoinSet::new();
    for first in 0..AT_ONCE {
        let store = store.clone();
        visitors.spawn(async move {
            let mut placed = 0_u32;
            for n in (first..places).step_by(AT_ONCE as usize) {
                let buyer = Pseudonym::of(event, AccountId(Uuid::from_u128(u128::from(n))));
                let address = with_addresses.then(|| AddressKey(u64::from(n).to_be_bytes()));
                let answer = store.join(event, JoinRequest { buyer, address }, terms).await;
                placed +=
                    u32::from(answer.is_ok_and(|answer| matches!(answer.outcome, JoinOutcome::Placed(_))));
            }
            placed
        });
    }
    let placed: u32 = visitors.join_all().await.into_iter().sum();
    let took = begun.elapsed();
    // Buffers of the last commits are given back.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let grown = resident()?.saturating_sub(before);
    println!(
        "{placed} places: {:.1} MiB, {:.1} bytes a place; {:.0} durable joins a second",
        grown as f64 / f64::from(1 << 20),
        grown as f64 / f64::from(placed),
        f64::from(placed) / took.as_secs_f64(),
    );
    Ok(())
}
