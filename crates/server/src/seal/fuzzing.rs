//! Anything as a token, ticket or pass: each reader takes those that were signed for it, letter for letter, and nothing
//! else.
//!
//! Invariant: what is to be taken is looked up among all that was ever signed here; how tokens are read plays no part.

use std::sync::LazyLock;

use onsale_app::{
    Caller, CallerKind,
    ports::{
        admissions::{PassGrant, PlaceTicket, Shown},
        ledger::Role,
    },
};
use onsale_domain::{
    ids::{AccountId, EventId, LoginId},
    time::Timestamp,
    waiting_room::Place,
};
use uuid::Uuid;

use super::*;
use crate::{
    queue_tokens::QueueTokens,
    tokens::{Identity, Tokens},
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const BUYER: AccountId = AccountId(Uuid::from_u128(5));

/// How many tokens an input may name, and how much may be done to one of them: encoded again and again, a text grows
/// beyond all bounds.
const MOST_STEPS: usize = 8;

/// What a reader makes of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Access(Identity),
    Ticket(AccountId, PlaceTicket),
    Pass(AccountId, PassGrant),
    Nothing,
}

/// A token that was signed, and what it is to say.
struct Signed {
    name: &'static str,
    text: String,
    says: Said,
}

struct Readers {
    tokens: Tokens,
    queue: QueueTokens,
    signed: Vec<Signed>,
}

static READERS: LazyLock<Readers> = LazyLock::new(|| {
    let secret = |of: &str| format!("the secret of {of}...............").into_bytes();
    let (today, yesterday, nobody) = ([secret("today")], [secret("yesterday")], [secret("nobody")]);
    let caller = Caller { account: BUYER, kind: CallerKind::Account, role: Role::Organizer };
    let identity = Identity { caller, login: Some(LoginId(Uuid::from_u128(6))) };
    let place = PlaceTicket { event: EventId(Uuid::from_u128(7)), generation: 3, place: Place(41) };
    let grant = PassGrant { ticket: place, until: NOW.plus_ms(60_000) };
    let hour_ms = 60 * 60 * 1000;
    let access = |secrets: &[Vec<u8>], at| Tokens::new(secrets).sign(identity, at, 60).unwrap();
    let ticket = |secrets: &[Vec<u8>], at| QueueTokens::new(secrets).ticket(BUYER, place, at).unwrap();
    let pass = |secrets: &[Vec<u8>]| QueueTokens::new(secrets).pass(BUYER, grant).unwrap();
    let signed = |name, text, says| Signed { name, text, says };
    let (is_access, is_ticket) = (Said::Access(identity), Said::Ticket(BUYER, place));
    Readers {
        tokens: Tokens::new(&[today[0].clone(), yesterday[0].clone()]),
        queue: QueueTokens::new(&[today[0].clone(), yesterday[0].clone()]),
        signed: vec![
            signed("access", access(&today, NOW), is_access),
            signed("access of yesterday", access(&yesterday, NOW), is_access),
            signed("access of nobody", access(&nobody, NOW), Said::Nothing),
            signed("access run out", access(&today, NOW.minus_ms(hour_ms)), Said::Nothing),
            signed("ticket", ticket(&today, NOW), is_ticket),
            signed("ticket of yesterday", ticket(&yesterday, NOW), is_ticket),
            signed("ticket run out", ticket(&today, NOW.minus_ms(8 * 24 * hour_ms)), Said::Nothing),
            signed("pass", pass(&today), Said::Pass(BUYER, grant)),
            signed("pass of nobody", pass(&nobody), Said::Nothing),
            signed(
                "service",
                Seal::new(&today, "onsale:service").sign(&grant_claims()).unwrap(),
                Said::Nothing,
            ),
        ],
    }
});

/// Those of a pass, to be signed for another audience.
fn grant_claims() -> serde_json::Value {
    serde_json::json!({"sub": BUYER, "event": Uuid::from_u128(7), "generation": 3, "place": 41, "exp": 1_900_000_000})
}

