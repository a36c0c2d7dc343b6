//! The scripts in `load/k6`, played small by k6 itself: nothing is wrong, and their thresholds are kept; and where one is not,
//! k6 says so.

use std::{path::PathBuf, process::Command, time::Duration};

use onsale_testkit::servers::{or_passed_over, provided};

use crate::support::{Onsale, run_within};

/// How long a script may take, also on a busy machine.
const WITHIN: Duration = Duration::from_mins(2);

/// What k6 ends with where a threshold is not kept.
const NOT_KEPT: i32 = 99;

/// Plays a script in a size; gives how k6 ended, and what it said. `None`: k6 is not there.
async fn play(script: &str, size: &[(&str, &str)]) -> Option<(i32, String)> {
    let k6 = or_passed_over(Ok(provided("k6", "k6")), "k6")?;
    let onsale = Onsale::start();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../load/k6").join(script);
    let mut command = Command::new(k6);
    command
        .args(["run", "--quiet", "--no-color", "--no-usage-report", "--address", "localhost:0"])
        .arg(script.canonicalize().unwrap())
        .env("BASE_URL", format!("http://{}", onsale.address()))
        .env("ORGANIZER_TOKEN", onsale.organizer().await)
        .envs(size.iter().copied());
    let (status, said) = run_within(&mut command, WITHIN).await;
    Some((status.code().unwrap(), said))
}

async fn is_in_order(script: &str, size: &[(&str, &str)]) {
    // How long it takes is a matter of benches, and of who else is at the machine.
    let size = [size, &[("PATIENCE", "30")]].concat();
    let Some((code, said)) = play(script, &size).await else { return };
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_seat_one_gets_it() {
    is_in_order("hold_collisions.js", &[("SEATS", "10"), ("RIVALS", "12")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_presses_pay_many_times_pays_once() {
    is_in_order("payment_race.js", &[("BUYERS", "20"), ("VUS", "4"), ("PRESSES", "5")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_seats_never_has_more() {
    is_in_order("changing_seats.js", &[("BUYERS", "10"), ("CHANGES", "8")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_in_order_and_buys_what_there_is() {
    is_in_order("queue.js", &[("BUYERS", "40"), ("SEATS", "20")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_show_on_other_screens_soon() {
    is_in_order("live.js", &[("VIEWERS", "8"), ("CHANGES", "6")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k6_says_so_where_a_threshold_is_not_kept() {
    let size = [("VIEWERS", "2"), ("CHANGES", "3"), ("SEEN_WITHIN_MS", "1")];
    let Some((code, said)) = play("live.js", &size).await else { return };
    assert_eq!(code, NOT_KEPT, "{said}");
    assert!(said.contains("thresholds on metrics 'seat_change_seen_ms' have been crossed"), "{said}");
}
