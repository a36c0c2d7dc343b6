//! What one buyer of a crowd does, from coming to having tickets or being told that there are none.
//!
//! Invariants: a buyer asks when they were told to ask and not before; a request that was not answered well is made
//! again under its own key, a bounded number of times; nobody goes on beyond the end of the crowd.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::{HeaderName, HeaderValue, Method, Uri};
use parking_lot::Mutex;
use serde_json::Value;

use super::order::Seen;
use super::tally::{Step, Tally};
use crate::bench::api::uri;
use crate::bench::chance::Chance;
use crate::bench::client::{Call, KEY, TICKET, call, with};
use crate::bench::connections::{Connections, Exchanged};

static PASS: HeaderName = HeaderName::from_static("queue-pass");

/// How often a request is made whose answers are missing, 429 or 5xx.
const TRIES: u32 = 5;
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often somebody pays whose payment is declined.
const PAYMENTS: u32 = 5;
/// How long somebody looks around inside before they hold, and before they pay, milliseconds.
const LOOKS_MS: (u64, u64) = (500, 3_000);
const PAYMENT: &[u8] = br#"{"payment":{"method":"simulated"},"buyer":{"name":"Kim Min-ji"}}"#;

/// What all buyers of a crowd have in common.
pub(super) struct Scene {
    pub(super) connections: Connections,
    queue: Uri,
    enter: Uri,
    reservations: Uri,
    pub(super) tally: Mutex<Tally>,
    /// When everybody gives up.
    end: Instant,
}

impl Scene {
    pub(super) fn new(
        connections: Connections,
        event: &str,
        performance: &str,
        end: Instant,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            connections,
            queue: uri(&format!("/events/{event}/queue"))?,
            enter: uri(&format!("/events/{event}/queue/enter"))?,
            reservations: uri(&format!("/performances/{performance}/reservations"))?,
            tally: Mutex::new(Tally::new()),
            end,
        })
    }
}

/// Somebody who wants tickets.
pub(super) struct Buyer {
    pub(super) token: HeaderValue,
    pub(super) arrives: Instant,
    /// Whether they are there when they are called.
    pub(super) comes: bool,
    /// How many tickets they would like; they take fewer rather than none.
    pub(super) wants: u32,
    /// They only look around inside for so long, and leave.
    pub(super) stays: Option<Duration>,
    /// For what they do by chance.
    pub(super) chance: Chance,
}

/// How it ended for somebody.
pub(super) enum End {
    /// These places are theirs.
    Bought(Vec<u64>),
    /// They were told that everything is sold.
    Told,
    /// They have looked around.
    Left,
    /// Neither, for this reason.
    Lost(String),
}

/// What somebody went through.
pub(super) struct Story {
    pub(super) end: End,
    pub(super) ended: Instant,
    pub(super) seen: Seen,
    /// They had come, looked when they were told to look, and the time to enter was over.
    pub(super) missed: bool,
}

/// A good answer.
struct Answer {
    sent: Instant,
    answered: Instant,
    status: StatusCode,
    /// Null where there is no body.
    body: Value,
}

impl Answer {
    fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }
}

/// The way of one buyer.
pub(super) struct Way {
    scene: Arc<Scene>,
    buyer: Buyer,
    seen: Seen,
    missed: bool,
}

impl Way {
    pub(super) fn of(buyer: Buyer, scene: &Arc<Scene>) -> Self {
        Self { scene: Arc::clone(scene), buyer, seen: Seen::default(), missed: false }
    }

    /// Through the waiting room.
    pub(super) async fn through_the_room(mut self) -> Story {
        tokio::time::sleep_until(self.buyer.arrives.into()).await;
        let end = self.wait_and_buy().await;
        self.ended(end)
    }

    /// Straight to the tickets.
    pub(super) async fn straight(mut self) -> Story {
        tokio::time::sleep_until(self.buyer.arrives.into()).await;
        let end = self.buy(None).await;
        self.ended(end)
    }

    fn ended(self, end: End) -> Story {
        Story { end, ended: Instant::now(), seen: self.seen, missed: self.missed }
    }

    async fn wait_and_buy(&mut self) -> End {
        let join = self.with_token(Method::POST, &self.scene.queue, Some(b"{}"));
        let Some(joined) = self.ask(Step::Join, join).await else { return lost("not let into the line") };
        if !joined.status.is_success() {
            return told_or_lost(&joined);
        }
        if joined.text("status") == "waiting" {
            self.seen.joined = Some((joined.sent, joined.answered));
        }
        let Ok(ticket) = HeaderValue::from_str(joined.text("ticket")) else { return lost("no ticket") };
        let mut place = joined;
        loop {
            self.look_at(&place);
            match place.text("status") {
                "sold_out" => return End::Told,
                "ready" if self.buyer.comes => match self.enter(&ticket).await {
                    Entering::Pass(pass) => {
                        let end = self.inside(&pass).await;
                        if matches!(end, End::Told | End::Left) {
                            self.leave(&ticket).await;
                        }
                        return end;
                    }
                    Entering::Ended(end) => return end,
                    Entering::Missed => self.missed = true,
                },
                "lobby" | "waiting" | "ready" => {}
                other => {
                    let what = format!("a place that is {other:?}");
                    self.scene.tally.lock().error(what.clone());
                    return End::Lost(what);
                }
            }
            let Some(after_ms) = place.body["poll_after_ms"].as_u64() else { return lost("no time to ask") };
            let due = Instant::now() + Duration::from_millis(after_ms);
            if due > self.scene.end {
                return lost("never told how it ended");
            }
            tokio::time::sleep_until(due.into()).await;
            let poll = with(call(Method::GET, &self.scene.queue, None, None), &TICKET, &ticket);
            let Some(polled) = self.ask(Step::Poll, poll).await else { return lost("no answer to a poll") };
            self.scene.tally.lock().late(polled.sent.saturating_duration_since(due));
            if !polled.status.is_success() {
                return told_or_lost(&polled);
            }
            place = polled;
        }
    }

