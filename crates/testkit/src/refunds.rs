//! Giving money back in a ledger without a provider: for tests in which it is not about the provider.
//!
//! Invariant: what is begun here is done when it answers.

use onsale_app::ports::{
    StoreError,
    ledger::{BeginRefund, NewRefund, RefundOf, Refunds},
};
use onsale_domain::{
    ids::{OrderId, RefundId},
    time::Timestamp,
    units::Unit,
};
use uuid::Uuid;

/// Records a refund and carries it, and others of the same units, out to the end.
pub async fn give_back(ledger: &(impl Refunds + ?Sized), new: &NewRefund) -> Result<BeginRefund, StoreError> {
    let begun = ledger.begin_refund(new).await?;
    if let BeginRefund::Recorded { open, .. } = &begun {
        for refund in open {
            if let Some(finished) = ledger.finish_refund(refund.id, new.at).await? {
                ledger.close_refund(refund.id, &finished.released, new.at).await?;
            }
        }
    }
    Ok(begun)
}

/// Some units of an order, by their numbers, which go back on sale.
pub async fn give_back_units(
    ledger: &(impl Refunds + ?Sized),
    order: OrderId,
    numbers: &[u32],
    at: Timestamp,
) -> Result<BeginRefund, StoreError> {
    let of = RefundOf::Units(numbers.iter().copied().map(Unit).collect());
    give_back(ledger, &NewRefund { id: RefundId(Uuid::new_v4()), order, of, keep_claim: false, at }).await
}

/// The whole order, under a new id; claims that an earlier refund kept end too, unless these are to be kept.
pub async fn give_back_all(
    ledger: &(impl Refunds + ?Sized),
    order: OrderId,
    keep_claim: bool,
    at: Timestamp,
) -> Result<BeginRefund, StoreError> {
    let id = RefundId(Uuid::new_v4());
    let begun = give_back(ledger, &NewRefund { id, order, of: RefundOf::Everything, keep_claim, at }).await?;
    if let (BeginRefund::Recorded { order, .. }, false) = (&begun, keep_claim) {
        let units = order.units.iter().map(|unit| unit.unit).collect();
        for refund in ledger.release_refunded(order.id, &units, at).await? {
            ledger.close_refund(refund.id, &refund.released, at).await?;
        }
    }
    Ok(begun)
}
