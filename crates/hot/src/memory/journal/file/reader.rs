//! Reading rows back, while the writer goes on.
//!
//! Invariant: nothing is read behind what the writer has said is on disk, so what is read never changes and may be kept.
//! Each row is checked, and is the one that follows the one before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    sync::Arc,
};

use onsale_app::ports::StoreError;
use serde::de::DeserializeOwned;

use super::{
    super::{JournalReader, Kept, RoomRows, Rows},
    Shared, Written,
    records::{FORMAT, HEAD, Part, Place, Record, Unreadable},
    segments,
};

/// How much is read at once, in bytes.
const WINDOW: usize = 256 << 10;

/// A reader of its own.
pub(super) struct FileReader {
    shared: Arc<Shared>,
    window: Window,
    /// Where the last answer began and ended, so that the next one need not look for its beginning.
    known: [Option<Place>; 2],
}

/// Up to where may be read.
struct Extent {
    last_row: u64,
    last_segment: u64,
    /// Bytes of the last segment.
    end: u64,
    /// Which segment the first rows are of.
    from_segment: u64,
    first_rows: Vec<u64>,
}

impl Extent {
    fn new(written: &Written, from_segment: u64) -> Self {
        Self {
            last_row: written.counters.row,
            last_segment: written.first_rows.len() as u64,
            end: written.end,
            from_segment,
            first_rows: written.first_rows.get(from_segment as usize - 1..).unwrap_or_default().to_vec(),
        }
    }

    /// The same place, or where its row is if that begins the next segment.
    fn across(&self, place: Place) -> Place {
        let next = self.first_rows.get((place.segment - self.from_segment) as usize + 1);
        if next == Some(&place.row) {
            Place { segment: place.segment + 1, offset: 0, row: place.row }
        } else {
            place
        }
    }
}

impl FileReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let window = Window { folder: shared.folder.clone(), ..Window::default() };
        Self { shared, window, known: [None; 2] }
    }

    /// Where a row is, or as near before it as is known.
    fn near(&self, row: u64, written: &Written) -> Option<Place> {
        let segment = written.first_rows.partition_point(|first| *first <= row);
        let first = *written.first_rows.get(segment.checked_sub(1)?)?;
        let known = self.known.iter().flatten().filter(|known| known.row <= row && known.row >= first);
        let nearest = known.max_by_key(|known| known.row).copied();
        Some(nearest.unwrap_or(Place { segment: segment as u64, offset: 0, row: first }))
    }

    /// Gives the rows behind `after` to `visit`, in order, until it says that it has enough.
    fn walk(
        &mut self,
        after: u64,
        mut visit: impl FnMut(&Record<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let (mut place, extent) = {
            let written = self.shared.written.lock();
            match self.near(after + 1, &written).filter(|_| written.counters.row > after) {
                None => return Ok(()),
                Some(place) => (place, Extent::new(&written, place.segment)),
            }
        };
        let mut begun_at = None;
        let mut wants_more = true;
        while wants_more && place.row <= extent.last_row {
            place = extent.across(place);
            let record = self.window.record(place, &extent)?;
            if place.row > after {
                begun_at = begun_at.or(Some(place));
                wants_more = visit(&record)?;
            }
            place = Place { offset: place.offset + record.length as u64, row: place.row + 1, ..place };
        }
        self.known = [begun_at, Some(place)];
        Ok(())
    }

    /// As [`FileReader::walk`], until there are `max` in one part of the rows.
    fn portion<T: DeserializeOwned>(
        &mut self,
        after: u64,
        max: usize,
        part: Part,
    ) -> Result<Vec<(u64, Vec<T>)>, StoreError> {
        let mut rows = Vec::new();
        let mut count = 0;
        self.walk(after, |record| {
            let changes: Vec<T> = record.part(part)?;
            count += changes.len();
            // That a row has nothing for the ledger is worth knowing: it is done with.
            if part == Part::Changes || !changes.is_empty() {
                rows.push((record.counters.row, changes));
            }
            Ok(count < max)
        })?;
        Ok(rows)
    }
}

