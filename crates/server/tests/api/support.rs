//! Where tests begin: a program on data of its own, people, and something on sale.
//!
//! Invariant: what is made here goes through the interface or the command line, never past them.

use std::{
    fs,
    io::{Read as _, Seek as _},
    ops::Deref,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use onsale_testkit::{
    process::{Installation, Running},
    servers::{Stores, or_passed_over},
};
use rand::RngExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::calls::{Answer, Api, Call};

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_onsale");

/// As it is without being told.
pub(crate) const WITH_LIMITS: (&str, &str) = ("ONSALE_LIMITS__ENABLED", "true");

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running program.
pub(crate) struct Onsale {
    pub(crate) installation: Installation,
    running: Option<Running>,
    api: Api,
    /// Ended after the program that runs on them.
    pub(crate) stores: Stores,
}

impl Deref for Onsale {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Onsale {
    /// With defaults, except that no simulated payment is declined by chance.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With settings, given as environment variables.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Stores::asked_for(), settings)
    }

    /// On stores of the test's choice.
    pub(crate) fn on(stores: Stores, settings: &[(&str, &str)]) -> Self {
        let mut installation = Installation::new(BINARY).unwrap();
        installation.set("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0");
        // A few people at one address do in a second what thousands do in an hour.
        installation.set("ONSALE_LIMITS__ENABLED", "false");
        for (name, value) in stores.settings() {
            installation.set(name, &value);
        }
        for (name, value) in settings {
            installation.set(name, value);
        }
        let running = installation.start().unwrap();
        let api = Api::at(running.url());
        Self { installation, running: Some(running), api, stores }
    }

    /// The process, to be ended by whoever takes it.
    pub(crate) fn take_process(&mut self) -> Running {
        self.running.take().unwrap()
    }

    /// The id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().pid()
    }

    /// Starts again on the same data, after the process has ended.
    pub(crate) fn start_again(&mut self) {
        let running = self.installation.start().unwrap();
        self.api = Api::at(running.url());
        self.running = Some(running);
    }

    /// What it signs tokens with: what the stores' settings say, or what it has made for itself.
    pub(crate) fn secret(&self) -> String {
        let set = self.stores.settings().into_iter().find(|(name, _)| *name == "ONSALE_SECRET");
        set.map_or_else(
            || std::fs::read_to_string(self.installation.data_dir().join("secret")).unwrap(),
            |(_, secret)| secret,
        )
    }

    /// Makes the stock forget everything. The process must have ended.
    pub(crate) fn lose_the_stock(&mut self) {
        match self.stores.redis() {
            Some(redis) => drop(redis.ask(&["FLUSHALL"]).unwrap()),
            None => std::fs::remove_file(self.installation.data_dir().join("journal.db")).unwrap(),
        }
    }

    /// What the process has said on standard error.
    pub(crate) fn log(&self) -> String {
        self.running.as_ref().map_or_else(String::new, Running::stderr)
    }

    /// All that it has said there.
    pub(crate) fn whole_log(&self) -> String {
        self.running.as_ref().unwrap().all_of_stderr().unwrap()
    }

    /// Runs a command on the same settings; gives the lines of its output as JSON.
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> Vec<Value> {
        let output = self.installation.run(arguments, input).unwrap();
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Tokens of so many different guests.
    pub(crate) fn guests(&self, count: usize) -> Vec<String> {
        let lines = self.command(&["token", "--count", &count.to_string()], "");
        lines.iter().map(|line| text(&line["access_token"])).collect()
    }

    /// The token of a new guest.
    pub(crate) async fn guest(&self) -> String {
        text(&self.call("POST", "/auth/guest").await.ok(201)["access_token"])
    }

    /// Signs somebody up and logs them in; gives their access token.
    pub(crate) async fn sign_up(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD, "name": "Kim"});
        self.post("/auth/signup", &body).await.ok(201);
        text(&self.log_in(email).await["access_token"])
    }

    /// Makes an account with a role on the command line and logs in; gives the access token.
    pub(crate) async fn account(&self, email: &str, role: &str) -> String {
        self.command(&["account", "create", "--email", email, "--role", role, "--password-stdin"], PASSWORD);
        text(&self.log_in(email).await["access_token"])
    }

    pub(crate) async fn log_in(&self, email: &str) -> Value {
        self.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await.ok(200)
    }

    pub(crate) async fn organizer(&self) -> String {
        self.account("organizer@example.com", "organizer").await
    }

    /// An event of an organizer's; gives its id.
    pub(crate) async fn event(&self, organizer: &str, settings: &Value) -> String {
        let body = json!({"title": "A winter's tale", "settings": settings});
        text(&self.post("/events", &body).by(organizer).await.ok(201)["id"])
    }

    /// A performance of an event; gives its id.
    pub(crate) async fn performance(&self, organizer: &str, event: &str, body: &Value) -> String {
        let path = format!("/events/{event}/performances");
        text(&self.post(&path, body).by(organizer).await.ok(201)["id"])
    }
}

