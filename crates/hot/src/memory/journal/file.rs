//! The journal in files that are only ever appended to: one row a commit, one write and one fsync.
//!
//! A record is written behind the last one, into a segment that was filled with zeros beforehand
//! ([`segments`]), and fdatasync then has only these bytes to bring to disk. Rows are kept; nothing trims them.
//!
//! Invariants:
//! - `append` returns only after the fsync, and only then are its rows shown to readers;
//! - a write that fails is surely not a row on disk: what there may be of it does not pass the checksum, and is written
//!   over before or with the next row;
//! - after an fsync that failed nothing is known, and nothing is written any more.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use onsale_app::ports::StoreError;
use parking_lot::Mutex;

use super::{Batch, Journal, JournalError, JournalReader, Tidier};
use reader::FileReader;
use records::{Counters, Newest, Place, Record};
use recovery::Found;
use segments::{Segment, Segments};

mod reader;
mod records;
mod recovery;
mod segments;
#[cfg(test)]
mod tests;

/// The length of a segment, in bytes: what a rush writes in about three seconds.
const SEGMENT: u64 = 16 << 20;

/// A journal in a folder.
pub struct FileJournal {
    shared: Arc<Shared>,
    /// Where the next row goes; `None` before the first.
    tail: Option<Tail>,
    /// The next segment could not be made when it was needed.
    lacks_segment: bool,
    /// The fsync that failed.
    unknown: Option<String>,
    /// The record that is being written; kept for its room.
    record: Vec<u8>,
}

/// The segment that is being written.
struct Tail {
    segment: Segment,
    /// Bytes of it that are used.
    used: u64,
    /// A failed write may have left something behind these, up to here.
    soiled_to: u64,
}

/// What the writer, the readers and the tidier share.
struct Shared {
    folder: PathBuf,
    segments: Segments,
    written: Mutex<Written>,
}

/// What is on disk.
#[derive(Clone)]
struct Written {
    /// The first row of each segment; segment n is the n-1st.
    first_rows: Vec<u64>,
    /// Bytes of the last segment that are used.
    end: u64,
    /// Bytes of the last segment.
    capacity: u64,
    counters: Counters,
    newest: Newest,
}

impl FileJournal {
    /// Opens or creates the journal in the folder `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let former = path.with_extension("db");
        if former.exists() {
            return Err(StoreError::corrupt(format!(
                "{} is a journal of a former version, which this one does not read; once the former version has been \
                 started and stopped, the ledger has all of it: then remove the file",
                former.display()
            )));
        }
        Self::with_segments_of(path, SEGMENT)
    }

    fn with_segments_of(path: &Path, bytes: u64) -> Result<Self, StoreError> {
        let make_folder = || {
            fs::create_dir_all(path)?;
            path.parent().filter(|parent| parent.is_dir()).map_or(Ok(()), segments::sync_folder)
        };
        make_folder().map_err(StoreError::unavailable)?;
        let Found { first_rows, current, end, counters, newest, spare } = recovery::recover(path)?;
        let (taken, capacity) = current.as_ref().map_or((0, 0), |segment| (segment.number, segment.capacity));
        let shared = Shared {
            folder: path.to_owned(),
            segments: Segments::new(path.to_owned(), bytes, taken, spare),
            written: Mutex::new(Written { first_rows, end, capacity, counters, newest }),
        };
        if current.is_none() {
            // The first commit need not wait for it.
            shared.segments.prepare().map_err(StoreError::unavailable)?;
        }
        Ok(Self {
            shared: Arc::new(shared),
            tail: current.map(|segment| Tail { segment, used: end, soiled_to: end }),
            lacks_segment: false,
            unknown: None,
            record: Vec::new(),
        })
    }

    /// Writes the record as the first one of a segment, and goes on to that: the next one, if rows are in the present.
    fn begin_segment(&mut self, counters: Counters, batch: &Batch) -> Result<(), JournalError> {
        let newest = self.shared.written.lock().newest.clone();
        Record::write(&mut self.record, counters, batch, Some(&newest))?;
        let bytes = self.record.len() as u64;
        let next = match self.tail.as_ref().filter(|tail| tail.used == 0) {
            Some(unused) if unused.segment.capacity >= bytes => return Ok(()),
            Some(unused) => self.shared.segments.replace(&unused.segment, bytes),
            None => self.shared.segments.take(bytes),
        };
        self.lacks_segment = next.is_err();
        let segment = next.map_err(|error| refused("no further segment", &error))?;
        self.tail = Some(Tail { segment, used: 0, soiled_to: 0 });
        Ok(())
    }

    fn is_known(&self) -> Result<(), JournalError> {
        self.unknown.clone().map_or(Ok(()), |cause| Err(JournalError::Unknown(cause)))
    }
}

