//! `cargo xtask test`: everything that has to hold before a change is accepted.
//!
//! Invariant: the closing summary names every step, also those that were left out or not reached; the command
//! succeeds only if none of them failed.

use std::fmt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;

use crate::pages;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct TestArguments {
    /// Leave out what seldom changes its mind: licences, unused dependencies, examples in the documentation.
    #[arg(long)]
    fast: bool,
    /// Install the cargo tools that are missing instead of leaving their checks out; CI=true does the same.
    #[arg(long)]
    install: bool,
}

/// How a step ended.
enum Outcome {
    Passed,
    Failed(anyhow::Error),
    /// Not done, and why.
    LeftOut(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(error) => write!(f, "FAILED: {error:#}"),
            Self::LeftOut(why) => write!(f, "left out: {why}"),
        }
    }
}

/// What the steps need to know.
struct Surroundings {
    workspace: Workspace,
    fast: bool,
    install: bool,
}

type Step = (&'static str, fn(&Surroundings) -> anyhow::Result<Outcome>);

/// In this order: what is quick and fails most often comes first.
const STEPS: &[Step] = &[
    ("system packages", system_packages),
    ("format", format),
    ("tidy", tidy),
    ("pages", pages),
    ("clippy", clippy),
    ("mock of Stripe", mock_of_stripe),
    ("mail server", mail_server),
    ("schemathesis", schemathesis),
    ("k6", k6),
    ("licences, bans, sources", deny),
    ("unused dependencies", machete),
    ("tests", tests),
    ("API over Redis, PostgreSQL", api_over_cluster),
    ("browser tests", browser_tests),
    ("documentation examples", documentation_examples),
];

/// Runs the steps up to the first that fails.
pub(crate) fn run(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let surroundings = Surroundings {
        workspace: Workspace::locate()?,
        fast: arguments.fast,
        install: arguments.install || in_ci,
    };
    let mut done = Vec::new();
    for (name, step) in STEPS {
        println!("\n── {name}");
        let start = Instant::now();
        let outcome = step(&surroundings).unwrap_or_else(Outcome::Failed);
        let failed = matches!(outcome, Outcome::Failed(_));
        done.push((*name, outcome, start.elapsed()));
        if failed {
            break;
        }
    }
    println!("\n{}", summary(&done));
    let failed = done.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn summary(done: &[(&str, Outcome, Duration)]) -> String {
    let mut lines = vec!["── summary".to_owned()];
    for (name, _) in STEPS {
        lines.push(match done.iter().find(|(done, ..)| done == name) {
            Some((_, outcome, took)) => format!("{name:<24} {:>7.1} s  {outcome}", took.as_secs_f64()),
            None => format!("{name:<24}         –  not reached"),
        });
    }
    let total: Duration = done.iter().map(|(.., took)| *took).sum();
    lines.push(format!("{:<24} {:>7.1} s", "together", total.as_secs_f64()));
    lines.join("\n")
}

/// Runs a command whose output goes straight to the user.
fn passes(command: &mut Command) -> anyhow::Result<Outcome> {
    let arguments: Vec<_> =
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let shown = format!("cargo {}", arguments.join(" "));
    println!("{shown}");
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    ensure!(status.success(), "{shown}");
    Ok(Outcome::Passed)
}

fn system_packages(_: &Surroundings) -> anyhow::Result<Outcome> {
    tools::provide_system_packages()?;
    Ok(Outcome::Passed)
}

fn format(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    passes(surroundings.workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Also among the tests below; here because it takes seconds and says at once what is out of place.
fn tidy(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    passes(surroundings.workspace.cargo().args(["test", "--quiet", "--package", "xtask", "--test", "tidy"]))
}

/// Before everything that compiles the server, which has the built pages in it.
fn pages(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    pages::check(&surroundings.workspace)?;
    pages::build(&surroundings.workspace)?;
    Ok(Outcome::Passed)
}

fn clippy(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    passes(surroundings.workspace.cargo().args(arguments))
}

/// Without it the tests of payments through Stripe are passed over, or fail where everything is wanted.
fn mock_of_stripe(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    provided(surroundings, tools::provide_localstripe)
}

/// Without it the tests of letters are passed over, or fail where everything is wanted.
fn mail_server(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    provided(surroundings, tools::provide_aiosmtpd)
}

/// Without it the interface is not compared with its description, or that fails where everything is wanted.
fn schemathesis(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    provided(surroundings, tools::provide_schemathesis)
}

/// Without it the scripts in `load/k6` are not played, or that fails where everything is wanted.
fn k6(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    provided(surroundings, tools::provide_k6)
}

fn provided(
    surroundings: &Surroundings,
    provide: impl Fn(&Workspace) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    match provide(&surroundings.workspace) {
        Ok(()) => Ok(Outcome::Passed),
        Err(error) if surroundings.install => Err(error),
        Err(error) => Ok(Outcome::LeftOut(format!("{error:#}"))),
    }
}

/// Advisories are not among the checks: their database is a second source that need not be reachable.
fn deny(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    with_tool(
        surroundings,
        Tool::Deny,
        &["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
    )
}

fn machete(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    with_tool(surroundings, Tool::Machete, &["machete"])
}

/// A tool that cannot be had says nothing about the change: its check is left out, and the summary says so.
fn with_tool(surroundings: &Surroundings, tool: Tool, arguments: &[&str]) -> anyhow::Result<Outcome> {
    if surroundings.fast {
        return Ok(Outcome::LeftOut("--fast".to_owned()));
    }
    match tools::provide(&surroundings.workspace, tool, surroundings.install) {
        Ok(true) => passes(surroundings.workspace.cargo().args(arguments)),
        Ok(false) => Ok(Outcome::LeftOut(format!("{tool} is not installed; --install does it"))),
        Err(error) => Ok(Outcome::LeftOut(format!("{error:#}"))),
    }
}

/// Through nextest, which gives every test its own process; the plain runner is the way out where it cannot be had.
fn tests(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    let mut cargo = surroundings.workspace.cargo();
    match tools::provide(&surroundings.workspace, Tool::Nextest, true) {
        Ok(true) => passes(cargo.args(["nextest", "run", "--workspace"])),
        Ok(false) => passes(cargo.args(["test", "--workspace", "--all-targets"])),
        Err(error) => {
            println!("{error:#}; going on with cargo test");
            passes(cargo.args(["test", "--workspace", "--all-targets"]))
        }
    }
}

/// The same tests of the whole program once more, its stock in Redis and its ledger in PostgreSQL. They were built by
/// the step before.
fn api_over_cluster(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    if let Some(missing) = ["postgres", "redis-server"].into_iter().find(|program| !tools::has(program)) {
        return Ok(Outcome::LeftOut(format!("{missing} is not on this machine")));
    }
    if !tools::provide(&surroundings.workspace, Tool::Nextest, false)? {
        // One process for all tests has one environment, but no more than these tests in it.
        let mut cargo = surroundings.workspace.cargo();
        let arguments = ["test", "--package", "onsale-server", "--test", "api"];
        return passes(cargo.args(arguments).env("ONSALE_TEST_STORES", "cluster"));
    }
    let mut cargo = surroundings.workspace.cargo();
    // Those that bring stores of their own have been run. A start that shares its stores does not look into payments at
    // once, as another process may be at them.
    let only = "package(onsale-server) & binary(api) \
         & not test(/^(cluster|crashes|database_away|gateway|moving|pages)::/) \
         & not test(/^queue::(control::.*other|order::|roles::)/) \
         & not test(/^stripe::strange::a_(buyer_who_pays_while_the_process_is_away|process_that_is_killed)/)";
    passes(cargo.args(["nextest", "run", "--workspace", "-E", only]).env("ONSALE_TEST_STORES", "cluster"))
}

/// On the binary that the tests were built with.
fn browser_tests(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    if !tools::has("chromium") {
        return Ok(Outcome::LeftOut("chromium is not on this machine".to_owned()));
    }
    passes(surroundings.workspace.cargo().args(["build", "--package", "onsale-server"]))?;
    pages::try_in_a_browser(&surroundings.workspace)?;
    Ok(Outcome::Passed)
}

/// nextest does not run these.
fn documentation_examples(surroundings: &Surroundings) -> anyhow::Result<Outcome> {
    if surroundings.fast {
        return Ok(Outcome::LeftOut("--fast".to_owned()));
    }
    passes(surroundings.workspace.cargo().args(["test", "--doc", "--workspace", "--quiet"]))
}

#[cfg(test)]
mod tests {
    use super::{Duration, Outcome, STEPS, summary};

    #[test]
    fn the_summary_names_every_step() {
        let done = [
            ("format", Outcome::Passed, Duration::from_secs(1)),
            ("tidy", Outcome::Failed(anyhow::anyhow!("cargo test")), Duration::from_secs(2)),
        ];
        let text = summary(&done);
        assert_eq!(text.lines().count(), STEPS.len() + 2, "{text}");
        assert!(text.contains("FAILED: cargo test"), "{text}");
        assert!(text.contains("not reached"), "{text}");
        assert!(text.ends_with("3.0 s"), "{text}");
    }
}
