//! The sale that goes on: its halls, its buyers, what they hold and have bought; what is asked for next, and what an
//! answer leaves behind.
//!
//! Invariants: what is remembered is bounded, since it shares the
//! machine with what is measured; what was bought is known to the unit, to be compared with the books at the end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::response::Parts;
use hyper::http::{HeaderValue, Method, Uri, header};
use parking_lot::Mutex;
use serde::Deserialize;

use super::mix::Kind;
use crate::bench::api::{bearer, uri};
use crate::bench::buyer::Buyer;
use crate::bench::chance::Chance;
use crate::bench::client::{Call, KEY, TICKET, call, with};

/// Buyers who are there at once; whoever comes takes the place of who came first.
const BUYERS: usize = 20_000;
/// A hold is used until it is this old: soon after, it lapses.
const USED_FOR: Duration = Duration::from_secs(8);
/// What was bought is given back so much later.
const KEPT_FOR: Duration = Duration::from_secs(20);
const PAYMENT: &[u8] = br#"{"payment":{"method":"simulated"},"buyer":{"name":"Kim Min-ji"}}"#;
const GIVE_BACK: &[u8] = b"{}";
const BEST: &[u8] = br#"{"best_available":{"quantity":2}}"#;

/// A performance as buyers know it.
pub(super) struct Hall {
    pub(super) id: String,
    seats: u64,
    reservations: Uri,
    availability: Uri,
    all_seats: Uri,
    plan: Uri,
    /// What the last answer was named.
    seen: Mutex<Option<HeaderValue>>,
    seen_plan: Mutex<Option<HeaderValue>>,
}

impl Hall {
    pub(super) fn new(id: String, seats: u64) -> anyhow::Result<Self> {
        let of = |what: &str| uri(&format!("/performances/{id}/{what}"));
        Ok(Self {
            seats,
            reservations: of("reservations")?,
            availability: of("availability")?,
            all_seats: of("seats")?,
            plan: of("plan")?,
            seen: Mutex::default(),
            seen_plan: Mutex::default(),
            id,
        })
    }
}

/// Joins a waiting room.
pub(super) fn join(buyer: &Buyer, queue: &Uri) -> Call {
    buyer.ask(Method::POST, queue, Some(Bytes::from_static(b"{}")))
}

/// A hold that somebody has.
pub(super) struct Held {
    buyer: Arc<Buyer>,
    id: String,
    since: Instant,
    may_extend: bool,
}

/// An order that is paid.
pub(super) struct Paid {
    id: String,
    units: i64,
    at: Instant,
}

/// A request, and what its answer will be taken for.
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) call: Call,
    pub(super) about: About,
}

/// What a request is about.
pub(super) enum About {
    Nothing,
    /// Somebody new.
    Guest(u64),
    Buyer(Arc<Buyer>),
    Held(Held),
    Paid(Paid),
    View(usize),
    Plan(usize),
}

/// What of an answer is of interest, whichever it is.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    id: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    seats: Vec<serde::de::IgnoredAny>,
}

/// The sale.
pub(super) struct Sale {
    pub(super) halls: Vec<Hall>,
    event: Uri,
    performances: Uri,
    queue: Uri,
    guest: Uri,
    orders: Uri,
    holds: Uri,
    tickets: Vec<HeaderValue>,
    organizer: Mutex<HeaderValue>,
    wheel: Vec<Kind>,
    seed: u64,
    buyers: Mutex<VecDeque<Arc<Buyer>>>,
    held: Mutex<VecDeque<Held>>,
    paid: Mutex<VecDeque<Paid>>,
    come: AtomicU64,
    asked: AtomicU64,
    /// Units of paid orders that were not given back.
    bought: AtomicI64,
}

/// What a sale begins with.
pub(super) struct Beginning {
    pub(super) event: String,
    pub(super) room: Uri,
    pub(super) halls: Vec<Hall>,
    pub(super) buyers: Vec<Buyer>,
    /// Of places in the waiting room.
    pub(super) tickets: Vec<HeaderValue>,
    pub(super) organizer: HeaderValue,
    pub(super) seed: u64,
}

