//! Deliveries. A letter has an order, and the refund that it is about, or a reservation, an address, a language and a zone;
//! a notice has an organizer and a body.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The endpoint; nil for mail.
    pub lane: Uuid,
    pub kind: String,
    pub order_id: Option<Uuid>,
    pub organizer_id: Option<Uuid>,
    pub address: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub body: Option<String>,
    pub status: String,
    pub attempts: i32,
    pub due_at: i64,
    pub lease: Option<Uuid>,
    pub begun_at: i64,
    pub created_at: i64,
    pub settled_at: Option<i64>,
    pub last_error: Option<String>,
    pub reservation_id: Option<Uuid>,
    pub refund_id: Option<Uuid>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
