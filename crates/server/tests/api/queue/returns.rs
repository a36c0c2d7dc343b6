//! What comes back after everything was sold, and who gets it.
//!
//! Invariant checked: the first in line whom it fits has it held for them, nobody else gets it before, and whatever is
//! killed, it is offered once.

use std::time::Duration;

use onsale_testkit::servers::{or_passed_over, smtp::MailServer};
use serde_json::{Value, json};

use super::{MOVES_WITHIN, Queue, eventually, holding, room, staged, staged_on};
use crate::{
    calls::Call,
    support::{Onsale, Stage, grid, has, seat_ids, seed, text, won},
};

/// The shortest time that an event can give people to take what is offered.
const SHORTEST_S: u64 = 5;

impl Queue {
    fn wishing(&self, buyer: &str, ticket: &str, wish: &Value) -> Call {
        self.api.put(&self.path("/wish"), wish).by(buyer).header("queue-ticket", ticket)
    }

    fn wish_of(&self, buyer: &str, ticket: &str) -> Call {
        self.api.get(&self.path("/wish")).by(buyer).header("queue-ticket", ticket)
    }

    fn withdrawing(&self, buyer: &str, ticket: &str) -> Call {
        self.api.delete(&self.path("/wish")).by(buyer).header("queue-ticket", ticket)
    }
}

/// Somebody in line.
#[derive(Clone)]
struct Waiting {
    buyer: String,
    ticket: String,
}

impl Waiting {
    async fn join(queue: &Queue, buyer: &str) -> Self {
        Self { buyer: buyer.to_owned(), ticket: queue.ticket(buyer).await }
    }

    async fn wish(&self, stage: &Stage, queue: &Queue, quantity: u32) -> Value {
        let wish = json!({"performance_id": stage.performance, "quantity": quantity});
        queue.wishing(&self.buyer, &self.ticket, &wish).await.ok(200)
    }

    async fn status(&self, queue: &Queue) -> String {
        text(&queue.wish_of(&self.buyer, &self.ticket).await.ok(200)["status"])
    }

    /// Asks until the wish stands so; gives it.
    async fn until(&self, queue: &Queue, status: &str, within: Duration) -> Value {
        let (wish, _) = eventually(status, within, async || {
            let wish = queue.wish_of(&self.buyer, &self.ticket).await.ok(200);
            if wish["status"] == status { Ok(wish) } else { Err(wish.to_string()) }
        })
        .await;
        wish
    }

    /// What is held for them, as soon as it is.
    async fn offered(&self, stage: &Stage, queue: &Queue) -> Value {
        let wish = self.until(queue, "offered", MOVES_WITHIN).await;
        assert_eq!(wish["offer"]["performance_id"], json!(stage.performance));
        let held = stage.reservation(&self.buyer, &json!({"id": wish["offer"]["reservation_id"]})).await;
        assert_eq!((&held["status"], &held["expires_at"]), (&json!("held"), &wish["offer"]["expires_at"]));
        held
    }
}

/// An event that offers what comes back, with so many seats in one row; people have so long to take it.
async fn line(claim_within_s: u64, columns: u32) -> (Stage, Queue) {
    staged(&json!({"when_sold_out": "return_line", "claim_within_s": claim_within_s}), 1, columns).await
}

/// Lets a buyer in who buys these seats; gives the order's id.
async fn sell(stage: &Stage, queue: &Queue, seats: &[u32]) -> String {
    let buyer = stage.guest().await;
    let (_, pass) = queue.come_in(&buyer).await;
    let held = holding(stage, &buyer, &pass, seats).await.ok(201);
    text(&stage.confirming(&buyer, &held, "simulated").await.ok(201)["id"])
}

async fn refund(stage: &Stage, order: &str) {
    stage.post(&format!("/orders/{order}/refund"), &json!({})).by(&stage.organizer).await.ok(200);
}

