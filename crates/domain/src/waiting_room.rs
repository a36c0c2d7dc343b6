//! The waiting room of an event: places, the draw, and who is let in when.
//!
//! Invariants:
//! - the order is made of numbers of joining and of the draw, never of times;
//! - people are called strictly in the order of their ranks;
//! - every byte that a receipt depends on is documented in `docs/waiting-room.md`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::ids::{AccountId, EventId};

pub mod draw;
pub mod merkle;
pub mod receipts;

pub use draw::{Order, Secret, draw_key};

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
