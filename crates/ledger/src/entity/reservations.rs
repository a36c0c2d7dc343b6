//! Reservations, written behind the hot store.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reservations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub performance_id: Uuid,
    pub owner_id: Uuid,
    pub units: String,
    pub status: String,
    pub made_at: i64,
    pub expires_at: i64,
    pub fence: i64,
    pub extensions_used: i32,
    pub order_id: Option<Uuid>,
    pub sequence: i64,
    pub position: i64,
    pub key_digest: Option<Vec<u8>>,
    pub request_digest: Option<Vec<u8>>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
