//! Money as it stands in requests and answers.

use onsale_app::errors::AppError;
use onsale_domain::money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;

/// An amount in minor units of a currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Money)]
pub(crate) struct MoneyDto {
    /// Minor units: won, cents.
    #[schema(example = 150_000)]
    pub(crate) amount: i64,
    /// ISO 4217.
    #[schema(example = "KRW")]
    pub(crate) currency: String,
}

impl MoneyDto {
    /// The amount, if its currency is one.
    pub(crate) fn checked(&self, field: &str) -> Result<Money, Problem> {
        let currency = self.currency.parse().map_err(|bad: onsale_domain::money::BadCurrency| {
            AppError::invalid(&format!("{field}.currency"), &bad.to_string())
        })?;
        Ok(Money::new(self.amount, currency))
    }
}

impl From<Money> for MoneyDto {
    fn from(money: Money) -> Self {
        Self { amount: money.amount, currency: money.currency.to_string() }
    }
}
