//! Deliveries: bringing out what the ledger says is to be brought, once while all is well and at least once whatever
//! happens.
//!
//! Invariants: a delivery is carried by who has claimed it, for less time than the claim lasts; a way along which
//! nothing arrives holds up no other; tries come at growing distances and have an end.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use onsale_domain::{ids::DeliveryId, time::Timestamp};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    App,
    ports::{
        StoreError,
        carriers::{Carrier, Undelivered},
        clock::{Clock, Entropy, Ids},
        ledger::{Delivery, Lane, Lease, Ledger, Settlement},
    },
};

/// How long one attempt may take.
pub const CARRY_WITHIN: Duration = Duration::from_secs(45);

/// How long a claim lasts: an attempt, and noting what came of it, with room for clocks that differ.
pub const LEASE_MS: u64 = 180_000;

/// After the first failure; three times as long after each further one …
pub const FIRST_PAUSE_MS: u64 = 10_000;

/// … up to this.
pub const LONGEST_PAUSE_MS: u64 = 4 * 3_600_000;

/// For how long it is tried.
pub const TRIED_FOR_MS: u64 = 3 * 24 * 3_600_000;

/// How often at most. More than fit into that time, unless a process ends in the middle of every one of them.
pub const MAX_ATTEMPTS: u32 = 60;

/// How many go along one lane at once; one, while nobody is at its end.
const AT_ONCE: u32 = 4;

/// How many lanes are worked off at once.
const LANES_AT_ONCE: usize = 128;

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long what was sent or given up stays to be looked at, and how often it is seen to that it goes then.
const KEPT_FOR_MS: u64 = 30 * 24 * 3_600_000;
const FORGET_EVERY: Duration = Duration::from_mins(10);
const FORGOTTEN_AT_ONCE: u32 = 1_000;
const FORGET_ROUNDS: u32 = 100;

/// How often noting what came of an attempt is tried, and the pause in between: what is not noted is done again.
const SETTLE_TRIES: u32 = 20;
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// The sender: works off the ledger's deliveries.
pub struct Outbox {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ids: Ids,
    mail: Option<Arc<dyn Carrier>>,
    notices: Option<Arc<dyn Carrier>>,
    /// Lanes with nobody at their end, the last time they were tried from here.
    away: Mutex<BTreeSet<Lane>>,
    stopping: watch::Sender<bool>,
}

