//! Bodies that are none: broken, of another type, too large, with fields that are missing or say what they cannot.

use serde_json::{Value, json};

use super::Findings;
use crate::endpoints::{ENDPOINTS, Endpoint, People, World};

const BODY_LIMIT: usize = 256 * 1024;
const PLAN_LIMIT: usize = 16 * 1024 * 1024;

fn with_body() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.body.is_some())
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let deep = [
        "[".repeat(100_000),
        format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)),
        "{\"a\":".repeat(20_000),
    ];
    let flat: [&[u8]; 17] = [
        b"nonsense",
        b"{",
        b"}",
        b"{\"a\"",
        b"{\"a\":}",
        b"[1,]",
        b"{,}",
        b"{'a':1}",
        b"\"text\"",
        b"7",
        b"true",
        b"null",
        b"[]",
        b"{\"\xff\":1}",
        b"\xff\xfe{\0}\0",
        b"\0",
        b"{} {}",
    ];
    for endpoint in with_body() {
        let world = World::make(&people).await;
        let before = world.state().await;
        for body in flat.iter().copied().chain(deep.iter().map(String::as_bytes)) {
            findings.refused(world.call(endpoint).text(body.to_vec()), 400, endpoint.malformed).await;
        }
        let good = world.body(endpoint).unwrap_or_default();
        let members = good.as_object().unwrap();
        // A list of the values is another form of the same thing to some parsers.
        let listed = json!(members.values().collect::<Vec<_>>()).to_string();
        findings.refused(world.call(endpoint).text(listed), 400, endpoint.malformed).await;
        let may_be_missing = |name: &String| endpoint.missing.contains(&format!("/{name}").as_str());
        if !members.keys().all(may_be_missing) {
            let empty = [b"".as_slice(), b"{}", b"  "];
            for body in empty.iter().filter(|body| endpoint.malformed == "validation" || !body.is_empty()) {
                findings.refused(world.call(endpoint).text(body.to_vec()), 400, endpoint.malformed).await;
            }
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}

#[tokio::test]
async fn bodies_of_another_type_and_keys_that_are_none() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    for endpoint in with_body() {
        let world = World::make(&people).await;
        let before = world.state().await;
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "json",
            "",
            ";",
            "text/json",
        ] {
            let call = world.call(endpoint).header("content-type", kind);
            findings.refused(call, 415, "unsupported_media_type").await;
        }
        for key in [b"".as_slice(), &[b'k'; 256], b"\xff", "é".as_bytes()] {
            findings.refused(world.call(endpoint).header("idempotency-key", key), 400, "validation").await;
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}

#[tokio::test]
async fn bodies_that_are_too_large_and_those_that_just_are_not() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    for endpoint in with_body() {
        let world = World::make(&people).await;
        let before = world.state().await;
        let limit = if endpoint.malformed == "invalid_plan" { PLAN_LIMIT } else { BODY_LIMIT };
        let mut body = world.body(endpoint).unwrap_or_default().to_string();
        body.extend(std::iter::repeat_n(' ', limit - body.len()));
        let one_more = format!("{body} ");
        findings.refused(world.call(endpoint).text(one_more), 413, "body_too_large").await;
        findings.unchanged(&world, endpoint, &before).await;
        let largest = world.call(endpoint).text(body).await;
        findings.check(largest.status == endpoint.good, || {
            format!("{} at the limit: {largest:?}", endpoint.path)
        });
    }
    findings.none();
}

/// The pointers to everything in a document.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (format!("/{name}"), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (format!("/{at}"), value)).collect()
        }
        _ => Vec::new(),
    };
    let deeper = |(at, value): (String, &Value)| {
        let below: Vec<String> =
            pointers(value).into_iter().map(|pointer| format!("{at}{pointer}")).collect();
        std::iter::once(at).chain(below).collect::<Vec<_>>()
    };
    children.into_iter().flat_map(deeper).collect()
}

/// A document with one value written in another way.
fn rewritten(body: &Value, pointer: &str, raw: &str) -> String {
    let mut body = body.clone();
    *body.pointer_mut(pointer).unwrap() = json!("@@");
    body.to_string().replace("\"@@\"", raw)
}

fn without(body: &Value, pointer: &str) -> String {
    let mut body = body.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(last)),
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => unreachable!("{pointer} is in nothing"),
    }
    body.to_string()
}

/// What is never good in the place of a value.
fn wrong_types(value: &Value) -> &'static [&'static str] {
    match value {
        Value::String(_) => &["7", "1.5", "true", "[]", "{}", "[\"x\"]", "\"\\ud800\""],
        Value::Number(_) => &[
            "\"1\"",
            "true",
            "[]",
            "{}",
            "1.5",
            "-1",
            "1e308",
            "-1e308",
            "18446744073709551616",
            "1e999",
            "NaN",
        ],
        Value::Bool(_) => &["\"true\"", "1", "0", "[]", "{}"],
        Value::Array(_) => &["7", "\"x\"", "{}", "true", "[[]]", "[{}]", "[null]", "[\"x\"]"],
        _ => &["7", "\"x\"", "[]", "true", "[1]"],
    }
}

#[tokio::test]
async fn fields_of_the_wrong_type_and_fields_that_are_missing() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let deep = format!("{}1{}", "{\"a\":[".repeat(200), "]}".repeat(200));
    // What a plan may look like is looser; its own tests say how.
    for endpoint in with_body().filter(|endpoint| endpoint.malformed == "validation") {
        let world = World::make(&people).await;
        let before = world.state().await;
        let good = world.body(endpoint).unwrap_or_default();
        let mut bodies = Vec::new();
        for pointer in pointers(&good) {
            let types = wrong_types(good.pointer(&pointer).unwrap());
            let types = types.iter().copied().chain([deep.as_str()]);
            bodies.extend(types.map(|raw| rewritten(&good, &pointer, raw)));
            if !endpoint.null.contains(&pointer.as_str()) {
                bodies.push(rewritten(&good, &pointer, "null"));
            }
            if !endpoint.missing.contains(&pointer.as_str()) {
                bodies.push(without(&good, &pointer));
            }
        }
        for body in bodies {
            findings.refused(world.call(endpoint).text(body), 400, "validation").await;
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}

#[tokio::test]
async fn texts_that_nobody_writes() {
    let people = People::gather().await;
    let mut findings = Findings::default();
    let long = format!("\"{}\"", "x".repeat(20_000));
    let odd = ["\"\\u0000\"", "\"a\\u0007b\"", "\"\\u001b[31m\"", "\"\\u007f\"", "\"a\\u0085b\"", &long];
    for endpoint in with_body().filter(|endpoint| endpoint.malformed == "validation") {
        let world = World::make(&people).await;
        let before = world.state().await;
        let good = world.body(endpoint).unwrap_or_default();
        let (status, code) = endpoint.odd_text.unwrap_or((400, "validation"));
        for pointer in
            pointers(&good).iter().filter(|pointer| good.pointer(pointer).is_some_and(Value::is_string))
        {
            for raw in odd {
                let body = rewritten(&good, pointer, raw);
                findings.refused(world.call(endpoint).text(body), status, code).await;
            }
        }
        findings.still_good(&world, endpoint, &before).await;
    }
    findings.none();
}
