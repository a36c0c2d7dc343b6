//! A mail server of one's own: `aiosmtpd`, which takes letters, takes them apart with Python's own parser, and fails
//! when told to.
//!
//! Invariants: nothing leaves the machine; what counts as received is what it said yes to, or would have if it had been
//! let; it ends with its handle, or with the test's process, whichever comes first.
//!
//! Where it comes from: `cargo xtask test` installs it from PyPI into a folder `aiosmtpd` beside the build.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The server: a port of the system's choice, a line of JSON for each letter, a line of JSON from its standard input for
/// each thing that is to go wrong, and its end with that of whoever started it.
const PROGRAM: &str = r"
import asyncio, email, email.policy, json, os, socket, sys, threading
from aiosmtpd.smtp import SMTP

faults, say = [], lambda **what: print(json.dumps(what), flush=True)

def taken_apart(envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    plain, html = message.get_body(('plain',)), message.get_body(('html',))
    return dict(
        sender=envelope.mail_from, recipients=envelope.rcpt_tos,
        headers={name.lower(): str(value) for name, value in message.items()},
        names=[name.lower() for name in message.keys()],
        plain=plain and plain.get_content(), html=html and html.get_content(),
        attachments=[dict(name=part.get_filename(), type=part.get_content_type(), hex=part.get_content().hex())
                     for part in message.iter_attachments()])

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if faults and faults[0] == 'later':
            faults.pop(0)
            return '451 4.7.1 come again in a while'
        if faults and faults[0] == 'never':
            faults.pop(0)
            return '550 5.1.1 nobody of that name is here'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        fault = faults.pop(0) if faults else None
        if fault == 'silent':
            say(silent=True)
            await asyncio.sleep(3600)
        say(received=taken_apart(envelope))
        if fault == 'cut':
            server.transport.abort()
            await asyncio.sleep(3600)
        return '250 OK'

async def main():
    loop = asyncio.get_running_loop()
    listening, port = None, 0
    async def listen():
        nonlocal listening, port
        listening = await loop.create_server(lambda: SMTP(Handler(), enable_SMTPUTF8=True), '127.0.0.1', port)
        port = listening.sockets[0].getsockname()[1]
    commands = asyncio.Queue()
    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, json.loads(line))
        os._exit(0)
    await listen()
    say(port=port)
    threading.Thread(target=read, daemon=True).start()
    while True:
        command = await commands.get()
        if 'faults' in command:
            faults[:] = command['faults']
        if 'down' in command and command['down'] != (listening is None):
            if command['down']:
                listening.close()
                listening = None
            else:
                await listen()
        say(done=True)

asyncio.run(main())
";

const LIMIT: Duration = Duration::from_secs(30);

/// What goes wrong with one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// Its recipient is refused for now: 451, as greylisting does.
    Later,
    /// Its recipient is refused for good: 550.
    Never,
    /// The whole letter is taken, and nothing is ever said about it; it counts as not received.
    Silent,
    /// The whole letter is taken and kept, and the connection is cut instead of an answer.
    Cut,
}

impl MailFault {
    fn name(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::Never => "never",
            Self::Silent => "silent",
            Self::Cut => "cut",
        }
    }
}

/// A running mail server; ended when it is dropped.
pub struct MailServer {
    child: Child,
    stdin: Mutex<ChildStdin>,
    port: u16,
    heard: Arc<Mutex<Heard>>,
    done: Mutex<Receiver<()>>,
}

#[derive(Default)]
struct Heard {
    letters: Vec<Value>,
    silences: usize,
}

impl MailServer {
    /// Starts one; `None` where `aiosmtpd` is not installed.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some(python) = super::python_with("aiosmtpd") else { return Ok(None) };
        let mut child = Command::new(&python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let (tell_port, port) = channel();
        let (tell_done, done) = channel();
        let writing = Arc::clone(&heard);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(mut said) = serde_json::from_str::<Value>(&line) else { continue };
                if let Some(port) = said["port"].as_u64() {
                    // Nobody waits any more where the start was given up.
                    let _ = tell_port.send(port);
                } else if said["received"].is_object() {
                    writing.lock().letters.push(said["received"].take());
                } else if said["silent"] == true {
                    writing.lock().silences += 1;
                } else {
                    let _ = tell_done.send(());
                }
            }
        });
        let port = port.recv_timeout(LIMIT);
        let mut server = Self { child, stdin: Mutex::new(stdin), port: 0, heard, done: Mutex::new(done) };
        server.port = u16::try_from(port.context("aiosmtpd does not say where it listens")?)?;
        Ok(Some(server))
    }

    /// Where it listens, on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The settings that lead a program to it, as environment variables.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ONSALE_MAIL__HOST", "127.0.0.1".into()),
            ("ONSALE_MAIL__PORT", self.port.to_string()),
            ("ONSALE_MAIL__TLS", "none".into()),
            ("ONSALE_MAIL__FROM", "Tickets <tickets@example.com>".into()),
            ("ONSALE_MAIL__PUBLIC_URL", "https://tickets.example.com".into()),
        ]
    }

    /// The next letters fail so, one after the other; what was to go wrong before does not.
    pub fn fail_next(&self, faults: &[MailFault]) -> anyhow::Result<()> {
        let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
        self.tell(&json!({ "faults": names }))
    }

    /// Nobody listens, or somebody does again.
    pub fn set_down(&self, down: bool) -> anyhow::Result<()> {
        self.tell(&json!({ "down": down }))
    }

    /// The letters it has taken, taken apart: `sender`, `recipients`, `headers` and their `names`, `plain`, `html`,
    /// `attachments` with `name`, `type` and `hex`. All that it has said yes to by now are among them.
    ///
    /// # Panics
    ///
    /// Where it does not answer any more.
    pub fn letters(&self) -> Vec<Value> {
        self.hear();
        self.heard.lock().letters.clone()
    }

    /// How many letters it has said nothing about.
    ///
    /// # Panics
    ///
    /// Where it does not answer any more.
    pub fn silences(&self) -> usize {
        self.hear();
        self.heard.lock().silences
    }

    /// Waits until it has taken so many letters, and gives them.
    pub async fn wait_for(&self, letters: usize) -> anyhow::Result<Vec<Value>> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let taken = self.letters();
            if taken.len() >= letters {
                return Ok(taken);
            }
            ensure!(Instant::now() < deadline, "{} letters of {letters} after {LIMIT:?}", taken.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until whatever it has said by now has been heard: it says one thing after the other.
    fn hear(&self) {
        if let Err(error) = self.tell(&json!({})) {
            panic!("{error:#}");
        }
    }

    /// Tells it something and waits until it has done so.
    fn tell(&self, what: &Value) -> anyhow::Result<()> {
        let done = self.done.lock();
        writeln!(self.stdin.lock(), "{what}")?;
        done.recv_timeout(LIMIT).context("aiosmtpd does not do as it is told")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
