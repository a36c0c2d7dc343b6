//! How values of the domain are written in columns, and read back.
//!
//! Invariant: what cannot be read back is reported as damage, never guessed at.

use onsale_app::ports::StoreError;
use onsale_domain::{money::Money, units::Unit};
use serde::{Serialize, de::DeserializeOwned};

/// Money of its two columns.
pub(crate) fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    let currency = currency.parse().map_err(|_| StoreError::corrupt(format!("currency {currency:?}")))?;
    Ok(Money::new(amount, currency))
}

/// A number that is small and not negative.
pub(crate) fn small(column: impl TryInto<u32>) -> Result<u32, StoreError> {
    column.try_into().map_err(|_| StoreError::corrupt("a number out of range"))
}

/// A number that is not negative.
pub(crate) fn large(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(|_| StoreError::corrupt("a number below zero"))
}

/// A number for a column; those of the domain stay below 2⁶³.
pub(crate) fn signed<T>(number: impl TryInto<T>) -> Result<T, StoreError> {
    number.try_into().map_err(|_| StoreError::corrupt("a number that no column holds"))
}

/// A unit for a column.
pub(crate) fn unit_column(unit: Unit) -> Result<i32, StoreError> {
    signed(unit.0)
}

/// A unit of a column.
pub(crate) fn unit(column: i32) -> Result<Unit, StoreError> {
    small(column).map(Unit)
}

/// JSON for a column.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::corrupt)
}

/// JSON of a column.
pub(crate) fn from_json<T: DeserializeOwned>(column: &str) -> Result<T, StoreError> {
    serde_json::from_str(column).map_err(StoreError::corrupt)
}
