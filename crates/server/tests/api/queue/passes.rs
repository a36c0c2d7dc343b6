//! Tickets and passes that are none: forged, altered, expired, of another event, another's, used up.
//!
//! Invariant checked: each is refused with the reason that is documented, and the good one is good before and after.

use base64::Engine;
use serde_json::{Value, json};

use super::{MOVES_WITHIN, Queue, eventually, holding, room, staged};
use crate::{
    bad_input::tokens::resigned_for,
    calls::Call,
    support::{Stage, grid},
};

const TICKET: &str = "onsale:queue-ticket";
const PASS: &str = "onsale:queue-pass";

/// With other claims, the signature as it was.
fn altered(token: &str, change: impl Fn(&mut Value)) -> String {
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&base64.decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    format!("{}.{}.{}", parts[0], base64.encode(claims.to_string()), parts[2])
}

/// Said to need no signature.
fn unsigned(token: &str) -> String {
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", token.split('.').nth(1).unwrap())
}

/// What is no genuine statement for this audience, made from one that is.
fn forgeries(secret: &str, audience: &str, good: &str) -> Vec<(&'static str, String)> {
    let foreign = "another secret, of 32 bytes or so";
    let (there, last) = good.split_at(good.len() - 2);
    let flipped = if last.starts_with('A') { "BA" } else { "AA" };
    vec![
        ("garbage", "garbage".into()),
        ("dots", "a.b.c".into()),
        ("cut off", there.into()),
        ("another signature", format!("{there}{flipped}")),
        ("a part too many", format!("{good}.x")),
        ("unsigned", unsigned(good)),
        ("long", "x".repeat(5_000)),
        ("longer lasting", altered(good, |claims| claims["exp"] = json!(9_999_999_999_i64))),
        ("another place", altered(good, |claims| claims["place"] = json!(0))),
        ("another secret", resigned_for(audience, foreign, good, |_| {})),
        ("an access token's key", resigned_for("onsale:access", secret, good, |_| {})),
        ("no audience", resigned_for(audience, secret, good, |claims| claims["aud"] = Value::Null)),
        (
            "another audience",
            resigned_for(audience, secret, good, |claims| claims["aud"] = json!("onsale:access")),
        ),
        ("no place", resigned_for(audience, secret, good, |claims| claims["place"] = Value::Null)),
        ("a place below zero", resigned_for(audience, secret, good, |claims| claims["place"] = json!(-1))),
        ("no end", resigned_for(audience, secret, good, |claims| claims["exp"] = Value::Null)),
        ("nobody's", resigned_for(audience, secret, good, |claims| claims["sub"] = json!("somebody"))),
    ]
}

