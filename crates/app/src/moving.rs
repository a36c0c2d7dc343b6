//! Moving an installation into other stores: the stock, once the ledger has been copied.
//!
//! Invariants:
//! - what is moved is at rest: no payment is under way, and the ledger has every change;
//! - a stock is moved only where it and the ledger say the same, and has arrived only where what is read back is what
//!   was sent, hold by hold and sale by sale;
//! - where it comes from nothing is changed by it.

use std::collections::BTreeSet;

use onsale_domain::{
    ids::PerformanceId,
    inventory::{Image, Inventory},
    position::Position,
    reservations::HoldStatus,
    time::Timestamp,
    units::Counts,
};

use crate::{
    App,
    errors::AppError,
    ports::{
        StoreError,
        hot::HotError,
        ledger::{Page, PageRequest},
    },
};

/// How many events or performances are read at once.
const PAGE: u32 = 200;

/// How often open payments are gone through: each run brings some to an end, and none is begun.
const RUNS: usize = 10_000;

/// Why a stock is not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveRefusal {
    /// Their providers do not say what became of them.
    #[error(
        "payments are still under way, and their provider does not say what became of them; try again later"
    )]
    PaymentsOpen,
    /// Moving it would make one of them untrue.
    #[error(
        "the stock of performance {performance} and the ledger disagree about its {about}; \
         POST /api/v1/performances/{performance}/reconcile on the running server repairs that"
    )]
    Disagree {
        /// Which.
        performance: PerformanceId,
        /// About what.
        about: &'static str,
    },
    /// The target has a stock of it already.
    #[error("performance {0} is there already")]
    Present(PerformanceId),
    /// What was read back is not what was sent.
    #[error("performance {performance} has not arrived as it was sent: its {about} differ")]
    Differs {
        /// Which.
        performance: PerformanceId,
        /// In what.
        about: &'static str,
    },
    /// A store failed.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl From<StoreError> for MoveRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<HotError> for MoveRefusal {
    fn from(error: HotError) -> Self {
        Self::Failed(error.into())
    }
}

/// How much of a stock there is in each state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockCount {
    /// Units by state.
    pub counts: Counts,
    /// Area id and free places.
    pub areas: Vec<(u32, u32)>,
    /// How many live holds.
    pub holds: usize,
}

impl StockCount {
    /// What an image amounts to; `None` where two claims in it overlap.
    pub fn of(image: &Image) -> Option<Self> {
        let inventory = Inventory::from_image(image.clone()).ok()?;
        let areas = inventory.area_free().collect();
        Some(Self { counts: inventory.counts(), areas, holds: image.holds.len() })
    }
}

impl App {
    /// Brings every payment and every refund to its end; gives how many were open.
    pub async fn settle_all(&self) -> Result<usize, MoveRefusal> {
        let mut settled = 0;
        for _ in 0..RUNS {
            match self.reconcile_payments(0).await? {
                0 => break,
                some => settled += some,
            }
        }
        let open = self.ledger.open_orders(Timestamp(i64::MAX), None, 1).await?;
        let refunds = self.ledger.open_refunds(Timestamp(i64::MAX), None, 1).await?;
        if !open.is_empty() || !refunds.is_empty() || !self.stock.paying(0, 1).await?.is_empty() {
            return Err(MoveRefusal::PaymentsOpen);
        }
        Ok(settled)
    }

    /// How many payments and refunds are under way.
    pub async fn payments_under_way(&self) -> Result<usize, AppError> {
        let orders = self.ledger.open_orders(Timestamp(i64::MAX), None, PAGE).await?.len();
        let refunds = self.ledger.open_refunds(Timestamp(i64::MAX), None, PAGE).await?.len();
        Ok(refunds + orders.max(self.stock.paying(0, PAGE as usize).await?.len()))
    }

    /// Every performance in the ledger, the newest event first.
    pub async fn every_performance(&self) -> Result<Vec<PerformanceId>, AppError> {
        let mut found = Vec::new();
        let mut events = Some(PageRequest { limit: PAGE, after: None });
        while let Some(request) = events {
            let page = self.ledger.events(request).await?;
            for event in &page.items {
                let mut dates = Some(PageRequest { limit: PAGE, after: None });
                while let Some(request) = dates {
                    let page = self.ledger.performances(event.id, request).await?;
                    found.extend(page.items.iter().map(|performance| performance.id));
                    dates = following(&page);
                }
            }
            events = following(&page);
        }
        Ok(found)
    }

