//! A Stripe of one's own: `localstripe` behind a front that is as strict as Stripe's documentation says, and that fails
//! when told to.
//!
//! Invariants: nothing leaves the machine; the books are those of `localstripe`, the front keeps none; it ends with its
//! handle, or with the test's process, whichever comes first.
//!
//! Where it comes from: `cargo xtask test` installs it from PyPI into a folder `localstripe` beside the build.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::sync::oneshot;

mod calls;
mod faults;
mod front;
mod signing;

use calls::{Answered, Caller};
pub use faults::{Chances, Fault, WebhookFate};
use front::Front;
pub use signing::signature;

/// What its webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_for_tests_only";

/// A key that it takes.
pub const SECRET_KEY: &str = "sk_test_for_tests_only";

/// A card that pays, under the name that Stripe's documentation gives it.
pub const GOOD_CARD: &str = "pm_card_visa";

/// A card that is declined when it is charged.
pub const DECLINED_CARD: &str = "pm_card_chargeCustomerFail";

/// The number of a card whose bank asks its owner.
const ASKING_CARD: &str = "4000002500003155";

/// The number of a card that pays.
const PAYING_CARD: &str = "4242424242424242";

/// The server: no file of its own, a port of the system's choice, and its end with that of whoever started it.
const PROGRAM: &str = "
import os, socket, sys, threading
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
sock = socket.socket()
sock.bind(('127.0.0.1', 0))
print(sock.getsockname()[1], flush=True)
web.run_app(server.app, sock=sock, print=None, access_log=None)
";

const LIMIT: Duration = Duration::from_secs(30);

/// A running Stripe; ended when it is dropped.
pub struct StripeMock {
    child: Child,
    front: Arc<Front>,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    caller: Caller,
}

impl StripeMock {
    /// Starts one; `None` where `localstripe` is not installed.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(python) = super::python_with("localstripe") else { return Ok(None) };
        let mut child = Command::new(&python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let first_line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let started = async {
            let port: u16 =
                tokio::time::timeout(LIMIT, first_line).await??.context("localstripe")?.trim().parse()?;
            let books = format!("http://127.0.0.1:{port}");
            let caller = Caller::new(books.clone());
            wait_until_answered(&caller).await?;
            let front = Arc::new(Front::new(Caller::new(books)));
            let (address, stop) = serve_apart(Arc::clone(&front))?;
            let registered = caller
                .post_json(
                    "/_config/webhooks/front",
                    &json!({"url": format!("{address}{}", front::DELIVERIES), "secret": WEBHOOK_SECRET}),
                )
                .await?;
            ensure!(registered.status == 200, "webhooks: {registered:?}");
            anyhow::Ok((caller, front, address, stop))
        };
        match started.await {
            Ok((caller, front, address, stop)) => {
                Ok(Some(Self { child, front, address, stop: Some(stop), caller }))
            }
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Where to call it.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// Where webhooks go from now on.
    pub fn deliver_to(&self, url: &str) {
        self.front.faults.deliver_to(url);
    }

    /// The next calls of a kind fail so, one after the other: `create`, `confirm`, `cancel`, `refund`, `read`.
    pub fn fail_next(&self, kind: &'static str, faults: &[Fault]) {
        self.front.faults.fail_next(kind, faults);
    }

    /// What was to go wrong with the next calls does not.
    pub fn forget_faults(&self) {
        self.front.faults.forget();
    }

    /// Calls and webhooks fail by chance, from a seed; `None` ends it.
    pub fn fail_by_chance(&self, chances: Option<(Chances, u64)>) {
        self.front.faults.fail_by_chance(chances);
    }

    /// Nobody answers, or somebody does again.
    pub fn set_down(&self, down: bool) {
        self.front.faults.set_down(down);
    }

    /// What becomes of webhooks from now on.
    pub fn webhooks(&self, fate: WebhookFate) {
        self.front.faults.set_webhooks(fate);
    }

    /// Delivers what was kept back, the last first.
    pub async fn release_webhooks(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        for body in self.front.faults.kept().into_iter().rev() {
            statuses.push(self.front.deliver(&body).await.unwrap_or(0));
        }
        statuses
    }

    /// The statuses that deliveries were answered with, in order; 0: no answer.
    pub fn delivered(&self) -> Vec<u16> {
        self.front.faults.delivered()
    }

    /// Webhooks that have been sent and are kept back.
    pub fn kept(&self) -> usize {
        self.front.faults.count_kept()
    }

    /// How many calls of a kind reached the front, lost ones included.
    pub fn calls(&self, kind: &str) -> u64 {
        self.front.faults.calls(kind)
    }

    /// What a client did that Stripe documents as wrong: calls that change something without a key, keys used for
    /// something else.
    pub fn misuses(&self) -> Vec<String> {
        self.front.misuses()
    }

    /// All PaymentIntents there are, by the books.
    pub async fn intents(&self) -> anyhow::Result<Vec<Value>> {
        self.list("/v1/payment_intents").await
    }

    /// All refunds there are, by the books.
    pub async fn refunds(&self) -> anyhow::Result<Vec<Value>> {
        self.list("/v1/refunds").await
    }

    async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.caller.list(path).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.json()["data"].as_array().cloned().unwrap_or_default())
    }

