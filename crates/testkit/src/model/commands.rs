//! Random commands that collide: few seats, few owners, old names, late steps, repeated keys, times around expiries.
//!
//! Invariant: the same seed and the same history give the same command.

use onsale_app::ports::hot::PaymentStep;
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceNumber, ReservationId},
    position::Fence,
    reservations::{Choice, HoldRequest, RequestKey},
    units::{Unit, Units},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use super::{Model, ModelHold};

/// One command to a store, or something that happens to it.
#[derive(Clone, Debug)]
pub enum Command {
    /// A wish to hold.
    Hold(HoldRequest),
    /// A wish for more time.
    Extend {
        /// Which hold.
        hold: ReservationId,
        /// Who asks.
        owner: AccountId,
        /// How much more, milliseconds.
        ttl_ms: u64,
        /// How often is allowed.
        max_extensions: u32,
    },
    /// A wish to cancel.
    Cancel {
        /// Which hold.
        hold: ReservationId,
        /// Who asks.
        owner: AccountId,
    },
    /// A wish to pay.
    BeginPayment {
        /// Which hold.
        hold: ReservationId,
        /// Who asks.
        owner: AccountId,
        /// Under which order.
        order: OrderId,
    },
    /// The end of a payment, perhaps a late one.
    EndPayment {
        /// Which payment.
        step: PaymentStep,
        /// What it leaves at least, milliseconds.
        grace_ms: u64,
    },
    /// A sale, perhaps a late one.
    Sell(PaymentStep),
    /// A refund, perhaps of what is gone.
    GiveBack {
        /// Of which order.
        order: OrderId,
        /// Which units.
        units: Vec<Unit>,
    },
    /// Seats go off sale or come back.
    Block {
        /// Which.
        seats: Vec<Unit>,
        /// Off or on.
        blocked: bool,
    },
    /// So many milliseconds pass.
    Pass(u64),
    /// The ledger acknowledges everything.
    Acknowledge,
}

/// A stock to play on.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The category of each seat.
    pub categories: Vec<u16>,
    /// The capacity of each area.
    pub areas: Vec<u32>,
}

/// A seeded source of commands.
pub struct Commands {
    rng: StdRng,
    names: u64,
    orders: u64,
    /// Steps of payments that were once right.
    steps: Vec<PaymentStep>,
    exact_time: bool,
}

const OWNERS: u128 = 4;
const TTL_MS: u64 = 10_500;

