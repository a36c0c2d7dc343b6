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

/// How many rows one statement inserts: SQLite takes 32,766 values in one, and a row has twenty at most.
const AT_ONCE: usize = 500;

/// Inserts rows of one table, none of which is there.
pub(crate) async fn insert_all<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: Vec<A>,
) -> Result<(), Failure> {
    for some in rows.chunks(AT_ONCE) {
        A::Entity::insert_many(some.iter().cloned()).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Inserts rows of one table unless something stands in their way; gives how many it inserted.
pub(crate) async fn insert_unless<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: Vec<A>,
    conflict: &OnConflict,
) -> Result<u64, Failure> {
    let mut inserted = 0;
    for some in rows.chunks(AT_ONCE) {
        let insert = A::Entity::insert_many(some.iter().cloned()).on_conflict(conflict.clone());
        inserted += insert.exec_without_returning(db).await?;
    }
    Ok(inserted)
}
