//! An independent model of the stock of one performance: what the rules say, done the slow and obvious way.
//!
//! Invariant: it is written from the contracts (`onsale_app::ports::hot`, the outcomes in
//! `onsale_domain::reservations`, design §2) and calls nothing of `onsale_domain::inventory`; a vector of units,
//! linear scans, no index. Where the contract leaves the store a choice (which places of an area, which of several
//! true reasons for a refusal), the model accepts every right answer and then follows the one given.
//!
//! [`run`] plays seeded random commands against a store and compares every answer.

use onsale_app::ports::hot::{Availability, PaymentStep};
use onsale_domain::{
    ids::{AccountId, OrderId, ReservationId},
    position::{Fence, Position},
    reservations::{Choice, Ending, Hold, HoldRequest, HoldStatus, HoldView, RequestKey},
    units::{Counts, Unit},
};

pub mod commands;
mod holding;
mod paying;
mod play;
mod record;

pub use play::run;
pub use record::check_record;

/// What the model has against an answer; the text says what it expected.
pub type Verdict = Result<(), String>;

/// Where one unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Nobody has it.
    Free,
    /// In this hold.
    Held(ReservationId),
    /// In this hold, whose payment is under way.
    Paying(ReservationId),
    /// This order's.
    Sold(OrderId),
    /// Off sale.
    Blocked,
}

/// What a unit is, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A seat of a category.
    Seat(u16),
    /// A place of an area.
    Place(u32),
}

/// A hold, live or ended.
#[derive(Clone, Debug)]
pub struct ModelHold {
    /// Its name.
    pub id: ReservationId,
    /// Whose.
    pub owner: AccountId,
    /// What.
    pub units: Vec<Unit>,
    /// When it lapses, in milliseconds of the model's time.
    pub expires_ms: u64,
    /// Its fence.
    pub fence: Fence,
    /// How often it was extended.
    pub extensions_used: u32,
    /// The order it is paying under.
    pub paying: Option<OrderId>,
    /// How it ended.
    pub ended: Option<Ending>,
    /// It has ended and the ledger was told, so the store may have forgotten it.
    pub forgettable: bool,
}

/// The stock of one performance as the rules would have it.
#[derive(Clone, Debug)]
pub struct Model {
    kinds: Vec<Kind>,
    slots: Vec<Slot>,
    holds: Vec<ModelHold>,
    keys: Vec<(AccountId, RequestKey, ReservationId)>,
    /// Who paid for an order.
    buyers: Vec<(OrderId, AccountId)>,
    position: Position,
    now_ms: u64,
    /// The store's time when the model's is 0, once a hold has told it.
    origin_ms: Option<i64>,
    /// How far the store's time may run ahead of the model's.
    drift_ms: u64,
}

impl Model {
    /// An untouched stock: seats of these categories, areas of these capacities.
    pub fn new(categories: &[u16], areas: &[u32], epoch: u32, drift_ms: u64) -> Self {
        let mut kinds: Vec<Kind> = categories.iter().map(|category| Kind::Seat(*category)).collect();
        for (area, capacity) in (1..).zip(areas) {
            kinds.extend((0..*capacity).map(|_| Kind::Place(area)));
        }
        let slots = vec![Slot::Free; kinds.len()];
        Self {
            kinds,
            slots,
            holds: Vec::new(),
            keys: Vec::new(),
            buyers: Vec::new(),
            position: Position { epoch, offset: 0 },
            now_ms: 0,
            origin_ms: None,
            drift_ms,
        }
    }

    /// The hold of that name, live or ended.
    pub fn hold_named(&self, id: ReservationId) -> Option<&ModelHold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    /// Every hold there ever was, oldest first.
    pub fn holds(&self) -> &[ModelHold] {
        &self.holds
    }

    /// Where each unit is, in unit order.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Every order that sold something, oldest first.
    pub fn sold_orders(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.buyers.iter().map(|(order, _)| *order)
    }

    /// How far the history must have come.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The model's time in milliseconds, from 0.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Milliseconds until the next hold lapses.
    pub fn until_next_lapse_ms(&self) -> Option<u64> {
        let lapsing = self.holds.iter().filter(|hold| hold.ended.is_none() && hold.paying.is_none());
        lapsing.map(|hold| hold.expires_ms.saturating_sub(self.now_ms)).min()
    }

    /// Lets time pass: what is due lapses.
    pub fn expire(&mut self, advance_ms: u64) {
        self.now_ms += advance_ms;
        for index in 0..self.holds.len() {
            let hold = &self.holds[index];
            if hold.ended.is_none() && hold.paying.is_none() && hold.expires_ms <= self.now_ms {
                let units = hold.units.clone();
                self.move_units(&units, Slot::Free);
                self.holds[index].ended = Some(Ending::Expired);
                self.changed();
            }
        }
    }

    /// The ledger was told everything, so the store may forget what has ended.
    pub fn acknowledged(&mut self) {
        for hold in self.holds.iter_mut().filter(|hold| hold.ended.is_some()) {
            hold.forgettable = true;
        }
    }

    /// Compares a public view.
    pub fn check(&self, seen: &Availability) -> Verdict {
        expect("position", &seen.position, &self.position)?;
        expect("counts", &seen.counts, &self.counts())?;
        let seats = self.kinds.iter().filter(|kind| matches!(kind, Kind::Seat(_))).count();
        expect("seat count", &(seen.seat_count as usize), &seats)?;
        for (index, slot) in self.slots.iter().take(seats).enumerate() {
            let bits = match slot {
                Slot::Free => 0b00,
                Slot::Held(_) | Slot::Paying(_) => 0b01,
                Slot::Sold(_) => 0b10,
                Slot::Blocked => 0b11,
            };
            expect(&format!("bits of seat {}", index + 1), &seen.bits(Unit::at_index(index)), &bits)?;
        }
        let mut areas: Vec<(u32, u32)> = Vec::new();
        for (kind, slot) in self.kinds.iter().zip(&self.slots) {
            if let Kind::Place(area) = kind {
                if areas.last().is_none_or(|(last, _)| last != area) {
                    areas.push((*area, 0));
                }
                if let Some((_, free)) = areas.last_mut() {
                    *free += u32::from(*slot == Slot::Free);
                }
            }
        }
        expect("free places", &seen.areas, &areas)
    }

