//! How well the places inside are used when many who are called never come.
//!
//! Invariants: nobody but the server knows who will not come; the line is always longer than what is called of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::buyers::{Buyer, Scene, Way};
use crate::bench::chance::Chance;
use crate::bench::connections::Connections;
use crate::bench::report::{Figure, Limit};
use crate::bench::stage::{self, Stage};
use crate::workspace::Workspace;

/// Of a hundred called, so many never come.
const ABSENT_PERCENT: u64 = 40;
const MAX_INSIDE: u32 = 200;
const CLAIM_WITHIN_S: u64 = 10;
/// How long people stay inside, milliseconds. A sixth of what is usual, as is the time to claim.
const STAY_MS: (u64, u64) = (10_000, 40_000);
const LINE: usize = 4_000;
const CONNECTIONS: u16 = 200;
/// All join in this time.
const JOIN_WITHIN: Duration = Duration::from_secs(2);
/// Until it is full, those who do not come are known for it, and those inside leave evenly.
const SETTLES_IN: Duration = Duration::from_mins(1);
const WATCHED: Duration = Duration::from_secs(80);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How full it was at each look.
struct Watched {
    inside: Vec<f64>,
    errors: u64,
}

/// Lets the line through, and looks how many are inside.
pub(super) fn measure(
    runtime: &Runtime,
    stores: stage::Stores,
    workspace: &Workspace,
    folder: &Path,
    seed: u64,
) -> anyhow::Result<Vec<Figure>> {
    let mut stage = runtime.block_on(Stage::set_on(stores, workspace, folder, "crowd-absent"))?;
    let watched = runtime.block_on(watch(&mut stage, seed))?;
    stage.server.stop()?;
    Ok(watched.figures())
}

async fn watch(stage: &mut Stage, seed: u64) -> anyhow::Result<Watched> {
    let tokens = stage.buyers(LINE)?;
    let connections = Connections::open(stage.server.address, CONNECTIONS).await?;
    let room = json!({"mode": "on", "admit_per_second": 50, "max_inside": MAX_INSIDE, "inside_for_s": 300,
        "claim_within_s": CLAIM_WITHIN_S});
    let event = stage.create_event(&json!({"waiting_room": room})).await?;
    // So much that nobody has to wait for it.
    let performance = stage.create_area_of(&event, 100_000).await?;
    let begun = Instant::now();
    let end = begun + SETTLES_IN + WATCHED;
    let scene = Arc::new(Scene::new(connections, &event, &performance, end + WATCHED)?);
    let mut people = JoinSet::new();
    for (token, number) in tokens.into_iter().zip(0..) {
        let mut chance = Chance::of(seed, number);
        let arrives = begun + JOIN_WITHIN.mul_f64(number as f64 / LINE as f64);
        let comes = chance.below(100) >= ABSENT_PERCENT;
        let (least, most) = STAY_MS;
        let stays = Some(Duration::from_millis(least + chance.below(most - least)));
        let buyer = Buyer { token, arrives, comes, wants: 0, stays, chance };
        people.spawn(Way::of(buyer, &scene).through_the_room());
    }
    tokio::time::sleep_until((begun + SETTLES_IN).into()).await;
    let path = format!("/events/{event}/queue/control");
    let mut inside = Vec::new();
    while Instant::now() < end {
        let room = stage.organizer.get(&path).await?;
        ensure!(room["waiting"].as_u64().is_some_and(|waiting| waiting > 0), "nobody waits any more: {room}");
        inside.push(room["inside"].as_f64().with_context(|| format!("nobody is inside: {room}"))?);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    people.shutdown().await;
    let tally = scene.tally.lock();
    for example in tally.examples() {
        println!("error: {example}");
    }
    Ok(Watched { inside, errors: tally.errors() })
}

impl Watched {
    fn figures(&self) -> Vec<Figure> {
        let count = self.inside.len() as f64;
        let room = f64::from(MAX_INSIDE);
        let used = self.inside.iter().sum::<f64>() / count / room;
        let well_used = self.inside.iter().filter(|inside| **inside >= 0.9 * room).count() as f64 / count;
        let most = self.inside.iter().copied().fold(0.0, f64::max);
        let used_note = format!(
            "on average over {} s, of {MAX_INSIDE}; at least nine tenths in {:.0} % of {count} looks; {ABSENT_PERCENT} % \
             never come, the others have {CLAIM_WITHIN_S} s and stay {} to {} s",
            WATCHED.as_secs(),
            100.0 * well_used,
            STAY_MS.0 / 1_000,
            STAY_MS.1 / 1_000
        );
        let errors = self.errors as f64;
        vec![
            Figure::new("no-shows: places inside in use", used, "", Limit::AtLeast(0.9), used_note),
            Figure::new("no-shows: most inside", most, "", Limit::AtMost(room * 1.02), ""),
            Figure::new("no-shows: errors", errors, "", Limit::AtMost(0.0), ""),
        ]
    }
}
