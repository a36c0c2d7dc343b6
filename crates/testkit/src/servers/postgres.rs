//! A PostgreSQL server of one's own.
//!
//! Invariants: the cluster of files is made once for a machine and copied for each server; a server that is not said
//! to be durable does not sync, which only a crash of the machine would notice; what it said is part of every failure
//! message.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::{is_root, signal};

/// How long a start, an end or a recovery may take.
const LIMIT: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(10);

/// Where Debian keeps the programs of each version, which are not in `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The oldest version that is supported.
const OLDEST: u32 = 15;

/// Changes when what [`template`] makes does.
const TEMPLATE: &str = "onsale-postgres-template-1";

/// What `openssl` makes a certificate of.
const CERTIFICATE: &str = "\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = localhost
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// How a server differs from the quick one on a socket.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Syncs as in earnest.
    pub durable: bool,
    /// Also listens on a port of 127.0.0.1.
    pub tcp: bool,
    /// Speaks TLS there, with a certificate of its own making for that address.
    pub tls: bool,
    /// Further settings, such as `("max_connections", "5")`.
    pub settings: Vec<(String, String)>,
}

/// SQL that is being run.
#[derive(Debug)]
pub struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        // Asked to end it says so to the server, which then stops what it does for it; it may have ended already.
        let _ = signal(self.0.id(), "INT");
        let asked = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && asked.elapsed() < Duration::from_secs(2) {
            thread::sleep(POLL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running PostgreSQL server; ended when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    identity: Option<Identity>,
    options: Options,
    port: u16,
    child: Option<Child>,
}

/// Whom the server runs as: it refuses to be root.
#[derive(Clone, Copy, Debug)]
struct Identity {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Starts a server without data that listens on a socket; `None` where PostgreSQL is not on this machine.
    pub fn start() -> anyhow::Result<Option<Self>> {
        Self::with(Options::default())
    }

    /// The same with options.
    pub fn with(options: Options) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let identity = identity()?;
        let template = template(&programs, identity)?;
        let folder = TempDir::with_prefix("onsale-postgres-")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let data = folder.path().join("data");
        copy(&template, &data)?;
        let sockets = folder.path().join("socket");
        fs::create_dir(&sockets)?;
        if let Some(identity) = identity {
            chown(&sockets, Some(identity.user), Some(identity.group))?;
        }
        let mut server = Self { folder, programs, identity, options, port: 0, child: None };
        if server.options.tls {
            server.make_certificate()?;
        }
        server.launch()?;
        Ok(Some(server))
    }

    /// Its database, as onsale is told of it.
    pub fn url(&self) -> String {
        if self.options.tcp {
            return format!("postgres://onsale@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        }
        format!("postgres:///postgres?host={}&user=onsale", self.folder.path().join("socket").display())
    }

    /// Where its settings and files are; files put there have to be readable by it.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The port it listens on, where it was told to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate to trust, where it speaks TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Runs SQL with `psql`; gives what it prints, unaligned and without headings.
    pub fn sql(&self, sql: &str) -> anyhow::Result<String> {
        let output = self.psql(sql).output().context("running psql")?;
        ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Begins to run SQL that takes its time, in a session of its own; it ends when the handle is dropped, at the
    /// latest.
    pub fn session(&self, sql: &str) -> anyhow::Result<Session> {
        Ok(Session(
            self.psql(sql).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("running psql")?,
        ))
    }

    fn psql(&self, sql: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(self.folder.path().join("socket"));
        if self.port != 0 {
            psql.args(["--port", &self.port.to_string()]);
        }
        psql.args(["--username", "onsale", "--dbname", "postgres", "--command", sql]);
        psql.stdin(Stdio::null());
        psql
    }

    /// `kill -9` of the server and every session: nothing is written any more.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let sessions = self.sessions()?;
        let mut child = self.child.take().context("it is not running")?;
        child.kill()?;
        child.wait()?;
        for session in sessions {
            // It ends by itself too, once it notices; it may have.
            let _ = signal(session, "KILL");
        }
        Ok(())
    }

    /// SIGSTOP to the server and every session: connections stay open, nothing is answered.
    pub fn freeze(&self) -> anyhow::Result<()> {
        signal(self.pid()?, "STOP")?;
        for session in self.sessions()? {
            // A session may end at any time.
            let _ = signal(session, "STOP");
        }
        Ok(())
    }

    /// SIGCONT: all of them go on.
    pub fn thaw(&self) -> anyhow::Result<()> {
        for session in self.sessions()? {
            let _ = signal(session, "CONT");
        }
        signal(self.pid()?, "CONT")
    }

    /// Starts again on the same data, socket and port, after it was killed.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "it is running");
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.attempt(self.port) {
                Ok(()) => return Ok(()),
                // While a session of the one before has not ended, the data is not given out.
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(POLL),
            }
        }
    }

    /// What it has written to its log, the last 8,000 bytes.
    pub fn log(&self) -> String {
        let text = fs::read(self.log_file()).unwrap_or_default();
        let from = text.len().saturating_sub(8_000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }

    fn make_certificate(&self) -> anyhow::Result<()> {
        let (wanted, key) = (self.folder.path().join("certificate.conf"), self.key_file());
        fs::write(&wanted, CERTIFICATE)?;
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        openssl.args(["-nodes", "-days", "2", "-config"]).arg(wanted);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(self.certificate());
        let made = openssl.output().context("running openssl")?;
        ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        if let Some(identity) = self.identity {
            chown(&key, Some(identity.user), Some(identity.group))?;
        }
        Ok(())
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Another may take the port between its being found and its being used; then another one is found.
    fn launch(&mut self) -> anyhow::Result<()> {
        if !self.options.tcp {
            return self.attempt(0);
        }
        let mut attempts = 0;
        loop {
            let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match self.attempt(port) {
                Ok(()) => {
                    self.port = port;
                    return Ok(());
                }
                Err(error) if attempts == 4 => return Err(error),
                Err(_) => attempts += 1,
            }
        }
    }

    fn attempt(&mut self, port: u16) -> anyhow::Result<()> {
        let mut command = as_user(&self.programs.join("postgres"), self.identity);
        command.arg("-D").arg(self.data_dir());
        let sockets = self.folder.path().join("socket");
        let mut settings = vec![
            ("unix_socket_directories", sockets.display().to_string()),
            ("listen_addresses", if self.options.tcp { "127.0.0.1".into() } else { String::new() }),
            ("max_connections", "40".to_owned()),
            ("shared_buffers", "16MB".to_owned()),
            ("log_line_prefix", "%m [%p] ".to_owned()),
        ];
        if !self.options.durable {
            settings
                .extend(["fsync", "synchronous_commit", "full_page_writes"].map(|name| (name, "off".into())));
        }
        if self.options.tls {
            settings.push(("ssl", "on".to_owned()));
            settings.push(("ssl_cert_file", self.certificate().display().to_string()));
            settings.push(("ssl_key_file", self.key_file().display().to_string()));
        }
        for (name, value) in settings.iter().map(|(name, value)| (*name, value.as_str())) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        for (name, value) in &self.options.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        if port != 0 {
            command.arg("-c").arg(format!("port={port}"));
        }
        let log = File::options().create(true).append(true).open(self.log_file())?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child =
            command.spawn().with_context(|| format!("starting PostgreSQL of {}", self.programs.display()))?;
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = child.try_wait()? {
                bail!("PostgreSQL ended: {status}\n{}", self.log());
            }
            // Written last of all, when sessions are accepted.
            let state = fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
            if state.lines().next().is_some_and(|pid| pid == child.id().to_string())
                && state.lines().nth(7).is_some_and(|state| state.trim() == "ready")
            {
                self.child = Some(child);
                return Ok(());
            }
            if Instant::now() >= deadline {
                end(&mut child);
                bail!("PostgreSQL is not ready within {LIMIT:?}\n{}", self.log());
            }
            thread::sleep(POLL);
        }
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.as_ref().map(Child::id).context("it is not running")
    }

    /// The processes of its sessions and of its own background work.
    fn sessions(&self) -> anyhow::Result<Vec<u32>> {
        let pid = self.pid()?;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        Ok(children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

/// At once, with its sessions: an immediate shutdown, and where that does not happen, `kill -9`.
fn end(child: &mut Child) {
    // One that is frozen hears nothing.
    let _ = signal(child.id(), "CONT");
    let _ = signal(child.id(), "QUIT");
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

/// The folder with `postgres` and `initdb`: Debian's newest, or whatever is in `PATH`.
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(version, programs)| *version >= OLDEST && programs.join("postgres").is_file())
        .max();
    newest.map(|(_, programs)| programs).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
    })
}

/// Whom to run the server as: oneself, or where that is root, `postgres`.
fn identity() -> anyhow::Result<Option<Identity>> {
    if !is_root()? {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let postgres = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some("postgres")).then(|| (fields.nth(1), fields.next()))
    });
    let Some((Some(user), Some(group))) = postgres else {
        bail!("PostgreSQL does not run as root, and there is no user `postgres`")
    };
    Ok(Some(Identity { user: user.parse()?, group: group.parse()? }))
}

