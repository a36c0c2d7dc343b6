//! The files of the journal: numbered segments, each written full of zeros before it is used.
//!
//! A commit into blocks that the file has already and that have been written before costs about 60 % of one that makes
//! the file longer or fills blocks that are only reserved: there is no metadata to write along. So a segment is made
//! ahead, by the tidier, while the one before it is filling.
//!
//! Invariant: a segment has its name only once all of it is on disk, so no commit ever waits for anything but its own
//! bytes, and a full disk is noticed while nothing is at stake.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

/// What a segment is made of, a piece at a time.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// A segment to write to.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: File,
    /// From 1.
    pub(super) number: u64,
    /// How many bytes it has.
    pub(super) capacity: u64,
}

/// The folder, and the segment that has been made ahead.
pub(super) struct Segments {
    folder: PathBuf,
    /// How long a segment is, unless a single row needs more.
    segment_bytes: u64,
    /// Held while one is being made, so that it is made once.
    ahead: Mutex<Ahead>,
}

struct Ahead {
    /// The last segment that the writer has; none of this or a lower number may be made again behind its back.
    taken: u64,
    spare: Option<Segment>,
}

impl Segments {
    /// For a journal whose last segment in use is `taken`, 0 for none.
    pub(super) fn new(folder: PathBuf, segment_bytes: u64, taken: u64, spare: Option<Segment>) -> Self {
        Self { folder, segment_bytes, ahead: Mutex::new(Ahead { taken, spare }) }
    }

    /// Makes the next segment ahead, if it is not there.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let mut ahead = self.ahead.lock();
        if ahead.spare.is_none() {
            ahead.spare = Some(make(&self.folder, ahead.taken + 1, self.segment_bytes)?);
        }
        Ok(())
    }

    /// The next segment, with room for `bytes`: the one made ahead, or else a new one.
    pub(super) fn take(&self, bytes: u64) -> io::Result<Segment> {
        let mut ahead = self.ahead.lock();
        let next = match ahead.spare.take_if(|spare| spare.capacity >= bytes) {
            Some(spare) => spare,
            None => make(&self.folder, ahead.taken + 1, self.segment_bytes.max(bytes))?,
        };
        // One that was too short has been replaced.
        *ahead = Ahead { taken: next.number, spare: None };
        Ok(next)
    }

    /// A longer one in place of one that was taken and holds no row.
    pub(super) fn replace(&self, unused: &Segment, bytes: u64) -> io::Result<Segment> {
        let _ahead = self.ahead.lock();
        make(&self.folder, unused.number, self.segment_bytes.max(bytes))
    }
}

/// The path of a segment.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.journal"))
}

/// Makes a segment of zeros, and sees to it that it is on disk. Replaces one of the same number, which must not have
/// been used.
fn make(folder: &Path, number: u64, capacity: u64) -> io::Result<Segment> {
    let being_made = folder.join(format!("{number:08}.making"));
    let result = fill(&being_made, capacity).and_then(|file| {
        fs::rename(&being_made, path(folder, number))?;
        sync_folder(folder)?;
        Ok(Segment { file, number, capacity })
    });
    if result.is_err() {
        // What there is of it takes room that somebody may need.
        drop(fs::remove_file(&being_made));
    }
    result
}

fn fill(path: &Path, capacity: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    let mut left = capacity;
    while left > 0 {
        let piece = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&ZEROS[..piece])?;
        left -= piece as u64;
    }
    file.sync_all()?;
    Ok(file)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The numbers of the segments in a folder, in order; removes what was being made when the process ended.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("making") => fs::remove_file(&path)?,
            Some("journal") => numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok())),
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Opens a segment to write to it.
pub(super) fn open(folder: &Path, number: u64) -> io::Result<Segment> {
    let file = OpenOptions::new().write(true).open(path(folder, number))?;
    let capacity = file.metadata()?.len();
    Ok(Segment { file, number, capacity })
}

/// The first byte at or behind `from` that is not zero.
pub(super) fn first_written(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.min(bytes.len());
    // Compared by the block: a segment is mostly zeros, and this is done at every start.
    for block in bytes[at..].chunks(4096) {
        if *block != ZEROS[..block.len()] {
            return block.iter().position(|byte| *byte != 0).map(|within| at + within);
        }
        at += block.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_was_written_is_found_wherever_it_is() {
        let mut bytes = vec![0; 10_000];
        assert_eq!(first_written(&bytes, 0), None);
        for at in [9_999, 8_192, 4_096, 4_095, 1, 0] {
            bytes[at] = 1;
            assert_eq!(first_written(&bytes, 0), Some(at));
            assert_eq!(first_written(&bytes, at), Some(at));
        }
        assert_eq!(first_written(&bytes, 4_097), Some(8_192));
        assert_eq!(first_written(&bytes, 20_000), None);
    }

    #[test]
    fn a_segment_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let segments = Segments::new(folder.path().to_owned(), 10_000, 0, None);
        fs::write(folder.path().join("00000009.making"), "cut off").unwrap();
        fs::write(folder.path().join("note.txt"), "somebody's").unwrap();
        segments.prepare().unwrap();
        let spare = fs::metadata(path(folder.path(), 1)).unwrap().created().unwrap();
        segments.prepare().unwrap();
        assert_eq!(fs::metadata(path(folder.path(), 1)).unwrap().created().unwrap(), spare);
        let first = segments.take(10_000).unwrap();
        assert_eq!((first.number, first.capacity), (1, 10_000));
        segments.prepare().unwrap();
        let second = segments.take(10_001).unwrap();
        assert_eq!(
            (second.number, second.capacity),
            (2, 10_001),
            "the one made ahead is too short for the row"
        );
        assert_eq!(segments.replace(&second, 10_002).unwrap().number, 2);
        assert_eq!(list(folder.path()).unwrap(), [1, 2]);
        assert!(folder.path().join("note.txt").exists() && !folder.path().join("00000009.making").exists());
        assert_eq!(open(folder.path(), 2).unwrap().capacity, 10_002);
        assert!(fs::read(path(folder.path(), 1)).unwrap().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn where_no_segment_can_be_made_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        // Every write to it fails as on a full disk.
        std::os::unix::fs::symlink("/dev/full", folder.path().join("00000001.making")).unwrap();
        let segments = Segments::new(folder.path().to_owned(), 10_000, 0, None);
        assert_eq!(segments.prepare().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        segments.prepare().unwrap();
    }
}
