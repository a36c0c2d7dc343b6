//! Who sent a webhook, and when: the `Stripe-Signature` header.
//!
//! Invariants: nothing of a delivery is looked at before one of our secrets has signed it, moment and body together;
//! what was signed longer ago than the tolerance is refused, so that a delivery somebody has recorded is worth nothing
//! the day after; signatures are compared in a time that does not depend on where they differ.

use hmac::{Hmac, KeyInit, Mac};
use onsale_domain::time::Timestamp;
use sha2::Sha256;

/// The header.
pub(super) const HEADER: &str = "stripe-signature";

/// How many signatures of one delivery are looked at; there is one for each secret that is valid at the time.
const MOST_SIGNATURES: usize = 8;

/// The longest header that is looked at.
const MOST_BYTES: usize = 4_096;

/// Checks the header of a delivery against the secrets, of which any may have signed. An error says what is wrong.
pub(super) fn check(
    header: &str,
    body: &[u8],
    secrets: &[Vec<u8>],
    now: Timestamp,
    tolerance_s: u64,
) -> Result<(), &'static str> {
    if header.len() > MOST_BYTES {
        return Err("the signature header is too long");
    }
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for item in header.split(',') {
        match item.trim().split_once('=') {
            Some(("t", moment)) if signed_at.is_none() => signed_at = Some(moment),
            Some(("t", _)) => return Err("the signature header has two moments"),
            // Other schemes, such as the v0 of test mode, prove nothing.
            Some(("v1", signature)) if signatures.len() < MOST_SIGNATURES => {
                signatures.extend(hex::decode(signature).ok());
            }
            _ => {}
        }
    }
    let moment = signed_at.ok_or("the signature header has no moment")?;
    let is_number = !moment.is_empty() && moment.bytes().all(|digit| digit.is_ascii_digit());
    let seconds: i64 =
        moment.parse().ok().filter(|_| is_number).ok_or("the moment of the signature is no number")?;
    if signatures.is_empty() {
        return Err("the signature header has no v1 signature");
    }
    // The text as it was sent is what was signed, not the number it stands for.
    let signed = |secret: &Vec<u8>| is_signed(secret, moment, body, &signatures);
    if !secrets.iter().any(signed) {
        return Err("no secret of ours has signed this");
    }
    let signed_at = Timestamp(seconds.saturating_mul(1000));
    let apart_ms = now.since_ms(signed_at).max(signed_at.since_ms(now));
    // The moment is in whole seconds.
    if apart_ms >= (tolerance_s + 1) * 1000 {
        return Err("the signature is of another time");
    }
    Ok(())
}

fn is_signed(secret: &[u8], moment: &str, body: &[u8], signatures: &[Vec<u8>]) -> bool {
    // Any length of key is good for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(moment.as_bytes());
    mac.update(b".");
    mac.update(body);
    // Compares in constant time.
    signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"whsec_of_today";
    const OLD: &[u8] = b"whsec_of_yesterday";
    const NOW: Timestamp = Timestamp(1_700_000_000_400);
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn signature(secret: &[u8], moment: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(moment.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn header(secret: &[u8], moment: i64) -> String {
        format!("t={moment},v1={}", signature(secret, &moment.to_string(), BODY))
    }

    fn checked(header: &str, secrets: &[&[u8]]) -> Result<(), &'static str> {
        let secrets: Vec<Vec<u8>> = secrets.iter().map(|secret| secret.to_vec()).collect();
        check(header, BODY, &secrets, NOW, 300)
    }

    /// Worked out with `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_of_today`.
    #[test]
    fn agrees_with_openssl() {
        let header = "t=1700000000,v1=c9cea4f1299dc7ecf78dd0834703e89c82a8f9f5dfba0dfce20e6823ec029c63";
        assert_eq!(checked(header, &[SECRET]), Ok(()));
    }

    #[test]
    fn any_secret_and_any_signature_will_do() {
        let today = header(SECRET, 1_700_000_000);
        assert_eq!(checked(&today, &[SECRET]), Ok(()));
        assert_eq!(checked(&today, &[OLD, SECRET]), Ok(()), "rotation on our side");
        let old = signature(OLD, "1700000000", BODY);
        assert_eq!(checked(&format!("{today},v1={old}"), &[OLD]), Ok(()), "rotation on theirs");
        assert_eq!(checked(&format!("{today},v0={old}"), &[OLD]), Err("no secret of ours has signed this"));
        assert!(checked(&today, &[]).is_err(), "without a secret nothing is genuine");
    }

    #[test]
    fn another_body_moment_or_secret_is_not_genuine() {
        let good = header(SECRET, 1_700_000_000);
        let forged = Err("no secret of ours has signed this");
        let secrets = [SECRET.to_vec()];
        assert_eq!(check(&good, br#"{"id":"evt_2"}"#, &secrets, NOW, 300), forged);
        assert_eq!(checked(&good.replace("t=1700000000", "t=1700000001"), &[SECRET]), forged);
        assert_eq!(checked(&good.replace("t=1700000000", "t=01700000000"), &[SECRET]), forged);
        assert_eq!(checked(&header(OLD, 1_700_000_000), &[SECRET]), forged);
        let cut = &good[..good.len() - 2];
        assert_eq!(checked(cut, &[SECRET]), forged);
    }

    #[test]
    fn only_the_present_counts() {
        for within in [-300, 0, 300] {
            assert_eq!(checked(&header(SECRET, 1_700_000_000 + within), &[SECRET]), Ok(()), "{within}");
        }
        for off in [-86_400, -301, 302, 86_400] {
            let refused = checked(&header(SECRET, 1_700_000_000 + off), &[SECRET]);
            assert_eq!(refused, Err("the signature is of another time"), "{off}");
        }
    }

    #[test]
    fn what_is_no_signature_header() {
        let signature = signature(SECRET, "1700000000", BODY);
        let long = "v1=00,".repeat(2_000);
        for bad in [
            "",
            ",,,",
            "t=1700000000",
            &format!("v1={signature}"),
            &format!("t=,v1={signature}"),
            &format!("t=+1700000000,v1={signature}"),
            &format!("t=now,v1={signature}"),
            &format!("t=99999999999999999999,v1={signature}"),
            &format!("t=1700000000,t=1700000000,v1={signature}"),
            "t=1700000000,v1=",
            "t=1700000000,v1=xyz",
            &long,
        ] {
            assert!(checked(bad, &[SECRET]).is_err(), "{bad}");
        }
    }
}
