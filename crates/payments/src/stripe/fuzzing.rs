//! Anything as a delivery of Stripe's: nothing is genuine but what one of our secrets has signed, within the tolerance.
//!
//! Invariant: whether a delivery is genuine is decided a second time here, from what was signed and not from how the
//! header is read.

use std::{collections::BTreeMap, sync::LazyLock};

use hmac::{Hmac, KeyInit, Mac};
use onsale_testkit::{
    clock::{ManualClock, START},
    ledger::MemoryLedger,
};

use super::*;

const SECRETS: [&[u8]; 2] = [b"whsec_of_today", b"whsec_of_yesterday"];

static STRIPE: LazyLock<Stripe> = LazyLock::new(|| {
    let settings = StripeSettings {
        webhook_secrets: SECRETS.map(<[u8]>::to_vec).into(),
        ..StripeSettings::of("sk_test_1")
    };
    Stripe::new(settings, Arc::new(MemoryLedger::new()), Arc::new(ManualClock::new())).unwrap()
});

#[test]
fn nothing_is_genuine_but_what_was_signed() {
    onsale_fuzzing::fuzz!("stripe_webhook", 10_000, check);
}

#[test]
fn the_folder_has_deliveries_that_are_genuine() {
    let genuine = include_bytes!("../../fuzz/stripe_webhook/genuine");
    let (header, body) = parted(genuine);
    assert!(matches!(notice(&written_out(header, body), body), Notice::About(_)));
}

/// The first line is the header, the rest the body. In the header `{now}` stands for the moment, `{now-301}` for an
/// earlier one, and `{today}`, `{yesterday}` or `{stranger}` for the signature of whatever moment stands in front of it.
fn check(input: &[u8]) {
    let (header, body) = parted(input);
    let header = written_out(header, body);
    if matches!(notice(&header, body), Notice::Refused(_)) {
        return;
    }
    let now_s = START.as_millis() / 1000;
    let items: Vec<(&str, &str)> = header.split(',').filter_map(|item| item.trim().split_once('=')).collect();
    let moments: Vec<&str> = items.iter().filter(|(name, _)| *name == "t").map(|(_, value)| *value).collect();
    assert_eq!(moments.len(), 1, "{header}");
    let moment: i64 = moments[0].parse().unwrap();
    assert!((moment - now_s).abs() <= i64::try_from(TOLERANCE_S).unwrap(), "{header}");
    let ours = SECRETS.map(|secret| signature(secret, moments[0], body));
    let is_ours = |(name, value): &(&str, &str)| *name == "v1" && ours.contains(&value.to_ascii_lowercase());
    assert!(items.iter().any(is_ours), "{header}");
}

fn parted(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    end.map_or((input, &[]), |end| (&input[..end], &input[end + 1..]))
}

fn written_out(header: &[u8], body: &[u8]) -> String {
    let now_s = START.as_millis() / 1000;
    let header = String::from_utf8_lossy(header);
    let mut parts = header.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut moment = String::new();
    for part in parts {
        let (name, behind) = part.split_once('}').unwrap_or((part, ""));
        match (name, name.strip_prefix("now").map(str::parse::<i32>)) {
            ("today", _) => text.push_str(&signature(SECRETS[0], &moment, body)),
            ("yesterday", _) => text.push_str(&signature(SECRETS[1], &moment, body)),
            ("stranger", _) => text.push_str(&signature(b"whsec_of_nobody", &moment, body)),
            (_, Some(off)) => {
                moment = (now_s + i64::from(off.unwrap_or(0))).to_string();
                text.push_str(&moment);
            }
            _ => text.push_str(name),
        }
        text.push_str(behind);
    }
    text
}

fn signature(secret: &[u8], moment: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(moment.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn notice(header: &str, body: &[u8]) -> Notice {
    let headers = BTreeMap::from([("stripe-signature".to_owned(), header.to_owned())]);
    STRIPE.notice(&Delivery { headers: &headers, body }, START).unwrap()
}
