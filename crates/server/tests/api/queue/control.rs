//! The waiting room in the organizer's hands: what is set takes effect at once, at every process.

use std::time::Duration;

use onsale_testkit::servers::Stores;
use serde_json::{Value, json};

use super::{Queue, eventually, staged, staged_on};
use crate::support::{Onsale, Stage};

/// What is promised is a second; the rest is for a busy machine.
const EFFECTIVE_WITHIN: Duration = Duration::from_secs(2);

/// Waits until the room is said to be so at a process; gives how long that took.
async fn shows(queue: &Queue, organizer: &str, wanted: &Value) -> Duration {
    let ((), took) = eventually("the setting", EFFECTIVE_WITHIN, async || {
        let shown = queue.api.get(&queue.path("/control")).by(organizer).await.ok(200);
        let same = wanted.as_object().unwrap().iter().all(|(name, value)| &shown[name] == value);
        if same { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    took
}

/// Everything an organizer can do, done at one process and looked at from another, which may be the same; gives how
/// long it took to be in effect.
async fn is_followed(stage: &Stage, here: &Queue, there: &Queue) -> Vec<String> {
    let organizer = &stage.organizer;
    let guests = stage.guests(5);
    let set = async |wish: Value| {
        let answer = here.setting(organizer, &wish).await.ok(200);
        let took = shows(there, organizer, &wish_shown(&wish)).await;
        (answer, format!("{wish} is in effect after {took:?}"))
    };
    let mut told = vec![set(json!({"paused": true})).await.1];
    let tickets =
        [there.ticket(&guests[0]).await, there.ticket(&guests[1]).await, there.ticket(&guests[2]).await];
    there.stays(&tickets[0], "waiting").await;
    told.push(set(json!({"max_inside": 1})).await.1);
    told.push(set(json!({"paused": false})).await.1);
    let (_, took) = there.until(&tickets[0], "ready").await;
    told.push(format!("somebody is called after {took:?}"));
    assert!(took < EFFECTIVE_WITHIN, "{took:?}");
    there.stays(&tickets[1], "waiting").await;
    told.push(set(json!({"admit_per_second": 0, "max_inside": 10})).await.1);
    there.stays(&tickets[1], "waiting").await;
    // The event's own again.
    let (shown, after) = set(json!({"admit_per_second": null})).await;
    told.push(after);
    assert_eq!((&shown["admit_per_second"], &shown["max_inside"]), (&json!(1_000), &json!(10)), "{shown}");
    let (_, took) = there.until(&tickets[2], "ready").await;
    assert!(took < EFFECTIVE_WITHIN, "{took:?}");
    here.setting(organizer, &json!({"closed": true})).await.ok(200);
    let ((), took) = eventually("closed", EFFECTIVE_WITHIN, async || {
        let place = there.asking(&tickets[1]).await.ok(200);
        if place["status"] == "closed" { Ok(()) } else { Err(place.to_string()) }
    })
    .await;
    told.push(format!("closed after {took:?}"));
    there.joining(&guests[3]).await.refused(410, "sale_closed");
    there.entering(&guests[1], &tickets[1]).await.refused(410, "sale_closed");
    here.setting(organizer, &json!({"closed": false})).await.ok(200);
    let (_, took) = there.until(&tickets[1], "ready").await;
    assert!(took < EFFECTIVE_WITHIN, "{took:?}");
    there.entering(&guests[1], &tickets[1]).await.ok(200);
    assert_eq!(there.join(&guests[3]).await["position"], 4);
    told
}

/// What `control` says of a wish once it is in effect.
fn wish_shown(wish: &Value) -> Value {
    let mut shown = json!({});
    for (name, value) in wish.as_object().unwrap() {
        let by_hand = matches!(name.as_str(), "admit_per_second" | "max_inside");
        shown[if by_hand { format!("{name}_by_hand") } else { name.clone() }] = value.clone();
    }
    shown
}

#[tokio::test]
async fn what_the_organizer_sets_is_in_effect_at_once() {
    let (stage, queue) = staged(&json!({}), 5, 10).await;
    println!("{}", is_followed(&stage, &queue, &queue).await.join("\n"));
    let told = stage.log();
    assert!(told.contains("waiting room set by hand"), "{told}");
}

#[tokio::test]
async fn what_the_organizer_sets_at_one_process_is_in_effect_at_the_other() {
    let Some(stores) = Stores::cluster() else { return };
    let settings = stores.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let one = Onsale::on(stores, &[]);
    let other = Onsale::on(Stores::Embedded, &settings);
    let (stage, here) = staged_on(one, &json!({}), 5, 10).await;
    let there = Queue::at(&other, &stage.event);
    println!("{}", is_followed(&stage, &here, &there).await.join("\n"));
}

#[tokio::test]
async fn nobody_else_has_a_say() {
    let (stage, queue) = staged(&json!({}), 1, 4).await;
    let buyer = stage.guest().await;
    let rival = stage.account("rival@example.com", "organizer").await;
    let wish = json!({"paused": true});
    for token in [&buyer, &rival] {
        queue.setting(token, &wish).await.refused(403, "forbidden");
        stage.get(&queue.path("/control")).by(token).await.refused(403, "forbidden");
    }
    stage.patch(&queue.path("/control"), &wish).await.refused(401, "unauthenticated");
    for bad in [
        json!({"admit_per_second": 100_001}),
        json!({"max_inside": 1_000_001}),
        json!({"max_inside": -1}),
        json!({"paused": "perhaps"}),
        json!({"pause": true}),
    ] {
        queue.setting(&stage.organizer, &bad).await.refused(400, "validation");
    }
    let shown = stage.get(&queue.path("/control")).by(&stage.organizer).await.ok(200);
    assert_eq!((&shown["paused"], &shown["status"]), (&json!(false), &json!("open")), "{shown}");
}
