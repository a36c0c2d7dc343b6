//! Order: who was answered before another asked stands before them, and nothing changes that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use onsale_testkit::servers::Stores;
use serde_json::{Value, json};

use super::{Queue, eventually, staged_on};
use crate::{
    calls::{Answer, Call, Socket},
    support::{Onsale, text},
};

const BUYERS: usize = 10_000;
const SOCKETS: usize = 64;

/// One call and when it was under way.
struct Asked {
    sent: Instant,
    answered: Instant,
    answer: Answer,
}

/// Makes the calls over [`SOCKETS`] connections at once; the answers in the order of the calls.
async fn over_sockets(queue: &Queue, calls: Vec<Call>) -> Vec<Asked> {
    let calls: Arc<[Call]> = calls.into();
    let mut tasks = Vec::new();
    for first in 0..SOCKETS {
        let (calls, api) = (Arc::clone(&calls), queue.api.clone());
        tasks.push(tokio::spawn(async move {
            let mut socket = Socket::open(&api).await;
            let mut asked = Vec::new();
            for call in calls.iter().skip(first).step_by(SOCKETS) {
                let sent = Instant::now();
                let answer = socket.send(call).await;
                asked.push(Asked { sent, answered: Instant::now(), answer });
            }
            asked
        }));
    }
    let mut shares = Vec::new();
    for task in tasks {
        shares.push(task.await.unwrap().into_iter());
    }
    (0..calls.len()).map(|number| shares[number % SOCKETS].next().unwrap()).collect()
}

fn position(place: &Value) -> u64 {
    place["position"].as_u64().unwrap_or_else(|| panic!("no position: {place}"))
}

/// Checks that nobody who asked after another was answered stands before them; gives the positions.
fn without_inversion(joined: &[Asked]) -> Vec<u64> {
    let positions: Vec<u64> = joined.iter().map(|asked| position(&asked.answer.ok(201))).collect();
    let mut answered: Vec<(Instant, u64)> =
        joined.iter().zip(&positions).map(|(asked, position)| (asked.answered, *position)).collect();
    answered.sort_unstable();
    let mut sent: Vec<(Instant, u64)> =
        joined.iter().zip(&positions).map(|(asked, position)| (asked.sent, *position)).collect();
    sent.sort_unstable();
    let (mut last, mut before, mut compared) = (0, answered.into_iter().peekable(), 0);
    for (sent, position) in sent {
        while let Some((_, earlier)) = before.next_if(|(answered, _)| *answered < sent) {
            last = last.max(earlier);
            compared += 1;
        }
        assert!(last < position, "{position} asked after {last} was answered");
    }
    assert!(compared > joined.len() / 2, "they were one after the other: {compared}");
    let mut sorted = positions.clone();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(1..=joined.len() as u64), "each position once");
    positions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joins_over_many_connections_stand_in_the_order_of_their_answers_for_good() {
    // `kill -9` must find the store on this process's own disk.
    let onsale = Onsale::on(Stores::Embedded, &[("ONSALE_LIMITS__ENABLED", "false")]);
    let settings = json!({"admit_per_second": 1_000, "max_inside": 1_000_000});
    let (mut stage, mut queue) = staged_on(onsale, &settings, 200, 150).await;
    queue.setting(&stage.organizer, &json!({"paused": true})).await.ok(200);
    let guests = stage.guests(BUYERS);
    let begun = Instant::now();
    let joined = over_sockets(&queue, guests.iter().map(|guest| queue.joining(guest)).collect()).await;
    println!("{BUYERS} joins over {SOCKETS} connections in {:?}", begun.elapsed());
    let positions = without_inversion(&joined);
    let tickets: Vec<String> = joined.iter().map(|asked| text(&asked.answer.json()["ticket"])).collect();

    // Asking again, ten times each for every fiftieth.
    let again: Vec<usize> = (0..BUYERS).step_by(50).collect();
    let calls = again.iter().flat_map(|number| std::iter::repeat_n(queue.joining(&guests[*number]), 10));
    for (asked, number) in
        over_sockets(&queue, calls.collect()).await.iter().zip(again.iter().flat_map(|n| [*n; 10]))
    {
        assert_eq!(position(&asked.answer.ok(200)), positions[number]);
    }

    stage.onsale.take_process().kill().unwrap();
    stage.onsale.start_again();
    queue = Queue::at(&stage.onsale, &queue.event);
    let begun = Instant::now();
    let asked = over_sockets(&queue, tickets.iter().map(|ticket| queue.asking(ticket)).collect()).await;
    println!("{BUYERS} polls after kill -9 in {:?}", begun.elapsed());
    for (asked, expected) in asked.iter().zip(&positions) {
        let place = asked.answer.ok(200);
        assert_eq!((&place["status"], position(&place)), (&json!("waiting"), *expected));
    }
    for asked in over_sockets(&queue, again.iter().map(|n| queue.joining(&guests[*n])).collect()).await {
        asked.answer.ok(200);
    }

    // Called in that order: whenever admission rests, those called are the first so many. Asked are all up to well
    // behind the last of them, and some of the others.
    let called_of = |shown: &Value| shown["called"].as_u64().unwrap_or_else(|| panic!("{shown}"));
    let mut called_before = 0;
    for _ in 0..2 {
        queue.setting(&stage.organizer, &json!({"paused": false})).await.ok(200);
        eventually("somebody is called", Duration::from_secs(10), async || {
            let shown = queue.api.get(&queue.path("/control")).by(&stage.organizer).await.ok(200);
            if called_of(&shown) > called_before { Ok(()) } else { Err(shown.to_string()) }
        })
        .await;
        let rests = queue.setting(&stage.organizer, &json!({"paused": true})).await.ok(200);
        let near = called_of(&rests) + 1_000;
        let some = tickets.iter().zip(&positions).filter(|(_, at)| **at <= near || **at % 10 == 0);
        let asked = over_sockets(&queue, some.map(|(ticket, _)| queue.asking(ticket)).collect()).await;
        let mut called: Vec<u64> = asked
            .iter()
            .map(|asked| asked.answer.ok(200))
            .filter(|place| place["status"] == "ready")
            .map(|place| position(&place))
            .collect();
        called.sort_unstable();
        println!("called: the first {}", called.len());
        assert!(called.iter().copied().eq(1..=called.len() as u64), "{called:?}");
        assert!(called.len() as u64 > called_before, "more than before");
        called_before = called.len() as u64;
    }
}
