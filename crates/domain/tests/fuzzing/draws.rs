//! Receipts and published draws: whoever changes one makes it say what it said before, or makes it fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use onsale_domain::waiting_room::{
    Hash, Place, Pseudonym,
    draw::Secret,
    merkle,
    receipts::{DrawFacts, PublishedDraw, Verified, verify},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How many were in the lobby of the documents in the folder.
const LOBBY: u32 = 11;

/// The draw of all documents in the folder: its facts, and who drew which position.
struct Genuine {
    commitment: Hash,
    facts: Value,
    positions: BTreeMap<u32, u32>,
}

fn draw() -> PublishedDraw {
    let entries: Vec<Pseudonym> =
        (1..=u128::from(LOBBY)).map(|n| Pseudonym((n << 64).to_be_bytes())).collect();
    let leaves = (0..).zip(&entries).map(|(place, buyer)| merkle::leaf(Place(place), *buyer));
    let root = leaves.collect::<merkle::Frontier>().root();
    let event = "01939d2c-0000-7000-8000-000000000077".parse().unwrap();
    PublishedDraw { draw: DrawFacts::new(event, &Secret([5; 32]), root, LOBBY), entries }
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let draw = draw();
    let Ok(Verified::Draw { order }) = draw.verify() else { panic!("it is genuine") };
    Genuine {
        commitment: draw.draw.commitment,
        facts: serde_json::to_value(&draw.draw).unwrap(),
        positions: order.into_iter().map(|place| place.0).zip(1..).collect(),
    }
});

#[test]
fn a_draw_says_what_was_drawn_or_fails() {
    onsale_fuzzing::fuzz!("draw_document", 30_000, check);
}

#[test]
fn the_folder_has_documents_of_this_draw() {
    let published = include_str!("../../fuzz/draw_document/published.json");
    assert_eq!(serde_json::from_str::<PublishedDraw>(published).unwrap(), draw());
    for receipt in [
        include_str!("../../fuzz/draw_document/receipt-3.json"),
        include_str!("../../fuzz/draw_document/receipt-10.json"),
    ] {
        assert!(
            matches!(verify(receipt, Some(GENUINE.commitment)), Ok(Verified::Receipt { .. })),
            "{receipt}"
        );
    }
}

fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(verified) = verify(&text, None) else {
        assert!(verify(&text, Some(GENUINE.commitment)).is_err(), "a commitment only ever refuses more");
        return;
    };
    let document: Value = serde_json::from_str(&text).unwrap();
    let secret = hex::decode(document["secret"].as_str().unwrap()).unwrap();
    // Hex digits may be capitals.
    let committed = hex::decode(document["commitment"].as_str().unwrap()).unwrap();
    assert_eq!(committed, Sha256::digest(secret).to_vec(), "the secret is the one committed to");
    let is_ours = GENUINE.facts.as_object().unwrap().iter().all(|(name, fact)| document[name] == *fact);
    assert!(!is_ours || verify(&text, Some(GENUINE.commitment)).as_ref() == Ok(&verified));
    let lobby = document["lobby_count"].as_u64().unwrap();
    match verified {
        Verified::Receipt { place, position } => {
            assert!(u64::from(place.0) < lobby && (1..=lobby).contains(&u64::from(position)));
            assert!(!is_ours || GENUINE.positions.get(&place.0) == Some(&position), "as it was drawn");
        }
        Verified::Draw { order } => {
            let places: BTreeSet<u32> = order.iter().map(|place| place.0).collect();
            assert_eq!((places.len() as u64, order.len() as u64), (lobby, lobby), "everybody once");
            let positions: BTreeMap<u32, u32> = order.iter().map(|place| place.0).zip(1..).collect();
            assert!(!is_ours || GENUINE.positions == positions, "as it was drawn");
        }
    }
}
