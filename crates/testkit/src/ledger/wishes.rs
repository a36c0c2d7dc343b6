//! Wishes in memory.
//!
//! Invariant: a step looks at the attempt and counts it up under one lock.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{InLine, Offer, PutWish, ReturnLine, Unfit, Wanted, Wish, WishStep, Wishes},
};
use onsale_domain::{
    ids::{AccountId, EventId, PerformanceId, WishId},
    time::Timestamp,
    wishes::WishStatus,
};

use super::{MemoryLedger, State};

#[async_trait]
impl Wishes for MemoryLedger {
    async fn put_wish(&self, wish: &Wish) -> Result<PutWish, StoreError> {
        let mut state = self.state.lock();
        state.return_lines.entry(wish.wanted.performance).or_default();
        let Some(before) = state.wish(wish.event, wish.owner).cloned() else {
            state.wishes.insert(wish.id, wish.clone());
            return Ok(PutWish::Waiting(wish.clone()));
        };
        let asked = (&wish.wanted, wish.position, &wish.letters);
        match before.status {
            WishStatus::Offered => return Ok(PutWish::Offered(before)),
            WishStatus::Waiting if asked == (&before.wanted, before.position, &before.letters) => {
                return Ok(PutWish::Waiting(before));
            }
            _ => {}
        }
        let (id, attempt, created_at) = (before.id, before.attempt + 1, before.created_at);
        let after = Wish { id, attempt, created_at, ..wish.clone() };
        state.wishes.insert(id, after.clone());
        Ok(PutWish::Waiting(after))
    }

    async fn wish(&self, event: EventId, owner: AccountId) -> Result<Option<Wish>, StoreError> {
        Ok(self.state.lock().wish(event, owner).cloned())
    }

    async fn step_wish(&self, step: WishStep) -> Result<bool, StoreError> {
        Ok(self.state.lock().step(step))
    }

    async fn offer_wish(&self, offer: &Offer) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let waits = state.wishes.get(&offer.wish).is_some_and(|wish| wish.status == WishStatus::Waiting);
        let Offer { wish, attempt, at, .. } = *offer;
        if !waits || !state.step(WishStep { wish, attempt, to: WishStatus::Offered, at }) {
            return Ok(false);
        }
        if let Some(wish) = state.wishes.get_mut(&wish) {
            (wish.reservation, wish.offered_until) = (Some(offer.reservation), Some(offer.until));
        }
        if let Some(letter) = &offer.letter {
            state.put(letter.clone());
        }
        Ok(true)
    }

    async fn return_lines(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<ReturnLine>, StoreError> {
        let state = self.state.lock();
        let lines = state.return_lines.iter().filter(|(id, _)| {
            after.is_none_or(|after| **id > after)
                && state.performances.get(id).is_some_and(|found| found.starts_at > starting_after)
                && state.waiting(**id).next().is_some()
        });
        let line = |(id, begun): (&PerformanceId, &bool)| ReturnLine { performance: *id, has_begun: *begun };
        Ok(lines.map(line).take(limit as usize).collect())
    }

    async fn begin_return_line(&self, performance: PerformanceId, _at: Timestamp) -> Result<(), StoreError> {
        if let Some(begun) = self.state.lock().return_lines.get_mut(&performance) {
            *begun = true;
        }
        Ok(())
    }

    async fn waiting_wishes(
        &self,
        performance: PerformanceId,
        unfit: &[Unfit],
        after: Option<InLine>,
        limit: u32,
    ) -> Result<Vec<Wish>, StoreError> {
        let state = self.state.lock();
        let in_line = |wish: &Wish| (wish.position, wish.id);
        let mut found: Vec<Wish> = state
            .waiting(performance)
            .filter(|wish| after.is_none_or(|after| in_line(wish) > after))
            .filter(|wish| !unfit.iter().any(|unfit| is_covered(unfit, &wish.wanted)))
            .cloned()
            .collect();
        found.sort_by_key(in_line);
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn offered_wishes(&self, after: Option<WishId>, limit: u32) -> Result<Vec<Wish>, StoreError> {
        let state = self.state.lock();
        let offered = state
            .wishes
            .values()
            .filter(|wish| wish.status == WishStatus::Offered && after.is_none_or(|after| wish.id > after));
        Ok(offered.take(limit as usize).cloned().collect())
    }
}

fn is_covered(unfit: &Unfit, wanted: &Wanted) -> bool {
    wanted.quantity >= unfit.quantity
        && wanted.together == unfit.together
        && wanted.category == unfit.category
        && wanted.area == unfit.area
}

impl State {
    fn wish(&self, event: EventId, owner: AccountId) -> Option<&Wish> {
        self.wishes.values().find(|wish| wish.event == event && wish.owner == owner)
    }

    fn waiting(&self, performance: PerformanceId) -> impl Iterator<Item = &Wish> {
        let of = move |wish: &&Wish| wish.wanted.performance == performance;
        self.wishes.values().filter(of).filter(|wish| wish.status == WishStatus::Waiting)
    }

    fn step(&mut self, step: WishStep) -> bool {
        let Some(wish) = self.wishes.get_mut(&step.wish) else { return false };
        if wish.attempt != step.attempt {
            return false;
        }
        (wish.status, wish.attempt, wish.updated_at) = (step.to, step.attempt + 1, step.at);
        true
    }
}
