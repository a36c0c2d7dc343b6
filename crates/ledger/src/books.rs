//! The ledger read as books: rows as they stand, a page of orders with all that belongs to them at a time.
//!
//! Invariants: a page is read in one transaction, so that what is given of an order is of one state; nothing is read whole
//! that grows with the sale.

use std::collections::BTreeMap;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{
        BookPage, BookedCharge, BookedEntry, BookedMoney, BookedOrder, BookedPayment, BookedRefund,
        BookedUnit, Books, Stray, WalletSums,
    },
};
use onsale_domain::{
    ids::{AccountId, OrderId, PerformanceId, RefundId},
    time::Timestamp,
    units::Unit,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    Statement,
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::{large, unit},
    entity::{order_units, orders, payments, refunds, wallet_charges, wallet_entries},
    failures::Failure,
    orders::rows::buyer,
};

/// The most orders of a page.
const MOST: u32 = 1_000;

/// Units with more than one claim. An index forbids them; it may be damaged or gone.
const CLAIMED_TWICE: &str = "
SELECT performance_id, unit, COUNT(*) FROM order_units WHERE live
GROUP BY performance_id, unit HAVING COUNT(*) > 1 ORDER BY performance_id, unit LIMIT";

const UNEVEN: &str = "
SELECT movement_id, kind, CAST(SUM(amount) AS BIGINT) FROM wallet_entries GROUP BY movement_id, kind
HAVING COUNT(*) <> 2 OR SUM(amount) <> 0 OR MIN(currency) <> MAX(currency)
ORDER BY movement_id, kind LIMIT";

const BALANCES: &str = "
SELECT e.account_id, e.currency, COALESCE(w.balance, 0), e.total
FROM (SELECT account_id, currency, CAST(SUM(amount) AS BIGINT) AS total FROM wallet_entries
      WHERE side = 'account' GROUP BY account_id, currency) e
LEFT JOIN wallets w ON w.account_id = e.account_id AND w.currency = e.currency
WHERE COALESCE(w.balance, 0) <> e.total
UNION ALL
SELECT w.account_id, w.currency, w.balance, 0 FROM wallets w
WHERE w.balance <> 0 AND NOT EXISTS (
    SELECT 1 FROM wallet_entries e
    WHERE e.account_id = w.account_id AND e.currency = w.currency AND e.side = 'account')
ORDER BY 1, 2 LIMIT";

const CHARGES_OF_NOTHING: &str = "
SELECT c.order_id FROM wallet_charges c
WHERE c.status = 'charged' AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = c.order_id)
UNION
SELECT e.movement_id FROM wallet_entries e
WHERE e.kind = 'charge' AND NOT EXISTS (SELECT 1 FROM wallet_charges c WHERE c.order_id = e.movement_id)
ORDER BY 1 LIMIT";

const GIVE_BACKS_OF_NOTHING: &str = "
SELECT DISTINCT e.movement_id FROM wallet_entries e
WHERE e.kind = 'give_back' AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.id = e.movement_id)
ORDER BY 1 LIMIT";

const SUMS: &str = "
SELECT currency, COUNT(*), CAST(SUM(amount) AS BIGINT) FROM wallet_entries GROUP BY currency ORDER BY currency";

const IN_WALLETS: &str = "SELECT currency, CAST(SUM(balance) AS BIGINT) FROM wallets GROUP BY currency";

#[async_trait]
impl Books for SqlLedger {
    async fn booked_orders(&self, page: BookPage) -> Result<Vec<BookedOrder>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let rows = orders::Entity::find()
                    .apply_if(page.performance, |query, performance: PerformanceId| {
                        query.filter(orders::Column::PerformanceId.eq(performance.0))
                    })
                    .apply_if(page.after, |query, after: OrderId| {
                        query.filter(orders::Column::Id.gt(after.0))
                    })
                    .filter(orders::Column::CreatedAt.lt(page.before.as_millis()))
                    .order_by_asc(orders::Column::Id)
                    .limit(u64::from(page.limit.clamp(1, MOST)))
                    .all(&txn)
                    .await?;
                with_all_that_belongs_to_them(&txn, rows).await
            })
            .await
    }

    async fn strays(&self, limit: u32) -> Result<Vec<Stray>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let ask = async |query: &str| {
                    let query = format!("{query} {limit}");
                    txn.query_all_raw(Statement::from_string(txn.get_database_backend(), query)).await
                };
                let mut strays = Vec::new();
                for row in ask(CLAIMED_TWICE).await? {
                    let performance = PerformanceId(row.try_get_by_index(0)?);
                    let (number, claims): (i32, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                    strays.push(Stray::ClaimedTwice {
                        performance,
                        unit: unit(number)?,
                        claims: large(claims)?,
                    });
                }
                for row in ask(UNEVEN).await? {
                    strays.push(Stray::Uneven {
                        movement: row.try_get_by_index(0)?,
                        kind: row.try_get_by_index(1)?,
                        sum: row.try_get_by_index(2)?,
                    });
                }
                for row in ask(BALANCES).await? {
                    strays.push(Stray::Balance {
                        account: AccountId(row.try_get_by_index(0)?),
                        currency: row.try_get_by_index(1)?,
                        balance: row.try_get_by_index(2)?,
                        entries: row.try_get_by_index(3)?,
                    });
                }
                for row in ask(CHARGES_OF_NOTHING).await? {
                    strays.push(Stray::ChargeOfNothing(row.try_get_by_index(0)?));
                }
                for row in ask(GIVE_BACKS_OF_NOTHING).await? {
                    strays.push(Stray::GiveBackOfNothing(row.try_get_by_index(0)?));
                }
                Ok(strays)
            })
            .await
    }

    async fn wallet_sums(&self) -> Result<Vec<WalletSums>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let ask = |query: &str| Statement::from_string(txn.get_database_backend(), query.to_owned());
                let mut sums: BTreeMap<String, WalletSums> = BTreeMap::new();
                let of = |currency: &str| WalletSums {
                    currency: currency.to_owned(),
                    entries: 0,
                    sum: 0,
                    balance: 0,
                };
                for row in txn.query_all_raw(ask(SUMS)).await? {
                    let currency: String = row.try_get_by_index(0)?;
                    let entries: i64 = row.try_get_by_index(1)?;
                    let known = WalletSums {
                        entries: large(entries)?,
                        sum: row.try_get_by_index(2)?,
                        ..of(&currency)
                    };
                    sums.insert(currency, known);
                }
                for row in txn.query_all_raw(ask(IN_WALLETS)).await? {
                    let (currency, balance) = currency_and_sum(&row)?;
                    sums.entry(currency.clone()).or_insert_with(|| of(&currency)).balance = balance;
                }
                Ok(sums.into_values().collect())
            })
            .await
    }
}

