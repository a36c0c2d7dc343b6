//! Orders: confirming a reservation.
//!
//! Confirm goes step by step: begin payment in the hot store → order recorded as paying, its units claimed →
//! charge → order paid → sold in the hot store → answer. A crash between any two steps is finished by the
//! reconciler: forward if the money was taken, backward if it was not.
//!
//! Invariants: no charge before the units are claimed in the ledger; no end of a payment in the hot store
//! before the attempt is known to be dead; every step may run twice.

use std::time::Duration;

use onsale_domain::{
    email,
    events::WaitingRoomMode,
    ids::{AccountId, OrderId, RefundId, ReservationId},
    orders::OrderStatus,
    reservations::{
        BeginOutcome, Ending, FinishOutcome, GRACE_AFTER_DECLINE_MS, Hold, KEY_MEMORY_MS, RequestKey,
    },
    tickets::TicketCode,
    time::Timestamp,
};
use serde_json::json;

use crate::{
    App, Caller,
    accounts::checked_name,
    cards::Card,
    errors::{AppError, Reason, rfc3339},
    payments::Resumed,
    ports::{
        admissions::Bought,
        hot::PaymentStep,
        ledger::{BeginOrder, BuyerDetails, Order, OrderUnit, OwnedKey, RecordedStatus},
        payments::{
            BadInstrument, BuyerAction, Charge, Charged, Decline, Instrument, PageForm, PaymentProvider,
            ProviderError, Settled,
        },
    },
    reservations::{UnitsInWords, ended, key_mismatch, payment_under_way},
};

mod looking;

pub(crate) use looking::order_in_words;

/// How long a provider may take to answer a charge or a refund.
pub const PROVIDER_ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// What the payment is made with, where nothing is to be paid.
pub(crate) const FREE_OF_CHARGE: &str = "free";

/// An order in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// What its units are called, in the same order.
    pub labels: UnitsInWords,
    /// What the buyer has to do before it can be paid, where that was asked for just now.
    pub action: Option<BuyerAction>,
}

impl OrderView {
    /// The same with those units only that are in no refund.
    pub(crate) fn without_refunded(self) -> Self {
        self.only(|unit| unit.refund.is_none())
    }

    /// The same with those units only that are in this refund.
    pub(crate) fn of_refund(self, id: RefundId) -> Self {
        self.only(|unit| unit.refund.is_some_and(|refund| refund.id == id))
    }

    fn only(mut self, is_meant: impl Fn(&OrderUnit) -> bool) -> Self {
        let units = std::mem::take(&mut self.order.units);
        let labels = std::mem::take(&mut self.labels);
        (self.order.units, self.labels) =
            units.into_iter().zip(labels).filter(|(unit, _)| is_meant(unit)).unzip();
        self
    }
}

/// What is needed to confirm.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The provider, by name.
    pub method: String,
    /// What to pay with, under the provider's name for it, where the buyer has chosen.
    pub instrument: Option<String>,
    /// Whom the tickets are for.
    pub buyer: BuyerDetails,
    /// Set where the client wants a repeat to do nothing.
    pub key: Option<RequestKey>,
}

impl App {
    /// Pays for a reservation. Asking again after it is paid answers with the same order; asking again while the
    /// provider waits for the buyer says once more what they have to do.
    ///
    /// To be run to its end once begun: a caller that goes away must not take it along.
    pub async fn confirm(
        &self,
        caller: Caller,
        reservation: ReservationId,
        confirmation: Confirmation,
    ) -> Result<OrderView, AppError> {
        let provider = self.provider(&confirmation.method)?;
        let buyer = checked_details(confirmation.buyer, self.sends_letters)?;
        let instrument = checked_instrument(confirmation.instrument)?;
        let card = self.card_of(reservation).await?;
        let key = confirmation.key.map(|key| OwnedKey { owner: caller.account, key });
        if let Some(order) = self.order_under(key).await? {
            if order.status != OrderStatus::Paying {
                return Ok(order_in_words(&card, order));
            }
            match self.resume(&card, order, instrument.as_ref()).await? {
                Resumed::Stands(view) => return Ok(*view),
                Resumed::UnderWay => return Err(in_flight()),
                Resumed::Over => {}
            }
        }
        let order = OrderId(self.new_id());
        let begin = async || {
            let performance = card.performance.id;
            let begin = || self.hot.begin_payment(performance, reservation, caller.account, order);
            // After an error it may have begun all the same.
            self.on_hot(&card, begin).await.inspect_err(|_| self.left_open.add(order))
        };
        let mut begun = begin().await?;
        if let BeginOutcome::PaymentUnderWay(earlier) = begun.outcome {
            let earlier = self.ledger.order(earlier).await?.ok_or_else(payment_under_way)?;
            match self.resume(&card, earlier, instrument.as_ref()).await? {
                Resumed::Stands(view) => return Ok(*view),
                Resumed::UnderWay => return Err(payment_under_way()),
                Resumed::Over => begun = begin().await?,
            }
        }
        let hold = match begun.outcome {
            BeginOutcome::Begun(hold) => hold,
            BeginOutcome::PaymentUnderWay(_) => return Err(payment_under_way()),
            BeginOutcome::Ended(Ending::Confirmed(order)) => return self.paid_before(&card, order).await,
            BeginOutcome::Ended(ending) => return Err(ended(ending)),
            BeginOutcome::NotFound => return self.confirmed_long_ago(caller, &card, reservation).await,
        };
        let attempt = Attempt {
            card: &card,
            step: PaymentStep { hold: hold.id, fence: hold.fence, order },
            provider: provider.as_ref(),
        };
        let order = self.new_order(&attempt, &hold, buyer, begun.sequence.unwrap_or(0));
        let paid = self.pay(&attempt, order, instrument, key).await;
        if !matches!(paid, Ok(_) | Err(AppError::Refused(_))) {
            self.left_open.add(attempt.step.order);
        }
        paid
    }