/// What a performance of a plain rectangle takes; every seat costs 1,000 won.
pub(crate) fn grid(rows: u32, columns: u32) -> Value {
    json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"rows": rows, "columns": columns},
        "prices": {"standard": won(1_000)}})
}

pub(crate) fn won(amount: i64) -> Value {
    json!({"amount": amount, "currency": "KRW"})
}

/// What confirming takes.
pub(crate) fn payment(method: &str) -> Value {
    json!({"payment": {"method": method}, "buyer": {"name": "Kim Min-ji", "email": "kim@example.com"}})
}

/// One performance on sale.
pub(crate) struct Stage {
    pub(crate) onsale: Onsale,
    pub(crate) organizer: String,
    pub(crate) event: String,
    pub(crate) performance: String,
}

impl Deref for Stage {
    type Target = Onsale;

    fn deref(&self) -> &Onsale {
        &self.onsale
    }
}

impl Stage {
    /// So many rows and columns, under the default settings.
    pub(crate) async fn seats(rows: u32, columns: u32) -> Self {
        Self::with(&json!({}), &grid(rows, columns)).await
    }

    /// An event with these settings and a performance of this form.
    pub(crate) async fn with(settings: &Value, performance: &Value) -> Self {
        Self::on(Onsale::start(), settings, performance).await
    }

    /// The same, on a program that runs.
    pub(crate) async fn on(onsale: Onsale, settings: &Value, performance: &Value) -> Self {
        let organizer = onsale.organizer().await;
        let event = onsale.event(&organizer, settings).await;
        let performance = onsale.performance(&organizer, &event, performance).await;
        Self { onsale, organizer, event, performance }
    }

    /// The address of something of the performance.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/performances/{}{rest}", self.performance)
    }

    pub(crate) fn holding(&self, buyer: &str, body: &Value) -> Call {
        self.post(&self.path("/reservations"), body).by(buyer)
    }

    pub(crate) fn holding_seats(&self, buyer: &str, seats: &[u32]) -> Call {
        self.holding(buyer, &json!({"seat_ids": seats}))
    }

    /// Holds seats; gives the reservation.
    pub(crate) async fn hold(&self, buyer: &str, seats: &[u32]) -> Value {
        self.holding_seats(buyer, seats).await.ok(201)
    }

    pub(crate) fn confirming(&self, buyer: &str, reservation: &Value, method: &str) -> Call {
        let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
        self.post(&path, &payment(method)).by(buyer)
    }

    /// Holds seats and pays; gives the order.
    pub(crate) async fn buy(&self, buyer: &str, seats: &[u32]) -> Value {
        let reservation = self.hold(buyer, seats).await;
        self.confirming(buyer, &reservation, "simulated").await.ok(201)
    }

    pub(crate) async fn cancel(&self, buyer: &str, reservation: &Value) -> Answer {
        self.delete(&format!("/reservations/{}", text(&reservation["id"]))).by(buyer).await
    }

    /// The reservation as its owner sees it now.
    pub(crate) async fn reservation(&self, buyer: &str, reservation: &Value) -> Value {
        self.get(&format!("/reservations/{}", text(&reservation["id"]))).by(buyer).await.ok(200)
    }

    /// The state of one seat.
    pub(crate) async fn state_of(&self, seat: u32) -> String {
        text(&self.get(&self.path(&format!("/seats/{seat}"))).await.ok(200)["status"])
    }

    /// Available, held, paying, sold, blocked; they have to add up.
    pub(crate) async fn counts(&self) -> [u64; 5] {
        self.counts_of(&self.performance).await
    }

    /// The same of another performance.
    pub(crate) async fn counts_of(&self, performance: &str) -> [u64; 5] {
        let path = format!("/performances/{performance}/stats");
        let stats = self.get(&path).by(&self.organizer).await.ok(200);
        let counts =
            ["available", "held", "paying", "sold", "blocked"].map(|state| stats[state].as_u64().unwrap());
        assert_eq!(stats["drift"], 0, "{stats}");
        assert_eq!(counts.iter().sum::<u64>(), stats["capacity"].as_u64().unwrap(), "{stats}");
        counts
    }
}

