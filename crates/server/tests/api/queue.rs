//! The waiting room, from joining to the order, and what becomes of those who do not come.
//!
//! Invariant checked: who comes first is called first, and nobody holds without having been let in.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{
    calls::{Api, Call, LIMIT},
    support::{Onsale, Stage, eventually, grid, has, text},
};

mod clock;
mod control;
mod draws;
mod histories;
mod joining;
mod order;
mod passes;
mod returns;
mod roles;
mod scriptless;

/// How long the room may take to move: a turn to be called, a change to be seen. It goes by quarters of a second; the
/// rest is for a busy machine.
const MOVES_WITHIN: Duration = Duration::from_secs(10);

/// The waiting room of an event, at one process.
#[derive(Clone)]
struct Queue {
    api: Api,
    event: String,
}

impl Queue {
    fn at(api: &Api, event: &str) -> Self {
        Self { api: api.clone(), event: event.to_owned() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/events/{}/queue{rest}", self.event)
    }

    fn joining(&self, buyer: &str) -> Call {
        self.api.post(&self.path(""), &json!({})).by(buyer)
    }

    /// Joins for the first time; gives the place.
    async fn join(&self, buyer: &str) -> Value {
        self.joining(buyer).await.ok(201)
    }

    /// Joins for the first time; gives the ticket.
    async fn ticket(&self, buyer: &str) -> String {
        text(&self.join(buyer).await["ticket"])
    }

    fn asking(&self, ticket: &str) -> Call {
        self.api.get(&self.path("")).header("queue-ticket", ticket)
    }

    fn entering(&self, buyer: &str, ticket: &str) -> Call {
        self.api.call("POST", &self.path("/enter")).by(buyer).header("queue-ticket", ticket)
    }

    fn leaving(&self, ticket: &str) -> Call {
        self.api.delete(&self.path("")).header("queue-ticket", ticket)
    }

    fn verifying(&self, pass: &str) -> Call {
        self.api.post("/queue/passes/verify", &json!({"pass": pass, "event_id": self.event}))
    }

    fn setting(&self, organizer: &str, wish: &Value) -> Call {
        self.api.patch(&self.path("/control"), wish).by(organizer)
    }

    /// Asks until the place stands so; gives the place, and how long that took.
    async fn until(&self, ticket: &str, status: &str) -> (Value, Duration) {
        eventually(status, MOVES_WITHIN, async || {
            let place = self.asking(ticket).await.ok(200);
            if place["status"] == status { Ok(place) } else { Err(place.to_string()) }
        })
        .await
    }

    /// Waits for the turn and claims it; gives the pass.
    async fn enter(&self, buyer: &str, ticket: &str) -> String {
        self.until(ticket, "ready").await;
        text(&self.entering(buyer, ticket).await.ok(200)["pass"])
    }

    /// Joins, waits and enters; gives ticket and pass.
    async fn come_in(&self, buyer: &str) -> (String, String) {
        let ticket = self.ticket(buyer).await;
        let pass = self.enter(buyer, &ticket).await;
        (ticket, pass)
    }

    /// Checks that a place stays as it is for longer than the room takes to move.
    async fn stays(&self, ticket: &str, status: &str) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(700) {
            let place = self.asking(ticket).await.ok(200);
            assert_eq!(place["status"], status, "after {:?}: {place}", begun.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Listens to what is said of a place.
    async fn listen(&self, ticket: &str) -> Listener {
        let path = format!("/api/v1{}?ticket={ticket}", self.path("/stream"));
        let request = hyper::Request::get(path).header("host", "localhost").body(String::new()).unwrap();
        let stream = tokio::net::TcpStream::connect(self.api.address()).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let answer = tokio::time::timeout(LIMIT, sender.send_request(request)).await.unwrap().unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Listener { body: answer.into_body(), said: String::new(), _sender: sender }
    }
}

/// A stream of events.
struct Listener {
    body: hyper::body::Incoming,
    said: String,
    _sender: hyper::client::conn::http1::SendRequest<String>,
}

impl Listener {
    /// The next place that was told; `None`: the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, _)) = self.said.split_once("\n\n") {
                let read = event.len() + 2;
                let member = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let told = member("data: ").map(|data| serde_json::from_str::<Value>(data).unwrap());
                if told.is_some() {
                    assert_eq!(member("event: "), Some("queue"), "{event}");
                }
                self.said.drain(..read);
                match told {
                    Some(place) => return Some(place),
                    // A sign of life.
                    None => continue,
                }
            }
            let part = tokio::time::timeout(LIMIT, self.body.frame()).await.expect("an event");
            self.said.push_str(std::str::from_utf8(&part?.unwrap().into_data().unwrap()).unwrap());
        }
    }

