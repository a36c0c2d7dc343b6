//! Moving a ledger into another database, a dialect apart or not.
//!
//! Invariants:
//! - all or nothing: everything is read in one state and written in one transaction, which ends only after every table
//!   was counted on both sides, and its money added up;
//! - a target with anything in it is refused, unless it is what the same move left there before it was finished;
//! - from that transaction on until [`SqlLedger::finish_arrival`] the target says of itself that it is not to be used.

use std::collections::BTreeMap;

use futures_util::{TryStreamExt, future::BoxFuture, stream::TryChunksError};
use onsale_app::ports::StoreError;
use onsale_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel, Iterable,
    QueryOrder, Statement,
};
use uuid::Uuid;

use crate::{SqlLedger, connection::MAX_BINDS, entity, failures::Failure};

/// Rows that are read and written at once, if they are narrow enough.
const ROWS_AT_ONCE: usize = 1_000;

/// What is in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The table.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The sum of the money in it, in minor units, by currency.
    pub money: BTreeMap<String, i64>,
}

/// A move into this database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Which move it is.
    pub id: Uuid,
    /// When it brought the ledger.
    pub begun_at: Timestamp,
    /// When it came to its end; before that the ledger is not to be used.
    pub finished_at: Option<Timestamp>,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Moving into it would mix two ledgers.
    #[error("the target is not empty: its table {0} has rows")]
    NotEmpty(&'static str),
    /// Somebody else's move has not come to its end.
    #[error("another move into the target has not come to its end")]
    Another(Arrival),
    /// What arrived is not what was sent.
    #[error("what arrived is not what was sent: {here:?} here, {there:?} there")]
    Differs {
        /// The table in the source.
        here: Tally,
        /// The table in the target.
        there: Tally,
    },
    /// One of the databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Failure> for MoveError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}

impl From<DbErr> for MoveError {
    fn from(error: DbErr) -> Self {
        Failure::from(error).into()
    }
}

type Copies =
    for<'a> fn(&'a DatabaseTransaction, &'a DatabaseTransaction) -> BoxFuture<'a, Result<(), DbErr>>;

/// A table that belongs to a ledger.
struct Table {
    name: &'static str,
    /// Its column of money, which has a `currency` beside it.
    money: Option<&'static str>,
    copy: Copies,
}

impl Table {
    fn of<E>(money: Option<&'static str>) -> Self
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        Self { name: E::default().table_name(), money, copy: |from, to| Box::pin(copy::<E>(from, to)) }
    }

    async fn has_rows(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let first = format!("SELECT 1 FROM {} LIMIT 1", self.name);
        let first = Statement::from_string(db.get_database_backend(), first);
        Ok(db.query_one_raw(first).await?.is_some())
    }

    async fn tally(&self, db: &impl ConnectionTrait) -> Result<Tally, Failure> {
        let ask = |sql: String| Statement::from_string(db.get_database_backend(), sql);
        let counted = db.query_one_raw(ask(format!("SELECT COUNT(*) FROM {}", self.name))).await?;
        let counted: i64 =
            counted.ok_or_else(|| Failure::corrupt("a count without an answer"))?.try_get_by_index(0)?;
        let mut money = BTreeMap::new();
        if let Some(column) = self.money {
            let sum = format!("CAST(SUM({column}) AS BIGINT)");
            let sums = format!("SELECT currency, {sum} FROM {} GROUP BY currency", self.name);
            for row in db.query_all_raw(ask(sums)).await? {
                money.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            }
        }
        Ok(Tally { table: self.name, rows: u64::try_from(counted).map_err(Failure::corrupt)?, money })
    }
}

/// All of them; what others refer to comes first.
fn tables() -> [Table; 24] {
    [
        Table::of::<entity::accounts::Entity>(None),
        Table::of::<entity::logins::Entity>(None),
        Table::of::<entity::refresh_tokens::Entity>(None),
        Table::of::<entity::wallets::Entity>(Some("balance")),
        Table::of::<entity::wallet_charges::Entity>(None),
        Table::of::<entity::wallet_entries::Entity>(Some("amount")),
        Table::of::<entity::seating_plans::Entity>(None),
        Table::of::<entity::grid_plans::Entity>(None),
        Table::of::<entity::events::Entity>(None),
        Table::of::<entity::performances::Entity>(None),
        Table::of::<entity::blocked_units::Entity>(None),
        Table::of::<entity::reservations::Entity>(None),
        Table::of::<entity::orders::Entity>(Some("total")),
        Table::of::<entity::order_units::Entity>(Some("price")),
        Table::of::<entity::payments::Entity>(Some("amount")),
        Table::of::<entity::refunds::Entity>(Some("amount")),
        Table::of::<entity::idempotency_keys::Entity>(None),
        Table::of::<entity::deliveries::Entity>(None),
        Table::of::<entity::webhook_endpoints::Entity>(None),
        Table::of::<entity::sold_out_performances::Entity>(None),
        Table::of::<entity::wishes::Entity>(None),
        Table::of::<entity::actions::Entity>(None),
        Table::of::<entity::return_lines::Entity>(None),
        Table::of::<entity::erasures::Entity>(None),
    ]
}

impl SqlLedger {
    /// Copies everything into an empty ledger that has been migrated, under the name of a move, and gives what there
    /// was, table by table. What the same move left in the target before is replaced. Nobody may be writing to either.
    pub async fn move_into(&self, target: &Self, id: Uuid, at: Timestamp) -> Result<Vec<Tally>, MoveError> {
        let from = self.db.begin_read().await?;
        let to = target.db.begin_write().await?;
        match unfinished(&to).await? {
            Some(arrival) if arrival.id != id => return Err(MoveError::Another(arrival)),
            Some(arrival) => empty(&to, arrival).await?,
            None => {}
        }
        for table in tables() {
            if table.has_rows(&to).await? {
                return Err(MoveError::NotEmpty(table.name));
            }
        }
        let mut moved = Vec::new();
        for table in tables() {
            (table.copy)(&from, &to).await?;
            let (here, there) = (table.tally(&from).await?, table.tally(&to).await?);
            if here != there {
                return Err(MoveError::Differs { here, there });
            }
            moved.push(here);
        }
        if to.get_database_backend() == DbBackend::Postgres {
            // The next performance gets the number after the last. SQLite sees that by itself.
            let next = "SELECT setval(pg_get_serial_sequence('performances', 'number'), \
                        (SELECT COALESCE(MAX(number), 0) + 1 FROM performances), false)";
            to.execute_raw(Statement::from_string(DbBackend::Postgres, next)).await?;
        }
        let arrival = entity::arrivals::Model { id, begun_at: at.as_millis(), finished_at: None };
        entity::arrivals::Entity::insert(arrival.into_active_model()).exec_without_returning(&to).await?;
        to.commit().await?;
        from.commit().await?;
        Ok(moved)
    }

    /// The last move into this database, if there was one.
    pub async fn arrival(&self) -> Result<Option<Arrival>, StoreError> {
        self.db.command(|| async move { latest(self.db.reader()).await }).await
    }

    /// The ledger that a move brought here is to be used from now on. Doing it again is no mistake.
    pub async fn finish_arrival(&self, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_write().await?;
                let finished = entity::arrivals::ActiveModel {
                    id: Unchanged(id),
                    finished_at: Set(Some(at.as_millis())),
                    ..Default::default()
                };
                finished.update(&txn).await?;
                Ok(txn.commit().await?)
            })
            .await
    }

    /// The first table that has rows; `None`: the ledger is empty.
    pub async fn first_with_rows(&self) -> Result<Option<&'static str>, StoreError> {
        self.db
            .command(|| async move {
                for table in tables() {
                    if table.has_rows(self.db.reader()).await? {
                        return Ok(Some(table.name));
                    }
                }
                Ok(None)
            })
            .await
    }

    /// What there is, table by table, in one state.
    pub async fn tallies(&self) -> Result<Vec<Tally>, StoreError> {
        self.db
            .command(|| async move {
                let txn = self.db.begin_read().await?;
                let mut tallies = Vec::new();
                for table in tables() {
                    tallies.push(table.tally(&txn).await?);
                }
                Ok(tallies)
            })
            .await
    }
}

