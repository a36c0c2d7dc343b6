//! Replay: the state as the journal has it, at start and after a write that failed.
//!
//! Invariant: replay goes through [`Inventory::apply`], the same function that live commands go through, and
//! the result is checked for conservation before anyone sees it.

use std::collections::{BTreeMap, BTreeSet};

use onsale_app::ports::StoreError;
use onsale_domain::{ids::PerformanceId, inventory::Inventory};

use super::journal::JournalReader;

/// Rows are read in portions of about so many changes.
const PORTION: usize = 50_000;

/// What a journal amounts to.
pub(super) struct Replayed {
    pub(super) inventories: BTreeMap<PerformanceId, Inventory>,
    pub(super) last_sequence: u64,
    pub(super) last_row: u64,
    pub(super) drained_to: u64,
}

/// Reads a journal back; only these performances, where some are named.
pub(super) fn replay(
    reader: &mut dyn JournalReader,
    only: Option<&BTreeSet<PerformanceId>>,
) -> Result<Replayed, StoreError> {
    let kept = reader.kept()?;
    let wanted = |p: &PerformanceId| only.is_none_or(|only| only.contains(p));
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
    Ok(Replayed {
        inventories,
        last_sequence: kept.last_sequence,
        last_row: kept.last_row,
        drained_to: kept.drained_to,
    })
}
