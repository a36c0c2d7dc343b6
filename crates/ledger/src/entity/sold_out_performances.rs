//! Performances that are sold out, as far as somebody wants to be told.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sold_out_performances")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub performance_id: Uuid,
    pub since: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
