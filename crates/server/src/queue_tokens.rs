//! Tickets and passes of the waiting room: signed statements, each for its own audience.
//!
//! Invariants: a ticket is no pass and an access token is neither; the pass of a place is the same text however often
//! it is asked for, because it says nothing but what the place says.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use onsale_app::ports::admissions::{PassGrant, PlaceTicket, Shown};
use onsale_domain::{
    ids::{AccountId, EventId},
    time::Timestamp,
    waiting_room::{AddressKey, Place},
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::seal::{BadToken, Seal, derive};

/// How long a ticket is good for, seconds. Asking for the place again gives a new one, so it need not last.
const TICKET_S: i64 = 7 * 24 * 60 * 60;

/// What tickets and passes say alike; which of them it is says the audience.
#[derive(Serialize, Deserialize)]
struct PlaceClaims {
    sub: AccountId,
    event: EventId,
    generation: u32,
    place: u32,
    exp: i64,
}

impl PlaceClaims {
    fn of(buyer: AccountId, place: PlaceTicket, expires_at_s: i64) -> Self {
        let PlaceTicket { event, generation, place } = place;
        Self { sub: buyer, event, generation, place: place.0, exp: expires_at_s }
    }

    fn place(&self) -> PlaceTicket {
        PlaceTicket { event: self.event, generation: self.generation, place: Place(self.place) }
    }

    fn expires_at(&self) -> Timestamp {
        Timestamp(self.exp.saturating_mul(1000))
    }
}

/// Signs and checks tickets and passes.
pub(crate) struct QueueTokens {
    tickets: Seal,
    passes: Seal,
    addresses: [u8; 32],
}

impl QueueTokens {
    /// `secrets`: the current one first, then those whose tokens are still accepted.
    pub(crate) fn new(secrets: &[Vec<u8>]) -> Self {
        Self {
            tickets: Seal::new(secrets, "onsale:queue-ticket"),
            passes: Seal::new(secrets, "onsale:queue-pass"),
            addresses: derive(secrets.first().map_or(&[], Vec::as_slice), "onsale:address"),
        }
    }

    /// The ticket of a buyer's place.
    pub(crate) fn ticket(
        &self,
        buyer: AccountId,
        ticket: PlaceTicket,
        now: Timestamp,
    ) -> Result<String, BadToken> {
        self.tickets.sign(&PlaceClaims::of(buyer, ticket, now.as_millis() / 1000 + TICKET_S))
    }

    /// Whose ticket it is, and which place it names.
    pub(crate) fn open_ticket(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<(AccountId, PlaceTicket), BadToken> {
        let claims: PlaceClaims = self.tickets.open(text)?;
        if claims.expires_at() <= now { Err(BadToken) } else { Ok((claims.sub, claims.place())) }
    }

    /// The pass of a buyer who was let in. It ends with the second in which the place does.
    pub(crate) fn pass(&self, buyer: AccountId, grant: PassGrant) -> Result<String, BadToken> {
        self.passes.sign(&PlaceClaims::of(buyer, grant.ticket, grant.until.as_millis() / 1000))
    }

    /// What was brought for a pass. Whether it is over is for others to say.
    pub(crate) fn open_pass(&self, text: Option<&str>) -> Shown {
        let Some(text) = text else { return Shown::Nothing };
        let Ok(claims) = self.passes.open::<PlaceClaims>(text) else { return Shown::NotGenuine };
        let grant = PassGrant { ticket: claims.place(), until: claims.expires_at() };
        Shown::Pass { holder: claims.sub, grant }
    }

    /// What the room remembers of a network address: nothing it could be read from without the secret. Addresses of
    /// one IPv6 subscriber are one.
    pub(crate) fn address(&self, event: EventId, address: IpAddr) -> AddressKey {
        let mut key = [0; 8];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.addresses) {
            mac.update(event.0.as_bytes());
            mac.update(&subscriber(address));
            key.copy_from_slice(&mac.finalize().into_bytes()[..8]);
        }
        AddressKey(key)
    }
}

/// The part of an address that one subscriber has: all of an IPv4 address, the first 64 bits of an IPv6 one.
pub(crate) fn subscriber(address: IpAddr) -> [u8; 9] {
    let mut part = [0; 9];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            part[0] = 4;
            part[1..5].copy_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            part[0] = 6;
            part[1..].copy_from_slice(&v6.octets()[..8]);
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECRET: &[u8] = b"one secret of some length........";
    const BUYER: AccountId = AccountId(Uuid::from_u128(5));

    fn place() -> PlaceTicket {
        PlaceTicket { event: EventId(Uuid::from_u128(7)), generation: 3, place: Place(41) }
    }

    #[test]
    fn a_ticket_says_whose_place_it_is_until_it_expires() {
        let tokens = QueueTokens::new(&[SECRET.to_vec()]);
        let text = tokens.ticket(BUYER, place(), Timestamp(1_000)).unwrap();
        let (week, second) = (u64::try_from(TICKET_S).unwrap() * 1000, 1000);
        assert_eq!(
            tokens.open_ticket(&text, Timestamp(1_000).plus_ms(week - second)).unwrap(),
            (BUYER, place())
        );
        assert!(tokens.open_ticket(&text, Timestamp(1_000).plus_ms(week + second)).is_err());
    }

    #[test]
    fn tickets_and_passes_are_not_taken_for_each_other() {
        let tokens = QueueTokens::new(&[SECRET.to_vec()]);
        let grant = PassGrant { ticket: place(), until: Timestamp(90_000) };
        let ticket = tokens.ticket(BUYER, place(), Timestamp(0)).unwrap();
        let pass = tokens.pass(BUYER, grant).unwrap();
        assert_eq!(pass, tokens.pass(BUYER, grant).unwrap(), "asked again");
        assert!(tokens.open_ticket(&pass, Timestamp(0)).is_err());
        assert_eq!(tokens.open_pass(Some(&ticket)), Shown::NotGenuine);
        assert_eq!(tokens.open_pass(Some(&pass)), Shown::Pass { holder: BUYER, grant });
        assert_eq!(tokens.open_pass(None), Shown::Nothing);
        let other = QueueTokens::new(&[b"another secret.....................".to_vec()]);
        assert_eq!(other.open_pass(Some(&pass)), Shown::NotGenuine);
    }

    #[test]
    fn one_subscriber_is_one_address() {
        let same = |a: &str, b: &str| subscriber(a.parse().unwrap()) == subscriber(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("10.0.0.2", "10.0.0.1"));
    }
}