    /// The next place that stands so.
    async fn until(&mut self, status: &str) -> Value {
        let deadline = Instant::now() + MOVES_WITHIN;
        loop {
            let place = self.next().await.expect("the stream goes on");
            if place["status"] == status {
                return place;
            }
            assert!(Instant::now() < deadline, "no {status}: {place}");
        }
    }
}

/// A performance of an event with a waiting room that lets in fast, unless these settings of it say otherwise.
async fn staged(settings: &Value, rows: u32, columns: u32) -> (Stage, Queue) {
    staged_on(Onsale::start(), settings, rows, columns).await
}

async fn staged_on(onsale: Onsale, settings: &Value, rows: u32, columns: u32) -> (Stage, Queue) {
    let stage = Stage::on(onsale, &json!({"waiting_room": room(settings)}), &grid(rows, columns)).await;
    let queue = Queue::at(&stage, &stage.event);
    (stage, queue)
}

fn room(settings: &Value) -> Value {
    let mut room = json!({"mode": "on", "admit_per_second": 1_000});
    for (name, value) in settings.as_object().unwrap() {
        room[name] = value.clone();
    }
    room
}

/// Holds seats with a pass.
fn holding(stage: &Stage, buyer: &str, pass: &str, seats: &[u32]) -> Call {
    stage.holding_seats(buyer, seats).header("queue-pass", pass)
}

#[tokio::test]
async fn from_joining_to_the_order_and_the_place_inside_goes_to_the_next() {
    let (stage, queue) = staged(&json!({"max_inside": 1}), 2, 5).await;
    let (first, second) = (stage.guest().await, stage.guest().await);
    let place = queue.join(&first).await;
    has(&place, &["ticket", "status", "position", "ahead", "eta_s", "poll_after_ms", "odds"]);
    assert_eq!((&place["status"], &place["position"]), (&json!("waiting"), &json!(1)));
    let ticket = text(&place["ticket"]);
    let next = queue.join(&second).await;
    assert_eq!(next["position"], 2);
    let next = text(&next["ticket"]);
    for _ in 0..10 {
        assert_eq!(queue.joining(&first).await.ok(200)["position"], 1, "asking again");
    }
    holding(&stage, &first, "", &[1]).await.refused(403, "pass_required");
    let (ready, _) = queue.until(&ticket, "ready").await;
    assert!(ready["claim_until"].is_string() && ready["at_door"] == false, "{ready}");
    stage.holding_seats(&first, &[1]).await.refused(403, "pass_required");
    let too_early = queue.entering(&second, &next).await;
    too_early.refused(425, "not_your_turn");
    assert_eq!(too_early.header("retry-after"), "1");
    let pass = queue.entering(&first, &ticket).await.ok(200);
    assert_eq!(queue.entering(&first, &ticket).await.ok(200), pass, "asking again gives the same pass");
    let inside = queue.until(&ticket, "inside").await.0;
    assert_eq!(inside["inside_until"], pass["expires_at"]);
    let pass = text(&pass["pass"]);
    assert_eq!(queue.verifying(&pass).await.ok(200)["valid"], true);
    queue.stays(&next, "waiting").await;
    let held = holding(&stage, &first, &pass, &[1, 2]).await.ok(201);
    stage.confirming(&first, &held, "simulated").await.ok(201);
    let (_, after) = queue.until(&next, "ready").await;
    println!("the next was called {after:?} after the order");
    eventually("used up", MOVES_WITHIN, async || queue.verifying(&pass).await.refusal(403, "pass_used"))
        .await;
    holding(&stage, &first, &pass, &[3]).await.refused(403, "pass_used");
    queue.asking(&ticket).await.refused(403, "ticket_invalid");
    queue.entering(&first, &ticket).await.refused(403, "ticket_invalid");
    assert_eq!(queue.join(&first).await["position"], 3, "at the end of the line");
    let pass = queue.enter(&second, &next).await;
    holding(&stage, &second, &pass, &[3]).await.ok(201);
}

#[tokio::test]
async fn who_leaves_holds_up_nobody() {
    let (stage, queue) = staged(&json!({"max_inside": 1}), 1, 10).await;
    let guests = stage.guests(4);
    let mut tickets = Vec::new();
    for guest in &guests {
        tickets.push(queue.ticket(guest).await);
    }
    let pass = queue.enter(&guests[0], &tickets[0]).await;
    for _ in 0..2 {
        // Out of the middle of the line, and the second time it is no mistake.
        queue.leaving(&tickets[1]).await.empty(204);
    }
    queue.stays(&tickets[2], "waiting").await;
    queue.leaving(&tickets[0]).await.empty(204);
    holding(&stage, &guests[0], &pass, &[1]).await.refused(403, "pass_used");
    queue.enter(&guests[2], &tickets[2]).await;
    queue.stays(&tickets[3], "waiting").await;
    assert_eq!(queue.join(&guests[1]).await["position"], 5, "a new place at the end");
}

