//! Runs fuzz targets: functions that take any bytes and panic where something does not hold that always has to.
//!
//! With the tests a target is tried on every file of its folder, `fuzz/<target>` beside the crate's `Cargo.toml`, and on
//! changes of these that a seed chooses. Under `cargo xtask fuzz`, which sets `cfg(fuzzing)`, libFuzzer chooses, and
//! keeps what reaches code that nothing has reached before. docs/fuzzing.md says how to use both.
//!
//! Invariants: the same seed tries the same inputs; an input that fails is kept as a file, which is the first to be
//! tried from then on.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

use rand::{SeedableRng as _, rngs::StdRng};

mod mutations;

use mutations::Mutator;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use bolero;

/// The seed of every run that is not told another one.
const SEED: u64 = 28;

/// Replaces [`SEED`], as in the other tests.
const SEED_VARIABLE: &str = "TEST_SEED";

/// Replaces the number of changed inputs that a target is tried on.
const CASES_VARIABLE: &str = "FUZZ_CASES";

/// How much of an input is shown, in bytes; the file has all of it.
const SHOWN: usize = 2_048;

/// Tries a target: `fuzz!("name of its folder", how many changed inputs, function)`, as the whole of a test. The number
/// is for the tests; libFuzzer goes on until it is told to stop. The target is a function, so that nothing is left
/// over from one input to the next.
///
/// A macro, because folder and name of the test are those of where it stands.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! fuzz {
    ($target:literal, $cases:literal, $check:path) => {
        $crate::try_out(env!("CARGO_MANIFEST_DIR"), $target, $cases, $check)
    };
}

/// Hands a target over to libFuzzer.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! fuzz {
    ($target:literal, $cases:literal, $check:path) => {
        $crate::bolero::check!().for_each(|input: &[u8]| $check(input))
    };
}

/// Tries a target on its corpus and on changes of it. `package`: the folder of its crate.
///
/// # Panics
/// Where the target does, after keeping the input and saying how to try it again; and where there is no corpus.
pub fn try_out(package: &str, target: &str, cases: u32, check: fn(&[u8])) {
    let folder = Path::new(package).join("fuzz").join(target);
    let corpus = inputs(&folder);
    assert!(!corpus.is_empty(), "{} has no inputs to begin with", folder.display());
    for (file, input) in &corpus {
        attempt(check, input, || eprintln!("{target} does not hold for {}", file.display()));
    }
    let seed = number(SEED_VARIABLE).unwrap_or(SEED);
    let cases = number(CASES_VARIABLE).unwrap_or_else(|| cases.into());
    let mut random = StdRng::seed_from_u64(seed);
    let mutator = Mutator::new(corpus.into_iter().map(|(_, input)| input).collect());
    for case in 1..=cases {
        let input = mutator.input(&mut random);
        attempt(check, &input, || {
            eprintln!(
                "{target} does not hold for case {case} of {SEED_VARIABLE}={seed}; {}",
                kept(&folder, &input)
            );
        });
    }
}

/// Every file of a folder, those that failed before first, then by name: the same order on every machine.
fn inputs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    let has_failed =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FAILED));
    files.sort_by_key(|path| (!has_failed(path), path.clone()));
    let read = |path: PathBuf| fs::read(&path).ok().map(|input| (path, input));
    files.into_iter().filter_map(read).collect()
}

/// What the names of inputs begin with that failed and were kept.
const FAILED: &str = "failed-";

fn attempt(check: fn(&[u8]), input: &[u8], say: impl Fn()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
        say();
        eprintln!(
            "{}{}",
            input[..input.len().min(SHOWN)].escape_ascii(),
            if input.len() > SHOWN { "…" } else { "" }
        );
        resume_unwind(panic);
    }
}

/// Keeps an input that failed; says where.
fn kept(folder: &Path, input: &[u8]) -> String {
    // FNV-1a: the same input has the same name.
    let digest = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let file = folder.join(format!("{FAILED}{digest:016x}"));
    match fs::write(&file, input) {
        Ok(()) => format!("kept as {}", file.display()),
        Err(error) => format!("{} could not be written: {error}", file.display()),
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    assert!(number.is_ok(), "{variable} is a number, not {text:?}");
    number.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with one target, and two inputs for it.
    fn package() -> tempfile::TempDir {
        let package = tempfile::tempdir().unwrap();
        let folder = package.path().join("fuzz/target");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.json"), br#"{"seats": [{"x": 1}, {"x": 2}]}"#).unwrap();
        fs::write(folder.join("b.json"), br#"{"rows": []}"#).unwrap();
        package
    }

    fn tried(package: &tempfile::TempDir, cases: u32, check: fn(&[u8])) -> bool {
        let path = package.path().to_str().unwrap();
        catch_unwind(|| try_out(path, "target", cases, check)).is_ok()
    }

    fn files(package: &tempfile::TempDir) -> Vec<PathBuf> {
        inputs(&package.path().join("fuzz/target")).into_iter().map(|(file, _)| file).collect()
    }

    #[test]
    fn what_fails_is_kept_and_tried_first() {
        fn no_null(input: &[u8]) {
            assert!(!input.windows(4).any(|part| part == b"null"));
        }
        let package = package();
        assert!(!tried(&package, 20_000, no_null), "found among changed inputs");
        let found = files(&package);
        assert_eq!(found.len(), 3);
        assert!(found[0].file_name().unwrap().to_str().unwrap().starts_with(FAILED));
        assert!(!tried(&package, 0, no_null), "found again without changing any");
        assert_eq!(files(&package).len(), 3, "and not kept twice");
        fs::remove_file(&found[0]).unwrap();
        assert!(tried(&package, 0, no_null), "the others hold");
    }

    #[test]
    fn without_a_corpus_nothing_is_tried() {
        let package = tempfile::tempdir().unwrap();
        assert!(!tried(&package, 10, |_| ()));
    }
}
