//! What organizers do to a sale by hand, and the log of it.

use serde_json::{Value, json};

use crate::support::{Stage, grid, text};

async fn log(stage: &Stage) -> Vec<Value> {
    let answer = stage.get(&format!("/events/{}/actions", stage.event)).by(&stage.organizer).await.ok(200);
    answer["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_was_done_by_hand_is_logged_with_who_and_why() {
    let stage = Stage::with(&json!({"waiting_room": {"mode": "on"}}), &grid(2, 3)).await;
    let (event, organizer) = (&stage.event, &stage.organizer);
    let control = format!("/events/{event}/queue/control");
    let set = json!({"paused": true, "admit_per_second": 20, "reason": "  the bank is slow  "});
    stage.patch(&control, &set).by(organizer).await.ok(200);
    stage.patch(&control, &json!({"admit_per_second": null, "reason": ""})).by(organizer).await.ok(200);
    let block = json!({"seat_ids": [1, 2], "blocked": true, "reason": "카메라"});
    stage.post(&stage.path("/blocks"), &block).by(organizer).await.ok(200);
    // Nothing was done by saying it again.
    stage.post(&stage.path("/blocks"), &block).by(organizer).await.ok(200);

    let log = log(&stage).await;
    let told: Vec<_> =
        log.iter().map(|one| (text(&one["action"]), one["detail"].clone(), one["reason"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("block".to_owned(), json!({"seats": 2}), Some("카메라")),
            ("rate".to_owned(), json!({"admit_per_second": null}), None),
            ("rate".to_owned(), json!({"admit_per_second": 20}), Some("the bank is slow")),
            ("pause".to_owned(), json!({}), Some("the bank is slow")),
        ]
    );
    let me = stage.get("/me").by(organizer).await.ok(200);
    assert_eq!(
        log[0]["by"],
        json!({"account_id": me["account_id"], "name": me["name"], "email": me["email"]})
    );
    assert_eq!(log[0]["performance_id"], json!(stage.performance));
    assert_eq!(log[3].get("performance_id"), None);

    let long = json!({"paused": false, "reason": "x".repeat(201)});
    stage.patch(&control, &long).by(organizer).await.refused(400, "validation");
    let two_lines = json!({"by_s": 60, "reason": "one\ntwo"});
    let extend = stage.path("/holds/extend");
    stage.post(&extend, &two_lines).by(organizer).await.refused(400, "validation");
    let still = stage.get(&control).by(organizer).await.ok(200);
    assert_eq!(still["paused"], true, "a refusal changes nothing");
}

#[tokio::test]
async fn everybody_who_holds_something_gets_time() {
    let stage = Stage::with(&json!({"hold_ttl_s": 30}), &grid(4, 5)).await;
    let (one, other) = (stage.guest().await, stage.guest().await);
    let (first, second) = (stage.hold(&one, &[1, 2]).await, stage.hold(&other, &[3]).await);
    stage.buy(&other, &[4]).await;
    let gone = stage.hold(&one, &[5]).await;
    stage.cancel(&one, &gone).await.empty(204);
    let extend = stage.path("/holds/extend");
    for bad in [9, 3_601] {
        stage.post(&extend, &json!({"by_s": bad})).by(&stage.organizer).await.refused(400, "validation");
    }
    let more = stage.post(&extend, &json!({"by_s": 600, "reason": "slow"})).by(&stage.organizer);
    assert_eq!(more.await.ok(200), json!({"extended": 2}));
    for (buyer, before) in [(&one, &first), (&other, &second)] {
        let after = stage.reservation(buyer, before).await;
        assert!(text(&after["expires_at"]) > text(&before["expires_at"]), "{after}");
        stage.confirming(buyer, before, "simulated").await.ok(201);
    }
    // Who has longer than that keeps it.
    let third = stage.hold(&one, &[6]).await;
    let less = stage.post(&extend, &json!({"by_s": 10})).by(&stage.organizer);
    assert_eq!(less.await.ok(200), json!({"extended": 0}));
    assert_eq!(stage.reservation(&one, &third).await["expires_at"], third["expires_at"]);
    let log = log(&stage).await;
    assert_eq!(log[1]["detail"], json!({"by_s": 600, "extended": 2}));
}

#[tokio::test]
async fn a_performance_and_its_sale_are_rescheduled() {
    let stage = Stage::seats(1, 3).await;
    let (guest, path) = (stage.guest().await, stage.path(""));
    let held = stage.hold(&guest, &[1]).await;
    let patch = |body: Value| stage.patch(&path, &body).by(&stage.organizer);
    let over =
        patch(json!({"sale_closes_at": "2020-01-01T00:00:00Z", "reason": "the star is ill"})).await.ok(200);
    assert_eq!((&over["id"], &over["available"]), (&json!(stage.performance), &json!(2)));
    assert_eq!(stage.get(&path).await.ok(200), over);
    stage.holding_seats(&guest, &[2]).await.refused(410, "sale_closed");
    stage.confirming(&guest, &held, "simulated").await.ok(201);

    patch(json!({"sale_closes_at": null, "sale_opens_at": "2090-01-01T00:00:00Z"})).await.ok(200);
    stage.holding_seats(&guest, &[2]).await.refused(409, "sale_not_open");
    let upside_down = json!({"sale_closes_at": "2089-01-01T00:00:00Z"});
    patch(upside_down).await.refused(400, "validation");
    patch(json!({"starts_at": "tomorrow"})).await.refused(400, "validation");
    let open = patch(json!({"sale_opens_at": null, "starts_at": "2031-01-01T19:00:00+09:00"})).await.ok(200);
    assert_eq!((&open["starts_at"], &open["sale_opens_at"]), (&json!("2031-01-01T10:00:00Z"), &Value::Null));
    stage.hold(&guest, &[2]).await;
    patch(json!({})).await.ok(200);

    let log = log(&stage).await;
    let details: Vec<_> = log.iter().map(|one| &one["detail"]).collect();
    assert_eq!(
        details,
        [
            &json!({"starts_at": "2031-01-01T10:00:00Z", "sale_opens_at": null}),
            &json!({"sale_opens_at": "2090-01-01T00:00:00Z", "sale_closes_at": null}),
            &json!({"sale_closes_at": "2020-01-01T00:00:00Z"}),
        ]
    );
    assert_eq!(log[2]["reason"], "the star is ill");
}

#[tokio::test]
async fn orders_are_found_by_who_bought_and_how_they_stand() {
    let stage = Stage::seats(2, 5).await;
    let guest = stage.guest().await;
    let mut orders = Vec::new();
    for (seat, name) in [(1, "Kim Min-ji"), (2, "Lee Seo-yeon"), (3, "Kim Ha-eun")] {
        let held = stage.hold(&guest, &[seat]).await;
        let path = format!("/reservations/{}/confirm", text(&held["id"]));
        let body = json!({"payment": {"method": "simulated"}, "buyer": {"name": name, "email": format!("s{seat}@example.com")}});
        orders.push(stage.post(&path, &body).by(&guest).await.ok(201));
    }
    let path = format!("/events/{}/orders", stage.event);
    let find = async |query: &str| {
        let answer = stage.get(&format!("{path}?{query}")).by(&stage.organizer).await.ok(200);
        answer["items"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect::<Vec<_>>()
    };
    let id = |at: usize| orders[at]["id"].clone();
    assert_eq!(find("").await, [id(2), id(1), id(0)]);
    assert_eq!(find("query=kim&status=paid").await, [id(2), id(0)]);
    assert_eq!(find("query=%20s2%40EXAMPLE.com%20").await, [id(1)]);
    assert_eq!(find(&format!("query={}", text(&orders[0]["tickets"][0]["code"]))).await, [id(0)]);
    assert_eq!(find("status=refunded").await, Vec::<Value>::new());
    let page = stage.get(&format!("{path}?limit=1")).by(&stage.organizer).await.ok(200);
    assert_eq!((&page["items"][0]["id"], &page["next_cursor"]), (&id(2), &id(2)));
    stage.get(&format!("{path}?status=lost")).by(&stage.organizer).await.refused(400, "validation");
    let long = format!("{path}?query={}", "x".repeat(201));
    stage.get(&long).by(&stage.organizer).await.refused(400, "validation");
    stage.get(&path).by(&guest).await.refused(403, "forbidden");
}

#[tokio::test]
async fn organizers_list_their_own_events() {
    let stage = Stage::seats(1, 1).await;
    let other = stage.account("other@example.com", "organizer").await;
    let theirs = stage.onsale.event(&other, &json!({})).await;
    let list = async |token: &str| stage.get("/events?mine=true").by(token).await;
    let own = list(&stage.organizer).await.ok(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["id"], json!(stage.event));
    assert_eq!(list(&other).await.ok(200)["items"][0]["id"], json!(theirs));
    let admin = stage.account("admin@example.com", "admin").await;
    assert_eq!(list(&admin).await.ok(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(stage.get("/events").await.ok(200)["items"].as_array().unwrap().len(), 2);
    let guest = stage.guest().await;
    list(&guest).await.refused(403, "forbidden");
    stage.get("/events?mine=true").await.refused(401, "unauthenticated");
    stage.get("/events?mine=perhaps").await.refused(400, "validation");
}
