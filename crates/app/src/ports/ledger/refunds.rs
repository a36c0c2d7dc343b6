//! The ledger's part of refunds.
//!
//! Contract: as for every port of the ledger. A unit is in one refund at most, so no more is given back than was paid,
//! whatever meets; a refund is recorded before the provider is asked, goes forward only, and is found until nothing is
//! left to do of it.

use async_trait::async_trait;
use onsale_domain::{
    ids::{OrderId, RefundId},
    money::Money,
    orders::{OrderStatus, RefundStatus},
    time::Timestamp,
    units::Units,
};

use super::Order;
use crate::ports::StoreError;

/// What is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOf {
    /// All of a paid order that is not given back yet.
    Everything,
    /// These units of a paid order.
    Units(Units),
    /// All of an order that had failed when its money came. Its claims have ended long since.
    LateCharge,
}

/// A refund to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// Its name, should there be anything to give back.
    pub id: RefundId,
    /// Of which order.
    pub order: OrderId,
    /// Of what of it.
    pub of: RefundOf,
    /// Whether the order keeps its claim on the units, so that they stay off sale.
    pub keep_claim: bool,
    /// When.
    pub at: Timestamp,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Of which order.
    pub order: OrderId,
    /// The prices of its units.
    pub amount: Money,
    /// Of what, in the order of the numbers.
    pub units: Units,
    /// Those of them that the order has no claim on any more.
    pub released: Units,
    /// Whether the claims stay when the money is back.
    pub keep_claim: bool,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// What became of recording a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginRefund {
    /// Everything that was asked for is in a refund: by this call, as far as it was not in one before. The order as it is
    /// then, and those refunds of what was asked for that are not done.
    Recorded {
        /// The order.
        order: Box<Order>,
        /// Still to be carried out, oldest first.
        open: Vec<Refund>,
    },
    /// These units are not in the order; nothing is recorded.
    NotInOrder(Units),
    /// The order is in a state in which nothing of this kind is given back.
    Otherwise(OrderStatus),
    /// There is no such order.
    NotFound,
}

/// Refunds.
#[async_trait]
pub trait Refunds: Send + Sync {
    /// Records a refund of what is in none yet; tickets of these units are void from now on. Where nothing is left of
    /// what was asked for, nothing is recorded.
    async fn begin_refund(&self, new: &NewRefund) -> Result<BeginRefund, StoreError>;
    /// OPEN → RETURNED, or DONE where nothing goes back on sale: the provider has given the money back. The claims end
    /// unless they are kept; with its last unit a paid order is refunded. Gives how it stands, `None` where there is no
    /// such refund; one that is further already stays as it is.
    async fn finish_refund(&self, id: RefundId, at: Timestamp) -> Result<Option<Refund>, StoreError>;
    /// Ends claims that were kept on units whose money is back. Their refunds are RETURNED again, until the stock has the
    /// units; gives those.
    async fn release_refunded(
        &self,
        order: OrderId,
        units: &Units,
        at: Timestamp,
    ) -> Result<Vec<Refund>, StoreError>;
    /// RETURNED → DONE: the stock has these units. Where others were released meanwhile it stays as it is, and so does
    /// another state.
    async fn close_refund(&self, id: RefundId, released: &Units, at: Timestamp) -> Result<(), StoreError>;
    /// Refunds that are not done and were recorded before `before`, oldest first; those that come after `after`, where
    /// given, by when they were recorded and their ids.
    async fn open_refunds(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, RefundId)>,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError>;
}
