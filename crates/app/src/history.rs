//! The history of a sale, read again from its journal: whether every change in it was possible where it stands, and whether
//! checkpoints and the ledger have what comes of it.
//!
//! Invariants: nothing here goes through the code that made the history, so that both would have to be wrong in the same
//! way; a change that was not possible is followed all the same, as everybody has followed it, so that one fault is not
//! found again with every change behind it. Where the stock came from the ledger in the meantime (a new epoch), what a unit
//! was is not known until the first change that names it.

use std::collections::{BTreeMap, HashMap};

use onsale_domain::{
    changes::Recorded,
    ids::{EventId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Sale},
    units::{Unit, Units},
    waiting_room::{RoomChange, RoomImage},
};

use crate::{
    findings::Findings,
    ports::{
        StoreError,
        ledger::{Ledger, RecordedStatus, ReservationRecord},
    },
};

mod line;
mod past;
#[cfg(test)]
mod tests;

use line::Line;
use past::{Made, Past, Whose};

/// So many reservations of the ledger are read at once.
const PAGE: u32 = 5_000;

/// The history of all performances and waiting rooms of a store.
pub struct History {
    pasts: BTreeMap<PerformanceId, Past>,
    lines: BTreeMap<EventId, Line>,
    row: u64,
    sequence: u64,
    drained_to: u64,
    /// How many changes were looked at.
    pub changes: u64,
    /// How many reservations were compared with the ledger.
    pub compared: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl History {
    /// Begins at the beginning. `checkpoints` and `rooms`: the newest of each performance and each waiting room. `drained_to`: what rows up to this one have
    /// made is in the ledger, as the store says.
    pub fn new(
        checkpoints: impl IntoIterator<Item = (PerformanceId, Image)>,
        rooms: impl IntoIterator<Item = RoomImage>,
        drained_to: u64,
    ) -> Self {
        let lines = rooms.into_iter().map(|image| (image.event, Line::new(image.event, Some(&image))));
        let pasts = checkpoints.into_iter().map(|(performance, image)| (performance, Past::new(Some(image))));
        Self {
            pasts: pasts.collect(),
            lines: lines.collect(),
            row: 0,
            sequence: 0,
            drained_to,
            changes: 0,
            compared: 0,
            findings: Findings::default(),
        }
    }

    /// Looks at the next row.
    pub fn look_at(&mut self, row: u64, changes: &[Recorded]) {
        let (before, next) = (self.row, self.row + 1);
        self.findings.check(row == next, || format!("row {row} comes after row {before}"));
        self.row = row;
        for recorded in changes {
            self.changes += 1;
            let (number, before) = (recorded.sequence, self.sequence);
            self.findings.check(number >= before, || {
                format!("row {row}: command {number} comes after command {before}")
            });
            self.sequence = number;
            let past = self.pasts.entry(recorded.performance).or_insert_with(|| Past::new(None));
            let is_drained = row <= self.drained_to;
            past.follow(recorded, is_drained, &mut |finding| {
                let (performance, position) = (recorded.performance, recorded.position);
                self.findings.find(format!("performance {performance} at {position}: {finding}"));
            });
        }
    }

    /// Looks at the next change of a waiting room.
    pub fn look_at_room(&mut self, event: EventId, offset: u64, change: &RoomChange) {
        self.changes += 1;
        let line = self.lines.entry(event).or_insert_with(|| Line::new(event, None));
        line.follow(offset, change, &mut |finding| {
            self.findings.find(format!("waiting room of event {event} at {offset}: {finding}"));
        });
    }

    /// How many waiting rooms there are.
    pub fn rooms(&self) -> usize {
        self.lines.len()
    }

    /// How many performances there are.
    pub fn performances(&self) -> usize {
        self.pasts.len()
    }

    /// The end of the history has been reached.
    pub fn end(&mut self) {
        let (row, drained_to) = (self.row, self.drained_to);
        self.findings.check(drained_to <= row, || {
            format!("rows up to {drained_to} are said to be in the ledger, and the last one is {row}")
        });
        for (performance, past) in &mut self.pasts {
            past.end(&mut |finding| self.findings.find(format!("performance {performance}: {finding}")));
        }
        for (event, line) in &self.lines {
            line.end(&mut |finding| self.findings.find(format!("waiting room of event {event}: {finding}")));
        }
    }

    /// Holds the ledger against it.
    pub async fn compare(&mut self, ledger: &dyn Ledger) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = ledger.recorded_reservations(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for recorded in &page {
                self.compare_reservation(recorded);
            }
        }
        self.end_reservations();
        let performances: Vec<PerformanceId> = self.pasts.keys().copied().collect();
        for performance in performances {
            self.compare_sales(performance, &ledger.sales(performance).await?);
        }
        Ok(())
    }

