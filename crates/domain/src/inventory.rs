//! The stock of one performance: the state of every unit and the holds on them.
//!
//! Invariants:
//! - available + held + paying + sold + blocked = capacity, after every step (checked in debug builds);
//! - a unit that is HELD or PAYING is in exactly one live hold, a unit that is SOLD in exactly one sale;
//! - the state is the fold of its changes: commands only decide, [`Inventory::apply`] alone moves it.
//!
//! Commands take the time as an argument and first let lapse whatever is due by then, so that a hold ends at
//! its millisecond even when nobody was looking.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use ahash::AHashMap;

use crate::{
    changes::Change,
    ids::{AccountId, OrderId, ReservationId},
    position::{Fence, Position},
    reservations::{
        BeginOutcome, BlockOutcome, CancelOutcome, Choice, Ending, ExtendOutcome, FinishOutcome, Hold,
        HoldOutcome, HoldRefusal, HoldRequest, HoldStatus, HoldView,
    },
    seating::{self, BestAvailable, Layout},
    time::Timestamp,
    units::{Counts, Unit, UnitState, Units},
};

mod apply;
mod image;
mod keys;
mod pool;
#[cfg(test)]
mod tests;

pub use image::{Image, Sale};
pub use keys::KeyMarks;
use keys::{Keys, Known};
use pool::FreePool;

/// A change and the position it got; what a command hands to its caller to be made durable.
pub type Step = (Position, Change);

/// How many ended holds are remembered at most while the ledger has not yet recorded them. Beyond that the
/// oldest are forgotten, and their owners learn of the ending once the ledger has caught up.
const MAX_ENDED: usize = 1_000_000;

/// The stock of one performance.
#[derive(Debug)]
pub struct Inventory {
    layout: Arc<Layout>,
    position: Position,
    states: Vec<UnitState>,
    counts: Counts,
    areas: Vec<FreePool>,
    holds: AHashMap<ReservationId, Hold>,
    due: BTreeSet<(Timestamp, ReservationId)>,
    owned: AHashMap<AccountId, u32>,
    sales: AHashMap<OrderId, Sale>,
    ended: AHashMap<ReservationId, (Hold, Ending)>,
    ended_order: VecDeque<(Position, ReservationId)>,
    keys: Keys,
}

impl Inventory {
    /// An untouched stock: every unit available, at the beginning of an epoch.
    pub fn new(layout: Arc<Layout>, epoch: u32) -> Self {
        let capacity = layout.capacity();
        let areas = layout.areas().iter().map(|run| FreePool::full(run.first, run.capacity)).collect();
        Self {
            position: Position { epoch, offset: 0 },
            states: vec![UnitState::Available; capacity as usize],
            counts: Counts { available: capacity, ..Counts::default() },
            areas,
            holds: AHashMap::new(),
            due: BTreeSet::new(),
            owned: AHashMap::new(),
            sales: AHashMap::new(),
            ended: AHashMap::new(),
            ended_order: VecDeque::new(),
            keys: Keys::default(),
            layout,
        }
    }

    /// The static facts about its units.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// How far its history has come.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many units are in each state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The state of every unit, in unit order.
    pub fn states(&self) -> &[UnitState] {
        &self.states
    }

    /// How many places of each area are free, in the layout's order of areas.
    pub fn area_free(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.layout.areas().iter().zip(&self.areas).map(|(run, pool)| (run.id, pool.free()))
    }

    /// When the next hold lapses.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A hold, live or recently ended.
    pub fn find(&self, id: ReservationId) -> Option<HoldView> {
        if let Some(hold) = self.holds.get(&id) {
            return Some(HoldView { hold: hold.clone(), ended: None });
        }
        let (hold, ending) = self.ended.get(&id)?;
        Some(HoldView { hold: hold.clone(), ended: Some(*ending) })
    }

    /// The holds that have been paying since `before` or longer, oldest name first.
    pub fn paying_since(&self, before: Timestamp) -> Vec<Hold> {
        let mut found: Vec<Hold> = self
            .holds
            .values()
            .filter(|hold| matches!(hold.status, HoldStatus::Paying { since, .. } if since <= before))
            .cloned()
            .collect();
        found.sort_unstable_by_key(|hold| hold.id);
        found
    }

    /// Lets lapse what is due at `now`.
    pub fn expire(&mut self, now: Timestamp, steps: &mut Vec<Step>) {
        while let Some(&(at, id)) = self.due.first() {
            if at > now {
                break;
            }
            let Some(hold) = self.holds.get(&id) else {
                debug_assert!(false, "an expiry without a hold");
                self.due.remove(&(at, id));
                continue;
            };
            let units = hold.units.clone();
            self.step(Change::Expired { hold: id, units }, now, steps);
        }
    }

