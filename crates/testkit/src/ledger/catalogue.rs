//! Events, seating plans and performances in memory.
//!
//! Invariant: a performance number and an epoch are given out once; plans never change.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        Created, DeleteOutcome, Event, Events, OwnedKey, Page, PageRequest, Performance, Performances,
        PlanSummary, SeatingPlans,
    },
};
use onsale_domain::{
    ids::{AccountId, EventId, PerformanceId, PerformanceNumber, PlanId},
    seating::SeatingPlan,
};

use super::{Made, MemoryLedger, page};

#[async_trait]
impl Events for MemoryLedger {
    async fn create_event(&self, event: &Event, key: Option<OwnedKey>) -> Result<Created<Event>, StoreError> {
        let mut state = self.state.lock();
        let repeat = state.repeat(key, |state, made| match made {
            Made::Event(id) => state.events.get(&id).cloned(),
            _ => None,
        });
        if let Some(answer) = repeat {
            return Ok(answer);
        }
        if let Some(known) = state.events.get(&event.id) {
            return Ok(Created::Repeated(known.clone()));
        }
        state.events.insert(event.id, event.clone());
        state.remember(key, Made::Event(event.id));
        Ok(Created::New(event.clone()))
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        Ok(self.state.lock().events.get(&id).cloned())
    }

    async fn events(&self, request: PageRequest) -> Result<Page<Event>, StoreError> {
        let state = self.state.lock();
        Ok(page(state.events.values().rev().cloned(), |event| event.id.0, request, true))
    }

    async fn events_of(&self, organizer: AccountId, request: PageRequest) -> Result<Page<Event>, StoreError> {
        let state = self.state.lock();
        let theirs = state.events.values().rev().filter(|event| event.organizer == organizer).cloned();
        Ok(page(theirs, |event| event.id.0, request, true))
    }

    async fn update_event(&self, event: &Event) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let Some(known) = state.events.get_mut(&event.id) else {
            return Ok(false);
        };
        known.title.clone_from(&event.title);
        known.description.clone_from(&event.description);
        known.settings = event.settings.clone();
        Ok(true)
    }

    async fn delete_event(&self, id: EventId) -> Result<DeleteOutcome, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if !state.events.contains_key(&id) {
            return Ok(DeleteOutcome::NotFound);
        }
        let of_event = |p: &PerformanceId| state.performances.get(p).is_some_and(|found| found.event == id);
        if state.claims.keys().any(|(performance, _)| of_event(performance)) {
            return Ok(DeleteOutcome::HasOrders);
        }
        state.return_lines.retain(|p, _| state.performances.get(p).is_none_or(|found| found.event != id));
        state.wishes.retain(|_, wish| wish.event != id);
        state.actions.retain(|_, action| action.event != id);
        state.performances.retain(|_, performance| performance.event != id);
        state.events.remove(&id);
        Ok(DeleteOutcome::Deleted)
    }
}

#[async_trait]
impl SeatingPlans for MemoryLedger {
    async fn create_plan(
        &self,
        summary: &PlanSummary,
        _owner: AccountId,
        plan: &SeatingPlan,
        key: Option<OwnedKey>,
    ) -> Result<Created<PlanSummary>, StoreError> {
        let mut state = self.state.lock();
        let repeat = state.repeat(key, |state, made| match made {
            Made::Plan(id) => state.plans.get(&id).map(|(summary, _)| summary.clone()),
            _ => None,
        });
        if let Some(answer) = repeat {
            return Ok(answer);
        }
        if let Some((known, _)) = state.plans.get(&summary.id) {
            return Ok(Created::Repeated(known.clone()));
        }
        state.plans.insert(summary.id, (summary.clone(), plan.clone()));
        state.remember(key, Made::Plan(summary.id));
        Ok(Created::New(summary.clone()))
    }

    async fn plan(&self, id: PlanId) -> Result<Option<(PlanSummary, SeatingPlan)>, StoreError> {
        Ok(self.state.lock().plans.get(&id).cloned())
    }

    async fn plans(&self, request: PageRequest) -> Result<Page<PlanSummary>, StoreError> {
        let state = self.state.lock();
        let newest_first = state.plans.values().rev().map(|(summary, _)| summary.clone());
        Ok(page(newest_first, |summary| summary.id.0, request, true))
    }

    async fn grid_plan(&self, rows: u32, columns: u32) -> Result<Option<PlanSummary>, StoreError> {
        let state = self.state.lock();
        let plan = state.grids.get(&(rows, columns)).and_then(|id| state.plans.get(id));
        Ok(plan.map(|(summary, _)| summary.clone()))
    }

    async fn remember_grid_plan(&self, rows: u32, columns: u32, plan: PlanId) -> Result<(), StoreError> {
        self.state.lock().grids.entry((rows, columns)).or_insert(plan);
        Ok(())
    }
}

#[async_trait]
impl Performances for MemoryLedger {
    async fn create_performance(
        &self,
        performance: &Performance,
        key: Option<OwnedKey>,
    ) -> Result<Created<Performance>, StoreError> {
        let mut state = self.state.lock();
        let repeat = state.repeat(key, |state, made| match made {
            Made::Performance(id) => state.performances.get(&id).cloned(),
            _ => None,
        });
        if let Some(answer) = repeat {
            return Ok(answer);
        }
        if let Some(known) = state.performances.get(&performance.id) {
            return Ok(Created::Repeated(known.clone()));
        }
        state.last_number += 1;
        let created = Performance { number: PerformanceNumber(state.last_number), ..performance.clone() };
        state.performances.insert(created.id, created.clone());
        state.remember(key, Made::Performance(created.id));
        Ok(Created::New(created))
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Performance>, StoreError> {
        Ok(self.state.lock().performances.get(&id).cloned())
    }

    async fn performance_by_number(
        &self,
        number: PerformanceNumber,
    ) -> Result<Option<Performance>, StoreError> {
        let state = self.state.lock();
        Ok(state.performances.values().find(|performance| performance.number == number).cloned())
    }

    async fn performances(
        &self,
        event: EventId,
        request: PageRequest,
    ) -> Result<Page<Performance>, StoreError> {
        let state = self.state.lock();
        let of_event = state.performances.values().filter(|performance| performance.event == event).cloned();
        Ok(page(of_event, |performance| performance.id.0, request, false))
    }

    async fn reschedule(&self, performance: &Performance) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let Some(known) = state.performances.get_mut(&performance.id) else {
            return Ok(false);
        };
        known.starts_at = performance.starts_at;
        known.sale_opens_at = performance.sale_opens_at;
        known.sale_closes_at = performance.sale_closes_at;
        Ok(true)
    }

    async fn next_epoch(&self, id: PerformanceId) -> Result<u32, StoreError> {
        let mut state = self.state.lock();
        if !state.performances.contains_key(&id) {
            return Err(StoreError::corrupt(format!("an epoch for a performance that is not there: {id}")));
        }
        let epoch = state.epochs.entry(id).or_insert(0);
        *epoch += 1;
        Ok(*epoch)
    }
}