fn as_user(program: &Path, identity: Option<Identity>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(identity) = identity {
        command.uid(identity.user).gid(identity.group);
    }
    command
}

/// A cluster of files as `initdb` makes it, with the superuser `onsale`: made once, into a place of its own that is
/// then renamed, so that of several tests at once none sees half of it.
fn template(programs: &Path, identity: Option<Identity>) -> anyhow::Result<PathBuf> {
    let version = version(programs)?;
    let own = fs::metadata("/proc/self")?.uid();
    let place = std::env::temp_dir().join(format!("{TEMPLATE}-{version}-{own}"));
    if place.join("PG_VERSION").is_file() {
        return Ok(place);
    }
    let making = TempDir::with_prefix("onsale-postgres-template-")?;
    fs::set_permissions(making.path(), fs::Permissions::from_mode(0o711))?;
    let data = making.path().join("data");
    fs::create_dir(&data)?;
    if let Some(identity) = identity {
        chown(&data, Some(identity.user), Some(identity.group))?;
    }
    let mut initdb = as_user(&programs.join("initdb"), identity);
    initdb.arg("-D").arg(&data);
    initdb.args(["--username=onsale", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.args(["--wal-segsize=1", "--no-instructions"]);
    let made = initdb.stdin(Stdio::null()).output().context("running initdb")?;
    ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    match fs::rename(&data, &place) {
        Ok(()) => Ok(place),
        // Another test was quicker.
        Err(_) if place.join("PG_VERSION").is_file() => Ok(place),
        Err(error) => Err(error).with_context(|| format!("moving a template to {}", place.display())),
    }
}

fn version(programs: &Path) -> anyhow::Result<String> {
    let output = Command::new(programs.join("postgres")).arg("--version").output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.split_whitespace().nth(2).map(str::to_owned).context("PostgreSQL does not say its version")
}

/// With owners and permissions, which PostgreSQL insists on.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status: ExitStatus = Command::new("cp").arg("-a").arg(from).arg(to).status().context("running cp")?;
    ensure!(status.success(), "cp -a {} {}: {status}", from.display(), to.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::or_passed_over;

    #[test]
    fn answers_is_killed_and_comes_back_with_what_was_committed() {
        let options = Options { durable: true, ..Options::default() };
        let Some(mut server) = or_passed_over(Postgres::with(options), "postgres") else { return };
        server.sql("CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('yes')").unwrap();
        server.kill().unwrap();
        assert!(server.sql("SELECT 1").is_err());
        server.start_again().unwrap();
        assert_eq!(server.sql("SELECT word FROM kept").unwrap(), "yes");
    }

    #[test]
    fn two_do_not_see_each_other_and_dropping_ends_it() {
        let Some(one) = or_passed_over(Postgres::start(), "postgres") else { return };
        let two = Postgres::with(Options { tcp: true, ..Options::default() }).unwrap().unwrap();
        assert_ne!((one.url(), one.data_dir()), (two.url(), two.data_dir()));
        one.sql("CREATE TABLE mine (word TEXT)").unwrap();
        let missing = two.sql("SELECT * FROM mine").unwrap_err().to_string();
        assert!(missing.contains("does not exist"), "{missing}");
        let (pid, folder) = (one.pid().unwrap(), one.data_dir());
        drop(one);
        assert!(!Path::new(&format!("/proc/{pid}")).exists() && !folder.exists());
    }
}
