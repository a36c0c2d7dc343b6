//! Charging a wallet in PostgreSQL, in one round trip instead of seven: a buyer waits for it, and meanwhile the row
//! of the wallet is locked.
//!
//! Invariants: the statement takes the money with both entries and the charge, or nothing; it locks what the shared
//! queries lock, in their order. Where it does nothing, they say why.

use onsale_domain::{
    ids::{AccountId, OrderId},
    money::Money,
    time::Timestamp,
};
use sea_orm::sqlx::{self, PgPool, error::ErrorKind};

use super::{ACCOUNT_SIDE, ChargeStatus, Movement};
use crate::failures::Failure;

/// No row where the wallet does not cover it or the order is settled already. Covered when it was looked at and not
/// any more when it was the order's turn is a check violation (the balance below zero), which undoes the rest.
const CHARGE: &str = "
WITH charged AS (
    INSERT INTO wallet_charges (order_id, status, account_id, amount, currency, updated_at)
    SELECT $1, $6, $2, $3, $4, $5 FROM wallets
    WHERE account_id = $2 AND currency = $4 AND balance >= $3
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
), taken AS (
    UPDATE wallets SET balance = wallets.balance - $3
    FROM charged WHERE wallets.account_id = $2 AND wallets.currency = $4
    RETURNING wallets.balance
), entered AS (
    INSERT INTO wallet_entries (movement_id, kind, side, account_id, amount, currency, created_at)
    SELECT order_id, $7, sides.side, $2, sides.amount, $4, $5
    FROM charged, (VALUES ($8::text, -$3::int8), ($9::text, $3::int8)) AS sides (side, amount)
)
SELECT balance FROM taken";

/// Takes the price of an order; gives the balance after it, or `None` where the shared queries have to say what is
/// in the way.
pub(super) async fn charge(
    pool: &PgPool,
    order: OrderId,
    account: AccountId,
    amount: Money,
    at: Timestamp,
) -> Result<Option<i64>, Failure> {
    let taken = sqlx::query_scalar(CHARGE)
        .bind(order.0)
        .bind(account.0)
        .bind(amount.amount)
        .bind(amount.currency.as_str())
        .bind(at.as_millis())
        .bind(ChargeStatus::Charged.as_str())
        .bind(Movement::Charge.as_str())
        .bind(ACCOUNT_SIDE)
        .bind(Movement::Charge.counter_side())
        .fetch_optional(pool)
        .await;
    match taken {
        Err(sqlx::Error::Database(error))
            if matches!(error.kind(), ErrorKind::CheckViolation | ErrorKind::UniqueViolation) =>
        {
            Ok(None)
        }
        other => Ok(other?),
    }
}
