//! Orders: an attempt to pay for a hold, and what came of it.
//!
//! Invariants: PAYING → PAID | FAILED, PAID → REFUNDED, and nothing else; units are claimed while PAYING or PAID, or until
//! they are refunded. An order is REFUNDED when the last of its units is; a refund only goes forward
//! ([`RefundStatus`]).

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Units claimed, payment under way.
    Paying,
    /// Paid: the units are the buyer's.
    Paid,
    /// The payment came to nothing; the claim is gone.
    Failed,
    /// The money for all of it was given back.
    Refunded,
}

impl OrderStatus {
    /// Whether an order may move from `self` to `next`. Staying where it is is no move.
    pub fn may_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Paying, Self::Paid | Self::Failed) | (Self::Paid, Self::Refunded))
    }

    /// Whether an order in this state has a claim on its units.
    pub fn claims_units(self) -> bool {
        matches!(self, Self::Paying | Self::Paid)
    }

    /// The name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paying => "paying",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Paying, Self::Paid, Self::Failed, Self::Refunded].into_iter().find(|s| s.as_str() == name)
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Recorded: its units are nobody's to use any more, and the provider is to give the money back.
    Open,
    /// The money is back, and the claims have ended; the stock is to have the units.
    Returned,
    /// Nothing is left to do.
    Done,
}

impl RefundStatus {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Returned => "returned",
            Self::Done => "done",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Returned, Self::Done].into_iter().find(|status| status.as_str() == name)
    }

    /// Whether the buyer has the money back.
    pub fn is_money_back(self) -> bool {
        self > Self::Open
    }
}

#[cfg(test)]
mod tests {
    use super::OrderStatus::{self, Failed, Paid, Paying, Refunded};
    use super::RefundStatus;

    #[test]
    fn only_the_three_documented_moves_are_legal() {
        let all = [Paying, Paid, Failed, Refunded];
        let legal: Vec<(OrderStatus, OrderStatus)> = all
            .iter()
            .flat_map(|from| all.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        assert_eq!(legal, [(Paying, Paid), (Paying, Failed), (Paid, Refunded)]);
        for status in all {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn refunds_go_forward_and_have_names() {
        let all = [RefundStatus::Open, RefundStatus::Returned, RefundStatus::Done];
        assert!(all.is_sorted());
        assert_eq!(all.map(RefundStatus::is_money_back), [false, true, true]);
        assert_eq!(all.map(|status| RefundStatus::parse(status.as_str())), all.map(Some));
    }
}
