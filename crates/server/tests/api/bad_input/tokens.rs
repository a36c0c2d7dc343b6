//! Tokens that are none: missing, garbled, foreign, expired, changed.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use onsale_testkit::process::Installation;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Findings;
use crate::{
    endpoints::{ENDPOINTS, People, World},
    support::{BINARY, text},
};

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A token with other claims, signed anew as whoever knows the secret would.
fn resigned(people: &People, token: &str, change: impl Fn(&mut Value)) -> String {
    resigned_for("onsale:access", &people.onsale.secret(), token, change)
}

/// The same for what is signed for any audience with a secret.
pub(crate) fn resigned_for(audience: &str, secret: &str, token: &str, change: impl Fn(&mut Value)) -> String {
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&base64.decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    let signed = format!("{}.{}", parts[0], base64.encode(claims.to_string()));
    let signature = hmac(&hmac(secret.trim().as_bytes(), audience), &signed);
    format!("{signed}.{}", base64.encode(signature))
}

#[tokio::test]
async fn tokens_that_are_none() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let foreign = Installation::new(BINARY).unwrap().run(&["token"], "").unwrap();
    let foreign: Value = serde_json::from_str(&foreign).unwrap();
    let unsigned = |token: &str| {
        let parts: Vec<&str> = token.split('.').collect();
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1])
    };
    for endpoint in ENDPOINTS {
        let world = World::make(&people).await;
        let before = world.state().await;
        if let Some(good) = people.token(endpoint.who) {
            // Signing anew is done right here: with the claims unchanged it is accepted.
            let fresh = resigned(&people, good, |_| {});
            people.onsale.get("/me/wallet").by(&fresh).await.ok(200);
            let bad = [
                "garbage".to_owned(),
                "a.b.c".to_owned(),
                text(&foreign["access_token"]),
                unsigned(good),
                good[..good.len() - 2].to_owned(),
                format!("{good}.x"),
                resigned(&people, good, |claims| claims["exp"] = json!(1_700_000_000)),
                resigned(&people, good, |claims| claims["exp"] = json!(-1)),
                resigned(&people, good, |claims| claims["aud"] = json!("onsale:pass")),
                resigned(&people, good, |claims| claims["sub"] = json!("somebody")),
                resigned(&people, good, |claims| claims["role"] = json!("emperor")),
            ];
            for token in &bad {
                findings.refused(world.anonymous_call(endpoint).by(token), 401, "unauthenticated").await;
            }
            let headers: [&[u8]; 7] = [
                b"",
                b"Bearer",
                b"Bearer ",
                b"Basic a2ltOmtpbQ==",
                good.as_bytes(),
                b"Bearer  \t",
                b"Bearer \xff",
            ];
            for header in headers {
                let call = world.anonymous_call(endpoint).header("authorization", header);
                findings.refused(call, 401, "unauthenticated").await;
            }
            let answer = world.anonymous_call(endpoint).await;
            answer.refused(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}
