//! How one row lies in the file: a head of fixed length, then its parts.
//!
//! ```text
//! magic ‖ length ‖ crc32 ‖ format ‖ row ‖ last sequence ‖ drained to ‖ lengths of the parts ‖ parts
//! ```
//!
//! Numbers are little-endian, parts are postcard. The checksum covers everything but the magic and itself. The first row
//! of a segment carries one part more: where the newest images were before it, so that a start need not look further
//! back than that.
//!
//! Invariant: what [`Record::read`] accepts is, to the byte, what [`Record::write`] made.

use std::collections::BTreeMap;

use onsale_app::ports::StoreError;
use onsale_domain::{
    ids::{EventId, PerformanceId},
    inventory::Image,
    waiting_room::RoomImage,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::super::{Batch, JournalError};

/// Layout of a record. Another one is refused, never guessed at. (1 was rows of a SQLite table.)
pub(super) const FORMAT: u8 = 2;

/// What every record of every format begins with.
pub(super) const MAGIC: [u8; 4] = *b"oJnl";

/// Bytes of magic, length and checksum, which are where they are in every format.
const FRAME: usize = 12;

/// Bytes before the parts.
pub(super) const HEAD: usize = FRAME + 1 + 3 * 8 + PARTS * 4;

/// How many parts there are.
const PARTS: usize = 5;

/// What a row has to say, in the order in which it says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Changes of performances: [`Recorded`](onsale_domain::changes::Recorded).
    Changes,
    /// Performances put in place or checkpointed: their ids, with an [`Image`] each.
    Images,
    /// Changes of waiting rooms: [`RecordedRoom`](super::super::RecordedRoom).
    Rooms,
    /// Waiting rooms begun or checkpointed: [`RoomImage`].
    RoomImages,
    /// Where the newest images were before it, of the first row of a segment: [`Newest`].
    Newest,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    /// The number of its segment, from 1.
    pub(super) segment: u64,
    /// Bytes from the beginning of the segment.
    pub(super) offset: u64,
    /// Its row.
    pub(super) row: u64,
}

/// Where the newest image of everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    pub(super) performances: BTreeMap<PerformanceId, Place>,
    pub(super) rooms: BTreeMap<EventId, Place>,
}

impl Newest {
    /// Takes note of the images in a batch that is at `place`.
    pub(super) fn note(&mut self, batch: &Batch, place: Place) {
        self.performances.extend(batch.images.iter().map(|(performance, _)| (*performance, place)));
        self.rooms.extend(batch.room_images.iter().map(|image| (image.event, place)));
    }
}

/// The counters as they stand with a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// The row itself.
    pub(super) row: u64,
    /// The highest sequence number used so far.
    pub(super) last_sequence: u64,
    /// Rows up to this one are in the ledger.
    pub(super) drained_to: u64,
}

impl Counters {
    /// As they will be with the next row.
    pub(super) fn after(self, batch: &Batch) -> Self {
        Self {
            row: self.row + 1,
            last_sequence: self.last_sequence.max(batch.last_sequence().unwrap_or(0)),
            drained_to: self.drained_to.max(batch.drained_to.unwrap_or(0)),
        }
    }
}

/// Why bytes are not a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Nothing was written here, or not all of it, or it has changed since.
    Damaged,
    /// A record, but of another version.
    Format(u8),
}

/// A record that has been checked.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) counters: Counters,
    /// How many bytes it has.
    pub(super) length: usize,
    parts: [&'a [u8]; PARTS],
}

impl<'a> Record<'a> {
    /// Writes the record of a batch into an empty buffer; `newest` where it is the first of its segment.
    pub(super) fn write(
        into: &mut Vec<u8>,
        counters: Counters,
        batch: &Batch,
        newest: Option<&Newest>,
    ) -> Result<(), JournalError> {
        into.clear();
        into.resize(HEAD, 0);
        let lengths = [
            part(into, &batch.changes, batch.changes.is_empty())?,
            part(into, &batch.images, batch.images.is_empty())?,
            part(into, &batch.rooms, batch.rooms.is_empty())?,
            part(into, &batch.room_images, batch.room_images.is_empty())?,
            newest.map_or(Ok(0), |newest| part(into, newest, false))?,
        ];
        let mut head = Vec::with_capacity(HEAD);
        head.extend(MAGIC);
        head.extend(length_of(into.len())?.to_le_bytes());
        head.extend([0; 4]);
        head.push(FORMAT);
        for number in [counters.row, counters.last_sequence, counters.drained_to] {
            head.extend(number.to_le_bytes());
        }
        for length in lengths {
            head.extend(length.to_le_bytes());
        }
        into[..HEAD].copy_from_slice(&head);
        let checksum = checksum(into);
        into[8..FRAME].copy_from_slice(&checksum.to_le_bytes());
        Ok(())
    }

