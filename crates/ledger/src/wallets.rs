//! Wallets: double entry.
//!
//! Invariants: a movement has two entries that add up to zero and is written once; a balance is the sum of its
//! account's entries, moves in their transaction and never goes below zero; an order stands at the wallet in one
//! way at a time (one row in `wallet_charges`), so that it is charged or cancelled, not both.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Created, GiveBack, OwnedKey, Wallet, WalletOutcome},
};
use onsale_domain::{
    ids::{AccountId, OrderId, RefundId},
    money::{Currency, Money},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use crate::{
    SqlLedger,
    columns::money,
    entity::{wallet_charges, wallet_entries, wallets},
    failures::Failure,
    idempotency::{self, Kind, Standing},
    inserts::{insert_missing, insert_new},
};

mod postgres;

/// Why money moves; the movement is named by the top-up, the order or the refund, and by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Movement {
    TopUp,
    Charge,
    GiveBack,
}

impl Movement {
    fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Charge => "charge",
            Self::GiveBack => "give_back",
        }
    }

    /// The account of the house on the other side.
    fn counter_side(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Charge | Self::GiveBack => "sales",
        }
    }
}

/// The buyer's side of a movement.
pub(crate) const ACCOUNT_SIDE: &str = "account";

/// How an order stands at the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChargeStatus {
    Charged,
    Cancelled,
}

impl ChargeStatus {
    const ALL: [Self; 2] = [Self::Charged, Self::Cancelled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(row: &wallet_charges::Model) -> Result<Self, StoreError> {
        let named = Self::ALL.into_iter().find(|status| status.as_str() == row.status);
        named.ok_or_else(|| StoreError::corrupt(format!("charge status {:?}", row.status)))
    }
}

#[async_trait]
impl Wallet for SqlLedger {
    async fn balance(&self, account: AccountId, currency: Currency) -> Result<Money, StoreError> {
        self.db.command(|| async move { balance(self.db.reader(), account, currency).await }).await
    }

    async fn top_up(
        &self,
        id: Uuid,
        account: AccountId,
        amount: Money,
        key: Option<OwnedKey>,
        at: Timestamp,
    ) -> Result<Created<Money>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let fresh = match idempotency::take(&txn, key, Kind::TopUp, id, at).await? {
                    Standing::Mismatch => return Ok(Created::KeyMismatch),
                    Standing::Made(_) => false,
                    Standing::Free => enter(&txn, id, Movement::TopUp, account, amount, at).await?,
                };
                if !fresh {
                    return Ok(Created::Repeated(balance(&txn, account, amount.currency).await?));
                }
                put_in(&txn, account, amount).await?;
                let balance = balance(&txn, account, amount.currency).await?;
                txn.commit().await?;
                Ok(Created::New(balance))
            })
            .await
    }

    async fn charge(
        &self,
        order: OrderId,
        account: AccountId,
        amount: Money,
        at: Timestamp,
    ) -> Result<WalletOutcome, StoreError> {
        self.db
            .command(|| async move {
                if let Some(pool) = self.db.postgres()
                    && let Some(balance) = postgres::charge(pool, order, account, amount, at).await?
                {
                    return Ok(WalletOutcome::Moved(Money::new(balance, amount.currency)));
                }
                let txn = self.db.begin_write().await?;
                if !settle_first(&txn, order, ChargeStatus::Charged, Some((account, amount)), at).await? {
                    let known = find_charge(&txn, order).await?;
                    return match charged(known.as_ref())? {
                        Some((account, amount)) => {
                            Ok(WalletOutcome::Moved(balance(&txn, account, amount.currency).await?))
                        }
                        None => Ok(WalletOutcome::Cancelled),
                    };
                }
                let before = balance_to_change(&txn, account, amount.currency).await?;
                if before.amount < amount.amount {
                    // Ends the transaction without the charge that was to be.
                    return Ok(WalletOutcome::Insufficient(before));
                }
                take_out(&txn, account, amount).await?;
                let taken = Money::new(-amount.amount, amount.currency);
                enter_once(&txn, order.0, Movement::Charge, account, taken, at).await?;
                txn.commit().await?;
                Ok(WalletOutcome::Moved(Money::new(before.amount - amount.amount, amount.currency)))
            })
            .await
    }

    async fn settle(&self, order: OrderId, at: Timestamp) -> Result<bool, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                if settle_first(&txn, order, ChargeStatus::Cancelled, None, at).await? {
                    txn.commit().await?;
                    return Ok(false);
                }
                Ok(charged(find_charge(&txn, order).await?.as_ref())?.is_some())
            })
            .await
    }

    async fn give_back(
        &self,
        order: OrderId,
        refund: RefundId,
        amount: Money,
        at: Timestamp,
    ) -> Result<GiveBack, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                // Locked: the refunds of one order go one after the other.
                let known = find_charge(&txn, order).await?;
                let Some((account, charged)) = charged(known.as_ref())? else {
                    return Ok(GiveBack::NeverCharged);
                };
                if is_entered(&txn, refund.0, Movement::GiveBack).await? {
                    return Ok(GiveBack::Given);
                }
                let before = known.map_or(0, |known| known.given_back);
                if amount.currency != charged.currency
                    || !(0..=charged.amount - before).contains(&amount.amount)
                {
                    return Ok(GiveBack::TooMuch);
                }
                wallet_charges::Entity::update_many()
                    .col_expr(wallet_charges::Column::GivenBack, Expr::value(before + amount.amount))
                    .col_expr(wallet_charges::Column::UpdatedAt, Expr::value(at.as_millis()))
                    .filter(wallet_charges::Column::OrderId.eq(order.0))
                    .exec(&txn)
                    .await?;
                enter_once(&txn, refund.0, Movement::GiveBack, account, amount, at).await?;
                put_in(&txn, account, amount).await?;
                txn.commit().await?;
                Ok(GiveBack::Given)
            })
            .await
    }
}

