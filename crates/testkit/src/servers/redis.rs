//! A Redis server of one's own, and clusters and sentinels of them.
//!
//! Invariants: a server keeps its port and its data when it is killed and started again; what it said is part of
//! every failure message; nothing is waited for without a limit.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

/// How long a start, an answer or an agreement of a cluster may take.
const LIMIT: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(5);

/// How often another port is tried: between finding a free one and using it, another test may take it.
const PORTS: usize = 20;

/// When a server writes down what it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// No append-only file.
    None,
    /// An append-only file, synced once a second.
    EverySecond,
    /// An append-only file, synced before every answer.
    Always,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// What survives a crash.
    pub durability: Durability,
    /// Whether it is to be a node of a cluster.
    pub cluster: bool,
    /// Further settings, such as `("maxmemory-policy", "allkeys-lru")`.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::EverySecond, cluster: false, settings: Vec::new() }
    }
}

/// A running Redis server, or sentinel; ended when it is dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts an empty server; `None` where Redis is not on this machine.
    pub fn start() -> anyhow::Result<Option<Self>> {
        Self::with(&Options::default())
    }

    /// The same with options.
    pub fn with(options: &Options) -> anyhow::Result<Option<Self>> {
        let mut settings = vec![
            ("save".to_owned(), String::new()),
            (
                "appendonly".to_owned(),
                if options.durability == Durability::None { "no" } else { "yes" }.to_owned(),
            ),
            (
                "appendfsync".to_owned(),
                if options.durability == Durability::Always { "always" } else { "everysec" }.to_owned(),
            ),
        ];
        if options.cluster {
            settings.push(("cluster-enabled".to_owned(), "yes".to_owned()));
            settings.push(("cluster-node-timeout".to_owned(), "2000".to_owned()));
        }
        settings.extend(options.settings.clone());
        Self::launched(|port, folder| {
            let mut arguments: Vec<String> =
                ["--port", &port.to_string(), "--bind", "127.0.0.1"].map(String::from).to_vec();
            arguments.extend(["--dir".to_owned(), folder.display().to_string()]);
            if options.cluster {
                // Its own default is the port and 10,000, which may not exist.
                let bus = free_port()?;
                arguments.extend(["--cluster-port".to_owned(), bus.to_string()]);
            }
            for (name, value) in &settings {
                arguments.extend([format!("--{name}"), value.clone()]);
            }
            Ok(arguments)
        })
    }

    /// A sentinel that watches a master under a name, and is content with its own opinion.
    pub fn sentinel(name: &str, master: &Self) -> anyhow::Result<Option<Self>> {
        let watched = master.port;
        Self::launched(|port, folder| {
            let file = folder.join("sentinel.conf");
            let text = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {name} 127.0.0.1 {watched} 1\n\
                 sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 3000\n",
                folder.display()
            );
            fs::write(&file, text)?;
            Ok(vec![file.display().to_string(), "--sentinel".to_owned()])
        })
    }

    fn launched(
        arguments: impl Fn(u16, &Path) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        for _ in 0..PORTS {
            let folder = TempDir::with_prefix("onsale-redis-")?;
            let port = free_port()?;
            let mut server = Self { port, child: None, arguments: arguments(port, folder.path())?, folder };
            match server.attempt(&program) {
                Ok(()) => return Ok(Some(server)),
                Err(error) if server.log().contains("ddress already in use") => drop(error),
                Err(error) => return Err(error),
            }
        }
        bail!("no free port in {PORTS} attempts")
    }

    fn attempt(&mut self, program: &Path) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let child = Command::new(program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.child = Some(child);
        let deadline = Instant::now() + LIMIT;
        loop {
            // LOADING is no answer to wait for; PONG is.
            if self.ask(&["PING"]).is_ok_and(|answer| answer.starts_with("+PONG")) {
                return Ok(());
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()) {
                self.child = None;
                bail!("Redis ended: {:?}\n{}", status?, self.log());
            }
            ensure!(Instant::now() < deadline, "Redis is not ready within {LIMIT:?}\n{}", self.log());
            thread::sleep(POLL);
        }
    }

    /// Where it is, as onsale is told.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a command and gives the answer as it comes: `+OK`, `:3`, or a bulk string with its length in front.
    ///
    /// Fails where it does not come, or is an error.
    pub fn ask(&self, command: &[&str]) -> anyhow::Result<String> {
        self.ask_within(command, Duration::from_secs(5))
    }

    fn ask_within(&self, command: &[&str], limit: Duration) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(limit))?;
        let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let request: String = std::iter::once(format!("*{}\r\n", command.len())).chain(words).collect();
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while whole(&answer).is_none() {
            let count = stream.read(&mut buffer)?;
            ensure!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..count]);
        }
        let answer = String::from_utf8_lossy(&answer).trim_end().to_owned();
        ensure!(!answer.starts_with('-'), "{command:?}: {answer}");
        Ok(answer)
    }

    /// `kill -9`: it ends between any two instructions.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it is not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts again on the same port and data.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "it is running");
        let program = program().context("Redis is not on this machine any more")?;
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.attempt(&program) {
                Ok(()) => return Ok(()),
                // The port of what was killed is free in a moment.
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(POLL),
            }
        }
    }

    /// SIGSTOP: connections stay open, nothing is answered.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT: it goes on.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    /// What it wrote, the last 8,000 bytes.
    pub fn log(&self) -> String {
        let text = fs::read(self.log_file()).unwrap_or_default();
        let from = text.len().saturating_sub(8_000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("redis.log")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.as_ref().context("it is not running")?.id();
        let kill = format!("kill -{name} {pid}");
        let status = Command::new("sh").arg("-c").arg(&kill).status()?;
        ensure!(status.success(), "{kill}: {status}");
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already; then there is nothing to kill, and its id is not another's before the wait.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A cluster of three nodes without replicas.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, each with a third of the slots.
    pub nodes: Vec<Redis>,
}

/// How many slots a cluster has.
const SLOTS: usize = 16_384;

impl Cluster {
    /// Starts it and waits until all nodes agree; `None` where Redis is not on this machine.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let options = Options { cluster: true, ..Options::default() };
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let Some(node) = Redis::with(&options)? else { return Ok(None) };
            nodes.push(node);
        }
        for (index, node) in nodes.iter().enumerate() {
            let (from, to) = (index * SLOTS / 3, (index + 1) * SLOTS / 3 - 1);
            node.ask(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()])?;
            node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        let cluster = Self { nodes };
        for node in &cluster.nodes[1..] {
            let first = &cluster.nodes[0];
            let bus = first.bus_port().to_string();
            node.ask(&["CLUSTER", "MEET", "127.0.0.1", &first.port.to_string(), &bus])?;
        }
        cluster.wait("the nodes agree", |node| {
            let info = node.ask(&["CLUSTER", "INFO"])?;
            Ok(info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"))
        })?;
        Ok(Some(cluster))
    }

    /// Where it is, as onsale is told.
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    /// Which slot a key is in, and the index of the node that has it.
    pub fn owner_of(&self, key: &str) -> anyhow::Result<(u16, usize)> {
        let slot = self.nodes[0].ask(&["CLUSTER", "KEYSLOT", key])?;
        let slot: u16 = slot.trim_start_matches(':').parse()?;
        for (index, node) in self.nodes.iter().enumerate() {
            // Only its owner answers without sending one elsewhere.
            if node.ask(&["EXISTS", key]).is_ok() {
                return Ok((slot, index));
            }
        }
        bail!("no node has slot {slot}")
    }

    /// Moves a slot with all its keys, as an operator does, and waits until every node knows.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) -> anyhow::Result<()> {
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (source_id, target_id) = (source.id()?, target.id()?);
        let slot = slot.to_string();
        target.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id])?;
        source.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id])?;
        loop {
            let answer = source.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"])?;
            let keys: Vec<&str> = answer.lines().skip(2).step_by(2).collect();
            if keys.is_empty() {
                break;
            }
            let port = target.port.to_string();
            let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            command.extend(keys);
            source.ask(&command)?;
        }
        for node in [target, source] {
            node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id])?;
        }
        Ok(())
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut(&Redis) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        for node in &self.nodes {
            while !is_so(node)? {
                ensure!(Instant::now() < deadline, "{what}: not within {LIMIT:?}\n{}", node.log());
                thread::sleep(POLL);
            }
        }
        Ok(())
    }
}

