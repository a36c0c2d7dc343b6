//! `cargo xtask fuzz`: tries one target for as long as one likes, with libFuzzer, which is led by what code an input
//! reaches. It is cargo-bolero that builds it, on the stable toolchain; with the tests, the same targets run for seconds.
//!
//! Invariant: what is in the repository is read and not written; what was found before is where the next run begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};

use crate::tools::{self, Tool};
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// What to try.
    target: Target,
    /// For how long, in minutes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    minutes: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    SeatingPlan,
    Typed,
    DrawDocument,
    StripeWebhook,
    Tokens,
    Addresses,
}

impl Target {
    /// The name of its folder, the crate it is in, and its test.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SeatingPlan => ("seating_plan", "domain", "plans::a_plan_is_whole_or_refused"),
            Self::Typed => ("typed", "domain", "typed::what_is_typed_means_one_thing_or_nothing"),
            Self::DrawDocument => ("draw_document", "domain", "draws::a_draw_says_what_was_drawn_or_fails"),
            Self::StripeWebhook => {
                ("stripe_webhook", "payments", "stripe::fuzzing::nothing_is_genuine_but_what_was_signed")
            }
            Self::Tokens => ("tokens", "server", "seal::fuzzing::nothing_is_taken_that_was_not_signed"),
            Self::Addresses => ("addresses", "server", "http::address::fuzzing::nobody_hides_behind_a_proxy"),
        }
    }

    /// Its inputs in the repository.
    fn corpus(self, root: &Path) -> PathBuf {
        let (name, package, _) = self.place();
        root.join("crates").join(package).join("fuzz").join(name)
    }
}

/// Runs a target until its time is over or something does not hold.
pub(crate) fn run(arguments: &FuzzArguments) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::locate()?;
    ensure!(tools::provide(&workspace, Tool::Bolero, true)?, "cargo-bolero could not be installed");
    let (name, package, test) = arguments.target.place();
    let given = arguments.target.corpus(&workspace.root);
    let folder = workspace.target.join("fuzzing").join(name);
    let (corpus, crashes) = (folder.join("corpus"), folder.join("crashes"));
    fs::create_dir_all(&corpus).with_context(|| format!("{}", corpus.display()))?;
    fs::create_dir_all(&crashes).with_context(|| format!("{}", crashes.display()))?;
    for input in files(&given)? {
        let file = input.file_name().context("a file has a name")?;
        fs::copy(&input, corpus.join(file)).with_context(|| format!("{}", input.display()))?;
    }
    println!("what reaches something new is kept in {}", corpus.display());
    let mut bolero = workspace.cargo();
    bolero.args(["bolero", "test", test, "--package", &format!("onsale-{package}")]);
    // Memory is safe without looking on: this code has no `unsafe`, and the sanitizer is for nightly toolchains only.
    bolero.args(["--engine", "libfuzzer", "--sanitizer", "NONE"]);
    bolero.args(["-T", &format!("{}s", u64::from(arguments.minutes) * 60)]);
    bolero.arg("--corpus-dir").arg(&corpus).arg("--crashes-dir").arg(&crashes);
    // Everything is compiled otherwise there, and should not push out what the tests have built.
    bolero.arg("--target-dir").arg(workspace.target.join("fuzzing/build"));
    let status = bolero.status().context("cannot run cargo bolero")?;
    let found = files(&crashes)?;
    if !found.is_empty() {
        let found: Vec<_> = found.iter().map(|file| format!("  {}", file.display())).collect();
        bail!(
            "does not hold for\n{}\ncopy what is to be mended to {} under a name that says what it is",
            found.join("\n"),
            given.display()
        );
    }
    ensure!(status.success(), "cargo bolero ended with {status}");
    Ok(ExitCode::SUCCESS)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn every_folder_is_a_targets_and_has_inputs() {
        let mut found = Vec::new();
        for package in files(&root().join("crates")).unwrap() {
            found.extend(files(&package.join("fuzz")).unwrap_or_default());
        }
        let mut expected: Vec<_> =
            Target::value_variants().iter().map(|target| target.corpus(root())).collect();
        expected.sort();
        assert_eq!(found, expected);
        assert!(found.iter().all(|folder| files(folder).unwrap().len() >= 10), "to begin with");
    }

    #[test]
    fn every_target_is_the_test_that_it_names() {
        for target in Target::value_variants() {
            let (name, package, test) = target.place();
            let folder = root().join("crates").join(package);
            let (module, function) = test.rsplit_once("::").unwrap();
            let path = module.replace("::", "/");
            let places =
                [folder.join(format!("tests/fuzzing/{path}.rs")), folder.join(format!("src/{path}.rs"))];
            let source = places.iter().find_map(|place| fs::read_to_string(place).ok()).unwrap();
            assert!(source.contains(&format!("fn {function}()")), "{test}");
            assert!(source.contains(&format!("fuzz!(\"{name}\"")), "{test}");
        }
    }
}
