//! Writing many rows at once: multi-row upserts that only ever move a row forward.
//!
//! Measured in examples/record.rs, with the figures beside it.
//!
//! Invariant: no statement binds more values than the smallest dialect allows, and statements come in few
//! lengths, so that they stay prepared.

use onsale_app::ports::StoreError;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, IntoIden, OnConflict, Query},
};

use crate::{
    connection::MAX_BINDS,
    entity::{blocked_units, reservations},
    failures::Failure,
};

/// How many rows a statement has: as many as fit of the first, then of the second, and so on.
const LENGTHS: [usize; 5] = [512, 128, 32, 8, 1];

// The widest row has 14 columns.
const _: () = assert!(LENGTHS[0] * 14 <= MAX_BINDS);

/// Cuts a list into runs of the lengths that statements have.
pub(super) fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= items.len())?;
        let (run, rest) = items.split_at(length);
        items = rest;
        Some(run)
    })
}

/// Writes reservations.
pub(super) async fn reservations(
    db: &impl ConnectionTrait,
    rows: Vec<&reservations::Model>,
) -> Result<(), Failure> {
    use reservations::{Column, Entity};
    let columns = [
        Column::Id,
        Column::PerformanceId,
        Column::OwnerId,
        Column::Units,
        Column::Status,
        Column::MadeAt,
        Column::ExpiresAt,
        Column::Fence,
        Column::ExtensionsUsed,
        Column::OrderId,
        Column::Sequence,
        Column::Position,
        Column::KeyDigest,
        Column::RequestDigest,
    ];
    // What never changes is left alone, so that its indexes are too. The rest of its beginning changes where a row was made
    // of an order alone, and the hold is heard of after all.
    let moving = [
        Column::Status,
        Column::MadeAt,
        Column::ExpiresAt,
        Column::Fence,
        Column::ExtensionsUsed,
        Column::OrderId,
        Column::Sequence,
        Column::Position,
        Column::KeyDigest,
        Column::RequestDigest,
    ];
    for run in chunks(&rows) {
        let mut insert = Query::insert();
        insert.into_table(Entity).columns(columns).on_conflict(forward(
            [Column::Id],
            moving,
            Column::Position,
            Entity,
        ));
        for row in run {
            insert
                .values([
                    row.id.into(),
                    row.performance_id.into(),
                    row.owner_id.into(),
                    row.units.as_str().into(),
                    row.status.as_str().into(),
                    row.made_at.into(),
                    row.expires_at.into(),
                    row.fence.into(),
                    row.extensions_used.into(),
                    row.order_id.into(),
                    row.sequence.into(),
                    row.position.into(),
                    row.key_digest.clone().into(),
                    row.request_digest.clone().into(),
                ])
                .map_err(StoreError::corrupt)?;
        }
        db.execute(&insert).await?;
    }
    Ok(())
}

/// Writes blocked units.
pub(super) async fn blocked_units(
    db: &impl ConnectionTrait,
    rows: Vec<&blocked_units::Model>,
) -> Result<(), Failure> {
    use blocked_units::{Column, Entity};
    let key = [Column::PerformanceId, Column::Unit];
    for run in chunks(&rows) {
        let mut insert = Query::insert();
        insert
            .into_table(Entity)
            .columns([Column::PerformanceId, Column::Unit, Column::Blocked, Column::Position])
            .on_conflict(forward(key, [Column::Blocked, Column::Position], Column::Position, Entity));
        for row in run {
            let values =
                [row.performance_id.into(), row.unit.into(), row.blocked.into(), row.position.into()];
            insert.values(values).map_err(StoreError::corrupt)?;
        }
        db.execute(&insert).await?;
    }
    Ok(())
}

/// Overwrite a row that is there, if the new one is of a later position.
fn forward<C: IntoIden + Copy>(
    key: impl IntoIterator<Item = C>,
    columns: impl IntoIterator<Item = C>,
    position: C,
    table: impl IntoIden,
) -> OnConflict {
    let later = Expr::col(("excluded", position)).gt(Expr::col((table.into_iden(), position)));
    OnConflict::columns(key).update_columns(columns).action_and_where(later).to_owned()
}
