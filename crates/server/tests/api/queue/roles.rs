//! The waiting room served by a process of its own, and what becomes of sales while that process is away.
//!
//! Invariant checked: whoever has a pass buys, whether or not the queue server is there; whoever has none is let in only
//! where the queue server is really away and the event says so.

use std::time::{Duration, Instant};

use onsale_testkit::{
    process::{Installation, Running},
    servers::Stores,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{MOVES_WITHIN, Queue, eventually, holding, staged_on};
use crate::{
    bad_input::tokens::resigned_for,
    calls::Api,
    support::{BINARY, Onsale, Stage},
};

/// How long the queue server may be away before that is taken for more than a hitch, and how long that may take.
const AWAY_AFTER: Duration = Duration::from_millis(1_200);
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// A queue server and a sales server on one folder.
struct Apart {
    stage: Stage,
    queue: Queue,
    queue_server: Installation,
    process: Option<Running>,
}

impl Apart {
    async fn with(settings: &Value) -> Self {
        let mut queue_server = Installation::new(BINARY).unwrap();
        queue_server.set("ONSALE_ROLE", "queue");
        let process = queue_server.start().unwrap();
        let (url, folder) = (process.url().to_owned(), queue_server.data_dir());
        // Where it was it is found again.
        queue_server.set("ONSALE_LISTEN", url.trim_start_matches("http://"));
        let sales = Onsale::on(
            Stores::Embedded,
            &[
                ("ONSALE_ROLE", "sales"),
                ("ONSALE_QUEUE_URL", &url),
                ("ONSALE_DATA_DIR", folder.to_str().unwrap()),
            ],
        );
        let (stage, here) = staged_on(sales, settings, 2, 10).await;
        let queue = Queue::at(&Api::at(&url), &here.event);
        Self { stage, queue, queue_server, process: Some(process) }
    }

    fn kill(&mut self) {
        self.process.take().unwrap().kill().unwrap();
    }

    fn start_again(&mut self) {
        self.process = Some(self.queue_server.start().unwrap());
    }

    /// Waits until the sales server takes the queue server for unreachable.
    async fn is_noticed(&self) {
        eventually("that it is away is noticed", NOTICED_WITHIN, async || {
            let said = self.stage.log();
            if said.contains("the queue server is unreachable") { Ok(()) } else { Err(said) }
        })
        .await;
    }

    /// Forged ones, and somebody else's.
    async fn bad_passes_are_refused(&self, buyer: &str, others: &str) {
        let forged = resigned_for("onsale:queue-pass", "another secret, of 32 bytes or so", others, |_| {});
        for pass in ["garbage", others, &forged] {
            holding(&self.stage, buyer, pass, &[9]).await.refused(403, "pass_invalid");
        }
    }
}

#[tokio::test]
async fn each_serves_its_own_and_the_order_frees_the_place() {
    let mut apart = Apart::with(&json!({"max_inside": 1, "when_unreachable": "admit"})).await;
    let (stage, queue) = (&apart.stage, &apart.queue);
    let guests = stage.guests(3);
    let (_, pass) = queue.come_in(&guests[0]).await;
    let next = queue.ticket(&guests[1]).await;
    stage.holding_seats(&guests[2], &[1]).await.refused(403, "pass_required");
    apart.bad_passes_are_refused(&guests[2], &pass).await;
    let held = holding(stage, &guests[0], &pass, &[1]).await.ok(201);
    queue.stays(&next, "waiting").await;
    stage.confirming(&guests[0], &held, "simulated").await.ok(201);
    holding(stage, &guests[0], &pass, &[2]).await.refused(403, "pass_used");
    let second = queue.enter(&guests[1], &next).await;
    queue.verifying(&pass).await.refused(403, "pass_used");
    holding(stage, &guests[1], &second, &[2]).await.ok(201);
    // Who has bought and waits again has a new pass; the old one stays used up, whatever was shown in between.
    queue.leaving(&next).await.empty(204);
    let (_, again) = queue.come_in(&guests[0]).await;
    holding(stage, &guests[0], &again, &[3]).await.ok(201);
    holding(stage, &guests[0], &pass, &[4]).await.refused(403, "pass_used");
    holding(stage, &guests[0], &again, &[4]).await.ok(201);

    let sales_calls = [
        queue.api.get("/events"),
        queue.api.get(&format!("/events/{}", queue.event)),
        queue.api.call("POST", "/auth/guest"),
        queue.api.get(&stage.path("/seats")),
        queue.api.post(&stage.path("/reservations"), &json!({"seat_ids": [5]})).by(&guests[2]),
    ];
    for call in sales_calls {
        call.await.refused(404, "not_found");
    }
    let ticket = queue.ticket(&guests[2]).await;
    let misdirected = Queue::at(stage, &queue.event);
    let queue_calls = [
        misdirected.joining(&guests[2]),
        misdirected.asking(&ticket),
        misdirected.entering(&guests[2], &ticket),
        misdirected.leaving(&ticket),
        misdirected.verifying(&again),
        misdirected.setting(&stage.organizer, &json!({"paused": true})),
        stage.get(&misdirected.path("/draw")),
        stage.get(&misdirected.path(&format!("/stream?ticket={ticket}"))),
    ];
    for call in queue_calls {
        call.await.refused(404, "not_found");
    }
    // The waiting page without scripts is where the waiting room is.
    let page = format!("/wait/{}", queue.event);
    for (api, status, said) in [(&queue.api, 200, "Join the line"), (&*stage.onsale, 404, "No waiting room")]
    {
        let shown = api.at_root("GET", &page).await;
        assert!(shown.status == status && shown.text().contains(said), "{shown:?}");
    }
    queue
        .api
        .post("/queue/reports", &json!({"stock": [], "bought": []}))
        .by(&guests[2])
        .await
        .refused(401, "unauthenticated");
    // A sales server that has seen none of it asks what became of a pass.
    apart.stage.onsale.take_process().kill().unwrap();
    apart.stage.onsale.start_again();
    let stage = &apart.stage;
    holding(stage, &guests[1], &second, &[6]).await.refused(403, "pass_used");
    holding(stage, &guests[0], &pass, &[6]).await.refused(403, "pass_used");
    holding(stage, &guests[0], &again, &[6]).await.ok(201);
}

#[rstest]
#[case::refused("refuse")]
#[case::let_through("admit")]
#[tokio::test]
async fn while_the_queue_server_is_dead(#[case] policy: &str) {
    let mut apart = Apart::with(&json!({"max_inside": 1, "when_unreachable": policy})).await;
    let guests = apart.stage.guests(5);
    let (_, pass) = apart.queue.come_in(&guests[0]).await;
    let next = apart.queue.ticket(&guests[1]).await;
    // Alive: whoever has no pass is refused, whatever the policy.
    apart.stage.holding_seats(&guests[2], &[1]).await.refused(403, "pass_required");
    apart.kill();
    let killed = Instant::now();
    apart.queue.joining(&guests[2]).attempt().await.expect_err("nobody answers");
    let stage = &apart.stage;
    // Not yet: one lost look may be a hitch.
    stage.holding_seats(&guests[2], &[1]).await.refused(403, "pass_required");
    apart.is_noticed().await;
    assert!(killed.elapsed() > AWAY_AFTER, "after {:?}", killed.elapsed());
    let without = stage.holding_seats(&guests[2], &[1]).await;
    if policy == "admit" {
        without.ok(201);
    } else {
        without.refused(403, "pass_required");
    }
    // A bad pass is worse than none.
    apart.bad_passes_are_refused(&guests[3], &pass).await;
    let held = holding(stage, &guests[0], &pass, &[2]).await.ok(201);
    stage.confirming(&guests[0], &held, "simulated").await.ok(201);
    holding(stage, &guests[0], &pass, &[3]).await.refused(403, "pass_used");

    apart.start_again();
    // What it missed it is told, and calls the next; the places are those of before.
    let second = apart.queue.enter(&guests[1], &next).await;
    apart.queue.verifying(&pass).await.refused(403, "pass_used");
    let stage = &apart.stage;
    eventually("a pass is asked for again", MOVES_WITHIN, async || {
        stage.holding_seats(&guests[4], &[1]).await.refusal(403, "pass_required")
    })
    .await;
    holding(stage, &guests[1], &second, &[4]).await.ok(201);
}

#[tokio::test]
async fn a_queue_server_that_only_hesitates_counts_as_there() {
    let apart = Apart::with(&json!({"when_unreachable": "admit"})).await;
    let guest = apart.stage.guest().await;
    let queue_server = apart.process.as_ref().unwrap();
    for _ in 0..2 {
        queue_server.freeze().unwrap();
        let frozen = Instant::now();
        while frozen.elapsed() < Duration::from_millis(1_400) {
            apart.stage.holding_seats(&guest, &[1]).await.refused(403, "pass_required");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        queue_server.thaw().unwrap();
        // It is there again before the next hitch.
        apart.queue.api.at_root("GET", "/health/live").await.empty(200);
        let thawed = Instant::now();
        while thawed.elapsed() < Duration::from_millis(700) {
            apart.stage.holding_seats(&guest, &[1]).await.refused(403, "pass_required");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(!apart.stage.log().contains("unreachable"), "{}", apart.stage.log());
    let ticket = apart.queue.ticket(&guest).await;
    let pass = apart.queue.enter(&guest, &ticket).await;
    holding(&apart.stage, &guest, &pass, &[1]).await.ok(201);
}

/// An event without a waiting room knows nothing of all this.
#[tokio::test]
async fn an_event_without_a_room_sells_whether_or_not_the_queue_server_is_there() {
    let mut apart = Apart::with(&json!({"mode": "off"})).await;
    let guest = apart.stage.guest().await;
    apart.stage.buy(&guest, &[1]).await;
    apart.kill();
    apart.stage.buy(&guest, &[2]).await;
}
