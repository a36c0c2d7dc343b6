//! What the log and traces call people.
//!
//! Invariants: the lines of one person can be put together, over all processes that share a secret; who it is, only those
//! know who have the secret. It is a MAC and not a digest: ids of accounts can be had elsewhere and would be found by trying.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use onsale_domain::ids::AccountId;
use sha2::Sha256;

use crate::seal::derive;

/// What the key is for.
const PURPOSE: &str = "onsale:pseudonym";

/// Gives people their pseudonyms.
#[derive(Clone, Copy)]
pub(crate) struct Pseudonyms {
    key: [u8; 32],
}

/// 64 bits of an HMAC-SHA-256; 16 hexadecimal digits as text. Among a million people two share one once in 37 million
/// installations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pseudonym([u8; 8]);

impl Pseudonyms {
    /// `secret`: the one that tokens are signed with.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { key: derive(secret, PURPOSE) }
    }

    /// The pseudonym of an account or a guest.
    pub(crate) fn of(&self, account: AccountId) -> Pseudonym {
        let mut short = [0; 8];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) {
            mac.update(account.0.as_bytes());
            short.copy_from_slice(&mac.finalize().into_bytes()[..8]);
        }
        Pseudonym(short)
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_for_one_secret_and_another_for_another() {
        let (kim, lee) = (AccountId(Uuid::from_u128(5)), AccountId(Uuid::from_u128(6)));
        let (one, other) = (Pseudonyms::new(&[b'a'; 32]), Pseudonyms::new(&[b'b'; 32]));
        let name = one.of(kim).to_string();
        assert_eq!(name, Pseudonyms::new(&[b'a'; 32]).of(kim).to_string());
        assert!(name != one.of(lee).to_string() && name != other.of(kim).to_string());
        assert!(name.len() == 16 && name.bytes().all(|digit| digit.is_ascii_hexdigit()), "{name}");
    }

    /// Computed with OpenSSL, so that a change here does not pass for none:
    /// `HMAC(HMAC("aaaa…", "onsale:pseudonym"), 15 zero bytes and a five)`.
    #[test]
    fn it_is_the_beginning_of_the_mac_that_others_compute_too() {
        let name = Pseudonyms::new(&[b'a'; 32]).of(AccountId(Uuid::from_u128(5))).to_string();
        assert_eq!(name, "4384f4213b46f63a");
    }
}