/// A wall clock that a program is given instead of the machine's: Debian's libfaketime, in the form for programs with threads.
pub(crate) struct FakedClock {
    library: PathBuf,
    offset: PathBuf,
    _folder: TempDir,
}

impl FakedClock {
    /// So far from the right time, such as `+3600` seconds or `-3d`; `None` where the machine has no such thing and need not.
    pub(crate) fn at(offset: &str) -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let places = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library = or_passed_over(Ok(places.into_iter().find(|place| place.exists())), "faketime")?;
        let folder = TempDir::new().unwrap();
        let clock = Self { library, offset: folder.path().join("offset"), _folder: folder };
        clock.set(offset);
        Some(clock)
    }

    /// Steps it, also for a program that runs.
    pub(crate) fn set(&self, offset: &str) {
        fs::write(&self.offset, format!("{offset}\n")).unwrap();
    }

    /// What a program has to be started with.
    pub(crate) fn settings(&self) -> [(&str, &str); 3] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.offset.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
        ]
    }
}

/// A string of a document.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// Checks that a document has these members; more of them are the server's right.
#[track_caller]
pub(crate) fn has(document: &Value, members: &[&str]) {
    let object = document.as_object().unwrap_or_else(|| panic!("{document} is no object"));
    for member in members {
        assert!(object.contains_key(*member), "{member} is missing in {document}");
    }
}

/// The ids of a list's items.
#[track_caller]
pub(crate) fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

/// The ids of seats in a reservation or an order.
#[track_caller]
pub(crate) fn seat_ids(document: &Value) -> Vec<u32> {
    let seats = document["seats"].as_array().unwrap();
    seats.iter().map(|seat| u32::try_from(seat["id"].as_u64().unwrap()).unwrap()).collect()
}

/// A list to its end.
pub(crate) async fn whole_list(api: &Api, path: &str, token: &str) -> Vec<Value> {
    let (mut items, mut query) = (Vec::new(), "limit=200".to_owned());
    loop {
        let page = api.get(&format!("{path}?{query}")).by(token).await.ok(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { return items };
        query = format!("limit=200&cursor={cursor}");
    }
}

/// Asks until what was asked for is there; `Err` says what was there instead.
pub(crate) async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => return (found, begun.elapsed()),
            Err(instead) => assert!(begun.elapsed() < within, "{what} not within {within:?}: {instead}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs a program to its end; gives how that was, and all it said.
pub(crate) async fn run_within(command: &mut Command, within: Duration) -> (ExitStatus, String) {
    let mut said = tempfile::tempfile().unwrap();
    let [out, errors] = [said.try_clone().unwrap(), said.try_clone().unwrap()];
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut text = String::new();
    said.rewind().unwrap();
    said.read_to_string(&mut text).unwrap();
    (status.unwrap_or_else(|| panic!("not through within {within:?}: {text}")), text)
}

/// A seed that was printed by a run that failed, or a new one.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    given.unwrap_or_else(|| rand::rng().random_range(0..1_000_000))
}
