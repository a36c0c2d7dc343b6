//! Orders. Without a reservation: a name that was failed before it was begun.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub reservation_id: Option<Uuid>,
    pub performance_id: Option<Uuid>,
    pub owner_id: Option<Uuid>,
    pub fence: i64,
    pub status: String,
    pub total: i64,
    pub currency: String,
    pub buyer_name: String,
    pub buyer_phone: Option<String>,
    pub buyer_email: Option<String>,
    pub letter_language: Option<String>,
    pub letter_time_zone: Option<String>,
    pub failure: Option<String>,
    pub sequence: i64,
    pub created_at: i64,
    pub settled_at: Option<i64>,
    pub refunded_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