#[tokio::test]
async fn what_comes_back_goes_to_the_first_whom_it_fits() {
    let (stage, queue) = line(60, 6).await;
    let (pair, single) = (sell(&stage, &queue, &[1, 2]).await, sell(&stage, &queue, &[3]).await);
    let three = sell(&stage, &queue, &[4, 5, 6]).await;
    let guests = stage.guests(3);
    let mut line = Vec::new();
    for guest in &guests {
        line.push(Waiting::join(&queue, guest).await);
    }
    eventually("nothing is free", MOVES_WITHIN, async || {
        let place = queue.asking(&line[0].ticket).await.ok(200);
        if place["return_line"] == true { Ok(()) } else { Err(place.to_string()) }
    })
    .await;
    // Whoever wishes first is not served first.
    for (waiting, quantity) in line.iter().zip([3, 2, 1]).rev() {
        let wish = waiting.wish(&stage, &queue, quantity).await;
        has(&wish, &["performance_id", "quantity", "category", "area_id", "together", "position"]);
        assert_eq!((&wish["status"], &wish["offer"]), (&json!("waiting"), &Value::Null));
        assert_eq!(waiting.wish(&stage, &queue, quantity).await, wish, "asking again");
    }
    refund(&stage, &pair).await;
    let held = line[1].offered(&stage, &queue).await;
    assert_eq!(seat_ids(&held), [1, 2]);
    assert_eq!([line[0].status(&queue).await, line[2].status(&queue).await], ["waiting", "waiting"]);
    let wish = json!({"performance_id": stage.performance, "quantity": 1});
    queue.wishing(&line[1].buyer, &line[1].ticket, &wish).await.refused(409, "offer_open");
    stage.confirming(&line[1].buyer, &held, "simulated").await.ok(201);
    line[1].until(&queue, "taken", MOVES_WITHIN).await;
    refund(&stage, &single).await;
    assert_eq!(seat_ids(&line[2].offered(&stage, &queue).await), [3]);
    refund(&stage, &three).await;
    assert_eq!(seat_ids(&line[0].offered(&stage, &queue).await), [4, 5, 6], "passed over, and served later");
    assert_eq!(stage.counts().await, [0, 4, 0, 2, 0]);
}

#[tokio::test]
async fn what_nobody_takes_in_time_goes_to_the_next() {
    let (stage, queue) = line(SHORTEST_S, 2).await;
    let order = sell(&stage, &queue, &[1, 2]).await;
    let guests = stage.guests(2);
    let (first, second) = (Waiting::join(&queue, &guests[0]).await, Waiting::join(&queue, &guests[1]).await);
    let wish = first.wish(&stage, &queue, 2).await;
    second.wish(&stage, &queue, 2).await;
    refund(&stage, &order).await;
    let held = first.offered(&stage, &queue).await;
    assert_eq!(second.status(&queue).await, "waiting");
    let lapses_within = Duration::from_secs(SHORTEST_S) + MOVES_WITHIN;
    let missed = first.until(&queue, "missed", lapses_within).await;
    assert_eq!(missed["offer"], Value::Null);
    stage.confirming(&first.buyer, &held, "simulated").await.refused(410, "hold_expired");
    second.offered(&stage, &queue).await;
    // Back in the line at the same place, and ahead of those who come later.
    assert_eq!(first.wish(&stage, &queue, 2).await, wish);
    queue.withdrawing(&second.buyer, &second.ticket).await.empty(204);
    queue.withdrawing(&second.buyer, &second.ticket).await.empty(204);
    assert_eq!(second.status(&queue).await, "withdrawn");
    let held = first.offered(&stage, &queue).await;
    stage.cancel(&first.buyer, &held).await.empty(204);
    first.until(&queue, "missed", MOVES_WITHIN).await;
    assert_eq!(stage.counts().await, [2, 0, 0, 0, 0], "nobody waits for it");
}

