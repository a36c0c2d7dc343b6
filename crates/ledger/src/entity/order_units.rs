//! Units of orders; the live ones are claims.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_units")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub unit: i32,
    pub performance_id: Uuid,
    pub price: i64,
    pub currency: String,
    pub ticket_code: String,
    pub live: bool,
    pub checked_in_at: Option<i64>,
    pub checked_in_by: Option<Uuid>,
    pub refund_id: Option<Uuid>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