impl Outbox {
    /// A sender along these ways. Where there is no carrier, what would go along it waits.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        mail: Option<Arc<dyn Carrier>>,
        notices: Option<Arc<dyn Carrier>>,
    ) -> Self {
        Self {
            ledger,
            clock,
            entropy,
            ids: Ids::default(),
            mail,
            notices,
            away: Mutex::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Claims nothing more; what is claimed is still brought out.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Works off whatever is due, until it is stopped and what was under way has come to its end.
    pub async fn run(self: Arc<Self>) {
        let mut lanes = Lanes::default();
        let mut forgot: Option<Instant> = None;
        let mut stopping = self.stopping.subscribe();
        while !self.is_stopping() {
            match self.due_lanes().await {
                Ok(due) => {
                    for lane in due {
                        lanes.begin(&self, lane);
                    }
                }
                Err(error) => tracing::warn!(%error, "what is to be delivered is not known"),
            }
            if forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
                forgot = Some(Instant::now());
                self.forget_old().await;
            }
            // Either ends it; the sender is in `self`.
            let _ = tokio::time::timeout(LOOK_EVERY, stopping.wait_for(|stopping| *stopping)).await;
            lanes.tidy();
        }
        lanes.tasks.join_all().await;
    }

    /// Works off what is due now, and gives how many attempts that were.
    pub async fn work_off_due(&self) -> Result<usize, StoreError> {
        let lanes = self.due_lanes().await?;
        let done = join_all(lanes.into_iter().map(|lane| self.work_off(lane))).await;
        done.into_iter().sum()
    }

    async fn due_lanes(&self) -> Result<Vec<Lane>, StoreError> {
        let due = self.ledger.due_lanes(self.clock.now()).await?;
        Ok(due.into_iter().filter(|lane| self.carrier(*lane).is_some()).collect())
    }

    fn carrier(&self, lane: Lane) -> Option<&Arc<dyn Carrier>> {
        match lane {
            Lane::Mail => self.mail.as_ref(),
            Lane::Endpoint(_) => self.notices.as_ref(),
        }
    }

    /// Works off what is due along a lane, up to the first who says that nobody is there.
    async fn work_off(&self, lane: Lane) -> Result<usize, StoreError> {
        let Some(carrier) = self.carrier(lane) else { return Ok(0) };
        let mut attempts = 0;
        while !self.is_stopping() {
            let at_once = if self.away.lock().contains(&lane) { 1 } else { AT_ONCE };
            let now = self.clock.now();
            let id = self.ids.next(self.clock.as_ref(), self.entropy.as_ref());
            let lease = Lease { id, now, until: now.plus_ms(LEASE_MS) };
            let claimed = self.ledger.claim_deliveries(lane, at_once, lease).await?;
            if claimed.is_empty() {
                break;
            }
            attempts += claimed.len();
            let tried = claimed.iter().map(|delivery| self.attempt(carrier.as_ref(), delivery, id));
            let is_away = join_all(tried).await.contains(&true);
            if is_away {
                self.away.lock().insert(lane);
                break;
            }
            self.away.lock().remove(&lane);
        }
        Ok(attempts)
    }

    /// Tries one, and notes what came of it. Whether nobody was there.
    async fn attempt(&self, carrier: &dyn Carrier, delivery: &Delivery, lease: Uuid) -> bool {
        let outcome = if delivery.attempts > MAX_ATTEMPTS {
            Err(Undelivered::Never("tried too often without an end".into()))
        } else {
            let carried = tokio::time::timeout(CARRY_WITHIN, carrier.carry(delivery)).await;
            carried.unwrap_or_else(|_| {
                Err(Undelivered::Away(format!("no answer within {} s", CARRY_WITHIN.as_secs())))
            })
        };
        let is_away = matches!(outcome, Err(Undelivered::Away(_)));
        let settlement = settlement(delivery, outcome, self.clock.now(), self.entropy.bits());
        report(delivery, &settlement);
        self.settle(delivery.id, lease, &settlement).await;
        is_away
    }

    async fn settle(&self, id: DeliveryId, lease: Uuid, settlement: &Settlement) {
        for tried in 1..=SETTLE_TRIES {
            match self.ledger.settle_delivery(id, lease, settlement).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(delivery = %id, "somebody else has claimed it since");
                    return;
                }
                Err(error) => {
                    tracing::warn!(delivery = %id, %error, tried, "delivered or not, it is not noted");
                }
            }
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }

    async fn forget_old(&self) {
        let before = Timestamp(self.clock.now().as_millis().saturating_sub(KEPT_FOR_MS.cast_signed()));
        for _ in 0..FORGET_ROUNDS {
            match self.ledger.forget_deliveries(before, FORGOTTEN_AT_ONCE).await {
                Ok(forgotten) if forgotten >= u64::from(FORGOTTEN_AT_ONCE) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(%error, "deliveries of long ago stay for now");
                    return;
                }
            }
        }
    }
}

impl App {
    /// A sender of what this ledger says is to be delivered.
    pub fn outbox(&self, mail: Option<Arc<dyn Carrier>>, notices: Option<Arc<dyn Carrier>>) -> Outbox {
        let (ledger, clock) = (Arc::clone(&self.ledger), Arc::clone(&self.clock));
        Outbox::new(ledger, clock, Arc::clone(&self.entropy), mail, notices)
    }
}

/// The lanes that are being worked off.
#[derive(Default)]
struct Lanes {
    tasks: JoinSet<Lane>,
    busy: BTreeSet<Lane>,
}

impl Lanes {
    fn begin(&mut self, outbox: &Arc<Outbox>, lane: Lane) {
        if self.busy.len() >= LANES_AT_ONCE || !self.busy.insert(lane) {
            return;
        }
        let outbox = Arc::clone(outbox);
        self.tasks.spawn(async move {
            if let Err(error) = outbox.work_off(lane).await {
                tracing::warn!(?lane, %error, "deliveries wait");
            }
            lane
        });
    }

