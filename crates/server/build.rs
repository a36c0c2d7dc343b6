//! Puts the pages into the binary.
//!
//! Invariant: the binary always has pages; where those of `web/` have not been built, it has one that says so.

use std::path::Path;

const PAGES: &str = "../../web/dist";

fn main() {
    if Path::new(PAGES).join("index.html").exists() {
        memory_serve::load_directory_with_embed(PAGES, true);
    } else {
        // Looks again when they appear.
        println!("cargo::rerun-if-changed=../../web");
        println!("cargo::warning=the pages are not built and will be missing; `cargo xtask run` builds them");
        memory_serve::load_directory_with_embed("pages-missing", true);
    }
}
