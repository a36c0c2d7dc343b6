//! How often somebody may do what is cheap for them and dear for others.
//!
//! Every limit has a share for each network address and some have one for each buyer; they are as generous as people
//! need who sit behind one address with thousands of others, as those of a mobile network do. Several processes tell
//! each other a few times a second what was used of the shares that are used much; so somebody who asks all of them gets
//! a little more than a share, not one from each.
//!
//! Invariants: what is refused says when to come again; nobody is kept out of an account by others who guess at its
//! password; what is counted is bounded.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use metrics::Counter;
use onsale_app::{
    errors::{AppError, Reason},
    ports::limits::{Shares, Spending},
};
use onsale_domain::ids::AccountId;
use parking_lot::Mutex;
use serde_json::json;
use sha2::{Digest, Sha256};

mod buckets;

use buckets::{Buckets, Key, Rate, Taken, Untold};

use crate::{queue_tokens::subscriber, seal::derive};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    SignUp,
    LogIn,
    Guest,
    Join,
    Hold,
    Confirm,
}

/// What a limit grants.
struct Policy {
    name: &'static str,
    per_address: Rate,
    per_buyer: Option<Rate>,
}

const fn rate(at_once: u32, per_second: f64) -> Rate {
    Rate { at_once, per_second }
}

/// In the order of [`Limit`]. Behind one address may be an office, or many thousands of phones.
const POLICIES: [Policy; 6] = [
    Policy { name: "signup", per_address: rate(300, 2.0), per_buyer: None },
    Policy { name: "login", per_address: rate(300, 5.0), per_buyer: None },
    Policy { name: "guest", per_address: rate(2_000, 50.0), per_buyer: None },
    // Joining again gives the same place, so that a buyer needs no share of their own.
    Policy { name: "join", per_address: rate(300, 5.0), per_buyer: None },
    Policy { name: "hold", per_address: rate(2_000, 200.0), per_buyer: Some(rate(300, 10.0)) },
    Policy { name: "confirm", per_address: rate(1_000, 100.0), per_buyer: Some(rate(300, 5.0)) },
];

/// Wrong passwords for one account from one address.
const GUESSES: Rate = rate(10, 1.0 / 30.0);

/// Wrong passwords for one account from anywhere. Whoever has logged in from an address before may go on from there.
const GUESSES_FROM_ANYWHERE: Rate = rate(50, 1.0 / 60.0);

/// How often processes tell each other.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// How much they tell at once.
const TOLD_AT_ONCE: usize = 1_024;

/// How long telling may take.
const TELL_WITHIN: Duration = Duration::from_secs(2);

/// The kinds of shares, the first byte of their keys; a limit's number comes on top.
const OF_ADDRESS: u8 = 0;
const OF_BUYER: u8 = 16;
const OF_GUESSES: u8 = 32;
const OF_GUESSES_FROM_ANYWHERE: u8 = 33;

/// Counts who does what how often.
pub(crate) struct Limits {
    is_enabled: bool,
    exempt: Vec<IpNet>,
    buckets: Mutex<Buckets>,
    /// So that neither a store nor a log knows whose a share is.
    secret: [u8; 32],
    refused: [Counter; POLICIES.len()],
}

/// Somebody who tries to log in.
pub(crate) struct Guess {
    /// What was taken for it.
    taken: [Option<Key>; 2],
    /// Names the address towards the ledger.
    pub(crate) address: [u8; 16],
    /// Too many have guessed from elsewhere: only who has logged in from this address before may.
    pub(crate) only_if_known: bool,
}

impl Limits {
    /// `shares`: other processes take from the same.
    pub(crate) fn new(is_enabled: bool, exempt: Vec<IpNet>, secret: &[u8], is_shared: bool) -> Self {
        let counter = |policy: Policy| metrics::counter!("onsale_rate_limited_total", "limit" => policy.name);
        Self {
            is_enabled,
            exempt,
            buckets: Mutex::new(Buckets::new(Instant::now(), is_shared)),
            secret: derive(secret, "onsale:limits"),
            refused: POLICIES.map(counter),
        }
    }

