//! `cargo xtask run`: onsale with its embedded stores, ready to be looked at.
//!
//! Invariant: SIGINT and SIGTERM reach the server exactly once, and its exit status becomes ours.

mod first_start;

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal as listen_for};
use tokio::sync::oneshot;

use crate::pages;
use crate::processes::{Signal, signal, wait_or_kill};
use crate::workspace::Workspace;

/// How long the server may take to answer what is under way after it was asked to end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(15);

#[derive(Args)]
pub(crate) struct RunArguments {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// The folder of the embedded stores, made if it is missing; relative to the root of the workspace.
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

/// Builds, seeds at the first start, serves until told to stop.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::locate()?;
    // Before the server, which has them compiled in.
    pages::build(&workspace)?;
    workspace.build_release(&["onsale-server"])?;
    let data = workspace.root.join(&arguments.data);
    let binary = workspace.release_binary("onsale");
    first_start::prepare(&workspace, &binary, &data)?;
    let organizer = first_start::organizer(&data);
    let mut command = onsale(&binary, &data);
    command.args(["serve", "--listen", &arguments.listen]);
    serve(command, organizer.as_deref())
}

/// The command line of onsale on the embedded stores in `data`, whatever the surroundings have set.
fn onsale(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env("ONSALE_DATA_DIR", data);
    command.env_remove("ONSALE_DATABASE_URL").env_remove("ONSALE_REDIS_URL");
    command
}

/// Runs the server in its own process group: a Ctrl-C in a terminal goes to the whole group of the foreground, and
/// the server would get it twice, once from there and once from us.
fn serve(mut command: Command, organizer: Option<&str>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut interrupts = listen_for(SignalKind::interrupt())?;
    let mut terminations = listen_for(SignalKind::terminate())?;
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start target/release/onsale")?;
    let (ended, announcer) = announce(&mut child, organizer.map(str::to_owned))?;
    let asked = runtime.block_on(async {
        tokio::select! {
            _ = interrupts.recv() => Some(Signal::INT),
            _ = terminations.recv() => Some(Signal::TERM),
            _ = ended => None,
        }
    });
    if let Some(asked) = asked {
        signal(&child, asked)?;
    }
    let status = wait_or_kill(&mut child, SHUTDOWN_LIMIT)?;
    // Its last words are still to be passed on.
    announcer.join().ok().context("the server's output could not be passed on")?;
    Ok(exit_code(status))
}

/// Passes the server's output on, adds where to look once it accepts, and resolves when the output ends: the server
/// holds it open for as long as it lives.
fn announce(
    child: &mut Child,
    organizer: Option<String>,
) -> anyhow::Result<(oneshot::Receiver<()>, JoinHandle<()>)> {
    let output = child.stdout.take().context("the server has no output")?;
    let (end, ended) = oneshot::channel();
    let announcer = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            if let Some(address) = line.strip_prefix("listening on ") {
                println!("{}", where_to_look(address, organizer.as_deref()));
            }
        }
        // Nobody waits any more when a signal came first.
        let _ = end.send(());
    });
    Ok((ended, announcer))
}

fn where_to_look(address: &str, organizer: Option<&str>) -> String {
    let address = address.trim().trim_end_matches('/').replace("127.0.0.1", "localhost");
    let mut text =
        format!("\n  onsale     {address}\n  API        {address}/api\n  health     {address}/health\n");
    if let Some(organizer) = organizer {
        text.push_str(organizer);
    }
    text.push_str("  Ctrl-C ends it.\n");
    text
}

/// The child's status as ours; a signal becomes 128 + its number, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::{exit_code, onsale, serve, where_to_look};
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::{Command, ExitCode, ExitStatus};

    #[test]
    fn the_status_of_the_server_is_ours() {
        assert_eq!(exit_code(ExitStatus::from_raw(2 << 8)), ExitCode::from(2));
        assert_eq!(exit_code(ExitStatus::from_raw(9)), ExitCode::from(137));
        let mut command = Command::new("sh");
        command.args(["-c", "echo listening on http://127.0.0.1:1; exit 2"]);
        assert_eq!(serve(command, None).unwrap(), ExitCode::from(2));
    }

    #[test]
    fn tells_where_to_look() {
        let text = where_to_look("http://127.0.0.1:8080", Some("  organizer  a@b.c\n"));
        assert!(text.contains("http://localhost:8080/health"), "{text}");
        assert!(text.contains("a@b.c"), "{text}");
    }

    #[test]
    fn the_stores_are_the_embedded_ones() {
        let command = onsale(Path::new("onsale"), Path::new("/somewhere"));
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert_eq!(removed, ["ONSALE_DATABASE_URL", "ONSALE_REDIS_URL"]);
    }
}
