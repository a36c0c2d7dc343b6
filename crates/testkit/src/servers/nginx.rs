//! An nginx of one's own, on a configuration that is given.
//!
//! Invariant: it runs without privileges, in a folder of its own, and ends with its workers.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::{is_root, signal};

const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Debian's user that owns nothing.
const NOBODY: u32 = 65_534;

/// A running nginx; ended when it is dropped.
#[derive(Debug)]
pub struct Nginx {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl Nginx {
    /// Starts nginx on the files that `files` gives, names and texts, for the address that it is to listen on and the
    /// folder that it may write to; the first is its configuration. `None` where it is not on this machine.
    pub fn start(
        files: impl Fn(SocketAddr, &Path) -> Vec<(&'static str, String)>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let mut attempts = 0;
        loop {
            // Another may take the port between its being found and its being used.
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            match Self::attempt(&program, address, &files) {
                Ok(nginx) => return Ok(Some(nginx)),
                Err(error) if attempts == 4 => return Err(error),
                Err(_) => attempts += 1,
            }
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has written to standard output and standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn attempt(
        program: &Path,
        address: SocketAddr,
        files: impl Fn(SocketAddr, &Path) -> Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("onsale-nginx-")?;
        let files = files(address, folder.path());
        for (name, text) in &files {
            fs::write(folder.path().join(name), text)?;
        }
        let configuration = folder.path().join(files.first().context("no configuration")?.0);
        let log_file = folder.path().join("log");
        let log = File::options().create(true).append(true).open(&log_file)?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&configuration).current_dir("/");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if is_root()? {
            for place in [folder.path(), &log_file] {
                chown(place, Some(NOBODY), Some(NOBODY))?;
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        let said = || fs::read_to_string(&log_file).unwrap_or_default();
        let mut child = command.args(["-g", "daemon off;"]).spawn().context("starting nginx")?;
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("nginx ended: {status}\n{}", said());
            }
            if Instant::now() >= deadline {
                end(&mut child);
                bail!("nginx does not listen within {LIMIT:?}\n{}", said());
            }
            thread::sleep(POLL);
        }
        let complaints = ["[emerg]", "[alert]", "[crit]"];
        let text = said();
        let nginx = Self { folder, address, child };
        ensure!(!complaints.iter().any(|complaint| text.contains(complaint)), "nginx says: {text}");
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// With its workers, which a `kill -9` would leave behind.
fn end(child: &mut Child) {
    let _ = signal(child.id(), "TERM");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        thread::sleep(POLL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file())
}
