//! Payment providers.
//!
//! Contract: `charge` may be called again with the same order and does it once, `refund` with the same refund; all refunds
//! of an order together never exceed what was charged; after `settle` has answered [`Settled::Dead`], no charge for that order can succeed any more. `look_up` and `notice` change nothing.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, OrderId, RefundId},
    money::Money,
    time::Timestamp,
};

/// How long a buyer may take to do what a provider asks of them, where the provider has no setting of its own.
pub const BUYER_ACTS_WITHIN_MS: u64 = 600_000;

/// What is paid with, under the name that the provider gave it in the buyer's browser. Never a card number.
#[derive(Clone, PartialEq, Eq)]
pub struct Instrument(String);

/// A text that is no provider's name for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadInstrument;

impl Instrument {
    /// Takes a name: 3 to 255 letters, digits and underscores, the first a letter. A card number begins with a
    /// digit, so one that was sent here by mistake gets no further.
    pub fn named(name: &str) -> Result<Self, BadInstrument> {
        let fits = (3..=255).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if fits { Ok(Self(name.to_owned())) } else { Err(BadInstrument) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(instrument)")
    }
}

/// A charge to be made.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The attempt; the provider's idempotency key.
    pub order: OrderId,
    /// Who pays.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// With what, where the buyer has chosen already and the provider has names for it.
    pub instrument: Option<Instrument>,
}

/// Money to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repayment {
    /// The provider's idempotency key. An order may have several.
    pub refund: RefundId,
    /// What was charged.
    pub order: OrderId,
    /// How much: all of it, or a part.
    pub amount: Money,
}

/// What a provider's own books say about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What was taken.
    pub captured: Money,
    /// What of it was given back.
    pub returned: Money,
}

/// What the buyer has to do before a charge can go on.
#[derive(Clone, PartialEq, Eq)]
pub enum BuyerAction {
    /// Something in the provider's own script on the page.
    InPage {
        /// Lets the buyer, and nobody else, go on with this charge.
        client_secret: String,
        /// Names the seller to the provider's script, where one is set.
        publishable_key: Option<String>,
    },
    /// Something at another address.
    Redirect {
        /// Where.
        url: String,
    },
}

impl fmt::Debug for BuyerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InPage { .. } => "InPage",
            Self::Redirect { .. } => "Redirect",
        })
    }
}

/// What a buyer can do about a charge that was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineCode {
    /// There is not enough money.
    InsufficientFunds,
    /// The card has expired.
    ExpiredCard,
    /// Its number, date or security code is not right.
    IncorrectDetails,
    /// It has been used too often, or for too much.
    LimitExceeded,
    /// The buyer did not show that they are its owner.
    NotAuthenticated,
    /// This amount, or this currency, cannot be paid so.
    AmountNotAccepted,
    /// The bank could not say; the same may go through later.
    TryAgain,
    /// Nobody says why, or nothing can be done about it.
    Declined,
}

impl DeclineCode {
    /// Its name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::IncorrectDetails => "incorrect_details",
            Self::LimitExceeded => "limit_exceeded",
            Self::NotAuthenticated => "not_authenticated",
            Self::AmountNotAccepted => "amount_not_accepted",
            Self::TryAgain => "try_again",
            Self::Declined => "declined",
        }
    }
}

/// Why a charge was declined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// For pages, which have their own words.
    pub code: DeclineCode,
    /// In the provider's words.
    pub words: String,
}

impl Decline {
    /// With nothing that the buyer could do about it.
    pub fn because(words: impl Into<String>) -> Self {
        Self { code: DeclineCode::Declined, words: words.into() }
    }
}

/// The form of a provider that a page shows, so that what is typed there goes to the provider and not to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageForm {
    /// Where the provider's script is.
    pub script_url: String,
    /// Names the seller to it.
    pub publishable_key: String,
    /// From where that script may load more scripts.
    pub script_sources: Vec<String>,
    /// What it may put into frames.
    pub frame_sources: Vec<String>,
    /// What it may call.
    pub connect_sources: Vec<String>,
}