    /// Takes one from the share of an address and, where there is one, of a buyer.
    pub(crate) fn take(
        &self,
        limit: Limit,
        address: IpAddr,
        buyer: Option<AccountId>,
    ) -> Result<(), AppError> {
        if !self.is_enabled {
            return Ok(());
        }
        let now = Instant::now();
        let policy = &POLICIES[limit as usize];
        let mut buckets = self.buckets.lock();
        let buyers = buyer
            .zip(policy.per_buyer)
            .map(|(buyer, rate)| (key(OF_BUYER + limit as u8, buyer.0.as_bytes()), rate));
        if let Some((key, rate)) = buyers
            && let Taken::Refused(wait) = buckets.take(key, rate, now)
        {
            return Err(self.refusal(limit, rate, wait, "too often; wait a little"));
        }
        if self.is_exempt(address) {
            return Ok(());
        }
        let key = key(OF_ADDRESS + limit as u8, &subscriber(address));
        if let Taken::Refused(wait) = buckets.take(key, policy.per_address, now) {
            // What was not done does not count for the buyer.
            if let Some((key, rate)) = buyers {
                buckets.put_back(key, rate);
            }
            let words = "too many requests of this kind from this network address; wait a little";
            return Err(self.refusal(limit, policy.per_address, wait, words));
        }
        Ok(())
    }

    /// Counts an attempt to log in as a wrong one, until [`Limits::was_right`] says otherwise: of many at once each counts
    /// before any is answered.
    pub(crate) fn guess(&self, email: &str, address: IpAddr) -> Result<Guess, AppError> {
        let (now, name) = (Instant::now(), self.digest(email.trim().to_lowercase().as_bytes(), &[]));
        let pair = self.digest(&name, &subscriber(address));
        if !self.is_enabled {
            return Ok(Guess { taken: [None, None], address: pair, only_if_known: false });
        }
        let mut buckets = self.buckets.lock();
        let here = key(OF_GUESSES, &pair);
        if let Taken::Refused(wait) = buckets.take(here, GUESSES, now) {
            let words = "too many wrong passwords for this account from this network address";
            return Err(self.refusal(Limit::LogIn, GUESSES, wait, words));
        }
        let anywhere = key(OF_GUESSES_FROM_ANYWHERE, &name);
        let is_quiet = buckets.take(anywhere, GUESSES_FROM_ANYWHERE, now) == Taken::Granted;
        let taken = [Some(here), is_quiet.then_some(anywhere)];
        Ok(Guess { taken, address: pair, only_if_known: !is_quiet })
    }

    /// The refusal of somebody who is not known to log in from where they are, while many guess.
    pub(crate) fn refuse_stranger(&self) -> AppError {
        let words =
            "too many wrong passwords for this account; log in from where you have logged in before, or wait";
        self.refusal(Limit::LogIn, GUESSES_FROM_ANYWHERE, GUESSES_FROM_ANYWHERE.interval(), words)
    }

    /// The password was right, or was not looked at.
    pub(crate) fn was_right(&self, guess: &Guess) {
        let mut buckets = self.buckets.lock();
        for (taken, rate) in guess.taken.iter().zip([GUESSES, GUESSES_FROM_ANYWHERE]) {
            if let Some(key) = taken {
                buckets.put_back(*key, rate);
            }
        }
    }

    /// Whether an address has limits.
    pub(crate) fn is_limited(&self, address: IpAddr) -> bool {
        self.is_enabled && !self.is_exempt(address)
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.exempt.iter().any(|net| net.contains(&address))
    }

    fn refusal(&self, limit: Limit, rate: Rate, wait: Duration, words: &str) -> AppError {
        self.refused[limit as usize].increment(1);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let policy = json!({"name": POLICIES[limit as usize].name, "quota": rate.at_once,
            "window_s": rate.window().as_secs().max(1)});
        AppError::refused(Reason::RateLimited, words)
            .with("retry_after_ms", wait_ms.into())
            .with("rate_limit", policy)
    }

