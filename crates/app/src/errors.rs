//! Refusals and failures of use cases: every reason code in one place.
//!
//! Invariant: [`Reason`] is the only list of codes; the interface, its documentation and the clients are
//! generated from it.

use onsale_domain::time::Timestamp;
use serde_json::{Value, json};

use crate::ports::{StoreError, hot::HotError, payments::ProviderError};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// Why a request was not carried out, as clients may rely on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All of them, in the order of their status.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code that stands in answers.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A short sentence for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

reasons! {
    /// The request is not well-formed or a value is out of its range.
    Validation = "validation", 400, "The request is not valid";
    /// The seating plan cannot be used.
    InvalidPlan = "invalid_plan", 400, "The seating plan is not valid";
    /// No access token, or not a good one.
    Unauthenticated = "unauthenticated", 401, "Log in first";
    /// E-mail address or password is wrong.
    BadCredentials = "bad_credentials", 401, "E-mail address or password is wrong";
    /// The provider declined; nothing was charged.
    PaymentDeclined = "payment_declined", 402, "The payment was declined";
    /// Not allowed to this buyer or role.
    Forbidden = "forbidden", 403, "Not allowed";
    /// The event has a waiting room and no pass was shown.
    PassRequired = "pass_required", 403, "Join the waiting room first";
    /// The pass is not genuine, or for something or somebody else.
    PassInvalid = "pass_invalid", 403, "The pass is not valid";
    /// The pass has expired.
    PassExpired = "pass_expired", 403, "The pass has expired";
    /// The pass has been used.
    PassUsed = "pass_used", 403, "The pass has been used";
    /// The queue ticket is not genuine.
    TicketInvalid = "ticket_invalid", 403, "The queue ticket is not valid";
    /// There is no such thing, or it is somebody else's.
    NotFound = "not_found", 404, "Not found";
    /// The performance has no such seat.
    SeatNotFound = "seat_not_found", 404, "No such seat";
    /// The method is not offered at this address.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// Somebody else has the seat.
    SeatTaken = "seat_taken", 409, "Somebody else has the seat";
    /// There is not as much left.
    SoldOut = "sold_out", 409, "Sold out";
    /// More than one buyer may have.
    LimitExceeded = "limit_exceeded", 409, "More seats than one buyer may have";
    /// A place is held already.
    Duplicate = "duplicate", 409, "There is a place already";
    /// There is an account of this address.
    EmailTaken = "email_taken", 409, "There is an account of this e-mail address";
    /// The first request under this key is under way.
    InFlight = "in_flight", 409, "The first request under this key is still under way";
    /// The reservation is paid.
    AlreadyConfirmed = "already_confirmed", 409, "The reservation is paid already";
    /// A payment is under way.
    PaymentUnderWay = "payment_under_way", 409, "A payment is under way";
    /// The hold has been extended as often as it may be.
    ExtensionUsed = "extension_used", 409, "The hold cannot be extended again";
    /// Seats are sold.
    HasOrders = "has_orders", 409, "Seats are sold already";
    /// The sale has not opened.
    SaleNotOpen = "sale_not_open", 409, "The sale has not opened yet";
    /// The order is not in a state in which this can be done.
    OrderState = "order_state", 409, "The order's state does not allow this";
    /// There is no address, or nobody who would send.
    NoMail = "no_mail", 409, "No e-mail can be sent";
    /// The delivery is not in a state in which this can be done.
    DeliveryState = "delivery_state", 409, "The delivery's state does not allow this";
    /// Somebody was let in with the ticket before.
    AlreadyUsed = "already_used", 409, "The ticket has been used";
    /// The ticket's order is not paid, or not any more.
    TicketVoid = "ticket_void", 409, "The ticket is void";
    /// The ticket is for another performance than the one that is entered here.
    WrongPerformance = "wrong_performance", 409, "The ticket is for another performance";
    /// There is money in the wallet.
    WalletNotEmpty = "wallet_not_empty", 409, "There is money in the wallet";
    /// The event does not offer what comes back to those who wait.
    NoReturnLine = "no_return_line", 409, "Nothing is offered to those who wait";
    /// Something is held for this wish.
    OfferOpen = "offer_open", 409, "Something is held for you already";
    /// The sale is over.
    SaleClosed = "sale_closed", 410, "The sale is closed";
    /// The hold's time is up.
    HoldExpired = "hold_expired", 410, "The hold has ended";
    /// The turn has passed.
    TurnMissed = "turn_missed", 410, "The turn has passed";
    /// The body is larger than allowed.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body is not JSON by its content type.
    UnsupportedMediaType = "unsupported_media_type", 415, "Send JSON";
    /// The key was used for another request.
    IdempotencyMismatch = "idempotency_mismatch", 422, "The key was used for another request";
    /// Not yet.
    NotYourTurn = "not_your_turn", 425, "It is not your turn yet";
    /// Joining asks for a proof of work.
    WorkRequired = "work_required", 428, "Joining asks for some work first";
    /// Too many requests.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// A fault of this server.
    Internal = "internal", 500, "Something went wrong here";
    /// A part of the system does not answer; trying again later helps.
    Unavailable = "unavailable", 503, "Not available right now";
}

/// A refusal: a reason, a sentence, and what else a client can use.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The code.
    pub reason: Reason,
    /// What it means here.
    pub detail: String,
    /// Named extras for the answer.
    pub extras: Vec<(&'static str, Value)>,
}

/// Why a use case did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    /// Refused: the request's affair, nothing is wrong here.
    #[error("{}: {}", .0.reason.code(), .0.detail)]
    Refused(Box<Refusal>),
    /// Something that is needed does not answer. The cause is for the log.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Not now, for a reason that the caller should read.
    #[error("not now: {0}")]
    NotNow(String),
    /// Something is wrong here.
    #[error("internal: {0}")]
    Internal(String),
}

impl AppError {
    /// A refusal with a sentence.
    pub fn refused(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Refused(Box::new(Refusal { reason, detail: detail.into(), extras: Vec::new() }))
    }

    /// A value that is not as it should be.
    pub fn invalid(field: &str, detail: &str) -> Self {
        Self::refused(Reason::Validation, format!("{field}: {detail}")).with("field", json!(field))
    }

    /// Nothing of that name, or not the caller's.
    pub fn not_found(what: &str) -> Self {
        Self::refused(Reason::NotFound, format!("no such {what}"))
    }

    /// Adds an extra to a refusal.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.extras.push((name, value));
        }
        self
    }

    /// The reason code it will be answered with.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => refusal.reason,
            Self::Unavailable(_) | Self::NotNow(_) => Reason::Unavailable,
            Self::Internal(_) => Reason::Internal,
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause),
            StoreError::Corrupt(cause) => Self::Internal(cause),
        }
    }
}

impl From<HotError> for AppError {
    fn from(error: HotError) -> Self {
        match error {
            HotError::NotLoaded => Self::Unavailable("the performance is being loaded".into()),
            HotError::Store(error) => error.into(),
        }
    }
}

impl From<ProviderError> for AppError {
    fn from(error: ProviderError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A point in time as answers give it: RFC 3339 in UTC. Times outside the calendar read as its ends.
pub fn rfc3339(at: Timestamp) -> String {
    let clamped = at.as_millis().clamp(-62_135_596_800_000, 253_402_207_200_000);
    jiff::Timestamp::from_millisecond(clamped).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_their_statuses_are_errors() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert!(Reason::ALL.iter().all(|reason| (400..=503).contains(&reason.status())));
    }

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(Timestamp(1_700_000_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(Timestamp(1_700_000_000_123)), "2023-11-14T22:13:20.123Z");
    }
}