    pub(crate) fn provider(&self, method: &str) -> Result<std::sync::Arc<dyn PaymentProvider>, AppError> {
        self.providers.iter().find(|provider| provider.name() == method).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.providers.iter().map(|provider| provider.name()).collect();
            AppError::invalid("payment.method", &format!("must be one of: {}", known.join(", ")))
        })
    }

    /// The order made under a key before, if it stands or is under way. After a failed attempt the key is free again.
    async fn order_under(&self, key: Option<OwnedKey>) -> Result<Option<Order>, AppError> {
        let Some(key) = key else { return Ok(None) };
        let Some((used_for, id)) = self.ledger.order_by_key(key).await? else { return Ok(None) };
        let Some(order) = self.ledger.order(id).await? else { return Ok(None) };
        if self.clock.now().since_ms(order.created_at) >= KEY_MEMORY_MS {
            return Ok(None);
        }
        if used_for != key.key {
            return Err(key_mismatch());
        }
        Ok(Some(order).filter(|order| order.status != OrderStatus::Failed))
    }

    /// The ways to pay, by name, each with its form for pages where it has one.
    pub fn payment_methods(&self) -> Vec<(&'static str, Option<PageForm>)> {
        self.providers.iter().map(|provider| (provider.name(), provider.page_form())).collect()
    }

    async fn paid_before(&self, card: &Card, id: OrderId) -> Result<OrderView, AppError> {
        let order = self.ledger.order(id).await?;
        let order =
            order.ok_or_else(|| AppError::Internal(format!("order {id} is sold but not recorded")))?;
        Ok(order_in_words(card, order))
    }

    /// The hot store has forgotten the reservation; the ledger knows how it ended.
    async fn confirmed_long_ago(
        &self,
        caller: Caller,
        card: &Card,
        reservation: ReservationId,
    ) -> Result<OrderView, AppError> {
        let record =
            self.ledger.reservation(reservation).await?.filter(|record| record.owner == caller.account);
        match record {
            None => Err(AppError::not_found("reservation")),
            Some(record) => match (record.status, record.order) {
                (RecordedStatus::Confirmed, Some(order)) => self.paid_before(card, order).await,
                (RecordedStatus::Cancelled, _) => Err(ended(Ending::Cancelled)),
                _ => Err(ended(Ending::Expired)),
            },
        }
    }

    fn new_order(&self, attempt: &Attempt<'_>, hold: &Hold, buyer: BuyerDetails, sequence: u64) -> Order {
        let card = attempt.card;
        let units = hold
            .units
            .iter()
            .map(|unit| OrderUnit {
                unit: *unit,
                price: card.price(*unit),
                ticket_code: self.new_ticket_code(),
                refund: None,
            })
            .collect();
        Order {
            id: attempt.step.order,
            reservation: hold.id,
            performance: card.performance.id,
            owner: hold.owner,
            fence: hold.fence,
            status: OrderStatus::Paying,
            units,
            total: card.total(&hold.units),
            buyer,
            method: attempt.provider.name().to_owned(),
            reference: None,
            sequence,
            created_at: self.clock.now(),
        }
    }

    fn new_ticket_code(&self) -> String {
        let bits = (u128::from(self.entropy.bits()) << 64) | u128::from(self.entropy.bits());
        TicketCode::of_bits(bits).to_string()
    }

    /// From the claim in the ledger to the end.
    async fn pay(
        &self,
        attempt: &Attempt<'_>,
        order: Order,
        instrument: Option<Instrument>,
        key: Option<OwnedKey>,
    ) -> Result<OrderView, AppError> {
        match self.ledger.begin_order(&order, key).await {
            Ok(BeginOrder::Begun) => {}
            Ok(BeginOrder::Exists(_)) => {
                // The reconciler took this attempt for dead and said so first.
                self.give_up(attempt, 0).await;
                return Err(AppError::NotNow(
                    "the payment took too long to begin; nothing was charged, try again".into(),
                ));
            }
            Ok(BeginOrder::UnitTaken(units)) => {
                tracing::error!(reservation = %order.reservation, claimed = ?units, "held units are claimed by another order");
                self.give_up(attempt, 0).await;
                let numbers: Vec<u32> = units.iter().map(|unit| unit.0).collect();
                return Err(AppError::refused(Reason::SeatTaken, "these seats belong to another order")
                    .with("unavailable", json!(numbers)));
            }
            Err(error) => {
                // Nothing is charged yet, so the hold can go back; should the order have been recorded after
                // all, a later attempt replaces it and the reconciler ends it.
                self.give_up(attempt, 0).await;
                return Err(error.into());
            }
        }
        let charge = Charge { order: order.id, account: order.owner, amount: order.total, instrument };
        match self.charge(attempt.provider, &charge).await {
            Ok(Charged::Captured(reference)) => self.complete(attempt, &reference).await,
            Ok(Charged::Declined(decline)) => self.declined(attempt, &decline).await,
            Ok(Charged::AwaitsBuyer(action)) => {
                tracing::info!(order = %order.id, "the buyer has to act before it is paid");
                Ok(OrderView { action: Some(action), ..order_in_words(attempt.card, order) })
            }
            Err(error) => {
                tracing::warn!(order = %order.id, %error, "charge without an answer");
                self.charge_unanswered(attempt).await
            }
        }
    }

    async fn charge(
        &self,
        provider: &dyn PaymentProvider,
        charge: &Charge,
    ) -> Result<Charged, ProviderError> {
        if charge.amount.amount == 0 {
            return Ok(Charged::Captured(FREE_OF_CHARGE.to_owned()));
        }
        let charged = within(PROVIDER_ANSWERS_WITHIN, provider.charge(charge)).await;
        let result = match &charged {
            Ok(Charged::Captured(_)) => "paid",
            Ok(Charged::Declined(_)) => "declined",
            Ok(Charged::AwaitsBuyer(_)) => "pending",
            Err(_) => "unknown",
        };
        metrics::counter!("onsale_payments_total", "provider" => provider.name(), "result" => result)
            .increment(1);
        charged
    }

    /// The provider did not answer a charge: asks once how it stands. What is still open then is the
    /// reconciler's, and the hold stays as it is.
    async fn charge_unanswered(&self, attempt: &Attempt<'_>) -> Result<OrderView, AppError> {
        match within(PROVIDER_ANSWERS_WITHIN, attempt.provider.settle(attempt.step.order)).await {
            Ok(Settled::Captured(reference)) => self.complete(attempt, &reference).await,
            Ok(Settled::Dead) => {
                // Nobody has declined anything: the buyer, or their client, may simply ask again.
                let words = "the payment provider did not answer; nothing was charged, try again";
                self.failed(attempt, words).await;
                Err(AppError::NotNow(words.into()))
            }
            Err(error) => {
                tracing::warn!(order = %attempt.step.order, %error, "charge still open; left to the reconciler");
                Err(AppError::NotNow("the payment is being settled; the seats stay yours until then".into()))
            }
        }
    }

    /// The money is taken: the order is paid, then sold.
    async fn complete(&self, attempt: &Attempt<'_>, reference: &str) -> Result<OrderView, AppError> {
        match self.captured(attempt.card, attempt.step, reference).await? {
            Some(paid) => Ok(order_in_words(attempt.card, paid)),
            None => Err(AppError::refused(
                Reason::PaymentDeclined,
                "the payment came too late and has been given back",
            )),
        }
    }

    /// Somebody inside has bought: the place goes to the next.
    pub(crate) fn tell_bought(&self, card: &Card, buyer: AccountId, units: usize) {
        if card.event.settings.waiting_room.mode == WaitingRoomMode::On {
            let units = u32::try_from(units).unwrap_or(u32::MAX);
            self.admissions.bought(Bought { event: card.event.id, buyer, units, at: self.clock.now() });
        }
    }

    /// PAYING → SOLD. A failure is left to the reconciler: the ledger has the last word, and says paid.
    pub(crate) async fn sell(&self, card: &Card, step: PaymentStep) {
        match self.on_hot(card, || self.hot.sell(card.performance.id, step)).await {
            Ok(decided) if decided.outcome == FinishOutcome::Stale => {
                if let Err(error) = self.sell_lost(card, step).await {
                    tracing::warn!(order = %step.order, %error, "paid, and sold later");
                    self.left_open.add(step.order);
                }
            }
            Ok(_) => tracing::debug!(order = %step.order, "sold"),
            Err(error) => {
                tracing::warn!(order = %step.order, %error, "paid, and sold later");
                self.left_open.add(step.order);
            }
        }
    }

    /// The attempt has come to nothing, and the hold is its buyer's again for a while at least.
    async fn failed(&self, attempt: &Attempt<'_>, why: &str) {
        let id = attempt.step.order;
        if let Err(error) = self.ledger.fail_order(id, why, self.clock.now()).await {
            // Its claim stands, so its hold has to: somebody else could hold these units and not pay for them. The next
            // attempt of the buyer ends it, or the reconciler.
            tracing::warn!(order = %id, %error, "failed, recorded later");
            self.left_open.add(id);
            return;
        }
        self.give_up(attempt, GRACE_AFTER_DECLINE_MS).await;
    }

    async fn declined(&self, attempt: &Attempt<'_>, decline: &Decline) -> Result<OrderView, AppError> {
        let id = attempt.step.order;
        self.failed(attempt, &decline.words).await;
        let refusal = AppError::refused(Reason::PaymentDeclined, decline.words.clone())
            .with("order_id", json!(id))
            .with("decline_code", json!(decline.code.as_str()));
        let hold = self
            .on_stock(attempt.card, || self.hot.find(attempt.card.performance.id, attempt.step.hold))
            .await
            .ok()
            .flatten();
        Err(match hold {
            Some(view) => refusal.with("expires_at", json!(rfc3339(view.hold.expires_at))),
            None => refusal,
        })
    }

    /// PAYING → HELD, after the attempt is known to be dead. A failure is left to the reconciler.
    async fn give_up(&self, attempt: &Attempt<'_>, grace_ms: u64) {
        let card = attempt.card;
        let ended =
            self.on_hot(card, || self.hot.end_payment(card.performance.id, attempt.step, grace_ms)).await;
        if let Err(error) = ended {
            tracing::warn!(order = %attempt.step.order, %error, "the hold goes back later");
            self.left_open.add(attempt.step.order);
        }
    }
}

