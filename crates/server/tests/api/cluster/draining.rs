//! What was accepted comes to be in PostgreSQL: soon, and each reservation once.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Pair, RECOVERS_WITHIN,
    load::{check, crowded},
};
use crate::{races::at_once, support::text};

/// How far the ledger may be behind the last answer.
const ROWS_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_holds_in_a_burst_are_rows_two_seconds_later() {
    const SEATS: usize = 10_000;
    const EACH: usize = 50;
    let event = json!({"hold_ttl_s": 3600, "max_seats_per_buyer": EACH});
    let Some(mut pair) = Pair::with(&event, 100, 100).await else { return };
    let guests = pair.stage.guests(SEATS / EACH);
    let calls = (0..SEATS).map(|seat| {
        let number = u32::try_from(seat + 1).unwrap();
        pair.stage.holding_seats(&guests[seat % guests.len()], &[number])
    });
    let calls = calls.collect();
    let begun = Instant::now();
    let answers = at_once(&pair.both(), calls).await;
    let (ended, took) = (Instant::now(), begun.elapsed());
    let ids: BTreeSet<String> = answers.iter().map(|answer| text(&answer.ok(201)["id"])).collect();
    assert_eq!(ids.len(), SEATS);
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    let count = "SELECT count(*) FROM reservations";
    let mut rows = postgres.sql(count).unwrap();
    let there_already = rows.clone();
    while rows != SEATS.to_string() {
        assert!(ended.elapsed() < RECOVERS_WITHIN, "{rows} rows");
        tokio::time::sleep(Duration::from_millis(10)).await;
        rows = postgres.sql(count).unwrap();
    }
    let late = ended.elapsed();
    println!("{SEATS} holds within {took:?}, {there_already} rows at the end, all of them {late:?} later");
    let each =
        "SELECT count(DISTINCT id), count(DISTINCT units::text), count(DISTINCT sequence) FROM reservations";
    assert_eq!(postgres.sql(each).unwrap(), format!("{SEATS}|{SEATS}|{SEATS}"), "each once");
    let written: BTreeSet<String> =
        postgres.sql("SELECT id FROM reservations").unwrap().lines().map(str::to_owned).collect();
    assert_eq!(written, ids);
    assert!(late < ROWS_WITHIN, "{late:?}");
}

/// A trigger makes one commit of the drain take its time; in that time the process that waits for it is killed. The
/// database commits all the same, and nobody has told Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_killed_between_commit_and_acknowledgement_writes_nothing_twice() {
    let Some((mut pair, load)) = crowded().await else { return };
    let changes = format!("onsale:{{{}}}:changes", pair.stage.performance);
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    postgres
        .sql(
            "CREATE TABLE slow (commits int); INSERT INTO slow VALUES (1); \
             CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             UPDATE slow SET commits = commits - 1 WHERE commits > 0; \
             IF FOUND THEN PERFORM pg_sleep(3); END IF; RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON reservations DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION be_slow()",
        )
        .unwrap();
    let waiting =
        "SELECT client_port FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'";
    let begun = Instant::now();
    let port: u16 = loop {
        if let Ok(port) = postgres.sql(waiting).unwrap().parse() {
            break port;
        }
        assert!(begun.elapsed() < RECOVERS_WITHIN, "no commit is under way");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let is_first = has_socket(pair.stage.onsale.pid(), port);
    assert!(is_first || has_socket(pair.other.pid(), port), "neither of the two drains");
    let oldest = |pair: &mut Pair| {
        let redis = pair.stage.onsale.stores.redis().unwrap();
        redis.ask(&["XRANGE", &changes, "-", "+", "COUNT", "1"]).unwrap()
    };
    let before = oldest(&mut pair);
    pair.lose(is_first);
    let postgres = pair.stage.onsale.stores.postgres().unwrap();
    let begun = Instant::now();
    while postgres.sql("SELECT commits FROM slow").unwrap() != "0" {
        assert!(begun.elapsed() < RECOVERS_WITHIN, "it does not commit");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(oldest(&mut pair), before, "committed, and not acknowledged");
    load.sees(|happened| &happened.held, 50).await;
    let buyers = load.end().await;
    check(&mut pair, &buyers).await;
}

/// Whether a process has a TCP connection from this port of its.
fn has_socket(process: u32, port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inodes: Vec<String> = lines
        .filter(|fields| fields.get(1).is_some_and(|address| address.ends_with(&local)))
        .filter_map(|fields| fields.get(9).map(|inode| format!("socket:[{inode}]")))
        .collect();
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().any(|entry| {
        // One that was closed meanwhile is not it.
        let target = fs::read_link(entry.unwrap().path());
        target.is_ok_and(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
    })
}
