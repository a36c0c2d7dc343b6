//! Receipts and published draws, and how anybody checks them without asking anyone.
//!
//! Invariant: a check believes nothing but what it computes itself; everything it needs is in the document, except
//! the commitment noted before opening, which only the reader can have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Hash, Place, Pseudonym, Rank,
    draw::{Order, Secret, draw_key},
    merkle,
};
use crate::ids::EventId;

/// The version of the documents written here.
pub const VERSION: u32 = 1;

/// What is public about a draw once the lobby has closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawFacts {
    /// Always [`VERSION`].
    pub version: u32,
    /// Of which event.
    pub event_id: EventId,
    /// The hash of the secret, public since the room began.
    pub commitment: Hash,
    /// How many were in the lobby.
    pub lobby_count: u32,
    /// The root over their entries.
    pub root: Hash,
    /// The secret, public since the lobby closed.
    pub secret: Hash,
}

impl DrawFacts {
    /// The facts of a draw.
    pub fn new(event: EventId, secret: &Secret, root: Hash, lobby: u32) -> Self {
        Self {
            version: VERSION,
            event_id: event,
            commitment: secret.commitment(),
            lobby_count: lobby,
            root,
            secret: Hash(secret.0),
        }
    }

    /// Checks what can be checked without entries.
    fn check(&self) -> Result<(), Flaw> {
        if self.version != VERSION {
            return Err(Flaw::Version(self.version));
        }
        if Secret(self.secret.0).commitment() != self.commitment {
            return Err(Flaw::Commitment);
        }
        Ok(())
    }

    /// The order that was drawn. For a lobby of four thousand million this is half a million hashes, so it is asked for
    /// last: anybody can write a large number into a document.
    fn order(&self) -> Order {
        let key = draw_key(self.event_id, &Secret(self.secret.0), &self.root, self.lobby_count);
        Order::new(&key, self.lobby_count)
    }
}

/// One person's proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The draw.
    #[serde(flatten)]
    pub draw: DrawFacts,
    /// The entry in it.
    pub receipt: Entry,
}

/// An entry of the lobby and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of joining.
    pub place: Place,
    /// Who.
    pub pseudonym: Pseudonym,
    /// The way to the root.
    pub path: Vec<Hash>,
    /// Rank + 1.
    pub position: u32,
}

/// A draw with everybody in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDraw {
    /// The draw.
    #[serde(flatten)]
    pub draw: DrawFacts,
    /// The pseudonyms, by place.
    pub entries: Vec<Pseudonym>,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is neither a receipt nor a draw.
    #[error("this is neither a receipt nor a published draw: {0}")]
    Form(String),
    /// It is of a version that is not known here.
    #[error("the document has version {0}; this program checks version {VERSION}")]
    Version(u32),
    /// The secret is not the one that was committed to.
    #[error("the secret does not hash to the commitment")]
    Commitment,
    /// The commitment is not the one that was noted beforehand.
    #[error("the commitment is not the one expected")]
    OtherCommitment,
    /// The entry is not in the tree.
    #[error("the path does not lead from the entry to the root: it was not in the lobby as published")]
    NotIncluded,
    /// The position is not what the draw gives.
    #[error("the draw gives position {drawn}, the receipt says {said}")]
    Position {
        /// As computed.
        drawn: u32,
        /// As the receipt says.
        said: u32,
    },
    /// The entries are not as many as there were in the lobby.
    #[error("there are {found} entries, the draw says {said}")]
    Count {
        /// In the document.
        found: usize,
        /// As the draw says.
        said: u32,
    },
    /// The entries do not make the root.
    #[error("the entries do not make the published root")]
    Root,
    /// Somebody is in it twice.
    #[error("places {first} and {second} have the same pseudonym")]
    Twice {
        /// The lower place.
        first: u32,
        /// The higher one.
        second: u32,
    },
}

/// What a check has found to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// This place was in the lobby and drew this position.
    Receipt {
        /// The number of joining.
        place: Place,
        /// Rank + 1.
        position: u32,
    },
    /// All entries make the root, and this is who stands where: place by rank.
    Draw {
        /// The line.
        order: Vec<Place>,
    },
}

/// Checks a receipt or a published draw, as JSON. `commitment`: what was published before opening, where the reader
/// has noted it.
pub fn verify(document: &str, commitment: Option<Hash>) -> Result<Verified, Flaw> {
    let value: serde_json::Value = serde_json::from_str(document).map_err(|e| Flaw::Form(e.to_string()))?;
    let form = |error: serde_json::Error| Flaw::Form(error.to_string());
    let is_receipt = value.get("receipt").is_some();
    if is_receipt {
        let receipt: Receipt = serde_json::from_value(value).map_err(form)?;
        noted(&receipt.draw, commitment)?;
        receipt.verify()
    } else {
        let draw: PublishedDraw = serde_json::from_value(value).map_err(form)?;
        noted(&draw.draw, commitment)?;
        draw.verify()
    }
}

fn noted(draw: &DrawFacts, commitment: Option<Hash>) -> Result<(), Flaw> {
    match commitment {
        Some(noted) if noted != draw.commitment => Err(Flaw::OtherCommitment),
        _ => Ok(()),
    }
}