    /// Forgets those that have come to their end.
    fn tidy(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            match ended {
                Ok(lane) => {
                    self.busy.remove(&lane);
                }
                Err(error) => tracing::error!(%error, "a lane ended badly"),
            }
        }
        if self.tasks.is_empty() {
            // Also those that ended badly.
            self.busy.clear();
        }
    }
}

/// What is to be noted of an attempt.
fn settlement(
    delivery: &Delivery,
    outcome: Result<(), Undelivered>,
    now: Timestamp,
    chance: u64,
) -> Settlement {
    match outcome {
        Ok(()) => Settlement::Sent { at: now },
        Err(Undelivered::Withdrawn(why)) => Settlement::Withdrawn { at: now, why: bounded(why) },
        Err(Undelivered::Never(error)) => Settlement::Dead { at: now, error: bounded(error) },
        Err(Undelivered::Away(error) | Undelivered::NotNow(error)) => {
            let due_at = now.plus_ms(pause_ms(delivery.attempts, chance));
            if due_at.since_ms(delivery.begun_at) > TRIED_FOR_MS {
                Settlement::Dead { at: now, error: bounded(error) }
            } else {
                Settlement::Later { due_at, error: bounded(error) }
            }
        }
    }
}

/// How long to wait after so many attempts: growing, and up to a quarter longer by chance, so that what failed together
/// does not come back together.
fn pause_ms(attempts: u32, chance: u64) -> u64 {
    let growth = 3_u64.saturating_pow(attempts.saturating_sub(1));
    let pause = FIRST_PAUSE_MS.saturating_mul(growth).min(LONGEST_PAUSE_MS);
    pause + chance % (pause / 4 + 1)
}

/// What others say is kept only up to a length.
fn bounded(text: String) -> String {
    const MOST: usize = 500;
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).collect() }
}

/// The same words with `…` for those that may be somebody's address.
fn without_addresses(text: &str) -> String {
    let words = text.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn report(delivery: &Delivery, settlement: &Settlement) {
    let lane = match delivery.content.lane() {
        Lane::Mail => "mail",
        Lane::Endpoint(_) => "webhook",
    };
    let (id, attempts) = (delivery.id, delivery.attempts);
    // A mail server repeats whom it did not want to take a letter for.
    let outcome = match settlement {
        Settlement::Sent { .. } => {
            tracing::info!(delivery = %id, lane, attempts, "delivered");
            "sent"
        }
        Settlement::Later { error, .. } => {
            tracing::info!(delivery = %id, lane, attempts, error = without_addresses(error), "not delivered, tried again later");
            "later"
        }
        Settlement::Withdrawn { why, .. } => {
            tracing::info!(delivery = %id, lane, attempts, why, "not delivered any more");
            "withdrawn"
        }
        Settlement::Dead { error, .. } => {
            tracing::warn!(delivery = %id, lane, attempts, error = without_addresses(error), "not delivered, given up");
            "dead"
        }
    };
    metrics::counter!("onsale_deliveries_total", "lane" => lane, "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_hours_and_are_never_equal_for_all() {
        let least: Vec<u64> = (1..=9).map(|attempts| pause_ms(attempts, 0) / 1_000).collect();
        assert_eq!(least, [10, 30, 90, 270, 810, 2_430, 7_290, 14_400, 14_400]);
        assert_eq!(pause_ms(1, 2_500), 12_500, "a quarter at most");
        assert!((0..100).all(|chance| pause_ms(1, chance * 977) <= 12_500));
        assert_eq!(pause_ms(u32::MAX, 0), LONGEST_PAUSE_MS);
    }

    #[test]
    fn what_a_mail_server_says_is_logged_without_whom_it_says_it_of() {
        let said = "permanent error (550): 5.1.1 <kim@example.com>: Recipient address rejected";
        assert_eq!(without_addresses(said), "permanent error (550): 5.1.1 … Recipient address rejected");
        assert_eq!(without_addresses("no\r\nkim@example.com"), "no …");
    }

    /// The bound on attempts is beyond the bound on time.
    #[test]
    fn what_is_tried_for_three_days_is_not_tried_too_often() {
        let (mut after_ms, mut attempts) = (0, 0);
        while after_ms <= TRIED_FOR_MS {
            attempts += 1;
            after_ms += pause_ms(attempts, 0);
        }
        assert!((20..MAX_ATTEMPTS).contains(&attempts), "{attempts}");
    }
}
