//! The files of the repository, as the checks see them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what was built or fetched, at any depth.
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "data"];

/// A text file of the repository.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Every line that has one of the words, as `path:line: word`.
    pub(crate) fn find(&self, words: &[impl AsRef<str>]) -> Vec<String> {
        let mut found = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            for word in words.iter().map(AsRef::as_ref).filter(|word| line.contains(*word)) {
                found.push(format!("{}:{}: {word}", self.path, index + 1));
            }
        }
        found
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder").to_owned()
}

/// The files below these folders (or these files themselves) that end in one of the extensions, in order of path.
pub(crate) fn sources(places: &[&str], extensions: &[&str]) -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for place in places {
        walk(&root.join(place), &mut files);
    }
    files.sort();
    files
        .iter()
        .filter(|file| file.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)))
        .map(|file| Source {
            path: file.strip_prefix(&root).expect("found below the root").to_string_lossy().into_owned(),
            text: fs::read_to_string(file).expect("source files are readable text"),
        })
        .collect()
}

fn walk(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_file() {
        files.push(place.to_owned());
    } else if place.is_dir() {
        for entry in fs::read_dir(place).expect("folders are readable") {
            let path = entry.expect("folders are readable").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
                walk(&path, files);
            }
        }
    }
}

/// Fails with one line for each thing that is out of place.
#[track_caller]
pub(crate) fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}
