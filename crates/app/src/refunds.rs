//! Refunds: money of an order given back, all of it or unit by unit.
//!
//! Step by step: recorded in the ledger, which voids the tickets → given back at the provider, under the refund's id →
//! the claims end, and with the last unit the order is refunded → the stock has the units → done. What ends between
//! two steps is gone on with by the reconciler, forward only.
//!
//! Invariants: the provider is asked for nothing that is not recorded; every step may run twice, and by several at once;
//! a unit goes back on sale only after its money is back and its claim has ended.

use std::collections::BTreeSet;

use onsale_domain::{
    ids::{OrderId, RefundId},
    orders::{OrderStatus, RefundStatus},
    units::{Unit, Units},
};
use serde_json::json;

use crate::{
    App, Caller,
    cards::Card,
    errors::{AppError, Reason},
    orders::{OrderView, PROVIDER_ANSWERS_WITHIN, order_in_words, within},
    payments::step_of,
    ports::{
        ledger::{BeginRefund, NewRefund, Order, Refund, RefundOf},
        payments::Repayment,
    },
};

/// What an organizer wants to give back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundRequest {
    /// The numbers of units; all there are left unless given.
    pub units: Option<Vec<u32>>,
    /// Whether the units stay off sale.
    pub keep_seats: bool,
}

impl App {
    /// Gives the money of a paid order back, or of some of its units; these go back on sale unless they are to be kept off
    /// it. Asking again completes what an earlier call left undone and changes nothing otherwise.
    ///
    /// To be run to its end once begun.
    pub async fn refund(
        &self,
        caller: Caller,
        id: OrderId,
        request: RefundRequest,
    ) -> Result<OrderView, AppError> {
        let unknown = || AppError::not_found("order");
        let order = self.ledger.order(id).await?.ok_or_else(unknown)?;
        let card = self.card(order.performance).await?;
        if !caller.manages(&card.event) {
            // The buyer may see the order, so hiding it from them would be silly; to others it does not exist.
            let own = order.owner == caller.account;
            return Err(if own {
                AppError::refused(Reason::Forbidden, "only the organizer refunds")
            } else {
                unknown()
            });
        }
        let of = request.units.as_deref().map(checked_units).transpose()?;
        if matches!(order.status, OrderStatus::Paying | OrderStatus::Failed) {
            return Err(not_refundable(order.status));
        }
        if order.total.amount > 0 {
            // Before anything is recorded that could not be carried out.
            self.provider(&order.method)?;
        }
        let of = of.map_or(RefundOf::Everything, RefundOf::Units);
        let new = NewRefund {
            id: RefundId(self.new_id()),
            order: id,
            of,
            keep_claim: request.keep_seats,
            at: self.clock.now(),
        };
        let (order, open) = match self.ledger.begin_refund(&new).await? {
            BeginRefund::Recorded { order, open } => (order, open),
            BeginRefund::NotInOrder(units) => return Err(not_in_order(&units)),
            BeginRefund::Otherwise(status) => return Err(not_refundable(status)),
            BeginRefund::NotFound => return Err(unknown()),
        };
        for refund in &open {
            self.carry_out(Some(&card), &order, refund).await?;
        }
        if !request.keep_seats {
            let units = match new.of {
                RefundOf::Units(units) => units,
                RefundOf::Everything | RefundOf::LateCharge => {
                    order.units.iter().map(|unit| unit.unit).collect()
                }
            };
            // Those that were kept by an earlier refund.
            for refund in self.ledger.release_refunded(id, &units, self.clock.now()).await? {
                self.carry_out(Some(&card), &order, &refund).await?;
            }
        }
        let order = self.ledger.order(id).await?.ok_or_else(unknown)?;
        tracing::info!(order = %id, keep_seats = request.keep_seats, "refunded");
        Ok(order_in_words(&card, order))
    }

