//! The books of the ledger in memory, as its maps have them.
//!
//! Invariant: nothing here disagrees, because nothing is written twice; so the strays are those of wallets alone.

use std::collections::BTreeMap;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        BookPage, BookedCharge, BookedEntry, BookedMoney, BookedOrder, BookedPayment, BookedRefund,
        BookedUnit, Books, Order, Stray, WalletSums,
    },
};
use onsale_domain::{money::Money, orders::OrderStatus};

use super::{MemoryLedger, State, WalletEntry, WalletSide, wallet::ChargeState};

#[async_trait]
impl Books for MemoryLedger {
    async fn booked_orders(&self, page: BookPage) -> Result<Vec<BookedOrder>, StoreError> {
        let state = self.state.lock();
        let wanted = state
            .orders
            .values()
            .filter(|order| page.performance.is_none_or(|performance| order.performance == performance))
            .filter(|order| page.after.is_none_or(|after| order.id > after))
            .filter(|order| order.created_at < page.before);
        Ok(wanted.take(page.limit as usize).map(|order| state.booked(order)).collect())
    }

    async fn strays(&self, _limit: u32) -> Result<Vec<Stray>, StoreError> {
        Ok(Vec::new())
    }

    async fn wallet_sums(&self) -> Result<Vec<WalletSums>, StoreError> {
        let mut sums: BTreeMap<String, WalletSums> = BTreeMap::new();
        for entry in &self.state.lock().entries {
            let currency = entry.amount.currency.to_string();
            let none = WalletSums { currency: currency.clone(), entries: 0, sum: 0, balance: 0 };
            let of_currency = sums.entry(currency).or_insert(none);
            of_currency.entries += 1;
            of_currency.sum += entry.amount.amount;
            if entry.side == WalletSide::Account {
                of_currency.balance += entry.amount.amount;
            }
        }
        Ok(sums.into_values().collect())
    }
}

fn booked(money: Money) -> BookedMoney {
    BookedMoney { amount: money.amount, currency: money.currency.to_string() }
}

impl State {
    fn booked(&self, order: &Order) -> BookedOrder {
        let is_claimed = |unit| self.claims.get(&(order.performance, unit)) == Some(&order.id);
        let units = order.units.iter().map(|unit| BookedUnit {
            unit: unit.unit,
            price: booked(unit.price),
            refund: unit.refund.map(|refund| refund.id),
            is_claimed: is_claimed(unit.unit),
        });
        let mut refunds: Vec<_> = self.refunds.values().filter(|refund| refund.order == order.id).collect();
        refunds.sort_by_key(|refund| (refund.created_at, refund.id));
        let is_back = !refunds.is_empty() && refunds.iter().all(|refund| refund.status.is_money_back());
        let status = match order.status {
            OrderStatus::Paying => "open",
            OrderStatus::Paid => "captured",
            OrderStatus::Failed if is_back => "refunded",
            OrderStatus::Failed => "void",
            OrderStatus::Refunded => "refunded",
        };
        let charge = self.charges.get(&order.id).map(|charge| match charge {
            ChargeState::Charged { account, amount, given_back } => BookedCharge {
                status: "charged".into(),
                account: Some(*account),
                amount: amount.amount,
                given_back: *given_back,
            },
            ChargeState::Cancelled => {
                BookedCharge { status: "cancelled".into(), account: None, amount: 0, given_back: 0 }
            }
        });
        let entries = self.entries.iter().filter_map(|entry| {
            let kind = if entry.movement == order.id.0 { "charge" } else { "give_back" };
            let is_theirs = kind == "charge" || refunds.iter().any(|refund| refund.id.0 == entry.movement);
            is_theirs.then(|| booked_entry(entry, kind))
        });
        BookedOrder {
            id: order.id,
            performance: Some(order.performance),
            owner: Some(order.owner),
            status: order.status.as_str().to_owned(),
            total: booked(order.total),
            buyer: order.buyer.clone(),
            created_at: order.created_at,
            settled_at: None,
            units: units.collect(),
            payment: Some(BookedPayment {
                method: order.method.clone(),
                reference: order.reference.clone(),
                status: status.to_owned(),
                money: booked(order.total),
                updated_at: order.created_at,
            }),
            entries: entries.collect(),
            charge,
            refunds: refunds
                .into_iter()
                .map(|refund| BookedRefund {
                    id: refund.id,
                    status: refund.status.as_str().to_owned(),
                    money: booked(refund.amount),
                    keep_claim: refund.keep_claim,
                    created_at: refund.created_at,
                    updated_at: refund.created_at,
                })
                .collect(),
        }
    }
}

fn booked_entry(entry: &WalletEntry, kind: &str) -> BookedEntry {
    let side = if entry.side == WalletSide::Account { "account" } else { "sales" };
    BookedEntry {
        movement: entry.movement,
        kind: kind.to_owned(),
        side: side.to_owned(),
        account: entry.account,
        money: booked(entry.amount),
        at: entry.at,
    }
}
