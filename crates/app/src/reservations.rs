//! Reservations: hold, look, extend, cancel.
//!
//! Invariant: a reservation is found, extended and cancelled by its owner only; for everybody else it does not
//! exist.

use std::{sync::Arc, time::Duration};

use onsale_domain::{
    events::{BuyerIdentity, WaitingRoomMode},
    ids::{OrderId, PerformanceId, ReservationId},
    money::Money,
    position::Fence,
    reservations::{
        CancelOutcome, Choice, Ending, ExtendOutcome, Hold, HoldOutcome, HoldRefusal, HoldRequest,
        HoldStatus, HoldView, RequestKey,
    },
    time::Timestamp,
    units::{Unit, Units},
};
use serde_json::json;

use crate::{
    App, Caller, CallerKind,
    cards::{Card, UnitLabel},
    errors::{AppError, Reason, rfc3339},
    ports::{
        admissions::Shown,
        hot::Decided,
        ledger::{OwnedKey, Page, PageRequest, RecordedStatus, ReservationRecord},
    },
};

/// How often another name is drawn for a hold whose name is taken: names collide once in 2⁴² a millisecond.
const NAME_ATTEMPTS: usize = 4;

/// How long a buyer's list waits for the drain, so that what they just did is on it.
const LIST_WAITS: Duration = Duration::from_millis(500);

/// What a buyer wants to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// These seats.
    Seats(Vec<u32>),
    /// So many places of an area.
    Area {
        /// The area.
        area: u32,
        /// How many.
        quantity: u32,
    },
    /// The best seats there are.
    Best {
        /// How many.
        quantity: u32,
        /// Of this category only.
        category: Option<String>,
        /// Side by side, if possible.
        together: bool,
    },
}

/// A unit of a reservation or order, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedUnit {
    /// Its number.
    pub unit: Unit,
    /// What it is called.
    pub label: UnitLabel,
    /// What it costs.
    pub price: Money,
}

pub(crate) fn asked_already() -> AppError {
    AppError::Internal("the hot store asks again for a key that the ledger does not know".into())
}

/// A reservation as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationView {
    /// Its id.
    pub id: ReservationId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// Where it stands.
    pub status: RecordedStatus,
    /// What it holds.
    pub units: Vec<PricedUnit>,
    /// What that costs.
    pub total: Money,
    /// When it lapses or lapsed.
    pub expires_at: Timestamp,
    /// Its fence.
    pub fence: Fence,
    /// How often it can still be extended.
    pub extensions_left: u32,
    /// The order it is paying or was paid under.
    pub order: Option<OrderId>,
    /// The number of the command that made it, where that is known here.
    pub sequence: Option<u64>,
}

impl App {
    /// Holds seats or places, all or none. `shown`: what was brought for a pass, which counts where the event has a
    /// waiting room.
    pub async fn hold(
        &self,
        caller: Caller,
        performance: PerformanceId,
        wish: Wish,
        key: Option<RequestKey>,
        shown: &Shown,
    ) -> Result<ReservationView, AppError> {
        let card = self.card(performance).await?;
        self.check_may_buy(caller, &card)?;
        if card.event.settings.waiting_room.mode == WaitingRoomMode::On {
            self.admissions.check(caller, &card.event, shown).await?;
            if self.is_spoken_for(&card).await? {
                return Err(offered_to_others());
            }
        }
        let settings = &card.event.settings;
        let mut request = HoldRequest {
            id: ReservationId(uuid::Uuid::nil()),
            owner: caller.account,
            choice: choice(&card, wish)?,
            ttl_ms: u64::from(settings.hold_ttl_s) * 1000,
            max_per_owner: settings.max_seats_per_buyer,
            key,
            is_key_new: false,
        };
        for _ in 0..NAME_ATTEMPTS {
            let now_ms = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
            request.id = ReservationId::compose(now_ms, card.performance.number, self.entropy.bits());
            let decided = self.hold_unless_held(&card, request.clone()).await?;
            return match decided.outcome {
                HoldOutcome::Held(hold) if self.was_spoken_for(&card, &hold) => {
                    self.let_go(hold.owner, hold.id).await?;
                    Err(offered_to_others())
                }
                HoldOutcome::Held(hold) => {
                    tracing::debug!(reservation = %hold.id, sequence = decided.sequence, "held");
                    Ok(view_of_hold(&card, &hold, None, decided.sequence))
                }
                HoldOutcome::Repeated(made) => self.reservation(caller, made).await,
                HoldOutcome::KeyMismatch => Err(key_mismatch()),
                HoldOutcome::KeyRecorded => Err(asked_already()),
                HoldOutcome::Refused(HoldRefusal::NameTaken) => continue,
                HoldOutcome::Refused(refusal) => Err(refused(&refusal)),
            };
        }
        Err(AppError::Internal("no free name for a hold".into()))
    }

