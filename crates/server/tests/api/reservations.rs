//! Reservations: hold, look, extend, cancel, lapse; and that they are nobody else's affair.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Onsale, Stage, grid, has, ids, seat_ids, text, won};

/// Seats for 1,000 and two areas: 1 with five places for 300, 2 with two.
fn with_areas(rows: u32, columns: u32) -> Value {
    let mut body = grid(rows, columns);
    body["areas"] =
        json!([{"label": "Pit", "capacity": 5, "price": won(300)}, {"label": "Lawn", "capacity": 2}]);
    body
}

#[tokio::test]
async fn seats_are_held_read_and_listed() {
    let stage = Stage::seats(2, 5).await;
    let guest = stage.guest().await;
    let before = jiff::Timestamp::now().as_second();
    let held = stage.hold(&guest, &[7, 2]).await;
    has(&held, &["id", "performance_id", "status", "seats", "total", "expires_at", "fence"]);
    assert_eq!((&held["performance_id"], &held["status"]), (&json!(stage.performance), &json!("held")));
    assert_eq!(
        held["seats"],
        json!([{"id": 2, "label": "A-2", "price": won(1_000)}, {"id": 7, "label": "B-2", "price": won(1_000)}])
    );
    assert_eq!(held["total"], won(2_000));
    let expires: jiff::Timestamp = text(&held["expires_at"]).parse().unwrap();
    let lasts = expires.as_second() - before;
    assert!((299..=302).contains(&lasts), "300 s by default, not {lasts}");
    let read = stage.reservation(&guest, &held).await;
    for member in ["id", "status", "seats", "total", "expires_at", "fence"] {
        assert_eq!(read[member], held[member], "{member}");
    }
    let later = stage.hold(&guest, &[3]).await;
    assert!(later["fence"].as_u64().unwrap() > held["fence"].as_u64().unwrap());
    let list = stage.get("/me/reservations").by(&guest).await.ok(200);
    assert_eq!(
        ids(&list),
        [text(&later["id"]), text(&held["id"])],
        "newest first, also what was made just now"
    );
    assert_eq!(list["items"][1]["seats"], held["seats"]);
    let page = stage.get("/me/reservations?limit=1").by(&guest).await.ok(200);
    assert_eq!(ids(&page), [text(&later["id"])]);
    let next = format!("/me/reservations?limit=1&cursor={}", text(&page["next_cursor"]));
    let page = stage.get(&next).by(&guest).await.ok(200);
    assert_eq!((ids(&page), &page["next_cursor"]), (vec![text(&held["id"])], &Value::Null));
    assert_eq!(stage.counts().await, [7, 3, 0, 0, 0]);
    assert_eq!(
        (stage.state_of(7).await, stage.state_of(1).await),
        ("held".to_owned(), "available".to_owned())
    );
}

#[tokio::test]
async fn a_seat_that_somebody_has_is_refused_and_so_is_everything_with_it() {
    let stage = Stage::seats(1, 6).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    stage.hold(&kim, &[2, 4]).await;
    let problem = stage.holding_seats(&lee, &[1, 2, 3, 4]).await.refused(409, "seat_taken");
    assert_eq!(problem["unavailable"], json!([2, 4]));
    stage.holding_seats(&kim, &[2]).await.refused(409, "seat_taken");
    assert_eq!(stage.counts().await, [4, 2, 0, 0, 0]);
}

#[tokio::test]
async fn a_buyer_has_at_most_what_the_event_allows() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 3}), &with_areas(1, 6)).await;
    let kim = stage.guest().await;
    stage.holding_seats(&kim, &[1, 2, 3, 4]).await.refused(409, "limit_exceeded");
    let held = stage.hold(&kim, &[1, 2]).await;
    stage.buy(&kim, &[3]).await;
    stage.holding_seats(&kim, &[4]).await.refused(409, "limit_exceeded");
    stage.holding(&kim, &json!({"area_id": 1, "quantity": 1})).await.refused(409, "limit_exceeded");
    stage.holding(&kim, &json!({"best_available": {"quantity": 1}})).await.refused(409, "limit_exceeded");
    stage.cancel(&kim, &held).await.empty(204);
    stage.hold(&kim, &[4, 5]).await;
    let elsewhere = stage.onsale.performance(&stage.organizer, &stage.event, &grid(1, 3)).await;
    let path = format!("/performances/{elsewhere}/reservations");
    stage.post(&path, &json!({"seat_ids": [1, 2, 3]})).by(&kim).await.ok(201);
    stage.hold(&stage.guest().await, &[1, 2, 6]).await;
}

