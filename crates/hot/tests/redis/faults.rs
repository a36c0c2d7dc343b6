//! Redis killed, frozen, emptied, full and unfit, under load.
//!
//! Invariant checked: an answer comes in time and is true; what was accepted is there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use onsale_app::ports::hot::{ChangeFeed as _, ChangeLog as _, Reservations as _, Stock as _};
use onsale_domain::{
    ids::PerformanceId,
    reservations::{Hold, HoldOutcome, HoldRefusal},
    units::Units,
};
use onsale_hot::redis::{OpenError, RedisSettings, RedisStore};
use onsale_testkit::servers::{
    or_passed_over,
    redis::{Durability, Options, Redis},
};

use crate::stage::{
    BOUND, SOON, assert_disjoint, buyer, drained, held, is_unavailable, layout, look, node, on_sale, seats,
    until_back, wish,
};

const SEATS: u32 = 4_000;

/// Buyers who take one seat after the other, each seat wanted by two.
struct Rush {
    stop: Arc<AtomicBool>,
    buyers: Vec<tokio::task::JoinHandle<Harvest>>,
}

#[derive(Default)]
struct Harvest {
    held: Vec<Hold>,
    /// Seats that somebody was told are taken.
    taken: Units,
    /// Seats whose fate is unknown, because no answer came.
    unknown: Units,
    slowest: Duration,
}

impl Rush {
    fn begin(nodes: &[RedisStore], p: PerformanceId) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicU32::new(0));
        let buyers = (0..8_u32)
            .map(|n| {
                let store = nodes[n as usize % nodes.len()].clone();
                let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
                tokio::spawn(async move { visit(&store, p, &stop, &next).await })
            })
            .collect();
        Self { stop, buyers }
    }

    async fn end(self) -> Harvest {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Harvest::default();
        for buyer in self.buyers {
            let one = buyer.await.unwrap();
            all.held.extend(one.held);
            all.taken.extend(one.taken);
            all.unknown.extend(one.unknown);
            all.slowest = all.slowest.max(one.slowest);
        }
        all
    }
}

