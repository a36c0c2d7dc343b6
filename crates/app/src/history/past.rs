//! The past of one performance: whose each unit was after each change.
//!
//! Invariant: see [`super`].

use std::{collections::HashMap, fmt};

use onsale_domain::{
    changes::{Change, Recorded},
    position::Position,
    reservations::{Hold, HoldStatus},
};

use super::{Image, OrderId, RecordedStatus, ReservationId, ReservationRecord, Unit, Units};

/// Whose a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of before what is known.
    Unknown,
    Free,
    Held(ReservationId),
    Paying(ReservationId, OrderId),
    Sold(OrderId),
    Blocked,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "is not known"),
            Self::Free => write!(f, "is free"),
            Self::Held(hold) => write!(f, "is held by {hold}"),
            Self::Paying(hold, order) => write!(f, "is being paid for by {hold} under order {order}"),
            Self::Sold(order) => write!(f, "is sold under order {order}"),
            Self::Blocked => write!(f, "is blocked"),
        }
    }
}

/// A hold as its changes have it.
pub(super) struct Made {
    pub(super) record: ReservationRecord,
    /// Its first change is in the ledger; all are.
    pub(super) is_begun_drained: bool,
    pub(super) is_drained: bool,
    /// That of its last change.
    pub(super) epoch: u32,
    pub(super) is_in_ledger: bool,
}

impl Made {
    /// It was open when the stock was loaded anew, and nothing has been heard of it since: the ledger has closed it, unless
    /// it is still there.
    pub(super) fn is_left_behind(&self, epoch: u32) -> bool {
        self.epoch < epoch && self.is_open()
    }

    /// It was open when the stock was loaded anew: from the ledger, which may have had no more of it than an order.
    pub(super) fn was_loaded(&self, epoch: u32) -> bool {
        self.is_left_behind(epoch) || Position { epoch: self.epoch, offset: 0 }.fence() > self.record.fence
    }

    fn is_open(&self) -> bool {
        matches!(self.record.status, RecordedStatus::Held | RecordedStatus::Paying)
    }
}

pub(super) struct Past {
    checkpoint: Option<Image>,
    pub(super) position: Position,
    /// The journal has it from its first change on.
    pub(super) is_whole: bool,
    pub(super) units: HashMap<Unit, Whose>,
    pub(super) made: HashMap<ReservationId, Made>,
}

impl Past {
    pub(super) fn new(checkpoint: Option<Image>) -> Self {
        let position = Position { epoch: 1, offset: 0 };
        Self { checkpoint, position, is_whole: true, units: HashMap::new(), made: HashMap::new() }
    }

    pub(super) fn whose(&self, unit: Unit) -> Whose {
        let otherwise = if self.is_whole { Whose::Free } else { Whose::Unknown };
        self.units.get(&unit).copied().unwrap_or(otherwise)
    }

    /// The change that follows. `is_drained`: it is in the ledger.
    pub(super) fn follow(&mut self, recorded: &Recorded, is_drained: bool, find: &mut dyn FnMut(String)) {
        let Recorded { position, at, change, .. } = recorded;
        if position.epoch > self.position.epoch {
            self.load_anew(position.epoch);
        }
        if *position != self.position.next() {
            find(format!("comes after {}", self.position));
        }
        self.position = *position;
        match change {
            Change::Held { hold, owner, units, expires_at, .. } => {
                if self.made.contains_key(hold) {
                    find(format!("reservation {hold} is made a second time"));
                }
                self.move_units(units, &Whose::Held(*hold), find, |whose| whose == Whose::Free);
                let record = ReservationRecord {
                    id: *hold,
                    performance: recorded.performance,
                    owner: *owner,
                    units: units.clone(),
                    status: RecordedStatus::Held,
                    made_at: *at,
                    expires_at: *expires_at,
                    fence: position.fence(),
                    extensions_used: 0,
                    order: None,
                    sequence: recorded.sequence,
                };
                let made = Made {
                    record,
                    is_begun_drained: is_drained,
                    is_drained,
                    epoch: position.epoch,
                    is_in_ledger: false,
                };
                self.made.insert(*hold, made);
            }
            Change::Extended { hold, expires_at } => {
                let Some(made) = self.go_on(*hold, None, None, is_drained, find) else { return };
                if *expires_at < made.record.expires_at {
                    find(format!("reservation {hold} is extended to an earlier time"));
                }
                made.record.expires_at = *expires_at;
                made.record.extensions_used += 1;
            }
            Change::PaymentBegun { hold, order, units } => {
                let before = self.go_on(*hold, None, Some(units), is_drained, find);
                if let Some(made) = before {
                    (made.record.status, made.record.order) = (RecordedStatus::Paying, Some(*order));
                }
                let from = Whose::Held(*hold);
                self.move_units(units, &Whose::Paying(*hold, *order), find, |whose| whose == from);
            }
            Change::PaymentEnded { hold, order, units, expires_at } => {
                if let Some(made) = self.go_on(*hold, Some(*order), Some(units), is_drained, find) {
                    (made.record.status, made.record.order) = (RecordedStatus::Held, None);
                    made.record.expires_at = *expires_at;
                }
                let from = Whose::Paying(*hold, *order);
                self.move_units(units, &Whose::Held(*hold), find, |whose| whose == from);
            }
            Change::Sold { hold, order, units } => {
                if let Some(made) = self.go_on(*hold, Some(*order), Some(units), is_drained, find) {
                    (made.record.status, made.record.order) = (RecordedStatus::Confirmed, Some(*order));
                }
                let from = Whose::Paying(*hold, *order);
                self.move_units(units, &Whose::Sold(*order), find, |whose| whose == from);
            }
            Change::Cancelled { hold, units } => {
                if let Some(made) = self.go_on(*hold, None, Some(units), is_drained, find) {
                    made.record.status = RecordedStatus::Cancelled;
                }
                let from = Whose::Held(*hold);
                self.move_units(units, &Whose::Free, find, |whose| whose == from);
            }
            Change::Expired { hold, units } => {
                if let Some(made) = self.go_on(*hold, None, Some(units), is_drained, find) {
                    if *at < made.record.expires_at {
                        find(format!("reservation {hold} lapses before its time"));
                    }
                    made.record.status = RecordedStatus::Expired;
                }
                let from = Whose::Held(*hold);
                self.move_units(units, &Whose::Free, find, |whose| whose == from);
            }
            Change::Returned { order, units } => {
                let from = Whose::Sold(*order);
                self.move_units(units, &Whose::Free, find, |whose| whose == from);
            }
            Change::Blocked { units } => {
                self.move_units(units, &Whose::Blocked, find, |whose| whose == Whose::Free);
            }
            Change::Unblocked { units } => {
                self.move_units(units, &Whose::Free, find, |whose| whose == Whose::Blocked);
            }
        }
        if self.checkpoint.as_ref().is_some_and(|image| image.position == self.position) {
            self.compare_checkpoint(find);
        }
    }

