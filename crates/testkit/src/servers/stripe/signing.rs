//! Signatures of webhooks as Stripe makes them: HMAC-SHA-256 over moment and body.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The `Stripe-Signature` header of a body that was signed at a moment, seconds since 1970.
pub fn signature(secret: &str, moment: i64, body: &[u8]) -> String {
    // Any length of key will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{moment}.").as_bytes());
    mac.update(body);
    format!("t={moment},v1={}", hex::encode(mac.finalize().into_bytes()))
}