async fn balance(
    db: &impl ConnectionTrait,
    account: AccountId,
    currency: Currency,
) -> Result<Money, Failure> {
    let key = (account.0, currency.to_string());
    let wallet = wallets::Entity::find_by_id(key).one(db).await?;
    Ok(Money::new(wallet.map_or(0, |wallet| wallet.balance), currency))
}

/// Writes both entries of a movement; `false` where they are there already.
async fn enter(
    db: &impl ConnectionTrait,
    movement: Uuid,
    why: Movement,
    account: AccountId,
    amount: Money,
    at: Timestamp,
) -> Result<bool, Failure> {
    let entry = |side: &str, amount: i64, currency: Currency| wallet_entries::ActiveModel {
        movement_id: Set(movement),
        kind: Set(why.as_str().to_owned()),
        side: Set(side.to_owned()),
        account_id: Set(account.0),
        amount: Set(amount),
        currency: Set(currency.to_string()),
        created_at: Set(at.as_millis()),
    };
    let both = [
        entry(ACCOUNT_SIDE, amount.amount, amount.currency),
        entry(why.counter_side(), -amount.amount, amount.currency),
    ];
    Ok(insert_missing(db, both).await? > 0)
}

/// Whether a movement has its entries.
async fn is_entered(db: &impl ConnectionTrait, movement: Uuid, why: Movement) -> Result<bool, Failure> {
    let key = (movement, why.as_str().to_owned(), ACCOUNT_SIDE.to_owned());
    Ok(wallet_entries::Entity::find_by_id(key).one(db).await?.is_some())
}

/// As [`enter`], where something else has made sure that it happens once.
async fn enter_once(
    db: &impl ConnectionTrait,
    movement: Uuid,
    why: Movement,
    account: AccountId,
    amount: Money,
    at: Timestamp,
) -> Result<(), Failure> {
    if enter(db, movement, why, account, amount, at).await? {
        return Ok(());
    }
    Err(Failure::corrupt(format!("the entries of {} {movement} are there before it", why.as_str())))
}

async fn put_in(db: &impl ConnectionTrait, account: AccountId, amount: Money) -> Result<(), Failure> {
    use wallets::Column;
    let row = wallets::ActiveModel {
        account_id: Set(account.0),
        currency: Set(amount.currency.to_string()),
        balance: Set(amount.amount),
    };
    let sum = Expr::col((wallets::Entity, Column::Balance)).add(Expr::col(("excluded", Column::Balance)));
    let add =
        OnConflict::columns([Column::AccountId, Column::Currency]).value(Column::Balance, sum).to_owned();
    let insert = wallets::Entity::insert(row).on_conflict(add);
    insert.exec_without_returning(db).await.map(drop).map_err(Failure::from)
}

/// As [`balance`], and nobody else changes it until the transaction ends.
async fn balance_to_change(
    db: &impl ConnectionTrait,
    account: AccountId,
    currency: Currency,
) -> Result<Money, Failure> {
    let key = (account.0, currency.to_string());
    let wallet = wallets::Entity::find_by_id(key).lock_exclusive().one(db).await?;
    Ok(Money::new(wallet.map_or(0, |wallet| wallet.balance), currency))
}

/// Takes an amount that the balance covers.
async fn take_out(db: &impl ConnectionTrait, account: AccountId, amount: Money) -> Result<(), Failure> {
    use wallets::Column;
    wallets::Entity::update_many()
        .col_expr(Column::Balance, Expr::col(Column::Balance).sub(amount.amount))
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Currency.eq(amount.currency.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Settles how an order stands, unless it is settled already; gives whether this call did.
async fn settle_first(
    db: &impl ConnectionTrait,
    order: OrderId,
    status: ChargeStatus,
    charge: Option<(AccountId, Money)>,
    at: Timestamp,
) -> Result<bool, Failure> {
    let row = wallet_charges::ActiveModel {
        order_id: Set(order.0),
        status: Set(status.as_str().to_owned()),
        account_id: Set(charge.map(|(account, _)| account.0)),
        amount: Set(charge.map_or(0, |(_, amount)| amount.amount)),
        currency: Set(charge.map(|(_, amount)| amount.currency.to_string())),
        updated_at: Set(at.as_millis()),
        given_back: Set(0),
    };
    insert_new(db, row).await
}

async fn find_charge(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Option<wallet_charges::Model>, Failure> {
    wallet_charges::Entity::find_by_id(order.0).lock_exclusive().one(db).await.map_err(Failure::from)
}

/// Whom and how much an order was charged, if it was.
fn charged(row: Option<&wallet_charges::Model>) -> Result<Option<(AccountId, Money)>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    if ChargeStatus::of(row)? == ChargeStatus::Cancelled {
        return Ok(None);
    }
    let (Some(account), Some(currency)) = (row.account_id, &row.currency) else {
        return Err(StoreError::corrupt(format!("order {} is charged to nobody", row.order_id)));
    };
    Ok(Some((AccountId(account), money(row.amount, currency)?)))
}
