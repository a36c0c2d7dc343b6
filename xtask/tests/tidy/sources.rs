//! What every source file keeps to.

use crate::tree::{assert_none, sources};

/// A reader takes in a file as a whole; beyond this it is two subjects.
const LONGEST_FILE_LINES: usize = 600;

/// Written by `npm run gen:api` from the description of the interface; nobody reads it as a whole.
const GENERATED: &[&str] = &["web/src/lib/api/schema.d.ts"];

#[test]
fn every_rust_file_says_what_it_is_for() {
    let found: Vec<_> = sources(&["crates", "xtask"], &["rs"])
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert_none("a file opens with `//!`: what it is for, and the invariant it keeps", &found);
}

#[test]
fn no_file_is_too_long() {
    let found: Vec<_> =
        sources(&["crates", "xtask", "web", "e2e"], &["rs", "lua", "ts", "svelte", "css", "sh"])
            .into_iter()
            .filter(|source| !GENERATED.contains(&source.path.as_str()))
            .map(|source| (source.text.lines().count(), source.path))
            .filter(|(lines, _)| *lines > LONGEST_FILE_LINES)
            .map(|(lines, path)| format!("{path}: {lines} lines"))
            .collect();
    assert_none("a file has at most 600 lines, and one subject", &found);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, or this file would find itself.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["to", "do!("], ["unimple", "mented!("]].map(|parts| parts.concat());
    let found: Vec<_> = sources(&["crates", "xtask", "web", "e2e"], &["rs", "lua", "ts", "svelte", "toml"])
        .iter()
        .flat_map(|source| source.find(&words))
        .collect();
    assert_none("what is not done is not hinted at in comments; it is an issue, or it is not there", &found);
}
