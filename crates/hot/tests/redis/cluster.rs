//! A Redis Cluster of three nodes: performances live on different ones, and move while they are sold.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use onsale_app::ports::hot::{ChangeFeed as _, Reservations as _};
use onsale_domain::{
    ids::PerformanceId,
    reservations::{Hold, HoldOutcome},
};
use onsale_hot::redis::RedisStore;
use onsale_testkit::{
    model::check_record,
    servers::{or_passed_over, redis::Cluster},
};

use crate::stage::{
    BOUND, Recording, SOON, assert_disjoint, buyer, drained, held, is_unavailable, layout, look, node,
    on_sale, seats, wish,
};

const SEATS: u32 = 20_000;

/// More than can be sold while a slot moves; what is left is for what comes after.
const TO_SELL: u32 = SEATS - 500;

fn owner(cluster: &Cluster, p: PerformanceId) -> (u16, usize) {
    cluster.owner_of(&format!("onsale:{{{p}}}:meta")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_agrees_with_the_model_on_a_cluster() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    for seed in 1_000..1_012 {
        onsale_testkit::model::run(crate::under_test(cluster.url()).await, seed, 150).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn performances_live_on_different_nodes_and_are_served_alike() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    let stores = [node(&cluster.url()).await, node(&cluster.url()).await];
    let mut performances = Vec::new();
    let mut owners = BTreeSet::new();
    while owners.len() < 3 || performances.len() < 6 {
        let p = on_sale(&stores[0], 20, &[5]).await;
        owners.insert(owner(&cluster, p).1);
        performances.push(p);
    }
    let mut marks = Vec::new();
    for p in &performances {
        marks.push(stores[1].watch(*p).await.unwrap());
    }
    for (n, p) in (1..).zip(&performances) {
        let mark = &mut marks[n as usize - 1];
        let told = tokio::time::timeout(SOON, async {
            let mut seat = 0;
            loop {
                seat += 1;
                mark.mark_unchanged();
                held(&stores[0], *p, wish(buyer(n), seats(&[seat]))).await;
                if tokio::time::timeout(Duration::from_millis(500), mark.changed()).await.is_ok() {
                    return;
                }
            }
        });
        told.await.expect("whoever watches is told, whichever node has it");
    }
    let mut ledger = Recording::default();
    ledger.drain(&stores[0]).await;
    for p in &performances {
        let seen = look(&stores[1], *p, &layout(20, &[5])).await;
        check_record(25, &ledger.changes[p]).unwrap();
        assert_eq!(ledger.changes[p].len() as u32, seen.position.offset);
    }
}

/// Holds one seat after the other until it is told to stop; every failure is an outage, and is counted.
async fn sell_on(
    store: RedisStore,
    p: PerformanceId,
    from: u32,
    stop: Arc<AtomicBool>,
) -> (Vec<Hold>, usize) {
    let (mut made, mut away) = (Vec::new(), 0);
    for seat in (from..=TO_SELL).step_by(4) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let begun = Instant::now();
        match store.hold(p, wish(buyer(seat), seats(&[seat]))).await {
            Ok(decided) => match decided.outcome {
                HoldOutcome::Held(hold) => made.push(hold),
                other => panic!("seat {seat}, which nobody else wants: {other:?}"),
            },
            error => {
                assert!(is_unavailable(&error), "{error:?}");
                away += 1;
            }
        }
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    }
    (made, away)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_while_it_is_sold_breaks_nothing() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    let stores = [node(&cluster.url()).await, node(&cluster.url()).await];
    let p = on_sale(&stores[0], SEATS, &[]).await;
    let mut mark = stores[1].watch(p).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let sellers: Vec<_> = (0..4)
        .map(|n| tokio::spawn(sell_on(stores[n % 2].clone(), p, n as u32 + 1, Arc::clone(&stop))))
        .collect();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (slot, at) = owner(&cluster, p);
        cluster.move_slot(slot, at, (at + 1) % 3).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::SeqCst);
    let (mut made, mut away) = (Vec::new(), 0);
    for seller in sellers {
        let (holds, failures) = seller.await.unwrap();
        made.extend(holds);
        away += failures;
    }
    assert!(made.len() > 200, "{} were sold", made.len());
    assert_disjoint(&made);
    let seen = look(&stores[1], p, &layout(SEATS, &[])).await;
    for hold in &made {
        assert_eq!(stores[0].find(p, hold.id).await.unwrap().unwrap().hold, *hold);
    }
    let least = made.len() as u32;
    assert!((least..=least + away as u32).contains(&seen.counts.held), "{least} and {away}: {seen:?}");
    assert_eq!(away, 0, "the keys went all at once, so nobody came between two nodes");
    assert_eq!(drained(&stores[0], p, SEATS as usize).await.len() as u32, seen.position.offset);
    // And the channel has gone along.
    let told = tokio::time::timeout(SOON, async {
        let mut seat = SEATS;
        loop {
            mark.mark_unchanged();
            let request = wish(buyer(1), seats(&[seat]));
            seat -= 1;
            let answer = stores[0].hold(p, request).await.unwrap().outcome;
            let is_held = matches!(answer, HoldOutcome::Held(_));
            if tokio::time::timeout(Duration::from_millis(300), mark.changed()).await.is_ok() && is_held {
                return;
            }
        }
    });
    told.await.expect("the mark moves");
}
