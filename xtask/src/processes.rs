//! Starting and ending child processes. Only processes started here are ever signalled, each by its own id.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(20);

/// Sends a signal to a child that has not been waited for yet.
pub(crate) fn signal(child: &Child, signal: Signal) -> anyhow::Result<()> {
    kill_process(Pid::from_child(child), signal)
        .with_context(|| format!("cannot signal process {}", child.id()))
}

/// Waits for a child to end by itself; kills it when `limit` has passed and says so with an error.
pub(crate) fn wait_or_kill(child: &mut Child, limit: Duration) -> anyhow::Result<ExitStatus> {
    let ended = wait_until(limit, || child.try_wait().context("cannot wait for the process"))?;
    if let Some(status) = ended {
        return Ok(status);
    }
    child.kill().context("cannot kill the process")?;
    child.wait().context("cannot wait for the process")?;
    bail!("process {} did not end within {} s and was killed", child.id(), limit.as_secs())
}

/// Looks at a condition until it yields something, for at most `limit`; `None` when the time is up.
pub(crate) fn wait_until<T>(
    limit: Duration,
    mut condition: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = condition()? {
            return Ok(Some(found));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}
