//! Proof of work: a price for joining that a person does not notice and a thousand bots do.
//!
//! The proof is 16 hex digits, a number such that SHA-256("onsale work v1" ‖ commitment of the room ‖ account ‖ number as
//! u64, big-endian) begins with as many zero bits as the event asks for. The commitment is public when the lobby opens,
//! so nobody can work ahead, and the account makes the work good for one buyer.
//!
//! Invariant: nothing is remembered; checking costs one hash.

use onsale_app::{
    Caller,
    errors::{AppError, Reason},
    waiting_room::Rooms,
};
use onsale_domain::{
    ids::{AccountId, EventId},
    waiting_room::Hash,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Refuses who has not done the work that the event asks for.
pub(super) async fn check(
    rooms: &Rooms,
    event: EventId,
    caller: Caller,
    proof: Option<&str>,
) -> Result<(), AppError> {
    let (settings, commitment) = rooms.work(event).await?;
    if settings == 0 {
        return Ok(());
    }
    if proof
        .and_then(number)
        .is_some_and(|number| zero_bits(&work(&commitment, caller.account, number)) >= settings)
    {
        return Ok(());
    }
    let detail = "joining asks for some work first; send the number found as proof";
    Err(AppError::refused(Reason::WorkRequired, detail)
        .with("bits", json!(settings))
        .with("challenge", json!(format!("{commitment}{}", hex::encode(caller.account.0.as_bytes())))))
}

/// The number, if it is written as 16 hex digits: reading numbers takes signs for good, too.
fn number(proof: &str) -> Option<u64> {
    let is_hex = proof.len() == 16 && proof.bytes().all(|digit| digit.is_ascii_hexdigit());
    u64::from_str_radix(proof, 16).ok().filter(|_| is_hex)
}

fn work(commitment: &Hash, account: AccountId, number: u64) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"onsale work v1")
        .chain_update(commitment.0)
        .chain_update(account.0.as_bytes())
        .chain_update(number.to_be_bytes())
        .finalize()
        .into()
}

fn zero_bits(hash: &[u8; 32]) -> u32 {
    let whole = hash.iter().take_while(|byte| **byte == 0).count();
    whole as u32 * 8 + hash.get(whole).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        let mut hash = [0xFF; 32];
        assert_eq!(zero_bits(&hash), 0);
        hash[0] = 0x1F;
        assert_eq!(zero_bits(&hash), 3);
        (hash[0], hash[1]) = (0, 0x40);
        assert_eq!(zero_bits(&hash), 9);
        assert_eq!(zero_bits(&[0; 32]), 256);
    }

    #[test]
    fn work_is_good_for_one_buyer_and_one_room() {
        let (room, buyer) = (Hash([7; 32]), AccountId(Uuid::from_u128(5)));
        let number = (0..1 << 20).find(|number| zero_bits(&work(&room, buyer, *number)) >= 12).unwrap();
        assert!(zero_bits(&work(&Hash([8; 32]), buyer, number)) < 12);
        assert!(zero_bits(&work(&room, AccountId(Uuid::from_u128(6)), number)) < 12);
    }
}
