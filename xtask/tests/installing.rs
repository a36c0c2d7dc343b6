//! What the ways to install onsale promise, read out of their files: neither systemd, nor dpkg, nor a cluster is needed.
//!
//! Invariant: the settings file that is installed shows every setting; nobody kills a server that is about to end
//! properly; a pod has no rights it does not need.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder").to_owned()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(file: &str) -> Yaml {
    YamlLoader::load_from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}")).remove(0)
}

/// The pods of the Kubernetes deployment.
fn pod() -> Yaml {
    yaml("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"].clone()
}

/// What is behind the first mark, up to the next of the other.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{begin} is not there"));
    let (found, _) = rest.split_once(end).unwrap_or_else(|| panic!("{end} does not follow {begin}"));
    found
}

/// The whole number behind the first mark.
fn number(text: &str, mark: &str) -> i64 {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{mark} is not there"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<i64>().unwrap_or_else(|error| panic!("{mark}{digits}: {error}"))
}

/// The texts in quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The settings that there is a flag for, which is all of them.
fn known_settings() -> BTreeSet<String> {
    let cli = text("crates/server/src/cli.rs");
    let known: BTreeSet<String> = quoted(between(&cli, "let given = [", "];")).map(str::to_owned).collect();
    assert!(known.len() > 30 && known.contains("mail.host"), "{known:?}");
    known
}

/// The settings in a file, also those that it only shows (`#name = value`), each behind the name of its table.
fn settings_in(file: &str) -> BTreeSet<String> {
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in file.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{name}.");
        } else if let Some((name, _)) = line.trim_start_matches('#').split_once(" = ")
            && !name.contains(' ')
        {
            found.insert(format!("{table}{name}"));
        }
    }
    found
}

#[test]
fn the_installed_settings_file_shows_every_setting() {
    assert_eq!(settings_in(&text("deploy/debian/onsale.toml")), known_settings());
}

#[test]
fn variables_of_the_pods_are_settings_and_secrets_have_no_default() {
    let known = known_settings();
    let (settings, secrets) =
        (text("deploy/kubernetes/settings.env"), text("deploy/kubernetes/secrets.env.example"));
    for line in settings.lines().chain(secrets.lines()) {
        if let Some((name, _)) = line.trim_start_matches('#').split_once('=')
            && let Some(name) = name.strip_prefix("ONSALE_")
        {
            let setting = name.to_lowercase().replace("__", ".");
            assert!(known.contains(&setting), "{line}: there is no setting {setting}");
        }
    }
    for line in secrets.lines().filter(|line| line.contains("ONSALE_")) {
        assert!(line.ends_with('='), "{line} has to be filled in by whoever installs it");
    }
    assert!(text(".gitignore").lines().any(|line| line == "/deploy/kubernetes/secrets.env"));
}

#[test]
fn what_the_package_is_made_of_is_there() {
    let manifest = text("crates/server/Cargo.toml");
    let (_, package) = manifest.split_once("[package.metadata.deb]").expect("there is a package");
    let assets = between(package, "\nassets = [", "\n]");
    let sources = assets.lines().filter_map(|line| quoted(line).next());
    let folders = ["maintainer-scripts = \"", "unit-scripts = \""].map(|mark| between(package, mark, "\""));
    for source in sources.chain(folders).filter(|source| !source.starts_with("target/release/")) {
        // Of a pattern, the folder.
        let place = source.split('*').next().unwrap_or_default();
        assert!(root().join("crates/server").join(place).exists(), "{source} is not there");
    }
    for name in ["postinst", "prerm", "postrm"] {
        let script = text(&format!("deploy/debian/{name}"));
        assert!(script.starts_with("#!/bin/sh\n") && script.contains("\nset -e\n"), "{name}");
        assert!(
            script.contains("\n#DEBHELPER#\n"),
            "{name} has no place for what starts and stops the service"
        );
    }
}

#[test]
fn nobody_kills_a_server_that_is_ending() {
    let serve = text("crates/server/src/serve.rs");
    let within = number(&serve, "const STOP_WITHIN: Duration = Duration::from_secs(");
    assert!(number(&text("deploy/systemd/onsale.service"), "\nTimeoutStopSec=") > within);
    assert!(number(&text("deploy/compose.yaml"), "\n  stop_grace_period: ") > within);
    let pod = pod();
    let grace = pod["terminationGracePeriodSeconds"].as_i64().expect("a time until it is killed");
    let pause = &pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"];
    assert!(grace > within + pause.as_i64().expect("a pause before the signal"), "{grace}");
}

#[test]
fn pods_are_confined_and_asked_how_they_are() {
    let pod = pod();
    let container = &pod["containers"][0];
    // Otherwise a service of this name comes in as ONSALE_PORT, which is refused as an unknown setting.
    assert_eq!(pod["enableServiceLinks"].as_bool(), Some(false));
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["capabilities"]["drop"][0].as_str(), Some("ALL"));
    for (probe, path) in [("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")] {
        let asked = container[probe]["httpGet"]["path"].as_str();
        assert_eq!(asked, Some(format!("/health/{path}").as_str()), "{probe}");
    }
    for resource in yaml("deploy/kubernetes/kustomization.yaml")["resources"].as_vec().into_iter().flatten() {
        let file = resource.as_str().expect("resources are files");
        assert!(root().join("deploy/kubernetes").join(file).exists(), "{file} is not there");
    }
}
