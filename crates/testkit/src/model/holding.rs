//! The model: holding, extending, cancelling, blocking.
//!
//! Invariant: each method takes the store's answer, says what is wrong with it, and follows it where it is right.

use onsale_app::ports::hot::Decided;
use onsale_domain::{
    ids::{AccountId, ReservationId},
    reservations::{
        BlockOutcome, CancelOutcome, Choice, Ending, ExtendOutcome, Hold, HoldOutcome, HoldRefusal,
        HoldRequest,
    },
    units::Unit,
};

use super::{Kind, Model, ModelHold, Slot, Verdict, expect, sorted};

/// What an owner's name for a hold leads to.
pub(super) enum Theirs {
    Live(usize),
    Ended(Ending, /* may be forgotten */ bool),
    Unknown,
}

impl Model {
    /// A command has a number where, and only where, it changed something.
    pub(super) fn check_number(number: Option<u64>, changed: bool) -> Verdict {
        match (number, changed) {
            (Some(_), true) | (None, false) => Ok(()),
            (None, true) => Err("a change without a number".to_owned()),
            (Some(number), false) => Err(format!("number {number} for no change")),
        }
    }

    pub(super) fn theirs(&self, id: ReservationId, owner: AccountId) -> Theirs {
        match self.holds.iter().position(|hold| hold.id == id && hold.owner == owner) {
            None => Theirs::Unknown,
            Some(index) => match self.holds[index].ended {
                None => Theirs::Live(index),
                Some(ending) => Theirs::Ended(ending, self.holds[index].forgettable),
            },
        }
    }

    /// Judges the answer to a wish to hold.
    pub fn hold(&mut self, request: &HoldRequest, answer: &Decided<HoldOutcome>) -> Verdict {
        let used = request.key.and_then(|key| {
            let same =
                |(owner, other, _): &&(AccountId, _, _)| *owner == request.owner && same_key(*other, key);
            self.keys.iter().find(same).map(|(_, other, made)| (other.request == key.request, *made))
        });
        Self::check_number(answer.sequence, matches!(answer.outcome, HoldOutcome::Held(_)))?;
        match (used, &answer.outcome) {
            // Whoever asks then asks the ledger, which knows it.
            (Some(_), HoldOutcome::KeyRecorded) => Ok(()),
            (Some((true, made)), outcome) => expect("outcome", outcome, &HoldOutcome::Repeated(made)),
            (Some((false, _)), outcome) => expect("outcome", outcome, &HoldOutcome::KeyMismatch),
            (None, HoldOutcome::Refused(refusal)) => self.check_refusal(request, refusal),
            (None, HoldOutcome::Held(hold)) => self.follow_hold(request, hold),
            (None, outcome) => Err(format!("{outcome:?} although the key was never used")),
        }
    }

    /// Every reason there is to refuse a request. Each is a right answer; none at all, and it must be granted.
    pub fn reasons_against(&self, request: &HoldRequest) -> Vec<HoldRefusal> {
        let mut reasons = Vec::new();
        if self.hold_named(request.id).is_some() {
            reasons.push(HoldRefusal::NameTaken);
        }
        let (from, quantity) = self.wanted(request);
        let owned = self.owned_by(request.owner);
        if owned + quantity > request.max_per_owner {
            reasons.push(HoldRefusal::LimitExceeded { limit: request.max_per_owner, owned });
        }
        let free = |unit: &Unit| self.slot(*unit) == Some(Slot::Free);
        match &request.choice {
            Choice::Seats(units) => {
                let unknown = units.iter().filter(|unit| !self.is_seat(**unit));
                reasons.extend(unknown.map(|unit| HoldRefusal::SeatNotFound(*unit)));
                let taken = units
                    .iter()
                    .copied()
                    .filter(|unit| self.is_seat(*unit) && !free(unit))
                    .collect::<Vec<_>>();
                if !taken.is_empty() {
                    reasons.push(HoldRefusal::SeatTaken(taken.into()));
                }
            }
            Choice::Area { area, .. } => {
                if !self.kinds.contains(&Kind::Place(*area)) {
                    reasons.push(HoldRefusal::AreaNotFound(*area));
                } else if (from.iter().filter(|unit| free(unit)).count() as u32) < quantity {
                    reasons.push(HoldRefusal::SoldOut);
                }
            }
            Choice::Best { .. } => {
                if (from.iter().filter(|unit| free(unit)).count() as u32) < quantity {
                    reasons.push(HoldRefusal::SoldOut);
                }
            }
        }
        reasons
    }

    fn check_refusal(&self, request: &HoldRequest, refusal: &HoldRefusal) -> Verdict {
        let in_order = |refusal: &HoldRefusal| match refusal {
            HoldRefusal::SeatTaken(units) => HoldRefusal::SeatTaken(sorted(units).into()),
            other => other.clone(),
        };
        let reasons = self.reasons_against(request);
        if reasons.iter().any(|reason| in_order(reason) == in_order(refusal)) {
            Ok(())
        } else {
            Err(format!("refused with {refusal:?}; true is one of {reasons:?}"))
        }
    }