    fn digest(&self, one: &[u8], other: &[u8]) -> [u8; 16] {
        let digest = Sha256::new().chain_update(self.secret).chain_update(one).chain_update(other).finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        short
    }

    /// Tells the other processes what was used here, and hears what they used, until it is dropped.
    pub(crate) async fn share(&self, shares: Arc<dyn Shares>) {
        let mut ticks = tokio::time::interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let untold = self.buckets.lock().untold(TOLD_AT_ONCE);
            if untold.is_empty() {
                continue;
            }
            let spending = |taken: &Untold| {
                let share = self.digest(&taken.key, &[]);
                Spending { share, debt_us: taken.debt_us, most_us: taken.most_us }
            };
            let spendings: Vec<Spending> = untold.iter().map(spending).collect();
            let told = tokio::time::timeout(TELL_WITHIN, shares.spend(&spendings)).await;
            let mut buckets = self.buckets.lock();
            if let Ok(Ok(owed)) = told {
                let now = Instant::now();
                for (taken, owes_us) in untold.iter().zip(owed) {
                    buckets.told(taken.key, owes_us, now);
                }
            } else {
                // Each process limits for itself meanwhile.
                for taken in &untold {
                    buckets.not_told(taken.key, taken.debt_us);
                }
            }
        }
    }
}

fn key(kind: u8, whose: &[u8]) -> Key {
    let mut key = [0; 17];
    key[0] = kind;
    key[1..=whose.len()].copy_from_slice(whose);
    key
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn limits() -> Limits {
        let office = vec!["192.0.2.2/32".parse().unwrap()];
        Limits::new(true, office, b"a secret of the installation....", false)
    }

    #[test]
    fn a_buyer_is_limited_wherever_they_are() {
        let limits = limits();
        let (one, other) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        for n in 0..300 {
            let address = if n % 2 == 0 { HERE } else { THERE };
            limits.take(Limit::Hold, address, Some(one)).unwrap();
        }
        let refused = limits.take(Limit::Hold, THERE, Some(one)).unwrap_err();
        assert_eq!(refused.reason(), Reason::RateLimited);
        limits.take(Limit::Hold, HERE, Some(other)).unwrap();
        limits.take(Limit::Confirm, HERE, Some(one)).unwrap();
    }

    #[test]
    fn an_address_is_limited_unless_it_is_exempt() {
        let limits = limits();
        let allowed =
            |address| (0..1_000).filter(|_| limits.take(Limit::SignUp, address, None).is_ok()).count();
        assert_eq!(allowed(HERE), 300);
        assert_eq!(allowed(THERE), 1_000);
        assert_eq!(allowed("::ffff:192.0.2.2".parse().unwrap()), 1_000);
    }

    #[test]
    fn guessing_is_slow_and_does_not_keep_the_owner_out() {
        let limits = limits();
        let from = |n: u32| IpAddr::from((0x0A00_0000 + n).to_be_bytes());
        for _ in 0..10 {
            limits.guess("kim@example.com", HERE).unwrap();
        }
        assert!(limits.guess(" Kim@Example.com ", HERE).is_err(), "the same account, written otherwise");
        assert!(limits.guess("park@example.com", HERE).is_ok(), "another account");
        // The owner, from elsewhere: nobody asks whether they are known yet.
        let owner = limits.guess("kim@example.com", THERE).unwrap();
        assert!(!owner.only_if_known);
        limits.was_right(&owner);
        for n in 0..40 {
            limits.guess("kim@example.com", from(n)).unwrap();
        }
        assert!(
            limits.guess("kim@example.com", from(99)).unwrap().only_if_known,
            "a new address for each guess"
        );
        let owner = limits.guess("kim@example.com", THERE).unwrap();
        assert!(owner.only_if_known, "and the ledger knows that they have logged in from there");
    }
}