/// Calls that were not refused as they should have been.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    async fn refused(&mut self, name: &str, call: Call, code: &str) {
        if let Err(difference) = call.await.refusal(403, code) {
            self.0.push(format!("{name}: {difference}"));
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// Another event of the same organizer, with a waiting room and something on sale.
async fn another_event(stage: &Stage) -> Queue {
    let event = stage.event(&stage.organizer, &json!({"waiting_room": room(&json!({}))})).await;
    stage.performance(&stage.organizer, &event, &grid(1, 10)).await;
    Queue::at(stage, &event)
}

#[tokio::test]
async fn passes_that_let_nobody_in() {
    let (stage, queue) = staged(&json!({}), 5, 20).await;
    let secret = stage.secret();
    let guests = stage.guests(5);
    let [buyer, other, done, gone, waiting] = guests.as_slice() else { panic!("five") };
    let (ticket, pass) = queue.come_in(buyer).await;
    let (_, others) = queue.come_in(other).await;
    let (_, used) = queue.come_in(done).await;
    let held = holding(&stage, done, &used, &[50]).await.ok(201);
    stage.confirming(done, &held, "simulated").await.ok(201);
    let (left, given_up) = queue.come_in(gone).await;
    queue.leaving(&left).await.empty(204);
    let elsewhere = another_event(&stage).await;
    let (_, foreign) = elsewhere.come_in(buyer).await;
    eventually("used up", MOVES_WITHIN, async || queue.verifying(&used).await.refusal(403, "pass_used"))
        .await;
    // Not called any more: whose place this is has no pass.
    queue.setting(&stage.organizer, &json!({"paused": true})).await.ok(200);
    let not_called = queue.ticket(waiting).await;
    let promoted = resigned_for(PASS, &secret, &not_called, |claims| claims["aud"] = json!(PASS));

    let good = resigned_for(PASS, &secret, &pass, |_| {});
    let expired = resigned_for(PASS, &secret, &pass, |claims| claims["exp"] = json!(1_700_000_000));
    let unknown = resigned_for(PASS, &secret, &pass, |claims| claims["place"] = json!(4_000_000));
    let mut bad: Vec<(&str, String, &String, &str)> = forgeries(&secret, PASS, &pass)
        .into_iter()
        .chain([
            ("a ticket", ticket.clone()),
            ("an access token", buyer.clone()),
            ("another event's", foreign.clone()),
        ])
        .chain([("of no place", unknown)])
        .map(|(name, text)| (name, text, buyer, "pass_invalid"))
        .collect();
    bad.push(("expired", expired, buyer, "pass_expired"));
    bad.push(("used up", used.clone(), done, "pass_used"));
    bad.push(("given up", given_up.clone(), gone, "pass_used"));
    bad.push(("not called", promoted, waiting, "pass_invalid"));

    let mut findings = Findings::default();
    for (name, pass, buyer, code) in &bad {
        findings.refused(name, holding(&stage, buyer, pass, &[1]), code).await;
        findings.refused(&format!("{name}, verified"), queue.verifying(pass), code).await;
    }
    findings.refused("another buyer's", holding(&stage, buyer, &others, &[1]), "pass_invalid").await;
    findings.refused("none", stage.holding_seats(buyer, &[1]), "pass_required").await;
    findings.refused("an empty one", holding(&stage, buyer, " ", &[1]), "pass_required").await;
    let bytes = stage.holding_seats(buyer, &[1]).header("queue-pass", b"\xff\xfe");
    findings.refused("no text", bytes, "pass_invalid").await;
    // Replayed: those who come back have a new place, and the pass of the old one stays used up.
    for (buyer, replayed) in [(done, &used), (gone, &given_up)] {
        queue.ticket(buyer).await;
        findings.refused("replayed", holding(&stage, buyer, replayed, &[1]), "pass_used").await;
    }
    findings.refused("verified for nothing", elsewhere.verifying(&pass), "pass_invalid").await;
    let for_no_event = stage.post("/queue/passes/verify", &json!({"pass": pass, "event_id": "nothing"}));
    findings.refused("verified for no event", for_no_event, "pass_invalid").await;
    findings.none();
    assert_eq!(stage.state_of(1).await, "available");
    for (seat, pass) in [(1, &pass), (2, &good)] {
        holding(&stage, buyer, pass, &[seat]).await.ok(201);
        queue.verifying(pass).await.ok(200);
    }
}

#[tokio::test]
async fn tickets_that_are_nobodys_place() {
    let (stage, queue) = staged(&json!({}), 1, 20).await;
    let secret = stage.secret();
    let guests = stage.guests(3);
    let [buyer, other, gone] = guests.as_slice() else { panic!("three") };
    let ticket = queue.ticket(buyer).await;
    let others = queue.ticket(other).await;
    let left = queue.ticket(gone).await;
    let elsewhere = another_event(&stage).await;
    let foreign = elsewhere.ticket(buyer).await;
    queue.until(&ticket, "ready").await;
    let pass = queue.enter(other, &others).await;
    queue.until(&left, "ready").await;
    queue.leaving(&left).await.empty(204);
    // Polls are answered from what was known a moment ago.
    eventually("it has ended", MOVES_WITHIN, async || {
        queue.asking(&left).await.refusal(403, "ticket_invalid")
    })
    .await;

    let good = resigned_for(TICKET, &secret, &ticket, |_| {});
    let mut bad = forgeries(&secret, TICKET, &ticket);
    bad.extend([
        ("a pass", pass),
        ("an access token", buyer.clone()),
        ("another event's", foreign),
        ("expired", resigned_for(TICKET, &secret, &ticket, |claims| claims["exp"] = json!(1_700_000_000))),
        (
            "of a room that is lost",
            resigned_for(TICKET, &secret, &ticket, |claims| {
                claims["generation"] = json!(claims["generation"].as_u64().unwrap() ^ 1);
            }),
        ),
        ("given up", left.clone()),
    ]);
    let mut findings = Findings::default();
    for (name, ticket) in &bad {
        let owner = if *name == "given up" { gone } else { buyer };
        findings.refused(name, queue.asking(ticket), "ticket_invalid").await;
        findings.refused(name, queue.entering(owner, ticket), "ticket_invalid").await;
        let stream = stage.get(&queue.path(&format!("/stream?ticket={ticket}")));
        findings.refused(name, stream, "ticket_invalid").await;
        if *name != "given up" {
            findings.refused(name, queue.leaving(ticket), "ticket_invalid").await;
        }
    }
    findings.refused("another buyer's", queue.entering(buyer, &others), "ticket_invalid").await;
    findings.refused("none", stage.get(&queue.path("")), "ticket_invalid").await;
    findings.refused("an empty one", queue.asking(" "), "ticket_invalid").await;
    findings.none();
    queue.leaving(&left).await.empty(204);
    assert_eq!(queue.asking(&good).await.ok(200)["status"], "ready");
    queue.entering(buyer, &good).await.ok(200);
}