impl JournalReader for FileReader {
    fn kept(&mut self) -> Result<Kept, StoreError> {
        let written = self.shared.written.lock().clone();
        let extent = Extent::new(&written, 1);
        let newest = &written.newest;
        let places: BTreeSet<Place> =
            newest.performances.values().chain(newest.rooms.values()).copied().collect();
        let (mut images, mut room_images) = (BTreeMap::new(), BTreeMap::new());
        for place in places {
            let record = self.window.record(place, &extent)?;
            for (performance, image) in record.images()? {
                if newest.performances.get(&performance) == Some(&place) {
                    images.insert(performance, (place.row, image));
                }
            }
            for image in record.room_images()? {
                if newest.rooms.get(&image.event) == Some(&place) {
                    room_images.insert(image.event, (place.row, image));
                }
            }
        }
        Ok(Kept {
            images: images.into_iter().map(|(performance, (row, image))| (performance, row, image)).collect(),
            room_images: room_images.into_values().collect(),
            drained_to: written.counters.drained_to,
            last_row: written.counters.row,
            last_sequence: written.counters.last_sequence,
        })
    }

    fn rows(&mut self, after: u64, max_changes: usize) -> Result<Rows, StoreError> {
        self.portion(after, max_changes, Part::Changes)
    }

    fn room_rows(&mut self, after: u64, max_changes: usize) -> Result<RoomRows, StoreError> {
        self.portion(after, max_changes, Part::Rooms)
    }
}

/// Part of a segment, as it was read.
#[derive(Default)]
struct Window {
    folder: PathBuf,
    /// The segment: its number, its file, its length.
    segment: Option<(u64, File, u64)>,
    begins_at: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The row at a place.
    fn record(&mut self, place: Place, extent: &Extent) -> Result<Record<'_>, StoreError> {
        let damaged =
            || StoreError::corrupt(format!("row {} in segment {} is damaged", place.row, place.segment));
        let length = Record::length(self.get(place, HEAD, extent)?).ok_or_else(damaged)?;
        match Record::read(self.get(place, length, extent)?) {
            Ok(record) if record.counters.row == place.row => Ok(record),
            Ok(_) | Err(Unreadable::Damaged) => Err(damaged()),
            Err(Unreadable::Format(format)) => {
                Err(StoreError::corrupt(format!("journal format {format}, this version reads {FORMAT}")))
            }
        }
    }

    /// So many bytes from a place on.
    fn get(&mut self, place: Place, count: usize, extent: &Extent) -> Result<&[u8], StoreError> {
        if self.segment.as_ref().is_none_or(|(number, ..)| *number != place.segment) {
            let path = segments::path(&self.folder, place.segment);
            let file = File::open(path).map_err(StoreError::unavailable)?;
            let length = file.metadata().map_err(StoreError::unavailable)?.len();
            self.segment = Some((place.segment, file, length));
            self.bytes.clear();
        }
        let (file, length) = match &self.segment {
            Some((_, file, length)) => (file, *length),
            None => return Err(StoreError::unavailable("no segment")),
        };
        let within = place.offset.checked_sub(self.begins_at).map_or(usize::MAX, |within| within as usize);
        if within.checked_add(count).is_none_or(|to| to > self.bytes.len()) {
            let end = if place.segment == extent.last_segment { extent.end.min(length) } else { length };
            let there = end.saturating_sub(place.offset) as usize;
            if there < count {
                return Err(StoreError::corrupt(format!("row {} is longer than its segment", place.row)));
            }
            self.bytes.resize(there.min(WINDOW.max(count)), 0);
            self.begins_at = place.offset;
            let read = file.read_exact_at(&mut self.bytes, place.offset);
            if let Err(error) = read {
                self.bytes.clear();
                return Err(StoreError::unavailable(error));
            }
            return Ok(&self.bytes[..count]);
        }
        Ok(&self.bytes[within..within + count])
    }
}
