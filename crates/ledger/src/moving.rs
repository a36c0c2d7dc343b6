//! Moving a ledger into another database, a dialect apart or not.
//!
//! Invariant: all or nothing. Everything is read in one state and written in one transaction, which ends only after
//! every table was counted on both sides; a target with anything in it is refused.

use futures_util::{TryStreamExt, stream::TryChunksError};
use onsale_app::ports::StoreError;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    Iterable, PaginatorTrait, QuerySelect, Statement,
};

use crate::{SqlLedger, connection::MAX_BINDS, entity, failures::Failure};

/// Rows that are read and written at once, if they are narrow enough.
const ROWS_AT_ONCE: usize = 1_000;

/// What there was to move in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The table.
    pub table: String,
    /// How many rows it has, here and there.
    pub rows: u64,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Moving into it would mix two ledgers.
    #[error("the target is not empty: its table {0} has rows")]
    NotEmpty(String),
    /// What arrived is not what was sent.
    #[error("table {table} has {here} rows here, but {there} arrived")]
    Differs {
        /// The table.
        table: String,
        /// Rows in the source.
        here: u64,
        /// Rows in the target.
        there: u64,
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

impl From<sea_orm::DbErr> for MoveError {
    fn from(error: sea_orm::DbErr) -> Self {
        Failure::from(error).into()
    }
}

impl SqlLedger {
    /// Copies everything into an empty ledger that has been migrated, and gives what there was, table by table.
    /// Nobody may be writing to either.
    pub async fn move_into(&self, target: &Self) -> Result<Vec<Moved>, MoveError> {
        let from = self.db.begin_read().await?;
        let to = target.db.begin_write().await?;
        // What others refer to comes first.
        let moved = vec![
            table::<entity::accounts::Entity>(&from, &to).await?,
            table::<entity::logins::Entity>(&from, &to).await?,
            table::<entity::refresh_tokens::Entity>(&from, &to).await?,
            table::<entity::wallets::Entity>(&from, &to).await?,
            table::<entity::wallet_charges::Entity>(&from, &to).await?,
            table::<entity::wallet_entries::Entity>(&from, &to).await?,
            table::<entity::seating_plans::Entity>(&from, &to).await?,
            table::<entity::grid_plans::Entity>(&from, &to).await?,
            table::<entity::events::Entity>(&from, &to).await?,
            table::<entity::performances::Entity>(&from, &to).await?,
            table::<entity::blocked_units::Entity>(&from, &to).await?,
            table::<entity::reservations::Entity>(&from, &to).await?,
            table::<entity::orders::Entity>(&from, &to).await?,
            table::<entity::order_units::Entity>(&from, &to).await?,
            table::<entity::payments::Entity>(&from, &to).await?,
            table::<entity::idempotency_keys::Entity>(&from, &to).await?,
        ];
        if to.get_database_backend() == DbBackend::Postgres {
            // The next performance gets the number after the last. SQLite sees that by itself.
            let next = "SELECT setval(pg_get_serial_sequence('performances', 'number'), \
                        (SELECT COALESCE(MAX(number), 0) + 1 FROM performances), false)";
            to.execute_raw(Statement::from_string(DbBackend::Postgres, next)).await?;
        }
        to.commit().await?;
        from.commit().await?;
        Ok(moved)
    }
}

async fn table<E>(from: &DatabaseTransaction, to: &DatabaseTransaction) -> Result<Moved, MoveError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let table = E::default().table_name().to_owned();
    if E::find().limit(1).count(to).await? > 0 {
        return Err(MoveError::NotEmpty(table));
    }
    let at_once = (MAX_BINDS / E::Column::iter().count()).min(ROWS_AT_ONCE);
    {
        // The transaction belongs to the stream until that is dropped.
        let rows = E::find().stream(from).await?;
        let mut chunks = std::pin::pin!(rows.try_chunks(at_once));
        while let Some(chunk) = chunks.try_next().await.map_err(|TryChunksError(_, error)| error)? {
            let rows = chunk.into_iter().map(|row| row.into_active_model().reset_all());
            E::insert_many(rows).exec_without_returning(to).await?;
        }
    }
    let (here, there) = (E::find().count(from).await?, E::find().count(to).await?);
    if here != there {
        return Err(MoveError::Differs { table, here, there });
    }
    Ok(Moved { table, rows: here })
}