/// What came of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// The money is taken; the provider's name for it.
    Captured(String),
    /// It is not taken, for this reason, and will not be under this order.
    Declined(Decline),
    /// The buyer has to do something; until then it is open.
    AwaitsBuyer(BuyerAction),
}

/// How a charge stands that nobody knows the answer of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The money is taken; the provider's name for it.
    Captured(String),
    /// It is not taken, and cannot be any more: cancelled at the provider where need be.
    Dead,
}

/// How a charge stands just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The money is taken; the provider's name for it.
    Captured(String),
    /// It is not taken, and cannot be any more.
    Dead,
    /// It was tried and has failed, for this reason; only that it could be tried again keeps it from being dead.
    Failed(String),
    /// The buyer has begun and has to do something.
    AwaitsBuyer(BuyerAction),
    /// The buyer has not said yet what to pay with.
    AwaitsInstrument(BuyerAction),
    /// None of these, or the provider has no way to say: `settle` finds out.
    Open,
}

/// What somebody has sent here who says to be a provider.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers that are text; names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// What was sent, byte by byte.
    pub body: &'a [u8],
}

/// What a provider tells without having been asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something has happened to the charge of this order.
    About(OrderId),
    /// Genuine, and about nothing of ours.
    Unrelated,
    /// Not from the provider, or not from now; why.
    Refused(&'static str),
}

/// The provider did not answer, or not with an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("payment provider: {0}")]
pub struct ProviderError(pub String);

/// A way to pay.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Its name in requests and orders.
    fn name(&self) -> &'static str;
    /// Its form for pages, from a provider that has one and has been told who the seller is.
    fn page_form(&self) -> Option<PageForm> {
        None
    }
    /// Takes the money, once per order.
    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError>;
    /// Finds out how a charge stands; where it is still open, ends it.
    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError>;
    /// Gives money of an order back, once per refund. `Ok`: the provider has it in hand, and will not lose it.
    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError>;
    /// What the provider's books say about an order; `None` from a provider that cannot be asked, or has forgotten.
    async fn balance(&self, _order: OrderId) -> Result<Option<Balance>, ProviderError> {
        Ok(None)
    }
    /// Finds out how a charge stands and leaves it so. Whoever never waits for a buyer need not offer it.
    async fn look_up(&self, _order: OrderId) -> Result<Standing, ProviderError> {
        Ok(Standing::Open)
    }
    /// How long a buyer may take to do what is asked of them before the reconciler ends the charge.
    fn buyer_acts_within_ms(&self) -> u64 {
        BUYER_ACTS_WITHIN_MS
    }
    /// Takes a delivery apart that says to be from this provider. `None` from a provider that delivers nothing.
    fn notice(&self, _delivery: &Delivery<'_>, _now: Timestamp) -> Option<Notice> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_no_instrument() {
        for good in ["pm_card_visa", "pm_1NQfkl2eZvKYlo2C", "card_1"] {
            assert_eq!(Instrument::named(good).map(|it| it.name().to_owned()), Ok(good.to_owned()));
        }
        for bad in
            ["", "pm", "4242424242424242", "4242 4242 4242 4242", "pm-1", "pm_\u{e9}", &"p".repeat(256)]
        {
            assert_eq!(Instrument::named(bad), Err(BadInstrument), "{bad}");
        }
    }

    #[test]
    fn what_lets_somebody_pay_is_not_in_the_log() {
        let action = BuyerAction::InPage { client_secret: "pi_1_secret_2".into(), publishable_key: None };
        let shown = format!("{:?} {:?}", Charged::AwaitsBuyer(action), Instrument::named("pm_card_visa"));
        assert!(!shown.contains("secret_2") && !shown.contains("visa"), "{shown}");
    }
}
