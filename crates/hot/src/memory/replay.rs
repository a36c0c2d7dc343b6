//! Replay: the state as the journal has it, at start and after a write that failed.
//!
//! Invariant: replay goes through [`Inventory::apply`], the same function that live commands go through, and
//! the result is checked for conservation before anyone sees it.

use std::collections::BTreeMap;

use onsale_app::ports::StoreError;
use onsale_domain::{
    ids::{EventId, PerformanceId},
    inventory::Inventory,
    waiting_room::{Room, RoomImage},
};

use super::{
    committer::Dirty,
    journal::{JournalReader, PORTION},
};

/// What a journal amounts to.
pub(super) struct Replayed {
    pub(super) inventories: BTreeMap<PerformanceId, Inventory>,
    pub(super) rooms: BTreeMap<EventId, Room>,
    pub(super) last_sequence: u64,
    pub(super) last_row: u64,
    pub(super) drained_to: u64,
}

/// Reads a journal back; only these performances and rooms, where some are named.
pub(super) fn replay(reader: &mut dyn JournalReader, only: Option<&Dirty>) -> Result<Replayed, StoreError> {
    let kept = reader.kept()?;
    let wanted = |p: &PerformanceId| only.is_none_or(|only| only.performances.contains(p));
    let mut inventories = BTreeMap::new();
    // A row before an image's own cannot hold anything that the image lacks.
    let mut after = kept.last_row;
    for (performance, row, image) in kept.images {
        if wanted(&performance) {
            after = after.min(row.saturating_sub(1));
            let inventory = Inventory::from_image(image).map_err(StoreError::corrupt)?;
            inventories.insert(performance, inventory);
        }
    }
    loop {
        let rows = reader.rows(after, PORTION)?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for recorded in rows.iter().flat_map(|(_, changes)| changes) {
            if let Some(inventory) = inventories.get_mut(&recorded.performance)
                && recorded.position > inventory.position()
            {
                inventory.apply(recorded.position, recorded.at, &recorded.change);
            }
        }
    }
    for (performance, inventory) in &inventories {
        if !inventory.conserves() {
            return Err(StoreError::corrupt(format!("performance {performance}: units are not conserved")));
        }
    }
    let wanted = kept
        .room_images
        .into_iter()
        .filter(|(_, image)| only.is_none_or(|only| only.rooms.contains(&image.event)));
    let rooms = replay_rooms(reader, wanted, kept.last_row)?;
    Ok(Replayed {
        inventories,
        rooms,
        last_sequence: kept.last_sequence,
        last_row: kept.last_row,
        drained_to: kept.drained_to,
    })
}

/// Reads waiting rooms back: their images, and the changes behind them.
fn replay_rooms(
    reader: &mut dyn JournalReader,
    images: impl Iterator<Item = (u64, RoomImage)>,
    last_row: u64,
) -> Result<BTreeMap<EventId, Room>, StoreError> {
    let mut rooms = BTreeMap::new();
    let mut after = last_row;
    for (row, image) in images {
        after = after.min(row.saturating_sub(1));
        rooms.insert(image.event, Room::from_image(image).map_err(StoreError::corrupt)?);
    }
    if rooms.is_empty() {
        return Ok(rooms);
    }
    loop {
        let rows = reader.room_rows(after, PORTION)?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for recorded in rows.iter().flat_map(|(_, changes)| changes) {
            let Some(room) = rooms.get_mut(&recorded.event).filter(|room| recorded.offset > room.offset())
            else {
                continue;
            };
            if recorded.offset != room.offset() + 1 {
                let event = recorded.event;
                return Err(StoreError::corrupt(format!(
                    "waiting room {event}: change {} is missing",
                    room.offset() + 1
                )));
            }
            room.apply(recorded.offset, recorded.at, &recorded.change);
        }
    }
    // Whoever was called could not come meanwhile.
    rooms.values_mut().for_each(Room::was_away);
    Ok(rooms)
}
