//! A server under measurement: started, watched from outside, ended.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::processes::{Signal, signal, wait_or_kill, wait_until};

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Of the clock that processor time is counted by, on every Linux.
const TICK: Duration = Duration::from_millis(10);
/// The span over which a server is looked at to see whether it rests.
const REST_SPAN: Duration = Duration::from_millis(300);
/// Clock ticks of processor time that a resting server may use in that span.
const REST_TICKS: u64 = 1;

/// A running server; killed when it is dropped without having been stopped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a command that prints `listening on http://ADDR`, and waits for that line. What it prints goes to
    /// `NAME.log` and `NAME.err` in `logs`: files, so that nobody has to read along while it is measured.
    pub(crate) fn start(command: &mut Command, logs: &Path, name: &str) -> anyhow::Result<Self> {
        let (output, errors) = (logs.join(format!("{name}.log")), logs.join(format!("{name}.err")));
        command.stdin(Stdio::null()).stdout(File::create(&output)?).stderr(File::create(&errors)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let found = wait_until(START_LIMIT, || match announced(&fs::read_to_string(&output)?) {
            Some(address) => Ok(Some(Ok(address))),
            None => Ok(child.try_wait()?.map(Err)),
        })?;
        let address = match found {
            Some(Ok(address)) => address,
            Some(Err(status)) => bail!("{name} ended with {status}: {}", fs::read_to_string(&errors)?),
            None => {
                child.kill()?;
                bail!("{name} did not listen within {} s; see {}", START_LIMIT.as_secs(), errors.display())
            }
        };
        Ok(Self { child, address })
    }

    /// Ends the server in the orderly way.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        signal(&self.child, Signal::TERM)?;
        let status = wait_or_kill(&mut self.child, STOP_LIMIT)?;
        if !status.success() {
            bail!("the server ended with {status} on SIGTERM");
        }
        Ok(())
    }

    /// Resident memory in MB (10⁶ bytes).
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        self.memory_mb("VmRSS:")
    }

    /// The most resident memory it ever had, in MB (10⁶ bytes).
    pub(crate) fn peak_mb(&self) -> anyhow::Result<f64> {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(self.proc("status"))?;
        kib_of(&status, name).map(|kib| kib * 1024.0 / 1e6)
    }

    /// Waits until the server has nothing left to do behind the scenes, or its work would be charged to whatever is
    /// measured next. Returns how long that took.
    pub(crate) fn wait_until_it_rests(&self, limit: Duration) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let mut before = self.processor_ticks()?;
        while start.elapsed() < limit {
            std::thread::sleep(REST_SPAN);
            let now = self.processor_ticks()?;
            if now - before <= REST_TICKS {
                return Ok(start.elapsed().saturating_sub(REST_SPAN));
            }
            before = now;
        }
        bail!("the server was still busy {} s after the load had ended", limit.as_secs())
    }

    /// Processor time it has used so far.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        Ok(TICK * u32::try_from(self.processor_ticks()?).context("years of processor time")?)
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }

    /// Its share of memory in MB (10⁶ bytes), pages that others have as well divided by how many have them.
    pub(crate) fn proportional_mb(&self) -> anyhow::Result<f64> {
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        kib_of(&rollup, "Pss:").map(|kib| kib * 1024.0 / 1e6)
    }

    fn processor_ticks(&self) -> anyhow::Result<u64> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        ticks(&stat).context("/proc/PID/stat is not understood")
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that this process has used so far.
pub(crate) fn own_processor_time() -> anyhow::Result<Duration> {
    let ticks =
        ticks(&fs::read_to_string("/proc/self/stat")?).context("/proc/self/stat is not understood")?;
    Ok(TICK * u32::try_from(ticks).context("years of processor time")?)
}

/// The figure behind a name, in KiB.
fn kib_of(text: &str, name: &str) -> anyhow::Result<f64> {
    let kib = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = kib.with_context(|| format!("no {name} of the server"))?;
    Ok(kib.trim().trim_end_matches(" kB").parse()?)
}

fn announced(output: &str) -> Option<SocketAddr> {
    let line = output.lines().find_map(|line| line.strip_prefix("listening on http://"))?;
    line.trim().trim_end_matches('/').parse().ok()
}

/// User and system time: the 14th and 15th field, counted behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Server, announced, ticks};
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn finds_the_address() {
        assert_eq!(announced("x\nlistening on http://127.0.0.1:80\n"), "127.0.0.1:80".parse().ok());
        assert_eq!(announced("x"), None);
    }

    #[test]
    fn adds_user_and_system_time() {
        assert_eq!(ticks("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14"), Some(42));
    }

    #[test]
    fn a_server_that_fails_to_start_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        let error = Server::start(command.args(["-c", "echo no such port >&2; exit 2"]), folder.path(), "it");
        assert!(error.err().unwrap().to_string().contains("no such port"));
    }

    #[test]
    fn starts_watches_and_stops() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        let script = "sleep 60 & trap 'kill $!; exit 0' TERM; echo listening on http://127.0.0.1:9; wait $!";
        let server = Server::start(command.args(["-c", script]), folder.path(), "it").unwrap();
        assert!(server.resident_mb().unwrap() > 0.1);
        assert!(server.proportional_mb().unwrap() > 0.01);
        assert!(server.descriptors().unwrap() >= 3);
        assert!(server.processor_time().unwrap() < Duration::from_secs(10));
        assert!(server.peak_mb().unwrap() >= server.resident_mb().unwrap());
        server.wait_until_it_rests(Duration::from_secs(10)).unwrap();
        server.stop().unwrap();
    }
}
