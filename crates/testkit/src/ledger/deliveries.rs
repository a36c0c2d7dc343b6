//! Deliveries in memory.
//!
//! Invariant: a delivery is put in by the command that is its cause, under the lock of that command.

use async_trait::async_trait;
use onsale_app::{
    notices::{self, HoldNotice},
    ports::{
        StoreError,
        ledger::{
            Content, Deliveries, Delivery, DeliveryStatus, Endpoint, Endpoints, Lane, Lease, Letter,
            LetterKind, Notice, NoticeKind, Order, Page, PageRequest, Refund, Replay, SendLetter, SendLimits,
            Settlement, Watched,
        },
    },
};
use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, DeliveryId, EndpointId, EventId, OrderId, PerformanceId},
    orders::OrderStatus,
    time::Timestamp,
};
use uuid::Uuid;

use super::{MemoryLedger, State, page};

/// A delivery, and who has claimed it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) delivery: Delivery,
    lease: Option<Uuid>,
}

#[async_trait]
impl Deliveries for MemoryLedger {
    async fn due_lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        let state = self.state.lock();
        let due = state.deliveries.values().filter(|kept| kept.is_due(now));
        let mut lanes: Vec<Lane> = due.map(|kept| kept.delivery.content.lane()).collect();
        lanes.sort_unstable();
        lanes.dedup();
        Ok(lanes)
    }

    async fn claim_deliveries(
        &self,
        lane: Lane,
        limit: u32,
        lease: Lease,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut state = self.state.lock();
        let mut due: Vec<&mut Kept> = state
            .deliveries
            .values_mut()
            .filter(|kept| kept.delivery.content.lane() == lane && kept.is_due(lease.now))
            .collect();
        due.sort_by_key(|kept| kept.delivery.due_at);
        let claim = |kept: &mut Kept| {
            kept.lease = Some(lease.id);
            kept.delivery.due_at = lease.until;
            kept.delivery.attempts += 1;
            kept.delivery.clone()
        };
        Ok(due.into_iter().take(limit as usize).map(claim).collect())
    }

    async fn settle_delivery(
        &self,
        id: DeliveryId,
        lease: Uuid,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let Some(kept) = state.deliveries.get_mut(&id) else { return Ok(false) };
        if kept.lease != Some(lease) || kept.delivery.status != DeliveryStatus::Waiting {
            return Ok(false);
        }
        kept.lease = None;
        let delivery = &mut kept.delivery;
        (delivery.status, delivery.settled_at, delivery.last_error) = match settlement.clone() {
            Settlement::Sent { at } => (DeliveryStatus::Sent, Some(at), None),
            Settlement::Later { due_at, error } => {
                delivery.due_at = due_at;
                (DeliveryStatus::Waiting, None, Some(error))
            }
            Settlement::Withdrawn { at, why } => (DeliveryStatus::Withdrawn, Some(at), Some(why)),
            Settlement::Dead { at, error } => (DeliveryStatus::Dead, Some(at), Some(error)),
        };
        Ok(true)
    }

    async fn send_letter(&self, letter: &Delivery, limits: SendLimits) -> Result<SendLetter, StoreError> {
        let Content::Letter(about) = &letter.content else {
            return Err(StoreError::corrupt("a notice sent as a letter"));
        };
        let mut state = self.state.lock();
        if state.deliveries.contains_key(&letter.id) {
            return Ok(SendLetter::Queued);
        }
        let now = letter.created_at;
        let ages: Vec<u64> =
            state.letters(about.order, about.kind).map(|other| now.since_ms(other.created_at)).collect();
        if let Some(newest) = ages.iter().min().filter(|age| **age < limits.gap_ms) {
            return Ok(SendLetter::TooSoon { wait_ms: limits.gap_ms - newest });
        }
        let recent: Vec<u64> = ages.into_iter().filter(|age| *age < limits.span_ms).collect();
        if recent.len() >= limits.at_most as usize {
            let oldest = recent.iter().max().copied().unwrap_or(0);
            return Ok(SendLetter::TooSoon { wait_ms: limits.span_ms - oldest });
        }
        state.put(letter.clone());
        Ok(SendLetter::Queued)
    }

    async fn latest_letter(&self, order: OrderId, kind: LetterKind) -> Result<Option<Delivery>, StoreError> {
        Ok(self.state.lock().letters(order, kind).max_by_key(|letter| letter.id).cloned())
    }

    async fn forget_deliveries(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        let mut state = self.state.lock();
        let is_old = |kept: &&Kept| {
            kept.delivery.status != DeliveryStatus::Waiting
                && kept.delivery.settled_at.is_some_and(|at| at < before)
        };
        let old: Vec<DeliveryId> = state
            .deliveries
            .values()
            .filter(is_old)
            .map(|kept| kept.delivery.id)
            .take(at_most as usize)
            .collect();
        for id in &old {
            state.deliveries.remove(id);
        }
        Ok(old.len() as u64)
    }
}

