//! Events: create, list, change, delete, and the settings of a sale.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Onsale, Stage, grid, has, ids, payment, text};

fn defaults() -> Value {
    json!({"hold_ttl_s": 300, "max_seats_per_buyer": 4, "max_extensions": 1, "buyer_identity": "guest",
        "currency": "KRW", "waiting_room": {"mode": "off", "opens_at": null, "admit_per_second": 50,
            "max_inside": 500, "inside_for_s": 600, "claim_within_s": 60, "one_place_per": "buyer",
            "when_unreachable": "refuse", "when_sold_out": "close", "proof_of_work_bits": 0}})
}

#[tokio::test]
async fn an_event_is_created_with_defaults_and_read_by_anyone() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let made = onsale.post("/events", &json!({"title": "겨울 이야기"})).by(&organizer).await.ok(201);
    has(&made, &["id", "title", "description", "settings", "waiting_room", "created_at"]);
    assert_eq!((&made["title"], &made["description"]), (&json!("겨울 이야기"), &Value::Null));
    assert_eq!(made["settings"], defaults());
    assert!(text(&made["created_at"]).ends_with('Z'));
    assert_eq!(made["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
    let path = format!("/events/{}", text(&made["id"]));
    assert_eq!(onsale.get(&path).await.ok(200), made);
    assert_eq!(onsale.get("/events").await.ok(200), json!({"items": [made], "next_cursor": null}));
}

#[tokio::test]
async fn settings_given_are_kept_and_a_patch_changes_only_what_it_names() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let body = json!({"title": "A play", "description": "In two acts.",
        "settings": {"hold_ttl_s": 60, "waiting_room": {"max_inside": 7, "opens_at": "2030-01-01T09:00:00+09:00"}}});
    let made = onsale.post("/events", &body).by(&organizer).await.ok(201);
    let mut settings = defaults();
    settings["hold_ttl_s"] = json!(60);
    settings["waiting_room"]["max_inside"] = json!(7);
    settings["waiting_room"]["opens_at"] = json!("2030-01-01T00:00:00Z");
    assert_eq!(made["settings"], settings);
    let path = format!("/events/{}", text(&made["id"]));
    let patch = async |body: Value| onsale.patch(&path, &body).by(&organizer).await.ok(200);
    assert_eq!(patch(json!({})).await, made);
    settings["max_extensions"] = json!(3);
    settings["waiting_room"]["mode"] = json!("on");
    let changed = patch(json!({"settings": {"max_extensions": 3, "waiting_room": {"mode": "on"}}})).await;
    assert_eq!((&changed["settings"], &changed["waiting_room"]), (&settings, &json!(true)));
    assert_eq!((&changed["title"], &changed["description"]), (&made["title"], &made["description"]));
    settings["waiting_room"]["opens_at"] = Value::Null;
    let cleared = patch(json!({"description": null, "settings": {"waiting_room": {"opens_at": null}}})).await;
    assert_eq!((&cleared["description"], &cleared["settings"]), (&Value::Null, &settings));
    let renamed = patch(json!({"title": "Another play"})).await;
    assert_eq!((&renamed["title"], &renamed["settings"]), (&json!("Another play"), &settings));
    assert_eq!(onsale.get(&path).await.ok(200), renamed);
}

#[rstest]
#[case::hold_too_short(json!({"hold_ttl_s": 9}), json!({"hold_ttl_s": 10}))]
#[case::hold_too_long(json!({"hold_ttl_s": 3601}), json!({"hold_ttl_s": 3600}))]
#[case::no_seats(json!({"max_seats_per_buyer": 0}), json!({"max_seats_per_buyer": 1}))]
#[case::too_many_seats(json!({"max_seats_per_buyer": 51}), json!({"max_seats_per_buyer": 50}))]
#[case::extensions(json!({"max_extensions": -1}), json!({"max_extensions": 0}))]
#[case::identity(json!({"buyer_identity": "anyone"}), json!({"buyer_identity": "account"}))]
#[case::currency(json!({"currency": "won"}), json!({"currency": "EUR"}))]
#[case::unknown(json!({"hold_ttl": 10}), json!({}))]
#[case::null(json!({"hold_ttl_s": null}), json!({"hold_ttl_s": 300}))]
#[case::mode(json!({"waiting_room": {"mode": "maybe"}}), json!({"waiting_room": {"mode": "on"}}))]
#[case::mode_type(json!({"waiting_room": "on"}), json!({"waiting_room": {}}))]
#[case::opens(json!({"waiting_room": {"opens_at": "tomorrow"}}),
    json!({"waiting_room": {"opens_at": "2030-01-01T00:00:00Z"}}))]