impl Tail {
    /// Writes zeros over what a failed write may have left.
    fn clean(&mut self) -> Result<(), JournalError> {
        let soiled = usize::try_from(self.soiled_to - self.used).unwrap_or(0);
        if soiled > 0 {
            let wiped = self.segment.file.write_all_at(&vec![0; soiled], self.used);
            wiped.map_err(|error| refused("what was not written whole cannot be wiped out", &error))?;
            self.soiled_to = self.used;
        }
        Ok(())
    }

    /// Writes a record behind the last one, durably.
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        self.clean()?;
        let end = self.used + record.len() as u64;
        self.soiled_to = end;
        self.segment.file.write_all_at(record, self.used).map_err(|error| refused("not written", &error))?;
        // From here on nobody can say what is on disk, unless this says so.
        self.segment.file.sync_data().map_err(|error| JournalError::Unknown(error.to_string()))?;
        self.used = end;
        Ok(())
    }
}

fn refused(what: &str, error: &std::io::Error) -> JournalError {
    JournalError::Refused(format!("{what}: {error}"))
}

impl Journal for FileJournal {
    fn append(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        self.is_known()?;
        let counters = self.shared.written.lock().counters.after(batch);
        Record::write(&mut self.record, counters, batch, None)?;
        let has_room = |tail: &Tail| tail.segment.capacity - tail.used >= self.record.len() as u64;
        if !self.tail.as_ref().is_some_and(|tail| tail.used > 0 && has_room(tail)) {
            self.begin_segment(counters, batch)?;
        }
        let Some(tail) = &mut self.tail else {
            return Err(JournalError::Refused("no segment".into()));
        };
        let begins_at = tail.used;
        if let Err(error) = tail.append(&self.record) {
            if let JournalError::Unknown(cause) = &error {
                self.unknown = Some(cause.clone());
            }
            return Err(error);
        }
        let mut written = self.shared.written.lock();
        if begins_at == 0 {
            written.first_rows.push(counters.row);
            written.capacity = tail.segment.capacity;
        }
        written.end = tail.used;
        written.counters = counters;
        let place = Place { segment: tail.segment.number, offset: begins_at, row: counters.row };
        written.newest.note(batch, place);
        Ok(counters.row)
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.is_known()?;
        self.tail.as_mut().map_or(Ok(()), Tail::clean)?;
        if self.lacks_segment {
            self.shared.segments.prepare().map_err(|error| refused("no further segment", &error))?;
            self.lacks_segment = false;
        }
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn JournalReader>, StoreError> {
        Ok(Box::new(FileReader::new(Arc::clone(&self.shared))))
    }

    fn tidier(&self) -> Result<Tidier, StoreError> {
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(move || {
            let is_half_full = {
                let written = shared.written.lock();
                written.end > written.capacity / 2
            };
            if is_half_full && let Err(error) = shared.segments.prepare() {
                tracing::warn!(%error, "no segment of the journal can be made ahead; trying again later");
            }
        }))
    }
}
