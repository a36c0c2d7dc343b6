//! The catalogue: events, seating plans, performances, and what their organizers may ask of them.
//!
//! Invariant: only the organizer of an event, or an admin, changes it; what gets in has been checked against
//! the limits stated here.

use std::sync::Arc;

use onsale_domain::{
    events::EventSettings,
    ids::{EventId, PerformanceId, PerformanceNumber, PlanId},
    money::Money,
    seating::{MAX_SEATS, PlanErrors, SeatingPlan},
    time::Timestamp,
    units::{Counts, Unit},
};
use serde_json::json;

use crate::{
    App, Caller,
    actions::checked_reason,
    cards::Card,
    errors::{AppError, Reason},
    ports::ledger::{
        ActionKind, AreaOffer, Created, DeleteOutcome, Event, OwnedKey, Page, PageRequest, Performance,
        PlanSummary, Role,
    },
    reservations::key_mismatch,
};

const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 10_000;
const MAX_AREAS: usize = 100;
const MAX_AREA_LABEL: usize = 64;

/// Seats and places of one performance together.
pub const MAX_UNITS: u32 = 200_000;

/// Where the seats of a performance come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanChoice {
    /// A plain rectangle, labelled … by rows.
    Grid {
        /// Rows.
        rows: u32,
        /// Seats in each.
        columns: u32,
    },
    /// A plan uploaded before.
    Plan(PlanId),
    /// No seats, areas only.
    None,
}

/// What is needed to create a performance.
#[derive(Clone, Debug)]
pub struct NewPerformance {
    /// When it begins.
    pub starts_at: Timestamp,
    /// Its seats.
    pub plan: PlanChoice,
    /// Its areas, in order of their ids from 1.
    pub areas: Vec<AreaOffer>,
    /// Prices by category name.
    pub prices: Vec<(String, Money)>,
    /// Not before.
    pub sale_opens_at: Option<Timestamp>,
    /// Not after.
    pub sale_closes_at: Option<Timestamp>,
}

/// The stock of a performance in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Seats and places.
    pub capacity: u32,
    /// How many are in each state.
    pub counts: Counts,
}

fn created<T>(outcome: Created<T>) -> Result<T, AppError> {
    match outcome {
        Created::New(thing) | Created::Repeated(thing) => Ok(thing),
        Created::KeyMismatch => Err(key_mismatch()),
    }
}

/// Refuses who does not sell.
pub fn check_organizer(caller: Caller) -> Result<(), AppError> {
    if caller.role >= Role::Organizer {
        return Ok(());
    }
    Err(AppError::refused(Reason::Forbidden, "only organizers do this"))
}

fn check_text(field: &str, text: &str, least: usize, most: usize) -> Result<(), AppError> {
    let length = text.chars().count();
    if length < least || length > most || text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(AppError::invalid(field, &format!("must have {least} to {most} characters")));
    }
    Ok(())
}

fn check_settings(settings: &EventSettings) -> Result<(), AppError> {
    settings.check().map_err(|bad| {
        AppError::invalid(
            &format!("settings.{}", bad.setting),
            &format!("is {}; allowed is {}", bad.value, bad.allowed),
        )
    })
}

impl App {
    /// Adds an event of the caller's.
    pub async fn create_event(
        &self,
        caller: Caller,
        title: String,
        description: Option<String>,
        settings: EventSettings,
        key: Option<OwnedKey>,
    ) -> Result<Event, AppError> {
        check_organizer(caller)?;
        let event = Event {
            id: EventId(self.new_id()),
            organizer: caller.account,
            title,
            description,
            settings,
            created_at: self.clock.now(),
        };
        check_event(&event)?;
        let outcome = self.ledger.create_event(&event, key).await?;
        self.offers_changed();
        created(outcome)
    }

    /// The caller's own events, newest first; all of them for an admin.
    pub async fn own_events(&self, caller: Caller, page: PageRequest) -> Result<Page<Event>, AppError> {
        check_organizer(caller)?;
        if caller.role == Role::Admin {
            return Ok(self.ledger.events(page).await?);
        }
        Ok(self.ledger.events_of(caller.account, page).await?)
    }

    /// An event that the caller manages; to everybody else changing it is forbidden.
    pub async fn managed_event(&self, caller: Caller, id: EventId) -> Result<Event, AppError> {
        check_organizer(caller)?;
        let event = self.ledger.event(id).await?.ok_or_else(|| AppError::not_found("event"))?;
        if caller.manages(&event) {
            return Ok(event);
        }
        Err(AppError::refused(Reason::Forbidden, "the event is another organizer's"))
    }

    /// Replaces title, description and settings of an event.
    pub async fn update_event(&self, caller: Caller, event: Event) -> Result<Event, AppError> {
        let known = self.managed_event(caller, event.id).await?;
        check_event(&event)?;
        if event.settings.currency != known.settings.currency {
            let page = PageRequest { limit: 1, after: None };
            if !self.ledger.performances(event.id, page).await?.items.is_empty() {
                return Err(AppError::invalid(
                    "settings.currency",
                    "cannot change once there are performances",
                ));
            }
        }
        if !self.ledger.update_event(&event).await? {
            return Err(AppError::not_found("event"));
        }
        self.offers_changed();
        Ok(event)
    }

