//! What the reconciler has not brought to an end yet, for those whose money and seats it is about.
//!
//! Invariant: nothing is changed here, and no provider is asked.

use std::sync::Arc;

use onsale_domain::{
    ids::{EventId, OrderId, PerformanceId, RefundId},
    money::Money,
    time::Timestamp,
};

use crate::{
    App, Caller,
    cards::Card,
    catalogue::check_organizer,
    errors::AppError,
    orders::left_behind,
    ports::ledger::Order,
    reconciler::{LEFT_BEHIND_AFTER_MS, is_overdue},
};

/// How many are told at most; the oldest come first.
pub const MOST_UNSETTLED: usize = 200;

/// How many are read at once, and how often: more are of other organizers, and there is an outage.
const PAGE: u32 = 200;
const PAGES: usize = 25;

/// How something stands that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsettledStanding {
    /// Its buyer has to act, and has time to.
    AwaitsBuyer,
    /// The provider is asked again, after pauses that grow.
    Retried,
    /// The same, for half an hour or longer: a person has to look.
    Overdue,
}

impl UnsettledStanding {
    /// Its name outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitsBuyer => "awaits_buyer",
            Self::Retried => "retried",
            Self::Overdue => "overdue",
        }
    }
}

/// A payment or a refund that was left behind and is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Of which order.
    pub order: OrderId,
    /// The refund; `None`: the payment.
    pub refund: Option<RefundId>,
    /// Its event.
    pub event: EventId,
    /// What that is called.
    pub title: String,
    /// The performance.
    pub performance: PerformanceId,
    /// The provider.
    pub method: String,
    /// What the provider knows it by, as far as that is known.
    pub reference: Option<String>,
    /// How much it is about.
    pub amount: Money,
    /// When it was begun.
    pub since: Timestamp,
    /// How it stands.
    pub standing: UnsettledStanding,
}

impl Unsettled {
    fn of(card: &Card, order: Order, standing: UnsettledStanding) -> Self {
        Self {
            order: order.id,
            refund: None,
            event: card.event.id,
            title: card.event.title.clone(),
            performance: card.performance.id,
            method: order.method,
            reference: order.reference,
            amount: order.total,
            since: order.created_at,
            standing,
        }
    }
}

fn standing(since: Timestamp, now: Timestamp) -> UnsettledStanding {
    if is_overdue(since, now) { UnsettledStanding::Overdue } else { UnsettledStanding::Retried }
}

impl App {
    /// Payments and refunds in the caller's events that whoever began them did not finish, oldest first, payments before
    /// refunds; [`MOST_UNSETTLED`] at most.
    pub async fn unsettled(&self, caller: Caller) -> Result<Vec<Unsettled>, AppError> {
        check_organizer(caller)?;
        let mut found = Vec::new();
        self.unsettled_payments(caller, &mut found).await?;
        self.unsettled_refunds(caller, &mut found).await?;
        Ok(found)
    }

    async fn unsettled_payments(&self, caller: Caller, found: &mut Vec<Unsettled>) -> Result<(), AppError> {
        let (now, mut after) = (self.clock.now(), None);
        let before = left_behind(now, LEFT_BEHIND_AFTER_MS);
        for _ in 0..PAGES {
            let page = self.ledger.open_orders(before, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            for order in page {
                if found.len() >= MOST_UNSETTLED {
                    return Ok(());
                }
                let Some(card) = self.card_managed_by(caller, order.performance).await? else { continue };
                let awaits_buyer = self.pauses.lock().awaits_buyer(order.id);
                let standing = if awaits_buyer {
                    UnsettledStanding::AwaitsBuyer
                } else {
                    standing(order.created_at, now)
                };
                found.push(Unsettled::of(&card, order, standing));
            }
        }
        Ok(())
    }

    async fn unsettled_refunds(&self, caller: Caller, found: &mut Vec<Unsettled>) -> Result<(), AppError> {
        let (now, mut after) = (self.clock.now(), None);
        let before = left_behind(now, LEFT_BEHIND_AFTER_MS);
        for _ in 0..PAGES {
            let page = self.ledger.open_refunds(before, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            for refund in page {
                if found.len() >= MOST_UNSETTLED {
                    return Ok(());
                }
                let Some(order) = self.ledger.order(refund.order).await? else { continue };
                let Some(card) = self.card_managed_by(caller, order.performance).await? else { continue };
                let standing = standing(refund.created_at, now);
                found.push(Unsettled {
                    refund: Some(refund.id),
                    amount: refund.amount,
                    since: refund.created_at,
                    ..Unsettled::of(&card, order, standing)
                });
            }
        }
        Ok(())
    }

    async fn card_managed_by(
        &self,
        caller: Caller,
        performance: PerformanceId,
    ) -> Result<Option<Arc<Card>>, AppError> {
        Ok(self.find_card(performance).await?.filter(|card| caller.manages(&card.event)))
    }
}
