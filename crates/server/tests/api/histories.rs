//! `onsale verify journal` over journals that servers have written.
//!
//! Invariant: a journal is right whatever happened to its server, until somebody changes what is on the disk.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use onsale_testkit::servers::Stores;
use serde_json::json;

use crate::support::{Onsale, Stage, eventually, grid, text};

/// How a check ends, what it prints, and what it says.
pub(crate) fn verified(onsale: &Onsale, more: &[&str]) -> (i32, String, String) {
    let ended = onsale.installation.run_to_end(&[&["verify", "journal"], more].concat(), "").unwrap();
    (ended.status.code().unwrap(), ended.stdout, ended.stderr)
}

/// A sale in which units have gone every way, of a server that was killed once in the middle, and has ended.
async fn sale() -> Stage {
    let settings = [("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0")];
    let mut stage =
        Stage::on(Onsale::on(Stores::Embedded, &settings), &json!({"max_seats_per_buyer": 20}), &grid(4, 5))
            .await;
    let (kim, lee) = (stage.guest().await, stage.guest().await);
    let bought = stage.buy(&kim, &[1, 2, 3]).await;
    let path = format!("/orders/{}/refund", text(&bought["id"]));
    stage.post(&path, &json!({"seat_ids": [2]})).by(&stage.organizer).await.ok(200);
    let given_up = stage.hold(&lee, &[4, 5]).await;
    assert_eq!(stage.cancel(&lee, &given_up).await.status, 204);
    stage.hold(&lee, &[2, 4]).await;
    let blocked = stage.post(&stage.path("/blocks"), &json!({"seat_ids": [6, 7], "blocked": true}));
    blocked.by(&stage.organizer).await.ok(200);
    drop(stage.onsale.take_process());
    stage.onsale.start_again();
    stage.buy(&lee, &[8]).await;
    stage.hold(&kim, &[9]).await;
    let caught_up = async || {
        let metrics = stage.onsale.at_root("GET", "/metrics").await.text();
        let lag = metrics.lines().find_map(|line| line.strip_prefix("onsale_drain_lag_changes "));
        if lag == Some("0") { Ok(()) } else { Err(format!("{lag:?} changes behind")) }
    };
    eventually("everything is in the ledger", Duration::from_secs(20), caught_up).await;
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    stage
}

#[tokio::test]
async fn a_journal_is_right_until_something_is_changed() {
    let mut stage = sale().await;
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 0, "{said}{errors}");
    assert!(said.starts_with("counted: ") && said.ends_with("right: everything agrees\n"), "{said}");
    assert!(
        said.contains(" changes, 1 performance, 0 waiting rooms, 5 reservations in the ledger"),
        "{said}"
    );

    let folder = stage.onsale.installation.data_dir();
    let (journal, ledger) = (folder.join("journal.db"), folder.join("ledger.db"));
    let sound = [&journal, &ledger].map(|file| (file.clone(), std::fs::read(file).unwrap()));
    let restore = || {
        for (file, bytes) in &sound {
            std::fs::write(file, bytes).unwrap();
            for rest in ["-wal", "-shm"] {
                drop(std::fs::remove_file(beside(file, rest)));
            }
        }
    };
    let of = |table: &str| format!("(SELECT MAX(row) FROM {table} WHERE length(changes) > 20)");
    let last = of("batches");
    let planted = [
        (&journal, format!("DELETE FROM batches WHERE row = {last} - 1"), "comes after row"),
        (&journal, format!("DELETE FROM batches WHERE row >= {last}"), "not in the journal"),
        (&journal, format!("UPDATE batches SET changes = x'0100' WHERE row = {last}"), "not in the journal"),
        (
            &journal,
            "UPDATE counters SET value = 1000000 WHERE name = 'drained_to'".to_owned(),
            "rows up to 1000000",
        ),
        (&journal, "DELETE FROM images".to_owned(), "there is no checkpoint of it"),
        (&ledger, "DELETE FROM reservations WHERE status = 'cancelled'".to_owned(), "not in the ledger"),
        (
            &ledger,
            "UPDATE reservations SET status = 'expired' WHERE status = 'cancelled'".to_owned(),
            "is expired in the ledger, and cancelled in the journal",
        ),
        (&ledger, "UPDATE reservations SET fence = fence + 1".to_owned(), "the fence in the ledger"),
        (
            &ledger,
            "UPDATE reservations SET units = '[1]' WHERE status = 'held'".to_owned(),
            "the list of units",
        ),
        (
            &ledger,
            "UPDATE reservations SET expires_at = expires_at + 1".to_owned(),
            "the expiry in the ledger",
        ),
        (
            &ledger,
            "UPDATE order_units SET live = FALSE WHERE unit = 8".to_owned(),
            "unit 8 is sold under order",
        ),
        (
            &ledger,
            "UPDATE order_units SET unit = 20 WHERE unit = 8".to_owned(),
            "unit 20 is paid for under order",
        ),
    ];
    for (file, statement, finding) in planted {
        restore();
        let database = rusqlite::Connection::open(file).unwrap();
        database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {statement}")).unwrap();
        assert!(database.changes() > 0, "{statement}");
        database.close().unwrap();
        let (status, said, errors) = verified(&stage.onsale, &[]);
        assert_eq!(status, 1, "{statement}: {said}{errors}");
        let is_named = said.lines().any(|line| line.starts_with("wrong: ") && line.contains(finding));
        assert!(is_named, "{statement}: {said}");
        assert!(errors.contains("disagreement"), "{errors}");
    }
    restore();
    let database = rusqlite::Connection::open(&journal).unwrap();
    database.execute(&format!("UPDATE batches SET changes = x'63' WHERE row = {last}"), []).unwrap();
    database.close().unwrap();
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 1, "{said}{errors}");
    assert!(errors.contains("journal format 99"), "{errors}");

    // What was changed and put back is as good as it was.
    restore();
    stage.onsale.start_again();
    stage.buy(&stage.guest().await, &[20]).await;
}

fn beside(file: &Path, rest: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(rest);
    name.into()
}

/// A stock that was made anew from the ledger: nothing is known of it from before, and nothing is wrong.
#[tokio::test]
async fn a_journal_that_begins_in_the_middle_is_right() {
    let mut stage = sale().await;
    stage.onsale.lose_the_stock();
    stage.onsale.start_again();
    stage.buy(&stage.guest().await, &[15]).await;
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 0, "{said}{errors}");
}

#[tokio::test]
async fn only_a_journal_that_nobody_writes_to_is_checked() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let (status, said, errors) = verified(&onsale, &[]);
    assert_eq!((status, said.as_str()), (1, ""), "{errors}");
    assert!(errors.contains("stop it first"), "{errors}");
    let nowhere = onsale.installation.data_dir().join("nowhere");
    let (status, said, errors) = verified(&onsale, &["--data-dir", nowhere.to_str().unwrap()]);
    assert_eq!((status, said.as_str()), (2, ""), "{errors}");
    assert!(!nowhere.exists());
}