async fn visit(store: &RedisStore, p: PerformanceId, stop: &AtomicBool, next: &AtomicU32) -> Harvest {
    let mut harvest = Harvest::default();
    while !stop.load(Ordering::SeqCst) {
        let ticket = next.fetch_add(1, Ordering::SeqCst);
        let seat = ticket / 2 + 1;
        if seat > SEATS {
            break;
        }
        let begun = Instant::now();
        let answer = store.hold(p, wish(buyer(ticket), seats(&[seat]))).await;
        harvest.slowest = harvest.slowest.max(begun.elapsed());
        match answer.map(|decided| decided.outcome) {
            Ok(HoldOutcome::Held(hold)) => harvest.held.push(hold),
            Ok(HoldOutcome::Refused(HoldRefusal::SeatTaken(units))) => harvest.taken.extend(units),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                let error: Result<(), _> = Err(error);
                assert!(is_unavailable(&error), "{error:?}");
                harvest.unknown.push(onsale_domain::units::Unit(seat));
                // A client that is told 503 does not come back at once.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    harvest
}

impl Harvest {
    /// Everything accepted is there, nothing twice, and whoever was told "taken" was told the truth.
    async fn check(&self, store: &RedisStore, p: PerformanceId) {
        assert!(self.slowest < BOUND, "an answer took {:?}", self.slowest);
        assert_disjoint(&self.held);
        let seen = look(store, p, &layout(SEATS, &[])).await;
        for hold in &self.held {
            let found = store.find(p, hold.id).await.unwrap();
            assert_eq!(found.as_ref().map(|view| &view.hold), Some(hold), "accepted and gone");
        }
        for unit in &self.taken {
            let truth = self.held.iter().any(|hold| hold.units.contains(unit)) || self.unknown.contains(unit);
            assert!(truth && seen.bits(*unit) == 1, "seat {} was said to be taken", unit.0);
        }
        let least = self.held.len() as u32;
        assert!((least..=least + self.unknown.len() as u32).contains(&seen.counts.held), "{seen:?}");
        let changes = drained(store, p, SEATS as usize).await;
        assert_eq!(changes.len() as u32, seen.counts.held, "one change for each");
    }
}

async fn after(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_when_redis_is_killed_and_all_is_well_when_it_is_back() {
    let options = Options { durability: Durability::Always, ..Options::default() };
    let Some(mut server) = or_passed_over(Redis::with(&options), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], SEATS, &[]).await;
    let mut mark = nodes[1].watch(p).await.unwrap();
    let rush = Rush::begin(&nodes, p);
    after(400).await;
    server.kill().unwrap();
    let begun = Instant::now();
    assert!(nodes[0].health().await.is_err() && nodes[0].availability(p).await.is_err());
    assert!(begun.elapsed() < BOUND);
    after(700).await;
    server.start_again().unwrap();
    for store in &nodes {
        until_back(store).await;
    }
    after(400).await;
    let harvest = rush.end().await;
    assert!(!harvest.unknown.is_empty(), "it was away");
    harvest.check(&nodes[1], p).await;
    // Whoever watched goes on watching, without doing anything.
    tokio::time::timeout(SOON, async {
        loop {
            mark.mark_unchanged();
            held(&nodes[0], p, wish(buyer(1), seats(&[free_seat(&nodes[0], p).await]))).await;
            if tokio::time::timeout(Duration::from_millis(300), mark.changed()).await.is_ok() {
                return;
            }
        }
    })
    .await
    .expect("the mark moves again");
}

async fn free_seat(store: &RedisStore, p: PerformanceId) -> u32 {
    let seen = store.availability(p).await.unwrap();
    (1..=SEATS).rev().find(|seat| seen.bits(onsale_domain::units::Unit(*seat)) == 0).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_answered_for_in_time_and_goes_on_where_it_was() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], SEATS, &[]).await;
    let rush = Rush::begin(&nodes, p);
    after(300).await;
    server.freeze().unwrap();
    let frozen = Instant::now();
    while frozen.elapsed() < Duration::from_secs(3) {
        let begun = Instant::now();
        let answer = nodes[0].availability(p).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        after(20).await;
    }
    server.thaw().unwrap();
    for store in &nodes {
        until_back(store).await;
    }
    after(300).await;
    let harvest = rush.end().await;
    assert!(!harvest.unknown.is_empty(), "it was away");
    // What was sent while it stood still happens when it goes on; all of it has happened when this is answered.
    harvest.check(&nodes[0], p).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgot_the_scripts_is_told_them_again() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let store = node(&server.url()).await;
    let p = on_sale(&store, 10, &[]).await;
    for seat in 1..=5 {
        server.ask(&["SCRIPT", "FLUSH"]).unwrap();
        held(&store, p, wish(buyer(seat), seats(&[seat]))).await;
    }
    assert_eq!(look(&store, p, &layout(10, &[])).await.position.offset, 5);
}

/// Memory that runs out: commands are refused for now and change nothing, reading goes on, and the drain makes room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_refuses_for_now_and_can_still_be_drained() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let store = node(&server.url()).await;
    let p = on_sale(&store, 100, &[]).await;
    for seat in 1..=50 {
        held(&store, p, wish(buyer(seat), seats(&[seat]))).await;
    }
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let refused = store.hold(p, wish(buyer(60), seats(&[60]))).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    let seen = look(&store, p, &layout(100, &[])).await;
    assert_eq!((seen.counts.held, seen.position.offset), (50, 50));
    let batch = store.next(100, 0).await.unwrap().unwrap();
    assert_eq!(batch.changes.len(), 50);
    store.acknowledge(batch).await.unwrap();
    assert!(store.next(100, 0).await.unwrap().is_none());
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    held(&store, p, wish(buyer(60), seats(&[60]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unfit_redis_is_refused_where_that_is_asked_for() {
    let forgetful = Options { durability: Durability::None, ..Options::default() };
    let evicting =
        Options { settings: vec![("maxmemory-policy".into(), "allkeys-lru".into())], ..Options::default() };
    for (options, flaw) in [(forgetful, "appendonly"), (evicting, "noeviction")] {
        let Some(server) = or_passed_over(Redis::with(&options), "redis-server") else { return };
        let open = |strict| RedisStore::open(RedisSettings { url: server.url(), strict, clock: None });
        match open(true).await {
            Err(OpenError::Unfit(why)) => assert!(why.contains(flaw), "{why}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("opened"),
        }
        open(false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redis_is_an_error_at_once() {
    let begun = Instant::now();
    let settings = RedisSettings { url: "redis://127.0.0.1:1".into(), strict: true, clock: None };
    assert!(matches!(RedisStore::open(settings).await, Err(OpenError::Store(_))));
    assert!(begun.elapsed() < BOUND);
}