#[tokio::test]
async fn a_limit_that_is_exceeded_many_times_at_once_is_kept() {
    let stage = Stage::with(&json!({"max_seats_per_buyer": 5}), &grid(4, 10)).await;
    let kim = stage.guest().await;
    let calls = (1..=40).map(|seat| stage.holding_seats(&kim, &[seat]).into_future());
    let answers = futures_util::future::join_all(calls).await;
    let held = answers.iter().filter(|answer| answer.status == 201).count();
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| {
        answer.refused(409, "limit_exceeded");
    });
    assert_eq!((held, stage.counts().await), (5, [35, 5, 0, 0, 0]));
}

#[tokio::test]
async fn places_of_an_area_are_held_until_it_is_sold_out() {
    let stage = Stage::with(&json!({}), &with_areas(1, 2)).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let held = stage.holding(&kim, &json!({"area_id": 1, "quantity": 3})).await.ok(201);
    assert_eq!((seat_ids(&held).len(), &held["total"]), (3, &won(900)));
    assert!(seat_ids(&held).iter().all(|place| (3..=7).contains(place)), "{held}");
    assert_eq!(held["seats"][0]["label"], "Pit");
    stage.holding(&lee, &json!({"area_id": 1, "quantity": 3})).await.refused(409, "sold_out");
    stage.holding(&lee, &json!({"area_id": 1, "quantity": 2})).await.ok(201);
    stage.holding(&lee, &json!({"area_id": 2, "quantity": 1})).await.ok(201);
    stage.holding(&lee, &json!({"area_id": 3, "quantity": 1})).await.refused(404, "not_found");
    stage.cancel(&kim, &held).await.empty(204);
    stage.holding(&kim, &json!({"area_id": 1, "quantity": 3})).await.ok(201);
    let availability = stage.get(&stage.path("/availability")).await.ok(200);
    assert_eq!(availability["areas"], json!([{"id": 1, "available": 0}, {"id": 2, "available": 1}]));
    assert_eq!(stage.counts().await, [3, 6, 0, 0, 0]);
}

#[tokio::test]
async fn the_best_seats_are_side_by_side_while_there_are_such() {
    let stage = Stage::seats(2, 4).await;
    let best =
        async |wish: Value| stage.holding(&stage.guest().await, &json!({"best_available": wish})).await;
    let three = seat_ids(&best(json!({"quantity": 3})).await.ok(201));
    assert!(three == [1, 2, 3] || three == [2, 3, 4], "{three:?}");
    let four =
        seat_ids(&best(json!({"quantity": 4, "together": true, "category": "standard"})).await.ok(201));
    assert_eq!(four, [5, 6, 7, 8]);
    best(json!({"quantity": 2, "together": false})).await.refused(409, "sold_out");
    assert_eq!(seat_ids(&best(json!({"quantity": 1})).await.ok(201)).len(), 1);
    best(json!({"quantity": 1})).await.refused(409, "sold_out");
    assert_eq!(stage.counts().await, [0, 8, 0, 0, 0]);
}

