//! What is asked for in a sale, in which shares, and which answers are in order.
//!
//! Invariant: the shares are of the requests that are sent, whatever comes of them: somebody who is refused asks for
//! something else, and does not go away.

use hyper::StatusCode;

use crate::bench::chance::Chance;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    BecomeGuest,
    ReadEvent,
    ListPerformances,
    ReadPlan,
    ReadAvailability,
    ReadSeats,
    HoldSeats,
    HoldBest,
    HoldArea,
    ReadHold,
    Extend,
    Release,
    Confirm,
    GiveBack,
    ListOrders,
    ListHolds,
    Poll,
}

/// Of a thousand requests. Some are for something that somebody has, such as a hold that can be released; where nobody
/// has any, another hold is asked for.
const SHARES: [(Kind, usize); 17] = [
    (Kind::BecomeGuest, 80),
    (Kind::ReadEvent, 60),
    (Kind::ListPerformances, 49),
    (Kind::ReadPlan, 30),
    (Kind::ReadAvailability, 210),
    // A megabyte each: pages do without, other programs may not.
    (Kind::ReadSeats, 1),
    (Kind::HoldSeats, 200),
    (Kind::HoldBest, 30),
    (Kind::HoldArea, 70),
    (Kind::ReadHold, 40),
    (Kind::Extend, 20),
    (Kind::Release, 80),
    (Kind::Confirm, 10),
    // By the organizer, which is rare in a sale: each is several transactions of its own.
    (Kind::GiveBack, 2),
    (Kind::ListOrders, 20),
    (Kind::ListHolds, 10),
    (Kind::Poll, 88),
];

/// A thousand requests in an order that mixes them.
pub(super) fn wheel(seed: u64) -> Vec<Kind> {
    let mut wheel: Vec<Kind> =
        SHARES.iter().flat_map(|(kind, share)| std::iter::repeat_n(*kind, *share)).collect();
    let mut chance = Chance::of(seed, 0);
    for last in (1..wheel.len()).rev() {
        wheel.swap(last, chance.below(last as u64 + 1) as usize);
    }
    wheel
}

/// What an answer counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It was done, or refused for a reason of the sale: somebody else has the seat, the hold has ended.
    Done,
    /// Not now: 429 or 503.
    Shed,
    /// What nobody should be answered.
    Error,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BecomeGuest => "guest",
            Self::ReadEvent => "event",
            Self::ListPerformances => "performances",
            Self::ReadPlan => "plan",
            Self::ReadAvailability => "availability",
            Self::ReadSeats => "seats",
            Self::HoldSeats => "hold seats",
            Self::HoldBest => "hold best",
            Self::HoldArea => "hold places",
            Self::ReadHold => "read hold",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::Confirm => "confirm",
            Self::GiveBack => "refund",
            Self::ListOrders => "orders",
            Self::ListHolds => "reservations",
            Self::Poll => "poll",
        }
    }

    /// Judges an answer; `code` is that of a problem document.
    pub(super) fn class(self, status: StatusCode, code: &str) -> Class {
        let is_in_order = status.is_success()
            || match self {
                Self::ReadPlan | Self::ReadAvailability => status == StatusCode::NOT_MODIFIED,
                Self::HoldSeats | Self::HoldBest | Self::HoldArea => {
                    matches!(code, "seat_taken" | "sold_out" | "limit_exceeded")
                }
                Self::Extend => matches!(code, "hold_expired" | "extension_used"),
                Self::Release => code == "hold_expired",
                Self::Confirm => matches!(code, "hold_expired" | "payment_declined"),
                _ => false,
            };
        match status {
            _ if is_in_order => Class::Done,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Class::Shed,
            _ => Class::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: usize = 1_000;

    #[test]
    fn the_wheel_has_every_kind_in_its_share_and_mixes_them() {
        let wheel = wheel(1);
        assert_eq!(wheel.len(), TURN);
        for (kind, share) in SHARES {
            assert_eq!(wheel.iter().filter(|one| **one == kind).count(), share, "{kind:?}");
        }
        let held_early = wheel[..TURN / 2].iter().filter(|kind| **kind == Kind::HoldSeats).count();
        assert!((75..125).contains(&held_early), "{held_early} of 200");
        assert_ne!(wheel, super::wheel(2));
    }

    #[test]
    fn answers_are_judged_by_what_was_asked() {
        let class = |kind: Kind, status: u16, code| kind.class(StatusCode::from_u16(status).unwrap(), code);
        assert_eq!(class(Kind::HoldSeats, 201, ""), Class::Done);
        assert_eq!(class(Kind::HoldSeats, 409, "seat_taken"), Class::Done);
        assert_eq!(class(Kind::Confirm, 409, "seat_taken"), Class::Error);
        assert_eq!(class(Kind::ReadPlan, 304, ""), Class::Done);
        assert_eq!(class(Kind::Poll, 304, ""), Class::Error);
        assert_eq!(class(Kind::HoldSeats, 429, "rate_limited"), Class::Shed);
        assert_eq!(class(Kind::Poll, 503, "unavailable"), Class::Shed);
        assert_eq!(class(Kind::Poll, 500, "internal"), Class::Error);
        assert_eq!(class(Kind::Confirm, 402, "payment_declined"), Class::Done);
    }
}