#[test]
fn nothing_is_taken_that_was_not_signed() {
    onsale_fuzzing::fuzz!("tokens", 10_000, check);
}

fn check(input: &[u8]) {
    let text = written_out(&String::from_utf8_lossy(input));
    let readers = &*READERS;
    let signed = readers.signed.iter().find(|signed| signed.text == text);
    let says = signed.map_or(Said::Nothing, |signed| signed.says);
    // Those that were found good once are remembered: asked again, the answer is the same.
    for _ in 0..2 {
        let access = readers.tokens.check(&text, NOW).map_or(Said::Nothing, Said::Access);
        let ticket = readers.queue.open_ticket(&text, NOW);
        let ticket = ticket.map_or(Said::Nothing, |(buyer, place)| Said::Ticket(buyer, place));
        let pass = match readers.queue.open_pass(Some(&text)) {
            Shown::Pass { holder, grant } => Said::Pass(holder, grant),
            Shown::NotGenuine => Said::Nothing,
            Shown::Nothing => panic!("something was shown"),
        };
        assert_eq!(access, if matches!(says, Said::Access(_)) { says } else { Said::Nothing }, "{text}");
        assert_eq!(ticket, if matches!(says, Said::Ticket(..)) { says } else { Said::Nothing }, "{text}");
        assert_eq!(pass, if matches!(says, Said::Pass(..)) { says } else { Said::Nothing }, "{text}");
    }
}

/// Tokens are made when the test runs, so an input names them: `<pass>` is the pass, and what stands behind a bar says
/// what is done to it, one thing after the other: `<pass|part 1|flip 17>`. Everything else stands for itself.
fn written_out(input: &str) -> String {
    let mut parts = input.split('<');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts.take(MOST_STEPS) {
        let (named, behind) = part.split_once('>').unwrap_or((part, ""));
        let mut steps = named.split('|');
        let name = steps.next().unwrap_or_default();
        let signed = READERS.signed.iter().find(|signed| signed.name == name);
        let start = signed.map_or_else(|| name.to_owned(), |signed| signed.text.clone());
        text.push_str(&steps.take(MOST_STEPS).fold(start, changed));
        text.push_str(behind);
    }
    text
}

fn changed(text: String, step: &str) -> String {
    let (verb, number) = step.split_once(' ').unwrap_or((step, ""));
    let number: usize = number.parse().unwrap_or(0);
    let at = number.min(text.len());
    match verb {
        "part" => text.split('.').nth(number).unwrap_or_default().to_owned(),
        "first" => text.get(..at).unwrap_or_default().to_owned(),
        "rest" => text.get(at..).unwrap_or_default().to_owned(),
        "flip" => String::from_utf8_lossy(&flipped(text.into_bytes(), number)).into_owned(),
        "decode" => {
            URL_SAFE_NO_PAD.decode(&text).map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        "encode" => URL_SAFE_NO_PAD.encode(text),
        "pad" => format!("{text}{}", "=".repeat(text.len().wrapping_neg() % 4)),
        "standard" => text.replace('-', "+").replace('_', "/"),
        "capitals" => text.to_ascii_uppercase(),
        "spread" => text.replace(',', ", "),
        _ => text,
    }
}

fn flipped(mut bytes: Vec<u8>, number: usize) -> Vec<u8> {
    // One of seven bits, so that it stays ASCII.
    let at = (number / 7) % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (number % 7);
    }
    bytes
}

#[test]
fn every_token_that_was_signed_can_be_named() {
    for signed in &READERS.signed {
        assert_eq!(written_out(&format!("<{}>", signed.name)), signed.text);
        check(format!("<{}>", signed.name).as_bytes());
    }
    let pass = &written_out("<pass>");
    assert_eq!(&written_out("<pass|part 0>.<pass|part 1|decode|encode>.<pass|part 2>"), pass);
    assert_ne!(&written_out("<pass|flip 900>"), pass);
}