    /// Deletes an event and its performances.
    pub async fn delete_event(&self, caller: Caller, id: EventId) -> Result<(), AppError> {
        self.managed_event(caller, id).await?;
        let outcome = self.ledger.delete_event(id).await?;
        self.offers_changed();
        match outcome {
            DeleteOutcome::Deleted => Ok(()),
            DeleteOutcome::NotFound => Err(AppError::not_found("event")),
            DeleteOutcome::HasOrders => {
                Err(AppError::refused(Reason::HasOrders, "seats of this event are sold or being paid for"))
            }
        }
    }

    /// Adds a seating plan from pretix JSON.
    pub async fn create_plan(
        &self,
        caller: Caller,
        json: &[u8],
        key: Option<OwnedKey>,
    ) -> Result<PlanSummary, AppError> {
        check_organizer(caller)?;
        let plan = SeatingPlan::from_pretix(json).map_err(|errors| invalid_plan(&errors))?;
        let summary = self.summary_of(&plan);
        created(self.ledger.create_plan(&summary, caller.account, &plan, key).await?)
    }

    fn summary_of(&self, plan: &SeatingPlan) -> PlanSummary {
        PlanSummary {
            id: PlanId(self.new_id()),
            name: plan.name.clone(),
            seat_count: plan.seat_count(),
            area_count: plan.shapes.len() as u32,
            created_at: self.clock.now(),
        }
    }

    /// A seating plan.
    pub async fn plan(&self, id: PlanId) -> Result<(PlanSummary, SeatingPlan), AppError> {
        self.ledger.plan(id).await?.ok_or_else(|| AppError::not_found("seating plan"))
    }

    /// The names of a plan's categories, in their order.
    pub async fn plan_categories(&self, id: PlanId) -> Result<Vec<String>, AppError> {
        let (_, plan) = self.plan(id).await?;
        Ok(plan.categories.into_iter().map(|category| category.name).collect())
    }

    /// All seating plans, newest first.
    pub async fn plans(&self, page: PageRequest) -> Result<Page<PlanSummary>, AppError> {
        Ok(self.ledger.plans(page).await?)
    }

    /// Adds a performance to an event of the caller's.
    pub async fn create_performance(
        &self,
        caller: Caller,
        event: EventId,
        new: NewPerformance,
        key: Option<OwnedKey>,
    ) -> Result<Performance, AppError> {
        let event = self.managed_event(caller, event).await?;
        check_offer(&new, &event)?;
        let (plan, categories) = self.plan_for(caller, new.plan).await?;
        if let Some((unknown, _)) = new.prices.iter().find(|(name, _)| !categories.contains(name)) {
            return Err(AppError::invalid(
                "prices",
                &format!("the plan has no category {unknown:?}; it has {}", categories.join(", ")),
            ));
        }
        let places: u64 = new.areas.iter().map(|area| u64::from(area.capacity)).sum();
        let capacity = u64::from(plan.seat_count) + places;
        if capacity == 0 || capacity > u64::from(MAX_UNITS) {
            return Err(AppError::invalid("areas", "seats and places together must be from 1 to 200,000"));
        }
        let performance = Performance {
            id: PerformanceId(self.new_id()),
            number: PerformanceNumber(0),
            event: event.id,
            starts_at: new.starts_at,
            plan: plan.id,
            seat_count: plan.seat_count,
            capacity: capacity as u32,
            areas: new.areas,
            prices: new.prices,
            sale_opens_at: new.sale_opens_at,
            sale_closes_at: new.sale_closes_at,
            created_at: self.clock.now(),
        };
        let outcome = self.ledger.create_performance(&performance, key).await?;
        self.offers_changed();
        created(outcome)
    }

    /// The plan of a choice and the names of its categories.
    async fn plan_for(
        &self,
        caller: Caller,
        choice: PlanChoice,
    ) -> Result<(PlanSummary, Vec<String>), AppError> {
        let names = |plan: &SeatingPlan| plan.categories.iter().map(|c| c.name.clone()).collect();
        let (rows, columns) = match choice {
            PlanChoice::Plan(id) => {
                let found = self.ledger.plan(id).await?;
                let (summary, plan) = found
                    .ok_or_else(|| AppError::invalid("plan.plan_id", "there is no such seating plan"))?;
                return Ok((summary, names(&plan)));
            }
            PlanChoice::Grid { rows, columns } => (rows, columns),
            PlanChoice::None => (0, 0),
        };
        let plan = if (rows, columns) == (0, 0) {
            SeatingPlan::without_seats()
        } else {
            SeatingPlan::grid(rows, columns).map_err(|_| {
                AppError::invalid("plan", &format!("rows × columns must be from 1 to {MAX_SEATS} seats"))
            })?
        };
        if let Some(summary) = self.ledger.grid_plan(rows, columns).await? {
            return Ok((summary, names(&plan)));
        }
        let summary = self.summary_of(&plan);
        let summary = created(self.ledger.create_plan(&summary, caller.account, &plan, None).await?)?;
        self.ledger.remember_grid_plan(rows, columns, summary.id).await?;
        Ok((summary, names(&plan)))
    }

