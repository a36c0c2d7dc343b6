//! A journal in memory, for simulations: "durable" means that it outlives the store, not the process.
//!
//! Invariant: keeps the contract of [`Journal`] in every other respect, refusals by command included.

use std::sync::Arc;

use onsale_app::ports::StoreError;
use onsale_domain::{ids::PerformanceId, inventory::Image};
use parking_lot::Mutex;

use super::{Batch, Journal, JournalError, JournalReader, Kept, Rows, Tidier};

#[derive(Default)]
struct Disk {
    rows: Rows,
    images: Vec<(PerformanceId, u64, Image)>,
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
        let last_sequence = disk
            .rows
            .iter()
            .flat_map(|(_, changes)| changes)
            .map(|change| change.sequence)
            .max()
            .unwrap_or(0);
        Ok(Kept {
            images: disk.images.clone(),
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
}
