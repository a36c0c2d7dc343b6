//! Races: hundreds of buyers who want the same at the same moment.
//!
//! Invariant: every buyer is somebody else; what is refused is refused for the documented reason and nothing else
//! happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::{
    calls::{Answer, Api, Call, Socket},
    support::{Stage, grid, seat_ids, won},
};

/// How many sockets are open at once.
const SOCKETS: usize = 500;

/// Makes the calls at once, over [`SOCKETS`] sockets to these processes in turn, all open and waiting for each other;
/// where there are more calls than sockets, each socket makes several, one after the other.
pub(crate) async fn at_once(processes: &[&Api], calls: Vec<Call>) -> Vec<Answer> {
    let sockets = calls.len().min(SOCKETS);
    let mut shares: Vec<Vec<Call>> = vec![Vec::new(); sockets];
    for (number, call) in calls.into_iter().enumerate() {
        shares[number % sockets].push(call);
    }
    let start = Arc::new(Barrier::new(sockets));
    let mut tasks = Vec::new();
    for (number, share) in shares.into_iter().enumerate() {
        let mut socket = Socket::open(processes[number % processes.len()]).await;
        let start = Arc::clone(&start);
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            start.wait().await;
            for call in share {
                answers.push(socket.send(&call).await);
            }
            answers
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seat_and_500_buyers() {
    let stage = Stage::seats(10, 10).await;
    let calls = stage.guests(500).iter().map(|guest| stage.holding_seats(guest, &[42])).collect();
    let answers = at_once(&[&stage], calls).await;
    let (held, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((held.len(), refused.len()), (1, 499));
    for answer in refused {
        assert_eq!(answer.refused(409, "seat_taken")["unavailable"], json!([42]));
    }
    assert_eq!(stage.counts().await, [99, 1, 0, 0, 0]);
    assert_eq!(stage.state_of(42).await, "held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_seats_of_a_row_and_500_buyers_who_overlap() {
    const ROW: u32 = 30;
    let stage = Stage::seats(2, ROW).await;
    let first = |buyer: usize| u32::try_from(buyer).unwrap() % (ROW - 2) + 1;
    let guests = stage.guests(500);
    let calls = guests.iter().enumerate().map(|(buyer, guest)| {
        let seat = first(buyer);
        stage.holding_seats(guest, &[seat, seat + 1, seat + 2])
    });
    let answers = at_once(&[&stage], calls.collect()).await;
    assert_eq!(answers.len(), 500);
    let mut held = BTreeSet::new();
    let mut winners = 0;
    for answer in &answers {
        if answer.status == 201 {
            let seats = seat_ids(&answer.json());
            assert_eq!(seats.len(), 3, "all or none");
            assert!(
                seats.iter().all(|seat| held.insert(*seat)),
                "{seats:?} overlaps with another reservation"
            );
            winners += 1;
        } else {
            let taken = answer.refused(409, "seat_taken")["unavailable"].as_array().unwrap().len();
            assert!((1..=3).contains(&taken), "{answer:?}");
        }
    }
    let free = |seat: u32| !held.contains(&seat);
    let left = (1..=ROW - 2).find(|seat| (*seat..seat + 3).all(free));
    assert_eq!(left, None, "three free seats were refused to everybody who wanted them");
    assert_eq!(stage.counts().await, [60 - winners * 3, winners * 3, 0, 0, 0]);
    let listed = stage.get(&stage.path("/seats?status=held")).await.ok(200);
    assert_eq!(seat_ids(&listed), held.into_iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standing_area_of_100_and_2000_buyers() {
    let body = json!({"starts_at": "2030-12-24T20:00:00Z",
        "areas": [{"label": "Pit", "capacity": 100, "price": won(1_000)}]});
    let stage = Stage::with(&json!({}), &body).await;
    let wish = json!({"area_id": 1, "quantity": 1});
    let calls = stage.guests(2_000).iter().map(|guest| stage.holding(guest, &wish)).collect();
    let answers = at_once(&[&stage], calls).await;
    let (held, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((held.len(), refused.len()), (100, 1_900));
    for answer in refused {
        answer.refused(409, "sold_out");
    }
    let places: BTreeSet<u32> = held.iter().flat_map(|answer| seat_ids(&answer.json())).collect();
    assert_eq!(places.len(), 100, "each place once");
    assert_eq!(stage.counts().await, [0, 100, 0, 0, 0]);
    let availability = stage.get(&stage.path("/availability")).await.ok(200);
    assert_eq!(availability["areas"], json!([{"id": 1, "available": 0}]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn best_seats_for_500_buyers_are_200_different_ones() {
    let stage = Stage::with(&json!({}), &grid(10, 20)).await;
    let wish = json!({"best_available": {"quantity": 1}});
    let calls = stage.guests(500).iter().map(|guest| stage.holding(guest, &wish)).collect();
    let mut seats = BTreeSet::new();
    let mut by_code: BTreeMap<String, usize> = BTreeMap::new();
    for answer in at_once(&[&stage], calls).await {
        if answer.status == 201 {
            seats.extend(seat_ids(&answer.json()));
            *by_code.entry("held".to_owned()).or_default() += 1;
        } else {
            let problem: Value = answer.refused(409, "sold_out");
            *by_code.entry(problem["code"].to_string()).or_default() += 1;
        }
    }
    assert_eq!((seats.len(), by_code["held"]), (200, 200), "{by_code:?}");
    assert_eq!(stage.counts().await, [0, 200, 0, 0, 0]);
}

/// Hold, pay, and cancel in one crowd: the stock adds up, and every seat that was sold has one order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_holds_pays_and_cancels_leaves_the_stock_in_order() {
    let stage = Arc::new(Stage::seats(5, 10).await);
    let mut tasks = Vec::new();
    for (number, guest) in stage.guests(100).into_iter().enumerate() {
        let stage = Arc::clone(&stage);
        tasks.push(tokio::spawn(async move {
            let mut sold = Vec::new();
            for step in 0..6_usize {
                let seat = u32::try_from((number * 7 + step * 13) % 50).unwrap() + 1;
                let held = stage.holding_seats(&guest, &[seat]).await;
                if held.status != 201 {
                    let code = held.json()["code"].clone();
                    assert!(code == "seat_taken" || code == "limit_exceeded", "{held:?}");
                } else if (number + step).is_multiple_of(5) {
                    let order = stage.confirming(&guest, &held.json(), "simulated").await.ok(201);
                    sold.extend(seat_ids(&order));
                } else {
                    stage.cancel(&guest, &held.json()).await.empty(204);
                }
            }
            sold
        }));
    }
    let mut sold = Vec::new();
    for task in tasks {
        sold.extend(task.await.unwrap());
    }
    let different: BTreeSet<u32> = sold.iter().copied().collect();
    assert_eq!(different.len(), sold.len(), "a seat was sold twice: {sold:?}");
    let count = sold.len() as u64;
    assert_eq!(stage.counts().await, [50 - count, 0, 0, count, 0]);
    let listed = stage.get(&stage.path("/seats?status=sold")).await.ok(200);
    assert_eq!(seat_ids(&listed), different.into_iter().collect::<Vec<_>>());
}
