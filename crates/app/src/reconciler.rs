//! The reconciler: finishes what crashed, and repairs where hot store and ledger disagree.
//!
//! Invariants: it goes backward only after the provider has said that the attempt is dead, or the ledger that
//! there never was one (and the ledger then refuses to begin it); it never touches what is not paying under
//! the fence and order it looked at, so it may run beside live confirms, and on several nodes at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use onsale_domain::{
    ids::{OrderId, PerformanceId},
    orders::OrderStatus,
    reservations::{BeginOutcome, HoldStatus},
    time::Timestamp,
};

use crate::{
    App, Caller,
    cards::Card,
    errors::AppError,
    orders::left_behind,
    payments::Attended,
    ports::{hot::PaymentStep, ledger::Order},
};

/// A payment older than this has been left behind: its own process would have finished it, the provider's
/// time-out and the ledger's included.
pub const LEFT_BEHIND_AFTER_MS: u64 = 45_000;

/// A payment that cannot be settled for so long needs a person.
pub const OVERDUE_AFTER_MS: u64 = 30 * 60_000;

/// How many open orders are read at once.
const PAGE: u32 = 200;

/// How many open orders one run looks at: all of an outage on a busy evening.
const PAGES: usize = 250;

/// How many are asked about at the same time, so that a slow provider does not make the last wait for hours, and one
/// that has just come back is not knocked over.
const AT_A_TIME: usize = 16;

/// How many holds in payment one run looks at.
const HOLDS: usize = 5_000;

/// How long to wait before asking again after the first failure; twice as long after each more.
const FIRST_PAUSE_MS: u64 = 5_000;

/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 300_000;

/// How long to wait before looking again whether a buyer has acted; a provider that delivers is faster.
const BUYER_PAUSE_MS: u64 = 15_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Brought to an end.
    pub finished: usize,
    /// Still open, for whatever reason.
    pub open: usize,
    /// Of these, how many wait for their buyer.
    pub awaiting_buyer: usize,
    /// Of the others, how many have been open for [`OVERDUE_AFTER_MS`] or longer.
    pub overdue: usize,
}

/// When to ask again about orders that stayed open.
#[derive(Debug, Default)]
pub(crate) struct Pauses(BTreeMap<OrderId, Pause>);

#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: Timestamp,
    awaits_buyer: bool,
}

impl Pauses {
    fn is_over(&self, order: OrderId, now: Timestamp) -> bool {
        self.0.get(&order).is_none_or(|pause| pause.until <= now)
    }

    fn awaits_buyer(&self, order: OrderId) -> bool {
        self.0.get(&order).is_some_and(|pause| pause.awaits_buyer)
    }

    /// After a failure: longer each time, and not for all at the same moment.
    fn failed(&mut self, order: OrderId, now: Timestamp, chance: u64) {
        let pause = self.0.entry(order).or_default();
        let doubled = FIRST_PAUSE_MS.saturating_mul(1 << pause.failures.min(16)).min(LONGEST_PAUSE_MS);
        let spread = chance % (doubled / 4 + 1);
        *pause = Pause {
            failures: pause.failures.saturating_add(1),
            until: now.plus_ms(doubled - doubled / 8 + spread),
            awaits_buyer: false,
        };
    }

    fn wait_for_buyer(&mut self, order: OrderId, now: Timestamp) {
        self.0.insert(order, Pause { failures: 0, until: now.plus_ms(BUYER_PAUSE_MS), awaits_buyer: true });
    }

    fn keep(&mut self, open: &BTreeSet<OrderId>) {
        self.0.retain(|order, _| open.contains(order));
    }
}

fn is_overdue(order: &Order, now: Timestamp) -> bool {
    now.since_ms(order.created_at) >= OVERDUE_AFTER_MS
}

impl App {
    /// Finishes payments that were begun `older_than_ms` ago or earlier and are still open, each now. Gives how many it
    /// brought to an end; what it could not is tried again in the next run.
    pub async fn reconcile_payments(&self, older_than_ms: u64) -> Result<usize, AppError> {
        Ok(self.reconcile(older_than_ms, false).await?.finished)
    }

