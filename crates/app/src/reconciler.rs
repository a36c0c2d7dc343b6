//! The reconciler: finishes what crashed, and repairs where hot store and ledger disagree.
//!
//! Invariants: it goes backward only after the provider has said that the attempt is dead, or the ledger that
//! there never was one (and the ledger then refuses to begin it); it never touches what is not paying under
//! the fence and order it looked at, so it may run beside live confirms, and on several nodes at once.

use onsale_domain::{
    ids::PerformanceId,
    orders::OrderStatus,
    reservations::{BeginOutcome, HoldStatus},
};

use crate::{
    App, Caller, cards::Card, errors::AppError, orders::left_behind, payments::Attended,
    ports::hot::PaymentStep,
};

/// A payment older than this has been left behind: its own process would have finished it, the provider's
/// time-out and the ledger's included.
pub const LEFT_BEHIND_AFTER_MS: u64 = 45_000;

/// How many are looked at in one run.
const AT_ONCE: u32 = 200;

impl App {
    /// Finishes payments that were begun `older_than_ms` ago or earlier and are still open. Gives how many it
    /// brought to an end; what it could not is tried again in the next run.
    pub async fn reconcile_payments(&self, older_than_ms: u64) -> Result<usize, AppError> {
        let mut finished = 0;
        let before = left_behind(self.clock.now(), older_than_ms);
        for order in self.ledger.open_orders(before, AT_ONCE).await? {
            // One that cannot be looked at must not keep the others waiting.
            let Some(card) = self.find_card(order.performance).await? else { continue };
            match self.attend(&card, &order).await {
                Ok(Attended::Settled) => finished += 1,
                Ok(Attended::AwaitsBuyer) => {}
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