    /// Whether this buyer may buy in this performance now.
    fn check_may_buy(&self, caller: Caller, card: &Card) -> Result<(), AppError> {
        let now = self.clock.now();
        if let Some(opens_at) = card.performance.sale_opens_at.filter(|at| *at > now) {
            return Err(AppError::refused(
                Reason::SaleNotOpen,
                format!("the sale opens at {}", rfc3339(opens_at)),
            )
            .with("opens_at", json!(rfc3339(opens_at))));
        }
        if let Some(closed_at) = card.performance.sale_closes_at.filter(|at| *at <= now) {
            return Err(AppError::refused(
                Reason::SaleClosed,
                format!("the sale closed at {}", rfc3339(closed_at)),
            ));
        }
        let settings = &card.event.settings;
        if settings.buyer_identity == BuyerIdentity::Account && caller.kind == CallerKind::Guest {
            return Err(AppError::refused(Reason::Forbidden, "this event is sold to signed-up buyers only"));
        }
        Ok(())
    }

    /// A reservation of the caller.
    pub async fn reservation(&self, caller: Caller, id: ReservationId) -> Result<ReservationView, AppError> {
        let unknown = || AppError::not_found("reservation");
        let card = self.card_by_number(id.performance_number()).await?.ok_or_else(unknown)?;
        let found = self.on_stock(&card, || self.hot.find(card.performance.id, id)).await?;
        if let Some(HoldView { hold, ended }) = found {
            if hold.owner != caller.account {
                return Err(unknown());
            }
            return Ok(view_of_hold(&card, &hold, ended, None));
        }
        let record = self.ledger.reservation(id).await?.filter(|record| record.owner == caller.account);
        Ok(view_of_record(&card, &self.as_of_now(record.ok_or_else(unknown)?)))
    }

    /// A record of a hold that the hot store does not know any more has lapsed, whatever it says.
    pub(crate) fn as_of_now(&self, mut record: ReservationRecord) -> ReservationRecord {
        if record.status == RecordedStatus::Held && record.expires_at <= self.clock.now() {
            record.status = RecordedStatus::Expired;
        }
        record
    }

    /// The caller's reservations, newest first.
    pub async fn reservations_of(
        &self,
        caller: Caller,
        page: PageRequest,
    ) -> Result<Page<ReservationView>, AppError> {
        self.wait_recorded(LIST_WAITS).await;
        let records = self.ledger.reservations_of(caller.account, page).await?;
        let mut items = Vec::with_capacity(records.items.len());
        for record in records.items {
            let Some(card) = self.card_by_number(record.id.performance_number()).await? else { continue };
            items.push(view_of_record(&card, &self.as_of_now(record)));
        }
        Ok(Page { items, next: records.next })
    }

    /// Holds, unless that was done before under the same key: where the hot store does not know that any more, it asks
    /// the ledger.
    pub(crate) async fn hold_unless_held(
        &self,
        card: &Card,
        request: HoldRequest,
    ) -> Result<Decided<HoldOutcome>, AppError> {
        let performance = card.performance.id;
        let decided = self.on_hot(card, || self.hot.hold(performance, request.clone())).await?;
        let (HoldOutcome::KeyRecorded, Some(key)) = (&decided.outcome, request.key) else {
            return Ok(decided);
        };
        let now = self.clock.now();
        let outcome =
            match self.ledger.hold_by_key(performance, OwnedKey { owner: request.owner, key }, now).await? {
                Some((asked, made)) if asked == key => HoldOutcome::Repeated(made),
                Some(_) => HoldOutcome::KeyMismatch,
                None => {
                    let request = HoldRequest { is_key_new: true, ..request };
                    return self.on_hot(card, || self.hot.hold(performance, request.clone())).await;
                }
            };
        Ok(Decided { outcome, sequence: None })
    }

