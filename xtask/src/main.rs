//! The project's own commands, so that a clone needs cargo and nothing else: `cargo xtask run`, `test`, `bench`, `fuzz`.
//!
//! Invariant: a command that says it succeeded did all it was asked; whatever it left out, it names.
#![expect(clippy::print_stdout, reason = "a command line program talks to its user there")]

mod bench;
mod fuzz;
mod pages;
mod processes;
mod run;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The server is built with this allocator; the floor of the benchmarks has to have the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Builds, checks and measures onsale.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build onsale and start it with its stores in a folder; the first start adds demonstration events.
    Run(run::RunArguments),
    /// Everything that has to hold before a change is accepted; stops at the first step that fails.
    Test(test::TestArguments),
    /// Measure the server against an empty handler and write the figures into docs/PERFORMANCE.md.
    Bench(bench::BenchArguments),
    /// Try a parser of what strangers send with whatever libFuzzer comes up with.
    Fuzz(fuzz::FuzzArguments),
    /// The empty handler that the benchmarks compare with.
    #[command(hide = true)]
    Floor(bench::floor::FloorArguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Floor(arguments) => bench::floor::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
