//! The real binary, as a process of its own: started, asked, killed, started again on the same data.
//!
//! Invariants: everything waits for something and has a limit; a process is ended by its own id, at the latest when
//! its handle is dropped; what it said on standard error is kept, and is part of every failure message.
//!
//! The calls here block. In an asynchronous test that is all right where the test waits for the process anyway.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// How long a start, an end or a command may take.
pub const LIMIT: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(5);
const ANNOUNCEMENT: &str = "listening on ";

/// A data folder, settings, and the binary to run on them.
#[derive(Debug)]
pub struct Installation {
    binary: PathBuf,
    folder: TempDir,
    settings: BTreeMap<String, String>,
    limit: Duration,
    starts: u32,
}

impl Installation {
    /// An empty temporary data folder, any free port, and defaults otherwise.
    pub fn new(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("onsale-").context("a temporary data folder")?;
        let mut made =
            Self { binary: binary.into(), folder, settings: BTreeMap::new(), limit: LIMIT, starts: 0 };
        let data = made.data_dir();
        made.set("ONSALE_LISTEN", "127.0.0.1:0");
        made.set("ONSALE_DATA_DIR", &data.to_string_lossy());
        Ok(made)
    }

    /// Sets an environment variable of later starts, such as `ONSALE_REDIS_URL`.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Gives up sooner or later than after [`LIMIT`].
    pub fn limit(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    /// Where the data is; goes away with the installation.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts `onsale serve` and waits until it accepts connections.
    ///
    /// Fails where it ends or says nothing in time, with what it wrote to standard error.
    pub fn start(&mut self) -> anyhow::Result<Running> {
        self.starts += 1;
        let errors = self.folder.path().join(format!("stderr-{}.log", self.starts));
        let mut child = self
            .command(["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let lines = child.stdout.take().map(lines_of).context("no standard output")?;
        let mut running = Running { child, url: String::new(), errors, limit: self.limit };
        let deadline = Instant::now() + self.limit;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(url) = line.trim().strip_prefix(ANNOUNCEMENT) {
                        url.clone_into(&mut running.url);
                        return Ok(running);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("no address within {:?}\n{}", self.limit, running.stderr())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = running.wait();
                    bail!("ended before it had an address: {status:?}\n{}", running.stderr())
                }
            }
        }
    }

    /// Runs another command of the binary on the same settings, with `input` as its standard input, and gives its
    /// standard output. Fails where it fails or does not end in time.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> anyhow::Result<String> {
        let ended = self.run_to_end(arguments, input)?;
        anyhow::ensure!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
        Ok(ended.stdout)
    }

    /// The same, however it ends. Fails where it does not end in time.
    pub fn run_to_end<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> anyhow::Result<Ended> {
        let output = self.folder.path().join("command-stdout.log");
        let errors = self.folder.path().join("command-stderr.log");
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(File::create(&output)?)
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads nothing closes its end; that is its right.
            let _ = stdin.write_all(input.as_bytes());
        }
        let mut running = Running { child, url: String::new(), errors, limit: self.limit };
        let status = running.wait()?;
        Ok(Ended { status, stdout: fs::read_to_string(&output)?, stderr: running.stderr() })
    }

    fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            // Settings of whoever runs the tests are not theirs.
            if name.to_string_lossy().starts_with("ONSALE_") {
                command.env_remove(name);
            }
        }
        command.envs(&self.settings);
        command
    }
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it printed for programs.
    pub stdout: String,
    /// What it said to people.
    pub stderr: String,
}

/// Reads lines in a thread of its own to the end, so that the process never waits for its reader.
fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more after the address; reading goes on.
            let _ = tell.send(line);
        }
    });
    lines
}

/// A running process; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    url: String,
    errors: PathBuf,
    limit: Duration,
}

impl Running {
    /// `http://ADDR`, as it said.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`: it ends between any two instructions.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing")?;
        self.wait().map(drop)
    }

    /// SIGTERM: it may finish what it is doing. Gives how it ended.
    pub fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait()
    }

    /// SIGSTOP: it stands still, its connections stay open.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT: it goes on.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + self.limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("process {} did not end within {:?}\n{}", self.pid(), self.limit, self.stderr());
            }
            thread::sleep(POLL);
        }
    }

    /// What it wrote to standard error, the last 8,000 bytes.
    pub fn stderr(&self) -> String {
        tail(&self.errors, 8_000).unwrap_or_else(|error| format!("no standard error: {error}"))
    }

    /// All that it wrote to standard error.
    pub fn all_of_stderr(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.errors)?).into_owned())
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let kill = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").arg("-c").arg(&kill).status().context("running sh")?;
        anyhow::ensure!(status.success(), "{kill}: {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and its id is not another's before the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(file: &Path, bytes: usize) -> std::io::Result<String> {
    let mut text = Vec::new();
    File::open(file)?.read_to_end(&mut text)?;
    let from = text.len().saturating_sub(bytes);
    Ok(String::from_utf8_lossy(&text[from..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An installation of a shell script. Another process writes it: were it open here for writing while another
    /// test starts a process, that one would have it open too for a moment, and nobody could run it.
    fn script(text: &str) -> Installation {
        let mut installation = Installation::new("").unwrap();
        let binary = installation.folder.path().join("onsale");
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
        let written = Command::new("sh").args(["-c", write, "sh"]).arg(&binary).arg(text).status().unwrap();
        assert!(written.success());
        installation.binary = binary;
        installation
    }

    const SERVES: &str =
        "echo hello; echo \"$1 $COLOUR\" >&2; echo listening on http://127.0.0.1:81; exec sleep 100";

    #[test]
    fn starts_is_killed_and_starts_again_on_the_same_data() {
        let mut installation = script(SERVES);
        installation.set("COLOUR", "green");
        let first = installation.start().unwrap();
        assert_eq!((first.url(), first.stderr().trim()), ("http://127.0.0.1:81", "serve green"));
        fs::create_dir(installation.data_dir()).unwrap();
        first.kill().unwrap();
        let second = installation.start().unwrap();
        second.freeze().unwrap();
        second.thaw().unwrap();
        assert!(!second.terminate().unwrap().success(), "sleep ends by the signal");
        assert!(installation.data_dir().exists());
    }

    #[test]
    fn dropping_kills() {
        let mut installation = script(SERVES);
        let pid = installation.start().unwrap().pid();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_start_that_fails_says_what_was_on_standard_error() {
        let failure = script("echo no such setting >&2; exit 2").start().unwrap_err().to_string();
        assert!(failure.contains("no such setting"), "{failure}");
        let mut silent = script("echo still thinking >&2; exec sleep 100");
        let failure = silent.limit(Duration::from_millis(300)).start().unwrap_err().to_string();
        assert!(failure.contains("still thinking"), "{failure}");
    }

    #[test]
    fn other_commands_run_on_the_same_settings() {
        let mut installation = script("read word; echo \"$word $1 $COLOUR\"; test \"$word\" = good");
        installation.set("COLOUR", "green");
        assert_eq!(installation.run(&["token"], "good\n").unwrap(), "good token green\n");
        assert!(installation.run(&["token"], "bad\n").is_err());
    }
}
