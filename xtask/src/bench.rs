//! `cargo xtask bench`: what the server can do, measured against an empty handler in the same run.
//!
//! Invariant: server, floor and client are all optimised builds of this tree, and the figures in the documents are
//! written by the command itself. A new benchmark is a file beside `holds.rs` and a line in [`Benchmark`].
#![expect(clippy::cast_precision_loss, reason = "what is counted here stays far below 2^52")]

mod api;
mod buyer;
mod ceiling;
mod chance;
mod client;
mod confirms;
mod connections;
mod crowd;
pub(crate) mod floor;
mod holds;
mod live;
mod load;
mod machine;
mod queue;
mod report;
mod rounds;
mod server;
mod soak;
mod socket;
mod stage;
mod stores;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Holds, refusals, availability, memory, and how long a performance takes to create.
    Holds(holds::HoldsArguments),
    /// How soon everybody who watches sees a hold, and what a watching connection costs.
    Live(live::LiveArguments),
    /// Confirms with the simulated provider, beside the SQL transactions that they consist of.
    Confirms(confirms::ConfirmsArguments),
    /// Polls and joins of a waiting room, and what a place in it costs.
    Queue(queue::QueueArguments),
    /// So many buyers for so few tickets, through the waiting room and then without one.
    Crowd(crowd::CrowdArguments),
    /// A sale for ten minutes at 70 % of what the server can do, then three times that, and what becomes of it.
    Soak(soak::SoakArguments),
    /// The client against the floor alone, which bounds what the other benchmarks can show.
    Ceiling(ceiling::CeilingArguments),
}

/// Builds what is measured and what measures, then runs the benchmark. Fails when a limit is missed.
pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::locate()?;
    if cfg!(debug_assertions) {
        workspace.build_release(&["onsale-server", "xtask"])?;
        let error = Command::new(workspace.release_binary("xtask")).args(std::env::args_os().skip(1)).exec();
        return Err(error).context("cannot start the release build of xtask");
    }
    match &arguments.benchmark {
        Benchmark::Holds(arguments) => holds::run(&workspace, arguments),
        Benchmark::Live(arguments) => live::run(&workspace, arguments),
        Benchmark::Confirms(arguments) => confirms::run(&workspace, arguments),
        Benchmark::Queue(arguments) => queue::run(&workspace, arguments),
        Benchmark::Crowd(arguments) => crowd::run(&workspace, arguments),
        Benchmark::Soak(arguments) => soak::run(&workspace, arguments),
        Benchmark::Ceiling(arguments) => ceiling::run(&workspace, arguments),
    }
}
