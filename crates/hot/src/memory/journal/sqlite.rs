//! The journal in a SQLite file: WAL, `synchronous=FULL`, one row a batch.
//!
//! Invariant: `append` returns only after the commit's fsync.
//!
//! A commit that writes over blocks the WAL has already costs about half of one that makes the WAL longer (measured
//! with ext4: 95 µs against 150 to 200 for 8 KiB and fdatasync). So the WAL is given its length at the start, and begun
//! anew again and again: the [`Tidier`] merges it into the file with a connection of its own, beside the commits, and
//! the next commit merges the few pages that were written meanwhile; the one after it finds all merged and goes back to
//! the beginning.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use onsale_app::ports::StoreError;
use onsale_domain::{ids::PerformanceId, inventory::Image, waiting_room::RoomImage};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use super::{
    Batch, FORMAT, IMAGE_FORMAT, Journal, JournalError, JournalReader, Kept, RoomRows, Rows, Tidier,
};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS batches (
        row           INTEGER PRIMARY KEY,
        last_sequence INTEGER NOT NULL,
        written_at_ms INTEGER NOT NULL,
        changes       BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS images (
        performance BLOB PRIMARY KEY,
        row         INTEGER NOT NULL,
        image       BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS room_batches (
        row     INTEGER PRIMARY KEY,
        changes BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS room_images (
        event BLOB PRIMARY KEY,
        row   INTEGER NOT NULL,
        image BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS counters (
        name  TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    );
";

/// The length the WAL is given at the start, in bytes: about what a rush writes between two runs of the tidier.
const ROOM: usize = 16 << 20;

/// Extended result code of a failed fsync of the WAL or the file.
const SQLITE_IOERR_FSYNC: i32 = 1034;

/// A journal in a file.
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    next_row: u64,
    /// The tidier has just merged all but the last few pages.
    nearly_merged: Arc<AtomicBool>,
}

impl SqliteJournal {
    /// Opens or creates the journal at `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(StoreError::unavailable)?;
        let prepare = || -> rusqlite::Result<u64> {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.execute_batch(SCHEMA)?;
            if let Err(error) = make_room(&connection) {
                tracing::warn!(%error, "the journal starts without room: commits take longer");
            }
            connection.query_row("SELECT COALESCE(MAX(row), 0) + 1 FROM batches", [], |row| row.get(0))
        };
        let next_row = prepare().map_err(StoreError::unavailable)?;
        Ok(Self { connection, path: path.to_owned(), next_row, nearly_merged: Arc::default() })
    }
}

/// A reader of the journal at `path`, whether somebody writes to it or not.
pub fn reader(path: &Path) -> Result<Box<dyn JournalReader>, StoreError> {
    let only_reads = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, only_reads).map_err(StoreError::unavailable)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(StoreError::unavailable)?;
    Ok(Box::new(SqliteReader { connection }))
}

/// Gives the WAL its length, and the file as many free pages, by writing something and dropping it again.
fn make_room(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS room (bytes BLOB NOT NULL);
         INSERT INTO room VALUES (zeroblob({ROOM}));
         DROP TABLE room;"
    ))?;
    merge(connection)
}

/// Merges as much of the WAL into the file as readers allow, without waiting for anybody.
fn merge(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, JournalError> {
    encode_as(FORMAT, value)
}

fn encode_as<T: serde::Serialize>(format: u8, value: &T) -> Result<Vec<u8>, JournalError> {
    postcard::to_extend(value, vec![format]).map_err(|e| JournalError::Refused(e.to_string()))
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => postcard::from_bytes(body).map_err(StoreError::corrupt),
        Some((format, _)) => {
            Err(StoreError::corrupt(format!("journal format {format}, this version reads {FORMAT}")))
        }
        None => Err(StoreError::corrupt("empty journal row")),
    }
}

fn decode_image(bytes: &[u8]) -> Result<Image, StoreError> {
    match bytes.split_first() {
        Some((&IMAGE_FORMAT, body)) => postcard::from_bytes(body).map_err(StoreError::corrupt),
        // Postcard writes members one after the other, and an empty list as a zero.
        _ => decode(&[bytes, &[0]].concat()),
    }
}