    /// Holds units, all or none.
    pub fn hold(&mut self, request: &HoldRequest, now: Timestamp, steps: &mut Vec<Step>) -> HoldOutcome {
        self.expire(now, steps);
        if let Some(key) = request.key {
            match self.keys.look_up(request.owner, key, now) {
                Known::Made(made) => return HoldOutcome::Repeated(made),
                Known::Mismatch => return HoldOutcome::KeyMismatch,
                Known::Marked if !request.is_key_new => return HoldOutcome::KeyRecorded,
                Known::Marked | Known::Unused => {}
            }
        }
        if self.holds.contains_key(&request.id) || self.ended.contains_key(&request.id) {
            return HoldOutcome::Refused(HoldRefusal::NameTaken);
        }
        match self.choose(request) {
            Err(refusal) => HoldOutcome::Refused(refusal),
            Ok(units) => {
                let change = Change::Held {
                    hold: request.id,
                    owner: request.owner,
                    units,
                    expires_at: now.plus_ms(request.ttl_ms),
                    key: request.key,
                };
                self.step(change, now, steps);
                HoldOutcome::Held(self.holds[&request.id].clone())
            }
        }
    }

    fn choose(&self, request: &HoldRequest) -> Result<Units, HoldRefusal> {
        // What does not exist is said before what may not be had.
        let wanted = match &request.choice {
            Choice::Seats(units) => {
                if let Some(unknown) = units.iter().find(|unit| !self.layout.is_seat(**unit)) {
                    return Err(HoldRefusal::SeatNotFound(*unknown));
                }
                units.len() as u32
            }
            Choice::Area { area, quantity } => {
                if self.layout.area(*area).is_none() {
                    return Err(HoldRefusal::AreaNotFound(*area));
                }
                *quantity
            }
            Choice::Best { quantity, .. } => *quantity,
        };
        let owned = self.owned.get(&request.owner).copied().unwrap_or(0);
        if owned.saturating_add(wanted) > request.max_per_owner {
            return Err(HoldRefusal::LimitExceeded { limit: request.max_per_owner, owned });
        }
        match &request.choice {
            Choice::Seats(units) => {
                let taken: Units = units.iter().copied().filter(|unit| !self.is_free(*unit)).collect();
                if taken.is_empty() { Ok(units.clone()) } else { Err(HoldRefusal::SeatTaken(taken)) }
            }
            Choice::Area { area, quantity } => {
                self.areas[*area as usize - 1].pick(*quantity).ok_or(HoldRefusal::SoldOut)
            }
            Choice::Best { quantity, category, together } => {
                let wish = BestAvailable { quantity: *quantity, category: *category, together: *together };
                seating::best_available(&self.layout, &wish, |unit| self.is_free(unit))
                    .ok_or(HoldRefusal::SoldOut)
            }
        }
    }

    fn is_free(&self, unit: Unit) -> bool {
        self.states[unit.index()] == UnitState::Available
    }

