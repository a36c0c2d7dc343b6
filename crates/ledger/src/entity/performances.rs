//! Performances; the key is the number that the ledger gives.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "performances")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub id: Uuid,
    pub event_id: Uuid,
    pub starts_at: i64,
    pub plan_id: Uuid,
    pub seat_count: i32,
    pub capacity: i32,
    pub areas: String,
    pub prices: String,
    pub sale_opens_at: Option<i64>,
    pub sale_closes_at: Option<i64>,
    pub epoch: i64,
    pub created_at: i64,
    /// The last order in which guests were forgotten, if they have been.
    pub guests_erased_to: Option<Uuid>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
