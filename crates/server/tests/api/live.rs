//! The live feed: a WebSocket, server-sent events, and what a client does that missed something.
//!
//! Invariant checked: whatever a client misses, it ends with the states the server has.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::Engine;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message, protocol::frame::coding::CloseCode},
};

use crate::{
    calls::Api,
    support::{Stage, grid, text, won},
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) type Stream = WebSocketStream<TcpStream>;

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| panic!("{what}: nothing within {LIMIT:?}"))
}

pub(crate) async fn connect(api: &Api, path: &str) -> Result<Stream, Box<Error>> {
    let connecting = async {
        let stream = TcpStream::connect(api.address()).await.unwrap();
        tokio_tungstenite::client_async(format!("ws://{}/api/v1{path}", api.address()), stream).await
    };
    within("connecting", connecting).await.map(|(stream, _)| stream).map_err(Box::new)
}

/// The next frame; `None`: the connection was closed, in order.
pub(crate) async fn frame(stream: &mut Stream) -> Option<Value> {
    loop {
        match within("a frame", stream.next()).await {
            Some(Ok(Message::Text(frame))) => return Some(serde_json::from_str(&frame).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

/// The next frame that is not about presence.
pub(crate) async fn news(stream: &mut Stream) -> Value {
    loop {
        let frame = frame(stream).await.expect("an open connection");
        if frame["type"] != "presence" {
            return frame;
        }
    }
}

/// What a client knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    position: Option<String>,
    states: Vec<&'static str>,
    areas: BTreeMap<u64, u64>,
    snapshots: u32,
}

impl Known {
    fn read(&mut self, availability: &Value) {
        let packed = base64::engine::general_purpose::STANDARD.decode(text(&availability["states"])).unwrap();
        let bits = |seat: usize| usize::from(packed[seat / 4] >> (seat % 4 * 2) & 0b11);
        let count = usize::try_from(availability["seat_count"].as_u64().unwrap()).unwrap();
        self.states = (0..count).map(|seat| ["available", "held", "sold", "blocked"][bits(seat)]).collect();
        self.areas = areas(&availability["areas"]);
        self.position = Some(text(&availability["position"]));
    }

    /// Takes a frame; `false`: it does not go on from what is known, and nothing of it was taken.
    fn take(&mut self, frame: &Value) -> bool {
        match frame["type"].as_str().unwrap() {
            "snapshot" => {
                self.read(frame);
                self.snapshots += 1;
            }
            "delta" => {
                if self.position.as_deref() != frame["from"].as_str() {
                    return false;
                }
                for state in ["available", "held", "sold", "blocked"] {
                    for seat in frame[state].as_array().unwrap() {
                        self.states[usize::try_from(seat.as_u64().unwrap()).unwrap() - 1] = state;
                    }
                }
                self.areas.extend(areas(&frame["areas"]));
                self.position = Some(text(&frame["to"]));
            }
            "presence" => assert!(frame["viewers"].as_u64().unwrap() >= 1, "{frame}"),
            other => panic!("an unknown frame: {other}"),
        }
        true
    }

    fn shows(&self, other: &Self) -> bool {
        (&self.states, &self.areas) == (&other.states, &other.areas)
    }

    fn continuing(&self) -> String {
        self.position.as_ref().map_or_else(|| "/live".to_owned(), |position| format!("/live?from={position}"))
    }
}

fn areas(list: &Value) -> BTreeMap<u64, u64> {
    let pair = |area: &Value| (area["id"].as_u64().unwrap(), area["available"].as_u64().unwrap());
    list.as_array().unwrap().iter().map(pair).collect()
}

async fn polled(stage: &Stage) -> Known {
    let mut known = Known::default();
    known.read(&stage.get(&stage.path("/availability")).await.ok(200));
    known
}

#[tokio::test]
async fn a_viewer_sees_a_snapshot_and_then_what_others_do() {
    let stage = Stage::seats(2, 3).await;
    let (first, other) = (stage.guest().await, stage.guest().await);
    stage.hold(&first, &[1]).await;
    let mut viewer = connect(&stage, &stage.path("/live")).await.unwrap();
    let snapshot = news(&mut viewer).await;
    assert_eq!(snapshot["type"], "snapshot");
    let mut known = Known::default();
    known.take(&snapshot);
    assert_eq!(known.states, ["held", "available", "available", "available", "available", "available"]);
    let reservation = stage.hold(&other, &[5, 6]).await;
    let delta = news(&mut viewer).await;
    assert_eq!((&delta["type"], &delta["from"]), (&json!("delta"), &snapshot["position"]));
    assert_eq!(
        (&delta["held"], &delta["sold"], &delta["available"]),
        (&json!([5, 6]), &json!([]), &json!([]))
    );
    assert!(delta.to_string().len() <= 120, "{delta}");
    assert!(known.take(&delta));
    stage.confirming(&other, &reservation, "simulated").await.ok(201);
    // Paying shows as held, so the next that shows is the sale.
    let delta = news(&mut viewer).await;
    assert_eq!(delta["sold"], json!([5, 6]), "{delta}");
    assert!(known.take(&delta));
    assert!(known.shows(&polled(&stage).await));
}

#[tokio::test]
async fn presence_tells_how_many_watch() {
    let stage = Stage::seats(1, 1).await;
    let mut first = connect(&stage, &stage.path("/live")).await.unwrap();
    let _second = connect(&stage, &stage.path("/live")).await.unwrap();
    let seen = async { while frame(&mut first).await.unwrap()["viewers"] != 2 {} };
    within("two viewers", seen).await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let stage = Stage::seats(1, 1).await;
    stage.get(&stage.path("/live")).await.refused(400, "validation");
    let events = |path: &str| stage.get(path).header("accept", "text/event-stream");
    events(&stage.path("/live?from=nowhere")).await.refused(400, "validation");
    events("/performances/01890000-0000-7000-8000-000000000000/live").await.refused(404, "not_found");
    for (path, status) in [
        (stage.path("/live?from=1:-1"), 400),
        ("/performances/01890000-0000-7000-8000-000000000000/live".to_owned(), 404),
    ] {
        let refusal = *connect(&stage, &path).await.expect_err("refused");
        let Error::Http(answer) = refusal else { panic!("{refusal}") };
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn what_is_far_ahead_or_of_another_life_begins_with_a_snapshot() {
    let stage = Stage::seats(1, 2).await;
    for from in ["1:4000000000", "0:1", "9:9"] {
        let mut viewer = connect(&stage, &stage.path(&format!("/live?from={from}"))).await.unwrap();
        assert_eq!(news(&mut viewer).await["type"], "snapshot", "{from}");
    }
}

#[tokio::test]
async fn events_tell_the_same_and_go_on_after_the_last_one_seen() {
    let stage = Stage::seats(1, 4).await;
    let guest = stage.guest().await;
    let events = |last: String| {
        let request = hyper::Request::get(format!("/api/v1{}", stage.path("/live")))
            .header("host", "localhost")
            .header("accept", "text/event-stream")
            .header("last-event-id", last)
            .body(String::new())
            .unwrap();
        let address = stage.address().to_owned();
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.headers()["content-type"], "text/event-stream");
            (answer.into_body(), sender)
        }
    };
    let (mut body, _kept) = within("connecting", events(String::new())).await;
    let mut known = Known::default();
    let mut said = String::new();
    let mut next = async |known: &mut Known, said: &mut String| {
        loop {
            if let Some((event, rest)) = said.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ").map(str::to_owned));
                let id = event.lines().find_map(|line| line.strip_prefix("id: ").map(str::to_owned));
                *said = rest.to_owned();
                if let Some(data) = data {
                    let frame: Value = serde_json::from_str(&data).unwrap();
                    assert!(known.take(&frame), "{frame}");
                    assert_eq!(id, known.position);
                    if frame["type"] != "presence" {
                        return frame;
                    }
                }
                continue;
            }
            let part = within("an event", body.frame()).await.unwrap().unwrap();
            said.push_str(std::str::from_utf8(&part.into_data().unwrap()).unwrap());
        }
    };
    assert_eq!(next(&mut known, &mut said).await["type"], "snapshot");
    stage.hold(&guest, &[2]).await;
    assert_eq!(next(&mut known, &mut said).await["held"], json!([2]));
    // What happens while nobody listens comes as one delta.
    stage.hold(&guest, &[3]).await;
    stage.hold(&guest, &[4]).await;
    let (body, _kept) = within("connecting again", events(known.position.clone().unwrap())).await;
    let mut said = String::new();
    let mut body = body;
    while !said.contains("\n\n") {
        let part = within("an event", body.frame()).await.unwrap().unwrap();
        said.push_str(std::str::from_utf8(&part.into_data().unwrap()).unwrap());
    }
    assert!(said.contains(r#""held":[3,4]"#), "{said}");
}

/// Somebody who buys, blocks and gives back, at random.
async fn storm(stage: &Stage, seed: u64, changes: u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let guests = stage.guests(20);
    let mut held: Vec<(String, Value)> = Vec::new();
    let mut made = 0;
    while made < changes {
        let guest = guests.choose(&mut random).unwrap();
        let answer = match random.random_range(0..10) {
            0..=4 => {
                let seat = random.random_range(1..=200);
                let answer = stage.holding_seats(guest, &[seat]).await;
                if answer.status == 201 {
                    held.push((guest.clone(), answer.json()));
                }
                answer.status
            }
            5 => {
                let answer = stage.holding(guest, &json!({"area_id": 1, "quantity": 2})).await;
                if answer.status == 201 {
                    held.push((guest.clone(), answer.json()));
                }
                answer.status
            }
            6 | 7 if !held.is_empty() => {
                let (guest, reservation) = held.swap_remove(random.random_range(0..held.len()));
                stage.cancel(&guest, &reservation).await.status
            }
            8 if !held.is_empty() => {
                let (guest, reservation) = held.swap_remove(random.random_range(0..held.len()));
                stage.confirming(&guest, &reservation, "simulated").await.status
            }
            _ => {
                let seats = [random.random_range(1..=200_u32)];
                let body = json!({"seat_ids": seats, "blocked": random.random_bool(0.3)});
                stage.post(&stage.path("/blocks"), &body).by(&stage.organizer).await.status
            }
        };
        made += u32::from(answer < 300);
        if random.random_bool(0.1) {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
        }
    }
}

/// Follows until it shows what the server shows after `done`, doing something to itself every now and then.
async fn follow(
    api: Api,
    base: String,
    manner: Manner,
    stormy: Arc<AtomicBool>,
    mut done: tokio::sync::watch::Receiver<Option<Known>>,
) -> Known {
    let mut known = Known { position: manner.beginning().map(str::to_owned), ..Known::default() };
    let mut random = StdRng::seed_from_u64(7);
    let mut cut = Instant::now() + Duration::from_millis(500);
    'connected: loop {
        let mut stream = connect(&api, &format!("{base}{}", known.continuing())).await.unwrap();
        loop {
            let frame = tokio::select! {
                frame = frame(&mut stream) => frame.expect("an open connection"),
                _ = done.changed() => json!({"type": "presence", "viewers": 1}),
            };
            if done.borrow().as_ref().is_some_and(|end| known.shows(end)) {
                return known;
            }
            let skips = manner == Manner::SkipsFrames && stormy.load(Ordering::Acquire);
            if skips && frame["type"] == "delta" && random.random_bool(0.2) {
                continue;
            }
            if !known.take(&frame) {
                // Something was missed: ask again with what is here.
                continue 'connected;
            }
            if manner == Manner::CutOff && Instant::now() > cut {
                drop(stream);
                tokio::time::sleep(Duration::from_secs(5)).await;
                cut = Instant::now() + LIMIT;
                continue 'connected;
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Steady,
    CutOff,
    SkipsFrames,
    OldEpoch,
}

impl Manner {
    fn beginning(self) -> Option<&'static str> {
        (self == Self::OldEpoch).then_some("0:7")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_missed_something_ends_with_the_same_states() {
    let hall = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"rows": 10, "columns": 20},
        "prices": {"standard": won(1_000)}, "areas": [{"label": "Pit", "capacity": 300, "price": won(500)}]});
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &hall).await;
    let (ended, done) = tokio::sync::watch::channel(None);
    let stormy = Arc::new(AtomicBool::new(true));
    let mut followers = JoinSet::new();
    for manner in [Manner::Steady, Manner::CutOff, Manner::SkipsFrames, Manner::OldEpoch] {
        let api = Api::at(&format!("http://{}", stage.address()));
        let following = follow(api, stage.path(""), manner, Arc::clone(&stormy), done.clone());
        followers.spawn(async move { (manner, following.await) });
    }
    storm(&stage, 42, 1_000).await;
    // Who skipped the last frame of all could not know; the one after it tells.
    stormy.store(false, Ordering::Release);
    let last = stage.guest().await;
    stage.holding(&last, &json!({"area_id": 1, "quantity": 1})).await.ok(201);
    // Who only polls has the same, whenever it asks.
    let end = polled(&stage).await;
    ended.send(Some(end.clone())).unwrap();
    let all = async {
        while let Some(follower) = followers.join_next().await {
            let (manner, known) = follower.unwrap();
            assert!(known.shows(&end), "{manner:?}");
            if manner == Manner::Steady {
                assert_eq!(known.snapshots, 1, "who misses nothing needs one snapshot");
            }
        }
    };
    within("everybody to see the end", all).await;
    assert!(end.shows(&polled(&stage).await));
}

#[tokio::test]
async fn a_stock_loaded_anew_begins_with_a_snapshot_of_a_new_epoch() {
    let mut stage = Stage::seats(1, 4).await;
    let guest = stage.guest().await;
    stage.buy(&guest, &[2]).await;
    let mut viewer = connect(&stage, &stage.path("/live")).await.unwrap();
    let before = news(&mut viewer).await;
    stage.onsale.take_process().terminate().unwrap();
    stage.onsale.lose_the_stock();
    stage.onsale.start_again();
    let path = stage.path(&format!("/live?from={}", text(&before["position"])));
    let mut viewer = connect(&stage, &path).await.unwrap();
    let after = news(&mut viewer).await;
    assert_eq!(after["type"], "snapshot");
    assert_eq!(
        (&before["states"], text(&after["position"]).split_once(':').unwrap().0),
        (&after["states"], "2")
    );
}

#[tokio::test]
async fn stopping_says_goodbye_to_viewers_and_does_not_wait_for_them() {
    let mut stage = Stage::seats(1, 1).await;
    let mut viewer = connect(&stage, &stage.path("/live")).await.unwrap();
    news(&mut viewer).await;
    let process = stage.onsale.take_process();
    let begun = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || process.terminate());
    let goodbye = async {
        loop {
            if let Some(Ok(Message::Close(Some(close)))) = viewer.next().await {
                return close.code;
            }
        }
    };
    assert_eq!(within("a goodbye", goodbye).await, CloseCode::Away);
    viewer.close(None).await.ok();
    stopped.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_viewer_who_says_goodbye_is_answered() {
    let stage = Stage::seats(1, 1).await;
    let mut viewer = connect(&stage, &stage.path("/live")).await.unwrap();
    news(&mut viewer).await;
    viewer.close(None).await.unwrap();
    let end = async {
        let mut answered = false;
        while let Some(said) = viewer.next().await {
            answered |= matches!(said.unwrap(), Message::Close(_));
        }
        answered
    };
    assert!(within("the answer", end).await);
}

/// Those who never read cost nobody else anything, and are not buffered for.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_do_not_hurt_others() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &grid(100, 100)).await;
    let mut deaf = Vec::new();
    for _ in 0..500 {
        deaf.push(connect(&stage, &stage.path("/live")).await.unwrap());
    }
    let mut viewer = connect(&stage, &stage.path("/live")).await.unwrap();
    let mut known = Known::default();
    assert!(known.take(&news(&mut viewer).await));
    for (buyer, guest) in stage.guests(40).iter().enumerate() {
        let first = u32::try_from(buyer).unwrap() * 50 + 1;
        let seats: Vec<u32> = (first..first + 50).collect();
        stage.hold(guest, &seats).await;
        let asked = Instant::now();
        while known.states[first as usize - 1] != "held" {
            assert!(known.take(&news(&mut viewer).await));
        }
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
    // They can still be served once they listen: with whatever there is by then.
    let mut late = deaf.pop().unwrap();
    let mut known = Known::default();
    while known.states.get(1_999) != Some(&"held") {
        assert!(known.take(&news(&mut late).await));
    }
    late.send(Message::Close(None)).await.unwrap();
}
