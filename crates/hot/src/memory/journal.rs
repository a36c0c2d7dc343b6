//! The journal: the durable record behind the in-process store, one row a batch.
//!
//! Invariant: rows are numbered without gaps in the order in which batches were submitted; a row is there
//! whole or not at all. An image of a performance written in row k contains every change of it in rows before
//! k; changes it already contains are told by their positions.

use onsale_app::{history::History, ports::StoreError};
use onsale_domain::{
    changes::Recorded,
    ids::{EventId, PerformanceId},
    inventory::Image,
    time::Timestamp,
    waiting_room::{RoomChange, RoomImage},
};
use serde::{Deserialize, Serialize};

pub mod sqlite;
pub mod volatile;

/// Layout of the encoded rows. A journal of another layout is refused, never guessed at.
pub(super) const FORMAT: u8 = 1;

/// Layout of images. Those of the first had no marks of keys.
pub(super) const IMAGE_FORMAT: u8 = 2;

/// A change of a waiting room with its place in history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRoom {
    /// Whose room.
    pub event: EventId,
    /// Which change of it, from 1.
    pub offset: u64,
    /// The number of the command that caused it; one counter for rooms and performances.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: RoomChange,
}

/// What one commit writes.
#[derive(Debug, Default)]
pub struct Batch {
    /// Changes of any performances, in the order of their sequence numbers.
    pub changes: Vec<Recorded>,
    /// Performances put in place or checkpointed.
    pub images: Vec<(PerformanceId, Image)>,
    /// Changes of any waiting rooms, in the order of their sequence numbers.
    pub rooms: Vec<RecordedRoom>,
    /// Waiting rooms begun or checkpointed.
    pub room_images: Vec<RoomImage>,
    /// Set where the drain has advanced: rows up to here are in the ledger.
    pub drained_to: Option<u64>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.images.is_empty()
            && self.rooms.is_empty()
            && self.room_images.is_empty()
            && self.drained_to.is_none()
    }

    /// The last command in it.
    pub fn last_sequence(&self) -> Option<u64> {
        let change = self.changes.last().map(|change| change.sequence);
        change.max(self.rooms.last().map(|change| change.sequence))
    }
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It is surely not on disk, and writing may work later: the disk is full.
    #[error("journal not writable: {0}")]
    Refused(String),
    /// Whether it is on disk cannot be known (a failed fsync). The process must end and replay.
    #[error("journal in an unknown state: {0}")]
    Unknown(String),
}

/// What a journal has kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// The newest image of every performance, and the row it was written in.
    pub images: Vec<(PerformanceId, u64, Image)>,
    /// The newest image of every waiting room, and the row it was written in.
    pub room_images: Vec<(u64, RoomImage)>,
    /// Rows up to this one are in the ledger.
    pub drained_to: u64,
    /// The number of the last row.
    pub last_row: u64,
    /// The highest sequence number used.
    pub last_sequence: u64,
}

/// The writing side; used by one thread.
pub trait Journal: Send {
    /// Writes a batch durably; gives the number of its row.
    fn append(&mut self, batch: &Batch) -> Result<u64, JournalError>;

    /// Finds out whether writing works again, without recording anything.
    fn probe(&mut self) -> Result<(), JournalError>;

    /// A reader of the same journal.
    fn reader(&self) -> Result<Box<dyn JournalReader>, StoreError>;

    /// What merges the traces of commits into the journal, on a thread of its own, now and then.
    fn tidier(&self) -> Result<Tidier, StoreError>;
}

/// One run of tidying. It never delays a commit for longer than a page write.
pub type Tidier = Box<dyn FnMut() + Send>;

/// Rows as read back: the number of each and its changes.
pub type Rows = Vec<(u64, Vec<Recorded>)>;

/// As [`Rows`], for waiting rooms.
pub type RoomRows = Vec<(u64, Vec<RecordedRoom>)>;

/// The reading side.
pub trait JournalReader: Send {
    /// Images and counters.
    fn kept(&mut self) -> Result<Kept, StoreError>;

    /// The rows behind `after`, in order, until there are `max_changes` changes or no more rows.
    fn rows(&mut self, after: u64, max_changes: usize) -> Result<Rows, StoreError>;

    /// As [`JournalReader::rows`], for waiting rooms; rows without such changes are left out.
    fn room_rows(&mut self, after: u64, max_changes: usize) -> Result<RoomRows, StoreError>;
}

/// Rows are read in portions of about so many changes.
pub(super) const PORTION: usize = 50_000;

/// Goes through all that happened.
pub fn history(reader: &mut dyn JournalReader) -> Result<History, StoreError> {
    let kept = reader.kept()?;
    let checkpoints = kept.images.into_iter().map(|(performance, _, image)| (performance, image));
    let rooms = kept.room_images.into_iter().map(|(_, image)| image);
    let mut history = History::new(checkpoints, rooms, kept.drained_to);
    let mut after = 0;
    loop {
        let rows = reader.rows(after, PORTION)?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for (row, changes) in &rows {
            history.look_at(*row, changes);
        }
    }
    after = 0;
    loop {
        let rows = reader.room_rows(after, PORTION)?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for recorded in rows.iter().flat_map(|(_, changes)| changes) {
            history.look_at_room(recorded.event, recorded.offset, &recorded.change);
        }
    }
    history.end();
    Ok(history)
}
