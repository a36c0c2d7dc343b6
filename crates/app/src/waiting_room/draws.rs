//! The draw of a lobby, for everybody to see and to check.
//!
//! Invariant: nothing is given out before the lobby has closed but the commitment, and a tree that does not make the
//! published root is never used.

use std::sync::Arc;

use ahash::AHashMap;
use onsale_domain::{
    ids::{AccountId, EventId},
    time::Timestamp,
    waiting_room::{
        Hash, Place, Pseudonym, Summary,
        merkle::{Tree, leaf},
        receipts::{DrawFacts, Entry, Receipt},
    },
};
use parking_lot::Mutex;

use super::{Rooms, not_drawn, stale_ticket, terms};
use crate::{
    errors::AppError,
    ports::{admissions::PlaceTicket, ledger::Event},
};

/// How many entries of a lobby are read at once.
pub const PORTION: u32 = 50_000;

/// How many trees are kept; one of a million entries takes some 64 MB. Receipts are asked for in the minutes after an
/// opening.
const MAX_TREES: usize = 4;

/// The trees of the lobbies that receipts were asked of.
#[derive(Default)]
pub(super) struct Trees {
    grown: Mutex<AHashMap<(EventId, u32), Arc<Tree>>>,
    planting: tokio::sync::Mutex<()>,
}

/// What is public about a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawView {
    /// The hash of the secret.
    pub commitment: Hash,
    /// How many are in the lobby, or were.
    pub lobby_count: u32,
    /// When it closes.
    pub opens_at: Option<Timestamp>,
    /// The rest, once it has closed.
    pub facts: Option<DrawFacts>,
}

impl Rooms {
    /// What is public about the draw.
    pub async fn draw(&self, event: EventId) -> Result<DrawView, AppError> {
        let (event, summary) = self.drawn_by_now(event).await?;
        Ok(DrawView {
            commitment: summary.commitment,
            lobby_count: summary.lobby().unwrap_or(summary.joined),
            opens_at: event.settings.waiting_room.opens_at,
            facts: summary.draw(),
        })
    }

    /// Some entries of a lobby that has closed, from a place on, in order: what a whole draw is published from.
    pub async fn entries(&self, event: EventId, from: Place) -> Result<Vec<Pseudonym>, AppError> {
        let (event, summary) = self.drawn_by_now(event).await?;
        let lobby = summary.lobby().ok_or_else(not_drawn)?;
        let count = PORTION.min(lobby.saturating_sub(from.0));
        Ok(self.store.entries(event.id, from, count).await?)
    }

    /// The proof that a place of the lobby got its position by the draw.
    pub async fn receipt(&self, buyer: AccountId, ticket: PlaceTicket) -> Result<Receipt, AppError> {
        let (event, summary) = self.drawn_by_now(ticket.event).await?;
        let facts = summary.draw().ok_or_else(not_drawn)?;
        let place = ticket.place;
        if ticket.generation != summary.generation || place.0 >= facts.lobby_count {
            return Err(AppError::not_found(
                "entry of the lobby: who came later stands in the order of arrival",
            ));
        }
        let tree = self.tree(&event, &facts, summary.generation).await?;
        let (from, count) = tree.block_of(place);
        let block = self.store.entries(event.id, from, count).await?;
        let pseudonym = Pseudonym::of(event.id, buyer);
        if block.get((place.0 - from.0) as usize) != Some(&pseudonym) {
            return Err(stale_ticket());
        }
        let leaves: Vec<Hash> = (from.0..).zip(block).map(|(n, buyer)| leaf(Place(n), buyer)).collect();
        let path =
            tree.path(place, &leaves).ok_or_else(|| AppError::Internal("the lobby has changed".into()))?;
        let rank = summary.order.as_ref().ok_or_else(not_drawn)?.rank(place);
        Ok(Receipt { draw: facts, receipt: Entry { place, pseudonym, path, position: rank.position() } })
    }

    /// The room at hand; read anew where it should have been drawn since.
    async fn drawn_by_now(&self, event: EventId) -> Result<(Arc<Event>, Arc<Summary>), AppError> {
        let (event, summary) = self.at_hand(event).await?;
        let is_due = terms(&event).opens_at.is_none_or(|opens_at| opens_at <= self.clock.now());
        if summary.order.is_none() && is_due { self.refresh(event).await } else { Ok((event, summary)) }
    }

    async fn tree(&self, event: &Event, facts: &DrawFacts, generation: u32) -> Result<Arc<Tree>, AppError> {
        let key = (event.id, generation);
        let at_hand = || self.trees.grown.lock().get(&key).cloned();
        if let Some(tree) = at_hand() {
            return Ok(tree);
        }
        let _one_at_a_time = self.trees.planting.lock().await;
        if let Some(tree) = at_hand() {
            return Ok(tree);
        }
        let mut leaves = Vec::with_capacity(facts.lobby_count as usize);
        while (leaves.len() as u32) < facts.lobby_count {
            let from = leaves.len() as u32;
            let count = PORTION.min(facts.lobby_count - from);
            let portion = self.store.entries(event.id, Place(from), count).await?;
            if portion.is_empty() {
                return Err(AppError::Unavailable("the lobby is not all there".into()));
            }
            leaves.extend((from..).zip(portion).map(|(n, buyer)| leaf(Place(n), buyer)));
            // Half a second of hashing for a million entries: others get their turns in between.
            tokio::task::yield_now().await;
        }
        let tree = Arc::new(Tree::new(leaves));
        if tree.root() != facts.root {
            return Err(AppError::Internal("the lobby does not make its root".into()));
        }
        let mut trees = self.trees.grown.lock();
        if trees.len() >= MAX_TREES {
            trees.clear();
        }
        trees.insert(key, Arc::clone(&tree));
        Ok(tree)
    }
}
