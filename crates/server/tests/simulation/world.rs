//! The simulated world: what survives a crash, the process that does not, and the people.

use std::{collections::BTreeMap, sync::Arc};

use onsale_app::{
    App, Caller, CallerKind, Ports,
    catalogue::{NewPerformance, PlanChoice},
    errors::{AppError, Reason},
    orders::{Confirmation, OrderView},
    ports::{
        admissions::Shown,
        clock::{Clock, Entropy},
        ledger::{AreaOffer, BuyerDetails, Ledger, Refunds as _, Role},
        payments::PaymentProvider,
    },
    refunds::RefundRequest,
    reservations::{ReservationView, Wish},
    waiting_room::Rooms,
};
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    money::{Currency, Money},
    reservations::RequestKey,
    time::Timestamp,
};
use onsale_hot::memory::{MemoryStore, journal::volatile::VolatileJournal};
use onsale_payments::{Simulated, SimulatedSettings, WalletPayments};
use onsale_testkit::{
    clock::{ManualClock, SeededEntropy},
    faults::{FaultPlan, Faults, FaultyHot, FaultyLedger, FaultyProvider},
    ledger::MemoryLedger,
};
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinSet;
use uuid::Uuid;

/// What a seed decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) lives: u32,
    pub(crate) buyers: u32,
    pub(crate) steps: u32,
    pub(crate) declines: f64,
    pub(crate) stores: FaultPlan,
    pub(crate) provider: FaultPlan,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        // Some histories are calm, so that what only shows without faults shows too.
        let trouble = [0.0, 0.02, 0.1][rng.random_range(0..3)];
        let faults = |seed, fail_before, fail_after| FaultPlan { seed, fail_before, fail_after, yields: 3 };
        Self {
            seed,
            lives: rng.random_range(1..4),
            buyers: rng.random_range(2..6),
            steps: rng.random_range(4..14),
            declines: [0.0, 0.2, 0.8][rng.random_range(0..3)],
            stores: faults(rng.random(), trouble, trouble / 2.0),
            provider: faults(rng.random(), trouble, trouble * 2.0),
        }
    }
}

/// What people were told: the truth that everything has to agree with in the end.
#[derive(Default)]
pub(crate) struct Told {
    /// Reservations that were answered 201, with their owners.
    pub(crate) held: BTreeMap<ReservationId, (Caller, ReservationView)>,
    /// Cancellations that were answered 204.
    pub(crate) cancelled: Vec<ReservationId>,
    /// Orders that were answered 201.
    pub(crate) paid: BTreeMap<OrderId, OrderView>,
    /// Units whose refund was asked for, answered or not, and whether each seat was to be kept.
    pub(crate) refunds: BTreeMap<OrderId, BTreeMap<u32, bool>>,
    pub(crate) lines: Vec<String>,
}

/// The world.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) performance: PerformanceId,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) bank: Arc<Simulated>,
    pub(crate) journal: VolatileJournal,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) process: Process,
    pub(crate) organizer: Caller,
    entropy: Arc<SeededEntropy>,
    faults: Vec<Arc<Faults>>,
    rng: StdRng,
}

/// What a crash takes away.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) app: Arc<App>,
    pub(crate) store: MemoryStore,
}

fn person(n: u32) -> Caller {
    Caller {
        account: AccountId(Uuid::from_u128(u128::from(n) + 1)),
        kind: CallerKind::Account,
        role: Role::Buyer,
    }
}

impl World {
    pub(crate) async fn new(plan: Plan) -> Self {
        let clock = Arc::new(ManualClock::new());
        let entropy = Arc::new(SeededEntropy::new(plan.seed));
        let ledger = Arc::new(MemoryLedger::new());
        let bank = Arc::new(Simulated::new(SimulatedSettings { failure_rate: plan.declines, delay_ms: 0 }));
        let journal = VolatileJournal::new();
        let faults = vec![
            Arc::new(Faults::seeded(FaultPlan { fail_after: 0.0, ..plan.stores })),
            Arc::new(Faults::seeded(plan.stores)),
            Arc::new(Faults::seeded(plan.provider)),
        ];
        let process = start(&clock, &entropy, &ledger, &bank, &journal, &faults);
        set_active(&faults, false);
        let organizer = Caller { role: Role::Admin, ..person(1_000) };
        let settings = EventSettings { hold_ttl_s: 60, ..EventSettings::default() };
        let event =
            process.app.create_event(organizer, "Simulated".into(), None, settings, None).await.unwrap();
        let new = NewPerformance {
            starts_at: clock.now(),
            plan: PlanChoice::Grid { rows: 2, columns: 4 },
            areas: vec![AreaOffer {
                label: "Standing".into(),
                capacity: 4,
                price: Money::new(50, Currency::KRW),
            }],
            prices: vec![("standard".into(), Money::new(100, Currency::KRW))],
            sale_opens_at: None,
            sale_closes_at: None,
        };
        let performance = process.app.create_performance(organizer, event.id, new, None).await.unwrap().id;
        for n in 0..plan.buyers {
            process.app.top_up(person(n), Money::new(300, Currency::KRW), None).await.unwrap();
        }
        Self {
            rng: StdRng::seed_from_u64(plan.seed ^ 0x5EED),
            plan,
            performance,
            clock,
            ledger,
            bank,
            journal,
            told: Arc::default(),
            process,
            organizer,
            entropy,
            faults,
        }
    }

