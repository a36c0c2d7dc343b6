//! Pages of lists, by key: a page begins behind an id, never at a count.
//!
//! Invariant: one item more than the page is asked for, and it alone says whether there is a next page.

use onsale_app::ports::ledger::{Page, PageRequest};
use uuid::Uuid;

/// The most items of a page.
const MOST: u32 = 200;

/// How many rows to ask for.
pub(crate) fn rows(request: PageRequest) -> u64 {
    u64::from(request.limit.clamp(1, MOST)) + 1
}

/// The page that these rows make.
pub(crate) fn page<T>(mut items: Vec<T>, request: PageRequest, id: impl Fn(&T) -> Uuid) -> Page<T> {
    let limit = request.limit.clamp(1, MOST) as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(id);
    Page { items, next }
}
