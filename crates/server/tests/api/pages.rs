//! The pages, as a browser gets them from the binary.

use std::process::Command;

use crate::support::{Onsale, text};

const OWN_ONLY: &str = "default-src 'self'";

#[tokio::test]
async fn the_first_page_loads_nothing_from_elsewhere_and_is_asked_for_anew() {
    let onsale = Onsale::start();
    let page = onsale.at_root("GET", "/").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.text().contains("<title>"), "{page:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains(OWN_ONLY) && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("script-src"), "scripts come from here or not at all: {policy}");
    assert_eq!(page.header("cache-control"), "no-cache");
    let known = page.header("etag").to_owned();
    onsale.at_root("GET", "/").header("if-none-match", &known).await.empty(304);
}

/// What a browser may keep for good is named after its content.
#[tokio::test]
async fn scripts_and_styles_come_packed_and_are_kept() {
    let onsale = Onsale::start();
    let page = onsale.at_root("GET", "/").await;
    let text = page.text();
    let linked: Vec<&str> = text.split(['"', '\'']).filter(|part| part.starts_with("/assets/")).collect();
    // A checkout in which `cargo xtask run` or `test` has not built them yet says so on its only page.
    assert!(!linked.is_empty() || text.contains("cargo xtask run"), "{page:?}");
    for path in linked {
        let packed = onsale.at_root("GET", path).header("accept-encoding", "br, gzip").await;
        assert_eq!(packed.status, 200, "{path}");
        assert_eq!(packed.header("content-encoding"), "br", "{path}");
        assert!(packed.header("cache-control").contains("max-age=31536000"), "{path}: {packed:?}");
        assert_eq!(packed.header("x-content-type-options"), "nosniff", "{path}");
    }
    onsale.at_root("GET", "/assets/nothing.js").await.refused(404, "not_found");
}

/// It may be put on a home screen; what it says there may change.
#[tokio::test]
async fn the_manifest_and_its_icons_are_there_and_asked_for_anew() {
    let onsale = Onsale::start();
    if !onsale.at_root("GET", "/").await.text().contains("manifest") {
        // A checkout in which the pages have not been built yet.
        return;
    }
    let manifest = onsale.at_root("GET", "/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    assert_eq!(manifest.header("cache-control"), "no-cache");
    assert_eq!(manifest.status, 200, "{manifest:?}");
    for icon in manifest.json()["icons"].as_array().unwrap() {
        let icon = format!("/{}", text(&icon["src"]).trim_start_matches(['.', '/']));
        let answer = onsale.at_root("GET", &icon).await;
        assert_eq!(answer.status, 200, "{icon}");
        assert!(answer.header("content-type").starts_with("image/"), "{icon}: {answer:?}");
    }
}

/// The types of the pages are generated from this file.
#[test]
fn the_description_that_the_pages_were_built_from_is_this_one() {
    let printed = Command::new(env!("CARGO_BIN_EXE_onsale")).arg("openapi").output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let kept =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json")).unwrap();
    assert!(
        String::from_utf8(printed.stdout).unwrap() == kept,
        "refresh it: onsale openapi > web/openapi.json && npm run gen:api --workspace web"
    );
}