fn currency_and_sum(row: &QueryResult) -> Result<(String, i64), Failure> {
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

async fn with_all_that_belongs_to_them(
    db: &impl ConnectionTrait,
    rows: Vec<orders::Model>,
) -> Result<Vec<BookedOrder>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || rows.iter().map(|row| row.id);
    let mut units: BTreeMap<Uuid, Vec<BookedUnit>> = BTreeMap::new();
    let found = order_units::Entity::find()
        .filter(order_units::Column::OrderId.is_in(ids()))
        .order_by_asc(order_units::Column::Unit)
        .all(db)
        .await?;
    for row in found {
        units.entry(row.order_id).or_default().push(BookedUnit {
            unit: Unit(u32::try_from(row.unit).unwrap_or(0)),
            price: BookedMoney { amount: row.price, currency: row.currency },
            refund: row.refund_id.map(RefundId),
            is_claimed: row.live,
        });
    }
    let found = payments::Entity::find().filter(payments::Column::OrderId.is_in(ids())).all(db).await?;
    let mut paid: BTreeMap<Uuid, BookedPayment> =
        found.into_iter().map(|row| (row.order_id, payment(row))).collect();
    let mut given_back: BTreeMap<Uuid, Vec<BookedRefund>> = BTreeMap::new();
    let mut order_of: BTreeMap<Uuid, Uuid> = ids().map(|id| (id, id)).collect();
    let found = refunds::Entity::find()
        .filter(refunds::Column::OrderId.is_in(ids()))
        .order_by_asc(refunds::Column::CreatedAt)
        .order_by_asc(refunds::Column::Id)
        .all(db)
        .await?;
    for row in found {
        order_of.insert(row.id, row.order_id);
        given_back.entry(row.order_id).or_default().push(refund(row));
    }
    let found =
        wallet_charges::Entity::find().filter(wallet_charges::Column::OrderId.is_in(ids())).all(db).await?;
    let mut charges: BTreeMap<Uuid, BookedCharge> =
        found.into_iter().map(|row| (row.order_id, charge(row))).collect();
    let mut entries: BTreeMap<Uuid, Vec<BookedEntry>> = BTreeMap::new();
    let found = wallet_entries::Entity::find()
        .filter(wallet_entries::Column::MovementId.is_in(order_of.keys().copied()))
        .order_by_asc(wallet_entries::Column::CreatedAt)
        .order_by_asc(wallet_entries::Column::MovementId)
        .order_by_asc(wallet_entries::Column::Side)
        .all(db)
        .await?;
    for row in found {
        if let Some(order) = order_of.get(&row.movement_id) {
            entries.entry(*order).or_default().push(entry(row));
        }
    }
    let order = |row: orders::Model| BookedOrder {
        id: OrderId(row.id),
        performance: row.performance_id.map(PerformanceId),
        owner: row.owner_id.map(AccountId),
        buyer: buyer(&row),
        status: row.status,
        total: BookedMoney { amount: row.total, currency: row.currency },
        created_at: Timestamp(row.created_at),
        settled_at: row.settled_at.map(Timestamp),
        units: units.remove(&row.id).unwrap_or_default(),
        payment: paid.remove(&row.id),
        refunds: given_back.remove(&row.id).unwrap_or_default(),
        charge: charges.remove(&row.id),
        entries: entries.remove(&row.id).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(order).collect())
}

fn payment(row: payments::Model) -> BookedPayment {
    BookedPayment {
        method: row.method,
        reference: row.reference,
        status: row.status,
        money: BookedMoney { amount: row.amount, currency: row.currency },
        updated_at: Timestamp(row.updated_at),
    }
}

fn refund(row: refunds::Model) -> BookedRefund {
    BookedRefund {
        id: RefundId(row.id),
        status: row.status,
        money: BookedMoney { amount: row.amount, currency: row.currency },
        keep_claim: row.keep_claim,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    }
}

fn charge(row: wallet_charges::Model) -> BookedCharge {
    BookedCharge {
        status: row.status,
        account: row.account_id.map(AccountId),
        amount: row.amount,
        given_back: row.given_back,
    }
}

fn entry(row: wallet_entries::Model) -> BookedEntry {
    BookedEntry {
        movement: row.movement_id,
        kind: row.kind,
        side: row.side,
        account: AccountId(row.account_id),
        money: BookedMoney { amount: row.amount, currency: row.currency },
        at: Timestamp(row.created_at),
    }
}
