//! `onsale move`: from one folder to Redis and PostgreSQL, with everything that was there.
//!
//! Invariant checked: whoever bought or held something finds it on the other side; there is no moment in which both
//! sides would sell; what stops a move on its way costs nothing but another run.

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use onsale_testkit::{process::Installation, servers::Stores};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    calls::Api,
    support::{BINARY, Onsale, Stage, grid, payment, seat_ids, text, won},
};

/// How long something in the background may take until it is so.
const SOON: Duration = Duration::from_secs(20);

/// What a stage has that is to be moved: seats, and an area without numbers.
fn house() -> Value {
    let mut house = grid(4, 10);
    house["areas"] = json!([{"label": "Standing", "capacity": 20, "price": won(500)}]);
    house
}

fn url_of(stores: &Stores, setting: &str) -> String {
    stores.settings().into_iter().find(|(name, _)| *name == setting).unwrap().1
}

/// The arguments of a move to these stores.
fn towards(stores: &Stores) -> Vec<String> {
    let (database, redis) = (url_of(stores, "ONSALE_DATABASE_URL"), url_of(stores, "ONSALE_REDIS_URL"));
    ["move", "--to-database", &database, "--to-redis", &redis].map(str::to_owned).into()
}

/// Runs a move to its end; gives its report.
fn moved(from: &Installation, to: &Stores) -> Value {
    serde_json::from_str(from.run(&towards(to), "").unwrap().trim()).unwrap()
}

/// Runs what has to fail; gives what it says, its status in front.
fn refusal(from: &Installation, arguments: &[String]) -> String {
    from.run(arguments, "").unwrap_err().to_string()
}

fn secret(onsale: &Installation) -> String {
    fs::read_to_string(onsale.data_dir().join("secret")).unwrap().trim().to_owned()
}

/// Everything that a buyer is told of theirs, and of the stock; the time of day apart.
async fn belongings(api: &Api, buyer: &str) -> [Value; 3] {
    let of = async |path: &str| api.get(path).by(buyer).await.ok(200);
    [of("/me/reservations?limit=200").await, of("/me/orders?limit=200").await, of("/me/wallet").await]
}

async fn states(api: &Api, performance: &str) -> [Value; 2] {
    let availability = api.get(&format!("/performances/{performance}/availability")).await.ok(200);
    [availability["states"].clone(), availability["areas"].clone()]
}

