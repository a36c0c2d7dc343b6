//! A release build of onsale with empty stores, an organizer and an event: where benchmarks begin.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use hyper::StatusCode;
use hyper::http::HeaderValue;
use serde_json::{Value, json};

use super::api::{Api, bearer, text};
use super::server::Server;
use crate::workspace::Workspace;

const EMAIL: &str = "organizer@example.com";
/// Of an account that lives as long as the benchmark, on a server that listens on this machine only.
const PASSWORD: &str = "only-for-this-measurement";
const DAYS_UNTIL_IT_STARTS: i64 = 30;

/// The settings that lead onsale to stores outside its folder; none where it is embedded.
pub(crate) type Stores = Vec<(&'static str, String)>;

/// The server and what was set up on it.
pub(crate) struct Stage {
    binary: PathBuf,
    /// Holds the stores (`NAME/`) and the logs.
    folder: PathBuf,
    name: &'static str,
    stores: Stores,
    pub(crate) server: Server,
    pub(crate) organizer: Api,
    event: String,
}

impl Stage {
    /// Empties the folder `NAME` below `folder`, starts onsale in it and makes an organizer and an event.
    pub(crate) async fn set(
        workspace: &Workspace,
        folder: &Path,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        Self::set_on(Stores::new(), workspace, folder, name).await
    }

    /// The same on stores that are somewhere else, and empty.
    pub(crate) async fn set_on(
        stores: Stores,
        workspace: &Workspace,
        folder: &Path,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        let data = folder.join(name);
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
        }
        fs::create_dir_all(&data)?;
        let binary = workspace.release_binary("onsale");
        let server = Server::start(onsale(&binary, &data, &stores).arg("serve"), folder, name)?;
        let create = ["account", "create", "--email", EMAIL, "--role", "organizer", "--password-stdin"];
        output(onsale(&binary, &data, &stores).args(create), PASSWORD)?;
        let mut organizer = Api::open(server.address).await?;
        organizer.log_in(EMAIL, PASSWORD).await?;
        let settings = json!({"hold_ttl_s": 3600, "max_seats_per_buyer": 50});
        let event = json!({"title": "A measured evening", "settings": settings});
        let event = organizer.post("/events", &event, StatusCode::CREATED).await?;
        let event = text(&event, "id")?.to_owned();
        Ok(Self { binary, folder: folder.to_owned(), name, stores, server, organizer, event })
    }

    /// Stops onsale and starts it again on the same stores.
    pub(crate) async fn restart(self) -> anyhow::Result<Self> {
        let Self { binary, folder, name, stores, server, organizer, event } = self;
        drop(organizer);
        server.stop()?;
        let server = Server::start(onsale(&binary, &folder.join(name), &stores).arg("serve"), &folder, name)?;
        let mut organizer = Api::open(server.address).await?;
        organizer.log_in(EMAIL, PASSWORD).await?;
        Ok(Self { binary, folder, name, stores, server, organizer, event })
    }

    /// Makes a performance that is on sale at once, on a plan as the interface takes it; returns its id.
    pub(crate) async fn create_performance(&mut self, plan: Value) -> anyhow::Result<String> {
        self.create(json!({"plan": plan})).await
    }

    /// Makes a performance that is on sale at once, with one area and no seats; returns its id.
    pub(crate) async fn create_area(&mut self, capacity: usize) -> anyhow::Result<String> {
        self.create(pit(capacity)).await
    }

    /// Makes an event with a waiting room that is open, and nothing on sale; returns its id.
    pub(crate) async fn create_waiting_room(&mut self) -> anyhow::Result<String> {
        self.create_event(&json!({"waiting_room": {"mode": "on"}})).await
    }

    /// Makes an event with these settings, and nothing on sale; returns its id.
    pub(crate) async fn create_event(&mut self, settings: &Value) -> anyhow::Result<String> {
        let event = json!({"title": "A measured line", "settings": settings});
        let event = self.organizer.post("/events", &event, StatusCode::CREATED).await?;
        Ok(text(&event, "id")?.to_owned())
    }

    /// Makes a performance of an event, on sale at once, with one area and no seats; returns its id.
    pub(crate) async fn create_area_of(&mut self, event: &str, capacity: usize) -> anyhow::Result<String> {
        create_performance(&mut self.organizer, event, pit(capacity)).await
    }

    async fn create(&mut self, body: Value) -> anyhow::Result<String> {
        create_performance(&mut self.organizer, &self.event, body).await
    }

    /// Logs the organizer in again, since an access token ends after a quarter of an hour; returns the new one.
    pub(crate) async fn log_in_again(&mut self) -> anyhow::Result<HeaderValue> {
        self.organizer.log_in(EMAIL, PASSWORD).await
    }

    /// Whether the books in the ledger agree, as `onsale verify ledger` finds; with what it prints.
    pub(crate) fn verify_ledger(&self) -> anyhow::Result<(bool, String)> {
        let mut command = onsale(&self.binary, &self.folder.join(self.name), &self.stores);
        let output = command.args(["verify", "ledger"]).stdin(Stdio::null()).output()?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Makes a performance of an event, on sale at once, with so many seats in rows and one area; returns its id.
    pub(crate) async fn create_hall_of(
        &mut self,
        event: &str,
        rows: usize,
        columns: usize,
        capacity: usize,
    ) -> anyhow::Result<String> {
        let mut hall = pit(capacity);
        hall["plan"] = json!({"rows": rows, "columns": columns});
        hall["prices"] = json!({"standard": {"amount": 2_000, "currency": "KRW"}});
        create_performance(&mut self.organizer, event, hall).await
    }

    /// The access tokens of so many buyers, as header values.
    pub(crate) fn buyers(&self, count: usize) -> anyhow::Result<Vec<HeaderValue>> {
        let mut command = onsale(&self.binary, &self.folder.join(self.name), &self.stores);
        let lines = output(command.args(["token", "--count", &count.to_string()]), "")?;
        let tokens = lines.lines().filter(|line| line.starts_with('{')).map(|line| {
            let buyer: Value = serde_json::from_str(line)?;
            bearer(text(&buyer, "access_token")?)
        });
        let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(tokens.len() == count, "onsale token printed {} instead of {count}", tokens.len());
        Ok(tokens)
    }
}

/// One area and no seats.
fn pit(capacity: usize) -> Value {
    let price = json!({"amount": 1_000, "currency": "KRW"});
    json!({"areas": [{"label": "Pit", "capacity": capacity, "price": price}]})
}

async fn create_performance(organizer: &mut Api, event: &str, mut body: Value) -> anyhow::Result<String> {
    let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * DAYS_UNTIL_IT_STARTS);
    body["starts_at"] = starts_at.to_string().into();
    let path = format!("/events/{event}/performances");
    let performance = organizer.post(&path, &body, StatusCode::CREATED).await?;
    Ok(text(&performance, "id")?.to_owned())
}

/// onsale in the folder `data`, on these stores, on a free port, without limits on how often somebody may ask unless
/// the settings say otherwise; nothing else is changed, and nothing from the surroundings.
fn onsale(binary: &Path, data: &Path, stores: &Stores) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONSALE_") {
            command.env_remove(name);
        }
    }
    command
        .env("ONSALE_DATA_DIR", data)
        .env("ONSALE_LISTEN", "127.0.0.1:0")
        .env("ONSALE_LIMITS__ENABLED", "false")
        .envs(stores.iter().map(|(name, value)| (name, value)));
    // Where no settings file lies about.
    command.current_dir(data);
    command
}

/// Runs a command to its end and returns what it printed.
fn output(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start onsale")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input may have closed it.
        let _ = writeln!(stdin, "{input}");
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).context("onsale printed something else than text")
}