impl Receipt {
    /// Checks it by itself.
    pub fn verify(&self) -> Result<Verified, Flaw> {
        self.draw.check()?;
        let Entry { place, pseudonym, path, position } = &self.receipt;
        let leaf = merkle::leaf(*place, *pseudonym);
        if !merkle::includes(self.draw.root, self.draw.lobby_count, *place, leaf, path) {
            return Err(Flaw::NotIncluded);
        }
        let drawn = self.draw.order().rank(*place).position();
        if drawn != *position {
            return Err(Flaw::Position { drawn, said: *position });
        }
        Ok(Verified::Receipt { place: *place, position: drawn })
    }
}

impl PublishedDraw {
    /// Checks it as a whole.
    pub fn verify(&self) -> Result<Verified, Flaw> {
        self.draw.check()?;
        if self.entries.len() != self.draw.lobby_count as usize {
            return Err(Flaw::Count { found: self.entries.len(), said: self.draw.lobby_count });
        }
        let mut seen = BTreeMap::new();
        let mut tree = merkle::Frontier::default();
        for (place, buyer) in (0..).zip(&self.entries) {
            if let Some(first) = seen.insert(*buyer, place) {
                return Err(Flaw::Twice { first, second: place });
            }
            tree.push(merkle::leaf(Place(place), *buyer));
        }
        if tree.root() != self.draw.root {
            return Err(Flaw::Root);
        }
        let order = self.draw.order();
        Ok(Verified::Draw { order: (0..order.len()).map(|rank| order.place(Rank(rank))).collect() })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn draw(count: u32) -> PublishedDraw {
        let entries: Vec<Pseudonym> =
            (0..u128::from(count)).map(|n| Pseudonym((n + 1).to_be_bytes())).collect();
        let tree = merkle::Tree::new(leaves(&entries));
        let event = EventId(Uuid::from_u128(77));
        PublishedDraw { draw: DrawFacts::new(event, &Secret([5; 32]), tree.root(), count), entries }
    }

    fn leaves(entries: &[Pseudonym]) -> Vec<Hash> {
        (0..).zip(entries).map(|(place, buyer)| merkle::leaf(Place(place), *buyer)).collect()
    }

    fn receipt(draw: &PublishedDraw, place: u32) -> Receipt {
        let leaves = leaves(&draw.entries);
        let tree = merkle::Tree::new(leaves.iter().copied());
        let (from, count) = tree.block_of(Place(place));
        let path = tree.path(Place(place), &leaves[from.0 as usize..(from.0 + count) as usize]).unwrap();
        let position = draw.draw.order().rank(Place(place)).position();
        let pseudonym = draw.entries[place as usize];
        Receipt { draw: draw.draw.clone(), receipt: Entry { place: Place(place), pseudonym, path, position } }
    }

    #[test]
    fn what_is_given_out_can_be_checked() {
        let draw = draw(1_500);
        let text = serde_json::to_string(&draw).unwrap();
        let Ok(Verified::Draw { order }) = verify(&text, Some(draw.draw.commitment)) else {
            panic!("{text}")
        };
        for place in [0, 1, 700, 1_499] {
            let receipt = receipt(&draw, place);
            let position = receipt.receipt.position;
            let text = serde_json::to_string(&receipt).unwrap();
            assert_eq!(verify(&text, None), Ok(Verified::Receipt { place: Place(place), position }));
            assert_eq!(order[position as usize - 1], Place(place), "the draw and the receipt agree");
        }
    }

    #[test]
    fn a_receipt_that_was_changed_is_found_out() {
        let good = receipt(&draw(20), 3);
        let changed = |change: fn(&mut Receipt)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.verify().unwrap_err()
        };
        assert_eq!(changed(|r| r.draw.secret.0[0] ^= 1), Flaw::Commitment);
        assert_eq!(changed(|r| r.receipt.pseudonym.0[0] ^= 1), Flaw::NotIncluded);
        assert_eq!(changed(|r| r.receipt.place.0 = 2), Flaw::NotIncluded);
        assert_eq!(changed(|r| r.receipt.path[0].0[31] ^= 1), Flaw::NotIncluded);
        assert_eq!(changed(|r| r.draw.root.0[0] ^= 1), Flaw::NotIncluded);
        assert_eq!(changed(|r| r.draw.lobby_count = 40), Flaw::NotIncluded);
        assert_eq!(changed(|r| r.draw.version = 2), Flaw::Version(2));
        assert!(matches!(changed(|r| r.receipt.position += 1), Flaw::Position { .. }));
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(verify(&json, Some(Hash([0; 32]))), Err(Flaw::OtherCommitment));
        // Another event's draw with everything else the same.
        let mut other = good.clone();
        other.draw.event_id = EventId(Uuid::from_u128(78));
        assert_ne!(other.draw.order(), good.draw.order());
    }

    #[test]
    fn a_draw_that_was_changed_is_found_out() {
        let good = draw(20);
        let mut swapped = good.clone();
        swapped.entries.swap(3, 4);
        assert_eq!(swapped.verify(), Err(Flaw::Root));
        let mut dropped = good.clone();
        dropped.entries.pop();
        assert_eq!(dropped.verify(), Err(Flaw::Count { found: 19, said: 20 }));
        let mut twice = good.clone();
        twice.entries[7] = twice.entries[2];
        assert_eq!(twice.verify(), Err(Flaw::Twice { first: 2, second: 7 }));
        assert!(matches!(verify("{}", None), Err(Flaw::Form(_))));
        assert!(matches!(verify("[", None), Err(Flaw::Form(_))));
        assert_eq!(draw(0).verify(), Ok(Verified::Draw { order: vec![] }));
    }
}
