//! What the doctor says: of an installation that is well, beside the server that runs on it, and of one that is not.

use std::fs;

use onsale_testkit::servers::{
    Stores,
    redis::{self, Redis},
};
use serde_json::Value;

use crate::{
    processes::ends_with,
    support::{Onsale, text},
};

/// What was found under a name, each with its state.
fn found(findings: &[Value], check: &str) -> Vec<(String, String)> {
    let of_it = findings.iter().filter(|finding| finding["check"] == check);
    of_it.map(|finding| (text(&finding["state"]), text(&finding["says"]))).collect()
}

#[tokio::test]
async fn an_installation_that_runs_is_looked_at_and_left_alone() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let folder = onsale.installation.data_dir();
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().ends_with("-shm"));
        names.sort();
        names
    };
    let before = names();
    let findings = onsale.command(&["doctor", "--json"], "");
    assert_eq!(names(), before);
    for check in ["settings", "file limit", "folder", "ledger"] {
        let found = found(&findings, check);
        assert!(found.iter().all(|(state, _)| state != "wrong") && !found.is_empty(), "{check}: {found:?}");
    }
    assert!(found(&findings, "ledger")[0].1.starts_with("SQLite 3."), "{findings:?}");
    assert!(found(&findings, "disk").iter().any(|(_, says)| says.starts_with("keeping 4 KiB takes ")));
    onsale.at_root("GET", "/health").await.ok(200);
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_everybody_may_read_is_not_ready_for_a_sale() {
    use std::os::unix::fs::PermissionsExt;
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let secret = onsale.installation.data_dir().join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = onsale.installation.run_to_end(&["doctor"], "").unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("WRONG   folder: ") && ended.stderr.contains("chmod 600"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("not ready for a sale") && ended.stdout.is_empty(), "{}", ended.stderr);
}

#[tokio::test]
async fn stores_that_keep_what_they_accept_are_fine_and_others_are_not() {
    let Some(stores) = Stores::cluster() else { return };
    let onsale = Onsale::on(stores, &[]);
    let findings = onsale.command(&["doctor", "--json"], "");
    let (ledger, redis) = (found(&findings, "ledger"), found(&findings, "redis"));
    assert!(ledger[0].1.starts_with("PostgreSQL "), "{ledger:?}");
    assert!(redis[0].1.starts_with("version 7") || redis[0].1.starts_with("version 8"), "{redis:?}");
    for found in [&ledger, &redis] {
        assert!(
            found.iter().any(|(state, says)| state == "fine" && says.starts_with("its clock")),
            "{found:?}"
        );
        assert!(found.iter().all(|(state, _)| state != "wrong"), "{found:?}");
    }

    let options = redis::Options { durability: redis::Durability::None, ..redis::Options::default() };
    let forgetful = Redis::with(&options).unwrap().unwrap();
    let url = forgetful.url();
    let ended = onsale.installation.run_to_end(&["doctor", "--json", "--redis-url", &url], "").unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let findings: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wrong: Vec<_> = found(&findings, "redis").into_iter().filter(|(state, _)| state == "wrong").collect();
    assert!(wrong.len() == 1 && wrong[0].1.contains("appendonly yes"), "{wrong:?}");
    // Nobody is there.
    let gone = ["doctor", "--json", "--redis-url", "redis://127.0.0.1:1"];
    let ended = onsale.installation.run_to_end(&gone, "").unwrap();
    assert!(
        ended.stdout.contains("\"check\":\"redis\"") && ended.status.code() == Some(1),
        "{}",
        ended.stdout
    );
}

#[test]
fn the_settings_file_may_be_named_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("elsewhere.toml"), "data_dir = \"there\"\nlimits.enabled = false\n")
        .unwrap();
    let (status, said) = ends_with(folder.path(), &["doctor"], &[("ONSALE_CONFIG_FILE", "elsewhere.toml")]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("limits.enabled is false") && said.contains("there is not there yet"), "{said}");
}
