//! What a journal in files does where the disk, the process or a bit fails it.

use std::fs::{File, OpenOptions};

use onsale_domain::{
    changes::{Change, Recorded},
    ids::{AccountId, EventId, PerformanceId, ReservationId},
    inventory::Image,
    position::Position,
    seating::{Layout, SeatingPlan},
    time::Timestamp,
    units::{Unit, Units},
    waiting_room::{Place as QueuePlace, RoomChange, RoomImage, Secret},
};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    super::{Kept, RecordedRoom},
    *,
};

/// Segments as short as these are left behind every few rows.
const SHORT: u64 = 500;

fn performance(n: u128) -> PerformanceId {
    PerformanceId(Uuid::from_u128(n))
}

fn change(sequence: u64) -> Recorded {
    Recorded {
        performance: performance(7),
        position: Position { epoch: 1, offset: sequence as u32 },
        sequence,
        at: Timestamp(1_000),
        change: Change::Held {
            hold: ReservationId(Uuid::from_u128(u128::from(sequence))),
            owner: AccountId(Uuid::from_u128(9)),
            units: Units::from_slice(&[Unit(sequence as u32)]),
            expires_at: Timestamp(2_000),
            key: None,
        },
    }
}

/// One change, the row of which is its sequence.
fn batch(sequence: u64) -> Batch {
    Batch { changes: vec![change(sequence)], ..Batch::default() }
}

fn batch_of(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    Batch { changes: sequences.map(change).collect(), ..Batch::default() }
}

fn room_image(n: u128) -> RoomImage {
    RoomImage::empty(EventId(Uuid::from_u128(n)), 1, Secret([3; 32]))
}

fn image(epoch: u32) -> Image {
    Image::untouched(Layout::new(&SeatingPlan::grid(1, 20).unwrap(), &[]), epoch)
}

struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn segment(&self, number: u64) -> PathBuf {
        segments::path(&self.path(), number)
    }

    fn try_open(&self) -> Result<FileJournal, StoreError> {
        FileJournal::with_segments_of(&self.path(), SHORT)
    }

    fn open(&self) -> FileJournal {
        self.try_open().unwrap()
    }

    /// A journal with these rows, one change each.
    fn with_rows(rows: u64) -> Self {
        let scene = Self::new();
        let mut journal = scene.open();
        for row in 1..=rows {
            assert_eq!(journal.append(&batch(row)).unwrap(), row);
        }
        scene
    }
}

/// The sequences in each row behind `after`.
fn rows_behind(reader: &mut dyn JournalReader, after: u64, max: usize) -> Vec<(u64, Vec<u64>)> {
    let rows = reader.rows(after, max).unwrap();
    let sequences = |changes: Vec<Recorded>| changes.iter().map(|change| change.sequence).collect();
    rows.into_iter().map(|(row, changes)| (row, sequences(changes))).collect()
}

/// Checks that there are exactly these rows, and that the next one follows them and stays.
fn assert_goes_on_behind(scene: &Scene, rows: u64) {
    for expected in [rows, rows + 1] {
        let mut journal = scene.open();
        let mut reader = journal.reader().unwrap();
        let there = rows_behind(reader.as_mut(), 0, usize::MAX);
        assert_eq!(there, (1..=expected).map(|row| (row, vec![row])).collect::<Vec<_>>());
        let kept = reader.kept().unwrap();
        assert_eq!((kept.last_row, kept.last_sequence), (expected, expected));
        if expected == rows {
            assert_eq!(journal.append(&batch(rows + 1)).unwrap(), rows + 1);
        }
    }
}

/// Where the last row begins and ends, in the last segment.
fn last_row(scene: &Scene) -> (PathBuf, usize, usize) {
    let journal = scene.open();
    let written = journal.shared.written.lock();
    let path = scene.segment(written.first_rows.len() as u64);
    let bytes = fs::read(&path).unwrap();
    let (mut begins, mut ends) = (0, 0);
    while let Ok(record) = Record::read(&bytes[ends..]) {
        (begins, ends) = (ends, ends + record.length);
    }
    (path, begins, ends)
}

