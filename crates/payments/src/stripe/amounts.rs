//! Amounts as Stripe wants them: in minor units too, but not for every currency in those of ISO 4217, which are ours.
//!
//! From docs.stripe.com/currencies: the ariary has no minor unit there (ISO: two decimals, of fifths); the Icelandic
//! króna and the Ugandan shilling are given with two decimals for old times' sake (ISO: none); the last of the three
//! decimals of some dinars and rials has to be 0.

use onsale_domain::money::{Currency, Money};

/// The amount in Stripe's units, or `None` where it cannot be said in them.
pub(super) fn in_stripes_units(money: Money) -> Option<i64> {
    if money.amount < 1 {
        return None;
    }
    match money.currency.as_str() {
        "ISK" | "UGX" => money.amount.checked_mul(100),
        "MGA" => (money.amount % 100 == 0).then_some(money.amount / 100),
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => {
            (money.amount % 10 == 0).then_some(money.amount)
        }
        _ => Some(money.amount),
    }
}

/// An amount that Stripe gave in its units.
pub(super) fn from_stripes_units(amount: i64, currency: Currency) -> Option<Money> {
    let amount = match currency.as_str() {
        "ISK" | "UGX" => (amount % 100 == 0).then_some(amount / 100)?,
        "MGA" => amount.checked_mul(100)?,
        _ => amount,
    };
    Some(Money::new(amount, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_stripes_units() {
        let cases = [
            ("KRW", 1_000, Some(1_000)),
            ("JPY", 1, Some(1)),
            ("USD", 1_099, Some(1_099)),
            ("ISK", 500, Some(50_000)),
            ("UGX", 500, Some(50_000)),
            ("MGA", 500, Some(5)),
            ("MGA", 520, None),
            ("KWD", 5_120, Some(5_120)),
            ("KWD", 5_125, None),
            ("EUR", 0, None),
            ("EUR", -1, None),
            ("ISK", i64::MAX, None),
        ];
        for (currency, amount, expected) in cases {
            let money = Money::new(amount, currency.parse().unwrap());
            assert_eq!(in_stripes_units(money), expected, "{amount} {currency}");
            if let Some(there) = expected {
                assert_eq!(from_stripes_units(there, money.currency), Some(money), "{currency} and back");
            }
        }
    }
}