    /// The same for what has been left behind, as often as one likes: whoever could not be settled is asked about again
    /// after a pause that grows. What stays open too long is told, loudly, and stays as it is.
    pub async fn reconcile_in_turn(&self) -> Result<Reconciled, AppError> {
        let run = self.reconcile(LEFT_BEHIND_AFTER_MS, true).await?;
        metrics::gauge!("onsale_payments_open").set(run.open as f64);
        metrics::gauge!("onsale_payments_awaiting_buyer").set(run.awaiting_buyer as f64);
        metrics::gauge!("onsale_payments_overdue").set(run.overdue as f64);
        metrics::counter!("onsale_payments_reconciled_total").increment(run.finished as u64);
        Ok(run)
    }

    async fn reconcile(&self, older_than_ms: u64, in_turn: bool) -> Result<Reconciled, AppError> {
        let (now, mut after) = (self.clock.now(), None);
        let mut run = Reconciled::default();
        let mut open = BTreeSet::new();
        for _ in 0..PAGES {
            let page = self.ledger.open_orders(left_behind(now, older_than_ms), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            let (due, waiting): (Vec<Order>, Vec<Order>) = {
                let pauses = self.pauses.lock();
                page.into_iter().partition(|order| !in_turn || pauses.is_over(order.id, now))
            };
            let attended: Vec<(Order, bool)> = stream::iter(due)
                .map(|order| async move {
                    let is_open = self.attend_in_turn(&order, now).await;
                    (order, is_open)
                })
                .buffer_unordered(AT_A_TIME)
                .collect()
                .await;
            let waiting = waiting.into_iter().map(|order| (order, true));
            for (order, is_open) in attended.into_iter().chain(waiting) {
                if !is_open {
                    run.finished += 1;
                    continue;
                }
                open.insert(order.id);
                let awaits_buyer = self.pauses.lock().awaits_buyer(order.id);
                run.awaiting_buyer += usize::from(awaits_buyer);
                run.overdue += usize::from(!awaits_buyer && is_overdue(&order, now));
            }
        }
        run.open = open.len();
        self.pauses.lock().keep(&open);
        for (performance, hold) in self.stock.paying(older_than_ms, HOLDS).await? {
            let HoldStatus::Paying { order, .. } = hold.status else { continue };
            if open.contains(&order) {
                continue;
            }
            let step = PaymentStep { hold: hold.id, fence: hold.fence, order };
            let Some(card) = self.find_card(performance).await? else { continue };
            match self.finish_hold(&card, step).await {
                Ok(true) => run.finished += 1,
                Ok(false) => {}
                Err(error) => tracing::warn!(reservation = %hold.id, %error, "hold stays in payment"),
            }
        }
        Ok(run)
    }

    /// Sees to one open order; whether it stays open, and when it is looked at again, is noted. One that cannot be
    /// looked at must not keep the others waiting.
    async fn attend_in_turn(&self, order: &Order, now: Timestamp) -> bool {
        let attended = match self.find_card(order.performance).await {
            Ok(Some(card)) => self.attend(&card, order).await,
            Ok(None) => Err(AppError::Internal(format!("performance {} is not there", order.performance))),
            Err(error) => Err(error),
        };
        match attended {
            Ok(Attended::Settled) => return false,
            Ok(Attended::AwaitsBuyer) => self.pauses.lock().wait_for_buyer(order.id, now),
            Err(error) => {
                self.pauses.lock().failed(order.id, now, self.entropy.bits());
                if is_overdue(order, now) {
                    tracing::error!(order = %order.id, method = order.method, reference = order.reference, %error,
                        "a payment cannot be settled for half an hour; its seats stay reserved, a person has to look");
                } else {
                    tracing::warn!(order = %order.id, %error, "order stays open");
                }
            }
        }
        true
    }

    /// Brings a paying hold to where its order is. `false`: the order is still open.
    async fn finish_hold(&self, card: &Card, step: PaymentStep) -> Result<bool, AppError> {
        let recorded = self.ledger.void_order(step.order, self.clock.now()).await?;
        // `None`: never begun, and from now on it never will be.
        match recorded.unwrap_or(OrderStatus::Failed) {
            OrderStatus::Paid | OrderStatus::Refunded => {
                self.on_hot(card, || self.hot.sell(card.performance.id, step)).await?;
            }
            OrderStatus::Failed => {
                self.on_hot(card, || self.hot.end_payment(card.performance.id, step, 0)).await?;
            }
            OrderStatus::Paying => return Ok(false),
        }
        Ok(true)
    }

    /// Compares a performance's stock with the ledger and repairs what differs, while selling goes on. Gives a
    /// sentence for each repair.
    pub async fn reconcile_stock(&self, caller: Caller, id: PerformanceId) -> Result<Vec<String>, AppError> {
        let card = self.managed_card(caller, id).await?;
        let hot = self.on_stock(&card, || self.stock.image(id)).await?;
        let mut repaired = Vec::new();
        for hold in &hot.holds {
            let HoldStatus::Paying { order, since } = hold.status else { continue };
            if since > left_behind(self.clock.now(), LEFT_BEHIND_AFTER_MS) {
                continue;
            }
            let step = PaymentStep { hold: hold.id, fence: hold.fence, order };
            if self.finish_hold(&card, step).await? {
                repaired.push(format!("reservation {} was left in payment; finished", hold.id));
            }
        }
        // Sold there, not claimed here: refunded, and the last step was lost.
        let layout = (*card.layout).clone();
        let ledger = self.ledger.image(id, layout, hot.position.epoch, self.clock.now()).await?;
        for sale in &hot.sales {
            if ledger.sales.iter().any(|known| known.order == sale.order) {
                continue;
            }
            let recorded = self.ledger.order(sale.order).await?;
            if recorded.is_some_and(|order| order.status == OrderStatus::Refunded) {
                let units = sale.units.to_vec();
                self.on_hot(&card, || self.stock.give_back(id, sale.order, units.clone())).await?;
                repaired.push(format!("order {} is refunded; its seats are back on sale", sale.order));
            }
        }
        // Claimed here, not sold there: the hold was lost. It can be had again only while the units are free.
        for sale in &ledger.sales {
            if hot.sales.iter().any(|known| known.order == sale.order) {
                continue;
            }
            if self.sell_again(&card, sale).await? {
                repaired.push(format!("order {} was paid but not sold; its seats are sold now", sale.order));
            }
        }
        tracing::info!(performance = %id, by = %caller.account, repairs = repaired.len(), "stock reconciled");
        Ok(repaired)
    }

    /// Walks free units of a paid order through the lease until they are sold.
    async fn sell_again(&self, card: &Card, sale: &onsale_domain::inventory::Sale) -> Result<bool, AppError> {
        use onsale_domain::reservations::{Choice, HoldOutcome, HoldRequest};
        let p = card.performance.id;
        let now_ms = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        let request = HoldRequest {
            id: onsale_domain::ids::ReservationId::compose(
                now_ms,
                card.performance.number,
                self.entropy.bits(),
            ),
            owner: sale.owner,
            choice: Choice::Seats(sale.units.clone()),
            ttl_ms: LEFT_BEHIND_AFTER_MS,
            max_per_owner: u32::MAX,
            key: None,
        };
        let decided = self.on_hot(card, || self.hot.hold(p, request.clone())).await?;
        let HoldOutcome::Held(hold) = decided.outcome else {
            tracing::error!(order = %sale.order, "paid units are not free in the hot store; a person has to look");
            return Ok(false);
        };
        let begun = self.on_hot(card, || self.hot.begin_payment(p, hold.id, sale.owner, sale.order)).await?;
        if !matches!(begun.outcome, BeginOutcome::Begun(_)) {
            return Ok(false);
        }
        let step = PaymentStep { hold: hold.id, fence: hold.fence, order: sale.order };
        self.on_hot(card, || self.hot.sell(p, step)).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_are_forgotten_with_the_order() {
        let order = OrderId(uuid::Uuid::from_u128(1));
        let (mut pauses, mut now) = (Pauses::default(), Timestamp(0));
        let mut lengths = Vec::new();
        for chance in 0..12 {
            assert!(pauses.is_over(order, now));
            pauses.failed(order, now, chance * 7_919);
            let length = pauses.0[&order].until.since_ms(now);
            assert!(!pauses.is_over(order, now.plus_ms(length - 1)));
            now = now.plus_ms(length);
            lengths.push(length);
        }
        assert!((4_000..6_500).contains(&lengths[0]), "{lengths:?}");
        assert!(lengths[1] > lengths[0] && lengths[3] > lengths[2], "{lengths:?}");
        assert!(lengths[8..].iter().all(|length| (260_000..340_000).contains(length)), "{lengths:?}");
        pauses.wait_for_buyer(order, now);
        assert!(pauses.awaits_buyer(order) && !pauses.is_over(order, now));
        pauses.keep(&BTreeSet::new());
        assert!(pauses.is_over(order, now) && pauses.0.is_empty());
    }
}
