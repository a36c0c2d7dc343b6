//! The documents point at things that exist.

use std::path::Path;

use crate::tree::{Source, assert_none, root, sources};

#[test]
fn links_in_documents_lead_somewhere() {
    let mut found = Vec::new();
    for document in sources(&["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs"], &["md"]) {
        let path = root().join(&document.path);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        for link in links(&document) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !folder.join(target).exists() {
                found.push(format!("{}: {link}", document.path));
            }
        }
    }
    assert_none("links lead to files of this repository that exist", &found);
}

/// The targets of `[text](target)` outside of code blocks that are no addresses.
fn links(document: &Source) -> Vec<&str> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in document.text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        found.extend(targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")));
    }
    found
}

#[test]
fn finds_links() {
    let text =
        "see [a](docs/a.md#x), [b](https://b.example) and [c](c.md \"title\")\n```\n[no](no.md)\n```\n";
    let document = Source { path: "README.md".to_owned(), text: text.to_owned() };
    assert_eq!(links(&document), ["docs/a.md#x", "c.md"]);
}
