//! The use cases on memory stores, with clock, chance and faults under control: thousands of short histories, each
//! of them one number.
//!
//! Invariant: a history depends on its seed alone. `ONSALE_SIMULATION_SEED=n cargo nextest run simulation` plays
//! one again; `ONSALE_SIMULATION_SEEDS=n` plays the first n.

#![expect(clippy::unwrap_used, reason = "whatever is not as expected here ends the history with its seed")]

#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/confirm_steps.rs"]
mod confirm_steps;
#[path = "simulation/outages.rs"]
mod outages;
#[path = "simulation/refund_steps.rs"]
mod refund_steps;
#[path = "simulation/world.rs"]
mod world;

use world::{Plan, World};

/// How many histories there are in a run that names no other number.
const SEEDS: u64 = 3_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A runtime on which the same tasks go in the same order, and on which waiting takes no time.
fn play<T>(history: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(history)
}

async fn history(seed: u64) -> String {
    let mut world = World::new(Plan::of(seed)).await;
    world.run().await;
    world.settle().await;
    checks::everything(&world).await;
    world.transcript()
}

#[test]
fn the_promises_hold_whatever_fails_and_whenever_it_crashes() {
    let seeds = match number("ONSALE_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ONSALE_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| play(history(seed)));
        assert!(outcome.is_ok(), "seed {seed}: play it again with ONSALE_SIMULATION_SEED={seed}");
    }
}

#[test]
fn a_seed_gives_the_same_history_every_time() {
    for seed in [1, 42, 1_000] {
        assert_eq!(play(history(seed)), play(history(seed)), "seed {seed}");
    }
}