    /// Gives all the money back that was taken for an order after it had failed.
    pub(crate) async fn give_back_late_charge(&self, order: OrderId) -> Result<(), AppError> {
        let id = RefundId(self.new_id());
        let new = NewRefund { id, order, of: RefundOf::LateCharge, keep_claim: true, at: self.clock.now() };
        if let BeginRefund::Recorded { order, open } = self.ledger.begin_refund(&new).await? {
            for refund in &open {
                self.carry_out(None, &order, refund).await?;
            }
        }
        Ok(())
    }

    /// Brings a refund that was left behind to its end.
    pub(crate) async fn go_on_with(&self, refund: &Refund) -> Result<(), AppError> {
        let order = self.ledger.order(refund.order).await?;
        let order = order.ok_or_else(|| {
            AppError::Internal(format!(
                "refund {} is of order {}, which is not there",
                refund.id, refund.order
            ))
        })?;
        let card = self.find_card(order.performance).await?;
        self.carry_out(card.as_deref(), &order, refund).await
    }

    /// The steps of a refund that are left. Without a card the performance is gone, and nothing goes back on sale.
    async fn carry_out(&self, card: Option<&Card>, order: &Order, refund: &Refund) -> Result<(), AppError> {
        let mut refund = refund.clone();
        if refund.status == RefundStatus::Open {
            if refund.amount.amount > 0 {
                let provider = self.provider(&order.method)?;
                let repayment = Repayment { refund: refund.id, order: order.id, amount: refund.amount };
                let repaid = within(PROVIDER_ANSWERS_WITHIN, provider.refund(&repayment)).await;
                let result = if repaid.is_ok() { "repaid" } else { "failed" };
                metrics::counter!("onsale_refunds_total", "provider" => provider.name(), "result" => result)
                    .increment(1);
                repaid?;
            }
            let gone = || AppError::Internal(format!("refund {} is not there any more", refund.id));
            refund = self.ledger.finish_refund(refund.id, self.clock.now()).await?.ok_or_else(gone)?;
            tracing::info!(order = %order.id, refund = %refund.id, units = refund.units.len(), "money given back");
        }
        if refund.status == RefundStatus::Returned {
            if let Some(card) = card {
                // A crash may have come between paid and sold; what is not sold cannot be given back.
                let step = step_of(order);
                self.on_hot(card, || self.hot.sell(card.performance.id, step)).await?;
                self.give_back(card, order.id, &refund.released).await?;
            }
            self.ledger.close_refund(refund.id, &refund.released, self.clock.now()).await?;
        }
        Ok(())
    }

    /// What an order has given up goes back on sale, where it is still sold; gives whether there is anything of that kind.
    pub(crate) async fn give_back_released(&self, card: &Card, order: OrderId) -> Result<bool, AppError> {
        let order = self.ledger.order(order).await?;
        let Some((order, released)) = order.map(|order| (order.id, order.released())) else {
            return Ok(false);
        };
        if !released.is_empty() {
            self.give_back(card, order, &released).await?;
        }
        Ok(!released.is_empty())
    }

    async fn give_back(&self, card: &Card, order: OrderId, units: &Units) -> Result<(), AppError> {
        let p = card.performance.id;
        self.on_hot(card, || self.stock.give_back(p, order, units.to_vec())).await.map(drop)
    }
}

fn checked_units(numbers: &[u32]) -> Result<Units, AppError> {
    if numbers.is_empty() {
        return Err(AppError::invalid("seat_ids", "must name at least one seat; leave it out to refund all"));
    }
    let units: BTreeSet<Unit> = numbers.iter().copied().map(Unit).collect();
    if units.len() < numbers.len() {
        return Err(AppError::invalid("seat_ids", "must not name a seat twice"));
    }
    Ok(units.into_iter().collect())
}

fn not_in_order(units: &Units) -> AppError {
    let numbers: Vec<u32> = units.iter().map(|unit| unit.0).collect();
    AppError::invalid("seat_ids", "must be seats of this order").with("unknown", json!(numbers))
}

fn not_refundable(status: OrderStatus) -> AppError {
    let detail = format!("the order is {}; only paid orders are refunded", status.as_str());
    AppError::refused(Reason::OrderState, detail)
}
