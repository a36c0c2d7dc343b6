//! Vital signs: what is not counted where it happens is looked at every few seconds and put into the metrics.
//!
//! Invariants: looking never holds up a sale: each question has its time, stocks are recounted one at a time with pauses
//! in proportion, and how many are looked at is bounded. What could not be seen keeps its last figure, and the time of
//! the last recount tells that it is old.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use metrics_process::Collector;
use onsale_domain::{ids::PerformanceId, units::Counts};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::http::Server;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(2);

/// A performance that nobody has asked for so long is not looked at.
const IN_USE_FOR_MS: u64 = 10 * 60 * 1_000;

/// How many performances are looked at.
const MAX_LOOKED_AT: usize = 100;

/// After a recount there is a pause of so many times what it took.
const PAUSE_PER_RECOUNT: u32 = 50;

/// Looks until it is dropped.
pub(crate) async fn run(server: Arc<Server>) {
    let process = Collector::default();
    process.describe();
    let mut recounts = Recounts::default();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        process.collect();
        metrics::gauge!("onsale_http_requests_under_way").set(server.overload.under_way() as f64);
        disk(&server);
        stores(&server).await;
        rooms(&server).await;
        stock(&server, &mut recounts).await;
        // Samples pile up until somebody reads them or this is called.
        server.metrics.run_upkeep();
    }
}

/// The file system of the folder with the journal.
fn disk(server: &Server) {
    if server.settings.redis_url.is_some() {
        return;
    }
    if let Ok(disk) = rustix::fs::statvfs(&server.settings.data_dir) {
        metrics::gauge!("onsale_disk_free_bytes").set((disk.f_bavail * disk.f_frsize) as f64);
        metrics::gauge!("onsale_disk_size_bytes").set((disk.f_blocks * disk.f_frsize) as f64);
    }
}

async fn stores(server: &Server) {
    let up = |store: &'static str, is_up: bool| {
        metrics::gauge!("onsale_store_up", "store" => store).set(if is_up { 1.0 } else { 0.0 });
    };
    // The use cases have their own time-outs; this one is for what they do not foresee.
    let health = timeout(2 * WITHIN, server.app.health()).await.ok();
    up("hot", health.as_ref().is_some_and(|health| health.hot.is_none()));
    up("ledger", health.as_ref().is_some_and(|health| health.ledger.is_none()));
    if server.settings.redis_url.is_some()
        && let Ok(Ok(flaws)) = timeout(WITHIN, server.app.hot_flaws()).await
    {
        metrics::gauge!("onsale_redis_durable").set(if flaws.is_empty() { 1.0 } else { 0.0 });
    }
}

async fn rooms(server: &Server) {
    let Some(rooms) = &server.rooms else { return };
    let events = rooms.in_use();
    let (mut waiting, mut at_door, mut inside) = (0, 0, 0);
    for event in &events {
        // A room that is gone has nobody in it.
        if let Ok(Ok(room)) = timeout(WITHIN, rooms.summary(*event)).await {
            waiting += u64::from(room.waiting());
            at_door += u64::from(room.at_door);
            inside += u64::from(room.inside);
        }
    }
    metrics::gauge!("onsale_queue_rooms").set(events.len() as f64);
    metrics::gauge!("onsale_queue_waiting").set(waiting as f64);
    metrics::gauge!("onsale_queue_at_door").set(at_door as f64);
    metrics::gauge!("onsale_queue_inside").set(inside as f64);
}

/// What recounting has come to.
#[derive(Default)]
struct Recounts {
    drifts: BTreeMap<PerformanceId, u32>,
    /// The one that was recounted last; the next comes behind it.
    last: Option<PerformanceId>,
    again_at: Option<Instant>,
}

impl Recounts {
    /// Whose turn it is among those that are in use, which are in order.
    fn next(&self, in_use: &[PerformanceId]) -> Option<PerformanceId> {
        let behind = |last| in_use.iter().find(|id| **id > last);
        self.last.and_then(behind).or_else(|| in_use.first()).copied()
    }
}

async fn stock(server: &Server, recounts: &mut Recounts) {
    let mut in_use = server.app.performances_in_use(IN_USE_FOR_MS);
    in_use.truncate(MAX_LOOKED_AT);
    let mut sum = Counts::default();
    for id in &in_use {
        match timeout(WITHIN, server.app.counts_at_hand(*id)).await {
            Ok(Ok(counts)) => sum = sum.plus(counts.unwrap_or_default()),
            // Half a sum would look like sales that went away.
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let states = [
        ("available", sum.available),
        ("held", sum.held),
        ("paying", sum.paying),
        ("sold", sum.sold),
        ("blocked", sum.blocked),
    ];
    for (state, units) in states {
        metrics::gauge!("onsale_units", "state" => state).set(f64::from(units));
    }
    recount(server, recounts, &in_use).await;
}

async fn recount(server: &Server, recounts: &mut Recounts, in_use: &[PerformanceId]) {
    recounts.drifts.retain(|id, _| in_use.contains(id));
    let begun = Instant::now();
    if recounts.again_at.is_some_and(|at| begun < at) {
        return;
    }
    if let Some(id) = recounts.next(in_use) {
        recounts.last = Some(id);
        match timeout(WITHIN, server.app.drift(id)).await {
            Ok(Ok(drift)) => {
                let before = recounts.drifts.insert(id, drift.unwrap_or(0)).unwrap_or(0);
                if let Some(drift) = drift.filter(|drift| *drift != before) {
                    tracing::error!(performance = %id, drift, "capacity and states differ; recount with `reconcile`");
                }
            }
            Ok(Err(error)) => return tracing::debug!(%error, performance = %id, "not recounted"),
            Err(_) => return,
        }
        recounts.again_at = Some(Instant::now() + begun.elapsed() * PAUSE_PER_RECOUNT);
    }
    let drift: u64 = recounts.drifts.values().copied().map(u64::from).sum();
    metrics::gauge!("onsale_conservation_drift_units").set(drift as f64);
    metrics::gauge!("onsale_conservation_checked_timestamp_seconds")
        .set(server.app.clock().now().as_secs_f64());
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn everybody_has_a_turn() {
        let ids: Vec<_> = (1..=3).map(|n| PerformanceId(Uuid::from_u128(n))).collect();
        let mut recounts = Recounts::default();
        let mut turns = Vec::new();
        for in_use in [&ids[..], &ids[..], &ids[..], &ids[..], &ids[1..2], &[]] {
            let next = recounts.next(in_use);
            recounts.last = next.or(recounts.last);
            turns.push(next.map(|id| id.0.as_u128()));
        }
        assert_eq!(turns, [Some(1), Some(2), Some(3), Some(1), Some(2), None]);
    }
}
