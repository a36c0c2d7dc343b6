//! The lease over Redis: each step is one script, and its answer read back.
//!
//! Invariant: an outcome is what a script answered; what is not known is an error.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{Decided, HotError, PaymentStep, Reservations},
};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    reservations::{
        BeginOutcome, CancelOutcome, Choice, Ending, ExtendOutcome, FinishOutcome, HoldOutcome, HoldRefusal,
        HoldRequest, HoldView,
    },
    units::Unit,
};

use super::{
    Inner, Performance, RedisStore, codec,
    scripts::{self, Answer},
    together::Wish,
};

/// What a `hold` script came to.
pub(super) enum Held {
    Outcome(Decided<HoldOutcome>),
    /// The choice of best seats does not hold any more.
    Moved,
}

/// Which units `hold.lua` is asked for.
pub(super) struct Wanted {
    /// `s`, `a` or `b`.
    pub(super) kind: &'static [u8],
    /// Units or the area, as the script takes them.
    pub(super) what: Vec<u8>,
    pub(super) quantity: u32,
    /// The position at which the best were chosen.
    pub(super) seen: Vec<u8>,
}

/// What one who asks for a hold gives to `hold.lua`.
pub(super) struct HoldWish {
    arguments: [Vec<u8>; 10],
    units: u32,
}

impl Wish for HoldWish {
    fn weight(&self) -> u32 {
        self.units
    }
}

impl Inner {
    pub(super) async fn hold_wanted(
        self: &Arc<Self>,
        performance: &Arc<Performance>,
        request: &HoldRequest,
        call: &[u8; 8],
        wanted: Wanted,
    ) -> Result<Held, HotError> {
        let arguments = [
            request.id.0.as_bytes().to_vec(),
            request.owner.0.as_bytes().to_vec(),
            call.to_vec(),
            wanted.kind.to_vec(),
            wanted.what,
            wanted.quantity.to_string().into_bytes(),
            request.ttl_ms.to_string().into_bytes(),
            request.max_per_owner.to_string().into_bytes(),
            request.key.map(|key| [key.key, key.request].concat()).unwrap_or_default(),
            wanted.seen,
        ];
        let wish = HoldWish { arguments, units: wanted.quantity };
        let (inner, stock) = (Arc::clone(self), Arc::clone(performance));
        let hold = move |wishes: Vec<HoldWish>| {
            let (inner, stock) = (Arc::clone(&inner), Arc::clone(&stock));
            async move {
                let arguments: Vec<&[u8]> =
                    wishes.iter().flat_map(|wish| wish.arguments.iter().map(Vec::as_slice)).collect();
                inner.commands(&stock, &scripts::HOLD, &arguments, wishes.len()).await
            }
        };
        let mut answer = performance.line.ask(wish, hold).await?;
        let mut sequence = answer.number;
        let outcome = match answer.word() {
            "held" => {
                let (hold, made_by) = codec::hold(request.id, &answer.bytes()?)?;
                // The answer to a call that was made twice tells the number of the first time.
                sequence = Some(made_by);
                HoldOutcome::Held(hold)
            }
            "repeated" => HoldOutcome::Repeated(codec::id(&answer.bytes()?)?),
            "mismatch" => HoldOutcome::KeyMismatch,
            "moved" => return Ok(Held::Moved),
            _ => HoldOutcome::Refused(refusal(request, &mut answer)?),
        };
        Ok(Held::Outcome(Decided { outcome, sequence }))
    }
}

fn refusal(request: &HoldRequest, answer: &mut Answer) -> Result<HoldRefusal, HotError> {
    Ok(match answer.word() {
        "name" => HoldRefusal::NameTaken,
        "no_seat" => HoldRefusal::SeatNotFound(Unit(number(answer.int()?)?)),
        "no_area" => match request.choice {
            Choice::Area { area, .. } => HoldRefusal::AreaNotFound(area),
            Choice::Seats(_) | Choice::Best { .. } => return Err(answer.unknown()),
        },
        "limit" => HoldRefusal::LimitExceeded { limit: request.max_per_owner, owned: number(answer.int()?)? },
        "taken" => HoldRefusal::SeatTaken(codec::units(&answer.bytes()?)?),
        "sold_out" => HoldRefusal::SoldOut,
        _ => return Err(answer.unknown()),
    })
}

pub(super) fn number(int: i64) -> Result<u32, StoreError> {
    u32::try_from(int).map_err(StoreError::corrupt)
}

/// How a hold ended, from the bytes of its entry.
fn ending(hold: ReservationId, bytes: &[u8]) -> Result<Ending, StoreError> {
    codec::ended(hold, bytes).map(|(_, _, ending)| ending)
}

pub(super) fn finished(answer: &Answer) -> Result<Decided<FinishOutcome>, HotError> {
    let outcome = match answer.word() {
        "done" => FinishOutcome::Done,
        "stale" => FinishOutcome::Stale,
        _ => return Err(answer.unknown()),
    };
    Ok(Decided { outcome, sequence: answer.number })
}

