//! The process: how it stops, what it refuses to start with, and the command line beside it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use onsale_testkit::servers::Stores;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{BINARY, Onsale, PASSWORD, Stage, grid, text};

const SECOND: Duration = Duration::from_secs(1);

/// Runs the program to its end; gives its exit status and what it said to people.
pub(crate) fn ends_with(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    let errors = folder.join("stderr.log");
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        // What is meant for the tests is no setting.
        if name.to_string_lossy().starts_with("ONSALE_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&errors).unwrap());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > 20 * SECOND {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} {variables:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (status.code(), fs::read_to_string(errors).unwrap())
}

#[rstest]
#[case::listen("ONSALE_LISTEN", "nowhere", "setting listen is nowhere; allowed is an address and a port")]
#[case::port("ONSALE_LISTEN", "127.0.0.1:99999", "setting listen is 127.0.0.1:99999; allowed is an address")]
#[case::rate(
    "ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE",
    "1.5",
    "setting payments.simulated.failure_rate is 1.5; allowed is from 0 to 1"
)]
#[case::rate_nan(
    "ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE",
    "NaN",
    "setting payments.simulated.failure_rate is NaN; allowed is from 0 to 1"
)]
#[case::delay(
    "ONSALE_PAYMENTS__SIMULATED__DELAY_MS",
    "60001",
    "setting payments.simulated.delay_ms is 60001; allowed is from 0 to 60000"
)]
#[case::limits(
    "ONSALE_LIMITS__ENABLED",
    "perhaps",
    "setting limits.enabled is perhaps; allowed is true or false"
)]
#[case::proxies(
    "ONSALE_TRUSTED_PROXIES",
    "10.0.0.0/8,everyone",
    "setting trusted_proxies is everyone; allowed is addresses or networks"
)]
#[case::header(
    "ONSALE_IDENTITY_HEADER",
    "x user",
    "setting identity_header is x user; allowed is the name of an HTTP"
)]
#[case::log("ONSALE_LOG__FORMAT", "xml", "setting log.format is xml; allowed is text or json")]
#[case::secret("ONSALE_SECRET", "short", "setting secret is 5 bytes long; allowed is at least 32 bytes")]
#[case::role("ONSALE_ROLE", "nobody", "setting role is nobody; allowed is all")]
#[case::database(
    "ONSALE_DATABASE_URL",
    "mysql://u:secret@h/d",
    "setting database_url is mysql://…@h/d; allowed is postgres://"
)]
#[case::redis_alone(
    "ONSALE_REDIS_URL",
    "redis://h/0",
    "allowed is only together with database_url = postgres://"
)]
fn bad_settings_are_named_with_their_value_and_what_is_allowed(
    #[case] name: &str,
    #[case] value: &str,
    #[case] message: &str,
) {
    let folder = TempDir::new().unwrap();
    let (status, said) =
        ends_with(folder.path(), &["serve"], &[("ONSALE_LISTEN", "127.0.0.1:0"), (name, value)]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains(message), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing is begun under bad settings");
}

#[rstest]
#[case::flag(&["serve", "--listen", "nowhere"], "", "setting listen is nowhere")]
#[case::flag_wins(&["serve", "--listen", "nowhere"], "listen = \"127.0.0.1:0\"", "setting listen is nowhere")]
#[case::file(&["serve"], "listen = \"nowhere\"", "setting listen is nowhere")]
#[case::unknown_setting(&["serve"], "lisen = \"127.0.0.1:0\"", "lisen")]
#[case::unknown_table(&["serve"], "[payments.simulate]\nfailure_rate = 0", "simulate")]
#[case::no_toml(&["serve"], "listen", "onsale.toml")]
#[case::no_file(&["serve", "--config", "none.toml"], "", "none.toml")]
#[case::unknown_flag(&["serve", "--nonsense"], "", "--nonsense")]
#[case::no_command(&["sell"], "", "sell")]
fn bad_files_and_flags_end_it_with_2(#[case] arguments: &[&str], #[case] file: &str, #[case] message: &str) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("onsale.toml"), file).unwrap();
    let (status, said) = ends_with(folder.path(), arguments, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains(message), "{said}");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let mut onsale = Onsale::on(Stores::Embedded, &[]);
    let data = onsale.installation.data_dir();
    let folder = TempDir::new().unwrap();
    let data = data.to_string_lossy();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &data];
    let (status, said) = ends_with(folder.path(), &arguments, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("setting data_dir") && said.contains(&*data), "{said}");
    onsale.at_root("GET", "/health").await.ok(200);
    onsale.take_process().kill().unwrap();
    onsale.start_again();
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_bad_setting() {
    let onsale = Onsale::start();
    let folder = TempDir::new().unwrap();
    let (status, said) = ends_with(folder.path(), &["serve", "--listen", onsale.address()], &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("setting listen") && said.contains(onsale.address()), "{said}");
}

/// Requests that are under way when the signal comes are answered; what comes later is not accepted half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_is_under_way() {
    let onsale = Onsale::with(&[("ONSALE_PAYMENTS__SIMULATED__DELAY_MS", "2000")]);
    let mut stage = Stage::on(onsale, &json!({}), &grid(4, 10)).await;
    let mut paying = Vec::new();
    for seat in 1..=8 {
        let guest = stage.guest().await;
        let held = stage.hold(&guest, &[seat]).await;
        let confirm = stage.confirming(&guest, &held, "simulated").into_future();
        paying.push((guest, tokio::spawn(confirm)));
    }
    let begun = Instant::now();
    while stage.counts().await[2] < 8 {
        assert!(begun.elapsed() < 10 * SECOND, "the payments have not begun");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Others go on holding and cancelling all the time.
    let (tell, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let mut busy = Vec::new();
    for seat in 21..=24 {
        let (api, path, guest) = ((**stage).clone(), stage.path("/reservations"), stage.guest().await);
        let tell = tell.clone();
        busy.push(tokio::spawn(async move {
            let mut kept: Option<Value> = None;
            loop {
                let call = kept.as_ref().map_or_else(
                    || api.post(&path, &json!({"seat_ids": [seat]})),
                    |held| api.delete(&format!("/reservations/{}", text(&held["id"]))),
                );
                let Ok(answer) = call.by(&guest).attempt().await else { break };
                assert!([201, 204].contains(&answer.status), "{answer:?}");
                kept = (answer.status == 201).then(|| answer.json());
                let _ = tell.send(seat);
            }
        }));
    }
    let working = async {
        for _ in 0..100 {
            at_work.recv().await.unwrap();
        }
    };
    tokio::time::timeout(10 * SECOND, working).await.unwrap();
    let process = stage.onsale.take_process();
    let told = Instant::now();
    let ended = tokio::task::spawn_blocking(move || process.terminate().unwrap());
    let mut orders = Vec::new();
    for (guest, confirm) in paying {
        orders.push((guest, confirm.await.unwrap().ok(201)));
    }
    assert_eq!(ended.await.unwrap().code(), Some(0));
    assert!(told.elapsed() < 10 * SECOND, "{:?}", told.elapsed());
    for task in busy {
        task.await.unwrap();
    }
    assert!(stage.get("/events").attempt().await.is_err(), "nobody listens any more");
    stage.onsale.start_again();
    for (guest, order) in orders {
        assert_eq!(stage.get(&format!("/orders/{}", text(&order["id"]))).by(&guest).await.ok(200), order);
    }
    assert_eq!(stage.counts().await[2..], [0, 8, 0]);
}

/// A client that sends half a request and waits does not keep the server from stopping.
#[tokio::test]
async fn an_idle_or_hanging_connection_does_not_delay_the_end() {
    use tokio::io::AsyncWriteExt;
    let mut onsale = Onsale::start();
    let mut idle = tokio::net::TcpStream::connect(onsale.address()).await.unwrap();
    let mut half = tokio::net::TcpStream::connect(onsale.address()).await.unwrap();
    half.write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        .await
        .unwrap();
    idle.write_all(b"GET /api/v1/ev").await.unwrap();
    onsale.at_root("GET", "/health").await.ok(200);
    let told = Instant::now();
    let process = onsale.take_process();
    assert_eq!(process.terminate().unwrap().code(), Some(0));
    assert!(told.elapsed() < 10 * SECOND, "{:?}", told.elapsed());
}

#[tokio::test]
async fn the_command_line_works_while_the_server_runs() {
    let onsale = Onsale::start();
    let create =
        ["account", "create", "--email", "kim@example.com", "--role", "organizer", "--password-stdin"];
    let account = &onsale.command(&create, &format!("{PASSWORD}\n"))[0];
    let token = text(&onsale.log_in("kim@example.com").await["access_token"]);
    let me = onsale.get("/me").by(&token).await.ok(200);
    assert_eq!((&me["account_id"], &me["roles"]), (&account["account_id"], &json!(["buyer", "organizer"])));
    let again = onsale.installation.run(&create, PASSWORD).unwrap_err().to_string();
    assert!(again.contains("email_taken") && again.contains("exit status: 1"), "{again}");
    let lines = onsale.command(&["token", "--count", "3"], "");
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let me = onsale.get("/me").by(&text(&line["access_token"])).await.ok(200);
        assert_eq!((&me["account_id"], &me["kind"]), (&line["account_id"], &json!("guest")));
    }
    let buyer = text(&lines[0]["access_token"]);
    let seeds = [vec!["--seats", "50"], vec!["--rows", "3", "--columns", "7", "--owner", "kim@example.com"]];
    for (arguments, seats) in seeds.into_iter().zip([50, 21]) {
        let seeded = onsale.command(&[vec!["seed"], arguments].concat(), "").remove(0);
        assert_eq!(seeded["seat_count"], seats);
        let path = format!("/performances/{}", text(&seeded["performance_id"]));
        let performance = onsale.get(&path).await.ok(200);
        assert_eq!(
            (&performance["event_id"], &performance["available"]),
            (&seeded["event_id"], &json!(seats))
        );
        let held = json!({"seat_ids": [seats]});
        onsale.post(&format!("{path}/reservations"), &held).by(&buyer).await.ok(201);
        let owner = seats == 21;
        assert_eq!(
            onsale.get(&format!("{path}/stats")).by(&token).await.status,
            if owner { 200 } else { 403 }
        );
    }
    assert!(onsale.installation.run(&["seed", "--seats", "1", "--owner", "nobody@example.com"], "").is_err());
}

/// For a container's health check, where there is no other client.
#[tokio::test]
async fn a_server_is_asked_for_its_health_on_the_command_line() {
    let mut onsale = Onsale::start();
    let address = onsale.address().to_owned();
    for arguments in [vec!["check-health"], vec!["check-health", "--ready"]] {
        let arguments = [arguments, vec!["--listen", &address]].concat();
        onsale.installation.run(&arguments, "").unwrap();
    }
    let process = onsale.take_process();
    process.freeze().unwrap();
    let asked = Instant::now();
    let frozen = onsale.installation.run(&["check-health", "--listen", &address], "").unwrap_err();
    assert!(frozen.to_string().contains("no answer within 3 s"), "{frozen}");
    assert!(asked.elapsed() < 10 * SECOND, "{:?}", asked.elapsed());
    process.thaw().unwrap();
    process.kill().unwrap();
    let gone = onsale.installation.run(&["check-health", "--listen", &address], "").unwrap_err();
    assert!(gone.to_string().contains("nobody listens"), "{gone}");
}

/// Tokens stay good over a restart, because the secret is kept with the data.
#[tokio::test]
async fn tokens_outlive_a_restart() {
    let mut onsale = Onsale::start();
    let guest = onsale.guest().await;
    let before = onsale.get("/me").by(&guest).await.ok(200);
    onsale.take_process().kill().unwrap();
    onsale.start_again();
    assert_eq!(onsale.get("/me").by(&guest).await.ok(200), before);
}