    /// Compares what a store finds under a name.
    pub fn check_found(&mut self, id: ReservationId, found: Option<&HoldView>) -> Verdict {
        let Some(known) = self.hold_named(id).cloned() else {
            return if found.is_none() { Ok(()) } else { Err(format!("a hold {id} nobody made: {found:?}")) };
        };
        let Some(view) = found else {
            return if known.forgettable { Ok(()) } else { Err(format!("{known:?} is not found")) };
        };
        expect("ending", &view.ended, &known.ended)?;
        self.compare(&known, &view.hold)
    }

    /// Compares a hold as the store tells it. How an ended one stood in its last moment is not compared.
    fn compare(&mut self, known: &ModelHold, told: &Hold) -> Verdict {
        expect("name", &told.id, &known.id)?;
        expect("owner", &told.owner, &known.owner)?;
        expect("units", &sorted(&told.units), &sorted(&known.units))?;
        expect("fence", &told.fence, &known.fence)?;
        expect("extensions", &told.extensions_used, &known.extensions_used)?;
        self.check_time("expiry", told.expires_at.as_millis(), known.expires_ms)?;
        if known.ended.is_none() {
            let paying = match told.status {
                HoldStatus::Held => None,
                HoldStatus::Paying { order, .. } => Some(order),
            };
            expect("paying under", &paying, &known.paying)?;
        }
        Ok(())
    }

    /// Compares a time of the store with one of the model. The first one told fixes how the two relate.
    fn check_time(&mut self, what: &str, told_ms: i64, model_ms: u64) -> Verdict {
        let model_ms = i64::try_from(model_ms).unwrap_or(i64::MAX);
        let origin = *self.origin_ms.get_or_insert(told_ms - model_ms);
        let ahead = told_ms - origin - model_ms;
        let drift = i64::try_from(self.drift_ms).unwrap_or(i64::MAX);
        if (-drift..=drift).contains(&ahead) { Ok(()) } else { Err(format!("{what} is {ahead} ms late")) }
    }

    fn counts(&self) -> Counts {
        let count = |is: fn(&Slot) -> bool| self.slots.iter().filter(|slot| is(slot)).count() as u32;
        Counts {
            available: count(|slot| matches!(slot, Slot::Free)),
            held: count(|slot| matches!(slot, Slot::Held(_))),
            paying: count(|slot| matches!(slot, Slot::Paying(_))),
            sold: count(|slot| matches!(slot, Slot::Sold(_))),
            blocked: count(|slot| matches!(slot, Slot::Blocked)),
        }
    }

    /// What an owner has: in live holds, and bought.
    fn owned_by(&self, owner: AccountId) -> u32 {
        let theirs = |slot: &Slot| match slot {
            Slot::Held(id) | Slot::Paying(id) => self.hold_named(*id).is_some_and(|hold| hold.owner == owner),
            Slot::Sold(order) => self.buyers.contains(&(*order, owner)),
            Slot::Free | Slot::Blocked => false,
        };
        self.slots.iter().filter(|slot| theirs(slot)).count() as u32
    }

    fn slot(&self, unit: Unit) -> Option<Slot> {
        self.slots.get((unit.0 as usize).checked_sub(1)?).copied()
    }

    fn kind(&self, unit: Unit) -> Option<Kind> {
        self.kinds.get((unit.0 as usize).checked_sub(1)?).copied()
    }

    fn is_seat(&self, unit: Unit) -> bool {
        matches!(self.kind(unit), Some(Kind::Seat(_)))
    }

    fn move_units(&mut self, units: &[Unit], to: Slot) {
        for unit in units {
            self.slots[unit.index()] = to;
        }
    }

    /// Counts a change; gives the fence of a hold made by it.
    fn changed(&mut self) -> Fence {
        self.position = self.position.next();
        self.position.fence()
    }

    /// The place of the hold that is paying under exactly this fence and order.
    fn paying_under(&self, step: PaymentStep) -> Option<usize> {
        self.holds.iter().position(|hold| {
            hold.id == step.hold
                && hold.fence == step.fence
                && hold.paying == Some(step.order)
                && hold.ended.is_none()
        })
    }

    /// The units a choice may take from, and how many it wants of them.
    fn wanted(&self, request: &HoldRequest) -> (Vec<Unit>, u32) {
        let of = |fits: &dyn Fn(Kind) -> bool| -> Vec<Unit> {
            let units = self.kinds.iter().enumerate().filter(|(_, kind)| fits(**kind));
            units.map(|(index, _)| Unit::at_index(index)).collect()
        };
        match &request.choice {
            Choice::Seats(units) => (units.to_vec(), units.len() as u32),
            Choice::Area { area, quantity } => (of(&|kind| kind == Kind::Place(*area)), *quantity),
            Choice::Best { quantity, category, .. } => {
                let fits =
                    |kind| matches!(kind, Kind::Seat(of) if category.is_none_or(|wanted| wanted == of));
                (of(&fits), *quantity)
            }
        }
    }
}

fn sorted(units: &[Unit]) -> Vec<Unit> {
    let mut units = units.to_vec();
    units.sort_unstable();
    units
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Verdict {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, should be {wanted:?}")) }
}
