//! The waiting room of an event: places, the draw, and who is let in when.
//!
//! Invariants:
//! - the order is made of numbers of joining and of the draw, never of times;
//! - people are called strictly in the order of their ranks;
//! - every byte that a receipt depends on is documented in `docs/waiting-room.md`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{
    events::{WaitingRoomSettings, WhenSoldOut},
    ids::{AccountId, EventId},
    time::Timestamp,
};

pub mod admission;
pub mod draw;
pub mod merkle;
pub mod receipts;
pub mod room;
pub mod summary;

pub use draw::{Order, Secret, draw_key};
pub use room::{Room, RoomChange, RoomImage};
pub use summary::{Progress, Summary};

/// The number of joining, from 0. It names the place for as long as the room lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(pub u32);

/// Where a place stands in the line, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rank(pub u32);

impl Rank {
    /// As people count: from 1.
    pub fn position(self) -> u32 {
        self.0 + 1
    }
}

/// A SHA-256 value; lower-case hex for people and in JSON, bytes in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// Who has a place, towards everybody who reads the draw: the buyer can compute it, nobody can turn it back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym(pub [u8; 16]);

impl Pseudonym {
    /// The pseudonym of a buyer in the waiting room of an event.
    pub fn of(event: EventId, buyer: AccountId) -> Self {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(b"onsale pseudonym v1")
            .chain_update(event.0.as_bytes())
            .chain_update(buyer.0.as_bytes())
            .finalize()
            .into();
        let mut short = [0; 16];
        short.copy_from_slice(&hash[..16]);
        Self(short)
    }
}

/// A digest of a network address, where the event gives one place per address. What it is a digest of is the caller's
/// affair; here it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressKey(pub [u8; 8]);

/// The rules a room goes by, from the settings of its event. They come with every command, so that a change of
/// settings takes effect with the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When the lobby closes; `None`: there is none.
    pub opens_at: Option<Timestamp>,
    /// How many are called per second at most.
    pub admit_per_second: u32,
    /// How many may be inside.
    pub max_inside: u32,
    /// How long a place inside lasts.
    pub inside_for_ms: u64,
    /// How long a called person may take to enter.
    pub claim_within_ms: u64,
    /// What happens when everything is sold.
    pub when_sold_out: WhenSoldOut,
}

impl From<&WaitingRoomSettings> for Terms {
    fn from(settings: &WaitingRoomSettings) -> Self {
        Self {
            opens_at: settings.opens_at,
            admit_per_second: settings.admit_per_second,
            max_inside: settings.max_inside,
            inside_for_ms: u64::from(settings.inside_for_s) * 1000,
            claim_within_ms: u64::from(settings.claim_within_s) * 1000,
            when_sold_out: settings.when_sold_out,
        }
    }
}

/// What there is to sell, over all performances of the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Units that are free.
    pub available: u32,
    /// Units that are held or being paid for.
    pub taken: u32,
    /// How many of those are expected to come back.
    pub returning: u32,
}

/// What an organizer has set by hand; where nothing is set, the event's settings hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Nobody is called.
    pub paused: bool,
    /// In place of the event's rate.
    pub admit_per_second: Option<u32>,
    /// In place of the event's room.
    pub max_inside: Option<u32>,
}

/// Whether there is anything to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    /// Yes.
    #[default]
    Open,
    /// Everything is sold.
    SoldOut,
    /// An organizer has closed it.
    Closed,
}

/// Where a person stands who has been called and is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// It is their turn.
    Called {
        /// Since when.
        since: Timestamp,
        /// Until when they may claim it.
        until: Timestamp,
    },
    /// They have claimed it in time, while it was full; they are next.
    AtDoor,
    /// They are inside.
    Inside {
        /// Until when.
        until: Timestamp,
    },
}

/// How a place ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaving {
    /// They left.
    Left,
    /// Their time inside was up.
    TimedOut,
    /// They have bought.
    Completed {
        /// How many units.
        units: u32,
    },
}

/// Where a place stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Before opening.
    Lobby,
    /// In the line.
    Waiting(Rank),
    /// Called, at the door or inside.
    Turn(Turn),
    /// Called, and did not come in time.
    Missed,
    /// Left, done, or out of time.
    Ended,
    /// There is no such place.
    Unknown,
}

/// What joining came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// A place, made by this call.
    Placed(Place),
    /// The place this buyer has.
    Same(Place),
    /// Somebody else from this address has a place.
    Duplicate,
    /// There is nothing to wait for.
    Refused(Gate),
    /// More places than one room can have.
    Full,
}

/// What claiming a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterOutcome {
    /// Inside until then; also when asked again.
    Inside {
        /// When the place inside ends.
        until: Timestamp,
    },
    /// In time, and noted: let in as soon as somebody leaves.
    AtDoor,
    /// Not called yet.
    NotYet,
    /// The turn was missed, and there is no room for latecomers now.
    Missed,
    /// The place has ended.
    Ended,
    /// There is nothing to enter for.
    Refused(Gate),
    /// No such place, or somebody else's.
    Unknown,
}

/// What ending a place came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// It has ended, now or before.
    Ended,
    /// It is not inside, so nothing can be completed in it.
    NotInside,
    /// No such place, or somebody else's.
    Unknown,
}

macro_rules! hex_in_text {
    ($($name:ident: $len:literal),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    let mut bytes = [0; $len];
                    hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
                    Ok(Self(bytes))
                } else {
                    <[u8; $len]>::deserialize(deserializer).map(Self)
                }
            }
        }
    )*};
}

hex_in_text!(Hash: 32, Pseudonym: 16);
