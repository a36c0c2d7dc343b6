//! Wishes. Where their owner is written to there is an address, a language and a zone.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wishes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub event_id: Uuid,
    pub owner_id: Uuid,
    pub position: i32,
    pub performance_id: Uuid,
    pub quantity: i32,
    pub category: Option<String>,
    pub area: Option<i64>,
    pub together: bool,
    pub address: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub status: String,
    pub attempt: i32,
    pub reservation_id: Option<Uuid>,
    pub offered_until: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
