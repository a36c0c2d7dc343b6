//! Performances: create, look at seats from every side, block seats, count.

use base64::Engine;
use serde_json::{Value, json};

use crate::{
    calls::Answer,
    support::{Onsale, Stage, grid, has, ids, text, won},
};

/// Seats and standing room.
fn mixed() -> Value {
    json!({"starts_at": "2030-12-24T20:00:00+09:00", "plan": {"rows": 28, "columns": 2},
        "prices": {"standard": won(50_000)},
        "areas": [{"label": "Pit", "capacity": 30, "price": won(70_000)}, {"label": "Lawn", "capacity": 5}]})
}

/// What the packed states say, seat by seat.
fn unpacked(availability: &Value) -> Vec<&'static str> {
    let packed = base64::engine::general_purpose::STANDARD.decode(text(&availability["states"])).unwrap();
    let count = usize::try_from(availability["seat_count"].as_u64().unwrap()).unwrap();
    assert_eq!(packed.len(), count.div_ceil(4));
    let bits = |seat: usize| usize::from(packed[seat / 4] >> (seat % 4 * 2) & 0b11);
    (0..count).map(|seat| ["available", "held", "sold", "blocked"][bits(seat)]).collect()
}

#[tokio::test]
async fn a_performance_is_created_and_read_by_anyone() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let event = onsale.event(&organizer, &json!({})).await;
    let path = format!("/events/{event}/performances");
    let made = onsale.post(&path, &mixed()).by(&organizer).await.ok(201);
    has(&made, &["id", "event_id", "starts_at", "seat_count", "capacity", "available"]);
    assert_eq!((&made["event_id"], &made["starts_at"]), (&json!(event), &json!("2030-12-24T11:00:00Z")));
    let counts = ["seat_count", "capacity", "available"].map(|name| made[name].as_u64().unwrap());
    assert_eq!(counts, [56, 91, 91]);
    assert_eq!(
        made["areas"],
        json!([{"id": 1, "label": "Pit", "capacity": 30, "price": won(70_000)},
            {"id": 2, "label": "Lawn", "capacity": 5, "price": won(0)}])
    );
    assert_eq!((&made["sale_opens_at"], &made["sale_closes_at"]), (&Value::Null, &Value::Null));
    assert_eq!(onsale.get(&format!("/performances/{}", text(&made["id"]))).await.ok(200), made);
    assert_eq!(onsale.get(&path).await.ok(200), json!({"items": [made], "next_cursor": null}));
}

#[tokio::test]
async fn performances_of_an_event_are_paged_in_order_of_creation() {
    let stage = Stage::seats(1, 2).await;
    let path = format!("/events/{}/performances", stage.event);
    let mut made = vec![stage.performance.clone()];
    for _ in 0..4 {
        made.push(stage.onsale.performance(&stage.organizer, &stage.event, &grid(1, 1)).await);
    }
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    let first = stage.get(&format!("{path}?limit=3")).await.ok(200);
    assert_eq!((ids(&first), &first["items"][0]["available"]), (made[..3].to_vec(), &json!(1)));
    let next = format!("{path}?limit=3&cursor={}", text(&first["next_cursor"]));
    let second = stage.get(&next).await.ok(200);
    assert_eq!((ids(&second), &second["next_cursor"]), (made[3..].to_vec(), &Value::Null));
}

#[tokio::test]
async fn the_plan_is_static_and_cached_for_good() {
    let stage = Stage::with(&json!({}), &mixed()).await;
    let answer = stage.get(&stage.path("/plan")).await;
    let plan = answer.ok(200);
    has(&plan, &["categories", "sections", "areas"]);
    let section = &plan["sections"][0];
    has(section, &["id", "label", "rows"]);
    let label = |row: usize, seat: usize| {
        let seat = &section["rows"][row]["seats"][seat];
        has(seat, &["id", "label", "x", "y", "category"]);
        (seat["id"].as_u64().unwrap(), text(&seat["label"]))
    };
    assert_eq!(label(0, 0), (1, "A-1".to_owned()));
    assert_eq!(label(1, 1), (4, "B-2".to_owned()));
    assert_eq!(label(26, 0), (53, "AA-1".to_owned()));
    assert_eq!(text(&section["rows"][27]["label"]), "AB");
    assert_eq!(plan["categories"][0]["price"], won(50_000));
    assert_eq!(plan["areas"][0], json!({"id": 1, "label": "Pit", "capacity": 30, "price": won(70_000)}));
    assert!(answer.header("cache-control").contains("immutable"), "{answer:?}");
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    let again = not_modified(&stage, "/plan", &answer).await;
    assert!(again.header("cache-control").contains("immutable"), "{again:?}");
}