async fn waits_for(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What was made before a move.
struct Kept {
    order: Value,
    held: Value,
    standing: Value,
    abandoned: Value,
    last: Value,
}

/// What was held is bought, by its owner only, and once; what was extended is not again.
async fn go_on_selling(stage: &Stage, [kim, guest]: [&str; 2], kept: &Kept) {
    let Kept { order, held, standing, abandoned, last } = kept;
    let extend = stage.call("POST", &format!("/reservations/{}/extend", text(&held["id"])));
    extend.by(guest).await.refused(409, "extension_used");
    let repeated = stage.holding_seats(guest, &[5, 6]).header("idempotency-key", "five and six").await;
    assert_eq!(repeated.json()["id"], held["id"], "{repeated:?}");
    stage.confirming(kim, held, "wallet").await.refused(404, "not_found");
    for seat in [1, 5, 7, 8, 40] {
        stage.holding_seats(kim, &[seat]).await.refused(409, "seat_taken");
    }
    let bought = stage.confirming(guest, held, "simulated").await.ok(201);
    assert_eq!((&bought["status"], seat_ids(&bought)), (&json!("paid"), vec![5, 6]));
    stage.confirming(guest, standing, "simulated").await.ok(201);
    stage.confirming(kim, last, "wallet").await.ok(201);
    stage.cancel(guest, abandoned).await.empty(204);
    stage.hold(kim, &[3, 4, 7]).await;
    let refund = stage.call("POST", &format!("/orders/{}/refund", text(&order["id"])));
    refund.by(&stage.organizer).await.ok(200);
    stage.hold(guest, &[1, 2]).await;
    assert_eq!(stage.counts().await, [43, 5, 0, 10, 2]);
    let reconcile = stage.call("POST", &stage.path("/reconcile"));
    assert_eq!(reconcile.by(&stage.organizer).await.ok(200), json!({"repaired": []}));
    // A new performance gets a number of its own.
    let next = stage.performance(&stage.organizer, &stage.event, &grid(1, 1)).await;
    assert_eq!(stage.counts_of(&next).await, [1, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_move_and_sales_go_on() {
    let Some(stores) = Stores::cluster() else { return };
    let slow = [("ONSALE_PAYMENTS__SIMULATED__DELAY_MS", "30000")];
    let onsale = Onsale::on(Stores::Embedded, &slow);
    let settings = json!({"hold_ttl_s": 3600, "max_seats_per_buyer": 20});
    let mut stage = Stage::on(onsale, &settings, &house()).await;
    let untouched = stage.performance(&stage.organizer, &stage.event, &grid(3, 3)).await;
    let kim = stage.sign_up("kim@example.com").await;
    let logged_in = stage.log_in("kim@example.com").await;
    stage.post("/me/wallet/top-ups", &json!({"amount": won(50_000)})).by(&kim).await.ok(201);
    let guest = stage.guest().await;
    // Bought, bought and given back, held and cancelled, held, held for longer, blocked; with and without numbers.
    let buy = async |body: &Value| {
        let held = stage.holding(&kim, body).await.ok(201);
        stage.confirming(&kim, &held, "wallet").await.ok(201)
    };
    let order = buy(&json!({"seat_ids": [1, 2]})).await;
    buy(&json!({"area_id": 1, "quantity": 3})).await;
    let returned = buy(&json!({"seat_ids": [3]})).await;
    stage
        .call("POST", &format!("/orders/{}/refund", text(&returned["id"])))
        .by(&stage.organizer)
        .await
        .ok(200);
    let cancelled = stage.hold(&kim, &[4]).await;
    stage.cancel(&kim, &cancelled).await.empty(204);
    let held = stage.holding_seats(&guest, &[5, 6]).header("idempotency-key", "five and six").await.ok(201);
    stage.call("POST", &format!("/reservations/{}/extend", text(&held["id"]))).by(&guest).await.ok(200);
    let held = stage.reservation(&guest, &held).await;
    let standing = stage.holding(&guest, &json!({"area_id": 1, "quantity": 4})).await.ok(201);
    let block = json!({"seat_ids": [39, 40], "blocked": true});
    stage.post(&stage.path("/blocks"), &block).by(&stage.organizer).await.ok(200);
    // The server dies with a payment under way, and what the ledger does not have yet in the journal.
    let abandoned = stage.hold(&guest, &[7]).await;
    let paying = tokio::spawn(stage.confirming(&guest, &abandoned, "simulated").attempt());
    waits_for("the payment has not begun", async || stage.counts().await[2] == 1).await;
    let last = stage.hold(&kim, &[8]).await;
    let kept = Kept { order, held, standing, abandoned, last };
    let [mine, guests] = [belongings(&stage, &kim).await, belongings(&stage, &guest).await];
    let before = states(&stage, &stage.performance).await;
    stage.onsale.take_process().kill().unwrap();
    assert!(paying.await.unwrap().is_err());
    // Now the provider answers at once: that the payment came to nothing.
    stage.onsale.installation.set("ONSALE_PAYMENTS__SIMULATED__DELAY_MS", "0");

    let report = moved(&stage.installation, &stores);
    let table = |name: &str| {
        let tables = report["tables"].as_array().unwrap();
        tables.iter().find(|table| table["table"] == name).unwrap_or_else(|| panic!("no {name}: {report}"))
    };
    assert_eq!(table("accounts")["rows"], 2);
    assert_eq!(table("orders")["rows"], 4);
    assert_eq!(table("wallets")["money"]["KRW"], 50_000 - 2_000 - 1_500);
    let performances = report["performances"].as_array().unwrap();
    let counted = performances.iter().find(|p| p["performance_id"] == *stage.performance).unwrap();
    let counts =
        ["available", "held", "paying", "sold", "blocked"].map(|state| counted[state].as_u64().unwrap());
    // Held: 5, 6, 7, 8 and four standing; sold: 1, 2 and three standing.
    assert_eq!(counts, [45, 8, 0, 5, 2]);
    assert_eq!(counted["areas"], json!([{"id": 1, "available": 13}]));
    assert_eq!(performances.len(), 2);

    let there = Onsale::on(stores, &[("ONSALE_SECRET", &secret(&stage.installation))]);
    let mut here = std::mem::replace(&mut stage.onsale, there);
    let refused = here.installation.start().unwrap_err().to_string();
    assert!(refused.contains("was moved to"), "{refused}");
    let refused = refusal(&here.installation, &["migrate".to_owned()]);
    assert!(refused.contains("was moved to") && refused.contains("exit status: 2"), "{refused}");

    // With the tokens of before: the same to see, but for the payment, which has come to nothing.
    assert_eq!(belongings(&stage, &kim).await, mine);
    let mut expected = guests;
    for reservation in expected[0]["items"].as_array_mut().unwrap() {
        if reservation["id"] == kept.abandoned["id"] {
            assert_eq!(reservation["status"], "paying");
            let members = reservation.as_object_mut().unwrap();
            members.insert("status".into(), json!("held"));
            members.remove("order_id");
        }
    }
    assert_eq!(belongings(&stage, &guest).await, expected);
    assert_eq!(states(&stage, &stage.performance).await, before);
    assert_eq!(stage.counts().await, counts);
    assert_eq!(stage.counts_of(&untouched).await, [9, 0, 0, 0, 0]);
    assert_eq!(stage.reservation(&guest, &kept.held).await, kept.held);
    let again = json!({"refresh_token": logged_in["refresh_token"]});
    stage.post("/auth/refresh", &again).await.ok(200);
    go_on_selling(&stage, [&kim, &guest], &kept).await;

    // A second run has nothing left to do, and another target is refused.
    here.installation.run(&towards(&stage.onsale.stores), "").unwrap();
    if let Some(elsewhere) = Stores::cluster() {
        let refused = refusal(&here.installation, &towards(&elsewhere));
        assert!(refused.contains("was moved to"), "{refused}");
    }
    // The way back, for who knows what they do.
    fs::remove_file(here.installation.data_dir().join("moved")).unwrap();
    here.start_again();
    assert_eq!(states(&here, &stage.performance).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_tells_and_changes_nothing_and_a_move_needs_the_server_stopped() {
    let Some(mut stores) = Stores::cluster() else { return };
    let mut stage = Stage::on(Onsale::on(Stores::Embedded, &[]), &json!({}), &grid(2, 5)).await;
    stage.buy(&stage.guest().await, &[1]).await;
    let running = refusal(&stage.installation, &towards(&stores));
    assert!(running.contains("exit status: 2") && running.contains("another onsale serves"), "{running}");
    let check = [towards(&stores), vec!["--check".into()]].concat();
    stage.installation.run(&check, "").unwrap();
    let before = stage.counts().await;
    stage.onsale.take_process().kill().unwrap();
    stage.installation.run(&check, "").unwrap();
    assert_eq!(stores.redis().unwrap().ask(&["DBSIZE"]).unwrap(), ":0");
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(stores.postgres().unwrap().sql(tables).unwrap(), "0");
    let files = |name: &str| stage.installation.data_dir().join(name).exists();
    assert!(!files("moving") && !files("moved"));
    stage.onsale.start_again();
    assert_eq!(stage.counts().await, before);
}

/// Nothing is mixed with what another onsale has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_in_use_is_refused_and_left_alone() {
    let Some(mut stores) = Stores::cluster() else { return };
    let mut stage = Stage::on(Onsale::on(Stores::Embedded, &[]), &json!({}), &grid(2, 5)).await;
    stage.onsale.take_process().terminate().unwrap();
    let said = |stores: &Stores, what: &str| {
        for check in [&["--check".to_owned()][..], &[]] {
            let refused = refusal(&stage.installation, &[&towards(stores), check].concat());
            assert!(refused.contains(what) && refused.contains("exit status: 2"), "{refused}");
        }
    };
    // Performances in Redis.
    let redis = stores.redis().unwrap();
    redis.ask(&["SADD", "onsale:performances", "0198c2a4-0000-7000-8000-000000000000"]).unwrap();
    said(&stores, "setting redis_url");
    let redis = stores.redis().unwrap();
    assert_eq!(redis.ask(&["SCARD", "onsale:performances"]).unwrap(), ":1");
    // Another's half-finished move.
    redis.ask(&["FLUSHALL"]).unwrap();
    redis.ask(&["SET", "onsale:arrival", "0198c2a4-0000-4000-8000-000000000000"]).unwrap();
    said(&stores, "the move of another folder");
    stores.redis().unwrap().ask(&["FLUSHALL"]).unwrap();
    // Rows in PostgreSQL.
    let mut other = Installation::new(BINARY).unwrap();
    other.set("ONSALE_DATABASE_URL", &url_of(&stores, "ONSALE_DATABASE_URL"));
    other.run(&["seed", "--seats", "9"], "").unwrap();
    said(&stores, "is not empty, its table");
    let events = "SELECT COUNT(*) FROM events";
    assert_eq!(stores.postgres().unwrap().sql(events).unwrap(), "1");
    // No place to go, nothing to go with.
    let nowhere = refusal(&stage.installation, &["move".to_owned()]);
    assert!(nowhere.contains("setting database_url is missing"), "{nowhere}");
    let nothing = refusal(&Installation::new(BINARY).unwrap(), &towards(&stores));
    assert!(nothing.contains("nothing to move") && nothing.contains("exit status: 2"), "{nothing}");
}

/// Begins a move and gives the process: somebody will end it.
fn begin_move(from: &Installation, to: &Stores) -> Child {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONSALE_") {
            command.env_remove(name);
        }
    }
    command.args(towards(to)).arg("--data-dir").arg(from.data_dir()).current_dir(from.data_dir());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Where a move stands still until it is killed: PostgreSQL takes its time over a row.
#[rstest]
#[case::while_the_ledger_is_copied("INSERT ON order_units", "TRUE", true)]
#[case::while_the_stock_is_loaded("UPDATE ON performances", "NEW.number = 2", true)]
#[case::when_the_folder_is_closed_and_the_target_not_open("UPDATE ON arrivals", "TRUE", false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_killed_is_run_again(
    #[case] step: &str,
    #[case] condition: &str,
    #[case] is_source_open: bool,
) {
    let Some(mut stores) = Stores::cluster() else { return };
    let mut stage = Stage::on(Onsale::on(Stores::Embedded, &[]), &json!({}), &house()).await;
    stage.performance(&stage.organizer, &stage.event, &grid(3, 3)).await;
    let (guest, late) = (stage.guest().await, stage.guest().await);
    let order = stage.buy(&guest, &[1]).await;
    let held = stage.hold(&guest, &[2]).await;
    stage.onsale.take_process().terminate().unwrap();

    let mut other = Installation::new(BINARY).unwrap();
    other.set("ONSALE_DATABASE_URL", &url_of(&stores, "ONSALE_DATABASE_URL"));
    other.run(&["migrate"], "").unwrap();
    let nap = "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS \
               $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$";
    let trigger = format!(
        "{nap}; CREATE TRIGGER nap BEFORE {step} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION nap()"
    );
    stores.postgres().unwrap().sql(&trigger).unwrap();
    let mut process = begin_move(&stage.installation, &stores);
    let napping = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    waits_for("the move does not come to that step", async || {
        assert_eq!(process.try_wait().unwrap(), None, "the move ended by itself");
        stores.postgres().unwrap().sql(napping).unwrap() == "1"
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
    let wake = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    stores.postgres().unwrap().sql(wake).unwrap();
    let table = step.rsplit(' ').next().unwrap();
    stores.postgres().unwrap().sql(&format!("DROP TRIGGER nap ON {table}")).unwrap();

    // Nobody serves from what is half there.
    for (name, value) in stores.settings() {
        other.set(name, &value);
    }
    let half = other.start().unwrap_err().to_string();
    assert!(half.contains("a move into it has not come to its end"), "{half}");
    let mut seats_held = 1;
    if is_source_open {
        // Sales go on where they were, and what is sold meanwhile is moved as well.
        stage.onsale.start_again();
        stage.hold(&late, &[3]).await;
        seats_held += 1;
        stage.onsale.take_process().kill().unwrap();
    } else {
        let closed = stage.onsale.installation.start().unwrap_err().to_string();
        assert!(closed.contains("was moved to"), "{closed}");
    }
    stage.installation.run(&towards(&stores), "").unwrap();

    let there = Onsale::on(stores, &[("ONSALE_SECRET", &secret(&stage.installation))]);
    let mut here = std::mem::replace(&mut stage.onsale, there);
    let closed = here.installation.start().unwrap_err().to_string();
    assert!(closed.contains("was moved to"), "{closed}");
    assert!(!here.installation.data_dir().join("moving").exists());
    assert_eq!(stage.counts().await, [60 - 1 - seats_held, seats_held, 0, 1, 0]);
    assert_eq!(
        stage.get(&format!("/orders/{}", text(&order["id"]))).by(&guest).await.ok(200)["status"],
        "paid"
    );
    let confirm = format!("/reservations/{}/confirm", text(&held["id"]));
    stage.post(&confirm, &payment("simulated")).by(&guest).await.ok(201);
    stage.holding_seats(&late, &[1]).await.refused(409, "seat_taken");
    stage.hold(&late, &[4]).await;
}

/// Where a guest's reservation stands as far as they were told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Held,
    Confirmed,
    Cancelled,
    /// The server died before it answered.
    Nothing,
}

/// Holds, buys and cancels until nobody answers any more; gives what they were told.
async fn shop(api: Api, performance: String, guest: String, seed: u64) -> (String, Vec<(Value, Told)>) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut told = Vec::new();
    loop {
        let seats: BTreeSet<u32> = (0..2).map(|_| chance.random_range(1..=400)).collect();
        let path = format!("/performances/{performance}/reservations");
        let Ok(answer) = api.post(&path, &json!({"seat_ids": seats})).by(&guest).attempt().await else {
            break;
        };
        if answer.status != 201 {
            answer.refused(409, "seat_taken");
            continue;
        }
        let held = answer.json();
        let path = format!("/reservations/{}", text(&held["id"]));
        let (call, status, then) = match chance.random_range(0..3) {
            0 => (api.delete(&path), 204, Told::Cancelled),
            1 => (api.post(&format!("{path}/confirm"), &payment("simulated")), 201, Told::Confirmed),
            _ => {
                told.push((held, Told::Held));
                continue;
            }
        };
        let Ok(answer) = call.by(&guest).attempt().await else {
            told.push((held, Told::Nothing));
            break;
        };
        assert_eq!(answer.status, status, "{answer:?}");
        told.push((held, then));
    }
    (guest, told)
}

/// What was answered under load, before the server was killed, is there after the move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_under_load_is_moved_with_all_that_it_answered() {
    let Some(stores) = Stores::cluster() else { return };
    let seed =
        std::env::var("TEST_SEED").map_or_else(|_| rand::random_range(0..1_000_000), |s| s.parse().unwrap());
    println!("TEST_SEED={seed}");
    let settings = json!({"hold_ttl_s": 3600, "max_seats_per_buyer": 50});
    let mut stage = Stage::on(Onsale::on(Stores::Embedded, &[]), &settings, &grid(20, 20)).await;
    let mut shopping = Vec::new();
    for (number, guest) in (0..).zip(stage.guests(12)) {
        shopping.push(tokio::spawn(shop((**stage).clone(), stage.performance.clone(), guest, seed + number)));
    }
    waits_for("the sale does not get going", async || stage.counts().await[3] >= 40).await;
    stage.onsale.take_process().kill().unwrap();
    let shopped = futures_util::future::join_all(shopping).await;
    moved(&stage.installation, &stores);
    let there = Onsale::on(stores, &[("ONSALE_SECRET", &secret(&stage.installation))]);
    let here = std::mem::replace(&mut stage.onsale, there);
    let (mut held, mut sold) = (0, 0);
    for told in shopped {
        let (guest, reservations) = told.unwrap();
        for (reservation, told) in reservations {
            let found = stage.reservation(&guest, &reservation).await;
            let units = seat_ids(&found).len() as u64;
            assert_eq!(found["seats"], reservation["seats"]);
            let is = match found["status"].as_str().unwrap() {
                "held" => Told::Held,
                "confirmed" => Told::Confirmed,
                "cancelled" => Told::Cancelled,
                _ => panic!("{found}"),
            };
            assert!(told == is || told == Told::Nothing, "{told:?}, and there is {found}");
            held += if is == Told::Held { units } else { 0 };
            sold += if is == Told::Confirmed { units } else { 0 };
        }
    }
    // A hold whose own answer was lost is known to nobody here.
    let counts = stage.counts().await;
    assert_eq!((counts[2], counts[3], counts[4]), (0, sold, 0));
    assert!((held..=held + 12 * 2).contains(&counts[1]), "{held} {counts:?}");
    drop(here);
}
