//! The log as docs/logs.md describes it.
//!
//! Invariant checked: a line has no field that the document does not have, of the type it says, and all that are always
//! there; and nobody is named in it.

use std::collections::BTreeMap;

use onsale_testkit::servers::Stores;
use serde_json::{Value, json};

use crate::support::{Onsale, PASSWORD, Stage, eventually, grid, text};

const DOCUMENT: &str = include_str!("../../../../docs/logs.md");
const SECRET: &str = "a secret that two processes share 0123456789";
const JSON: [(&str, &str); 2] = [("ONSALE_LOG__FORMAT", "json"), ("ONSALE_SECRET", SECRET)];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A field as the document has it.
struct Field {
    kind: String,
    always: bool,
}

/// The fields in the table of a section.
fn fields(section: &str) -> BTreeMap<String, Field> {
    let from = DOCUMENT.find(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no {section}"));
    let rows = DOCUMENT[from + 4..].lines().take_while(|line| !line.starts_with("## "));
    let cells = rows.filter_map(|row| Some(row.strip_prefix("| `")?.split(" | ").collect::<Vec<_>>()));
    let fields: BTreeMap<String, Field> = cells
        .map(|cells| {
            let field = Field { kind: cells[1].to_owned(), always: cells[2] == "yes" };
            (cells[0].trim_end_matches('`').to_owned(), field)
        })
        .collect();
    assert!(fields.len() > 5, "the table of {section} was not found");
    fields
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        other => panic!("{other} is no type of a field"),
    }
}

/// The lines of the program itself, each held against the document.
fn checked(log: &str) -> Vec<Value> {
    let (common, access, other) =
        (fields("In every line"), fields("The access line"), fields("Everything else"));
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let ours: Vec<Value> = lines.filter(|line| text(&line["target"]).starts_with("onsale")).collect();
    for line in &ours {
        let special = if line["target"] == "onsale::access" { &access } else { &other };
        for (name, value) in line.as_object().unwrap() {
            let field = common.get(name).or_else(|| special.get(name));
            let field = field.unwrap_or_else(|| panic!("{name} is not in docs/logs.md: {line}"));
            assert!(is(&field.kind, value), "{name} is no {}: {line}", field.kind);
        }
        for (name, field) in common.iter().chain(special) {
            assert!(!field.always || !line[name].is_null(), "{name} is missing: {line}");
        }
    }
    ours
}

/// The access line of a request, as soon as it is written.
async fn access_line(onsale: &Onsale, request_id: &str) -> Value {
    let (line, _) = eventually("an access line", std::time::Duration::from_secs(5), async || {
        let log = checked(&onsale.whole_log());
        let of = |line: &&Value| line["target"] == "onsale::access" && line["request_id"] == request_id;
        log.iter().find(of).cloned().ok_or(format!("{request_id} is not there"))
    })
    .await;
    line
}

#[tokio::test]
async fn lines_are_as_documented_and_name_nobody() {
    let stage = Stage::on(Onsale::on(Stores::Embedded, &JSON), &json!({}), &grid(2, 3)).await;
    let kim = stage.sign_up("kim@example.com").await;
    let account = text(&stage.get("/me").by(&kim).await.ok(200)["account_id"]);
    let stranger = stage.guest().await;
    let guest_id = text(&stage.get("/me").by(&stranger).await.ok(200)["account_id"]);
    let named = |call: crate::calls::Call, id: &str| call.header("x-request-id", id);

    let held = named(stage.holding_seats(&kim, &[1]), "held").await.ok(201);
    named(stage.holding_seats(&stranger, &[1]), "taken")
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .await
        .refused(409, "seat_taken");
    named(stage.get("/nothing/here"), "nowhere").await.refused(404, "not_found");
    named(stage.get("/me").by("nonsense"), "nobody").await.refused(401, "unauthenticated");
    let order = named(stage.confirming(&kim, &held, "simulated"), "paid").await.ok(201);
    let code = text(&order["tickets"][0]["code"]);
    named(stage.get(&format!("/tickets/{code}/qr.svg")).by(&kim), "drawn").await;
    let refund = format!("/orders/{}/refund", text(&order["id"]));
    named(stage.post(&refund, &json!({})).by(&stage.organizer), "refunded").await.ok(200);

    let reservations = "/api/v1/performances/{performance_id}/reservations";
    let held_line = access_line(&stage, "held").await;
    assert_eq!((&held_line["status"], &held_line["route"]), (&json!(201), &json!(reservations)));
    assert_eq!((&held_line["sequence"], &held_line["reason"]), (&held["sequence"], &Value::Null));
    assert_eq!(held_line["path"], json!(format!("/api/v1{}", stage.path("/reservations"))));
    let taken = access_line(&stage, "taken").await;
    assert_eq!((&taken["status"], &taken["reason"]), (&json!(409), &json!("seat_taken")));
    assert_eq!((&taken["trace_id"], &taken["sequence"]), (&json!(TRACE), &Value::Null));
    let nowhere = access_line(&stage, "nowhere").await;
    assert_eq!((&nowhere["route"], &nowhere["reason"]), (&json!("other"), &json!("not_found")));
    assert!(nowhere["buyer"].is_null() && nowhere["trace_id"].is_null(), "{nowhere}");
    assert!(access_line(&stage, "nobody").await["buyer"].is_null());
    let drawn = access_line(&stage, "drawn").await;
    assert_eq!(drawn["path"], "/api/v1/tickets/…/qr.svg");
    let paid = access_line(&stage, "paid").await;
    assert_eq!((&paid["buyer"], &drawn["buyer"]), (&held_line["buyer"], &held_line["buyer"]));
    assert_ne!(taken["buyer"], held_line["buyer"]);
    assert_eq!(text(&taken["buyer"]).len(), 16);

    // What another part says of a request can be found by it, also from a task of its own.
    let refunded = access_line(&stage, "refunded").await;
    let log = checked(&stage.whole_log());
    let said = log.iter().find(|line| line["message"] == "refunded").unwrap();
    assert_eq!((&said["request_id"], &said["buyer"]), (&json!("refunded"), &refunded["buyer"]));

    let pseudonym = |arguments: &[&str]| {
        let lines = stage.command(&[&["pseudonym"], arguments].concat(), "");
        text(&lines[0]["pseudonym"])
    };
    assert_eq!(pseudonym(&[&account]), text(&held_line["buyer"]));
    assert_eq!(pseudonym(&["--email", "Kim@example.com"]), text(&held_line["buyer"]));
    assert_eq!(pseudonym(&[&guest_id]), text(&taken["buyer"]));

    let log = stage.whole_log();
    let persons = [&account, &guest_id, &"kim@example.com".to_owned(), &"Kim Min-ji".to_owned(), &code];
    for person in persons.into_iter().chain([&kim, &PASSWORD.to_owned()]) {
        assert!(!log.contains(person.as_str()), "{person} is in the log: {log}");
    }
    assert!(!log.contains("127.0.0.1:") || log.matches("127.0.0.1:").count() == 1, "an address: {log}");
}

