//! Which crate may know which: `server → app → domain`, the stores and payments beside `app`.

use crate::tree::{Source, assert_none, sources};

/// What a crate may depend on, of this workspace; tests and benches apart.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("app", &["onsale-domain"]),
    ("hot", &["onsale-domain", "onsale-app"]),
    ("ledger", &["onsale-domain", "onsale-app"]),
    ("payments", &["onsale-domain", "onsale-app"]),
    ("testkit", &["onsale-domain", "onsale-app"]),
    ("fuzzing", &[]),
];

/// The crates that have the concrete adapters.
const ADAPTERS: &[&str] = &["onsale_hot", "onsale_ledger", "onsale_payments"];

/// Files of the server that may name adapters although they do not wire them, each with its reason.
const MAY_NAME_ADAPTERS: &[(&str, &str)] = &[];

/// What would make the rules depend on when and where they run.
const NOT_IN_DOMAIN: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "rand::",
    "getrandom",
    "new_v4",
    "now_v7",
];

#[test]
fn crates_depend_downwards_only() {
    let mut found = Vec::new();
    for (name, allowed) in LAYERS {
        for manifest in sources(&[&format!("crates/{name}/Cargo.toml")], &["toml"]) {
            for dependency in dependencies(&manifest) {
                if dependency.starts_with("onsale-") && !allowed.contains(&dependency.as_str()) {
                    found.push(format!("{}: {dependency}", manifest.path));
                }
            }
        }
    }
    assert_none("server → app → domain; stores and payments know app and domain", &found);
}

#[test]
fn only_wiring_names_the_adapters() {
    let found: Vec<_> = sources(&["crates/server/src"], &["rs"])
        .iter()
        .filter(|source| source.path != "crates/server/src/wire.rs")
        .filter(|source| !source.path.starts_with("crates/server/src/wire/"))
        .filter(|source| !MAY_NAME_ADAPTERS.iter().any(|(path, _)| *path == source.path))
        .flat_map(|source| source.find(ADAPTERS))
        .collect();
    assert_none("only crates/server/src/wire.rs names concrete adapters", &found);
}

#[test]
fn exceptions_are_in_use() {
    let sources = sources(&["crates/server/src"], &["rs"]);
    let in_use =
        |path: &str| sources.iter().any(|source| source.path == path && !source.find(ADAPTERS).is_empty());
    let found: Vec<_> =
        MAY_NAME_ADAPTERS.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !in_use(path)).collect();
    assert_none("these need no exception any more", &found);
}

#[test]
fn the_rules_know_no_clock_no_chance_no_system() {
    let mut found: Vec<_> = sources(&["crates/domain/src"], &["rs"])
        .iter()
        .flat_map(|source| source.find(NOT_IN_DOMAIN))
        .collect();
    for manifest in sources(&["crates/domain/Cargo.toml"], &["toml"]) {
        let banned = ["tokio", "rand", "getrandom", "jiff", "tracing", "parking_lot"];
        found.extend(dependencies(&manifest).into_iter().filter(|name| banned.contains(&name.as_str())));
    }
    assert_none("domain is pure: time and seeds are arguments, there is no I/O", &found);
}

/// The names in the `[dependencies]` table.
fn dependencies(manifest: &Source) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside {
            names.extend(
                line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty()).map(str::to_owned),
            );
        }
    }
    names
}

#[test]
fn reads_the_names_of_dependencies() {
    let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = \"1\"\n[dev-dependencies]\nc = \"1\"\n";
    let manifest = Source { path: "Cargo.toml".to_owned(), text: text.to_owned() };
    assert_eq!(dependencies(&manifest), ["a", "b"]);
}