#[case::admission(json!({"waiting_room": {"admit_per_second": 0}}), json!({"waiting_room": {"admit_per_second": 1}}))]
#[case::inside(json!({"waiting_room": {"max_inside": 0}}), json!({"waiting_room": {"max_inside": 1}}))]
#[case::claim(json!({"waiting_room": {"claim_within_s": 4}}), json!({"waiting_room": {"claim_within_s": 5}}))]
#[case::place(json!({"waiting_room": {"one_place_per": "x"}}), json!({"waiting_room": {"one_place_per": "address"}}))]
#[case::sold_out(json!({"waiting_room": {"when_sold_out": true}}),
    json!({"waiting_room": {"when_sold_out": "return_line"}}))]
#[case::policy(json!({"waiting_room": {"when_unreachable": "x"}}),
    json!({"waiting_room": {"when_unreachable": "admit"}}))]
#[tokio::test]
async fn settings_out_of_range_are_refused_and_the_next_ones_are_not(
    #[case] bad: Value,
    #[case] good: Value,
) {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let create = |settings: &Value| {
        onsale.post("/events", &json!({"title": "A play", "settings": settings})).by(&organizer)
    };
    create(&bad).await.refused(400, "validation");
    let event = create(&good).await.ok(201);
    let path = format!("/events/{}", text(&event["id"]));
    onsale.patch(&path, &json!({"settings": bad})).by(&organizer).await.refused(400, "validation");
    assert_eq!(onsale.get(&path).await.ok(200), event);
    assert_eq!(ids(&onsale.get("/events").await.ok(200)).len(), 1);
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(onsale.event(&organizer, &json!({})).await);
    }
    made.reverse();
    assert_eq!(ids(&onsale.get("/events").await.ok(200)), made);
    assert_eq!(ids(&onsale.get("/events?limit=200").await.ok(200)), made);
    let (mut seen, mut pages) = (Vec::new(), Vec::new());
    let mut path = "/events?limit=3".to_owned();
    loop {
        let page = onsale.get(&path).await.ok(200);
        pages.push(ids(&page).len());
        seen.extend(ids(&page));
        if page["next_cursor"].is_null() {
            break;
        }
        path = format!("/events?limit=3&cursor={}", text(&page["next_cursor"]));
    }
    assert_eq!((seen, pages), (made, vec![3, 3, 1]));
    let whole = onsale.get("/events?limit=7").await.ok(200);
    assert_eq!(whole["next_cursor"], Value::Null, "a full last page is the last page");
}

#[tokio::test]
async fn a_deleted_event_is_gone_with_its_performances() {
    let stage = Stage::seats(2, 3).await;
    let path = format!("/events/{}", stage.event);
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    stage.delete(&path).by(&guest).await.refused(403, "forbidden");
    stage.delete(&path).by(&stage.organizer).await.empty(204);
    stage.delete(&path).by(&stage.organizer).await.refused(404, "not_found");
    stage.get(&path).await.refused(404, "not_found");
    stage.get(&format!("{path}/performances")).await.refused(404, "not_found");
    stage.get(&stage.path("")).await.refused(404, "not_found");
    stage.holding_seats(&guest, &[2]).await.refused(404, "not_found");
    assert_eq!(ids(&stage.get("/events").await.ok(200)), Vec::<String>::new());
}

/// What was held there may reach the ledger after the event is gone; the buyer's list goes on.
#[tokio::test]
async fn a_hold_of_a_deleted_event_hides_no_other_reservation() {
    let stage = Stage::seats(1, 3).await;
    let guest = stage.guest().await;
    let kept = stage.hold(&guest, &[1]).await;
    for _ in 0..10 {
        let event = stage.onsale.event(&stage.organizer, &json!({})).await;
        let performance = stage.onsale.performance(&stage.organizer, &event, &grid(1, 1)).await;
        let path = format!("/performances/{performance}/reservations");
        let held = stage.post(&path, &json!({"seat_ids": [1]})).by(&guest).await.ok(201);
        stage.delete(&format!("/events/{event}")).by(&stage.organizer).await.empty(204);
        assert_eq!(ids(&stage.get("/me/reservations").by(&guest).await.ok(200)), [text(&kept["id"])]);
        let gone = format!("/reservations/{}", text(&held["id"]));
        stage.get(&gone).by(&guest).await.refused(404, "not_found");
        stage.delete(&gone).by(&guest).await.refused(404, "not_found");
        stage
            .post(&format!("{gone}/confirm"), &payment("simulated"))
            .by(&guest)
            .await
            .refused(404, "not_found");
    }
}