#[tokio::test]
async fn somebody_has_one_pseudonym_over_all_processes_and_one_for_each_secret() {
    let (one, other) = (Onsale::on(Stores::Embedded, &JSON), Onsale::on(Stores::Embedded, &JSON));
    let elsewhere = Onsale::on(
        Stores::Embedded,
        &[
            JSON[0],
            ("ONSALE_SECRET", "another secret, 01234567890123456789"),
            ("ONSALE_PREVIOUS_SECRETS", SECRET),
        ],
    );
    let guest = one.guest().await;
    let mut found = Vec::new();
    for onsale in [&one, &other, &elsewhere] {
        onsale.get("/me").by(&guest).header("x-request-id", "me").await.ok(200);
        found.push(text(&access_line(onsale, "me").await["buyer"]));
    }
    assert_eq!(found[0], found[1]);
    assert_ne!(found[0], found[2]);
    // Who changes the secret finds the lines of before.
    let id = text(&one.get("/me").by(&guest).await.ok(200)["account_id"]);
    let said = elsewhere.command(&["pseudonym", &id], "");
    let said: Vec<(String, String)> =
        said.iter().map(|line| (text(&line["pseudonym"]), text(&line["secret"]))).collect();
    assert_eq!(said, [(found[2].clone(), "current".into()), (found[0].clone(), "previous".into())]);
}

#[tokio::test]
async fn a_fault_is_written_with_its_cause_however_much_else_is_written() {
    let stage = Stage::on(Onsale::on(Stores::Embedded, &JSON), &json!({}), &grid(1, 2)).await;
    let guest = stage.guest().await;
    // More in one second than there is room for.
    let calls = (0..400).map(|_| async { stage.get("/events").await });
    futures_util::future::join_all(calls).await;
    // Without its tables the ledger answers nothing.
    let ledger = rusqlite::Connection::open(stage.installation.data_dir().join("ledger.db")).unwrap();
    ledger.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    ledger.execute_batch("ALTER TABLE orders RENAME TO gone").unwrap();
    let answer = stage.get("/me/orders").by(&guest).header("x-request-id", "fault").await;
    assert!(answer.status >= 500, "{}", answer.text());
    let line = access_line(&stage, "fault").await;
    assert_eq!(line["status"], json!(answer.status));
    assert_eq!(line["reason"], answer.json()["code"]);
    let log = checked(&stage.whole_log());
    let cause = log.iter().find(|line| !line["cause"].is_null() && line["request_id"] == "fault").unwrap();
    assert_eq!(cause["buyer"], line["buyer"]);
    let (written, skipped) = log
        .iter()
        .filter(|line| line["target"] == "onsale::access")
        .fold((0, 0), |(written, skipped), line| (written + 1, skipped + line["skipped"].as_u64().unwrap()));
    assert!(written + skipped >= 400, "{written} written, {skipped} left out");
}
