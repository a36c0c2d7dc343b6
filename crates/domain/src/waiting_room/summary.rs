//! The summary of a room: what a node keeps to answer polls without asking a store, and the answers.
//!
//! Invariant: a summary is a few numbers and the people called and inside, however many are waiting.

use std::sync::Arc;

use super::{Control, Gate, Hash, Order, Place, Rank, Secret, Turn, receipts::DrawFacts};
use crate::{ids::EventId, time::Timestamp};

/// The shortest and the longest time between two polls.
pub const POLL_MS: (u64, u64) = (1_000, 30_000);

/// So many places are told to poll in each millisecond after opening.
const OPENING_POLLS_PER_MS: u64 = 20;

/// A room at one moment.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Of which event.
    pub event: EventId,
    /// Tells it from any other room that the event has had.
    pub generation: u32,
    /// The hash of the secret.
    pub commitment: Hash,
    /// The secret and the root, once the lobby has closed.
    pub opened: Option<(Secret, Hash)>,
    /// The order, once the lobby has closed.
    pub order: Option<Arc<Order>>,
    /// When the lobby closes.
    pub opens_at: Option<Timestamp>,
    /// Whether there is anything to wait for.
    pub gate: Gate,
    /// What an organizer has set.
    pub control: Control,
    /// How many places have been given.
    pub joined: u32,
    /// Everybody before it has been called.
    pub front: Rank,
    /// How many behind it have left.
    pub gone_ahead: u32,
    /// Those called, at the door and inside, by place.
    pub turns: Vec<(Place, Turn)>,
    /// How many of them are inside.
    pub inside: u32,
    /// How many of them are at the door.
    pub at_door: u32,
    /// The rate in force.
    pub admit_per_second: u32,
    /// The room in force.
    pub max_inside: u32,
    /// How long a place inside lasts.
    pub inside_for_ms: u64,
    /// How many are being called per second.
    pub calls_per_second: f64,
    /// How many could be called at once but for the rate.
    pub free: u32,
    /// How many of those waiting are likely to be called before all is sold; `None`: not known.
    pub reached: Option<u32>,
    /// Nothing is free just now, and those who wait are offered what comes back.
    pub return_line: bool,
}

/// Where somebody stands, as a poll is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What to tell.
    pub status: Status,
    /// Rank + 1; none in the lobby.
    pub position: Option<u32>,
    /// How many are ahead who have not left.
    pub ahead: Option<u32>,
    /// When the turn is to be expected; none where nothing moves.
    pub eta_ms: Option<u64>,
    /// How many of those waiting are likely to be reached, in round figures.
    pub reached: Option<u32>,
    /// Whether this place is likely to be among them.
    pub likely: Option<bool>,
    /// When to ask again.
    pub poll_after_ms: u64,
    /// Nothing is free just now, and those who wait are offered what comes back.
    pub return_line: bool,
}

/// What a poll tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Before opening.
    Lobby,
    /// In the line.
    Waiting,
    /// It is their turn until then; at the door there is no end.
    Ready(Option<Timestamp>),
    /// Inside until then.
    Inside(Timestamp),
    /// Called before, and neither waiting nor inside: the turn was missed, or the place has ended. Only the store
    /// knows which.
    Passed,
    /// Everything is sold.
    SoldOut,
    /// An organizer has closed it.
    Closed,
}

impl Summary {
    /// How many wait to be called.
    pub fn waiting(&self) -> u32 {
        self.joined.saturating_sub(self.front.0).saturating_sub(self.gone_ahead)
    }

    /// How many were in the lobby, once it has closed.
    pub fn lobby(&self) -> Option<u32> {
        self.order.as_ref().map(|order| order.len())
    }

    /// What is public about the draw, once the lobby has closed.
    pub fn draw(&self) -> Option<DrawFacts> {
        let (secret, root) = self.opened.as_ref()?;
        Some(DrawFacts::new(self.event, secret, *root, self.lobby()?))
    }

