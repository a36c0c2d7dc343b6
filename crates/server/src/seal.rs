//! Signed statements: JSON Web Tokens (RFC 7519, HS256) for one audience each, checked without a call.
//!
//! Every poll of a waiting room and every first request of a buyer checks one. So only tokens are looked into whose header
//! is, letter for letter, one that this server writes: there is nothing in it to interpret, and what a token costs is a
//! MAC and reading its claims once.
//!
//! Invariants: a statement is good for one audience, by its key and by its claim; it names the key it was signed with, so
//! that the secret can be changed while older statements run out. Whether it has expired is for its reader to say, by
//! this server's clock.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

/// Statements longer than this are not looked at.
const MAX_BYTES: usize = 2_048;

/// Bytes of an HMAC-SHA-256.
const MAC_BYTES: usize = 32;

/// Why a token is not accepted. One answer for all: what is wrong with it is nobody's business.
#[derive(Debug, thiserror::Error)]
#[error("the access token is not valid or has expired")]
pub(crate) struct BadToken;

struct Key {
    /// The header of what is signed with it, as it stands in front of the first dot.
    header: String,
    /// Keyed, and fed with nothing.
    mac: Hmac<Sha256>,
}

/// Signs and checks the statements for one audience.
pub(crate) struct Seal {
    audience: &'static str,
    /// The one to sign with first.
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Addressed<'a, C> {
    aud: &'static str,
    #[serde(flatten)]
    claims: &'a C,
}

#[derive(Deserialize)]
struct Audience<'a> {
    aud: &'a str,
}

/// The key for one purpose, derived from the operator's secret: HMAC-SHA-256(secret, purpose).
pub(crate) fn derive(secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut mac = keyed(secret);
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

/// HMAC takes keys of any length, so this never takes the way out; it would lead to a key that nobody else has either.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&[0; 64].into()))
}

impl Key {
    fn of(secret: &[u8], audience: &str) -> Self {
        let id = hex::encode(&derive(secret, "onsale:key-id")[..4]);
        let header = format!(r#"{{"typ":"JWT","alg":"HS256","kid":"{id}"}}"#);
        Self { header: URL_SAFE_NO_PAD.encode(header), mac: keyed(&derive(secret, audience)) }
    }
}

impl Seal {
    /// `secrets`: the current one first, then those whose statements are still accepted. Not empty.
    pub(crate) fn new(secrets: &[Vec<u8>], audience: &'static str) -> Self {
        Self { audience, keys: secrets.iter().map(|secret| Key::of(secret, audience)).collect() }
    }

    /// Signs a statement. The same one signed again gives the same text.
    pub(crate) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, BadToken> {
        let key = self.keys.first().ok_or(BadToken)?;
        let claims = serde_json::to_vec(&Addressed { aud: self.audience, claims }).map_err(|_| BadToken)?;
        let mut token = String::with_capacity(key.header.len() + 2 * claims.len() + 2 * MAC_BYTES);
        token.push_str(&key.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut mac = key.mac.clone();
        mac.update(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut token);
        Ok(token)
    }

    /// What a statement says, if it is genuine.
    pub(crate) fn open<C: DeserializeOwned>(&self, token: &str) -> Result<C, BadToken> {
        let claims = self.genuine(token).ok_or(BadToken)?;
        let audience: Audience<'_> = serde_json::from_slice(&claims).map_err(|_| BadToken)?;
        if audience.aud != self.audience {
            return Err(BadToken);
        }
        serde_json::from_slice(&claims).map_err(|_| BadToken)
    }

    /// The claims of a token that was signed with one of the keys, still to be read.
    fn genuine(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let key = self.keys.iter().find(|key| key.header == header)?;
        // One more than there is room for a signature: a longer one is none.
        let mut bytes = [0; MAC_BYTES + 1];
        let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
        let mut mac = key.mac.clone();
        mac.update(signed.as_bytes());
        mac.verify_slice(&bytes[..length]).ok()?;
        URL_SAFE_NO_PAD.decode(claims).ok()
    }
}

#[cfg(test)]
mod fuzzing;

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
    use rstest::rstest;

    use super::*;

    const AUDIENCE: &str = "onsale:test";
    const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Claims {
        sub: String,
        exp: i64,
    }

    fn claims() -> Claims {
        Claims { sub: "buyer \u{1F39F}".into(), exp: 9_000_000_000 }
    }

    fn seal() -> Seal {
        Seal::new(&[SECRET.to_vec()], AUDIENCE)
    }

    /// Signed by a library, with our key: so that only what the case is about is wrong with it.
    fn signed(header: &Header, claims: &serde_json::Value) -> String {
        let key = EncodingKey::from_secret(&derive(SECRET, AUDIENCE));
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }

    fn our_header() -> Header {
        let kid = Some(hex::encode(&derive(SECRET, "onsale:key-id")[..4]));
        Header { kid, ..Header::new(Algorithm::HS256) }
    }

    #[test]
    fn it_is_a_json_web_token_like_others() {
        let token = seal().sign(&claims()).unwrap();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        let key = DecodingKey::from_secret(&derive(SECRET, AUDIENCE));
        let opened = jsonwebtoken::decode::<Claims>(&token, &key, &validation).unwrap();
        assert_eq!(opened.claims, claims());
        assert_eq!(opened.header, our_header());
        assert_eq!(seal().open::<Claims>(&token).unwrap(), claims());
        let theirs = serde_json::json!({"aud": AUDIENCE, "sub": claims().sub, "exp": claims().exp});
        assert_eq!(seal().open::<Claims>(&signed(&our_header(), &theirs)).unwrap(), claims());
    }

    #[rstest]
    #[case::another_audience(our_header(), serde_json::json!({"aud": "onsale:other", "sub": "a", "exp": 1}))]
    #[case::several_audiences(our_header(), serde_json::json!({"aud": [AUDIENCE], "sub": "a", "exp": 1}))]
    #[case::no_audience(our_header(), serde_json::json!({"sub": "a", "exp": 1}))]
    #[case::other_claims(our_header(), serde_json::json!({"aud": AUDIENCE, "sub": 1, "exp": 1}))]
    #[case::no_object(our_header(), serde_json::json!([AUDIENCE]))]
    #[case::no_key_named(Header { kid: None, ..our_header() }, serde_json::json!({"aud": AUDIENCE, "sub": "a", "exp": 1}))]
    #[case::another_key_named(Header { kid: Some("00000000".into()), ..our_header() }, serde_json::json!({"aud": AUDIENCE, "sub": "a", "exp": 1}))]
    #[case::another_algorithm(Header { alg: Algorithm::HS512, ..our_header() }, serde_json::json!({"aud": AUDIENCE, "sub": "a", "exp": 1}))]
    fn a_genuine_signature_is_not_enough(#[case] header: Header, #[case] claims: serde_json::Value) {
        assert!(seal().open::<Claims>(&signed(&header, &claims)).is_err());
    }

    #[test]
    fn no_letter_of_it_can_be_changed() {
        let token = seal().sign(&claims()).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(seal().open::<Claims>(&String::from_utf8(changed).unwrap()).is_err(), "letter {at}");
            assert!(seal().open::<Claims>(&token[..at]).is_err(), "cut at {at}");
        }
        let (signed, _) = token.rsplit_once('.').unwrap();
        let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), "e30");
        let long = format!("{token}{}", "A".repeat(MAX_BYTES));
        for bad in [format!("{signed}."), format!("{token}A"), format!("{token}."), none, long, String::new()]
        {
            assert!(seal().open::<Claims>(&bad).is_err(), "{bad}");
        }
    }
}