    /// Gives an owner more time, at most `max_extensions` times per hold.
    pub fn extend(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> ExtendOutcome {
        self.expire(now, steps);
        let hold = match self.owned_hold(id, owner) {
            Owned::Live(hold) => hold,
            Owned::Ended(ending) => return ExtendOutcome::Ended(ending),
            Owned::Unknown => return ExtendOutcome::NotFound,
        };
        if matches!(hold.status, HoldStatus::Paying { .. }) {
            return ExtendOutcome::PaymentUnderWay;
        }
        if hold.extensions_used >= max_extensions {
            return ExtendOutcome::ExtensionUsed;
        }
        let expires_at = hold.expires_at.max(now.plus_ms(ttl_ms));
        self.step(Change::Extended { hold: id, expires_at }, now, steps);
        ExtendOutcome::Extended(self.holds[&id].clone())
    }

    /// Gives a hold back, by its owner.
    pub fn cancel(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> CancelOutcome {
        self.expire(now, steps);
        let hold = match self.owned_hold(id, owner) {
            Owned::Live(hold) => hold,
            Owned::Ended(Ending::Confirmed(_)) => return CancelOutcome::AlreadyConfirmed,
            Owned::Ended(Ending::Cancelled | Ending::Expired) => return CancelOutcome::Gone,
            Owned::Unknown => return CancelOutcome::NotFound,
        };
        if matches!(hold.status, HoldStatus::Paying { .. }) {
            return CancelOutcome::PaymentUnderWay;
        }
        let units = hold.units.clone();
        self.step(Change::Cancelled { hold: id, units }, now, steps);
        CancelOutcome::Gone
    }

    /// Begins a payment: from here on the hold does not lapse until [`Inventory::end_payment`] or
    /// [`Inventory::sell`] with the same fence and order.
    pub fn begin_payment(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        order: OrderId,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> BeginOutcome {
        self.expire(now, steps);
        let hold = match self.owned_hold(id, owner) {
            Owned::Live(hold) => hold,
            Owned::Ended(ending) => return BeginOutcome::Ended(ending),
            Owned::Unknown => return BeginOutcome::NotFound,
        };
        if let HoldStatus::Paying { order: under_way, .. } = hold.status {
            return if under_way == order {
                BeginOutcome::Begun(hold.clone())
            } else {
                BeginOutcome::PaymentUnderWay(under_way)
            };
        }
        let units = hold.units.clone();
        self.step(Change::PaymentBegun { hold: id, order, units }, now, steps);
        BeginOutcome::Begun(self.holds[&id].clone())
    }

    /// Ends a payment that came to nothing: the hold is HELD again, for what was left of its time but at least
    /// `grace_ms` from now.
    pub fn end_payment(
        &mut self,
        id: ReservationId,
        fence: Fence,
        order: OrderId,
        grace_ms: u64,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> FinishOutcome {
        let Some(hold) = self.paying_under(id, fence, order) else {
            return FinishOutcome::Stale;
        };
        let expires_at = hold.expires_at.max(now.plus_ms(grace_ms));
        let units = hold.units.clone();
        self.step(Change::PaymentEnded { hold: id, order, units, expires_at }, now, steps);
        self.expire(now, steps);
        FinishOutcome::Done
    }

    /// Sells what a paying hold holds. Doing it again is no mistake.
    pub fn sell(
        &mut self,
        id: ReservationId,
        fence: Fence,
        order: OrderId,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> FinishOutcome {
        if let Some((_, Ending::Confirmed(sold_to))) = self.ended.get(&id) {
            return if *sold_to == order { FinishOutcome::Done } else { FinishOutcome::Stale };
        }
        if self.sales.contains_key(&order) {
            return FinishOutcome::Done;
        }
        let Some(hold) = self.paying_under(id, fence, order) else {
            return FinishOutcome::Stale;
        };
        let units = hold.units.clone();
        self.step(Change::Sold { hold: id, order, units }, now, steps);
        FinishOutcome::Done
    }

    /// Puts units of a refunded order back on sale. Units that the order does not (or no longer) have stay
    /// untouched, so that a late repeat cannot free what somebody else bought since.
    pub fn give_back(
        &mut self,
        order: OrderId,
        units: &[Unit],
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> FinishOutcome {
        let Some(sale) = self.sales.get(&order) else {
            return FinishOutcome::Stale;
        };
        let still_theirs: Units = units.iter().copied().filter(|unit| sale.units.contains(unit)).collect();
        if still_theirs.is_empty() {
            return FinishOutcome::Stale;
        }
        self.step(Change::Returned { order, units: still_theirs }, now, steps);
        FinishOutcome::Done
    }

    /// Takes free seats off sale, or puts blocked ones back. Those that are so already are passed over.
    pub fn block(
        &mut self,
        units: &[Unit],
        blocked: bool,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) -> BlockOutcome {
        self.expire(now, steps);
        if let Some(unknown) = units.iter().find(|unit| !self.layout.is_seat(**unit)) {
            return BlockOutcome::SeatNotFound(*unknown);
        }
        let in_state = |wanted: &[UnitState]| -> Units {
            units.iter().copied().filter(|unit| wanted.contains(&self.states[unit.index()])).collect()
        };
        let taken = in_state(&[UnitState::Held, UnitState::Paying, UnitState::Sold]);
        if blocked && !taken.is_empty() {
            return BlockOutcome::SeatTaken(taken);
        }
        let (moving, change): (Units, fn(Units) -> Change) = if blocked {
            (in_state(&[UnitState::Available]), |units| Change::Blocked { units })
        } else {
            (in_state(&[UnitState::Blocked]), |units| Change::Unblocked { units })
        };
        if !moving.is_empty() {
            self.step(change(moving), now, steps);
        }
        BlockOutcome::Done
    }

    /// Forgets what the ledger has recorded, up to a position: ended holds, and whatever can be asked of it about keys.
    pub fn recorded(&mut self, up_to: Position) {
        self.forget_ended(up_to);
        self.keys.recorded(up_to);
    }

    /// Keeps what it knows of keys until it is a day old, whatever is recorded: to be called once a history has been read
    /// back, of which is not known what the ledger has recorded of its keys.
    pub fn keep_keys(&mut self) {
        self.keys.inherit_all();
    }

    fn forget_ended(&mut self, up_to: Position) {
        while let Some((at, id)) = self.ended_order.front().copied() {
            if at > up_to && self.ended_order.len() <= MAX_ENDED {
                break;
            }
            self.ended_order.pop_front();
            self.ended.remove(&id);
        }
    }

    fn owned_hold(&self, id: ReservationId, owner: AccountId) -> Owned<'_> {
        if let Some(hold) = self.holds.get(&id).filter(|hold| hold.owner == owner) {
            return Owned::Live(hold);
        }
        match self.ended.get(&id) {
            Some((hold, ending)) if hold.owner == owner => Owned::Ended(*ending),
            _ => Owned::Unknown,
        }
    }

    fn paying_under(&self, id: ReservationId, fence: Fence, order: OrderId) -> Option<&Hold> {
        self.holds.get(&id).filter(|hold| {
            hold.fence == fence && matches!(hold.status, HoldStatus::Paying { order: o, .. } if o == order)
        })
    }

    fn step(&mut self, change: Change, now: Timestamp, steps: &mut Vec<Step>) {
        let position = self.position.next();
        self.apply(position, now, &change);
        steps.push((position, change));
    }
}

enum Owned<'a> {
    Live(&'a Hold),
    Ended(Ending),
    Unknown,
}
