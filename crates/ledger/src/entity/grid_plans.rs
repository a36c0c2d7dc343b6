//! Plans that are plain grids, by their size.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grid_plans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub rows: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub columns: i32,
    pub plan_id: Uuid,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