    /// Where a place stands.
    pub fn progress(&self, place: Place, now: Timestamp) -> Progress {
        let rank = self.order.as_ref().map(|order| order.rank(place));
        let turn =
            self.turns.binary_search_by_key(&place, |(place, _)| *place).ok().map(|at| self.turns[at].1);
        let status = match (turn, self.gate, rank) {
            (Some(Turn::Inside { until }), _, _) => Status::Inside(until),
            (_, Gate::SoldOut, _) => Status::SoldOut,
            (_, Gate::Closed, _) => Status::Closed,
            (Some(Turn::Called { until, .. }), ..) => Status::Ready(Some(until)),
            (Some(Turn::AtDoor), ..) => Status::Ready(None),
            (None, _, None) => Status::Lobby,
            (None, _, Some(rank)) if rank < self.front => Status::Passed,
            (None, _, Some(_)) => Status::Waiting,
        };
        let waiting = rank.filter(|_| status == Status::Waiting);
        let ahead = waiting.map(|rank| self.ahead(rank));
        let eta_ms = match status {
            Status::Lobby => self.opens_at.map(|opens_at| opens_at.since_ms(now)),
            _ => ahead.and_then(|ahead| self.eta_ms(ahead)),
        };
        Progress {
            status,
            position: rank.map(Rank::position),
            ahead,
            eta_ms,
            reached: self.reached.filter(|_| waiting.is_some() || status == Status::Lobby).map(round),
            likely: ahead.zip(self.reached).map(|(ahead, reached)| ahead < reached),
            poll_after_ms: self.poll_after_ms(place, status, eta_ms, now),
            return_line: self.return_line,
        }
    }

    /// How many of those before a rank are waiting. Who has left is taken to be spread evenly over the line.
    fn ahead(&self, rank: Rank) -> u32 {
        let before = u64::from(rank.0.saturating_sub(self.front.0));
        let line = u64::from(self.joined.saturating_sub(self.front.0)).max(before + 1);
        let gone = u64::from(self.gone_ahead);
        (before - ((before * gone + line / 2) / line).min(before)) as u32
    }

    /// How long until so many have been called and it is one's own turn: at once as far as there is room, then as fast
    /// as people are being called.
    fn eta_ms(&self, ahead: u32) -> Option<u64> {
        if self.control.paused || self.admit_per_second == 0 || self.max_inside == 0 {
            return None;
        }
        let rate = f64::from(self.admit_per_second);
        // Before anything is known: as if everybody stayed inside to the last.
        let turnover = f64::from(self.max_inside) * 1_000.0 / self.inside_for_ms.max(1) as f64;
        let pace = self.calls_per_second.max(turnover).min(rate);
        let at_once = f64::from((ahead + 1).min(self.free));
        let then = f64::from(ahead + 1) - at_once;
        #[expect(clippy::cast_sign_loss, reason = "a sum of quotients of numbers that are not negative")]
        let eta = ((at_once / rate + then / pace) * 1_000.0) as u64;
        Some(eta)
    }

    fn poll_after_ms(&self, place: Place, status: Status, eta_ms: Option<u64>, now: Timestamp) -> u64 {
        let (least, most) = POLL_MS;
        let spread = mixed(place);
        match status {
            Status::Lobby => {
                let left = self.opens_at.map_or(0, |opens_at| opens_at.since_ms(now));
                // The first poll after opening: not all at once.
                let wave = (u64::from(self.joined) / OPENING_POLLS_PER_MS).clamp(least, most / 2);
                if left + wave > most {
                    return spread_around(left / 4, spread);
                }
                (left + spread % wave).max(least)
            }
            Status::Waiting => spread_around(eta_ms.map_or(most, |eta| eta / 10), spread),
            Status::Ready(_) => least,
            Status::Inside(_) | Status::Passed | Status::SoldOut | Status::Closed => {
                spread_around(most, spread)
            }
        }
    }
}

/// `base` ± 25 %, within the bounds.
fn spread_around(base: u64, spread: u64) -> u64 {
    let (least, most) = POLL_MS;
    let base = base.clamp(least, most);
    (base * 3 / 4 + spread % (base / 2).max(1)).clamp(least, most)
}

