//! Money in minor units of one currency.
//!
//! Invariant: amounts of different currencies are never added.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// What is refused as a currency code.
#[derive(Debug, thiserror::Error)]
#[error("a currency is three upper-case letters, such as KRW")]
pub struct BadCurrency;

impl Currency {
    /// South Korean won, the default. It has no minor unit.
    pub const KRW: Self = Self(*b"KRW");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // The constructor admits ASCII letters only.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = BadCurrency;

    fn from_str(text: &str) -> Result<Self, BadCurrency> {
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| BadCurrency)?;
        if bytes.iter().all(u8::is_ascii_uppercase) { Ok(Self(bytes)) } else { Err(BadCurrency) }
    }
}

impl TryFrom<String> for Currency {
    type Error = BadCurrency;

    fn try_from(text: String) -> Result<Self, BadCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (won, cents) of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// The currency they are in.
    pub currency: Currency,
}

impl Money {
    /// The largest amount that is accepted from outside, in minor units: sums of 100,000 of them still fit.
    pub const MAX_AMOUNT: i64 = 10_000_000_000;

    /// An amount of a currency.
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// The sum, or `None` where the currencies differ or the amount does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        self.amount.checked_add(other.amount).map(|amount| Self { amount, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_do_not_mix() {
        let won = Money::new(1_000, Currency::KRW);
        let dollars = Money::new(1_000, "USD".parse().unwrap());
        assert_eq!(won.checked_add(won), Some(Money::new(2_000, Currency::KRW)));
        assert_eq!(won.checked_add(dollars), None);
        assert_eq!(Money::new(i64::MAX, Currency::KRW).checked_add(won), None);
    }

    #[test]
    fn only_three_capital_letters_are_a_currency() {
        for bad in ["", "KR", "krw", "KRWW", "K1W", "원"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