    /// The length of the record that begins with these bytes, if they look like the beginning of one.
    pub(super) fn length(bytes: &[u8]) -> Option<usize> {
        let (frame, _) = bytes.split_at_checked(FRAME)?;
        let length = u32_at(frame, 4)? as usize;
        (frame.starts_with(&MAGIC) && length > FRAME).then_some(length)
    }

    /// The row that the record with this head is, if it looks like one; nothing is checked.
    pub(super) fn row_of(head: &[u8]) -> Option<u64> {
        Self::length(head).and_then(|_| u64_at(head, FRAME + 1))
    }

    /// Reads the record that these bytes begin with.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let whole = Self::length(bytes).and_then(|length| bytes.get(..length)).ok_or(Unreadable::Damaged)?;
        if u32_at(whole, 8) != Some(checksum(whole)) {
            return Err(Unreadable::Damaged);
        }
        match whole[FRAME] {
            FORMAT => Self::split(whole).ok_or(Unreadable::Damaged),
            format => Err(Unreadable::Format(format)),
        }
    }

    fn split(whole: &'a [u8]) -> Option<Self> {
        let (head, mut rest) = whole.split_at_checked(HEAD)?;
        let number = |nth: usize| u64_at(head, FRAME + 1 + nth * 8);
        let counters = Counters { row: number(0)?, last_sequence: number(1)?, drained_to: number(2)? };
        let mut parts: [&[u8]; PARTS] = [&[]; PARTS];
        for (nth, part) in parts.iter_mut().enumerate() {
            (*part, rest) = rest.split_at_checked(u32_at(head, FRAME + 25 + nth * 4)? as usize)?;
        }
        rest.is_empty().then_some(Self { counters, length: whole.len(), parts })
    }

    /// One part of it; what a row without that part has to say there.
    pub(super) fn part<T: DeserializeOwned + Default>(&self, part: Part) -> Result<T, StoreError> {
        match self.parts[part as usize] {
            [] => Ok(T::default()),
            bytes => postcard::from_bytes(bytes).map_err(StoreError::corrupt),
        }
    }

    /// The performances put in place or checkpointed with it.
    pub(super) fn images(&self) -> Result<Vec<(PerformanceId, Image)>, StoreError> {
        self.part(Part::Images)
    }

    /// The waiting rooms begun or checkpointed with it.
    pub(super) fn room_images(&self) -> Result<Vec<RoomImage>, StoreError> {
        self.part(Part::RoomImages)
    }

    /// Takes note of the images in it.
    pub(super) fn note_images(&self, newest: &mut Newest, place: Place) -> Result<(), StoreError> {
        let (images, room_images) = (self.images()?, self.room_images()?);
        newest.performances.extend(images.into_iter().map(|(performance, _)| (performance, place)));
        newest.rooms.extend(room_images.into_iter().map(|image| (image.event, place)));
        Ok(())
    }
}

/// Appends one part, nothing where there is nothing to say; gives its length.
fn part<T: Serialize>(into: &mut Vec<u8>, value: &T, is_empty: bool) -> Result<u32, JournalError> {
    if is_empty {
        return Ok(0);
    }
    let before = into.len();
    let longer = postcard::to_extend(value, std::mem::take(into));
    *into = longer.map_err(|error| JournalError::Refused(error.to_string()))?;
    length_of(into.len() - before)
}

fn length_of(bytes: usize) -> Result<u32, JournalError> {
    u32::try_from(bytes).map_err(|_| JournalError::Refused(format!("a row of {bytes} bytes")))
}

/// Over the length and all that follows the checksum itself.
fn checksum(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[4..8]);
    hasher.update(&record[FRAME..]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Makes a record one of another format, in all else whole.
    pub(in super::super) fn set_format(record: &mut [u8], format: u8) {
        let length = Record::length(record).unwrap();
        record[FRAME] = format;
        let checksum = checksum(&record[..length]);
        record[8..FRAME].copy_from_slice(&checksum.to_le_bytes());
    }

    #[test]
    fn an_empty_row_is_its_head() {
        let mut bytes = Vec::new();
        let counters = Counters { row: 3, last_sequence: 2, drained_to: 1 };
        Record::write(&mut bytes, counters, &Batch::default(), None).unwrap();
        assert_eq!(bytes.len(), HEAD);
        bytes.extend([0; 100]);
        let record = Record::read(&bytes).unwrap();
        assert_eq!((record.counters, record.length), (counters, HEAD));
        assert!(record.images().unwrap().is_empty() && record.room_images().unwrap().is_empty());
        assert_eq!(record.part::<Newest>(Part::Newest).unwrap(), Newest::default());
        assert_eq!(Record::row_of(&bytes), Some(3));
    }

    #[test]
    fn anything_else_is_not_a_row() {
        for bytes in [&[][..], &[0; 200], &MAGIC, b"oJnl\xff\xff\xff\xff and so on, but not for long"] {
            assert_eq!(Record::read(bytes).unwrap_err(), Unreadable::Damaged);
        }
    }
}
