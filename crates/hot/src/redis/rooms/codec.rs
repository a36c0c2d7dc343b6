//! The bytes that scripts and program exchange about a waiting room, as the head of `lua/room.lua` lays them down.
//!
//! Invariant: what does not have the right shape is [`StoreError::Corrupt`], never a guess.

use std::collections::BTreeMap;

use onsale_app::ports::StoreError;
use onsale_domain::{
    time::Timestamp,
    waiting_room::{Gate, Place, Pseudonym, RoomChange, Secret, Turn, room::FrontImage},
};
use serde::{Deserialize, Serialize};

use super::super::codec::Fields;

/// In place of the length of a lobby that has not closed.
const NOT_CLOSED: u32 = u32::MAX;

/// What tells a call from every other.
pub(super) type Mark = [u8; 8];

/// What every script reads of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoomMeta {
    pub(super) generation: u32,
    pub(super) joined: u32,
    /// How many were in the lobby, once it has closed.
    pub(super) lobby: Option<u32>,
    pub(super) gate: Gate,
    pub(super) offset: u64,
    pub(super) sequence: u64,
    /// The call that made the last change.
    pub(super) mark: Mark,
    /// The call that closed the lobby.
    pub(super) closing: Mark,
    pub(super) secret: Secret,
}

/// A gate as its byte.
pub(super) fn gate_byte(gate: Gate) -> u8 {
    match gate {
        Gate::Open => 0,
        Gate::SoldOut => 1,
        Gate::Closed => 2,
    }
}

/// A gate from its byte.
pub(super) fn gate(byte: u8) -> Result<Gate, StoreError> {
    match byte {
        0 => Ok(Gate::Open),
        1 => Ok(Gate::SoldOut),
        2 => Ok(Gate::Closed),
        other => Err(StoreError::corrupt(format!("a waiting room whose gate is {other}"))),
    }
}

impl RoomMeta {
    /// Of a room that begins.
    pub(super) fn of_new(generation: u32, secret: Secret) -> Self {
        Self {
            generation,
            joined: 0,
            lobby: None,
            gate: Gate::Open,
            offset: 0,
            sequence: 0,
            mark: Mark::default(),
            closing: Mark::default(),
            secret,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        bytes.extend(self.joined.to_be_bytes());
        bytes.extend(self.lobby.unwrap_or(NOT_CLOSED).to_be_bytes());
        bytes.push(gate_byte(self.gate));
        bytes.extend(self.offset.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.mark);
        bytes.extend(self.closing);
        bytes.extend(self.secret.0);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(bytes);
        Ok(Self {
            generation: fields.u32()?,
            joined: fields.u32()?,
            lobby: Some(fields.u32()?).filter(|lobby| *lobby != NOT_CLOSED),
            gate: gate(fields.u8()?)?,
            offset: fields.u64()?,
            sequence: fields.u64()?,
            mark: fields.take()?,
            closing: fields.take()?,
            secret: Secret(fields.take()?),
        })
    }
}

/// The front as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredFront {
    /// When it was written last.
    pub(super) at: Timestamp,
    pub(super) front: FrontImage,
}

/// Something the program alone reads, as bytes.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(StoreError::corrupt)
}

/// Something the program alone reads, from its bytes.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(StoreError::corrupt)
}

/// Places one after the other.
pub(super) fn places<'a>(places: impl IntoIterator<Item = &'a Place>) -> Vec<u8> {
    places.into_iter().flat_map(|place| place.0.to_be_bytes()).collect()
}

/// Whose places are, one after the other.
pub(super) fn pseudonyms(bytes: &[u8]) -> Result<Vec<Pseudonym>, StoreError> {
    let (whole, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(StoreError::corrupt("a buyer cut short"));
    }
    Ok(whole.iter().map(|bytes| Pseudonym(*bytes)).collect())
}

/// A change and when it was, from an element of `recent`.
pub(super) fn change(element: &[u8]) -> Result<(Timestamp, RoomChange), StoreError> {
    let (_, change) = element
        .split_first_chunk::<{ size_of::<Mark>() }>()
        .ok_or_else(|| StoreError::corrupt("a change cut short"))?;
    decode(change)
}

/// A turn, from an entry of `turns`.
pub(super) fn turn((place, turn): (Vec<u8>, Vec<u8>)) -> Result<(Place, Turn), StoreError> {
    let place = String::from_utf8(place).map_err(StoreError::corrupt)?;
    Ok((Place(place.parse().map_err(StoreError::corrupt)?), decode(&turn)?))
}

/// What a commit writes, as `room_commit.lua` takes it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Writes {
    pub(super) changes: Vec<u8>,
    pub(super) turns_over: Vec<u8>,
    pub(super) turns: Vec<u8>,
    pub(super) ended: Vec<u8>,
    pub(super) no_more_ended: Vec<u8>,
}

impl Writes {
    pub(super) fn of(
        at: Timestamp,
        changes: &[RoomChange],
        touched: &BTreeMap<Place, Option<Turn>>,
    ) -> Result<Self, StoreError> {
        let mut writes = Self::default();
        for change in changes {
            let bytes = encode(&(at, change))?;
            let length = u32::try_from(bytes.len()).map_err(StoreError::corrupt)?;
            writes.changes.extend(length.to_be_bytes());
            writes.changes.extend(bytes);
            match change {
                RoomChange::Ended { place, .. } => writes.ended.extend(place.0.to_be_bytes()),
                RoomChange::Rejoined { place, .. } => writes.no_more_ended.extend(place.0.to_be_bytes()),
                _ => {}
            }
        }
        for (place, turn) in touched {
            let Some(turn) = turn else {
                writes.turns_over.extend(place.0.to_be_bytes());
                continue;
            };
            let bytes = encode(turn)?;
            writes.turns.extend(place.0.to_be_bytes());
            writes.turns.push(u8::try_from(bytes.len()).map_err(StoreError::corrupt)?);
            writes.turns.extend(bytes);
        }
        Ok(writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_comes_back_as_it_was() {
        let begun = RoomMeta::of_new(7, Secret([9; 32]));
        let later = RoomMeta {
            joined: 5,
            lobby: Some(3),
            gate: Gate::Closed,
            offset: 8,
            sequence: 1_800_000_000_000_000,
            mark: [1; 8],
            closing: [2; 8],
            ..begun
        };
        for meta in [begun, later] {
            let bytes = meta.encode();
            assert_eq!(RoomMeta::decode(&bytes).unwrap(), meta);
            assert!((0..bytes.len()).all(|length| RoomMeta::decode(&bytes[..length]).is_err()));
        }
    }

    #[test]
    fn damage_is_an_error() {
        assert!(gate(3).is_err() && pseudonyms(&[0; 17]).is_err() && change(&[0; 7]).is_err());
        assert!(change(&[0xFF; 20]).is_err());
        assert!(turn((b"x".to_vec(), Vec::new())).is_err() && turn((b"1".to_vec(), vec![9])).is_err());
        let (place, called) = (Place(12), Turn::Called { since: Timestamp(1), until: Timestamp(2) });
        let packed = encode(&called).unwrap();
        assert_eq!(turn((b"12".to_vec(), packed)).unwrap(), (place, called));
    }
}
