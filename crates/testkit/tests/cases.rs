//! Every case of a suite is in the list of its macro: one that is not would never run.

use std::{fs, path::Path};

#[test]
fn every_case_is_listed() {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    for (suite, at_least) in [("hot", 50), ("ledger", 50), ("rooms", 25)] {
        let list = fs::read_to_string(suites.join(suite).with_extension("rs")).unwrap();
        let mut cases = 0;
        for file in fs::read_dir(suites.join(suite)).unwrap() {
            let file = file.unwrap().path();
            if file.ends_with("stage.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let case = line.split('(').next().unwrap();
                let listed = list.lines().any(|line| line.trim().trim_end_matches([',', ';']) == case);
                assert!(listed, "{case} of {} is not in the list of the {suite} suite", file.display());
                cases += 1;
            }
        }
        assert!(cases >= at_least, "{cases} cases of the {suite} suite were found");
    }
}
