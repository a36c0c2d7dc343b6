//! The interface held against its own description: schemathesis makes up requests from the OpenAPI document, good ones and bad
//! ones, and reads every answer against it.
//!
//! Invariant checked: no answer is a fault of the server, and none has a status, a media type, a header or a form that is not
//! documented.

use std::{fs, process::Command, time::Duration};

use onsale_testkit::servers::{or_passed_over, python_with};
use serde_json::json;

use crate::support::{Stage, grid, run_within};

/// How many requests are made up for each operation in each way.
const EXAMPLES: &str = "15";

/// How long all of it may take, also on a busy machine.
const WITHIN: Duration = Duration::from_mins(4);

/// What a request may be refused with that is as described and makes no sense all the same, such as one that names two ways
/// to choose seats: the description has no words for all of that.
const SETTINGS: &str = "\
[checks.positive_data_acceptance]
expected-statuses = [\"2xx\", 400, 401, 402, 403, 404, 409, 410, 422, 425, 428]
";

/// Left out: streams, which do not end, and logging out, which ends the rest. `live` and `queue` ask them.
const LEFT_OUT: &str = "(/stream|/live|/auth/logout)$";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_described() {
    let Some(python) = or_passed_over(Ok(python_with("schemathesis")), "schemathesis") else { return };
    let settings = json!({"waiting_room": {"mode": "on"}});
    let stage = Stage::with(&settings, &grid(3, 3)).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schemathesis.toml"), SETTINGS).unwrap();
    // One that is always the same finds what a change has brought; others are tried by hand.
    let seed = std::env::var("TEST_SEED").unwrap_or_else(|_| "8".to_owned());
    let url = format!("http://{}", stage.address());
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "run", &format!("{url}/openapi.json"), "--url", &url])
        .args(["--header", &format!("Authorization: Bearer {}", stage.organizer)])
        .args(["--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--workers", "2"])
        .args(["--continue-on-failure", "--seed", &seed, "--request-timeout", "20", "--no-color"])
        .args(["--exclude-path-regex", LEFT_OUT, "--suppress-health-check", "all"])
        .current_dir(folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let (status, said) = run_within(&mut command, WITHIN).await;
    assert!(status.success(), "TEST_SEED={seed}: {status}\n{said}");
    assert!(said.contains("Tested: 7"), "most operations are tested: {said}");
    assert_eq!(stage.at_root("GET", "/health").await.ok(200)["status"], "ok");
    assert_eq!(stage.counts().await.iter().sum::<u64>(), 9);
}
