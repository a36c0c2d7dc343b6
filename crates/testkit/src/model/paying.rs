//! The model: payments, sales, refunds.
//!
//! Invariant: a step moves something only where hold, fence and order all are those of the payment under way.

use onsale_app::ports::hot::{Decided, PaymentStep};
use onsale_domain::{
    ids::{AccountId, OrderId, ReservationId},
    reservations::{BeginOutcome, Ending, FinishOutcome},
    units::Unit,
};

use super::{Model, Slot, Verdict, expect, holding::Theirs};

impl Model {
    /// Judges the answer to a wish to pay.
    pub fn begin_payment(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        order: OrderId,
        answer: &Decided<BeginOutcome>,
    ) -> Verdict {
        let outcome = &answer.outcome;
        let index = match self.theirs(id, owner) {
            Theirs::Unknown => return expect("outcome", outcome, &BeginOutcome::NotFound),
            Theirs::Ended(_, true) if *outcome == BeginOutcome::NotFound => return Ok(()),
            Theirs::Ended(ending, _) => return expect("outcome", outcome, &BeginOutcome::Ended(ending)),
            Theirs::Live(index) => index,
        };
        let under_way = self.holds[index].paying;
        Self::check_number(answer.sequence, under_way.is_none())?;
        if let Some(other) = under_way.filter(|other| *other != order) {
            return expect("outcome", outcome, &BeginOutcome::PaymentUnderWay(other));
        }
        let BeginOutcome::Begun(told) = outcome else {
            return Err(format!("{outcome:?} for a hold that may be paid"));
        };
        if under_way.is_none() {
            self.changed();
            self.holds[index].paying = Some(order);
            let units = self.holds[index].units.clone();
            self.move_units(&units, Slot::Paying(id));
        }
        let known = self.holds[index].clone();
        self.compare(&known, told)
    }

    /// Judges the answer to the end of a payment.
    pub fn end_payment(
        &mut self,
        step: PaymentStep,
        grace_ms: u64,
        answer: &Decided<FinishOutcome>,
    ) -> Verdict {
        let Some(index) = self.paying_under(step) else {
            // Ended before: "done by an earlier call" and "no longer paying" are both true.
            let known = self.hold_named(step.hold).filter(|hold| hold.fence == step.fence);
            return Self::nothing_done(answer, known.is_some_and(|hold| hold.ended.is_none()), false);
        };
        expect("outcome", &answer.outcome, &FinishOutcome::Done)?;
        Self::check_number(answer.sequence, true)?;
        self.changed();
        let expires_ms = self.holds[index].expires_ms.max(self.now_ms + grace_ms);
        self.holds[index].expires_ms = expires_ms;
        self.holds[index].paying = None;
        let units = self.holds[index].units.clone();
        self.move_units(&units, Slot::Held(step.hold));
        Ok(())
    }

    /// Judges the answer to a sale.
    pub fn sell(&mut self, step: PaymentStep, answer: &Decided<FinishOutcome>) -> Verdict {
        let Some(index) = self.paying_under(step) else {
            let has_units = self.slots.contains(&Slot::Sold(step.order));
            let sold = self.buyers.iter().any(|(order, _)| *order == step.order);
            let exactly = self.hold_named(step.hold).is_some_and(|hold| {
                hold.fence == step.fence && hold.ended == Some(Ending::Confirmed(step.order))
            });
            // Sold by an earlier call, so "done", while the order has something. Once all of it is given back, or
            // where only the order is the right one, "stale" is true as well.
            return Self::nothing_done(answer, sold, exactly && has_units);
        };
        expect("outcome", &answer.outcome, &FinishOutcome::Done)?;
        Self::check_number(answer.sequence, true)?;
        self.changed();
        let owner = self.holds[index].owner;
        self.buyers.push((step.order, owner));
        self.holds[index].ended = Some(Ending::Confirmed(step.order));
        self.holds[index].paying = None;
        let units = self.holds[index].units.clone();
        self.move_units(&units, Slot::Sold(step.order));
        Ok(())
    }

    /// Judges the answer to giving units of an order back.
    pub fn give_back(&mut self, order: OrderId, units: &[Unit], answer: &Decided<FinishOutcome>) -> Verdict {
        let has = |unit: &Unit| self.slot(*unit) == Some(Slot::Sold(order));
        let theirs: Vec<Unit> = units.iter().copied().filter(has).collect();
        if theirs.is_empty() {
            let sold = self.buyers.iter().any(|(known, _)| *known == order);
            return Self::nothing_done(answer, sold, false);
        }
        expect("outcome", &answer.outcome, &FinishOutcome::Done)?;
        Self::check_number(answer.sequence, true)?;
        self.changed();
        self.move_units(&theirs, Slot::Free);
        Ok(())
    }

    /// A step with nothing to do: stale, unless an earlier call may have (or certainly has) done it.
    fn nothing_done(answer: &Decided<FinishOutcome>, may_be_done: bool, is_done: bool) -> Verdict {
        Self::check_number(answer.sequence, false)?;
        match answer.outcome {
            FinishOutcome::Done if may_be_done || is_done => Ok(()),
            FinishOutcome::Stale if !is_done => Ok(()),
            outcome => {
                Err(format!("{outcome:?} for a step that {}", if is_done { "was done" } else { "is stale" }))
            }
        }
    }
}