    /// Lives one after the other, each ended by a crash in the middle of whatever is going on.
    pub(crate) async fn run(&mut self) {
        for life in 0..self.plan.lives {
            set_active(&self.faults, true);
            let mut people = JoinSet::new();
            for n in 0..self.plan.buyers {
                let someone = Person {
                    me: person(n),
                    organizer: self.organizer,
                    performance: self.performance,
                    process: self.process.clone(),
                    clock: Arc::clone(&self.clock),
                    journal: self.journal.clone(),
                    told: Arc::clone(&self.told),
                    rng: StdRng::seed_from_u64(self.rng.random()),
                };
                people.spawn(someone.live(self.plan.steps));
            }
            people.spawn(keep_house(self.process.clone(), StdRng::seed_from_u64(self.rng.random())));
            if life + 1 < self.plan.lives {
                for _ in 0..self.rng.random_range(1..400) {
                    tokio::task::yield_now().await;
                }
                people.abort_all();
                self.restart();
            }
            while let Some(ended) = people.join_next().await {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }

    /// The process is gone; another one starts on what it left.
    pub(crate) fn restart(&mut self) {
        self.told.lock().lines.push("crash".into());
        self.journal.set_full(false);
        self.process =
            start(&self.clock, &self.entropy, &self.ledger, &self.bank, &self.journal, &self.faults);
    }

    /// Nothing fails any more: everything that is open comes to its end.
    pub(crate) async fn settle(&mut self) {
        set_active(&self.faults, false);
        self.journal.set_full(false);
        let Process { app, store } = &self.process;
        self.clock.advance(1);
        while app.reconcile_payments(0).await.unwrap() > 0 {}
        let open = self.ledger.open_refunds(Timestamp(i64::MAX), None, 100).await.unwrap();
        assert_eq!(open, [], "what was recorded is gone on with, whoever asked for it");
        // Refunds that were recorded are done by now; an organizer whose request was not answered asks again.
        let refunds = self.told.lock().refunds.clone();
        for (order, units) in refunds {
            for keep_seats in [true, false] {
                let some: Vec<u32> =
                    units.iter().filter(|(_, keep)| **keep == keep_seats).map(|it| *it.0).collect();
                if !some.is_empty() {
                    let request = RefundRequest { units: Some(some), keep_seats };
                    app.refund(self.organizer, order, request).await.unwrap();
                }
            }
        }
        app.reconcile_stock(self.organizer, self.performance).await.unwrap();
        self.clock.advance(10 * 60_000);
        store.expire_due();
        app.drain_rest().await.unwrap();
    }

    /// What was said, line by line.
    pub(crate) fn transcript(&self) -> String {
        self.told.lock().lines.join("\n")
    }
}

fn set_active(faults: &[Arc<Faults>], active: bool) {
    for faults in faults {
        faults.set_active(active);
    }
}

fn start(
    clock: &Arc<ManualClock>,
    entropy: &Arc<SeededEntropy>,
    ledger: &Arc<MemoryLedger>,
    bank: &Arc<Simulated>,
    journal: &VolatileJournal,
    faults: &[Arc<Faults>],
) -> Process {
    let store =
        MemoryStore::open_inline(Box::new(journal.clone()), Arc::clone(clock) as Arc<dyn Clock>).unwrap();
    let shared = Arc::new(store.clone());
    let hot =
        Arc::new(FaultyHot::new(shared.clone(), shared.clone(), shared.clone(), Arc::clone(&faults[0])));
    let ledger: Arc<dyn Ledger> = Arc::clone(ledger) as Arc<dyn Ledger>;
    let ledger: Arc<dyn Ledger> = Arc::new(FaultyLedger::new(ledger, Arc::clone(&faults[1])));
    let wallet = WalletPayments::new(Arc::clone(&ledger) as _, Arc::clone(clock) as Arc<dyn Clock>);
    let faulty = |provider: Arc<dyn PaymentProvider>| {
        Arc::new(FaultyProvider::new(provider, Arc::clone(&faults[2]))) as Arc<dyn PaymentProvider>
    };
    let rooms = Rooms::new(
        shared.clone(),
        Arc::clone(&ledger) as _,
        Arc::clone(clock) as Arc<dyn Clock>,
        Arc::clone(entropy) as Arc<dyn Entropy>,
    );
    let app = App::new(Ports {
        reservations: hot.clone(),
        stock: hot.clone(),
        log: hot,
        feed: shared,
        ledger,
        providers: vec![faulty(Arc::clone(bank) as _), faulty(Arc::new(wallet))],
        admissions: Arc::new(rooms),
        sends_letters: false,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::clone(entropy) as Arc<dyn Entropy>,
    });
    Process { app: Arc::new(app), store }
}

/// Drain, expiry and reconciler, at odd moments; the reconciler also while payments are under way.
async fn keep_house(process: Process, mut rng: StdRng) {
    for _ in 0..60 {
        for _ in 0..rng.random_range(0..8) {
            tokio::task::yield_now().await;
        }
        match rng.random_range(0..8) {
            0 => drop(process.app.reconcile_payments(0).await),
            1 | 2 => drop(process.store.expire_due()),
            _ => drop(process.app.drain_once(0).await),
        }
    }
}

/// Somebody who buys, and is not always patient.
struct Person {
    me: Caller,
    organizer: Caller,
    performance: PerformanceId,
    process: Process,
    clock: Arc<ManualClock>,
    journal: VolatileJournal,
    told: Arc<Mutex<Told>>,
    rng: StdRng,
}

impl Person {
    async fn live(mut self, steps: u32) {
        for _ in 0..steps {
            match self.rng.random_range(0..20) {
                0..6 => self.hold().await,
                6..11 => self.confirm().await,
                11 => self.confirm_twice_at_once().await,
                12 => self.confirm_and_cancel_at_once().await,
                13 => self.cancel().await,
                14 => self.extend().await,
                15 => self.refund().await,
                16 => {
                    self.clock.advance(self.rng.random_range(1..40_000));
                }
                17 => {
                    let full = self.rng.random_bool(0.3);
                    self.journal.set_full(full);
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }

    fn note(&self, what: &str, outcome: &Result<(), AppError>) {
        let code = outcome.as_ref().err().map_or("ok", |error| error.reason().code());
        assert_ne!(code, Reason::Internal.code(), "{what}: {outcome:?}");
        self.told.lock().lines.push(format!("{} {what} {code}", self.me.account));
    }

    /// One of one's own reservations, if there is any.
    fn mine(&mut self) -> Option<ReservationId> {
        let told = self.told.lock();
        let mine: Vec<ReservationId> =
            told.held.iter().filter(|(_, (owner, _))| *owner == self.me).map(|(id, _)| *id).collect();
        drop(told);
        if mine.is_empty() { None } else { Some(mine[self.rng.random_range(0..mine.len())]) }
    }

    async fn hold(&mut self) {
        let wish = match self.rng.random_range(0..4) {
            0 => Wish::Area { area: 1, quantity: self.rng.random_range(1..3) },
            1 => Wish::Best {
                quantity: self.rng.random_range(1..4),
                category: None,
                together: self.rng.random(),
            },
            _ => {
                let first = self.rng.random_range(1..8);
                Wish::Seats((first..=(first + self.rng.random_range(0..2)).min(8)).collect())
            }
        };
        let digest = self.rng.random_range(0..3_u8);
        let key = self.rng.random_bool(0.3).then_some(RequestKey { key: [digest; 16], request: [0; 16] });
        let outcome = self.process.app.hold(self.me, self.performance, wish, key, &Shown::Nothing).await;
        let outcome = outcome.map(|view| {
            self.told.lock().held.insert(view.id, (self.me, view));
        });
        self.note("hold", &outcome);
    }

    /// How one pays. As with a real client, a key's digest covers what it is used for.
    fn confirmation(&mut self, id: ReservationId) -> Confirmation {
        let method = if self.rng.random_bool(0.3) { "wallet" } else { "simulated" };
        let digest = self.rng.random_range(10..12_u8);
        let key =
            self.rng.random_bool(0.3).then_some(RequestKey { key: [digest; 16], request: *id.0.as_bytes() });
        let buyer = BuyerDetails { name: "Somebody".into(), phone: None, email: None, letters: None };
        Confirmation { method: method.into(), instrument: None, buyer, key }
    }

    async fn pay(
        app: Arc<App>,
        me: Caller,
        id: ReservationId,
        how: Confirmation,
        told: Arc<Mutex<Told>>,
    ) -> Result<(), AppError> {
        let order = app.confirm(me, id, how).await?;
        told.lock().paid.insert(order.order.id, order);
        Ok(())
    }

    async fn confirm(&mut self) {
        let Some(id) = self.mine() else { return };
        let how = self.confirmation(id);
        let outcome =
            Self::pay(Arc::clone(&self.process.app), self.me, id, how, Arc::clone(&self.told)).await;
        self.note("confirm", &outcome);
    }

    async fn confirm_twice_at_once(&mut self) {
        let Some(id) = self.mine() else { return };
        let (one, other) = (self.confirmation(id), self.confirmation(id));
        let pay = |how| Self::pay(Arc::clone(&self.process.app), self.me, id, how, Arc::clone(&self.told));
        let (one, other) = tokio::join!(biased; pay(one), pay(other));
        self.note("confirm", &one);
        self.note("confirm", &other);
    }

    async fn confirm_and_cancel_at_once(&mut self) {
        let Some(id) = self.mine() else { return };
        let how = self.confirmation(id);
        let pay = Self::pay(Arc::clone(&self.process.app), self.me, id, how, Arc::clone(&self.told));
        let (paid, cancelled) = tokio::join!(biased; pay, self.process.app.cancel(self.me, id));
        assert!(paid.is_err() || cancelled.is_err(), "paid and cancelled: {id}");
        self.note("confirm", &paid);
        self.note("cancel", &cancelled);
        if cancelled.is_ok() {
            self.told.lock().cancelled.push(id);
        }
    }

    async fn cancel(&mut self) {
        let Some(id) = self.mine() else { return };
        let outcome = self.process.app.cancel(self.me, id).await;
        self.note("cancel", &outcome);
        if outcome.is_ok() {
            self.told.lock().cancelled.push(id);
        }
    }

    async fn extend(&mut self) {
        let Some(id) = self.mine() else { return };
        let outcome = self.process.app.extend(self.me, id).await.map(drop);
        self.note("extend", &outcome);
    }

    async fn refund(&mut self) {
        let paid: Vec<OrderId> = self.told.lock().paid.keys().copied().collect();
        if paid.is_empty() {
            return;
        }
        let order = paid[self.rng.random_range(0..paid.len())];
        if self.rng.random_bool(0.2) {
            // One organizer wants this back, another that, at the same time.
            let (one, other) = (self.request(order), self.request(order));
            let refund = |request| self.process.app.refund(self.organizer, order, request);
            let (one, other) = tokio::join!(biased; refund(one), refund(other));
            self.note("refund", &one.map(drop));
            self.note("refund", &other.map(drop));
            return;
        }
        let request = self.request(order);
        let outcome = self.process.app.refund(self.organizer, order, request).await.map(drop);
        self.note("refund", &outcome);
    }

    /// All of an order, or some of it. Whether a seat is kept is decided once, so that all requests agree on it.
    fn request(&mut self, order: OrderId) -> RefundRequest {
        let mut told = self.told.lock();
        let all: Vec<u32> = told.paid[&order].order.units.iter().map(|unit| unit.unit.0).collect();
        let keep_seats = self.rng.random_bool(0.3);
        let known = told.refunds.entry(order).or_default();
        let mut some: Vec<u32> = all.iter().copied().filter(|_| self.rng.random_bool(0.5)).collect();
        some.retain(|unit| *known.get(unit).unwrap_or(&keep_seats) == keep_seats);
        let rest_agrees = all.iter().all(|unit| *known.get(unit).unwrap_or(&keep_seats) == keep_seats);
        let everything = some.is_empty() || self.rng.random_bool(0.2);
        if everything && !rest_agrees {
            // All that is left would take along what is kept.
            let keep_seats = *known.values().next().unwrap_or(&keep_seats);
            let units = known.iter().filter(|(_, keep)| **keep == keep_seats).map(|it| *it.0).collect();
            return RefundRequest { units: Some(units), keep_seats };
        }
        let units = if everything { all } else { some.clone() };
        known.extend(units.into_iter().map(|unit| (unit, keep_seats)));
        RefundRequest { units: (!everything).then_some(some), keep_seats }
    }
}
