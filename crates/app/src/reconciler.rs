//! The reconciler: finishes what crashed, and repairs where hot store and ledger disagree.
//!
//! Invariants: it goes backward only after the provider has said that the attempt is dead, or the ledger that
//! there never was one (and the ledger then refuses to begin it); it never touches what is not paying under
//! the fence and order it looked at, so it may run beside live confirms, and on several nodes at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, stream};
use onsale_domain::{
    ids::{OrderId, PerformanceId},
    inventory::Sale,
    orders::OrderStatus,
    reservations::{BeginOutcome, Ending, HoldStatus},
    time::Timestamp,
};
use parking_lot::Mutex;

use crate::{
    App, Caller,
    cards::Card,
    errors::AppError,
    orders::left_behind,
    payments::{Attended, step_of},
    ports::{
        hot::PaymentStep,
        ledger::{Order, Refund},
    },
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
    /// Refunds that are still open.
    pub refunds_open: usize,
    /// Of these, how many have been open for [`OVERDUE_AFTER_MS`] or longer.
    pub refunds_overdue: usize,
}

pub(crate) fn is_overdue(since: Timestamp, now: Timestamp) -> bool {
    now.since_ms(since) >= OVERDUE_AFTER_MS
}

/// How many payments that were left open a process remembers. Beyond that they wait like those of another process.
const MOST_LEFT_OPEN: usize = 10_000;

/// Payments that this process began and could not bring to an end, because a store did not answer: nobody is at them
/// any more, so they need not wait until they are old.
#[derive(Debug, Default)]
pub(crate) struct LeftOpen(Mutex<BTreeSet<OrderId>>);

impl LeftOpen {
    pub(crate) fn add(&self, order: OrderId) {
        let mut orders = self.0.lock();
        if orders.len() < MOST_LEFT_OPEN {
            orders.insert(order);
        }
    }

    fn oldest(&self) -> BTreeSet<OrderId> {
        self.0.lock().iter().take(PAGE as usize).copied().collect()
    }

    fn remove(&self, order: OrderId) {
        self.0.lock().remove(&order);
    }
}

