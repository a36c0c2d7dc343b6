//! The wall clock steps by an hour while people wait, are called and are inside.
//!
//! Invariant checked: it moves nobody, opens no lobby and ends no turn.

use rstest::rstest;
use serde_json::{Value, json};

use super::{holding, staged_on};
use crate::support::{FakedClock, Onsale, text};

#[rstest]
#[case::forward("+3600")]
#[case::back("-3600")]
#[tokio::test]
async fn a_clock_that_steps_moves_nobody(#[case] step: &str) {
    let Some(clock) = FakedClock::at("+0") else { return };
    let settings = clock.settings();
    let onsale = Onsale::with(&[
        settings[0],
        settings[1],
        settings[2],
        ("ONSALE_LOG__FORMAT", "json"),
        // An administrator sets the wall clock; nobody sets the time since the start of the machine.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    let (stage, queue) = staged_on(onsale, &json!({"max_inside": 2}), 1, 20).await;
    let opens_at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30);
    let lobby = json!({"waiting_room": super::room(&json!({"opens_at": opens_at.to_string()}))});
    let lobby = super::Queue::at(&stage, &stage.event(&stage.organizer, &lobby).await);
    let guests = stage.guests(4);
    let early = lobby.ticket(&guests[0]).await;
    let mut tickets = Vec::new();
    for guest in &guests {
        tickets.push(queue.ticket(guest).await);
    }
    let pass = queue.enter(&guests[0], &tickets[0]).await;
    queue.until(&tickets[0], "inside").await;
    queue.until(&tickets[1], "ready").await;
    let mut before = Vec::new();
    for ticket in &tickets {
        before.push(queue.asking(ticket).await.ok(200));
    }

    clock.set(step);
    // What it logs shows that the step has reached the program.
    let mut rate = 900;
    let ((), took) = super::eventually("the step", super::MOVES_WITHIN, async || {
        rate += 1;
        queue.setting(&stage.organizer, &json!({"admit_per_second": rate})).await.ok(200);
        let log = stage.log();
        let line =
            log.lines().rfind(|line| line.contains("waiting room set by hand")).ok_or("nothing logged")?;
        let logged: Value = serde_json::from_str(line).unwrap();
        let at: jiff::Timestamp = text(&logged["timestamp"]).parse().unwrap();
        let off = at.duration_since(jiff::Timestamp::now()).as_secs();
        let wanted: i64 = step.parse().unwrap();
        if (off - wanted).abs() < 60 { Ok(()) } else { Err(line.to_owned()) }
    })
    .await;
    println!("the clock stepped within {took:?}");
    queue.stays(&tickets[2], "waiting").await;
    for (ticket, before) in tickets.iter().zip(&before) {
        let after = queue.asking(ticket).await.ok(200);
        for member in ["status", "position", "ahead", "claim_until", "inside_until", "missed"] {
            assert_eq!(after[member], before[member], "{member}: {before} {after}");
        }
    }
    assert_eq!(lobby.asking(&early).await.ok(200)["status"], "lobby");
    assert_eq!(queue.joining(&guests[3]).await.ok(200)["position"], 4);
    let held = holding(&stage, &guests[0], &pass, &[1]).await.ok(201);
    stage.confirming(&guests[0], &held, "simulated").await.ok(201);
    let second = queue.enter(&guests[1], &tickets[1]).await;
    holding(&stage, &guests[1], &second, &[2]).await.ok(201);
    queue.until(&tickets[2], "ready").await;
    assert_eq!(text(&queue.asking(&tickets[3]).await.ok(200)["status"]), "waiting");
}