    /// The stock came from the ledger: what is known of it begins anew.
    fn load_anew(&mut self, epoch: u32) {
        self.position = Position { epoch, offset: 0 };
        self.is_whole = false;
        self.units.clear();
    }

    /// A hold that a change goes on with; none where its beginning is not known. `under`: the order that it has to be paying
    /// under, where it has to.
    fn go_on(
        &mut self,
        hold: ReservationId,
        under: Option<OrderId>,
        units: Option<&Units>,
        is_drained: bool,
        find: &mut dyn FnMut(String),
    ) -> Option<&mut Made> {
        let Some(made) = self.made.get_mut(&hold) else {
            if self.is_whole {
                find(format!("reservation {hold} was never made"));
            }
            return None;
        };
        made.is_drained = is_drained;
        let record = &made.record;
        let due = if under.is_some() { RecordedStatus::Paying } else { RecordedStatus::Held };
        if made.epoch == self.position.epoch && (record.status, record.order) != (due, under) {
            find(match record.order {
                Some(order) => {
                    format!("reservation {hold} is {} under order {order}", record.status.as_str())
                }
                None => format!("reservation {hold} is {}", record.status.as_str()),
            });
        }
        if units.is_some_and(|units| !super::same_units(units, &record.units)) {
            find(format!("reservation {hold} has other units"));
        }
        made.epoch = self.position.epoch;
        Some(made)
    }

    fn move_units(
        &mut self,
        units: &[Unit],
        to: &Whose,
        find: &mut dyn FnMut(String),
        is_right: impl Fn(Whose) -> bool,
    ) {
        let capacity = self.checkpoint.as_ref().map(|image| image.layout.capacity());
        if units.is_empty() {
            find("names no unit".to_owned());
        }
        for unit in units {
            if unit.0 == 0 || capacity.is_some_and(|capacity| unit.0 > capacity) {
                find(format!("there is no unit {}", unit.0));
                continue;
            }
            let whose = self.whose(*unit);
            if whose != Whose::Unknown && !is_right(whose) {
                find(format!("unit {} {whose}", unit.0));
            }
            self.units.insert(*unit, *to);
        }
    }

    /// At the end of the history.
    pub(super) fn end(&mut self, find: &mut dyn FnMut(String)) {
        let Some(image) = &self.checkpoint else {
            find("there is no checkpoint of it".to_owned());
            return;
        };
        if image.position.offset == 0 && image.position.epoch > self.position.epoch {
            // Loaded anew, and nothing has happened since.
            let epoch = image.position.epoch;
            self.load_anew(epoch);
        } else if image.position > self.position {
            find(format!("the checkpoint is of {}, and the last change {}", image.position, self.position));
        }
    }

    /// The checkpoint is of the position that has been reached.
    fn compare_checkpoint(&self, find: &mut dyn FnMut(String)) {
        let Some(image) = &self.checkpoint else { return };
        let mut written: HashMap<Unit, Whose> = HashMap::new();
        for hold in &image.holds {
            let whose = match hold.status {
                HoldStatus::Held => Whose::Held(hold.id),
                HoldStatus::Paying { order, .. } => Whose::Paying(hold.id, order),
            };
            written.extend(hold.units.iter().map(|unit| (*unit, whose)));
            if let Some(finding) = self.made.get(&hold.id).and_then(|made| difference(made, hold)) {
                find(format!("the checkpoint has another {finding} for reservation {}", hold.id));
            }
        }
        for sale in &image.sales {
            written.extend(sale.units.iter().map(|unit| (*unit, Whose::Sold(sale.order))));
        }
        written.extend(image.blocked.iter().map(|unit| (*unit, Whose::Blocked)));
        for unit in (1..=image.layout.capacity()).map(Unit) {
            let (is, should_be) = (written.get(&unit).copied().unwrap_or(Whose::Free), self.whose(unit));
            if should_be != Whose::Unknown && is != should_be {
                find(format!("unit {} {is} in the checkpoint, and by the changes it {should_be}", unit.0));
            }
        }
    }
}

/// What a checkpoint has otherwise of a hold.
fn difference(made: &Made, hold: &Hold) -> Option<&'static str> {
    let record = &made.record;
    [
        ("owner", record.owner == hold.owner),
        ("fence", record.fence == hold.fence),
        ("expiry", record.expires_at == hold.expires_at),
        ("count of extensions", record.extensions_used == hold.extensions_used),
    ]
    .into_iter()
    .find_map(|(what, is_right)| (!is_right).then_some(what))
}
