//! Copies of the folder of an installation, taken while it sells, and put back.

use std::{fs, path::Path, time::Duration};

use onsale_testkit::{process::Installation, servers::Stores};
use serde_json::{Value, json};

use crate::{
    calls::Api,
    support::{BINARY, Onsale, PASSWORD, Stage, eventually, grid, text},
};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until everything that was accepted is in the ledger.
async fn written_down(stage: &Stage) {
    eventually("all is in the ledger", Duration::from_secs(10), async || {
        let drain = stage.at_root("GET", "/health").await.ok(200)["drain"].clone();
        if drain["lag_changes"] == 0 { Ok(()) } else { Err(drain.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_was_taken_while_selling_sells_on() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let stage = Stage::on(onsale, &json!({}), &grid(2, 3)).await;
    let (one, other) = (stage.guest().await, stage.guest().await);
    let order = stage.buy(&one, &[1, 2]).await;
    let held = stage.hold(&other, &[3]).await;
    written_down(&stage).await;
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("tuesday");
    let arguments = ["backup", copy.to_str().unwrap()];
    let note = stage.command(&arguments, "").remove(0);
    assert_eq!((&note["orders"], &note["units"]), (&json!(1), &json!(2)), "{note}");
    assert_eq!(names(&copy), ["backup.json", "ledger.db", "secret"]);
    // What comes later is not in it.
    stage.buy(&one, &[4]).await;
    let again = stage.installation.run_to_end(&arguments, "").unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);

    let mut restored = Installation::new(BINARY).unwrap();
    restored.set("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0");
    let said = restored.run(&["restore", copy.to_str().unwrap()], "").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), note);
    assert!(restored.run(&["verify", "ledger"], "").unwrap().contains("right: everything agrees"));
    let refused = restored.run_to_end(&["restore", copy.to_str().unwrap()], "").unwrap();
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);

    let running = restored.start().unwrap();
    let api = Api::at(running.url());
    let seats = format!("/performances/{}/stats", stage.performance);
    let stats = api.get(&seats).by(&stage.organizer).await.ok(200);
    let counts = ["available", "held", "sold"].map(|state| stats[state].as_u64().unwrap());
    assert_eq!((counts, &stats["drift"]), ([3, 1, 2], &json!(0)), "{stats}");
    // Tokens of before are good, what was bought is there, and who held goes on to pay.
    let path = format!("/orders/{}", text(&order["id"]));
    assert_eq!(api.get(&path).by(&one).await.ok(200)["status"], "paid");
    let hold = |seat: u32| {
        api.post(&format!("/performances/{}/reservations", stage.performance), &json!({"seat_ids": [seat]}))
            .by(&one)
    };
    for taken in [1, 2, 3] {
        hold(taken).await.refused(409, "seat_taken");
    }
    let confirm = format!("/reservations/{}/confirm", text(&held["id"]));
    let paid = api.post(&confirm, &crate::support::payment("simulated")).by(&other).await.ok(201);
    assert_eq!(paid["status"], "paid");
    hold(4).await.ok(201);
    let login = json!({"email": "organizer@example.com", "password": PASSWORD});
    api.post("/auth/login", &login).await.ok(200);
}

#[tokio::test]
async fn half_a_copy_is_not_put_back() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    onsale.command(&["backup", copy.to_str().unwrap()], "");
    let restored = Installation::new(BINARY).unwrap();
    let refused = |why: &str| {
        let ended = restored.run_to_end(&["restore", copy.to_str().unwrap()], "").unwrap();
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert!(!restored.data_dir().join("ledger.db").exists(), "nothing was put there");
    };
    let ledger = copy.join("ledger.db");
    let whole = fs::read(&ledger).unwrap();
    fs::write(&ledger, &whole[..whole.len() / 2]).unwrap();
    refused("bytes and should have");
    fs::write(&ledger, whole).unwrap();
    fs::rename(copy.join("backup.json"), copy.join("other.json")).unwrap();
    refused("no whole copy");
    // With the stores elsewhere there is nothing in a folder to copy.
    let mut shared = Installation::new(BINARY).unwrap();
    shared.set("ONSALE_DATABASE_URL", "postgres://u:p@127.0.0.1:1/x");
    let ended = shared.run_to_end(&["backup", "anywhere"], "").unwrap();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("pg_dump"), "{}", ended.stderr);
}
