//! The evidence in docs/SECURITY.md is there.
//!
//! Invariant: a path in backticks names a file of this repository, and a name behind `::` stands in it.

use std::{fs, path::Path};

const DOCUMENT: &str = "docs/SECURITY.md";

/// What a path of this repository begins with, where the document names one.
const PLACES: &[&str] = &["crates/", "web/", "e2e/", "deploy/", "xtask/", "docs/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder")
}

/// What stands in backticks, outside of code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The files that a document gives as evidence, each with the name that is to stand in it, if there is one.
fn evidence(text: &str) -> Vec<(&str, Option<&str>)> {
    let is_path = |words: &&str| PLACES.iter().any(|place| words.starts_with(place));
    let parted = |words| match str::split_once(words, "::") {
        Some((path, name)) => (path, Some(name)),
        None => (words, None),
    };
    quoted(text).into_iter().filter(is_path).map(parted).collect()
}

/// What is wrong with a piece of evidence.
fn flaw(path: &str, name: Option<&str>) -> Option<String> {
    let Ok(text) = fs::read_to_string(root().join(path)) else {
        return Some(format!("{path}: there is no such file"));
    };
    let name = name.filter(|name| !stands_in(&text, name))?;
    Some(format!("{path}: {name:?} does not stand in it"))
}

/// Whether a name stands in a text as a whole, and not as a part of a longer one.
fn stands_in(text: &str, name: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(goes_on) && !behind.starts_with(goes_on)
    })
}

#[test]
fn the_evidence_is_there() {
    let text = fs::read_to_string(root().join(DOCUMENT)).expect("the document is readable text");
    let evidence = evidence(&text);
    assert!(evidence.len() > 100, "{DOCUMENT} gives evidence, {} pieces of it", evidence.len());
    let mut flaws: Vec<_> = evidence.into_iter().filter_map(|(path, name)| flaw(path, name)).collect();
    flaws.sort();
    flaws.dedup();
    assert!(flaws.is_empty(), "what {DOCUMENT} gives as evidence is there:\n  {}\n", flaws.join("\n  "));
}

#[test]
fn evidence_is_found_where_it_stands() {
    let lines = [
        "see `crates/a.rs::b_c`, `e2e/d.ts::e, f` and `no/path`",
        "```",
        "`crates/in_code.rs`",
        "```",
        "| `web/g.ts` |",
    ];
    let text = lines.join("\n");
    let found = evidence(&text);
    assert_eq!(found, [("crates/a.rs", Some("b_c")), ("e2e/d.ts", Some("e, f")), ("web/g.ts", None)]);
}

#[test]
fn a_name_is_a_whole_one() {
    assert!(stands_in("fn seat() {}", "seat"));
    assert!(!stands_in("fn seats() {}", "seat"));
    assert!(!stands_in("fn a_seat() {}", "seat"));
}

#[test]
fn what_is_not_there_is_said() {
    assert_eq!(flaw("xtask/tests/security.rs", Some("DOCUMENT")), None);
    assert!(flaw("xtask/tests/nothing.rs", None).is_some_and(|flaw| flaw.contains("no such file")));
    let absent = ["not", "here"].join("_");
    assert!(flaw("xtask/tests/security.rs", Some(&absent)).is_some());
}