/// Asks again with the answer's ETag and expects not to get it again.
async fn not_modified(stage: &Stage, rest: &str, answer: &Answer) -> Answer {
    let etag = answer.header("etag");
    assert!(etag.starts_with('"') && etag.ends_with('"'), "a strong one: {etag}");
    let again = stage.get(&stage.path(rest)).header("if-none-match", etag).await;
    again.empty(304);
    assert_eq!(again.header("etag"), etag);
    let several = format!("\"other\", {etag}");
    stage.get(&stage.path(rest)).header("if-none-match", several).await.empty(304);
    stage.get(&stage.path(rest)).header("if-none-match", "\"other\"").await.ok(200);
    again
}

/// One seat in each state: 1 held, 2 sold, 3 blocked, the rest available.
async fn one_of_each() -> Stage {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 50}), &mixed()).await;
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    stage.buy(&guest, &[2]).await;
    let block = json!({"seat_ids": [3], "blocked": true});
    stage.post(&stage.path("/blocks"), &block).by(&stage.organizer).await.ok(200);
    stage
}

#[tokio::test]
async fn seats_are_listed_with_their_states_and_by_state() {
    let stage = one_of_each().await;
    let list = stage.get(&stage.path("/seats")).await.ok(200);
    let (epoch, offset) = list["position"].as_str().unwrap().split_once(':').unwrap();
    assert!(epoch.parse::<u32>().unwrap() > 0 && offset.parse::<u64>().unwrap() > 0);
    let seats = list["seats"].as_array().unwrap();
    assert_eq!(seats.len(), 56, "places of areas are no seats");
    assert_eq!(
        seats[..4],
        [
            json!({"id": 1, "label": "A-1", "status": "held"}),
            json!({"id": 2, "label": "A-2", "status": "sold"}),
            json!({"id": 3, "label": "B-1", "status": "blocked"}),
            json!({"id": 4, "label": "B-2", "status": "available"}),
        ]
    );
    for (state, count) in [("available", 53), ("held", 1), ("sold", 1), ("blocked", 1)] {
        let filtered = stage.get(&stage.path(&format!("/seats?status={state}"))).await.ok(200);
        let wanted: Vec<&Value> = seats.iter().filter(|seat| seat["status"] == state).collect();
        assert_eq!(filtered["seats"].as_array().unwrap().iter().collect::<Vec<_>>(), wanted);
        assert_eq!((wanted.len(), &filtered["position"]), (count, &list["position"]));
    }
    for seat in &seats[..4] {
        assert_eq!(stage.get(&stage.path(&format!("/seats/{}", seat["id"]))).await.ok(200), *seat);
    }
    for unknown in ["0", "57", "92", "4294967296", "-1", "A-1"] {
        stage.get(&stage.path(&format!("/seats/{unknown}"))).await.refused(404, "seat_not_found");
    }
    for seat in [0, 57, 92] {
        let guest = stage.guest().await;
        let refused = stage.holding_seats(&guest, &[4, seat]).await;
        if seat == 0 {
            refused.refused(400, "validation")
        } else {
            refused.refused(404, "seat_not_found")
        };
    }
}

#[tokio::test]
async fn availability_agrees_with_the_list_of_seats() {
    let stage = one_of_each().await;
    let guest = stage.guest().await;
    let wish = json!({"area_id": 1, "quantity": 4});
    stage.holding(&guest, &wish).await.ok(201);
    let availability = stage.get(&stage.path("/availability")).await.ok(200);
    let seats = stage.get(&stage.path("/seats")).await.ok(200);
    assert_eq!((&availability["position"], &availability["seat_count"]), (&seats["position"], &json!(56)));
    let listed: Vec<&str> =
        seats["seats"].as_array().unwrap().iter().map(|seat| seat["status"].as_str().unwrap()).collect();
    assert_eq!(unpacked(&availability), listed);
    assert_eq!(availability["areas"], json!([{"id": 1, "available": 26}, {"id": 2, "available": 5}]));
    assert_eq!(stage.get(&stage.path("")).await.ok(200)["available"], 53 + 26 + 5);
}

#[tokio::test]
async fn what_changes_has_another_etag() {
    let stage = Stage::seats(2, 2).await;
    let guest = stage.guest().await;
    for rest in ["/availability", "/seats", "/seats?status=available", "/seats?status=held"] {
        let before = stage.get(&stage.path(rest)).await;
        before.ok(200);
        not_modified(&stage, rest, &before).await;
        let held = stage.hold(&guest, &[1]).await;
        let after = stage.get(&stage.path(rest)).header("if-none-match", before.header("etag")).await;
        assert_ne!(after.ok(200), before.json(), "{rest}");
        assert_ne!(after.header("etag"), before.header("etag"));
        stage.cancel(&guest, &held).await.empty(204);
    }
    let all = stage.get(&stage.path("/seats")).await;
    let filtered =
        stage.get(&stage.path("/seats?status=held")).header("if-none-match", all.header("etag")).await;
    filtered.ok(200);
}