    /// Gives a hold more time.
    pub async fn extend(&self, caller: Caller, id: ReservationId) -> Result<ReservationView, AppError> {
        let card = self.card_of(id).await?;
        let settings = &card.event.settings;
        let ttl_ms = u64::from(settings.hold_ttl_s) * 1000;
        let decided = self
            .on_hot(&card, || {
                self.hot.extend(card.performance.id, id, caller.account, ttl_ms, settings.max_extensions)
            })
            .await?;
        match decided.outcome {
            ExtendOutcome::Extended(hold) => Ok(view_of_hold(&card, &hold, None, decided.sequence)),
            ExtendOutcome::ExtensionUsed => Err(AppError::refused(
                Reason::ExtensionUsed,
                format!("a hold of this event can be extended {} times", settings.max_extensions),
            )),
            ExtendOutcome::PaymentUnderWay => Err(payment_under_way()),
            ExtendOutcome::Ended(ending) => Err(ended(ending)),
            ExtendOutcome::NotFound => Err(self.gone_or_unknown(caller, id).await?),
        }
    }

    /// Gives a hold back. Doing it again is no mistake.
    pub async fn cancel(&self, caller: Caller, id: ReservationId) -> Result<(), AppError> {
        let card = self.card_of(id).await?;
        let decided = self.on_hot(&card, || self.hot.cancel(card.performance.id, id, caller.account)).await?;
        match decided.outcome {
            CancelOutcome::Gone => Ok(()),
            CancelOutcome::PaymentUnderWay => Err(payment_under_way()),
            CancelOutcome::AlreadyConfirmed => Err(already_confirmed()),
            CancelOutcome::NotFound => match self.ledger.reservation(id).await? {
                Some(record) if record.owner == caller.account => match record.status {
                    RecordedStatus::Confirmed => Err(already_confirmed()),
                    _ => Ok(()),
                },
                _ => Err(AppError::not_found("reservation")),
            },
        }
    }

    pub(crate) async fn card_of(&self, id: ReservationId) -> Result<Arc<Card>, AppError> {
        let found = self.card_by_number(id.performance_number()).await?;
        found.ok_or_else(|| AppError::not_found("reservation"))
    }

    /// The refusal for a reservation that the hot store does not know: it ended a while ago, or never was.
    async fn gone_or_unknown(&self, caller: Caller, id: ReservationId) -> Result<AppError, AppError> {
        let record = self.ledger.reservation(id).await?.filter(|record| record.owner == caller.account);
        Ok(match record.map(|record| record.status) {
            None => AppError::not_found("reservation"),
            Some(RecordedStatus::Confirmed) => already_confirmed(),
            Some(RecordedStatus::Cancelled) => ended(Ending::Cancelled),
            Some(RecordedStatus::Held | RecordedStatus::Paying | RecordedStatus::Expired) => {
                ended(Ending::Expired)
            }
        })
    }

    /// The public view of a performance's stock.
    pub async fn availability(
        &self,
        performance: PerformanceId,
    ) -> Result<Arc<crate::ports::hot::Availability>, AppError> {
        let card = self.card(performance).await?;
        self.on_stock(&card, || self.stock.availability(performance)).await
    }

    /// A mark that moves when the public view of a performance's stock has changed.
    pub async fn watch(
        &self,
        performance: PerformanceId,
    ) -> Result<tokio::sync::watch::Receiver<u64>, AppError> {
        self.card(performance).await?;
        Ok(self.feed.watch(performance).await?)
    }
}

/// Turns a wish into units to be chosen, refusing what makes no sense whatever the stock, and what is more than anybody may
/// have: a store works as long on a wish as the wish is large.
fn choice(card: &Card, wish: Wish) -> Result<Choice, AppError> {
    let limit = card.event.settings.max_seats_per_buyer;
    let sensible = |quantity: u32| match quantity {
        0 => Err(AppError::invalid("quantity", "must be at least 1")),
        _ if quantity > limit => Err(over_limit(limit)),
        _ => Ok(quantity),
    };
    match wish {
        Wish::Seats(ids) => {
            if ids.is_empty() {
                return Err(AppError::invalid("seat_ids", "name at least one seat"));
            }
            if ids.contains(&0) {
                return Err(AppError::invalid("seat_ids", "seat ids begin at 1"));
            }
            let mut units: Units = ids.into_iter().map(Unit).collect();
            units.sort_unstable();
            if units.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(AppError::invalid("seat_ids", "a seat is named twice"));
            }
            if units.len() > limit as usize {
                return Err(over_limit(limit));
            }
            Ok(Choice::Seats(units))
        }
        Wish::Area { area, quantity } => Ok(Choice::Area { area, quantity: sensible(quantity)? }),
        Wish::Best { quantity, category, together } => {
            let category = category.map(|name| category_index(card, &name)).transpose()?;
            Ok(Choice::Best { quantity: sensible(quantity)?, category, together })
        }
    }
}