fn write_error(error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error() {
        Some(cause) if cause.extended_code == SQLITE_IOERR_FSYNC => JournalError::Unknown(error.to_string()),
        Some(cause) if cause.code == ErrorCode::DatabaseCorrupt => JournalError::Unknown(error.to_string()),
        _ => JournalError::Refused(error.to_string()),
    }
}

impl Journal for SqliteJournal {
    fn append(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        let changes = encode(&batch.changes)?;
        let images: Vec<(Uuid, Vec<u8>)> = batch
            .images
            .iter()
            .map(|(performance, image)| Ok((performance.0, encode_as(IMAGE_FORMAT, image)?)))
            .collect::<Result<_, JournalError>>()?;
        if self.nearly_merged.swap(false, Ordering::Relaxed)
            && let Err(error) = merge(&self.connection)
        {
            // The WAL only grows longer for a while.
            tracing::debug!(%error, "journal not merged");
        }
        let row = self.next_row;
        let rooms = encode(&batch.rooms)?;
        let room_images: Vec<(Uuid, Vec<u8>)> = batch
            .room_images
            .iter()
            .map(|image| Ok((image.event.0, encode(image)?)))
            .collect::<Result<_, JournalError>>()?;
        let last_sequence = batch.last_sequence().unwrap_or(0);
        let of_changes = batch.changes.last().map(|change| change.at);
        let written_at =
            of_changes.max(batch.rooms.last().map(|change| change.at)).unwrap_or_default().as_millis();
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction
                .prepare_cached(
                    "INSERT INTO batches (row, last_sequence, written_at_ms, changes) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![row, last_sequence, written_at, changes])?;
            for (performance, image) in &images {
                transaction
                    .prepare_cached(
                        "INSERT INTO images (performance, row, image) VALUES (?1, ?2, ?3)
                         ON CONFLICT (performance) DO UPDATE SET row = excluded.row, image = excluded.image",
                    )?
                    .execute(params![performance, row, image])?;
            }
            if !batch.rooms.is_empty() {
                transaction
                    .prepare_cached("INSERT INTO room_batches (row, changes) VALUES (?1, ?2)")?
                    .execute(params![row, rooms])?;
            }
            for (event, image) in &room_images {
                transaction
                    .prepare_cached(
                        "INSERT INTO room_images (event, row, image) VALUES (?1, ?2, ?3)
                         ON CONFLICT (event) DO UPDATE SET row = excluded.row, image = excluded.image",
                    )?
                    .execute(params![event, row, image])?;
            }
            if let Some(drained_to) = batch.drained_to {
                transaction
                    .prepare_cached(
                        "INSERT INTO counters (name, value) VALUES ('drained_to', ?1)
                         ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value)",
                    )?
                    .execute(params![drained_to])?;
            }
            transaction.commit()
        };
        write(&mut self.connection).map_err(|error| write_error(&error))?;
        self.next_row += 1;
        Ok(row)
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        // A page has to find room on disk for this to succeed, so a full disk is noticed.
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT INTO counters (name, value) VALUES ('probes', 1)
                 ON CONFLICT (name) DO UPDATE SET value = value + 1",
                [],
            )?;
            transaction.commit()
        };
        write(&mut self.connection).map_err(|error| write_error(&error))
    }

    fn reader(&self) -> Result<Box<dyn JournalReader>, StoreError> {
        reader(&self.path)
    }

    fn tidier(&self) -> Result<Tidier, StoreError> {
        let connection = Connection::open(&self.path).map_err(StoreError::unavailable)?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(StoreError::unavailable)?;
        let nearly_merged = Arc::clone(&self.nearly_merged);
        Ok(Box::new(move || match merge(&connection) {
            Ok(()) => nearly_merged.store(true, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "journal not merged; trying again later"),
        }))
    }
}

/// Performance or event, row and encoded image.
type EncodedImages = Vec<(Uuid, u64, Vec<u8>)>;

struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    fn images(&self, query: &str) -> Result<EncodedImages, StoreError> {
        let read = || -> rusqlite::Result<EncodedImages> {
            self.connection
                .prepare(query)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        };
        read().map_err(StoreError::unavailable)
    }

    /// The rows behind `after` that a query gives, until there are `max_changes` changes.
    fn portion<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
        after: u64,
        max_changes: usize,
    ) -> Result<Vec<(u64, Vec<T>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(query).map_err(StoreError::unavailable)?;
        let mut cursor = statement.query(params![after]).map_err(StoreError::unavailable)?;
        let mut rows = Vec::new();
        let mut count = 0;
        while count < max_changes {
            let Some(row) = cursor.next().map_err(StoreError::unavailable)? else { break };
            let number: u64 = row.get(0).map_err(StoreError::unavailable)?;
            let bytes = row.get_ref(1).and_then(|v| Ok(v.as_blob()?)).map_err(StoreError::unavailable)?;
            let changes: Vec<T> = decode(bytes)?;
            count += changes.len();
            rows.push((number, changes));
        }
        Ok(rows)
    }
}

impl JournalReader for SqliteReader {
    fn kept(&mut self) -> Result<Kept, StoreError> {
        let counters = |connection: &Connection| -> rusqlite::Result<(u64, u64, u64)> {
            let drained_to = connection
                .query_row("SELECT value FROM counters WHERE name = 'drained_to'", [], |row| row.get(0))
                .optional()?
                .unwrap_or(0);
            let (last_row, last_sequence) = connection.query_row(
                "SELECT COALESCE(MAX(row), 0), COALESCE(MAX(last_sequence), 0) FROM batches",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok((drained_to, last_row, last_sequence))
        };
        let (drained_to, last_row, last_sequence) =
            counters(&self.connection).map_err(StoreError::unavailable)?;
        let images = self
            .images("SELECT performance, row, image FROM images ORDER BY performance")?
            .into_iter()
            .map(|(performance, row, image)| Ok((PerformanceId(performance), row, decode_image(&image)?)))
            .collect::<Result<_, StoreError>>()?;
        let room_images = self
            .images("SELECT event, row, image FROM room_images ORDER BY event")?
            .into_iter()
            .map(|(_, row, image)| Ok((row, decode::<RoomImage>(&image)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Kept { images, room_images, drained_to, last_row, last_sequence })
    }

    fn rows(&mut self, after: u64, max_changes: usize) -> Result<Rows, StoreError> {
        self.portion("SELECT row, changes FROM batches WHERE row > ?1 ORDER BY row", after, max_changes)
    }

    fn room_rows(&mut self, after: u64, max_changes: usize) -> Result<RoomRows, StoreError> {
        self.portion("SELECT row, changes FROM room_batches WHERE row > ?1 ORDER BY row", after, max_changes)
    }
}

#[cfg(test)]
mod tests {
    use onsale_domain::{
        changes::{Change, Recorded},
        ids::{AccountId, ReservationId},
        position::Position,
        time::Timestamp,
        units::{Unit, Units},
    };

    use super::*;

    fn change(offset: u32) -> Recorded {
        Recorded {
            performance: PerformanceId(Uuid::from_u128(7)),
            position: Position { epoch: 1, offset },
            sequence: u64::from(offset),
            at: Timestamp(1_000),
            change: Change::Held {
                hold: ReservationId(Uuid::from_u128(u128::from(offset))),
                owner: AccountId(Uuid::from_u128(9)),
                units: Units::from_slice(&[Unit(offset)]),
                expires_at: Timestamp(2_000),
                key: None,
            },
        }
    }

    #[test]
    fn rows_come_back_in_order_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        for round in 0..3 {
            let mut journal = SqliteJournal::open(&path).unwrap();
            let batch =
                Batch { changes: vec![change(round * 2 + 1), change(round * 2 + 2)], ..Batch::default() };
            assert_eq!(journal.append(&batch).unwrap(), u64::from(round) + 1);
        }
        let journal = SqliteJournal::open(&path).unwrap();
        let mut reader = journal.reader().unwrap();
        let offsets: Vec<u64> = reader
            .rows(1, usize::MAX)
            .unwrap()
            .into_iter()
            .flat_map(|(_, changes)| changes.into_iter().map(|c| c.sequence))
            .collect();
        assert_eq!(offsets, [3, 4, 5, 6]);
        let kept = reader.kept().unwrap();
        assert_eq!((kept.last_row, kept.last_sequence, kept.drained_to), (3, 6, 0));
    }

    #[test]
    fn an_unknown_format_is_refused() {
        assert!(matches!(decode::<Vec<Recorded>>(&[99, 0]), Err(StoreError::Corrupt(_))));
        assert!(matches!(decode::<Vec<Recorded>>(&[]), Err(StoreError::Corrupt(_))));
    }
}
