//! Faults, as decorators around ports: calls that fail before they happen, or happen and lose their answer, and
//! others that come in between.
//!
//! Invariant: which call fails how is decided by the plan and the order of calls alone, so a run on one thread can
//! be repeated. A decorator does nothing but ask [`Faults::around`].
//!
//! A fault after the call is what the contract of a port calls "`Unavailable` leaves open whether it happened". The
//! in-process hot store promises more (what it calls unavailable has not happened): use no such faults around it.

use std::collections::BTreeMap;

use onsale_app::ports::{StoreError, hot::HotError, payments::ProviderError};
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

mod hot;
mod ledger;
mod payments;

pub use hot::FaultyHot;
pub use ledger::FaultyLedger;
pub use payments::FaultyProvider;

/// Faults by chance, from a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultPlan {
    /// Decides everything.
    pub seed: u64,
    /// The share of calls that fail and do not happen, 0 to 1.
    pub fail_before: f64,
    /// The share of calls that happen and whose answer is lost, 0 to 1.
    pub fail_after: f64,
    /// How often others are let in before and after a call, at most.
    pub yields: u32,
}

impl FaultPlan {
    /// A plan in which nothing happens.
    pub const CALM: Self = Self { seed: 0, fail_before: 0.0, fail_after: 0.0, yields: 0 };
}

/// On which side of its effect a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It does not happen.
    Before,
    /// It happens, and its answer is lost.
    After,
}

/// One exact fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailNth {
    /// The method, or `None` to count every call.
    pub call: Option<&'static str>,
    /// The how-manieth call fails, from 1.
    pub nth: u64,
    /// On which side of its effect.
    pub when: When,
}

/// Decides what happens to calls; shared by the decorators of a run.
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    plan: FaultPlan,
    exact: Vec<FailNth>,
    calls: u64,
    calls_of: BTreeMap<&'static str, u64>,
    injected: u64,
    active: bool,
}

struct Fate {
    yields_before: u32,
    fails: Option<When>,
    yields_after: u32,
}

/// An error that a fault can be told with.
pub trait Injected {
    /// The fault in a call.
    fn injected(call: &str, when: When) -> Self;
}

fn told(call: &str, when: When) -> String {
    match when {
        When::Before => format!("injected: {call} did not happen"),
        When::After => format!("injected: the answer of {call} is lost"),
    }
}

impl Injected for StoreError {
    fn injected(call: &str, when: When) -> Self {
        Self::Unavailable(told(call, when))
    }
}

impl Injected for HotError {
    fn injected(call: &str, when: When) -> Self {
        Self::Store(StoreError::injected(call, when))
    }
}

impl Injected for ProviderError {
    fn injected(call: &str, when: When) -> Self {
        Self(told(call, when))
    }
}

impl Faults {
    /// Faults by chance.
    pub fn seeded(plan: FaultPlan) -> Self {
        Self::new(plan, Vec::new())
    }

    /// These faults and no others.
    pub fn exactly(faults: Vec<FailNth>) -> Self {
        Self::new(FaultPlan::CALM, faults)
    }

    fn new(plan: FaultPlan, exact: Vec<FailNth>) -> Self {
        let state = State {
            rng: StdRng::seed_from_u64(plan.seed),
            plan,
            exact,
            calls: 0,
            calls_of: BTreeMap::new(),
            injected: 0,
            active: true,
        };
        Self { state: Mutex::new(state) }
    }

    /// Ends the faults, for the part of a run in which everything has to settle; `true` lets them begin again.
    pub fn set_active(&self, active: bool) {
        self.state.lock().active = active;
    }

    /// How many calls there were: with [`FailNth`], how many steps there are to fail one after the other.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// How many calls of a method there were.
    pub fn calls_of(&self, call: &str) -> u64 {
        self.state.lock().calls_of.get(call).copied().unwrap_or(0)
    }

    /// How many calls were made to fail.
    pub fn injected(&self) -> u64 {
        self.state.lock().injected
    }

    /// Makes a call, or lets it fail.
    pub async fn around<T, E: Injected>(
        &self,
        call: &'static str,
        made: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let fate = self.state.lock().decide(call);
        for _ in 0..fate.yields_before {
            tokio::task::yield_now().await;
        }
        if fate.fails == Some(When::Before) {
            return Err(E::injected(call, When::Before));
        }
        let answer = made.await;
        for _ in 0..fate.yields_after {
            tokio::task::yield_now().await;
        }
        if fate.fails == Some(When::After) { Err(E::injected(call, When::After)) } else { answer }
    }
}

impl State {
    fn decide(&mut self, call: &'static str) -> Fate {
        self.calls += 1;
        let of_this = self.calls_of.entry(call).or_insert(0);
        *of_this += 1;
        let (all, of_this) = (self.calls, *of_this);
        if !self.active {
            return Fate { yields_before: 0, fails: None, yields_after: 0 };
        }
        let is_due = |fault: &&FailNth| match fault.call {
            None => fault.nth == all,
            Some(name) => name == call && fault.nth == of_this,
        };
        let exact = self.exact.iter().find(is_due).map(|fault| fault.when);
        let by_chance = if self.rng.random_bool(self.plan.fail_before.clamp(0.0, 1.0)) {
            Some(When::Before)
        } else if self.rng.random_bool(self.plan.fail_after.clamp(0.0, 1.0)) {
            Some(When::After)
        } else {
            None
        };
        let fails = exact.or(by_chance);
        self.injected += u64::from(fails.is_some());
        Fate {
            yields_before: self.rng.random_range(0..=self.plan.yields),
            fails,
            yields_after: self.rng.random_range(0..=self.plan.yields),
        }
    }
}

/// Writes a port's methods as calls of the same methods of `self.inner`, each inside [`Faults::around`].
macro_rules! passed_on {
    ($port:ident for $decorator:ident . $inner:ident {
        $(fn $method:ident($($argument:ident: $kind:ty),* $(,)?) -> $answer:ty;)+
    }) => {
        #[async_trait]
        impl $port for $decorator {
            $(async fn $method(&self, $($argument: $kind),*) -> $answer {
                self.faults.around(stringify!($method), self.$inner.$method($($argument),*)).await
            })+
        }
    };
}
use passed_on;

#[cfg(test)]
mod tests;
