//! Folding a batch of changes into the rows it leaves behind: one row for each reservation and blocked unit,
//! however often the batch touches it.
//!
//! Invariant: a change at or before the position that a row shows is passed over.

use std::collections::{BTreeMap, BTreeSet};

use onsale_app::ports::{StoreError, ledger::RecordedStatus};
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{OrderId, ReservationId},
    time::Timestamp,
    units::Unit,
};
use uuid::Uuid;

use crate::{
    columns::{signed, to_json, unit_column},
    entity::{blocked_units, reservations},
};

/// What a batch comes to.
#[derive(Debug, Default)]
pub(super) struct Folding {
    rows: BTreeMap<Uuid, reservations::Model>,
    touched: BTreeSet<Uuid>,
    blocked: BTreeMap<(Uuid, i32), blocked_units::Model>,
    unknown: Vec<ReservationId>,
}

/// The reservations that a batch goes on with, without having their beginning: their rows are needed.
pub(super) fn continued(changes: &[Recorded]) -> Vec<Uuid> {
    let mut begun = BTreeSet::new();
    let mut continued = BTreeSet::new();
    for recorded in changes {
        match &recorded.change {
            Change::Held { hold, .. } => {
                begun.insert(hold.0);
            }
            change => continued.extend(reservation(change).map(|id| id.0).filter(|id| !begun.contains(id))),
        }
    }
    continued.into_iter().collect()
}

/// The reservation that a change moves.
fn reservation(change: &Change) -> Option<ReservationId> {
    match change {
        Change::Held { hold, .. }
        | Change::Extended { hold, .. }
        | Change::PaymentBegun { hold, .. }
        | Change::PaymentEnded { hold, .. }
        | Change::Sold { hold, .. }
        | Change::Cancelled { hold, .. }
        | Change::Expired { hold, .. } => Some(*hold),
        Change::Returned { .. } | Change::Blocked { .. } | Change::Unblocked { .. } => None,
    }
}

impl Folding {
    /// Starts from a row that is there.
    pub(super) fn know(&mut self, row: reservations::Model) {
        self.rows.insert(row.id, row);
    }

    /// Folds the next change in.
    pub(super) fn fold(&mut self, recorded: &Recorded) -> Result<(), StoreError> {
        let position = signed(recorded.fence().0)?;
        match &recorded.change {
            Change::Held { hold, .. } => {
                if self.rows.get(&hold.0).is_none_or(|row| row.position < position) {
                    self.rows.insert(hold.0, begun(recorded, position)?);
                    self.touched.insert(hold.0);
                }
            }
            Change::Extended { hold, expires_at } => self.go_on(*hold, position, |row| {
                row.expires_at = expires_at.as_millis();
                row.extensions_used += 1;
            }),
            Change::PaymentBegun { hold, order, .. } => {
                self.go_on(*hold, position, |row| stand(row, RecordedStatus::Paying, Some(*order), None));
            }
            Change::PaymentEnded { hold, expires_at, .. } => {
                self.go_on(*hold, position, |row| stand(row, RecordedStatus::Held, None, Some(*expires_at)));
            }
            Change::Sold { hold, order, .. } => {
                self.go_on(*hold, position, |row| stand(row, RecordedStatus::Confirmed, Some(*order), None));
            }
            Change::Cancelled { hold, .. } => {
                self.go_on(*hold, position, |row| stand(row, RecordedStatus::Cancelled, None, None));
            }
            Change::Expired { hold, .. } => {
                self.go_on(*hold, position, |row| stand(row, RecordedStatus::Expired, None, None));
            }
            // The order says what became of its units, and it was told first.
            Change::Returned { .. } => {}
            Change::Blocked { units } => self.block(recorded, units, true, position)?,
            Change::Unblocked { units } => self.block(recorded, units, false, position)?,
        }
        Ok(())
    }

    /// Says which reservations were moved without being known: their beginning may have been in an epoch that
    /// was lost before it was written down.
    pub(super) fn report_unknown(&self) {
        if let Some(first) = self.unknown.first() {
            let changes = self.unknown.len();
            tracing::warn!(reservation = %first, changes, "changes of reservations whose beginning is not recorded");
        }
    }

    /// The rows to write, in the order of their keys.
    pub(super) fn reservations(&self) -> Vec<&reservations::Model> {
        self.touched.iter().filter_map(|id| self.rows.get(id)).collect()
    }

    /// The blocked units to write, in the order of their keys.
    pub(super) fn blocked_units(&self) -> Vec<&blocked_units::Model> {
        self.blocked.values().collect()
    }

    fn go_on(&mut self, hold: ReservationId, position: i64, step: impl FnOnce(&mut reservations::Model)) {
        match self.rows.get_mut(&hold.0) {
            None => self.unknown.push(hold),
            Some(row) if row.position >= position => {}
            Some(row) => {
                step(row);
                row.position = position;
                self.touched.insert(hold.0);
            }
        }
    }

    fn block(
        &mut self,
        recorded: &Recorded,
        units: &[Unit],
        blocked: bool,
        position: i64,
    ) -> Result<(), StoreError> {
        let performance_id = recorded.performance.0;
        for unit in units {
            let unit = unit_column(*unit)?;
            let row = blocked_units::Model { performance_id, unit, blocked, position };
            let known = self.blocked.entry((performance_id, unit)).or_insert_with(|| row.clone());
            if known.position < position {
                *known = row;
            }
        }
        Ok(())
    }
}

/// The row of a reservation that begins here; nothing for other changes.
fn begun(recorded: &Recorded, position: i64) -> Result<reservations::Model, StoreError> {
    let Change::Held { hold, owner, units, expires_at, key } = &recorded.change else {
        return Err(StoreError::corrupt("a reservation begun by another change than its own"));
    };
    Ok(reservations::Model {
        id: hold.0,
        performance_id: recorded.performance.0,
        owner_id: owner.0,
        units: to_json(units)?,
        status: RecordedStatus::Held.as_str().to_owned(),
        made_at: recorded.at.as_millis(),
        expires_at: expires_at.as_millis(),
        fence: position,
        extensions_used: 0,
        order_id: None,
        sequence: signed(recorded.sequence)?,
        position,
        key_digest: key.map(|key| key.key.to_vec()),
        request_digest: key.map(|key| key.request.to_vec()),
    })
}

fn stand(
    row: &mut reservations::Model,
    status: RecordedStatus,
    order: Option<OrderId>,
    expires_at: Option<Timestamp>,
) {
    status.as_str().clone_into(&mut row.status);
    row.order_id = order.map(|order| order.0);
    if let Some(expires_at) = expires_at {
        row.expires_at = expires_at.as_millis();
    }
}
