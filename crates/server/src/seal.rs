//! Signed statements: JSON Web Tokens for one audience each, checked without a call.
//!
//! Invariants: a statement is good for one audience, by its key and by its claim; it names the key it was signed with, so
//! that the secret can be changed while older statements run out. Whether it has expired is for its reader to say, by
//! this server's clock.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

/// Statements longer than this are not looked at.
const MAX_BYTES: usize = 2_048;

/// Why a token is not accepted. One answer for all: what is wrong with it is nobody's business.
#[derive(Debug, thiserror::Error)]
#[error("the access token is not valid or has expired")]
pub(crate) struct BadToken;

struct Key {
    id: String,
    decoding: DecodingKey,
}

/// Signs and checks the statements for one audience.
pub(crate) struct Seal {
    audience: &'static str,
    signing: EncodingKey,
    header: Header,
    keys: Vec<Key>,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Addressed<C> {
    aud: String,
    #[serde(flatten)]
    claims: C,
}

/// The key for one purpose, derived from the operator's secret: HMAC-SHA-256(secret, purpose).
pub(crate) fn derive(secret: &[u8], purpose: &str) -> [u8; 32] {
    // HMAC takes keys of any length, so this cannot fail; an all-zero key would be refused by every check.
    Hmac::<Sha256>::new_from_slice(secret).map_or([0; 32], |mut mac| {
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    })
}

impl Seal {
    /// `secrets`: the current one first, then those whose statements are still accepted.
    pub(crate) fn new(secrets: &[Vec<u8>], audience: &'static str) -> Self {
        let derived: Vec<([u8; 32], String)> = secrets
            .iter()
            .map(|secret| (derive(secret, audience), hex::encode(&derive(secret, "onsale:key-id")[..4])))
            .collect();
        let (current, id) = derived.first().cloned().unwrap_or_default();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(id);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let keys = derived
            .iter()
            .map(|(key, id)| Key { id: id.clone(), decoding: DecodingKey::from_secret(key) })
            .collect();
        Self { audience, signing: EncodingKey::from_secret(&current), header, keys, validation }
    }

    /// Signs a statement. The same one signed again gives the same text.
    pub(crate) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, BadToken> {
        let addressed = Addressed { aud: self.audience.to_owned(), claims };
        jsonwebtoken::encode(&self.header, &addressed, &self.signing).map_err(|_| BadToken)
    }

    /// What a statement says, if it is genuine.
    pub(crate) fn open<C: DeserializeOwned>(&self, token: &str) -> Result<C, BadToken> {
        if token.len() > MAX_BYTES {
            return Err(BadToken);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken)?;
        let key = self.keys.iter().find(|key| Some(&key.id) == header.kid.as_ref()).ok_or(BadToken)?;
        let opened = jsonwebtoken::decode::<Addressed<C>>(token, &key.decoding, &self.validation)
            .map_err(|_| BadToken)?
            .claims;
        // A statement without an audience passes the library's check.
        if opened.aud == self.audience { Ok(opened.claims) } else { Err(BadToken) }
    }
}