#[async_trait]
impl Endpoints for MemoryLedger {
    async fn create_endpoint(&self, endpoint: &Endpoint, at_most: u32) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        if state.endpoints.contains_key(&endpoint.id) {
            return Ok(true);
        }
        let theirs = state.endpoints.values().filter(|other| other.organizer == endpoint.organizer).count();
        if theirs >= at_most as usize {
            return Ok(false);
        }
        state.endpoints.insert(endpoint.id, endpoint.clone());
        Ok(true)
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        Ok(self.state.lock().endpoints.get(&id).cloned())
    }

    async fn endpoints_of(&self, organizer: AccountId) -> Result<Vec<Endpoint>, StoreError> {
        let state = self.state.lock();
        Ok(state.endpoints.values().filter(|endpoint| endpoint.organizer == organizer).cloned().collect())
    }

    async fn delete_endpoint(&self, organizer: AccountId, id: EndpointId) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        if state.endpoints.get(&id).is_none_or(|endpoint| endpoint.organizer != organizer) {
            return Ok(false);
        }
        state.endpoints.remove(&id);
        state.deliveries.retain(|_, kept| kept.delivery.content.lane() != Lane::Endpoint(id));
        Ok(true)
    }

    async fn notices_of(
        &self,
        organizer: AccountId,
        status: Option<DeliveryStatus>,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        let state = self.state.lock();
        let theirs = state
            .deliveries
            .values()
            .rev()
            .map(|kept| &kept.delivery)
            .filter(|delivery| is_notice_of(delivery, organizer))
            .filter(|delivery| status.is_none_or(|status| delivery.status == status))
            .cloned();
        Ok(page(theirs, |delivery| delivery.id.0, request, true))
    }

    async fn replay_notice(
        &self,
        organizer: AccountId,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Replay, StoreError> {
        let mut state = self.state.lock();
        let found = state.deliveries.get_mut(&id).filter(|kept| is_notice_of(&kept.delivery, organizer));
        let Some(Kept { delivery, .. }) = found else { return Ok(Replay::NotFound) };
        if delivery.status == DeliveryStatus::Dead {
            let status = DeliveryStatus::Waiting;
            (delivery.status, delivery.attempts, delivery.settled_at) = (status, 0, None);
            (delivery.due_at, delivery.begun_at) = (at, at);
        }
        Ok(match delivery.status {
            DeliveryStatus::Waiting => Replay::Waiting(Box::new(delivery.clone())),
            settled => Replay::Settled(settled),
        })
    }

    async fn watched_performances(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<Watched>, StoreError> {
        let state = self.state.lock();
        let is_asked_for = |event: EventId| {
            state.events.get(&event).is_some_and(|event| {
                let theirs =
                    state.endpoints.values().filter(|endpoint| endpoint.organizer == event.organizer);
                theirs.into_iter().any(|endpoint| endpoint.kinds.contains(&NoticeKind::SoldOut))
            })
        };
        let watched = state
            .performances
            .values()
            .filter(|performance| performance.starts_at > starting_after && is_asked_for(performance.event))
            .filter(|performance| after.is_none_or(|after| performance.id > after))
            .map(|performance| Watched {
                performance: performance.id,
                event: performance.event,
                sold_out: state.sold_out.contains(&performance.id),
            });
        Ok(watched.take(limit as usize).collect())
    }

    async fn note_sold_out(
        &self,
        performance: PerformanceId,
        sold_out: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if !sold_out {
            state.sold_out.remove(&performance);
        } else if state.sold_out.insert(performance) {
            let told = |event| notices::about_sell_out(performance, event, at);
            state.notify(performance, NoticeKind::SoldOut, performance.0, at, told);
        }
        Ok(())
    }
}

fn is_notice_of(delivery: &Delivery, organizer: AccountId) -> bool {
    matches!(&delivery.content, Content::Notice(notice) if notice.organizer == organizer)
}

impl Kept {
    fn is_due(&self, now: Timestamp) -> bool {
        self.delivery.status == DeliveryStatus::Waiting && self.delivery.due_at <= now
    }
}

impl State {
    /// Puts among the deliveries what is to be told of an order that has just come to this state.
    pub(super) fn tell_of_order(&mut self, order: &Order, status: OrderStatus, at: Timestamp) {
        let (letter, notice) = match status {
            OrderStatus::Paying | OrderStatus::Refunded => return,
            OrderStatus::Paid => (Some(LetterKind::Tickets), NoticeKind::OrderPaid),
            OrderStatus::Failed => (None, NoticeKind::OrderFailed),
        };
        let reader = order.buyer.email.clone().zip(order.buyer.letters.clone());
        if let (Some(kind), Some((to, writing))) = (letter, reader) {
            let id = DeliveryId::of(at, order.id.0, kind.as_str(), Uuid::nil());
            let letter = Letter { kind, order: order.id, refund: None, to, writing };
            self.put(Delivery::new(id, Content::Letter(letter), at));
        }
        let told = |event| notices::about_order(notice, order, event, at);
        self.notify(order.performance, notice, order.id.0, at, told);
    }

    /// The same of money of a paid order that is back.
    pub(super) fn tell_of_refund(&mut self, order: &Order, refund: &Refund, at: Timestamp) {
        let kind = LetterKind::Refund;
        if let Some((to, writing)) = order.buyer.email.clone().zip(order.buyer.letters.clone()) {
            let id = DeliveryId::of(at, refund.id.0, kind.as_str(), Uuid::nil());
            let letter = Letter { kind, order: order.id, refund: Some(refund.id), to, writing };
            self.put(Delivery::new(id, Content::Letter(letter), at));
        }
        let told = |event| notices::about_refund(refund, order, event, at);
        self.notify(order.performance, NoticeKind::OrderRefunded, refund.id.0, at, told);
    }

    /// The same of a hold that was made or has lapsed.
    pub(super) fn tell_of_hold(&mut self, recorded: &Recorded) {
        let (kind, reservation, units, expires_at) = match &recorded.change {
            Change::Held { hold, units, expires_at, .. } => {
                (NoticeKind::ReservationHeld, *hold, units, *expires_at)
            }
            Change::Expired { hold, units } => (NoticeKind::ReservationExpired, *hold, units, recorded.at),
            _ => return,
        };
        let (performance, at) = (recorded.performance, recorded.at);
        let hold = HoldNotice { reservation, performance, units: units.to_vec(), expires_at, at };
        self.notify(performance, kind, reservation.0, at, |event| notices::about_hold(kind, &hold, event));
    }

    fn notify(
        &mut self,
        performance: PerformanceId,
        kind: NoticeKind,
        subject: Uuid,
        at: Timestamp,
        told: impl Fn(EventId) -> String,
    ) {
        let Some(event) = self.performances.get(&performance).map(|performance| performance.event) else {
            return;
        };
        let Some(organizer) = self.events.get(&event).map(|event| event.organizer) else { return };
        let asking: Vec<EndpointId> = self
            .endpoints
            .values()
            .filter(|endpoint| endpoint.organizer == organizer && endpoint.kinds.contains(&kind))
            .map(|endpoint| endpoint.id)
            .collect();
        for endpoint in asking {
            let notice = Notice { endpoint, organizer, kind, body: told(event) };
            let id = DeliveryId::of(at, subject, kind.as_str(), endpoint.0);
            self.put(Delivery::new(id, Content::Notice(notice), at));
        }
    }

    pub(super) fn put(&mut self, delivery: Delivery) {
        self.deliveries.entry(delivery.id).or_insert(Kept { delivery, lease: None });
    }

    fn letters(&self, order: OrderId, kind: LetterKind) -> impl Iterator<Item = &Delivery> {
        self.deliveries.values().map(|kept| &kept.delivery).filter(move |delivery| {
            matches!(&delivery.content, Content::Letter(letter) if letter.order == order && letter.kind == kind)
        })
    }
}