impl Commands {
    /// Commands of a seed. Without `exact_time` expiries stay half a second away from every moment at which
    /// something happens.
    pub fn new(seed: u64, exact_time: bool) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), names: 0, orders: 0, steps: Vec::new(), exact_time }
    }

    /// A small stock: 1 to 12 seats of up to two categories, up to two areas of up to five places.
    pub fn shape(&mut self) -> Shape {
        let seats = self.rng.random_range(1..=12);
        let categories = (0..seats).map(|_| u16::from(self.rng.random_bool(0.4))).collect();
        let areas = (0..self.rng.random_range(0..=2)).map(|_| self.rng.random_range(1..=5)).collect();
        Shape { categories, areas }
    }

    /// The next command, given what has happened.
    pub fn next(&mut self, model: &Model, shape: &Shape) -> Command {
        self.remember_steps(model);
        match self.rng.random_range(0..100) {
            0..34 => self.hold(model, shape),
            34..40 => {
                let (hold, owner) = self.named(model);
                Command::Extend { hold, owner, ttl_ms: TTL_MS, max_extensions: self.rng.random_range(0..=2) }
            }
            40..49 => {
                let (hold, owner) = self.named(model);
                Command::Cancel { hold, owner }
            }
            49..62 => {
                let (hold, owner) = self.named(model);
                let order = self.order_for(model, hold);
                Command::BeginPayment { hold, owner, order }
            }
            62..68 => Command::EndPayment { step: self.step(), grace_ms: self.grace() },
            68..79 => Command::Sell(self.step()),
            79..84 => self.give_back(model, shape),
            84..88 => {
                let (seats, blocked) = (self.seats(shape).to_vec(), self.rng.random_bool(0.5));
                Command::Block { seats, blocked }
            }
            88..98 => Command::Pass(self.span(model)),
            _ => Command::Acknowledge,
        }
    }

    fn owner(&mut self) -> AccountId {
        AccountId(Uuid::from_u128((0xACC << 100) + self.rng.random_range(1..=OWNERS)))
    }

    fn fresh_name(&mut self) -> ReservationId {
        self.names += 1;
        ReservationId::compose(1_800_000_000_000, PerformanceNumber(1), self.names)
    }

    fn hold(&mut self, model: &Model, shape: &Shape) -> Command {
        let choice = match self.rng.random_range(0..10) {
            0..5 => Choice::Seats(self.seats(shape)),
            5..8 => {
                Choice::Area { area: self.rng.random_range(1..=2), quantity: self.rng.random_range(1..=3) }
            }
            _ => Choice::Best {
                quantity: self.rng.random_range(1..=3),
                category: self.rng.random_bool(0.5).then(|| u16::from(self.rng.random_bool(0.5))),
                together: self.rng.random_bool(0.5),
            },
        };
        let live =
            model.holds().iter().filter(|hold| hold.ended.is_none()).map(|hold| hold.id).collect::<Vec<_>>();
        let id = if self.rng.random_bool(0.03) { self.pick(&live) } else { None };
        let key = self.rng.random_bool(0.3).then(|| RequestKey {
            key: [self.rng.random_range(1..=6); 16],
            request: [self.rng.random_range(1..=2); 16],
        });
        Command::Hold(HoldRequest {
            id: id.unwrap_or_else(|| self.fresh_name()),
            owner: self.owner(),
            choice,
            ttl_ms: if self.rng.random_bool(0.5) { TTL_MS } else { TTL_MS / 3 },
            max_per_owner: self.rng.random_range(3..=6),
            key,
            is_key_new: false,
        })
    }

    /// One to three different seats; now and then one that is none.
    fn seats(&mut self, shape: &Shape) -> Units {
        let last = shape.categories.len() as u32 + u32::from(self.rng.random_bool(0.1));
        let mut seats = Units::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let seat = Unit(self.rng.random_range(1..=last));
            if !seats.contains(&seat) {
                seats.push(seat);
            }
        }
        seats
    }

    /// A hold, the live and the recent ones rather; mostly with its owner.
    fn named(&mut self, model: &Model) -> (ReservationId, AccountId) {
        let live: Vec<&ModelHold> = model.holds().iter().filter(|hold| hold.ended.is_none()).collect();
        let recent: Vec<&ModelHold> = model.holds().iter().rev().take(8).collect();
        let from = if self.rng.random_bool(0.7) && !live.is_empty() { &live } else { &recent };
        match self.pick(from) {
            None => (self.fresh_name(), self.owner()),
            Some(hold) if self.rng.random_bool(0.9) => (hold.id, hold.owner),
            Some(hold) => (hold.id, self.owner()),
        }
    }

    /// Mostly a fresh order; else the one that is under way. An order is never used for two holds.
    fn order_for(&mut self, model: &Model, hold: ReservationId) -> OrderId {
        let under_way = model.hold_named(hold).and_then(|hold| hold.paying);
        if let Some(order) = under_way.filter(|_| self.rng.random_bool(0.5)) {
            return order;
        }
        self.orders += 1;
        OrderId(Uuid::from_u128((0xBED << 100) + u128::from(self.orders)))
    }

    fn remember_steps(&mut self, model: &Model) {
        for hold in model.holds() {
            if let Some(order) = hold.paying {
                let step = PaymentStep { hold: hold.id, fence: hold.fence, order };
                if !self.steps.contains(&step) {
                    self.steps.push(step);
                }
            }
        }
    }

    /// A step of a payment, the recent ones rather, now and then with something wrong in it.
    fn step(&mut self) -> PaymentStep {
        let recent: Vec<PaymentStep> = self.steps.iter().rev().take(6).copied().collect();
        let (Some(mut step), Some(other)) = (self.pick(&recent), self.pick(&recent)) else {
            return PaymentStep { hold: self.fresh_name(), fence: Fence(1), order: OrderId(Uuid::nil()) };
        };
        match self.rng.random_range(0..20) {
            0 => step.fence = Fence(step.fence.0 - 1),
            1 => step.fence = other.fence,
            2 => step.order = other.order,
            3 => step.hold = other.hold,
            _ => {}
        }
        step
    }

    fn grace(&mut self) -> u64 {
        [0, 500, 2_500, 60_500][self.rng.random_range(0..4)]
    }

    fn give_back(&mut self, model: &Model, shape: &Shape) -> Command {
        let orders: Vec<OrderId> = model.sold_orders().collect();
        let order = self.pick(&orders).unwrap_or(OrderId(Uuid::nil()));
        let last = shape.categories.len() as u32 + shape.areas.iter().sum::<u32>();
        let theirs = super::Slot::Sold(order);
        let has = model.slots().iter().enumerate().filter(|(_, slot)| **slot == theirs);
        let mut units: Vec<Unit> = has.map(|(index, _)| Unit::at_index(index)).collect();
        if self.rng.random_bool(0.5) {
            units.truncate(1);
        }
        let another = Unit(self.rng.random_range(1..=last));
        if self.rng.random_bool(0.4) && !units.contains(&another) {
            units.push(another);
        }
        Command::GiveBack { order, units }
    }

    /// A jump, mostly to where the next hold lapses or a millisecond beside it.
    fn span(&mut self, model: &Model) -> u64 {
        let whole = [0, 1_000, 3_000, 12_000][self.rng.random_range(0..4)];
        if !self.exact_time {
            return whole;
        }
        match (model.until_next_lapse_ms(), self.rng.random_range(0..4)) {
            (Some(until_ms), 0) => until_ms,
            (Some(until_ms), 1) => until_ms.saturating_sub(1),
            (Some(until_ms), 2) => until_ms + 1,
            _ => whole,
        }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.rng.random_range(0..from.len())].clone()) }
    }
}
