//! How the kinds of columns are declared, in every dialect.
//!
//! Invariant: ids are UUIDs, times are milliseconds, money is minor units beside a currency of three letters.

use sea_orm_migration::{
    SchemaManager,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Index, IndexCreateStatement, IntoIden},
};

use crate::connection::uuid_type;

/// Declares columns in the dialect of a database.
pub(super) struct Columns<'a> {
    manager: &'a SchemaManager<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(manager: &'a SchemaManager<'a>) -> Self {
        Self { manager }
    }

    pub(super) fn maybe_id(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new_with_type(name, uuid_type(self.manager.get_database_backend()))
    }

    pub(super) fn id(&self, name: &'static str) -> ColumnDef {
        self.maybe_id(name).not_null().take()
    }
}

pub(super) fn text(name: &'static str) -> ColumnDef {
    maybe_text(name).not_null().take()
}

pub(super) fn maybe_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

pub(super) fn digest(name: &'static str) -> ColumnDef {
    maybe_digest(name).not_null().take()
}

pub(super) fn maybe_digest(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().take()
}

/// A time, an amount of money, a position, or another number that needs 64 bits.
pub(super) fn long(name: &'static str) -> ColumnDef {
    maybe_long(name).not_null().take()
}

pub(super) fn maybe_long(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

pub(super) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

pub(super) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

pub(super) fn currency() -> ColumnDef {
    maybe_currency().not_null().take()
}

pub(super) fn maybe_currency() -> ColumnDef {
    ColumnDef::new("currency").char_len(3).take()
}

pub(super) fn index<const N: usize>(
    name: &'static str,
    table: &'static str,
    columns: [&'static str; N],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(column.into_iden());
    }
    index
}

/// A primary key of several columns.
pub(super) fn key<const N: usize>(columns: [&'static str; N]) -> IndexCreateStatement {
    let mut key = Index::create();
    for column in columns {
        key.col(column);
    }
    key.primary();
    key
}

pub(super) async fn create(
    manager: &SchemaManager<'_>,
    indexes: impl IntoIterator<Item = IndexCreateStatement>,
) -> Result<(), DbErr> {
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}
