//! The record over several nodes: every change reaches the ledger, in order, whichever node carries it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use onsale_app::ports::hot::{ChangeLog as _, Reservations as _};
use onsale_domain::ids::PerformanceId;
use onsale_hot::redis::RedisStore;
use onsale_testkit::{
    model::check_record,
    servers::{or_passed_over, redis::Redis},
};

use crate::stage::{Recording, SOON, buyer, held, node, on_sale, seats, wish};

/// Drains into a ledger until it is stopped.
fn drain(store: RedisStore, ledger: Arc<Mutex<Recording>>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            if let Some(batch) = store.next(500, 200).await.unwrap() {
                ledger.lock().unwrap().record(&batch.changes);
                store.acknowledge(batch).await.unwrap();
            }
        }
    })
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn length(server: &Redis, p: PerformanceId) -> usize {
    let answer = server.ask(&["XLEN", &format!("onsale:{{{p}}}:changes")]).unwrap();
    answer.trim_start_matches(':').parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_drain_at_once_and_every_change_arrives_once_in_order() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await, node(&server.url()).await];
    let mut performances = Vec::new();
    for _ in 0..4 {
        performances.push(on_sale(&nodes[0], 500, &[]).await);
    }
    let ledger = Arc::new(Mutex::new(Recording::default()));
    let drains: Vec<_> = nodes.iter().map(|store| drain(store.clone(), Arc::clone(&ledger))).collect();
    let buyers: Vec<_> = (0..8_u32)
        .map(|n| {
            let (store, performances) = (nodes[n as usize % 3].clone(), performances.clone());
            tokio::spawn(async move {
                for seat in (n + 1..=500).step_by(8) {
                    for p in &performances {
                        let hold = held(&store, *p, wish(buyer(seat), seats(&[seat]))).await;
                        if seat.is_multiple_of(5) {
                            store.cancel(*p, hold.id, buyer(seat)).await.unwrap();
                        }
                    }
                }
            })
        })
        .collect();
    for buyer in buyers {
        buyer.await.unwrap();
    }
    until("the ledger has everything", || ledger.lock().unwrap().count() == 4 * 600).await;
    until("nothing is left", || performances.iter().all(|p| length(&server, *p) == 0)).await;
    drains.iter().for_each(tokio::task::JoinHandle::abort);
    let ledger = ledger.lock().unwrap();
    assert_eq!(ledger.repeats, 0, "while all are well nobody does another's work");
    for p in &performances {
        check_record(500, &ledger.changes[p]).unwrap();
    }
}

/// One node has taken a batch and dies before it acknowledges it: another goes on where it was, without a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_had_in_hand_another_takes_over() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let (dying, other) = (node(&server.url()).await, node(&server.url()).await);
    let p = on_sale(&dying, 50, &[]).await;
    for seat in 1..=50 {
        held(&dying, p, wish(buyer(seat), seats(&[seat]))).await;
    }
    let mut ledger = Recording::default();
    let first = dying.next(20, 0).await.unwrap().unwrap();
    ledger.record(&first.changes);
    // The ledger has committed it; the acknowledgement is what is lost.
    drop(first);
    assert!(other.next(100, 0).await.unwrap().is_none(), "one at a time");
    drop(dying);
    let begun = Instant::now();
    let batch = other.next(100, 15_000).await.unwrap().expect("taken over");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    ledger.record(&batch.changes);
    other.acknowledge(batch).await.unwrap();
    assert_eq!(
        (ledger.count(), ledger.repeats),
        (50, 20),
        "what was committed comes again and is passed over"
    );
    check_record(50, &ledger.changes[&p]).unwrap();
    assert_eq!(length(&server, p), 0);
}

/// A node that was away for longer than it may be comes back and acknowledges: nothing goes that the node that took
/// over has not written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_acknowledgement_removes_nothing() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let (slow, other) = (node(&server.url()).await, node(&server.url()).await);
    let p = on_sale(&slow, 10, &[]).await;
    let hold = held(&slow, p, wish(buyer(1), seats(&[1]))).await;
    slow.cancel(p, hold.id, buyer(1)).await.unwrap();
    let late = slow.next(100, 0).await.unwrap().unwrap();
    let taken = other.next(100, 15_000).await.unwrap().expect("taken over");
    assert_eq!(taken.changes, late.changes);
    slow.acknowledge(late).await.unwrap();
    assert_eq!(length(&server, p), 2);
    assert!(other.find(p, hold.id).await.unwrap().is_some(), "the ledger may not have its end yet");
    other.acknowledge(taken).await.unwrap();
    assert_eq!(length(&server, p), 0);
    assert!(other.find(p, hold.id).await.unwrap().is_none());
}

/// The record of one epoch is not lost with the loading of the next, and comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_drained_outlives_a_new_loading() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let store = node(&server.url()).await;
    let p = on_sale(&store, 4, &[]).await;
    held(&store, p, wish(buyer(1), seats(&[1]))).await;
    server.ask(&["DEL", &format!("onsale:{{{p}}}:meta")]).unwrap();
    let image = onsale_domain::inventory::Image::untouched(crate::stage::layout(4, &[]), 2);
    assert!(onsale_app::ports::hot::Stock::load(&store, p, image).await.unwrap());
    held(&store, p, wish(buyer(2), seats(&[1]))).await;
    let batch = store.next(100, 2_000).await.unwrap().unwrap();
    let positions: Vec<String> = batch.changes.iter().map(|change| change.position.to_string()).collect();
    assert_eq!(positions, ["1:1", "2:1"]);
}