    fn follow_hold(&mut self, request: &HoldRequest, hold: &Hold) -> Verdict {
        let reasons = self.reasons_against(request);
        if !reasons.is_empty() {
            return Err(format!("held {hold:?} although {reasons:?}"));
        }
        let (from, quantity) = self.wanted(request);
        let units = sorted(&hold.units);
        expect("how many units", &units.len(), &(quantity as usize))?;
        if units.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("a unit twice in {units:?}"));
        }
        if let Some(wrong) = units.iter().find(|unit| !from.contains(unit)) {
            return Err(format!("unit {} was not asked for", wrong.0));
        }
        if let Some(taken) = units.iter().find(|unit| self.slot(**unit) != Some(Slot::Free)) {
            return Err(format!("unit {} is {:?}", taken.0, self.slot(*taken)));
        }
        self.check_time("beginning", hold.made_at.as_millis(), self.now_ms)?;
        let span_ms = hold.expires_at.since_ms(hold.made_at);
        expect("span", &span_ms, &request.ttl_ms)?;
        let fence = self.changed();
        let made = ModelHold {
            id: request.id,
            owner: request.owner,
            units: units.clone(),
            expires_ms: self.now_ms + request.ttl_ms,
            fence,
            extensions_used: 0,
            paying: None,
            ended: None,
            forgettable: false,
        };
        self.compare(&made, hold)?;
        self.move_units(&units, Slot::Held(request.id));
        self.holds.push(made);
        self.keys.extend(request.key.map(|key| (request.owner, key, request.id)));
        Ok(())
    }

    /// Judges the answer to a wish to extend.
    pub fn extend(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
        answer: &Decided<ExtendOutcome>,
    ) -> Verdict {
        let outcome = &answer.outcome;
        Self::check_number(answer.sequence, matches!(outcome, ExtendOutcome::Extended(_)))?;
        let index = match self.theirs(id, owner) {
            Theirs::Unknown => return expect("outcome", outcome, &ExtendOutcome::NotFound),
            Theirs::Ended(_, true) if *outcome == ExtendOutcome::NotFound => return Ok(()),
            Theirs::Ended(ending, _) => return expect("outcome", outcome, &ExtendOutcome::Ended(ending)),
            Theirs::Live(index) => index,
        };
        if self.holds[index].paying.is_some() {
            return expect("outcome", outcome, &ExtendOutcome::PaymentUnderWay);
        }
        if self.holds[index].extensions_used >= max_extensions {
            return expect("outcome", outcome, &ExtendOutcome::ExtensionUsed);
        }
        let ExtendOutcome::Extended(told) = outcome else {
            return Err(format!("{outcome:?} for a hold that may be extended"));
        };
        self.changed();
        // "Another span from now"; one that would end earlier than the hold does anyway does not shorten it.
        let expires_ms = self.holds[index].expires_ms.max(self.now_ms + ttl_ms);
        self.holds[index].expires_ms = expires_ms;
        self.holds[index].extensions_used += 1;
        let known = self.holds[index].clone();
        self.compare(&known, told)
    }

    /// Judges the answer to a wish to cancel.
    pub fn cancel(
        &mut self,
        id: ReservationId,
        owner: AccountId,
        answer: &Decided<CancelOutcome>,
    ) -> Verdict {
        let outcome = &answer.outcome;
        let (wanted, frees) = match self.theirs(id, owner) {
            Theirs::Unknown => (CancelOutcome::NotFound, None),
            Theirs::Ended(_, true) if *outcome == CancelOutcome::NotFound => (CancelOutcome::NotFound, None),
            Theirs::Ended(Ending::Confirmed(_), _) => (CancelOutcome::AlreadyConfirmed, None),
            Theirs::Ended(Ending::Cancelled | Ending::Expired, _) => (CancelOutcome::Gone, None),
            Theirs::Live(index) if self.holds[index].paying.is_some() => {
                (CancelOutcome::PaymentUnderWay, None)
            }
            Theirs::Live(index) => (CancelOutcome::Gone, Some(index)),
        };
        expect("outcome", outcome, &wanted)?;
        Self::check_number(answer.sequence, frees.is_some())?;
        if let Some(index) = frees {
            let units = self.holds[index].units.clone();
            self.move_units(&units, Slot::Free);
            self.holds[index].ended = Some(Ending::Cancelled);
            self.changed();
        }
        Ok(())
    }

    /// Judges the answer to a wish to block or unblock.
    pub fn block(&mut self, seats: &[Unit], blocked: bool, answer: &Decided<BlockOutcome>) -> Verdict {
        let outcome = &answer.outcome;
        let unknown: Vec<Unit> = seats.iter().copied().filter(|unit| !self.is_seat(*unit)).collect();
        let in_use = |unit: &Unit| !matches!(self.slot(*unit), None | Some(Slot::Free | Slot::Blocked));
        let taken: Vec<Unit> =
            seats.iter().copied().filter(|unit| self.is_seat(*unit) && in_use(unit)).collect();
        let mut moves = false;
        match outcome {
            BlockOutcome::SeatNotFound(unit) if unknown.contains(unit) => {}
            BlockOutcome::SeatTaken(units) if blocked && !taken.is_empty() && unknown.is_empty() => {
                expect("seats taken", &sorted(units), &sorted(&taken))?;
            }
            BlockOutcome::Done if unknown.is_empty() && (taken.is_empty() || !blocked) => {
                let (from, to) =
                    if blocked { (Slot::Free, Slot::Blocked) } else { (Slot::Blocked, Slot::Free) };
                let moving: Vec<Unit> =
                    seats.iter().copied().filter(|unit| self.slot(*unit) == Some(from)).collect();
                moves = !moving.is_empty();
                self.move_units(&moving, to);
            }
            other => return Err(format!("{other:?}; unknown are {unknown:?}, taken are {taken:?}")),
        }
        if moves {
            self.changed();
        }
        Self::check_number(answer.sequence, moves)
    }
}

fn same_key(
    one: onsale_domain::reservations::RequestKey,
    other: onsale_domain::reservations::RequestKey,
) -> bool {
    one.key == other.key
}
