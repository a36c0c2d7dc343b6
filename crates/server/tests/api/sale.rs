//! The on-sale dashboard: figures of an event's sale, section by section, within a second.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Stage, text, won};

/// What is promised is a second; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(5);

fn hall() -> Value {
    json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"rows": 2, "columns": 5}, "prices": {"standard": won(1_000)},
        "areas": [{"label": "Pit", "capacity": 8, "price": won(500)}]})
}

async fn sale(stage: &Stage, since: i64) -> Value {
    let path = format!("/events/{}/sale?since={since}", stage.event);
    stage.get(&path).by(&stage.organizer).await.ok(200)
}

/// The sale once it is as wished.
async fn once(stage: &Stage, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let sale = sale(stage, 0).await;
        if is_so(&sale) {
            return sale;
        }
        assert!(begun.elapsed() < WITHIN, "{sale}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn stock(of: &Value) -> [i64; 7] {
    ["capacity", "available", "held", "paying", "sold", "blocked", "drift"]
        .map(|name| of[name].as_i64().unwrap())
}

#[tokio::test]
async fn every_unit_is_counted_once_in_its_part() {
    let stage = Stage::with(&json!({}), &hall()).await;
    let (one, other) = (stage.guest().await, stage.guest().await);
    let at_first = sale(&stage, 0).await;
    assert_eq!(at_first["room"], Value::Null);
    let performance = &at_first["performances"][0];
    assert_eq!(stock(&performance["stock"]), [18, 18, 0, 0, 0, 0, 0]);
    let names: Vec<_> =
        performance["sections"].as_array().unwrap().iter().map(|part| text(&part["kind"])).collect();
    assert_eq!(names, ["section", "area"]);

    stage.hold(&one, &[1, 2]).await;
    stage.holding(&one, &json!({"area_id": 1, "quantity": 2})).await.ok(201);
    stage.buy(&other, &[6, 7, 8]).await;
    let block = json!({"seat_ids": [10], "blocked": true});
    stage.post(&stage.path("/blocks"), &block).by(&stage.organizer).await.ok(200);
    let now = once(&stage, |sale| sale["performances"][0]["stock"]["blocked"] == 1).await;
    let performance = &now["performances"][0];
    assert_eq!(stock(&performance["stock"]), [18, 10, 4, 0, 3, 1, 0]);
    assert_eq!(stock(&performance["sections"][0]), [10, 4, 2, 0, 3, 1, 0]);
    assert_eq!(stock(&performance["sections"][1]), [8, 6, 2, 0, 0, 0, 0]);
    assert_eq!(now["sales"]["orders"], 1);
    assert!(now["sales"]["holds"].as_i64().unwrap() >= 2, "{now}");
    assert!(now["traffic"]["requests_per_s"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn history_goes_on_second_by_second_and_is_given_from_where_one_was() {
    let stage = Stage::with(&json!({}), &hall()).await;
    let first = sale(&stage, 0).await;
    let since = first["at_ms"].as_i64().unwrap();
    let guest = stage.guest().await;
    stage.hold(&guest, &[1]).await;
    let later = once(&stage, |sale| sale["history"].as_array().unwrap().len() >= 4).await;
    let moments = later["history"].as_array().unwrap();
    let times: Vec<i64> = moments.iter().map(|moment| moment["at_ms"].as_i64().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a + 500 < *b), "{times:?}");
    assert_eq!(moments[0]["held"], 0);
    assert_eq!(moments.last().unwrap()["held"], 1);
    assert_eq!(later["at_ms"], times.last().copied().unwrap());
    let rest = sale(&stage, since).await;
    let rest = rest["history"].as_array().unwrap();
    assert!(rest.len() >= 3 && rest[0]["at_ms"].as_i64().unwrap() > since, "{rest:?}");
    let none = sale(&stage, i64::MAX).await;
    assert_eq!(none["history"], json!([]));
}

#[tokio::test]
async fn those_who_come_in_and_those_who_do_not_are_counted() {
    let room = json!({"waiting_room": {"mode": "on", "admit_per_second": 100, "max_inside": 10, "claim_within_s": 5}});
    let stage = Stage::with(&room, &hall()).await;
    let queue = format!("/events/{}/queue", stage.event);
    let (comes, stays_away) = (stage.guest().await, stage.guest().await);
    let before = sale(&stage, 0).await;
    assert_eq!((&before["room"]["joined"], &before["room"]["status"]), (&json!(0), &json!("open")));
    let ticket = text(&stage.post(&queue, &json!({})).by(&comes).await.ok(201)["ticket"]);
    stage.post(&queue, &json!({})).by(&stays_away).await.ok(201);
    let begun = Instant::now();
    loop {
        let entered = stage
            .post(&format!("{queue}/enter"), &json!({}))
            .by(&comes)
            .header("queue-ticket", &ticket)
            .await;
        if entered.status == 200 {
            break;
        }
        assert!(begun.elapsed() < WITHIN, "{}", entered.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let came = once(&stage, |sale| sale["room"]["entered"] == 1).await;
    assert_eq!((&came["room"]["joined"], &came["room"]["inside"]), (&json!(2), &json!(1)));
    assert_eq!(came["room"]["no_shows"], 0);
    let begun = Instant::now();
    while sale(&stage, 0).await["room"]["no_shows"] != 1 {
        assert!(begun.elapsed() < Duration::from_secs(15), "nobody was missed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn refusals_are_told_by_their_reason() {
    let stage = Stage::with(&json!({}), &hall()).await;
    let (one, other) = (stage.guest().await, stage.guest().await);
    stage.hold(&one, &[1]).await;
    for _ in 0..3 {
        stage.holding_seats(&other, &[1]).await.refused(409, "seat_taken");
    }
    once(&stage, |sale| sale["traffic"]["refusals"]["seat_taken"] == 3).await;
    let nothing_wrong = sale(&stage, 0).await;
    assert_eq!(nothing_wrong["traffic"]["error_rate"], 0.0);
}