#[test]
fn rows_are_read_back_across_segments_from_anywhere_and_in_portions() {
    let scene = Scene::with_rows(100);
    let journal = scene.open();
    assert!(journal.shared.written.lock().first_rows.len() > 10, "many segments");
    let mut reader = journal.reader().unwrap();
    for after in (0..=101).chain([50, 3, 99, 51, 0]) {
        for max in [1, 7, usize::MAX] {
            let rows = rows_behind(reader.as_mut(), after, max);
            let to = 100.min(after.saturating_add(max as u64));
            assert_eq!(rows, (after + 1..=to).map(|row| (row, vec![row])).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_reader_sees_rows_as_they_are_written() {
    let scene = Scene::new();
    let mut journal = scene.open();
    let mut reader = journal.reader().unwrap();
    assert!(reader.rows(0, 10).unwrap().is_empty());
    for row in 1..60 {
        journal.append(&batch(row)).unwrap();
        assert_eq!(rows_behind(reader.as_mut(), row - 1, 10), [(row, vec![row])]);
        assert!(reader.rows(row, 10).unwrap().is_empty());
    }
}

#[test]
fn a_reader_on_another_thread_gets_every_row_once_and_in_order() {
    let scene = Scene::new();
    let mut journal = scene.open();
    let mut reader = journal.reader().unwrap();
    let mut tidy = journal.tidier().unwrap();
    let reading = std::thread::spawn(move || {
        let mut after = 0;
        while after < 500 {
            for (row, changes) in reader.rows(after, 5).unwrap() {
                assert_eq!((row, changes), (after + 1, vec![change(after + 1)]));
                after = row;
            }
        }
    });
    let tidying = std::thread::spawn(move || (0..200).for_each(|_| tidy()));
    for row in 1..=500 {
        journal.append(&batch(row)).unwrap();
    }
    reading.join().unwrap();
    tidying.join().unwrap();
    assert_goes_on_behind(&scene, 500);
}

#[test]
fn a_row_torn_at_any_byte_was_never_there() {
    // Once within a segment, once as the first row of one.
    for rows in [4, 5] {
        let scene = Scene::with_rows(rows);
        let (path, begins, ends) = last_row(&scene);
        assert_eq!(begins == 0, rows == 5, "{begins}");
        let whole = fs::read(&path).unwrap();
        for torn_at in begins..ends {
            for from_behind in [false, true] {
                let mut torn = whole.clone();
                // What reached the disk may be the front or the back of it.
                let lost = if from_behind { begins..torn_at + 1 } else { torn_at..ends };
                torn[lost].fill(0);
                if torn == whole {
                    // Zeros were lost that are zeros.
                    continue;
                }
                fs::write(&path, torn).unwrap();
                let journal = scene.open();
                assert_eq!(journal.shared.written.lock().counters.row, rows - 1, "torn at {torn_at}");
                drop(journal);
                let mended = fs::read(&path).unwrap();
                assert!(mended[begins..].iter().all(|byte| *byte == 0), "wiped out");
            }
        }
        assert_goes_on_behind(&scene, rows - 1);
    }
}

#[test]
fn a_flipped_bit_in_the_last_row_is_a_torn_row() {
    let scene = Scene::with_rows(4);
    let (path, begins, ends) = last_row(&scene);
    let whole = fs::read(&path).unwrap();
    for bit in begins * 8..ends * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, flipped).unwrap();
        assert_eq!(scene.open().shared.written.lock().counters.row, 3, "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_in_any_other_row_is_noticed_and_never_skipped() {
    let scene = Scene::with_rows(14);
    let (last, _, _) = last_row(&scene);
    for number in 1..=4 {
        let path = scene.segment(number);
        let whole = fs::read(&path).unwrap();
        let mut ends = 0;
        while let Ok(record) = Record::read(&whole[ends..]) {
            let begins = ends;
            ends += record.length;
            if path == last && Record::read(&whole[ends..]).is_err() {
                break;
            }
            for byte in (begins..ends).step_by(3) {
                let mut flipped = whole.clone();
                flipped[byte] ^= 0x10;
                fs::write(&path, flipped).unwrap();
                let outcome = scene.try_open().and_then(|journal| journal.reader()?.rows(0, usize::MAX));
                assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{number}, byte {byte}: {outcome:?}");
            }
        }
        fs::write(&path, whole).unwrap();
    }
    assert_goes_on_behind(&scene, 14);
}

#[test]
fn a_missing_or_exchanged_segment_is_refused() {
    let scene = Scene::with_rows(20);
    let (first, second) = (scene.segment(1), scene.segment(2));
    let aside = scene.folder.path().join("aside");
    fs::rename(&first, &aside).unwrap();
    assert!(matches!(scene.try_open().err(), Some(StoreError::Corrupt(_))));
    fs::rename(&second, &first).unwrap();
    fs::rename(&aside, &second).unwrap();
    assert!(matches!(scene.try_open().err(), Some(StoreError::Corrupt(_))));
}

#[test]
fn another_format_is_refused_wherever_it_is() {
    for damaged in [1, 3] {
        let scene = Scene::with_rows(3);
        let path = scene.segment(1);
        let mut bytes = fs::read(&path).unwrap();
        let mut at = 0;
        for _ in 1..damaged {
            at += Record::length(&bytes[at..]).unwrap();
        }
        records::tests::set_format(&mut bytes[at..], 77);
        fs::write(&path, &bytes).unwrap();
        let error = scene.try_open().err().unwrap();
        assert_eq!(
            error.to_string(),
            StoreError::corrupt("journal format 77, this version reads 2").to_string()
        );
        assert_eq!(fs::read(&path).unwrap(), bytes, "and left as it is");
    }
}

#[test]
fn a_journal_of_a_former_version_is_refused() {
    let scene = Scene::new();
    fs::write(scene.folder.path().join("journal.db"), "SQLite format 3").unwrap();
    let error = FileJournal::open(&scene.path()).err().unwrap().to_string();
    assert!(error.contains("journal.db") && error.contains("remove the file"), "{error}");
}

#[test]
fn the_newest_images_and_the_counters_are_found_after_any_number_of_segments() {
    let scene = Scene::new();
    let mut journal = scene.open();
    let images = Batch {
        images: vec![(performance(1), image(1)), (performance(2), image(1))],
        room_images: vec![room_image(1)],
        drained_to: Some(0),
        ..Batch::default()
    };
    journal.append(&images).unwrap();
    journal.append(&Batch { images: vec![(performance(1), image(2))], ..Batch::default() }).unwrap();
    let changes = vec![RecordedRoom {
        event: room_image(1).event,
        offset: 1,
        sequence: 1,
        at: Timestamp(5),
        change: RoomChange::Rejoined { place: QueuePlace(4), address: None },
    }];
    journal.append(&Batch { rooms: changes.clone(), ..Batch::default() }).unwrap();
    journal.append(&Batch { drained_to: Some(2), ..batch(2) }).unwrap();
    journal.append(&Batch { drained_to: Some(1), ..Batch::default() }).unwrap();
    for more in [0, 40, 40] {
        for _ in 0..more {
            let sequence = journal.shared.written.lock().counters.last_sequence + 1;
            journal.append(&batch(sequence)).unwrap();
        }
        journal = scene.open();
        let last = journal.shared.written.lock().counters;
        let mut reader = journal.reader().unwrap();
        let Kept { images, room_images, drained_to, last_row, last_sequence } = reader.kept().unwrap();
        assert_eq!(images, [(performance(1), 2, image(2)), (performance(2), 1, image(1))]);
        assert_eq!(room_images, [(1, room_image(1))]);
        assert_eq!((drained_to, last_row, last_sequence), (2, last.row, last.last_sequence));
        assert_eq!(reader.room_rows(0, usize::MAX).unwrap(), [(3, changes.clone())]);
        assert!(reader.room_rows(3, usize::MAX).unwrap().is_empty());
    }
    assert!(journal.shared.written.lock().first_rows.len() > 10);
}

#[test]
fn a_row_longer_than_a_segment_has_one_of_its_own() {
    let scene = Scene::with_rows(1);
    let mut journal = scene.open();
    journal.shared.segments.prepare().unwrap();
    assert_eq!(journal.append(&batch_of(2..=50)).unwrap(), 2);
    assert_eq!(journal.append(&batch_of(51..=51)).unwrap(), 3);
    let journal = scene.open();
    let rows = rows_behind(journal.reader().unwrap().as_mut(), 0, usize::MAX);
    assert_eq!(rows, [(1, vec![1]), (2, (2..=50).collect()), (3, vec![51])]);
}

#[test]
fn where_no_segment_can_be_made_rows_are_refused_and_none_is_lost() {
    let scene = Scene::with_rows(1);
    let mut journal = scene.open();
    // Where there is no folder, there is no room for a segment; what is open stays open.
    let aside = scene.folder.path().join("aside");
    fs::rename(scene.path(), &aside).unwrap();
    let mut last = 1;
    let refused = loop {
        match journal.append(&batch(last + 1)) {
            Ok(row) => last = row,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, JournalError::Refused(cause) if cause.contains("segment")), "{refused}");
    assert!(journal.probe().is_err() && journal.append(&batch(last + 1)).is_err());
    assert_eq!(rows_behind(journal.reader().unwrap().as_mut(), last, 10), []);
    fs::rename(&aside, scene.path()).unwrap();
    journal.probe().unwrap();
    assert_eq!(journal.append(&batch(last + 1)).unwrap(), last + 1);
    assert_goes_on_behind(&scene, last + 1);
}

/// Puts another file in the place of the one being written; gives that.
fn exchange(journal: &mut FileJournal, file: File) -> File {
    std::mem::replace(&mut journal.tail.as_mut().unwrap().segment.file, file)
}

#[test]
fn a_write_that_fails_is_no_row_and_the_next_one_takes_its_place() {
    let scene = Scene::with_rows(2);
    let mut journal = scene.open();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let file = exchange(&mut journal, full);
    let refused = journal.append(&batch_of(3..=4)).unwrap_err();
    assert!(matches!(refused, JournalError::Refused(_)), "{refused}");
    assert!(journal.probe().is_err(), "still full");
    // Half of the refused row has reached the file, as it may.
    let used = journal.tail.as_ref().unwrap().used;
    let half = journal.record.len() / 2;
    file.write_all_at(&journal.record[..half], used).unwrap();
    drop(exchange(&mut journal, file));
    assert_eq!(journal.reader().unwrap().kept().unwrap().last_row, 2);
    journal.probe().unwrap();
    assert_eq!(journal.append(&batch(3)).unwrap(), 3);
    let (path, _, ends) = last_row(&scene);
    assert!(fs::read(path).unwrap()[ends..].iter().all(|byte| *byte == 0), "nothing of it is left");
    assert_goes_on_behind(&scene, 3);
}

#[test]
fn the_first_write_to_a_segment_that_fails_leaves_no_empty_segment_behind() {
    let scene = Scene::with_rows(5);
    let mut journal = scene.open();
    let first = Batch { images: vec![(performance(7), image(1))], ..batch(6) };
    // The segment is taken, and then the write fails.
    let counters = journal.shared.written.lock().counters.after(&first);
    journal.begin_segment(counters, &first).unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let file = exchange(&mut journal, full);
    assert!(matches!(journal.append(&first), Err(JournalError::Refused(_))));
    drop(exchange(&mut journal, file));
    journal.tidier().unwrap()();
    // The next row is too long for it.
    assert_eq!(journal.append(&batch_of(6..=40)).unwrap(), 6);
    assert_eq!(journal.append(&batch(41)).unwrap(), 7);
    let journal = scene.open();
    let rows = rows_behind(journal.reader().unwrap().as_mut(), 4, usize::MAX);
    assert_eq!(rows, [(5, vec![5]), (6, (6..=40).collect()), (7, vec![41])]);
}

#[test]
fn after_an_fsync_that_failed_nothing_is_written() {
    let scene = Scene::with_rows(2);
    let mut journal = scene.open();
    // Takes every byte, and cannot be synced.
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let file = exchange(&mut journal, null);
    assert!(matches!(journal.append(&batch(3)), Err(JournalError::Unknown(_))));
    drop(exchange(&mut journal, file));
    assert!(matches!(journal.append(&batch(3)), Err(JournalError::Unknown(_))));
    assert!(matches!(journal.probe(), Err(JournalError::Unknown(_))));
    assert_eq!(journal.reader().unwrap().kept().unwrap().last_row, 2);
    assert_goes_on_behind(&scene, 2);
}

#[test]
fn the_next_segment_is_made_ahead_once_the_present_one_is_half_full() {
    let scene = Scene::with_rows(1);
    let mut journal = scene.open();
    let mut tidy = journal.tidier().unwrap();
    tidy();
    assert!(!scene.segment(2).exists());
    for row in 2..5 {
        journal.append(&batch(row)).unwrap();
    }
    tidy();
    assert!(scene.segment(2).exists());
    let made = fs::metadata(scene.segment(2)).unwrap().created().unwrap();
    // Made ahead by one process, used by the next.
    drop(journal);
    let mut journal = scene.open();
    journal.tidier().unwrap()();
    for row in 5..8 {
        journal.append(&batch(row)).unwrap();
        journal.tidier().unwrap()();
    }
    assert_eq!(fs::metadata(scene.segment(2)).unwrap().created().unwrap(), made);
    assert_eq!(journal.shared.written.lock().first_rows.len(), 2);
    assert_goes_on_behind(&scene, 7);
}