/// The bits of a place, well mixed (the finalizer of SplitMix64).
fn mixed(place: Place) -> u64 {
    let mut x = u64::from(place.0).wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// To two figures.
fn round(value: u32) -> u32 {
    if value < 100 {
        return value;
    }
    let unit = 10_u32.pow(value.ilog10() - 1);
    (value / unit).saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            event: EventId(uuid::Uuid::nil()),
            generation: 1,
            commitment: Hash([0; 32]),
            opened: None,
            order: Some(Arc::new(Order::new(&[0; 32], 0))),
            opens_at: None,
            gate: Gate::Open,
            control: Control::default(),
            joined: 100_000,
            front: Rank(1_000),
            gone_ahead: 0,
            turns: vec![
                (Place(3), Turn::Inside { until: Timestamp(9) }),
                (Place(900), Turn::Called { since: Timestamp(1), until: Timestamp(8) }),
                (Place(901), Turn::AtDoor),
            ],
            inside: 1,
            at_door: 1,
            admit_per_second: 50,
            max_inside: 500,
            inside_for_ms: 600_000,
            calls_per_second: 10.0,
            free: 100,
            reached: Some(3_941),
            return_line: false,
        }
    }

    #[test]
    fn tells_each_where_they_stand() {
        let summary = summary();
        let status = |place| summary.progress(Place(place), Timestamp(5)).status;
        assert_eq!(status(3), Status::Inside(Timestamp(9)));
        assert_eq!(status(900), Status::Ready(Some(Timestamp(8))));
        assert_eq!(status(901), Status::Ready(None));
        assert_eq!(status(4), Status::Passed);
        assert_eq!(status(1_000), Status::Waiting);
        let sold_out = Summary { gate: Gate::SoldOut, ..summary.clone() };
        assert_eq!(sold_out.progress(Place(5_000), Timestamp(5)).status, Status::SoldOut);
        assert_eq!(sold_out.progress(Place(3), Timestamp(5)).status, Status::Inside(Timestamp(9)));
        let lobby = Summary { order: None, opens_at: Some(Timestamp(60_005)), front: Rank(0), ..summary };
        let progress = lobby.progress(Place(50), Timestamp(5));
        assert_eq!(
            (progress.status, progress.position, progress.eta_ms),
            (Status::Lobby, None, Some(60_000))
        );
    }

    #[test]
    fn estimates_ahead_time_and_odds() {
        let mut summary = summary();
        let of = |summary: &Summary, place| summary.progress(Place(place), Timestamp(0));
        let first = of(&summary, 1_000);
        assert_eq!((first.position, first.ahead, first.eta_ms), (Some(1_001), Some(0), Some(20)));
        let later = of(&summary, 6_100);
        // 100 at once at 50 a second, 5,001 more at 10 a second.
        assert_eq!((later.ahead, later.eta_ms), (Some(5_100), Some(502_100)));
        assert_eq!((later.reached, later.likely, first.likely), (Some(3_900), Some(false), Some(true)));
        summary.gone_ahead = 49_500;
        assert_eq!(of(&summary, 6_100).ahead, Some(2_550), "half of the line has left");
        summary.control.paused = true;
        assert_eq!(of(&summary, 6_100).eta_ms, None);
    }

    #[test]
    fn polls_are_bounded_grow_with_the_distance_and_do_not_come_in_waves() {
        let summary = summary();
        let after = |place| summary.progress(Place(place), Timestamp(0)).poll_after_ms;
        assert!((1_000..100_000).map(after).all(|ms| (POLL_MS.0..=POLL_MS.1).contains(&ms)));
        let mean = |places: std::ops::Range<u32>| {
            let count = u64::from(places.end - places.start);
            places.map(after).sum::<u64>() / count
        };
        assert!(mean(1_000..1_100) < 1_200);
        assert!(mean(1_500..1_600) < mean(2_200..2_300));
        assert!(mean(2_200..2_300) < mean(90_000..90_100));
        // Of those far away no tenth of the time between polls has much more than its share.
        let mut tenths = [0; 10];
        for place in 50_000..60_000 {
            tenths[((after(place) - 22_500) * 10 / 7_501) as usize] += 1;
        }
        assert!(tenths[..9].iter().all(|count| (300..900).contains(count)), "{tenths:?}");
        assert_eq!(after(77_777), after(77_777));
        let lobby = Summary { order: None, opens_at: Some(Timestamp(2_000)), turns: vec![], ..summary };
        let first: Vec<u64> =
            (0..10_000).map(|place| lobby.progress(Place(place), Timestamp(0)).poll_after_ms).collect();
        assert!(first.iter().all(|ms| (2_000..7_000).contains(ms)));
        assert!(first.iter().filter(|ms| **ms < 2_500).count() < 1_300, "a tenth in a tenth of the time");
        for left in (0..100_000).step_by(500) {
            let lobby = Summary { opens_at: Some(Timestamp(left)), ..lobby.clone() };
            let after: Vec<u64> =
                (0..500).map(|place| lobby.progress(Place(place), Timestamp(0)).poll_after_ms).collect();
            assert!(after.iter().all(|ms| (POLL_MS.0..=POLL_MS.1).contains(ms)), "{left}");
            let distinct: std::collections::BTreeSet<u64> = after.iter().copied().collect();
            assert!(distinct.len() > 100, "{left}: {} distinct", distinct.len());
        }
    }
}