fn over_limit(limit: u32) -> AppError {
    AppError::refused(Reason::LimitExceeded, format!("one buyer may have {limit} in this performance"))
        .with("limit", json!(limit))
}

fn category_index(card: &Card, name: &str) -> Result<u16, AppError> {
    let found = card.house.plan.categories.iter().position(|category| category.name == name);
    found
        .and_then(|index| u16::try_from(index).ok())
        .ok_or_else(|| AppError::invalid("best_available.category", "the plan has no category of this name"))
}

fn refused(refusal: &HoldRefusal) -> AppError {
    let numbers = |units: &Units| units.iter().map(|unit| unit.0).collect::<Vec<u32>>();
    match refusal {
        HoldRefusal::SeatNotFound(unit) => {
            AppError::refused(Reason::SeatNotFound, format!("there is no seat {}", unit.0))
        }
        HoldRefusal::AreaNotFound(area) => AppError::not_found(&format!("area: {area}")),
        HoldRefusal::SeatTaken(units) => {
            AppError::refused(Reason::SeatTaken, "somebody else has these seats or they are not for sale")
                .with("unavailable", json!(numbers(units)))
        }
        HoldRefusal::SoldOut => AppError::refused(Reason::SoldOut, "there are not as many left"),
        HoldRefusal::LimitExceeded { limit, owned } => AppError::refused(
            Reason::LimitExceeded,
            format!("one buyer may have {limit} in this performance, and has {owned}"),
        )
        .with("limit", json!(limit))
        .with("owned", json!(owned)),
        HoldRefusal::NameTaken => AppError::Internal("hold name taken".into()),
    }
}

pub(crate) fn ended(ending: Ending) -> AppError {
    match ending {
        Ending::Confirmed(_) => already_confirmed(),
        Ending::Cancelled => AppError::refused(Reason::HoldExpired, "the hold was cancelled"),
        Ending::Expired => AppError::refused(Reason::HoldExpired, "the hold's time was up"),
    }
}

pub(crate) fn payment_under_way() -> AppError {
    AppError::refused(Reason::PaymentUnderWay, "a payment for this reservation is under way")
}

pub(crate) fn key_mismatch() -> AppError {
    AppError::refused(Reason::IdempotencyMismatch, "this Idempotency-Key was used for another request")
}

fn offered_to_others() -> AppError {
    AppError::refused(Reason::SoldOut, "what has come back is offered to those who wait in line")
}

fn already_confirmed() -> AppError {
    AppError::refused(Reason::AlreadyConfirmed, "the reservation is paid already")
}

/// What units are called, in their order.
pub type UnitsInWords = Vec<UnitLabel>;

pub(crate) fn in_words(card: &Card, units: &[Unit]) -> UnitsInWords {
    units.iter().map(|unit| card.label(*unit)).collect()
}

fn priced(card: &Card, units: &[Unit]) -> Vec<PricedUnit> {
    units
        .iter()
        .map(|unit| PricedUnit { unit: *unit, label: card.label(*unit), price: card.price(*unit) })
        .collect()
}

pub(crate) fn view_of_hold(
    card: &Card,
    hold: &Hold,
    ended: Option<Ending>,
    sequence: Option<u64>,
) -> ReservationView {
    let (status, order) = match (ended, hold.status) {
        (None, HoldStatus::Held) => (RecordedStatus::Held, None),
        (None, HoldStatus::Paying { order, .. }) => (RecordedStatus::Paying, Some(order)),
        (Some(Ending::Confirmed(order)), _) => (RecordedStatus::Confirmed, Some(order)),
        (Some(Ending::Cancelled), _) => (RecordedStatus::Cancelled, None),
        (Some(Ending::Expired), _) => (RecordedStatus::Expired, None),
    };
    ReservationView {
        id: hold.id,
        performance: card.performance.id,
        status,
        units: priced(card, &hold.units),
        total: card.total(&hold.units),
        expires_at: hold.expires_at,
        fence: hold.fence,
        extensions_left: card.event.settings.max_extensions.saturating_sub(hold.extensions_used),
        order,
        sequence,
    }
}

fn view_of_record(card: &Card, record: &ReservationRecord) -> ReservationView {
    ReservationView {
        id: record.id,
        performance: record.performance,
        status: record.status,
        units: priced(card, &record.units),
        total: card.total(&record.units),
        expires_at: record.expires_at,
        fence: record.fence,
        extensions_left: card.event.settings.max_extensions.saturating_sub(record.extensions_used),
        order: record.order,
        sequence: Some(record.sequence),
    }
}
