//! The frames of the live feed: what moved between two views, in words.
//!
//! Invariant: a delta names the state of every seat that may differ between `from` and `to`, and no position between
//! two frames is lost: whoever has `from` and applies the delta has exactly what `to` shows.

use std::collections::{BTreeMap, VecDeque};

use axum::extract::ws::Utf8Bytes;
use onsale_app::ports::hot::Availability;
use onsale_domain::position::Position;
use serde::Serialize;

use crate::http::seats::{AreaAvailability, AvailabilityDto};

/// How many frames are kept for clients that come back: at the usual pace some ten seconds of a rush.
const KEPT_FRAMES: usize = 128;

/// How many changes they may hold together.
const KEPT_CHANGES: usize = 20_000;

/// About the bytes a change takes in a delta, and a seat in a snapshot.
const CHANGE_BYTES: usize = 7;
const SEATS_PER_SNAPSHOT_BYTE: usize = 3;

/// Seats and areas in their new states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Seat id and public bits.
    seats: BTreeMap<u32, u8>,
    /// Area id and free places.
    areas: BTreeMap<u32, u32>,
}

impl Changes {
    /// What differs between two views of the same performance.
    pub(super) fn between(before: &Availability, after: &Availability) -> Self {
        let mut seats = BTreeMap::new();
        for (index, (old, new)) in before.states.iter().zip(&after.states).enumerate() {
            let differing = old ^ new;
            if differing == 0 {
                continue;
            }
            for seat in 0..4 {
                if (differing >> (seat * 2)) & 0b11 != 0 {
                    seats.insert((index * 4 + seat + 1) as u32, (new >> (seat * 2)) & 0b11);
                }
            }
        }
        let areas = after
            .areas
            .iter()
            .zip(&before.areas)
            .filter(|(new, old)| new != old)
            .map(|(new, _)| *new)
            .collect();
        Self { seats, areas }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.areas.is_empty()
    }

    fn len(&self) -> usize {
        self.seats.len() + self.areas.len()
    }

    /// What later changes say goes over what these say.
    fn then(&mut self, later: &Self) {
        self.seats.extend(&later.seats);
        self.areas.extend(&later.areas);
    }

    fn in_state(&self, wanted: u8) -> Vec<u32> {
        self.seats.iter().filter(|(_, bits)| **bits == wanted).map(|(seat, _)| *seat).collect()
    }
}

/// `{"type":"delta",…}`
#[derive(Serialize)]
#[serde(tag = "type", rename = "delta")]
struct Delta {
    from: String,
    to: String,
    held: Vec<u32>,
    sold: Vec<u32>,
    available: Vec<u32>,
    blocked: Vec<u32>,
    areas: Vec<AreaAvailability>,
}

/// `{"type":"snapshot",…}`
#[derive(Serialize)]
#[serde(tag = "type", rename = "snapshot")]
struct Snapshot {
    #[serde(flatten)]
    availability: AvailabilityDto,
}

/// `{"type":"presence",…}`
#[derive(Serialize)]
#[serde(tag = "type", rename = "presence")]
struct Presence {
    viewers: usize,
}

fn encode(frame: &impl Serialize) -> Utf8Bytes {
    match serde_json::to_string(frame) {
        Ok(text) => text.into(),
        Err(error) => {
            // Numbers and names of the program's own: nothing in them can fail to be written.
            tracing::error!(%error, "a frame could not be encoded");
            Utf8Bytes::default()
        }
    }
}

fn delta(from: Position, to: Position, changes: &Changes) -> Utf8Bytes {
    encode(&Delta {
        from: from.to_string(),
        to: to.to_string(),
        held: changes.in_state(0b01),
        sold: changes.in_state(0b10),
        available: changes.in_state(0b00),
        blocked: changes.in_state(0b11),
        areas: changes
            .areas
            .iter()
            .map(|(id, available)| AreaAvailability { id: *id, available: *available })
            .collect(),
    })
}

pub(super) fn snapshot(view: &Availability) -> Utf8Bytes {
    encode(&Snapshot { availability: AvailabilityDto::of(view) })
}

pub(super) fn presence(viewers: usize) -> Utf8Bytes {
    encode(&Presence { viewers })
}

struct Frame {
    from: Position,
    to: Position,
    changes: Changes,
    /// Encoded once, handed to everybody who is at `from`.
    text: Utf8Bytes,
}

/// The latest frames, each beginning where the one before ends.
#[derive(Default)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
    changes: usize,
}

/// What somebody at a position needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing.
    Nothing,
    /// A delta from there.
    Delta(Utf8Bytes),
    /// A snapshot: the frames from there are not kept, or would take more bytes than that.
    Snapshot,
}

impl Ring {
    pub(super) fn push(&mut self, from: Position, to: Position, changes: Changes) {
        let text = delta(from, to, &changes);
        self.changes += changes.len();
        self.frames.push_back(Frame { from, to, changes, text });
        while self.frames.len() > KEPT_FRAMES || (self.changes > KEPT_CHANGES && self.frames.len() > 1) {
            if let Some(oldest) = self.frames.pop_front() {
                self.changes -= oldest.changes.len();
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.changes = 0;
    }

    /// What somebody at `position` needs to come to `view`, where the last frame ends.
    pub(super) fn since(&self, position: Position, view: &Availability) -> Since {
        if position >= view.position {
            return Since::Nothing;
        }
        let first = self.frames.partition_point(|frame| frame.to <= position);
        let Some(earliest) = self.frames.get(first).filter(|frame| frame.from <= position) else {
            return Since::Snapshot;
        };
        let missing = self.frames.range(first..);
        if missing.len() == 1 && earliest.from == position {
            return Since::Delta(earliest.text.clone());
        }
        // A frame that begins before the position says about seats that moved before it nothing but their state.
        let mut changes = Changes::default();
        missing.for_each(|frame| changes.then(&frame.changes));
        if changes.len() * CHANGE_BYTES > view.seat_count as usize / SEATS_PER_SNAPSHOT_BYTE + 100 {
            return Since::Snapshot;
        }
        Since::Delta(delta(position, view.position, &changes))
    }
}

#[cfg(test)]
mod tests;
