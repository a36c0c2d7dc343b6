//! `cargo xtask bench ceiling`: the client against the floor alone, which bounds what any other benchmark can show.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use hyper::StatusCode;
use hyper::http::{HeaderValue, Method, Uri};

use super::client::call;
use super::load::{self, Calls, Pace, Round};
use super::server::Server;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct CeilingArguments {
    /// Seconds measured in each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections of the client.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// Prints what the client reaches; sets no limit.
pub(crate) fn run(workspace: &Workspace, arguments: &CeilingArguments) -> anyhow::Result<ExitCode> {
    let logs = workspace.target.join("bench-data");
    fs::create_dir_all(&logs)?;
    let mut command = Command::new(std::env::current_exe()?);
    let floor = Server::start(command.arg("floor"), &logs, "floor")?;
    let runtime = load::runtime()?;
    let round = |pace, expected| Round {
        address: floor.address,
        pace,
        warm_up: Duration::from_secs(1),
        measured: Duration::from_secs(arguments.seconds),
        expected,
    };
    let calls = |method: &Method| (0..arguments.connections).map(|_| repeat(method.clone())).collect();
    let closed = |method: &Method, expected| -> anyhow::Result<f64> {
        let measured = runtime.block_on(load::run(round(Pace::Closed, expected), calls(method)))?;
        let measured = measured.all_expected("the floor")?;
        println!("{method:<4} closed loop  {}", line(&measured));
        Ok(measured.per_second)
    };
    closed(&Method::GET, StatusCode::OK)?;
    let rate = closed(&Method::POST, StatusCode::CREATED)?;
    let open = round(Pace::Open(rate / 2.0), StatusCode::CREATED);
    let measured = runtime.block_on(load::run(open, calls(&Method::POST)))?.all_expected("the floor")?;
    println!("POST open loop    {}", line(&measured));
    Ok(ExitCode::SUCCESS)
}

fn line(measured: &load::Measured) -> String {
    let at = |percentile| measured.latency_ms(percentile);
    format!(
        "{:>8.0}/s  p50 {:.2} ms  p99 {:.2} ms  p99.9 {:.2} ms",
        measured.per_second,
        at(50.0),
        at(99.0),
        at(99.9)
    )
}

/// The same request again and again.
fn repeat(method: Method) -> Calls {
    let path = Uri::from_static("/floor");
    let token = HeaderValue::from_static("Bearer 0123456789012345678901234567890123456789");
    let body = (method == Method::POST).then(|| Bytes::from_static(br#"{"seat_ids":[12345]}"#));
    Box::new(move || Some(call(method.clone(), &path, Some(&token), body.clone())))
}