impl Sale {
    pub(super) fn begin(beginning: Beginning) -> anyhow::Result<Self> {
        let Beginning { event, room, halls, buyers, tickets, organizer, seed } = beginning;
        Ok(Self {
            halls,
            event: uri(&format!("/events/{event}"))?,
            performances: uri(&format!("/events/{event}/performances"))?,
            queue: room,
            guest: uri("/auth/guest")?,
            orders: uri("/me/orders?limit=10")?,
            holds: uri("/me/reservations?limit=10")?,
            tickets,
            organizer: Mutex::new(organizer),
            wheel: super::mix::wheel(seed),
            seed,
            come: AtomicU64::new(buyers.len() as u64),
            buyers: Mutex::new(buyers.into_iter().map(Arc::new).collect()),
            held: Mutex::default(),
            paid: Mutex::default(),
            asked: AtomicU64::new(0),
            bought: AtomicI64::new(0),
        })
    }

    /// The next request.
    pub(super) fn next(&self) -> anyhow::Result<Request> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut chance = Chance::of(self.seed, number);
        self.request(self.wheel[number as usize % self.wheel.len()], &mut chance)
    }

    fn request(&self, kind: Kind, chance: &mut Chance) -> anyhow::Result<Request> {
        let buyer = self.buyer(chance);
        // Everybody wants to the first of them, and few to the last.
        let reach = chance.below(self.halls.len() as u64) + 1;
        let at = chance.below(reach) as usize;
        let hall = &self.halls[at];
        let (call, about) = match kind {
            Kind::BecomeGuest => {
                let number = self.come.fetch_add(1, Ordering::Relaxed);
                (Buyer::forwarded(None, number)?.ask(Method::POST, &self.guest, None), About::Guest(number))
            }
            Kind::ReadEvent => (buyer.look(&self.event), About::Nothing),
            Kind::ListPerformances => (buyer.look(&self.performances), About::Nothing),
            Kind::ReadPlan => (unless(buyer.look(&hall.plan), &hall.seen_plan), About::Plan(at)),
            Kind::ReadAvailability => {
                let look = buyer.look(&hall.availability);
                // Half of them were there before.
                let look = if chance.below(2) == 0 { unless(look, &hall.seen) } else { look };
                (look, About::View(at))
            }
            Kind::ReadSeats => (buyer.look(&hall.all_seats), About::Nothing),
            Kind::HoldSeats | Kind::HoldArea | Kind::HoldBest => {
                let body = match kind {
                    Kind::HoldSeats => seats_of(hall.seats, chance),
                    Kind::HoldArea => {
                        Bytes::from(format!(r#"{{"area_id":1,"quantity":{}}}"#, 1 + chance.below(2)))
                    }
                    _ => Bytes::from_static(BEST),
                };
                // As pages do, so that nobody holds twice whose answer was lost.
                let hold = with(buyer.ask(Method::POST, &hall.reservations, Some(body)), &KEY, &chance.key());
                (hold, About::Buyer(buyer))
            }
            Kind::ListOrders => (buyer.ask(Method::GET, &self.orders, None), About::Nothing),
            Kind::ListHolds => (buyer.ask(Method::GET, &self.holds, None), About::Nothing),
            Kind::Poll => {
                let ticket = &self.tickets[chance.below(self.tickets.len() as u64) as usize];
                (with(buyer.look(&self.queue), &TICKET, ticket), About::Nothing)
            }
            Kind::GiveBack => {
                let Some(paid) = self.due_to_be_given_back() else {
                    return self.request(Kind::HoldArea, chance);
                };
                let path = uri(&format!("/orders/{}/refund", paid.id))?;
                let token = self.organizer.lock().clone();
                let back = call(Method::POST, &path, Some(&token), Some(Bytes::from_static(GIVE_BACK)));
                (back, About::Paid(paid))
            }
            Kind::ReadHold | Kind::Extend | Kind::Release | Kind::Confirm => {
                let Some(held) = self.used_next() else { return self.request(Kind::HoldSeats, chance) };
                return Self::about_a_hold(kind, held, chance);
            }
        };
        Ok(Request { kind, call, about })
    }

    fn about_a_hold(kind: Kind, held: Held, chance: &mut Chance) -> anyhow::Result<Request> {
        let path = |verb: &str| uri(&format!("/reservations/{}{verb}", held.id));
        let buyer = &held.buyer;
        let kind = if kind == Kind::Extend && !held.may_extend { Kind::ReadHold } else { kind };
        let call = match kind {
            Kind::Extend => buyer.ask(Method::POST, &path("/extend")?, None),
            Kind::Release => buyer.ask(Method::DELETE, &path("")?, None),
            Kind::Confirm => {
                let pay = Some(Bytes::from_static(PAYMENT));
                with(buyer.ask(Method::POST, &path("/confirm")?, pay), &KEY, &chance.key())
            }
            _ => buyer.ask(Method::GET, &path("")?, None),
        };
        Ok(Request { kind, call, about: About::Held(held) })
    }

    /// Takes in an answer; gives the code of a refusal.
    pub(super) fn answered(&self, kind: Kind, about: About, head: &Parts, body: &Bytes) -> String {
        let is_asked_later =
            matches!(head.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let body = match &about {
            _ if is_asked_later || body.is_empty() => Body::default(),
            About::Nothing | About::View(_) | About::Plan(_) if head.status.is_success() => Body::default(),
            _ => serde_json::from_slice(body).unwrap_or_default(),
        };
        let is_done = head.status.is_success();
        let code = body.code;
        match (kind, about) {
            (_, About::Guest(number)) if is_done => self.came(&body.access_token, number),
            (_, About::Buyer(buyer)) if is_done => {
                self.held(Held { buyer, id: body.id, since: Instant::now(), may_extend: true });
            }
            (Kind::Extend, About::Held(held)) if is_done => {
                self.held(Held { since: Instant::now(), may_extend: false, ..held });
            }
            (Kind::ReadHold, About::Held(held)) if is_done => self.held(held),
            (Kind::Confirm, About::Held(_)) if is_done => {
                let units = i64::try_from(body.seats.len()).unwrap_or(i64::MAX);
                self.bought.fetch_add(units, Ordering::Relaxed);
                self.paid.lock().push_back(Paid { id: body.id, units, at: Instant::now() });
            }
            // People try again.
            (_, About::Held(held)) if is_asked_later || code == "payment_declined" => self.held(held),
            (_, About::Paid(paid)) if is_done => {
                self.bought.fetch_sub(paid.units, Ordering::Relaxed);
            }
            (_, About::Paid(paid)) if is_asked_later => self.paid.lock().push_front(paid),
            (_, About::View(at)) if is_done => remember(&self.halls[at].seen, head),
            (_, About::Plan(at)) if is_done => remember(&self.halls[at].seen_plan, head),
            _ => {}
        }
        code
    }

    /// The organizer has logged in again.
    pub(super) fn organizer_is(&self, token: HeaderValue) {
        *self.organizer.lock() = token;
    }

    /// Units that buyers have paid for and not given back.
    pub(super) fn bought(&self) -> i64 {
        self.bought.load(Ordering::Relaxed)
    }

    fn buyer(&self, chance: &mut Chance) -> Arc<Buyer> {
        let buyers = self.buyers.lock();
        Arc::clone(&buyers[chance.below(buyers.len() as u64) as usize])
    }

    fn came(&self, token: &str, number: u64) {
        let Some(buyer) = bearer(token).and_then(|token| Buyer::forwarded(Some(token), number)).ok() else {
            return;
        };
        let mut buyers = self.buyers.lock();
        if buyers.len() >= BUYERS {
            buyers.pop_front();
        }
        buyers.push_back(Arc::new(buyer));
    }

    fn held(&self, held: Held) {
        self.held.lock().push_back(held);
    }

    /// The hold that has waited longest, of those that have not been left to lapse.
    fn used_next(&self) -> Option<Held> {
        let mut held = self.held.lock();
        loop {
            let next = held.pop_front()?;
            if next.since.elapsed() < USED_FOR {
                return Some(next);
            }
        }
    }

    fn due_to_be_given_back(&self) -> Option<Paid> {
        let mut paid = self.paid.lock();
        let is_due = paid.front().is_some_and(|paid| paid.at.elapsed() >= KEPT_FOR);
        if is_due { paid.pop_front() } else { None }
    }
}

/// One seat or two beside each other, the popular ones more often: those in front.
fn seats_of(seats: u64, chance: &mut Chance) -> Bytes {
    let reach = chance.below(seats - 1) + 1;
    let seat = 1 + chance.below(reach);
    let json = if chance.below(2) == 0 {
        format!(r#"{{"seat_ids":[{seat}]}}"#)
    } else {
        format!(r#"{{"seat_ids":[{seat},{}]}}"#, seat + 1)
    };
    Bytes::from(json)
}

/// Asks for an answer only if it is another than the one that is known.
fn unless(look: Call, seen: &Mutex<Option<HeaderValue>>) -> Call {
    match &*seen.lock() {
        Some(seen) => with(look, &header::IF_NONE_MATCH, seen),
        None => look,
    }
}

fn remember(seen: &Mutex<Option<HeaderValue>>, head: &Parts) {
    if let Some(etag) = head.headers.get(header::ETAG) {
        *seen.lock() = Some(etag.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_in_front_are_popular() {
        let mut chance = Chance::of(1, 1);
        let in_front = (0..1_000).filter(|_| {
            let body: serde_json::Value = serde_json::from_slice(&seats_of(100, &mut chance)).unwrap();
            let seats: Vec<u64> =
                body["seat_ids"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
            assert!(seats.iter().all(|seat| (1..=100).contains(seat)), "{seats:?}");
            seats[0] <= 25
        });
        assert!((500..700).contains(&in_front.count()));
    }

    #[test]
    fn a_hold_is_used_and_bought_and_given_back() {
        let sale = Sale::begin(Beginning {
            event: "e".into(),
            room: "/room".parse().unwrap(),
            halls: vec![Hall::new("h".into(), 100).unwrap()],
            buyers: vec![Buyer::direct(HeaderValue::from_static("Bearer x"))],
            tickets: vec![HeaderValue::from_static("t")],
            organizer: HeaderValue::from_static("Bearer o"),
            seed: 1,
        })
        .unwrap();
        let mut chance = Chance::of(1, 1);
        let answer = |request: Request, status: u16, body: &'static str| {
            let (head, ()) = hyper::Response::builder().status(status).body(()).unwrap().into_parts();
            sale.answered(request.kind, request.about, &head, &Bytes::from_static(body.as_bytes()));
        };
        let confirm = sale.request(Kind::Confirm, &mut chance).unwrap();
        assert_eq!(confirm.kind, Kind::HoldSeats, "nobody has a hold");
        answer(confirm, 201, r#"{"id":"r1"}"#);
        let confirm = sale.request(Kind::Confirm, &mut chance).unwrap();
        assert_eq!(confirm.call.uri().path(), "/api/v1/reservations/r1/confirm");
        answer(confirm, 503, "");
        let again = sale.request(Kind::Confirm, &mut chance).unwrap();
        answer(again, 201, r#"{"id":"o1","seats":[{"id":1},{"id":2}]}"#);
        assert_eq!(sale.bought(), 2);
        assert!(sale.due_to_be_given_back().is_none(), "only after a while");
        sale.paid.lock()[0].at -= KEPT_FOR;
        let back = sale.request(Kind::GiveBack, &mut chance).unwrap();
        assert_eq!(back.call.uri().path(), "/api/v1/orders/o1/refund");
        answer(back, 200, "{}");
        assert_eq!(sale.bought(), 0);
    }
}