#[rstest]
#[case::nothing(json!({}))]
#[case::no_seats(json!({"seat_ids": []}))]
#[case::twice(json!({"seat_ids": [1, 2, 1]}))]
#[case::zero(json!({"seat_ids": [0]}))]
#[case::negative(json!({"seat_ids": [-1]}))]
#[case::no_places(json!({"area_id": 1, "quantity": 0}))]
#[case::fewer_places(json!({"area_id": 1, "quantity": -1}))]
#[case::area_alone(json!({"area_id": 1}))]
#[case::quantity_alone(json!({"quantity": 1}))]
#[case::best_of_none(json!({"best_available": {"quantity": 0}}))]
#[case::best_of_what(json!({"best_available": {}}))]
#[case::category(json!({"best_available": {"quantity": 1, "category": "none such"}}))]
#[case::two_forms(json!({"seat_ids": [1], "area_id": 1, "quantity": 1}))]
#[case::two_other_forms(json!({"seat_ids": [1], "best_available": {"quantity": 1}}))]
#[case::seats_and_quantity(json!({"seat_ids": [1], "quantity": 1}))]
#[tokio::test]
async fn wishes_that_make_no_sense_are_refused(#[case] wish: Value) {
    let stage = Stage::with(&json!({}), &with_areas(1, 2)).await;
    let guest = stage.guest().await;
    stage.holding(&guest, &wish).await.refused(400, "validation");
    assert_eq!(stage.counts().await, [9, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_cancelled_seat_sells_again_and_cancelling_twice_is_no_mistake() {
    let stage = Stage::seats(1, 2).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let held = stage.hold(&kim, &[1]).await;
    stage.cancel(&kim, &held).await.empty(204);
    stage.cancel(&kim, &held).await.empty(204);
    assert_eq!(stage.reservation(&kim, &held).await["status"], "cancelled");
    stage.confirming(&kim, &held, "simulated").await.refused(410, "hold_expired");
    let extend = format!("/reservations/{}/extend", text(&held["id"]));
    stage.call("POST", &extend).by(&kim).await.refused(410, "hold_expired");
    let second = stage.hold(&lee, &[1]).await;
    stage.cancel(&kim, &held).await.empty(204);
    assert_eq!(stage.reservation(&lee, &second).await["status"], "held");
    assert_eq!(stage.confirming(&lee, &second, "simulated").await.ok(201)["status"], "paid");
    assert_eq!(stage.counts().await, [1, 0, 0, 1, 0]);
}

#[tokio::test]
async fn a_hold_is_extended_as_often_as_the_event_allows() {
    let stage = Stage::with(&json!({"max_extensions": 2, "hold_ttl_s": 60}), &grid(1, 2)).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[1]).await;
    let extend = format!("/reservations/{}/extend", text(&held["id"]));
    let mut expires = text(&held["expires_at"]);
    for _ in 0..2 {
        let extended = stage.call("POST", &extend).by(&guest).await.ok(200);
        assert_eq!((&extended["id"], &extended["status"]), (&held["id"], &json!("held")));
        let later = text(&extended["expires_at"]);
        let earlier: jiff::Timestamp = expires.parse().unwrap();
        assert!(later.parse::<jiff::Timestamp>().unwrap() > earlier, "{later} after {expires}");
        expires = later;
    }
    stage.call("POST", &extend).by(&guest).await.refused(409, "extension_used");
    assert_eq!(stage.reservation(&guest, &held).await["expires_at"], expires.as_str());
    stage.confirming(&guest, &held, "simulated").await.ok(201);
    stage.call("POST", &extend).by(&guest).await.refused(409, "already_confirmed");
}

/// The shortest hold there can be, to its end.
#[tokio::test]
async fn a_hold_lapses_at_its_time_and_not_before() {
    let stage = Stage::with(&json!({"hold_ttl_s": 10}), &grid(1, 2)).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let begun = Instant::now();
    let held = stage.hold(&kim, &[1]).await;
    let answered = Instant::now();
    while stage.reservation(&kim, &held).await["status"] == "held" {
        assert!(answered.elapsed() < Duration::from_secs(15), "still held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(10), "ended after {:?}", begun.elapsed());
    assert_eq!(stage.reservation(&kim, &held).await["status"], "expired");
    assert_eq!((stage.state_of(1).await, stage.counts().await), ("available".to_owned(), [2, 0, 0, 0, 0]));
    stage.confirming(&kim, &held, "simulated").await.refused(410, "hold_expired");
    let extend = format!("/reservations/{}/extend", text(&held["id"]));
    stage.call("POST", &extend).by(&kim).await.refused(410, "hold_expired");
    stage.cancel(&kim, &held).await.empty(204);
    assert_eq!(stage.get("/me/reservations").by(&kim).await.ok(200)["items"][0]["status"], "expired");
    stage.buy(&lee, &[1]).await;
    stage.cancel(&kim, &held).await.empty(204);
    assert_eq!(stage.state_of(1).await, "sold");
}

#[tokio::test]
async fn anothers_reservation_does_not_exist() {
    let stage = Stage::seats(1, 2).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let held = stage.hold(&kim, &[1]).await;
    let path = format!("/reservations/{}", text(&held["id"]));
    for other in [&lee, &stage.organizer] {
        stage.get(&path).by(other).await.refused(404, "not_found");
        stage.cancel(other, &held).await.refused(404, "not_found");
        stage.confirming(other, &held, "simulated").await.refused(404, "not_found");
        stage.call("POST", &format!("{path}/extend")).by(other).await.refused(404, "not_found");
        assert!(ids(&stage.get("/me/reservations").by(other).await.ok(200)).is_empty());
    }
    assert_eq!(stage.reservation(&kim, &held).await["status"], "held");
    stage.cancel(&kim, &held).await.empty(204);
    stage.cancel(&lee, &held).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_key_makes_one_reservation() {
    let stage = Stage::seats(1, 4).await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let hold = |buyer: &str, seat: u32| stage.holding_seats(buyer, &[seat]).key("k-1");
    let first = hold(&kim, 1).await.ok(201);
    assert_eq!(hold(&kim, 1).await.ok(201)["id"], first["id"]);
    hold(&kim, 2).await.refused(422, "idempotency_mismatch");
    assert_ne!(hold(&lee, 3).await.ok(201)["id"], first["id"], "keys are each buyer's own");
    stage.cancel(&kim, &first).await.empty(204);
    let repeated = hold(&kim, 1).await.ok(201);
    assert_eq!((&repeated["id"], &repeated["status"]), (&first["id"], &json!("cancelled")));
    // A refusal leaves the key free.
    let taken = stage.holding_seats(&kim, &[3]).key("k-2");
    taken.clone().await.refused(409, "seat_taken");
    stage.holding_seats(&kim, &[4]).key("k-2").await.ok(201);
    assert_eq!(stage.counts().await, [2, 2, 0, 0, 0]);
}

#[tokio::test]
async fn many_holds_under_one_key_at_once_are_one() {
    let stage = Stage::seats(2, 10).await;
    let kim = stage.guest().await;
    let body = json!({"best_available": {"quantity": 1}});
    let calls = (0..20).map(|_| stage.holding(&kim, &body).key("once").into_future());
    let mut made = Vec::new();
    for answer in futures_util::future::join_all(calls).await {
        match answer.status {
            201 => made.push(text(&answer.json()["id"])),
            _ => drop(answer.refused(409, "in_flight")),
        }
    }
    made.dedup();
    assert_eq!((made.len(), stage.counts().await), (1, [19, 1, 0, 0, 0]));
}

#[tokio::test]
async fn an_event_may_be_for_those_who_have_signed_up() {
    let stage = Stage::with(&json!({"buyer_identity": "account"}), &grid(1, 2)).await;
    let guest = stage.guest().await;
    stage.holding_seats(&guest, &[1]).await.refused(403, "forbidden");
    let kim = stage.sign_up("kim@example.com").await;
    stage.hold(&kim, &[1]).await;
}

#[tokio::test]
async fn where_there_is_a_waiting_room_a_pass_is_required() {
    let stage = Stage::with(&json!({"waiting_room": {"mode": "on"}}), &grid(1, 2)).await;
    let guest = stage.guest().await;
    stage.holding_seats(&guest, &[1]).await.refused(403, "pass_required");
    assert_eq!(stage.counts().await, [2, 0, 0, 0, 0]);
}

#[tokio::test]
async fn changed_settings_reach_the_sale_within_moments() {
    let stage = Stage::seats(1, 6).await;
    let guest = stage.guest().await;
    let all = [1, 2, 3, 4, 5, 6];
    stage.holding_seats(&guest, &all).await.refused(409, "limit_exceeded");
    let body = json!({"settings": {"max_seats_per_buyer": 6}});
    stage.patch(&format!("/events/{}", stage.event), &body).by(&stage.organizer).await.ok(200);
    let changed = Instant::now();
    while stage.holding_seats(&guest, &all).await.status != 201 {
        assert!(changed.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn reservations_outlive_an_orderly_restart() {
    let mut stage = Stage::on(Onsale::start(), &json!({}), &with_areas(2, 3)).await;
    let guest = stage.guest().await;
    let held = stage.hold(&guest, &[1, 2]).await;
    let cancelled = stage.hold(&guest, &[3]).await;
    stage.cancel(&guest, &cancelled).await.empty(204);
    let bought = stage.buy(&guest, &[4]).await;
    let counts = stage.counts().await;
    let list = stage.get("/me/reservations").by(&guest).await.ok(200);
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    stage.onsale.start_again();
    assert_eq!(stage.counts().await, counts);
    let read = stage.reservation(&guest, &held).await;
    for member in ["status", "seats", "total", "expires_at", "fence", "extensions_left"] {
        assert_eq!(read[member], held[member], "{member}");
    }
    assert_eq!(stage.reservation(&guest, &cancelled).await["status"], "cancelled");
    assert_eq!(stage.get("/me/reservations").by(&guest).await.ok(200), list);
    assert_eq!(stage.get(&format!("/orders/{}", text(&bought["id"]))).by(&guest).await.ok(200), bought);
    stage.confirming(&guest, &held, "simulated").await.ok(201);
}