    /// What is left at the seller of each order's money: captured less given back, in minor units.
    pub async fn balances(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        let refunds = self.refunds().await?;
        let mut balances = BTreeMap::new();
        for intent in self.intents().await? {
            let order = intent["metadata"]["order_id"].as_str().unwrap_or_default().to_owned();
            let captured =
                if intent["status"] == "succeeded" { intent["amount"].as_i64().unwrap_or(0) } else { 0 };
            let back: i64 = refunds
                .iter()
                .filter(|refund| refund["payment_intent"] == intent["id"])
                .filter_map(|refund| refund["amount"].as_i64())
                .sum();
            *balances.entry(order).or_insert(0) += captured - back;
        }
        Ok(balances)
    }

    /// The name of a card whose bank asks its owner before it pays.
    pub async fn card_that_asks(&self) -> anyhow::Result<String> {
        self.card(ASKING_CARD).await
    }

    async fn card(&self, number: &str) -> anyhow::Result<String> {
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2030"),
            ("card[cvc]", "123"),
        ];
        let made = self.caller.post("/v1/payment_methods", &card).await?;
        ensure!(made.status == 200, "{made:?}");
        Ok(made.json()["id"].as_str().unwrap_or_default().to_owned())
    }

    /// What Stripe's script in the browser does when a buyer who has a client secret pays with a good card.
    pub async fn buyer_pays(&self, client_secret: &str) -> anyhow::Result<Value> {
        let intent = intent_of(client_secret);
        let card = self.card(PAYING_CARD).await?;
        let confirmed = self.front.confirm_as_buyer(intent, &card).await?;
        ensure!(confirmed.status == 200, "{confirmed:?}");
        Ok(confirmed.json())
    }

    /// What it does when the buyer has answered their bank, as they should or not.
    pub async fn buyer_answers_bank(
        &self,
        client_secret: &str,
        as_they_should: bool,
    ) -> anyhow::Result<Value> {
        let path = format!("/v1/payment_intents/{}/_authenticate", intent_of(client_secret));
        let success = if as_they_should { "true" } else { "false" };
        let parameters = [("client_secret", client_secret), ("success", success)];
        let answered = self.caller.post(&path, &parameters).await?;
        ensure!(answered.status == 200, "{answered:?}");
        Ok(answered.json())
    }
}

fn intent_of(client_secret: &str) -> &str {
    client_secret.split("_secret_").next().unwrap_or_default()
}

impl Drop for StripeMock {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Serves the front in a thread of its own, so that a test that blocks keeps nobody waiting.
fn serve_apart(front: Arc<Front>) -> anyhow::Result<(String, oneshot::Sender<()>)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    thread::Builder::new().name("stripe".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = front::serve(listener, front) => {}
                // Dropped or told: either ends it.
                _ = stopped => {}
            }
        });
    })?;
    Ok((address, stop))
}

async fn wait_until_answered(caller: &Caller) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        match caller.get("/v1/refunds").await {
            Ok(Answered { status: 200, .. }) => return Ok(()),
            answered if tokio::time::Instant::now() >= deadline => {
                anyhow::bail!("localstripe does not answer: {answered:?}")
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
