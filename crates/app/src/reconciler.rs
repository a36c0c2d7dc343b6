//! The reconciler: finishes what crashed, and repairs where hot store and ledger disagree.
//!
//! Invariants: it goes backward only after the provider has said that the attempt is dead, or the ledger that
//! there never was one (and the ledger then refuses to begin it); it never touches what is not paying under
//! the fence and order it looked at, so it may run beside live confirms, and on several nodes at once.

use std::collections::BTreeSet;

use onsale_domain::{
    ids::{OrderId, PerformanceId},
    inventory::Sale,
    orders::OrderStatus,
    reservations::{BeginOutcome, Ending, HoldStatus},
};
use parking_lot::Mutex;

use crate::{App, Caller, cards::Card, errors::AppError, orders::left_behind, ports::hot::PaymentStep};

/// A payment older than this has been left behind: its own process would have finished it, the provider's
/// time-out and the ledger's included.
pub const LEFT_BEHIND_AFTER_MS: u64 = 45_000;

/// How many are looked at in one run.
const AT_ONCE: u32 = 200;

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
        self.0.lock().iter().take(AT_ONCE as usize).copied().collect()
    }

    fn remove(&self, order: OrderId) {
        self.0.lock().remove(&order);
    }
}

impl App {
    /// Finishes payments that were begun `older_than_ms` ago or earlier and are still open, and those of any age that
    /// nobody is at any more. Gives how many it brought to an end; what it could not is tried again in the next run.
    pub async fn reconcile_payments(&self, older_than_ms: u64) -> Result<usize, AppError> {
        let mut finished = self.finish_left_open().await?;
        let before = left_behind(self.clock.now(), older_than_ms);
        for order in self.ledger.open_orders(before, AT_ONCE).await? {
            // One that cannot be looked at must not keep the others waiting.
            let Some(card) = self.find_card(order.performance).await? else { continue };
            match self.settle(&card, &order).await {
                Ok(()) => finished += 1,
                Err(error) => tracing::warn!(order = %order.id, %error, "order stays open"),
            }
        }
        for (performance, hold) in self.stock.paying(older_than_ms, AT_ONCE as usize).await? {
            let HoldStatus::Paying { order, .. } = hold.status else { continue };
            let step = PaymentStep { hold: hold.id, fence: hold.fence, order };
            let Some(card) = self.find_card(performance).await? else { continue };
            match self.finish_hold(&card, step).await {
                Ok(true) => finished += 1,
                Ok(false) => {}
                Err(error) => tracing::warn!(reservation = %hold.id, %error, "hold stays in payment"),
            }
        }
        Ok(finished)
    }

    /// Finishes what this process left open itself.
    async fn finish_left_open(&self) -> Result<usize, AppError> {
        let left = self.left_open.oldest();
        if left.is_empty() {
            return Ok(0);
        }
        let mut open = BTreeSet::new();
        for (performance, hold) in self.stock.paying(0, AT_ONCE as usize).await? {
            let HoldStatus::Paying { order, .. } = hold.status else { continue };
            if !left.contains(&order) {
                continue;
            }
            let step = PaymentStep { hold: hold.id, fence: hold.fence, order };
            let Some(card) = self.find_card(performance).await? else { continue };
            if let Err(error) = self.finish_hold(&card, step).await {
                tracing::warn!(reservation = %hold.id, %error, "hold stays in payment");
                open.insert(order);
            }
        }
        let mut finished = 0;
        for id in left.difference(&open) {
            // One whose hold went back, or was lost, may still have its claim.
            if let Some(order) = self.ledger.order(*id).await?
                && let Some(card) = self.find_card(order.performance).await?
            {
                let step = PaymentStep { hold: order.reservation, fence: order.fence, order: order.id };
                let done = match order.status {
                    OrderStatus::Paying => self.settle(&card, &order).await,
                    OrderStatus::Paid => self.sell_lost(&card, step).await,
                    OrderStatus::Failed | OrderStatus::Refunded => Ok(()),
                };
                if let Err(error) = done {
                    tracing::warn!(order = %id, %error, "order stays open");
                    continue;
                }
            }
            self.left_open.remove(*id);
            finished += 1;
        }
        Ok(finished)
    }

    /// Brings a paying hold and its order to their end. `false`: the order is gone.
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
            OrderStatus::Paying => match self.ledger.order(step.order).await? {
                Some(order) => self.settle(card, &order).await?,
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
        let closed = self.close_epochs(id).await?;
        if closed > 0 {
            repaired.push(format!(
                "{closed} reservations were still recorded as before the stock was loaded anew"
            ));
        }
        tracing::info!(performance = %id, by = %caller.account, repairs = repaired.len(), "stock reconciled");
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
            }
            BeginOutcome::Ended(Ending::Confirmed(_)) => {}
            _ => {
                let image = self.on_stock(card, || self.stock.image(p)).await?;
                if image.sales.iter().any(|sale| sale.order == order.id) {
                    return Ok(());
                }
                let units = order.units.iter().map(|unit| unit.unit).collect();
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
