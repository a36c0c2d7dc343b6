//! Access tokens: signed statements of who somebody is, checked without a call.
//!
//! Invariants: a token is good for one audience and until its expiry by this server's clock; it names the key
//! it was signed with, so that the secret can be changed while older tokens run out.

use onsale_app::{Caller, CallerKind, ports::ledger::Role};
use onsale_domain::{
    ids::{AccountId, LoginId},
    time::Timestamp,
};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::{
    generations::Generations,
    seal::{BadToken, Seal},
};

/// How long an access token of an account lasts. It is short because it cannot be taken back.
pub(crate) const ACCOUNT_TOKEN_S: u64 = 15 * 60;

/// How long a guest's token lasts, and those of `onsale token`: a guest has nothing to renew it with.
pub(crate) const DAY_TOKEN_S: u64 = 24 * 60 * 60;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: AccountId,
    kind: CallerKind,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<LoginId>,
    iat: i64,
    exp: i64,
}

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Them.
    pub(crate) caller: Caller,
    /// The log-in their token belongs to.
    pub(crate) login: Option<LoginId>,
}

/// How many tokens a generation holds; with some 400 bytes each, both together take about 25 MB at most.
const GENERATION: usize = 32_768;

/// Signs and checks.
pub(crate) struct Tokens {
    /// Those that were found good, with the second in which they expire, so that somebody who asks often is checked once.
    checked: RwLock<Generations<Box<str>, (Identity, i64)>>,
    seal: Seal,
}

impl Tokens {
    /// `secrets`: the current one first, then those whose tokens are still accepted.
    pub(crate) fn new(secrets: &[Vec<u8>]) -> Self {
        Self { checked: RwLock::new(Generations::of(GENERATION)), seal: Seal::new(secrets, "onsale:access") }
    }

    /// Signs a token that is good for `for_s` seconds.
    pub(crate) fn sign(&self, identity: Identity, now: Timestamp, for_s: u64) -> Result<String, BadToken> {
        let claims = Claims {
            sub: identity.caller.account,
            kind: identity.caller.kind,
            role: identity.caller.role,
            login: identity.login,
            iat: now.as_millis() / 1000,
            exp: now.plus_ms(for_s * 1000).as_millis() / 1000,
        };
        self.seal.sign(&claims)
    }

    /// Who a token speaks of.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Identity, BadToken> {
        let known = {
            let checked = self.checked.read();
            let young = checked.young(token).map(|known| (known, true));
            young.or_else(|| checked.get(token).map(|known| (known, false)))
        };
        let ((identity, expires_at_s), is_young) = match known {
            Some(known) => known,
            None => (self.verify(token)?, false),
        };
        if expires_at_s.saturating_mul(1000) <= now.as_millis() {
            return Err(BadToken);
        }
        if !is_young {
            self.checked.write().put(token.into(), (identity, expires_at_s));
        }
        Ok(identity)
    }

    /// For how many more seconds a token is good.
    pub(crate) fn good_for_s(&self, token: &str, now: Timestamp) -> Result<u64, BadToken> {
        let (_, expires_at_s) = self.verify(token)?;
        u64::try_from(expires_at_s - now.as_millis() / 1000).ok().filter(|left| *left > 0).ok_or(BadToken)
    }

    /// Checks signature and audience; gives who it speaks of and when it expires, seconds since 1970.
    fn verify(&self, token: &str) -> Result<(Identity, i64), BadToken> {
        let claims: Claims = self.seal.open(token)?;
        let caller = Caller { account: claims.sub, kind: claims.kind, role: claims.role };
        Ok((Identity { caller, login: claims.login }, claims.exp))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn identity() -> Identity {
        let caller = Caller {
            account: AccountId(Uuid::from_u128(5)),
            kind: CallerKind::Account,
            role: Role::Organizer,
        };
        Identity { caller, login: Some(LoginId(Uuid::from_u128(6))) }
    }

    #[test]
    fn a_token_says_who_until_it_expires() {
        let tokens = Tokens::new(&[b"one secret of some length........".to_vec()]);
        let token = tokens.sign(identity(), Timestamp(1_000_000), 60).unwrap();
        assert_eq!(tokens.check(&token, Timestamp(1_059_999)).unwrap(), identity());
        assert!(tokens.check(&token, Timestamp(1_060_000)).is_err(), "expired");
        assert_eq!(tokens.good_for_s(&token, Timestamp(1_059_000)).ok(), Some(1));
        assert!(tokens.good_for_s(&token, Timestamp(1_060_000)).is_err(), "expired");
    }

    #[test]
    fn after_a_change_of_secret_old_tokens_run_out_and_foreign_ones_are_refused() {
        let (old, new) =
            (b"the old secret..................".to_vec(), b"the new secret..................".to_vec());
        let before = Tokens::new(std::slice::from_ref(&old));
        let token = before.sign(identity(), Timestamp(0), 60).unwrap();
        assert!(Tokens::new(&[new.clone(), old]).check(&token, Timestamp(0)).is_ok());
        assert!(Tokens::new(&[new]).check(&token, Timestamp(0)).is_err());
    }

    #[test]
    fn altered_tokens_are_refused() {
        let tokens = Tokens::new(&[b"one secret of some length........".to_vec()]);
        let token = tokens.sign(identity(), Timestamp(0), 60).unwrap();
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            // The last character of each base64 part has bits that are not used; decoders refuse them or the
            // meaning stays the same.
            let meaning = tokens.check(&altered, Timestamp(0)).ok();
            assert!(meaning.is_none() || meaning == Some(identity()), "altered at {at}");
        }
        for bad in ["", "a.b", "a.b.c", &format!("{token}.x"), "eyJhbGciOiJub25lIn0.e30."] {
            assert!(tokens.check(bad, Timestamp(0)).is_err(), "{bad}");
        }
    }
}