async fn latest(db: &impl ConnectionTrait) -> Result<Option<Arrival>, Failure> {
    let query = entity::arrivals::Entity::find().order_by_desc(entity::arrivals::Column::BegunAt);
    let arrival = |row: entity::arrivals::Model| Arrival {
        id: row.id,
        begun_at: Timestamp(row.begun_at),
        finished_at: row.finished_at.map(Timestamp),
    };
    Ok(query.one(db).await?.map(arrival))
}

async fn unfinished(db: &impl ConnectionTrait) -> Result<Option<Arrival>, Failure> {
    Ok(latest(db).await?.filter(|arrival| arrival.finished_at.is_none()))
}

/// Takes away what a move has brought before it came to its end: nobody has used it.
async fn empty(db: &impl ConnectionTrait, arrival: Arrival) -> Result<(), DbErr> {
    for table in tables().iter().rev() {
        db.execute_unprepared(&format!("DELETE FROM {}", table.name)).await?;
    }
    entity::arrivals::Entity::delete_by_id(arrival.id).exec(db).await?;
    Ok(())
}

async fn copy<E>(from: &DatabaseTransaction, to: &DatabaseTransaction) -> Result<(), DbErr>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let at_once = (MAX_BINDS / E::Column::iter().count()).min(ROWS_AT_ONCE);
    // The transaction belongs to the stream until that is dropped.
    let rows = E::find().stream(from).await?;
    let mut chunks = std::pin::pin!(rows.try_chunks(at_once));
    while let Some(chunk) = chunks.try_next().await.map_err(|TryChunksError(_, error)| error)? {
        let rows = chunk.into_iter().map(|row| row.into_active_model().reset_all());
        E::insert_many(rows).exec_without_returning(to).await?;
    }
    Ok(())
}