    /// Compares what the ledger has of a reservation. One from before the journal began is nobody's business here.
    fn compare_reservation(&mut self, recorded: &ReservationRecord) {
        let Some(past) = self.pasts.get_mut(&recorded.performance) else { return };
        let (epoch, is_whole) = (past.position.epoch, past.is_whole);
        let Some(made) = past.made.get_mut(&recorded.id) else {
            self.findings.check(!is_whole, || format!("reservation {}: not in the journal", recorded.id));
            return;
        };
        made.is_in_ledger = true;
        self.compared += 1;
        for finding in made.differences(epoch, recorded) {
            self.findings.find(format!("reservation {}: {finding}", recorded.id));
        }
    }

    /// All reservations of the ledger have been compared.
    fn end_reservations(&mut self) {
        for past in self.pasts.values() {
            let missing = past.made.values().filter(|made| made.is_begun_drained && !made.is_in_ledger);
            for Made { record, .. } in missing {
                self.findings.find(format!("reservation {}: not in the ledger", record.id));
            }
        }
    }

    /// Compares who has paid for what: `sales` are the claims of paid orders in the ledger.
    fn compare_sales(&mut self, performance: PerformanceId, sales: &[Sale]) {
        let Some(past) = self.pasts.get(&performance) else { return };
        let paid: HashMap<Unit, OrderId> =
            sales.iter().flat_map(|sale| sale.units.iter().map(|unit| (*unit, sale.order))).collect();
        for (unit, whose) in &past.units {
            let Whose::Sold(order) = whose else { continue };
            match paid.get(unit) {
                Some(payer) if payer == order => {}
                payer => self.findings.find(format!(
                    "performance {performance}: unit {} is sold under order {order}, and paid for under {}",
                    unit.0,
                    payer.map_or_else(|| "none".to_owned(), ToString::to_string)
                )),
            }
        }
        for (unit, order) in paid {
            // Paid, and the last step is to come.
            let is_coming = |whose: Whose| matches!(whose, Whose::Paying(_, under) if under == order);
            let whose = past.whose(unit);
            let is_right = whose == Whose::Sold(order) || whose == Whose::Unknown || is_coming(whose);
            self.findings.check(is_right, || {
                format!(
                    "performance {performance}: unit {} is paid for under order {order}, and {whose}",
                    unit.0
                )
            });
        }
    }
}

impl Made {
    /// What the ledger has otherwise, now that the stock is in this epoch.
    fn differences(&self, epoch: u32, recorded: &ReservationRecord) -> Vec<String> {
        let made = &self.record;
        let mut found = Vec::new();
        let mut differ = |what: &str, is_right: bool| {
            if !is_right {
                found.push(format!("{what} in the ledger is not that of the journal"));
            }
        };
        differ("the owner", made.owner == recorded.owner);
        differ("the list of units", same_units(&made.units, &recorded.units));
        differ("the fence", made.fence == recorded.fence);
        if !self.was_loaded(epoch) {
            differ("the time it was made", made.made_at == recorded.made_at);
        }
        // What is not drained yet may be there or not.
        if !self.is_drained || (self.is_left_behind(epoch) && made.status != recorded.status) {
            return found;
        }
        if made.status != recorded.status {
            let (is, should_be) = (recorded.status.as_str(), made.status.as_str());
            found.push(format!("is {is} in the ledger, and {should_be} in the journal"));
            return found;
        }
        differ("the order", made.order == recorded.order);
        if !self.was_loaded(epoch) {
            differ("the expiry", made.expires_at == recorded.expires_at);
            differ("the count of extensions", made.extensions_used == recorded.extensions_used);
        }
        found
    }
}

fn same_units(one: &Units, other: &Units) -> bool {
    let sorted = |units: &Units| {
        let mut units = units.to_vec();
        units.sort_unstable();
        units
    };
    one == other || sorted(one) == sorted(other)
}