impl Redis {
    fn id(&self) -> anyhow::Result<String> {
        let answer = self.ask(&["CLUSTER", "MYID"])?;
        answer.lines().nth(1).map(str::to_owned).context("a node does not say its id")
    }

    fn bus_port(&self) -> u16 {
        let mut after = self.arguments.iter().skip_while(|argument| *argument != "--cluster-port").skip(1);
        after.next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }
}

/// How many bytes the answer takes that these begin with; nothing where it has not come whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    let end = match bytes[0] {
        b'$' => usize::try_from(count()?).map_or(line, |length| line + length + 2),
        b'*' => (0..count()?).try_fold(line, |at, _| Some(at + whole(&bytes[at..])?))?,
        _ => line,
    };
    (end <= bytes.len()).then_some(end)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The server's program, where it is on this machine.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::or_passed_over;

    #[test]
    fn answers_is_killed_and_comes_back_with_what_it_accepted() {
        let options = Options { durability: Durability::Always, ..Options::default() };
        let Some(mut server) = or_passed_over(Redis::with(&options), "redis-server") else { return };
        assert_eq!(server.ask(&["SET", "word", "yes"]).unwrap(), "+OK");
        server.kill().unwrap();
        assert!(server.ask(&["PING"]).is_err());
        server.start_again().unwrap();
        assert_eq!(server.ask(&["GET", "word"]).unwrap(), "$3\r\nyes");
        assert!(server.ask(&["GET"]).is_err(), "an error of the server is an error");
    }

    #[test]
    fn dropping_ends_it() {
        let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
        let port = server.port();
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }

    #[test]
    fn a_cluster_agrees_and_gives_a_slot_away() {
        let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
        let (slot, owner) = cluster.owner_of("{x}word").unwrap();
        cluster.nodes[owner].ask(&["SET", "{x}word", "yes"]).unwrap();
        let other = (owner + 1) % 3;
        cluster.move_slot(slot, owner, other).unwrap();
        assert_eq!(cluster.nodes[other].ask(&["GET", "{x}word"]).unwrap(), "$3\r\nyes");
        assert_eq!(cluster.owner_of("{x}word").unwrap(), (slot, other));
    }
}