    /// The stock of a performance as it is; where the hot store does not have it, as the ledger knows it.
    pub async fn stock_as_it_is(&self, id: PerformanceId) -> Result<Image, AppError> {
        match self.stock.image(id).await {
            Ok(image) => Ok(image),
            Err(HotError::NotLoaded) => {
                let card = self.card(id).await?;
                Ok(self.ledger.image(id, (*card.layout).clone(), 0, self.clock.now()).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The stock of a performance at rest, compared with the ledger. Whatever was due at `since` has lapsed.
    pub async fn stock_at_rest(&self, id: PerformanceId, since: Timestamp) -> Result<Image, MoveRefusal> {
        let card = self.card(id).await?;
        let recorded = self.ledger.image(id, (*card.layout).clone(), 0, since).await?;
        let mut image = match self.stock.image(id).await {
            Ok(image) => image,
            Err(HotError::NotLoaded) => return Ok(recorded),
            Err(error) => return Err(error.into()),
        };
        if image.holds.iter().any(|hold| hold.status != HoldStatus::Held) {
            return Err(MoveRefusal::PaymentsOpen);
        }
        if let Some(about) = claims_differ(&image, &recorded) {
            return Err(MoveRefusal::Disagree { performance: id, about });
        }
        // The ledger has all of them, and answers for them.
        image.ended = Vec::new();
        // And of keys it has what is only marked here.
        let known: BTreeSet<_> = image.keys.iter().map(|(_, owner, key, _)| (*owner, key.key)).collect();
        let marked =
            recorded.keys.into_iter().filter(|(_, owner, key, _)| !known.contains(&(*owner, key.key)));
        image.keys.extend(marked);
        image.keys.sort_unstable();
        image.marks = Vec::new();
        Ok(image)
    }

    /// Puts a stock that comes from elsewhere in place, under the next epoch of the ledger here, and reads it back.
    pub async fn bring_stock(&self, id: PerformanceId, mut image: Image) -> Result<StockCount, MoveRefusal> {
        image.position = Position { epoch: self.ledger.next_epoch(id).await?, offset: 0 };
        let sent = StockCount::of(&image);
        if !self.stock.load(id, image.clone()).await? {
            return Err(MoveRefusal::Present(id));
        }
        let found = self.stock.image(id).await?;
        let seen = self.stock.availability(id).await?;
        let seen = StockCount { counts: seen.counts, areas: seen.areas.clone(), holds: found.holds.len() };
        let about = match sent {
            Some(sent) if sent == seen => {
                claims_differ(&image, &found).or_else(|| keys_differ(&image, &found))
            }
            _ => Some("counts"),
        };
        match about {
            None => Ok(seen),
            Some(about) => Err(MoveRefusal::Differs { performance: id, about }),
        }
    }
}

fn following<T>(page: &Page<T>) -> Option<PageRequest> {
    page.next.map(|after| PageRequest { limit: PAGE, after: Some(after) })
}

/// What two images of a stock say differently about who has which units.
fn claims_differ(one: &Image, other: &Image) -> Option<&'static str> {
    let sales = |image: &Image| {
        let mut sales: Vec<_> = image.sales.clone();
        for sale in &mut sales {
            sale.units.sort_unstable();
        }
        sales.sort_unstable_by_key(|sale| sale.order);
        sales
    };
    let holds = |image: &Image| {
        let mut holds = image.holds.clone();
        holds.sort_unstable_by_key(|hold| hold.id);
        holds
    };
    let blocked = |image: &Image| {
        let mut blocked = image.blocked.clone();
        blocked.sort_unstable();
        blocked
    };
    if one.layout != other.layout {
        return Some("layout");
    }
    if sales(one) != sales(other) {
        return Some("sales");
    }
    if holds(one) != holds(other) {
        return Some("holds");
    }
    (blocked(one) != blocked(other)).then_some("blocked seats")
}

/// Whether two images know different idempotency keys.
fn keys_differ(one: &Image, other: &Image) -> Option<&'static str> {
    let keys = |image: &Image| {
        let mut keys = image.keys.clone();
        keys.sort_unstable();
        keys
    };
    (keys(one) != keys(other)).then_some("idempotency keys")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onsale_domain::{
        ids::{AccountId, OrderId, ReservationId},
        inventory::Sale,
        reservations::{Choice, HoldOutcome, HoldRequest, RequestKey},
        seating::{Layout, SeatingPlan},
        units::Unit,
    };
    use uuid::Uuid;

    use super::*;

    fn stock() -> Image {
        let plan = SeatingPlan::grid(2, 3).unwrap();
        let mut inventory = Inventory::new(Arc::new(Layout::new(&plan, &[4])), 1);
        let mut steps = Vec::new();
        let request = HoldRequest {
            id: ReservationId(Uuid::from_u128(1)),
            owner: AccountId(Uuid::from_u128(2)),
            choice: Choice::Area { area: 1, quantity: 3 },
            ttl_ms: 60_000,
            max_per_owner: 4,
            key: Some(RequestKey { key: [1; 16], request: [2; 16] }),
            is_key_new: false,
        };
        let held = inventory.hold(&request, Timestamp(1_000), &mut steps);
        assert!(matches!(held, HoldOutcome::Held(_)));
        inventory.block(&[Unit(6)], true, Timestamp(1_000), &mut steps);
        inventory.image()
    }

    #[test]
    fn a_stock_is_counted_by_states_and_areas() {
        let count = StockCount::of(&stock()).unwrap();
        let counts = Counts { available: 6, held: 3, blocked: 1, ..Counts::default() };
        assert_eq!(count, StockCount { counts, areas: vec![(1, 1)], holds: 1 });
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let here = stock();
        assert_eq!((claims_differ(&here, &here), keys_differ(&here, &here)), (None, None));
        let mut late = here.clone();
        late.holds[0].expires_at = Timestamp(1);
        assert_eq!(claims_differ(&here, &late), Some("holds"));
        let mut sold = here.clone();
        let sale = Sale {
            order: OrderId(Uuid::nil()),
            owner: AccountId(Uuid::nil()),
            units: [Unit(1)].into_iter().collect(),
        };
        sold.sales.push(sale);
        assert_eq!(claims_differ(&here, &sold), Some("sales"));
        let mut free = here.clone();
        free.blocked.clear();
        assert_eq!(claims_differ(&here, &free), Some("blocked seats"));
        let mut forgetful = here.clone();
        forgetful.keys.clear();
        assert_eq!(claims_differ(&here, &forgetful), None);
        assert_eq!(keys_differ(&here, &forgetful), Some("idempotency keys"));
    }
}
