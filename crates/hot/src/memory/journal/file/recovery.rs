//! Finding the end of a journal when it is opened.
//!
//! The last row may be torn: the process or the machine ended while it was being written. Nobody was told of it, and it
//! is wiped out. Only one row is ever being written, so a row that can be read with a number further on means that what
//! stands before it is damage to something that somebody was told of; then the journal is refused.
//!
//! Invariants:
//! - behind the last row there are only zeros;
//! - the last row is on disk before anybody hears of it: it is written once more, because after a process that was
//!   killed, or an fsync that failed, the page cache may show what the disk does not have.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use onsale_app::ports::StoreError;

use super::{
    records::{Counters, FORMAT, HEAD, MAGIC, Newest, Part, Place, Record, Unreadable},
    segments::{self, Segment},
};

/// What there is in a folder.
pub(super) struct Found {
    /// The first row of each segment in use.
    pub(super) first_rows: Vec<u64>,
    /// The last one of them; `None`: an empty journal.
    pub(super) current: Option<Segment>,
    /// Bytes of it that are used.
    pub(super) end: u64,
    pub(super) counters: Counters,
    pub(super) newest: Newest,
    /// The one behind it, made ahead and not used.
    pub(super) spare: Option<Segment>,
}

/// Finds the end of the journal in a folder, and mends it.
pub(super) fn recover(folder: &Path) -> Result<Found, StoreError> {
    let numbers = segments::list(folder).map_err(StoreError::unavailable)?;
    if let Some((missing, _)) = (1..).zip(&numbers).find(|(expected, number)| expected != *number) {
        return Err(StoreError::corrupt(format!("segment {missing} of the journal is missing")));
    }
    let mut found = Found {
        first_rows: Vec::new(),
        current: None,
        end: 0,
        counters: Counters::default(),
        newest: Newest::default(),
        spare: None,
    };
    let read = |number: u64| fs::read(segments::path(folder, number)).map_err(StoreError::unavailable);
    let mut unused = Vec::new();
    for number in numbers.iter().rev() {
        let bytes = read(*number)?;
        match Record::read(&bytes) {
            Err(Unreadable::Damaged) => unused.push(*number),
            Err(Unreadable::Format(format)) => return Err(unknown(format)),
            Ok(first) => {
                let segment = segments::open(folder, *number).map_err(StoreError::unavailable)?;
                found.newest = first.part(Part::Newest)?;
                let last = scan(&mut found, *number, &bytes, first.counters.row)?;
                rewrite(&segment, &bytes, last, found.end as usize).map_err(StoreError::unavailable)?;
                found.current = Some(segment);
                break;
            }
        }
    }
    let current = found.current.as_ref().map_or(0, |segment| segment.number);
    for number in unused {
        let bytes = read(number)?;
        no_row_is_behind(&bytes, 0, found.counters.row + 1, number)?;
        let segment = segments::open(folder, number).map_err(StoreError::unavailable)?;
        if wipe(&segment, &bytes, 0).map_err(StoreError::unavailable)? {
            segment.file.sync_data().map_err(StoreError::unavailable)?;
        }
        if number == current + 1 {
            found.spare = Some(segment);
        }
    }
    found.first_rows =
        (1..=current).map(|number| first_row(&segments::path(folder, number))).collect::<Result<_, _>>()?;
    if !found.first_rows.is_sorted_by(|one, next| one < next) {
        return Err(StoreError::corrupt("the segments of the journal are not in order"));
    }
    Ok(found)
}

/// Goes through the rows of the last segment. Gives where the last of them begins.
fn scan(found: &mut Found, segment: u64, bytes: &[u8], first_row: u64) -> Result<usize, StoreError> {
    let (mut last, mut at) = (0, 0);
    let mut row = first_row;
    loop {
        match Record::read(&bytes[at..]) {
            Ok(record) if record.counters.row == row => {
                record.note_images(&mut found.newest, Place { segment, offset: at as u64, row })?;
                found.counters = record.counters;
                last = at;
                at += record.length;
                row += 1;
            }
            Err(Unreadable::Format(format)) => return Err(unknown(format)),
            Ok(_) | Err(Unreadable::Damaged) => break,
        }
    }
    found.end = at as u64;
    no_row_is_behind(bytes, at, row, segment)?;
    Ok(last)
}

/// Refuses a journal in which, behind the row that cannot be read, there is a later one that can.
fn no_row_is_behind(bytes: &[u8], from: usize, row: u64, segment: u64) -> Result<(), StoreError> {
    let mut at = from;
    while let Some(written) = segments::first_written(bytes, at) {
        let Some(next) = bytes[written..].windows(MAGIC.len()).position(|window| window == MAGIC) else {
            return Ok(());
        };
        at = written + next;
        if let Ok(record) = Record::read(&bytes[at..])
            && record.counters.row > row
        {
            return Err(StoreError::corrupt(format!(
                "row {row} in segment {segment} of the journal is damaged, and there are later ones"
            )));
        }
        at += 1;
    }
    Ok(())
}

/// Writes the last row once more, wipes out what is behind it, and sees to it that this is on disk.
fn rewrite(segment: &Segment, bytes: &[u8], last: usize, end: usize) -> io::Result<()> {
    segment.file.write_all_at(&bytes[last..end], last as u64)?;
    wipe(segment, bytes, end)?;
    segment.file.sync_data()
}

/// Writes zeros from `from` to the last byte that is not zero. Gives whether there was one.
fn wipe(segment: &Segment, bytes: &[u8], from: usize) -> io::Result<bool> {
    if segments::first_written(bytes, from).is_none() {
        return Ok(false);
    }
    let torn = bytes[from..].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    tracing::warn!(segment = segment.number, bytes = torn, "a row that was not written whole is wiped out");
    segment.file.write_all_at(&vec![0; torn], from as u64)?;
    Ok(true)
}

fn first_row(path: &Path) -> Result<u64, StoreError> {
    let mut head = [0; HEAD];
    let mut file = fs::File::open(path).map_err(StoreError::unavailable)?;
    file.read_exact(&mut head).map_err(StoreError::corrupt)?;
    Record::row_of(&head).ok_or_else(|| StoreError::corrupt(format!("{} has no beginning", path.display())))
}

fn unknown(format: u8) -> StoreError {
    StoreError::corrupt(format!("journal format {format}, this version reads {FORMAT}"))
}