#[async_trait]
impl Reservations for RedisStore {
    async fn hold(&self, p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError> {
        let performance = self.inner.performance(p);
        let call = self.inner.new_call();
        let (kind, what, quantity) = match &request.choice {
            Choice::Seats(units) => (b"s", codec::unit_bytes(units), units.len() as u32),
            Choice::Area { area, quantity } => (b"a", area.to_string().into_bytes(), *quantity),
            Choice::Best { .. } => return self.inner.hold_best(&performance, &request, &call).await,
        };
        let wanted = Wanted { kind, what, quantity, seen: Vec::new() };
        match self.inner.hold_wanted(&performance, &request, &call, wanted).await? {
            Held::Outcome(decided) => Ok(decided),
            Held::Moved => Err(StoreError::corrupt("seats that were named cannot move").into()),
        }
    }

    async fn extend(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError> {
        let call = self.inner.new_call();
        let (ttl, most) = (ttl_ms.to_string(), max_extensions.to_string());
        let arguments: [&[u8]; 5] =
            [hold.0.as_bytes(), owner.0.as_bytes(), &call, ttl.as_bytes(), most.as_bytes()];
        let performance = self.inner.performance(p);
        let mut answer = self.inner.command(&performance, &scripts::EXTEND, &arguments).await?;
        let outcome = match answer.word() {
            "extended" => ExtendOutcome::Extended(codec::hold(hold, &answer.bytes()?)?.0),
            "used" => ExtendOutcome::ExtensionUsed,
            "paying" => ExtendOutcome::PaymentUnderWay,
            "ended" => ExtendOutcome::Ended(ending(hold, &answer.bytes()?)?),
            "unknown" => ExtendOutcome::NotFound,
            _ => return Err(answer.unknown()),
        };
        Ok(Decided { outcome, sequence: answer.number })
    }

    async fn cancel(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
    ) -> Result<Decided<CancelOutcome>, HotError> {
        let arguments: [&[u8]; 2] = [hold.0.as_bytes(), owner.0.as_bytes()];
        let performance = self.inner.performance(p);
        let answer = self.inner.command(&performance, &scripts::CANCEL, &arguments).await?;
        let outcome = match answer.word() {
            "gone" => CancelOutcome::Gone,
            "paying" => CancelOutcome::PaymentUnderWay,
            "confirmed" => CancelOutcome::AlreadyConfirmed,
            "unknown" => CancelOutcome::NotFound,
            _ => return Err(answer.unknown()),
        };
        Ok(Decided { outcome, sequence: answer.number })
    }

    async fn begin_payment(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError> {
        let call = self.inner.new_call();
        let arguments: [&[u8]; 4] = [hold.0.as_bytes(), owner.0.as_bytes(), &call, order.0.as_bytes()];
        let performance = self.inner.performance(p);
        let mut answer = self.inner.command(&performance, &scripts::BEGIN_PAYMENT, &arguments).await?;
        let outcome = match answer.word() {
            "begun" => BeginOutcome::Begun(codec::hold(hold, &answer.bytes()?)?.0),
            "paying" => BeginOutcome::PaymentUnderWay(codec::id(&answer.bytes()?)?),
            "ended" => BeginOutcome::Ended(ending(hold, &answer.bytes()?)?),
            "unknown" => BeginOutcome::NotFound,
            _ => return Err(answer.unknown()),
        };
        Ok(Decided { outcome, sequence: answer.number })
    }

    async fn end_payment(
        &self,
        p: PerformanceId,
        step: PaymentStep,
        grace_ms: u64,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        let call = self.inner.new_call();
        let (fence, grace) = (step.fence.0.to_be_bytes(), grace_ms.to_string());
        let arguments: [&[u8]; 5] =
            [step.hold.0.as_bytes(), &fence, &call, step.order.0.as_bytes(), grace.as_bytes()];
        let performance = self.inner.performance(p);
        finished(&self.inner.command(&performance, &scripts::END_PAYMENT, &arguments).await?)
    }

    async fn sell(&self, p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError> {
        let arguments: [&[u8]; 3] =
            [step.hold.0.as_bytes(), &step.fence.0.to_be_bytes(), step.order.0.as_bytes()];
        let performance = self.inner.performance(p);
        finished(&self.inner.command(&performance, &scripts::SELL, &arguments).await?)
    }

    async fn find(&self, p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError> {
        let performance = self.inner.performance(p);
        let mut answer = self.inner.command(&performance, &scripts::FIND, &[hold.0.as_bytes()]).await?;
        match answer.word() {
            "live" => {
                let (hold, _) = codec::hold(hold, &answer.bytes()?)?;
                Ok(Some(HoldView { hold, ended: None }))
            }
            "ended" => {
                let (_, hold, ending) = codec::ended(hold, &answer.bytes()?)?;
                Ok(Some(HoldView { hold, ended: Some(ending) }))
            }
            "unknown" => Ok(None),
            _ => Err(answer.unknown()),
        }
    }
}
