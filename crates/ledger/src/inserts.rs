//! Inserting what may be there already.
//!
//! Invariant: a unique index decides, in the statement that inserts; nobody looks first and inserts then.

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use crate::failures::Failure;

/// Inserts rows of one table, leaving out those that a unique index forbids; gives how many it inserted.
pub(crate) async fn insert_missing<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = A>,
) -> Result<u64, Failure> {
    let insert = A::Entity::insert_many(rows).on_conflict(OnConflict::new().do_nothing().to_owned());
    insert.exec_without_returning(db).await.map_err(Failure::from)
}

/// Inserts a row unless a unique index forbids it; gives whether it did.
pub(crate) async fn insert_new<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    row: A,
) -> Result<bool, Failure> {
    Ok(insert_missing(db, [row]).await? > 0)
}