    /// The card of a performance that the caller manages.
    pub(crate) async fn managed_card(
        &self,
        caller: Caller,
        id: PerformanceId,
    ) -> Result<Arc<Card>, AppError> {
        check_organizer(caller)?;
        let card = self.card(id).await?;
        if caller.manages(&card.event) {
            return Ok(card);
        }
        Err(AppError::refused(Reason::Forbidden, "the event is another organizer's"))
    }

    /// How many units are in each state.
    pub async fn stats(&self, caller: Caller, id: PerformanceId) -> Result<Stats, AppError> {
        let card = self.managed_card(caller, id).await?;
        let view = self.on_stock(&card, || self.stock.availability(id)).await?;
        Ok(Stats { capacity: card.performance.capacity, counts: view.counts })
    }

    /// Takes free seats off sale, or puts blocked ones back; who did it and why is logged.
    pub async fn block(
        &self,
        caller: Caller,
        id: PerformanceId,
        seats: Vec<u32>,
        blocked: bool,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        use onsale_domain::reservations::BlockOutcome;
        let card = self.managed_card(caller, id).await?;
        let reason = checked_reason(reason)?;
        if seats.is_empty() || seats.contains(&0) {
            return Err(AppError::invalid("seat_ids", "name at least one seat; ids begin at 1"));
        }
        let mut seats: Vec<Unit> = seats.into_iter().map(Unit).collect();
        seats.sort_unstable();
        if seats.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(AppError::invalid("seat_ids", "a seat is named twice"));
        }
        let decided = self.on_hot(&card, || self.stock.block(id, seats.clone(), blocked)).await?;
        match decided.outcome {
            BlockOutcome::Done if decided.sequence.is_none() => Ok(()),
            BlockOutcome::Done => {
                let kind = if blocked { ActionKind::Block } else { ActionKind::Unblock };
                let detail = json!({"seats": seats.len()});
                self.note_action(caller, card.event.id, Some(id), (kind, detail), reason).await;
                Ok(())
            }
            BlockOutcome::SeatNotFound(unit) => {
                Err(AppError::refused(Reason::SeatNotFound, format!("there is no seat {}", unit.0)))
            }
            BlockOutcome::SeatTaken(units) => {
                let numbers: Vec<u32> = units.iter().map(|unit| unit.0).collect();
                Err(AppError::refused(Reason::SeatTaken, "some of these seats are held or sold")
                    .with("unavailable", json!(numbers)))
            }
        }
    }
}

fn check_event(event: &Event) -> Result<(), AppError> {
    check_text("title", &event.title, 1, MAX_TITLE)?;
    if event.title.trim().is_empty() {
        return Err(AppError::invalid("title", "must not be blank"));
    }
    if let Some(description) = &event.description {
        check_text("description", description, 0, MAX_DESCRIPTION)?;
    }
    check_settings(&event.settings)
}

fn check_offer(new: &NewPerformance, event: &Event) -> Result<(), AppError> {
    if new.areas.len() > MAX_AREAS {
        return Err(AppError::invalid("areas", "at most 100 areas"));
    }
    for area in &new.areas {
        check_text("areas.label", &area.label, 1, MAX_AREA_LABEL)?;
        if area.capacity == 0 || area.capacity > MAX_SEATS {
            return Err(AppError::invalid("areas.capacity", "must be from 1 to 100,000"));
        }
    }
    let prices = new.areas.iter().map(|area| area.price).chain(new.prices.iter().map(|(_, price)| *price));
    for price in prices {
        if price.currency != event.settings.currency {
            return Err(AppError::invalid("prices", &format!("must be in {}", event.settings.currency)));
        }
        if !(0..=Money::MAX_AMOUNT).contains(&price.amount) {
            return Err(AppError::invalid("prices", "amounts must be from 0 to 10,000,000,000"));
        }
    }
    if let (Some(opens), Some(closes)) = (new.sale_opens_at, new.sale_closes_at)
        && opens >= closes
    {
        return Err(AppError::invalid("sale_closes_at", "must be later than sale_opens_at"));
    }
    Ok(())
}

fn invalid_plan(errors: &PlanErrors) -> AppError {
    let listed: Vec<_> =
        errors.0.iter().map(|error| json!({"pointer": error.pointer, "detail": error.detail})).collect();
    AppError::refused(Reason::InvalidPlan, "the seating plan cannot be used").with("errors", json!(listed))
}