#[tokio::test]
async fn sold_out_is_told_to_everybody() {
    let (stage, queue) = staged(&json!({}), 1, 2).await;
    let guests = stage.guests(4);
    let (_, pass) = queue.come_in(&guests[0]).await;
    let mut waiting = Vec::new();
    for guest in &guests[1..3] {
        let ticket = queue.ticket(guest).await;
        let listener = queue.listen(&ticket).await;
        waiting.push((ticket, listener));
    }
    // Two seats, and a buyer takes two until it is known better.
    queue.stays(&waiting[0].0, "waiting").await;
    let held = holding(&stage, &guests[0], &pass, &[1, 2]).await.ok(201);
    queue.stays(&waiting[0].0, "waiting").await;
    stage.confirming(&guests[0], &held, "simulated").await.ok(201);
    let sold = Instant::now();
    for (ticket, listener) in &mut waiting {
        let (_, after) = queue.until(ticket, "sold_out").await;
        listener.until("sold_out").await;
        assert!(listener.next().await.is_none(), "there is nothing more to tell");
        println!("told within {after:?}, by the stream within {:?} of the sale", sold.elapsed());
    }
    queue.joining(&guests[3]).await.refused(409, "sold_out");
}

#[tokio::test]
async fn who_misses_the_turn_holds_up_nobody_and_may_come_late() {
    let (stage, queue) = staged(&json!({"max_inside": 1, "claim_within_s": 5}), 1, 10).await;
    let (late, prompt) = (stage.guest().await, stage.guest().await);
    let missed = queue.ticket(&late).await;
    let next = queue.ticket(&prompt).await;
    queue.until(&missed, "ready").await;
    queue.enter(&prompt, &next).await;
    let place = queue.asking(&missed).await.ok(200);
    assert_eq!((&place["status"], &place["missed"]), (&json!("ready"), &json!(true)), "{place}");
    queue.entering(&late, &missed).await.refused(410, "turn_missed");
    queue.leaving(&next).await.empty(204);
    let pass = text(&queue.entering(&late, &missed).await.ok(200)["pass"]);
    holding(&stage, &late, &pass, &[1]).await.ok(201);
}

#[tokio::test]
async fn a_pass_is_asked_for_where_the_room_is_on_and_nowhere_else() {
    let stage = Stage::seats(1, 10).await;
    let guest = stage.guest().await;
    let queue = Queue::at(&stage, &stage.event);
    let switch = async |mode: &str| {
        let settings = json!({"settings": {"waiting_room": {"mode": mode}}});
        stage.patch(&format!("/events/{}", stage.event), &settings).by(&stage.organizer).await.ok(200);
    };
    queue.joining(&guest).await.refused(404, "not_found");
    stage.holding_seats(&guest, &[1]).await.ok(201);
    switch("on").await;
    eventually("a pass is asked for", MOVES_WITHIN, async || {
        stage.holding_seats(&guest, &[1]).await.refusal(403, "pass_required")
    })
    .await;
    let (_, pass) = queue.come_in(&guest).await;
    holding(&stage, &guest, &pass, &[2]).await.ok(201);
    switch("off").await;
    eventually("no pass is asked for", MOVES_WITHIN, async || {
        stage.holding_seats(&guest, &[1]).await.refusal(409, "seat_taken")
    })
    .await;
    eventually("there is no room", MOVES_WITHIN, async || {
        queue.joining(&guest).await.refusal(404, "not_found")
    })
    .await;
}

#[tokio::test]
async fn the_stream_tells_each_change() {
    let (stage, queue) = staged(&json!({"max_inside": 1}), 1, 10).await;
    let (first, second) = (stage.guest().await, stage.guest().await);
    let (inside, _) = queue.come_in(&first).await;
    let ticket = queue.ticket(&second).await;
    let mut listener = queue.listen(&ticket).await;
    let place = listener.until("waiting").await;
    assert_eq!((&place["position"], &place["ticket"]), (&json!(2), &json!(ticket)));
    queue.leaving(&inside).await.empty(204);
    listener.until("ready").await;
    queue.entering(&second, &ticket).await.ok(200);
    listener.until("inside").await;
    queue.leaving(&ticket).await.empty(204);
    assert!(listener.next().await.is_none(), "who has left is told nothing");
    for query in ["", "?ticket=", "?ticket=nonsense"] {
        stage.get(&queue.path(&format!("/stream{query}"))).await.refused(403, "ticket_invalid");
    }
}