impl App {
    /// Finishes payments that were begun `older_than_ms` ago or earlier and are still open, each now. Gives how many it
    /// brought to an end; what it could not is tried again in the next run. Those that nobody is at any more it finishes
    /// at any age.
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
        metrics::gauge!("onsale_refunds_open").set(run.refunds_open as f64);
        metrics::gauge!("onsale_refunds_overdue").set(run.refunds_overdue as f64);
        metrics::counter!("onsale_payments_reconciled_total").increment(run.finished as u64);
        metrics::gauge!("onsale_reconciler_run_timestamp_seconds").set(self.clock.now().as_secs_f64());
        Ok(run)
    }

    async fn reconcile(&self, older_than_ms: u64, in_turn: bool) -> Result<Reconciled, AppError> {
        let (now, mut after) = (self.clock.now(), None);
        let mut run = Reconciled { finished: self.finish_left_open().await?, ..Reconciled::default() };
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
                run.overdue += usize::from(!awaits_buyer && is_overdue(order.created_at, now));
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
        self.reconcile_refunds(left_behind(now, older_than_ms), in_turn, &mut run).await?;
        Ok(run)
    }

    /// Goes on with refunds that were recorded before `before` and are not done.
    async fn reconcile_refunds(
        &self,
        before: Timestamp,
        in_turn: bool,
        run: &mut Reconciled,
    ) -> Result<(), AppError> {
        let (now, mut after) = (self.clock.now(), None);
        let mut open = BTreeSet::new();
        for _ in 0..PAGES {
            let page = self.ledger.open_refunds(before, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            let attended: Vec<(Refund, bool)> = stream::iter(page)
                .map(|refund| async move {
                    let is_due = !in_turn || self.refund_pauses.lock().is_over(refund.id, now);
                    let is_done = is_due && self.attend_refund(&refund, now).await;
                    (refund, is_done)
                })
                .buffer_unordered(AT_A_TIME)
                .collect()
                .await;
            for (refund, is_done) in attended {
                if is_done {
                    run.finished += 1;
                    continue;
                }
                open.insert(refund.id);
                run.refunds_overdue += usize::from(is_overdue(refund.created_at, now));
            }
        }
        run.refunds_open = open.len();
        self.refund_pauses.lock().keep(&open);
        Ok(())
    }

    /// Sees to one open refund; gives whether it is done. When it is looked at again is noted.
    async fn attend_refund(&self, refund: &Refund, now: Timestamp) -> bool {
        let Err(error) = self.go_on_with(refund).await else { return true };
        self.refund_pauses.lock().failed(refund.id, now, self.entropy.bits());
        if is_overdue(refund.created_at, now) {
            tracing::error!(order = %refund.order, refund = %refund.id, %error,
                "money cannot be given back for half an hour; a person has to look");
        } else {
            tracing::warn!(order = %refund.order, refund = %refund.id, %error, "refund stays open");
        }
        false
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
                if is_overdue(order.created_at, now) {
                    tracing::error!(order = %order.id, provider = order.method, reference = order.reference, %error,
                        "a payment cannot be settled for half an hour; its seats stay reserved, a person has to look");
                } else {
                    tracing::warn!(order = %order.id, %error, "order stays open");
                }
            }
        }
        true
    }

    /// Finishes what this process left open itself. Gives how many it brought to an end.
    async fn finish_left_open(&self) -> Result<usize, AppError> {
        let left = self.left_open.oldest();
        if left.is_empty() {
            return Ok(0);
        }
        let mut paying = BTreeMap::new();
        for (performance, hold) in self.stock.paying(0, HOLDS).await? {
            let HoldStatus::Paying { order, .. } = hold.status else { continue };
            paying.insert(order, (performance, PaymentStep { hold: hold.id, fence: hold.fence, order }));
        }
        let finished = stream::iter(left)
            .map(|id| {
                let hold = paying.get(&id).copied();
                async move {
                    let done = self.finish_left(id, hold).await;
                    match &done {
                        Ok(_) => self.left_open.remove(id),
                        Err(error) => tracing::warn!(order = %id, %error, "order stays open"),
                    }
                    usize::from(matches!(done, Ok(true)))
                }
            })
            .buffer_unordered(AT_A_TIME)
            .fold(0, |finished, one| async move { finished + one });
        Ok(finished.await)
    }

    /// `hold`: the one that pays under this order. `false`: it is open still, and has its turn like others.
    async fn finish_left(
        &self,
        id: OrderId,
        hold: Option<(PerformanceId, PaymentStep)>,
    ) -> Result<bool, AppError> {
        let left = self.ledger.order(id).await?.filter(|order| order.status == OrderStatus::Paying);
        if left.is_some_and(|order| order.created_at <= left_behind(self.clock.now(), LEFT_BEHIND_AFTER_MS)) {
            return Ok(false);
        }
        if let Some((performance, step)) = hold
            && let Some(card) = self.find_card(performance).await?
        {
            self.finish_hold(&card, step).await?;
        }
        // One whose hold went back, or was lost, may still have its claim.
        let Some(order) = self.ledger.order(id).await? else { return Ok(true) };
        let Some(card) = self.find_card(order.performance).await? else { return Ok(true) };
        match order.status {
            OrderStatus::Paying => Ok(self.attend(&card, &order).await? == Attended::Settled),
            OrderStatus::Paid => self.sell_lost(&card, step_of(&order)).await.map(|()| true),
            OrderStatus::Failed | OrderStatus::Refunded => Ok(true),
        }
    }

    /// Brings a paying hold and its order to their end. `false`: the order is gone, or waits for its buyer.
    async fn finish_hold(&self, card: &Card, step: PaymentStep) -> Result<bool, AppError> {
        let recorded = self.ledger.void_order(step.order, self.clock.now()).await?;
        // `None`: never begun, and from now on it never will be.
        match recorded.unwrap_or(OrderStatus::Failed) {
            OrderStatus::Paid | OrderStatus::Refunded => {
                self.on_hot(card, || self.hot.sell(card.performance.id, step)).await?;
                self.give_back_released(card, step.order).await?;
            }
            OrderStatus::Failed => {
                self.on_hot(card, || self.hot.end_payment(card.performance.id, step, 0)).await?;
            }
            OrderStatus::Paying => match self.ledger.order(step.order).await? {
                Some(order) => return Ok(self.attend(card, &order).await? == Attended::Settled),
                None => return Ok(false),
            },
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
        let recorded = self.ledger.sales(id).await?;
        let claims: HashMap<OrderId, &Sale> = recorded.iter().map(|sale| (sale.order, sale)).collect();
        for sale in &hot.sales {
            let claim = claims.get(&sale.order);
            let is_claimed = |unit| claim.is_some_and(|known| known.units.contains(unit));
            if sale.units.iter().all(is_claimed) {
                continue;
            }
            if self.give_back_released(&card, sale.order).await? {
                repaired.push(format!("order {} is refunded; its seats are back on sale", sale.order));
            }
        }
        // Claimed here, not sold there: the hold was lost. It can be had again only while the units are free.
        let sold: HashSet<OrderId> = hot.sales.iter().map(|sale| sale.order).collect();
        for sale in recorded.iter().filter(|sale| !sold.contains(&sale.order)) {
            if self.sell_again(&card, sale).await? {
                repaired.push(format!("order {} was paid but not sold; its seats are sold now", sale.order));
            }
        }
        let closed = self.close_epochs(id).await?;
        if closed > 0 {
            repaired.push(format!(
                "{closed} reservations were still recorded as before the stock was loaded anew"
            ));
        }
        tracing::info!(performance = %id, repairs = repaired.len(), "stock reconciled");
        Ok(repaired)
    }

    /// Sells what a paid order has where the hot store does not know of its payment: it was lost, and came back from the
    /// ledger as it was before the payment began.
    pub(crate) async fn sell_lost(&self, card: &Card, step: PaymentStep) -> Result<(), AppError> {
        let p = card.performance.id;
        let order = self.ledger.order(step.order).await?;
        let Some(order) = order.filter(|order| order.status == OrderStatus::Paid) else { return Ok(()) };
        let begin = || self.hot.begin_payment(p, step.hold, order.owner, order.id);
        match self.on_hot(card, begin).await?.outcome {
            BeginOutcome::Begun(hold) => {
                let step = PaymentStep { hold: hold.id, fence: hold.fence, order: order.id };
                self.on_hot(card, || self.hot.sell(p, step)).await?;
                self.give_back_released(card, order.id).await?;
            }
            BeginOutcome::Ended(Ending::Confirmed(_)) => {}
            _ => {
                let image = self.on_stock(card, || self.stock.image(p)).await?;
                if image.sales.iter().any(|sale| sale.order == order.id) {
                    return Ok(());
                }
                let units = order.kept();
                self.sell_again(card, &Sale { order: order.id, owner: order.owner, units }).await?;
            }
        }
        tracing::info!(order = %order.id, "sold, although the hot store had lost its payment");
        Ok(())
    }

    /// Walks free units of a paid order through the lease until they are sold.
    async fn sell_again(&self, card: &Card, sale: &Sale) -> Result<bool, AppError> {
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
            is_key_new: false,
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
