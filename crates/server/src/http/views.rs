//! Encoded availability, kept until the position moves: a crowd that looks at one performance costs one
//! encoding per change, not one per look.
//!
//! Invariant: what is given out for a view was encoded from a view at the same position.

use ahash::AHashMap;
use axum::body::Bytes;
use onsale_app::{errors::AppError, ports::hot::Availability};
use onsale_domain::{ids::PerformanceId, position::Position};
use parking_lot::RwLock;

use super::performances::availability_dto;

/// Performances whose encoding is kept; with 100,000 seats one takes 34 kB.
const MAX_KEPT: usize = 256;

#[derive(Default)]
pub(crate) struct Views {
    kept: RwLock<AHashMap<PerformanceId, (Position, Bytes)>>,
}

impl Views {
    pub(crate) fn encoded(&self, id: PerformanceId, view: &Availability) -> Result<Bytes, AppError> {
        if let Some((position, bytes)) = self.kept.read().get(&id)
            && *position == view.position
        {
            return Ok(bytes.clone());
        }
        let encoded =
            serde_json::to_vec(&availability_dto(view)).map_err(|e| AppError::Internal(e.to_string()))?;
        let bytes = Bytes::from(encoded);
        let mut kept = self.kept.write();
        if kept.len() >= MAX_KEPT && !kept.contains_key(&id) {
            kept.clear();
        }
        kept.insert(id, (view.position, bytes.clone()));
        Ok(bytes)
    }
}