#[tokio::test]
async fn blocked_seats_are_off_sale_until_they_are_put_back() {
    let stage = Stage::seats(2, 3).await;
    let guest = stage.guest().await;
    let block = |seats: &[u32], blocked: bool| {
        let body = json!({"seat_ids": seats, "blocked": blocked});
        stage.post(&stage.path("/blocks"), &body).by(&stage.organizer)
    };
    let stats = block(&[1, 2], true).await.ok(200);
    assert_eq!(
        stats,
        json!({"capacity": 6, "available": 4, "held": 0, "paying": 0, "sold": 0, "blocked": 2, "drift": 0})
    );
    assert_eq!(block(&[2, 1], true).await.ok(200), stats, "again is no mistake");
    let problem = stage.holding_seats(&guest, &[2, 3]).await.refused(409, "seat_taken");
    assert_eq!(problem["unavailable"], json!([2]));
    stage.hold(&guest, &[4]).await;
    let problem = block(&[3, 4], true).await.refused(409, "seat_taken");
    assert_eq!(problem["unavailable"], json!([4]));
    assert_eq!(stage.state_of(3).await, "available", "all or none");
    block(&[1, 7], true).await.refused(404, "seat_not_found");
    block(&[], true).await.refused(400, "validation");
    block(&[3, 3], true).await.refused(400, "validation");
    block(&[2], false).await.ok(200);
    stage.hold(&guest, &[2]).await;
    assert_eq!(stage.counts().await, [3, 2, 0, 0, 1]);
}

#[tokio::test]
async fn a_performance_is_on_sale_between_its_times() {
    let stage = Stage::seats(1, 1).await;
    let guest = stage.guest().await;
    let hold_in = async |times: [(&str, &str); 1]| {
        let mut body = grid(1, 1);
        for (name, time) in times {
            body[name] = json!(time);
        }
        let id = stage.onsale.performance(&stage.organizer, &stage.event, &body).await;
        let made = stage.get(&format!("/performances/{id}")).await.ok(200);
        assert_eq!(made[times[0].0], times[0].1);
        stage.post(&format!("/performances/{id}/reservations"), &json!({"seat_ids": [1]})).by(&guest).await
    };
    let problem = hold_in([("sale_opens_at", "2090-01-01T00:00:00Z")]).await.refused(409, "sale_not_open");
    assert_eq!(problem["opens_at"], "2090-01-01T00:00:00Z");
    hold_in([("sale_opens_at", "2020-01-01T00:00:00Z")]).await.ok(201);
    hold_in([("sale_closes_at", "2020-01-01T00:00:00Z")]).await.refused(410, "sale_closed");
    hold_in([("sale_closes_at", "2090-01-01T00:00:00Z")]).await.ok(201);
    let mut body = grid(1, 1);
    body["sale_opens_at"] = json!("2030-01-02T00:00:00Z");
    body["sale_closes_at"] = json!("2030-01-01T00:00:00Z");
    let path = format!("/events/{}/performances", stage.event);
    stage.post(&path, &body).by(&stage.organizer).await.refused(400, "validation");
}

#[tokio::test]
async fn a_key_creates_one_performance() {
    let stage = Stage::seats(1, 1).await;
    let path = format!("/events/{}/performances", stage.event);
    let create = |columns: u32| stage.post(&path, &grid(1, columns)).by(&stage.organizer).key("k-1");
    let first = create(5).await.ok(201);
    assert_eq!(create(5).await.ok(201)["id"], first["id"]);
    create(6).await.refused(422, "idempotency_mismatch");
    assert_eq!(ids(&stage.get(&path).await.ok(200)).len(), 2);
}

#[tokio::test]
async fn there_is_nothing_to_reconcile_where_nothing_went_wrong() {
    let stage = one_of_each().await;
    let reconciled = stage.call("POST", &stage.path("/reconcile")).by(&stage.organizer).await.ok(200);
    assert_eq!(reconciled, json!({"repaired": []}));
    assert_eq!(stage.counts().await, [53 + 35, 1, 0, 1, 1]);
}

#[tokio::test]
async fn a_repeat_of_a_creation_says_what_is_available_now() {
    let stage = Stage::seats(1, 1).await;
    let path = format!("/events/{}/performances", stage.event);
    let create = || stage.post(&path, &grid(1, 5)).by(&stage.organizer).key("k-1");
    let id = text(&create().await.ok(201)["id"]);
    let guest = stage.guest().await;
    let hold = json!({"seat_ids": [1]});
    stage.post(&format!("/performances/{id}/reservations"), &hold).by(&guest).await.ok(201);
    assert_eq!(create().await.ok(201)["available"], 4);
}