/// Somebody was let in before everything was sold and tries all the time; what they get is only what fits nobody.
#[tokio::test]
async fn nobody_else_gets_what_fits_somebody_who_waits() {
    let (stage, queue) = line(60, 7).await;
    let insider = stage.guest().await;
    let (_, pass) = queue.come_in(&insider).await;
    let (single, pair) = (sell(&stage, &queue, &[1]).await, sell(&stage, &queue, &[2, 3]).await);
    sell(&stage, &queue, &[4, 5, 6, 7]).await;
    let guests = stage.guests(2);
    let (waiting, next) = (Waiting::join(&queue, &guests[0]).await, Waiting::join(&queue, &guests[1]).await);
    waiting.wish(&stage, &queue, 2).await;
    let tries = async || {
        let body = json!({"best_available": {"quantity": 1}});
        stage.holding(&insider, &body).header("queue-pass", &pass).await
    };
    let offered = async {
        refund(&stage, &pair).await;
        waiting.offered(&stage, &queue).await
    };
    let mut offered = std::pin::pin!(offered);
    let mut refused = 0;
    let held = loop {
        tokio::select! {
            held = &mut offered => break held,
            answer = tries() => {
                answer.refused(409, "sold_out");
                refused += 1;
            }
        }
    };
    println!("refused {refused} times while it was given back and offered");
    assert_eq!(seat_ids(&held), [2, 3]);
    next.wish(&stage, &queue, 2).await;
    refund(&stage, &single).await;
    queue.stays(&next.ticket, "waiting").await;
    let (left, _) = eventually("what fits nobody is for sale", MOVES_WITHIN, async || {
        let answer = tries().await;
        if answer.status == 201 { Ok(answer.ok(201)) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!(seat_ids(&left), [1]);
    assert_eq!(stage.counts().await, [0, 3, 0, 4, 0]);
}

#[tokio::test]
async fn categories_areas_and_seats_apart() {
    let onsale = Onsale::start();
    let mut show = grid(1, 5);
    show["areas"] = json!([{"label": "Pit", "capacity": 2, "price": won(300)}]);
    let settings = json!({"waiting_room": room(&json!({"when_sold_out": "return_line"}))});
    let stage = Stage::on(onsale, &settings, &show).await;
    let queue = Queue::at(&stage, &stage.event);
    let apart = sell(&stage, &queue, &[1, 3]).await;
    sell(&stage, &queue, &[2, 4, 5]).await;
    let buyer = stage.guest().await;
    let (_, pass) = queue.come_in(&buyer).await;
    let body = json!({"area_id": 1, "quantity": 2});
    let held = stage.holding(&buyer, &body).header("queue-pass", &pass).await.ok(201);
    let pit = text(&stage.confirming(&buyer, &held, "simulated").await.ok(201)["id"]);
    let guests = stage.guests(3);
    let mut line = Vec::new();
    for guest in &guests {
        line.push(Waiting::join(&queue, guest).await);
    }
    let wishes = [
        json!({"quantity": 2, "category": "standard"}),
        json!({"quantity": 2, "area_id": 1}),
        json!({"quantity": 2, "category": "standard", "together": false}),
    ];
    for (waiting, mut wish) in line.iter().zip(wishes) {
        wish["performance_id"] = json!(stage.performance);
        queue.wishing(&waiting.buyer, &waiting.ticket, &wish).await.ok(200);
    }
    refund(&stage, &apart).await;
    assert_eq!(seat_ids(&line[2].offered(&stage, &queue).await), [1, 3]);
    refund(&stage, &pit).await;
    assert_eq!(seat_ids(&line[1].offered(&stage, &queue).await).len(), 2);
    assert_eq!(line[0].status(&queue).await, "waiting");
    assert_eq!(stage.counts().await, [0, 4, 0, 3, 0]);
}

/// Wherever the process is killed: everything that came back is offered, to each once.
#[tokio::test]
async fn what_is_offered_outlives_kills() {
    let (mut stage, queue) = line(3_600, 11).await;
    // Two and two apart, so that what is taken first never leaves single seats.
    sell(&stage, &queue, &[3, 6, 9]).await;
    let mut orders = Vec::new();
    for first in [1, 4, 7, 10] {
        orders.push(sell(&stage, &queue, &[first, first + 1]).await);
    }
    let mut line = Vec::new();
    for guest in stage.guests(4) {
        let waiting = Waiting::join(&queue, &guest).await;
        waiting.wish(&stage, &queue, 2).await;
        line.push(waiting);
    }
    let mut random = seed();
    println!("TEST_SEED={random}");
    for order in &orders {
        refund(&stage, order).await;
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Around the round in which it is offered.
        tokio::time::sleep(Duration::from_millis((random >> 33) % 700)).await;
        stage.onsale.take_process().kill().unwrap();
        stage.onsale.start_again();
    }
    let queue = Queue::at(&stage, &stage.event);
    let mut held = Vec::new();
    for waiting in &line {
        held.extend(seat_ids(&waiting.offered(&stage, &queue).await));
    }
    held.sort_unstable();
    assert_eq!(held, [1, 2, 4, 5, 7, 8, 10, 11]);
    assert_eq!(stage.counts().await, [0, 8, 0, 3, 0]);
    for waiting in &line {
        let all = stage.get("/me/reservations").by(&waiting.buyer).await.ok(200);
        // What was held only to find out what is held for them was given back.
        let held = all["items"].as_array().unwrap().iter().filter(|one| one["status"] == "held");
        assert_eq!(held.count(), 1, "{all}");
        let wish = queue.wish_of(&waiting.buyer, &waiting.ticket).await.ok(200);
        let held = stage.reservation(&waiting.buyer, &json!({"id": wish["offer"]["reservation_id"]})).await;
        stage.confirming(&waiting.buyer, &held, "simulated").await.ok(201);
    }
    assert_eq!(stage.counts().await, [0, 0, 0, 11, 0]);
}

#[tokio::test]
async fn wishes_that_cannot_be() {
    let (stage, queue) = line(60, 4).await;
    let waiting = Waiting::join(&queue, &stage.guest().await).await;
    let other = Waiting::join(&queue, &stage.guest().await).await;
    let wish = |member: &str, value: Value| {
        let mut wish = json!({"performance_id": stage.performance, "quantity": 2});
        wish[member] = value;
        wish
    };
    let put = |wish: &Value| queue.wishing(&waiting.buyer, &waiting.ticket, wish);
    for (member, value) in [
        ("quantity", json!(0)),
        ("quantity", json!(5)),
        ("quantity", json!(-1)),
        ("category", json!("royal box")),
        ("area_id", json!(1)),
        ("email", json!("nobody")),
        ("language", json!("xx")),
        ("time_zone", json!("no zone")),
        ("performance_id", json!("x")),
    ] {
        put(&wish(member, value)).await.refused(400, "validation");
    }
    let nowhere = json!("01a1fcad-dbf5-78c0-a41a-138665a747ec");
    put(&wish("performance_id", nowhere)).await.refused(404, "not_found");
    let elsewhere = stage.event(&stage.organizer, &json!({})).await;
    let elsewhere = stage.performance(&stage.organizer, &elsewhere, &grid(1, 2)).await;
    put(&wish("performance_id", json!(elsewhere))).await.refused(404, "not_found");
    let good = wish("together", json!(true));
    for (buyer, ticket) in
        [(&waiting.buyer, "x"), (&waiting.buyer, &other.ticket), (&other.buyer, &waiting.ticket)]
    {
        queue.wishing(buyer, ticket, &good).await.refused(403, "ticket_invalid");
        queue.wish_of(buyer, ticket).await.refused(403, "ticket_invalid");
        queue.withdrawing(buyer, ticket).await.refused(403, "ticket_invalid");
    }
    queue.wish_of(&waiting.buyer, &waiting.ticket).await.refused(404, "not_found");
    queue.withdrawing(&waiting.buyer, &waiting.ticket).await.empty(204);
    put(&good).await.ok(200);
    queue.leaving(&waiting.ticket).await.empty(204);
    assert_eq!(waiting.status(&queue).await, "withdrawn");

    let settings = json!({"waiting_room": room(&json!({"opens_at": "2029-01-01T00:00:00Z",
        "when_sold_out": "return_line"}))});
    let event = stage.event(&stage.organizer, &settings).await;
    let lobby = Queue::at(&stage, &event);
    let early = Waiting::join(&lobby, &waiting.buyer).await;
    lobby.wishing(&early.buyer, &early.ticket, &good).await.refused(409, "sale_not_open");
    let closes = stage.event(&stage.organizer, &json!({"waiting_room": room(&json!({}))})).await;
    let closes = Queue::at(&stage, &closes);
    let patient = Waiting::join(&closes, &waiting.buyer).await;
    closes.wishing(&patient.buyer, &patient.ticket, &good).await.refused(409, "no_return_line");
}

/// While there is something to be had, wishes change nothing: everybody buys as usual.
#[tokio::test]
async fn before_it_is_sold_out_wishes_wait() {
    let (stage, queue) = line(60, 4).await;
    let order = sell(&stage, &queue, &[1, 2]).await;
    let buyer = stage.guest().await;
    let (_, pass) = queue.come_in(&buyer).await;
    let waiting = Waiting::join(&queue, &stage.guest().await).await;
    waiting.wish(&stage, &queue, 2).await;
    refund(&stage, &order).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(waiting.status(&queue).await, "waiting");
    let held = holding(&stage, &buyer, &pass, &[1, 2, 3, 4]).await.ok(201);
    stage.confirming(&buyer, &held, "simulated").await.ok(201);
    assert_eq!(stage.counts().await, [0, 0, 0, 4, 0]);
}

#[tokio::test]
async fn who_has_an_address_is_written_to() {
    let Some(server) = or_passed_over(MailServer::start(), "aiosmtpd") else { return };
    let settings = server.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let room = json!({"when_sold_out": "return_line", "claim_within_s": 600});
    let (stage, queue) = staged_on(Onsale::with(&settings), &room, 1, 4).await;
    let (first, second) = (sell(&stage, &queue, &[1, 2]).await, sell(&stage, &queue, &[3, 4]).await);
    let waiting = Waiting::join(&queue, &stage.sign_up("lee@example.com").await).await;
    let guest = Waiting::join(&queue, &stage.guest().await).await;
    let wish = json!({"performance_id": stage.performance, "quantity": 2, "time_zone": "Asia/Seoul"});
    let call = queue.wishing(&waiting.buyer, &waiting.ticket, &wish);
    call.header("accept-language", "ko").await.ok(200);
    let mut named = wish.clone();
    named["email"] = json!("guest@example.com");
    queue.wishing(&guest.buyer, &guest.ticket, &named).await.ok(200);
    refund(&stage, &first).await;
    let held = waiting.offered(&stage, &queue).await;
    let letter = letter_to(&server, "lee@example.com").await;
    let subject = text(&letter["headers"]["subject"]);
    assert!(subject.starts_with("기다리시던 좌석이 나왔습니다: A winter's tale"), "{subject}");
    let plain = text(&letter["plain"]);
    let link = format!("https://tickets.example.com/#/reservations/{}", text(&held["id"]));
    for part in ["Kim 님", "- A-1 (", "- A-2 (", "잡아 둔 시간", "Asia/Seoul", &link] {
        assert!(plain.contains(part), "{part}: {plain}");
    }
    refund(&stage, &second).await;
    guest.offered(&stage, &queue).await;
    let plain = text(&letter_to(&server, "guest@example.com").await["plain"]);
    assert!(plain.starts_with("Hello,") && plain.contains("Held for you until: "), "{plain}");
}

/// The letter to somebody, once it is there; others are written to about what they bought and gave back.
async fn letter_to(server: &MailServer, recipient: &str) -> Value {
    for count in 1.. {
        let letters = server.wait_for(count).await.unwrap();
        if let Some(letter) = letters.into_iter().find(|letter| letter["recipients"] == json!([recipient])) {
            return letter;
        }
    }
    unreachable!("waiting ends before counting does")
}
