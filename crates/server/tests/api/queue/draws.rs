//! The lobby and its draw: the order is drawn when it opens, and what is published lets anybody check it.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{MOVES_WITHIN, eventually, staged};
use crate::{
    processes::ends_with,
    support::{Stage, has, text},
};

/// Checks a document with the command line; gives the exit status and what was said.
fn verified(folder: &Path, document: &Value, commitment: Option<&str>) -> (Option<i32>, String) {
    let file = folder.join("draw.json");
    fs::write(&file, document.to_string()).unwrap();
    let mut arguments = vec!["verify", "draw", file.to_str().unwrap()];
    arguments.extend(commitment.iter().flat_map(|commitment| ["--commitment", commitment]));
    ends_with(folder, &arguments, &[])
}

/// Waits until so many are said to be in the lobby; gives what is said of the draw.
async fn lobby_of(stage: &Stage, path: &str, count: usize) -> Value {
    let (draw, _) = eventually("the lobby", MOVES_WITHIN, async || {
        let draw = stage.get(path).await.ok(200);
        if draw["lobby_count"] == count { Ok(draw) } else { Err(draw.to_string()) }
    })
    .await;
    draw
}

/// Another hex digit in a string.
fn altered(hex: &Value) -> Value {
    let hex = text(hex);
    json!(format!("{}{}", if hex.starts_with('0') { '1' } else { '0' }, &hex[1..]))
}

#[tokio::test]
async fn who_came_before_opening_is_ordered_by_a_draw_that_anybody_can_check() {
    const LOBBY: usize = 9;
    let opens_at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(5);
    let settings = json!({"opens_at": opens_at.to_string(), "max_inside": 1});
    let (stage, queue) = staged(&settings, 5, 10).await;
    let guests = stage.guests(LOBBY + 1);
    let draw_path = queue.path("/draw");
    let mut tickets = Vec::new();
    for guest in &guests[..LOBBY] {
        let place = queue.join(guest).await;
        assert_eq!((&place["status"], &place["position"]), (&json!("lobby"), &Value::Null), "{place}");
        assert_eq!(place["eta_s"].as_u64().unwrap().min(6), place["eta_s"].as_u64().unwrap());
        tickets.push(text(&place["ticket"]));
    }
    let before = lobby_of(&stage, &draw_path, LOBBY).await;
    assert_eq!(before["drawn"], false, "{before}");
    assert!(before.get("secret").is_none() && before.get("root").is_none(), "{before}");
    stage.get(&queue.path("/draw/entries")).await.refused(404, "not_found");
    let receipt = |ticket: &str| stage.get(&queue.path("/receipt")).header("queue-ticket", ticket);
    receipt(&tickets[0]).await.refused(404, "not_found");
    queue.entering(&guests[0], &tickets[0]).await.refused(425, "not_your_turn");
    assert!(jiff::Timestamp::now() < opens_at, "all that was before opening");

    let (draw, _) = eventually("the draw", MOVES_WITHIN, async || {
        let draw = stage.get(&draw_path).await.ok(200);
        if draw["drawn"] == true { Ok(draw) } else { Err(draw.to_string()) }
    })
    .await;
    assert!(jiff::Timestamp::now() >= opens_at, "not before its time");
    has(&draw, &["root", "secret", "entries"]);
    let commitment = text(&before["commitment"]);
    assert_eq!((text(&draw["commitment"]), &draw["lobby_count"]), (commitment.clone(), &json!(LOBBY)));
    assert_eq!(queue.join(&guests[LOBBY]).await["position"], LOBBY + 1, "who comes later stands behind");

    // Calling begins a moment after the draw.
    eventually("the first is called", MOVES_WITHIN, async || {
        let room = stage.get(&queue.path("/control")).by(&stage.organizer).await.ok(200);
        if room["called"] == 1 { Ok(()) } else { Err(room.to_string()) }
    })
    .await;

    let folder = TempDir::new().unwrap();
    let mut positions = BTreeSet::new();
    for ticket in &tickets {
        let place = queue.asking(ticket).await.ok(200);
        let position = place["position"].as_u64().unwrap();
        positions.insert(position);
        // One at a time, the one who drew the first position first.
        assert_eq!(place["status"] == "ready", position == 1, "{place}");
        let document = receipt(ticket).await.ok(200);
        assert_eq!(document["receipt"]["position"], position, "{document}");
        let (status, said) = verified(folder.path(), &document, Some(&commitment));
        assert_eq!(status, Some(0), "{said} {document}");
    }
    assert_eq!(positions, (1..=LOBBY as u64).collect());

    let document = receipt(&tickets[3]).await.ok(200);
    let changes: [fn(&mut Value); 6] = [
        |document| {
            let position = document["receipt"]["position"].as_u64().unwrap();
            document["receipt"]["position"] = json!(position % LOBBY as u64 + 1);
        },
        |document| document["receipt"]["place"] = json!(4),
        |document| document["receipt"]["pseudonym"] = altered(&document["receipt"]["pseudonym"]),
        |document| document["receipt"]["path"][0] = altered(&document["receipt"]["path"][0]),
        |document| document["secret"] = altered(&document["secret"]),
        |document| document["root"] = altered(&document["root"]),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut other = document.clone();
        change(&mut other);
        let (status, said) = verified(folder.path(), &other, None);
        assert_eq!(status, Some(1), "change {number}: {said} {other}");
    }
    let (status, said) = verified(folder.path(), &document, Some(&text(&altered(&json!(commitment)))));
    assert_eq!(status, Some(1), "{said}");

    let published = stage.get(&text(&draw["entries"])["/api/v1".len()..]).await.ok(200);
    assert_eq!(published["entries"].as_array().unwrap().len(), LOBBY);
    assert_eq!(verified(folder.path(), &published, Some(&commitment)).0, Some(0), "{published}");
    let mut fewer = published.clone();
    fewer["entries"].as_array_mut().unwrap().pop();
    let mut another = published.clone();
    another["entries"][2] = altered(&another["entries"][2]);
    let mut swapped = published;
    swapped["entries"].as_array_mut().unwrap().swap(0, 1);
    for bad in [fewer, another, swapped] {
        assert_eq!(verified(folder.path(), &bad, None).0, Some(1), "{bad}");
    }
}

#[tokio::test]
async fn leaving_the_lobby_and_coming_back_is_no_second_chance() {
    let opens_at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    let (stage, queue) = staged(&json!({"opens_at": opens_at.to_string()}), 1, 4).await;
    let guest = stage.guest().await;
    for _ in 0..3 {
        let place = queue.joining(&guest).await;
        assert!([200, 201].contains(&place.status), "{place:?}");
        let ticket = text(&place.json()["ticket"]);
        queue.leaving(&ticket).await.empty(204);
    }
    queue.joining(&guest).await;
    let next = stage.guest().await;
    queue.join(&next).await;
    lobby_of(&stage, &queue.path("/draw"), 2).await;
}