/// Holds of a deleted event lapse with nobody left to tell; what is sold beside it goes on, also after a crash.
#[tokio::test]
async fn a_deleted_event_leaves_nothing_behind_that_gets_in_the_way() {
    let mut stage = Stage::with(&json!({"hold_ttl_s": 10}), &grid(1, 3)).await;
    let (kim, guest) = (stage.guest().await, stage.guest().await);
    stage.hold(&kim, &[1]).await;
    let held = Instant::now();
    stage.delete(&format!("/events/{}", stage.event)).by(&stage.organizer).await.empty(204);
    stage.event = stage.onsale.event(&stage.organizer, &json!({})).await;
    stage.performance = stage.onsale.performance(&stage.organizer, &stage.event, &grid(1, 3)).await;
    for seat in 1..=3 {
        let made = stage.hold(&guest, &[seat]).await;
        let begun = Instant::now();
        while !ids(&stage.get("/me/reservations").by(&guest).await.ok(200)).contains(&text(&made["id"])) {
            assert!(begun.elapsed() < Duration::from_secs(5), "the ledger does not hear of new reservations");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if seat == 1 {
            stage.onsale.take_process().kill().unwrap();
            stage.onsale.start_again();
        } else if seat == 2 {
            // Past the end of the first hold.
            tokio::time::sleep(Duration::from_secs(11).saturating_sub(held.elapsed())).await;
        }
    }
    assert_eq!(stage.counts().await, [0, 3, 0, 0, 0]);
}

/// What a key made may be gone: it is not made a second time, and asking is no fault of the server.
#[tokio::test]
async fn a_key_whose_event_is_gone_makes_no_second_one() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let create = || onsale.post("/events", &json!({"title": "A play"})).by(&organizer).key("k-1");
    let id = text(&create().await.ok(201)["id"]);
    onsale.delete(&format!("/events/{id}")).by(&organizer).await.empty(204);
    create().await.refused(422, "idempotency_mismatch");
    assert!(ids(&onsale.get("/events").await.ok(200)).is_empty());
}

#[tokio::test]
async fn an_event_with_orders_stays() {
    let stage = Stage::seats(2, 3).await;
    let guest = stage.guest().await;
    stage.buy(&guest, &[1]).await;
    let path = format!("/events/{}", stage.event);
    stage.delete(&path).by(&stage.organizer).await.refused(409, "has_orders");
    stage.get(&path).await.ok(200);
    assert_eq!(stage.counts().await, [5, 0, 0, 1, 0]);
}

#[tokio::test]
async fn only_its_organizer_and_admins_manage_an_event() {
    let stage = Stage::seats(2, 3).await;
    let other = stage.account("other@example.com", "organizer").await;
    let path = format!("/events/{}", stage.event);
    let body = json!({"title": "Mine now"});
    for token in [&other, &stage.guest().await] {
        stage.patch(&path, &body).by(token).await.refused(403, "forbidden");
        stage.delete(&path).by(token).await.refused(403, "forbidden");
        stage.post(&format!("{path}/performances"), &grid(1, 1)).by(token).await.refused(403, "forbidden");
        stage.get(&stage.path("/stats")).by(token).await.refused(403, "forbidden");
        stage.call("POST", &stage.path("/reconcile")).by(token).await.refused(403, "forbidden");
        let block = json!({"seat_ids": [1], "blocked": true});
        stage.post(&stage.path("/blocks"), &block).by(token).await.refused(403, "forbidden");
    }
    let admin = stage.account("admin@example.com", "admin").await;
    stage.patch(&path, &body).by(&admin).await.ok(200);
    stage.get(&stage.path("/stats")).by(&admin).await.ok(200);
}

#[tokio::test]
async fn a_key_creates_one_event() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let create = |title: &str| onsale.post("/events", &json!({"title": title})).by(&organizer).key("k-1");
    let first = create("A play").await.ok(201);
    assert_eq!(create("A play").await.ok(201), first);
    create("Another play").await.refused(422, "idempotency_mismatch");
    let other = onsale.account("other@example.com", "organizer").await;
    let theirs = onsale.post("/events", &json!({"title": "A play"})).by(&other).key("k-1").await.ok(201);
    assert_ne!(theirs["id"], first["id"]);
    assert_eq!(ids(&onsale.get("/events").await.ok(200)).len(), 2);
}

#[tokio::test]
async fn many_creations_under_one_key_at_once_are_one() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let body = json!({"title": "A play"});
    let calls = (0..20).map(|_| onsale.post("/events", &body).by(&organizer).key("k").into_future());
    for answer in futures_util::future::join_all(calls).await {
        if answer.status != 201 {
            answer.refused(409, "in_flight");
        }
    }
    assert_eq!(ids(&onsale.get("/events").await.ok(200)).len(), 1);
}

#[tokio::test]
async fn the_currency_is_settled_with_the_first_performance() {
    let stage = Stage::seats(1, 1).await;
    let path = format!("/events/{}", stage.event);
    let body = json!({"settings": {"currency": "EUR"}});
    stage.patch(&path, &body).by(&stage.organizer).await.refused(400, "validation");
    let fresh = stage.onsale.event(&stage.organizer, &json!({})).await;
    let changed = stage.patch(&format!("/events/{fresh}"), &body).by(&stage.organizer).await.ok(200);
    assert_eq!(changed["settings"]["currency"], "EUR");
}