    fn look_at(&mut self, place: &Answer) {
        if let Some(position) = place.body["position"].as_u64().and_then(|position| position.try_into().ok())
            && *self.seen.position.get_or_insert(position) != position
        {
            self.scene.tally.lock().error(format!("a place moved: {:?}, {position}", self.seen.position));
        }
        match place.text("status") {
            "lobby" | "waiting" => self.seen.note_waiting(place.sent),
            "ready" => {
                let first = self.seen.called.is_none();
                self.seen.note_called(place.answered);
                self.missed |= first && self.buyer.comes && place.body["missed"] == true;
            }
            _ => {}
        }
    }

    /// Claims the turn, at the door as long as it takes.
    async fn enter(&mut self, ticket: &HeaderValue) -> Entering {
        loop {
            let enter = with(self.with_token(Method::POST, &self.scene.enter, None), &TICKET, ticket);
            let Some(entered) = self.ask(Step::Enter, enter).await else {
                return Entering::Ended(lost("no answer at the door"));
            };
            match (entered.status, entered.text("code")) {
                (StatusCode::OK, _) => {
                    return HeaderValue::from_str(entered.text("pass"))
                        .map_or_else(|_| Entering::Ended(lost("no pass")), Entering::Pass);
                }
                (_, "not_your_turn")
                    if entered.body["at_door"] == true && Instant::now() < self.scene.end =>
                {
                    let after_ms = entered.body["retry_after_ms"].as_u64().unwrap_or(1_000);
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                }
                (_, "turn_missed") => return Entering::Missed,
                _ => return Entering::Ended(told_or_lost(&entered)),
            }
        }
    }

    async fn inside(&mut self, pass: &HeaderValue) -> End {
        let Some(stays) = self.buyer.stays else { return self.buy(Some(pass)).await };
        tokio::time::sleep(stays).await;
        End::Left
    }

    /// Holds and pays: with a pass as people do, without one as fast as it goes.
    async fn buy(&mut self, pass: Option<&HeaderValue>) -> End {
        let mut wants = self.buyer.wants;
        let reservation = loop {
            self.look_around(pass).await;
            let body = format!("{{\"area_id\":1,\"quantity\":{wants}}}");
            let hold = self.with_token(Method::POST, &self.scene.reservations, Some(body.as_bytes()));
            let mut hold = with(hold, &KEY, &self.buyer.chance.key());
            if let Some(pass) = pass {
                hold = with(hold, &PASS, pass);
            }
            let Some(held) = self.ask(Step::Hold, hold).await else { return lost("no answer to a hold") };
            match (held.status, held.text("code")) {
                (StatusCode::CREATED, _) => break held.text("id").to_owned(),
                (_, "sold_out") if wants > 1 => wants -= 1,
                _ => return told_or_lost(&held),
            }
        };
        let Ok(confirm) = uri(&format!("/reservations/{reservation}/confirm")) else { return lost("no id") };
        let key = self.buyer.chance.key();
        for _ in 0..PAYMENTS {
            self.look_around(pass).await;
            let pay = with(self.with_token(Method::POST, &confirm, Some(PAYMENT)), &KEY, &key);
            let Some(paid) = self.ask(Step::Confirm, pay).await else {
                return lost("no answer to a payment");
            };
            match (paid.status, paid.text("code")) {
                (StatusCode::CREATED, _) => {
                    let seats = paid.body["seats"].as_array().into_iter().flatten();
                    return End::Bought(seats.filter_map(|seat| seat["id"].as_u64()).collect());
                }
                (_, "payment_declined") => {}
                _ => return told_or_lost(&paid),
            }
        }
        lost("every payment was declined")
    }

    async fn look_around(&mut self, pass: Option<&HeaderValue>) {
        if pass.is_some() {
            let (least, most) = LOOKS_MS;
            let ms = least + self.buyer.chance.below(most - least);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    async fn leave(&mut self, ticket: &HeaderValue) {
        let leave = with(call(Method::DELETE, &self.scene.queue, None, None), &TICKET, ticket);
        self.ask(Step::Leave, leave).await;
    }

    fn with_token(&self, method: Method, path: &Uri, json: Option<&[u8]>) -> Call {
        call(method, path, Some(&self.buyer.token), json.map(Bytes::copy_from_slice))
    }

    /// Makes a request, again where it was not answered or answered with a fault. `None`: there was nothing else.
    async fn ask(&mut self, step: Step, request: Call) -> Option<Answer> {
        for _ in 0..TRIES {
            let exchanged = self.scene.connections.exchange(request.clone()).await;
            let answer = exchanged.and_then(|Exchanged { sent, answered, answer }| {
                let (head, body) = answer?;
                let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
                Ok(Answer { sent, answered, status: head.status, body })
            });
            match answer {
                Ok(answer) => {
                    self.scene.tally.lock().answered(step, answer.status, answer.text("code"));
                    let is_fault = answer.status.is_server_error();
                    if !is_fault && answer.status != StatusCode::TOO_MANY_REQUESTS {
                        return Some(answer);
                    }
                }
                Err(cause) => self.scene.tally.lock().failed(step, &cause),
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        None
    }
}

/// What comes of claiming a turn.
enum Entering {
    Pass(HeaderValue),
    Missed,
    Ended(End),
}

fn lost(why: &str) -> End {
    End::Lost(why.to_owned())
}

fn told_or_lost(refused: &Answer) -> End {
    match refused.text("code") {
        "sold_out" => End::Told,
        code => End::Lost(format!("{} {code}", refused.status)),
    }
}
