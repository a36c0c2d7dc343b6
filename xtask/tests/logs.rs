//! What the source says in the log is in docs/logs.md, field by field.
//!
//! Invariants: a field that is logged anywhere stands in a table of the document, and a field of the document is logged
//! somewhere; nothing is logged under a name that would name a person.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Fields that no line may have.
const PERSONAL: &[&str] = &["account", "by", "email", "ip", "name", "peer", "phone", "to", "user", "who"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder")
}

/// The files of Rust below a folder, without those of tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The arguments of a macro, from behind its parenthesis: split at commas that are in no string and no other bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut argument, mut depth, mut in_string) = (Vec::new(), String::new(), 0, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_string => {
                argument.extend(letters.next());
                continue;
            }
            '"' => in_string = !in_string,
            _ if in_string => {}
            ')' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(std::mem::take(&mut argument).trim().to_owned());
                continue;
            }
            _ => {}
        }
        argument.push(letter);
    }
    found.push(argument.trim().to_owned());
    found
}

/// The fields that a text logs.
fn logged(text: &str) -> BTreeSet<String> {
    let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for level in ["trace", "debug", "info", "warn", "error"] {
        let begin = format!("tracing::{level}!(");
        for (at, _) in text.match_indices(&begin) {
            let arguments = arguments(&text[at + begin.len()..]);
            let fields = arguments.iter().filter(|argument| {
                !argument.is_empty() && !argument.starts_with('"') && !argument.starts_with("target:")
            });
            found.extend(fields.map(|field| {
                let field = field.trim_start_matches(['%', '?']);
                let name = field.split([' ', '=', '.']).next().unwrap_or_default();
                name.to_owned()
            }));
        }
    }
    found
}

/// The fields of the tables behind a heading, or of all of them.
fn documented(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_field_that_is_logged_is_documented_and_the_other_way_round() {
    let mut files = Vec::new();
    for member in ["app", "domain", "hot", "ledger", "payments", "server"] {
        sources(&root().join("crates").join(member).join("src"), &mut files);
    }
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source is readable text");
        places.extend(logged(&text).into_iter().map(|name| (name, file.clone())));
    }
    assert!(places.len() > 40, "the macros were not found: {places:?}");
    let document = fs::read_to_string(root().join("docs/logs.md")).expect("docs/logs.md is readable text");
    let documented = documented(&document);
    let unknown: Vec<_> = places.iter().filter(|(name, _)| !documented.contains(*name)).collect();
    assert!(unknown.is_empty(), "docs/logs.md does not have {unknown:?}");
    // What is in every line is put there by what writes them.
    let given = ["timestamp", "level", "target", "message", "request_id", "buyer", "trace_id"];
    let stale: Vec<_> = documented
        .iter()
        .filter(|name| !places.contains_key(*name) && !given.contains(&name.as_str()))
        .collect();
    assert!(stale.is_empty(), "nobody logs {stale:?}, which docs/logs.md has");
    let personal: Vec<_> = places.iter().filter(|(name, _)| PERSONAL.contains(&name.as_str())).collect();
    assert!(personal.is_empty(), "a person may be named by {personal:?}");
}

#[test]
fn fields_are_found_in_macros() {
    let text = r#"
        tracing::info!(target: "onsale::x", order = %id, units = refund.units.len(), "money, given \"back\"");
        tracing::warn!(
            %error, ?lane, seen = f(1, [2, 3]),
            "waits"
        );
        tracing::debug!("nothing");
    "#;
    let found: Vec<String> = logged(text).into_iter().collect();
    assert_eq!(found, ["error", "lane", "order", "seen", "units"]);
}
