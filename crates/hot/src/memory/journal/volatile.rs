//! A journal in memory, for simulations: "durable" means that it outlives the store, not the process.
//!
//! Invariant: keeps the contract of [`Journal`] in every other respect, refusals by command included.

use std::sync::Arc;

use onsale_app::ports::StoreError;
use onsale_domain::{ids::PerformanceId, inventory::Image, waiting_room::RoomImage};
use parking_lot::Mutex;

use super::{Batch, Journal, JournalError, JournalReader, Kept, RoomRows, Rows, Tidier};

#[derive(Default)]
struct Disk {
    rows: Rows,
    images: Vec<(PerformanceId, u64, Image)>,
    room_rows: RoomRows,
    room_images: Vec<(u64, RoomImage)>,
    drained_to: u64,
    last_row: u64,
    full: bool,
}

/// The "disk". Clones share it; a store opened on a clone after a crash finds what was committed.
#[derive(Clone, Default)]
pub struct VolatileJournal {
    disk: Arc<Mutex<Disk>>,
}

impl VolatileJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another one, with the first `rows` rows of this: the disk as it would be had the process ended after them.
    #[must_use]
    pub fn cut(&self, rows: u64) -> Self {
        let disk = self.disk.lock();
        let cut = Disk {
            rows: disk.rows.iter().filter(|(row, _)| *row <= rows).cloned().collect(),
            images: disk.images.iter().filter(|(_, row, _)| *row <= rows).cloned().collect(),
            room_rows: disk.room_rows.iter().filter(|(row, _)| *row <= rows).cloned().collect(),
            room_images: disk.room_images.iter().filter(|(row, _)| *row <= rows).cloned().collect(),
            drained_to: disk.drained_to.min(rows),
            last_row: disk.last_row.min(rows),
            full: false,
        };
        Self { disk: Arc::new(Mutex::new(cut)) }
    }

    /// How many rows there are.
    pub fn last_row(&self) -> u64 {
        self.disk.lock().last_row
    }

    /// Makes every write fail as on a full disk, or work again.
    pub fn set_full(&self, full: bool) {
        self.disk.lock().full = full;
    }
}

impl Journal for VolatileJournal {
    fn append(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        let mut disk = self.disk.lock();
        if disk.full {
            return Err(JournalError::Refused("no space left".into()));
        }
        disk.last_row += 1;
        let row = disk.last_row;
        disk.rows.push((row, batch.changes.clone()));
        for (performance, image) in &batch.images {
            disk.images.retain(|(kept, _, _)| kept != performance);
            disk.images.push((*performance, row, image.clone()));
        }
        if !batch.rooms.is_empty() {
            disk.room_rows.push((row, batch.rooms.clone()));
        }
        for image in &batch.room_images {
            disk.room_images.retain(|(_, kept)| kept.event != image.event);
            disk.room_images.push((row, image.clone()));
        }
        if let Some(drained_to) = batch.drained_to {
            disk.drained_to = disk.drained_to.max(drained_to);
        }
        Ok(row)
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        if self.disk.lock().full { Err(JournalError::Refused("no space left".into())) } else { Ok(()) }
    }

    fn reader(&self) -> Result<Box<dyn JournalReader>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    fn tidier(&self) -> Result<Tidier, StoreError> {
        Ok(Box::new(|| {}))
    }
}

impl JournalReader for VolatileJournal {
    fn kept(&mut self) -> Result<Kept, StoreError> {
        let disk = self.disk.lock();
        let of_changes = disk.rows.iter().flat_map(|(_, changes)| changes).map(|change| change.sequence);
        let of_rooms = disk.room_rows.iter().flat_map(|(_, changes)| changes).map(|change| change.sequence);
        let last_sequence = of_changes.chain(of_rooms).max().unwrap_or(0);
        Ok(Kept {
            images: disk.images.clone(),
            room_images: disk.room_images.clone(),
            drained_to: disk.drained_to,
            last_row: disk.last_row,
            last_sequence,
        })
    }

    fn rows(&mut self, after: u64, max_changes: usize) -> Result<Rows, StoreError> {
        let disk = self.disk.lock();
        let mut rows = Rows::new();
        let mut count = 0;
        for (row, changes) in disk.rows.iter().filter(|(row, _)| *row > after) {
            if count >= max_changes {
                break;
            }
            count += changes.len();
            rows.push((*row, changes.clone()));
        }
        Ok(rows)
    }

    fn room_rows(&mut self, after: u64, max_changes: usize) -> Result<RoomRows, StoreError> {
        let disk = self.disk.lock();
        let mut rows = RoomRows::new();
        let mut count = 0;
        for (row, changes) in disk.room_rows.iter().filter(|(row, _)| *row > after) {
            if count >= max_changes {
                break;
            }
            count += changes.len();
            rows.push((*row, changes.clone()));
        }
        Ok(rows)
    }
}