struct Attempt<'a> {
    card: &'a Card,
    step: PaymentStep,
    provider: &'a dyn PaymentProvider,
}

fn in_flight() -> AppError {
    AppError::refused(Reason::InFlight, "the first request under this key is still under way")
}

fn checked_instrument(name: Option<String>) -> Result<Option<Instrument>, AppError> {
    let bad = |BadInstrument| {
        // Not what was sent: it may be what should never have been sent.
        AppError::invalid("payment.payment_method", "must be the provider's name for it, never a card number")
    };
    name.map(|name| Instrument::named(&name)).transpose().map_err(bad)
}

pub(crate) async fn within<T>(
    at_most: Duration,
    answer: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout(at_most, answer)
        .await
        .unwrap_or_else(|_| Err(ProviderError("no answer in time".into())))
}

fn checked_details(details: BuyerDetails, sends_letters: bool) -> Result<BuyerDetails, AppError> {
    let name = checked_name(&details.name)
        .map_err(|_| AppError::invalid("buyer.name", "must have 1 to 100 characters"))?;
    let optional = |field: &str, value: Option<String>, most: usize| match value.map(|v| v.trim().to_owned())
    {
        None => Ok(None),
        Some(value) if value.is_empty() => Ok(None),
        Some(value) if value.chars().count() > most || value.chars().any(char::is_control) => {
            Err(AppError::invalid(field, &format!("must have at most {most} characters")))
        }
        Some(value) => Ok(Some(value)),
    };
    let phone = optional("buyer.phone", details.phone, 40)?;
    let email = optional("buyer.email", details.email, 254)?;
    if email.as_ref().is_some_and(|email| !email::is_possible(email)) {
        return Err(AppError::invalid("buyer.email", "must be an e-mail address"));
    }
    let letters = details.letters.filter(|_| sends_letters && email.is_some());
    Ok(BuyerDetails { name, phone, email, letters })
}

/// The moment before which an order that is still paying has been left behind by whoever began it.
pub(crate) fn left_behind(now: Timestamp, older_than_ms: u64) -> Timestamp {
    Timestamp(now.as_millis().saturating_sub(i64::try_from(older_than_ms).unwrap_or(i64::MAX)))
}
