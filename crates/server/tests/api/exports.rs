//! Exports of an event, and the audit of the ledger they are made of.
//!
//! Invariant: sums are compared with what buyers were charged and given back, not with each other alone.

use std::{collections::BTreeMap, time::Duration};

use onsale_testkit::servers::Stores;
use serde_json::{Value, json};

use crate::support::{Onsale, Stage, grid, text, won};

/// A CSV file as its readers see it: by the names of the columns.
struct Table(Vec<BTreeMap<String, String>>);

impl Table {
    async fn get(stage: &Stage, name: &str) -> Self {
        let path = format!("/events/{}/{name}.csv", stage.event);
        let answer = stage.get(&path).by(&stage.organizer).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}.csv\""));
        Self::read(&answer.text())
    }

    /// Written apart from what writes it: a state a character.
    fn read(text: &str) -> Self {
        let (mut rows, mut row, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '"' if is_quoted && characters.peek() == Some(&'"') => {
                    field.push('"');
                    characters.next();
                }
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => row.push(std::mem::take(&mut field)),
                '\r' if !is_quoted => assert_eq!(characters.peek(), Some(&'\n'), "a line ends with CR LF"),
                '\n' if !is_quoted => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                other => field.push(other),
            }
        }
        assert!(field.is_empty() && row.is_empty() && !is_quoted, "the last line has an end");
        let names = rows.remove(0);
        let named = |row: Vec<String>| {
            assert_eq!(row.len(), names.len(), "{row:?}");
            names.iter().cloned().zip(row).collect()
        };
        Self(rows.into_iter().map(named).collect())
    }

    fn sum(&self, column: &str) -> i64 {
        self.0.iter().map(|row| row[column].parse::<i64>().unwrap()).sum()
    }

    fn of(&self, column: &str, value: &str) -> Vec<&BTreeMap<String, String>> {
        self.0.iter().filter(|row| row[column] == value).collect()
    }
}

async fn wallet_with(stage: &Stage, email: &str, amount: i64) -> String {
    let token = stage.sign_up(email).await;
    stage.post("/me/wallet/top-ups", &json!({"amount": won(amount)})).by(&token).await.ok(201);
    token
}

async fn refund(stage: &Stage, order: &Value, body: &Value) {
    let path = format!("/orders/{}/refund", text(&order["id"]));
    stage.post(&path, body).by(&stage.organizer).await.ok(200);
}

async fn confirmed(stage: &Stage, token: &str, seats: &[u32], buyer: &Value, method: &str) -> Value {
    let held = stage.hold(token, seats).await;
    let path = format!("/reservations/{}/confirm", text(&held["id"]));
    let body = json!({"payment": {"method": method}, "buyer": buyer});
    stage.post(&path, &body).by(token).await.ok(201)
}

/// How a check of the ledger ends, what it prints, and what it says.
fn verified(onsale: &Onsale, more: &[&str]) -> (i32, String, String) {
    let arguments = [&["verify", "ledger"], more].concat();
    let ended = onsale.installation.run_to_end(&arguments, "").unwrap();
    (ended.status.code().unwrap(), ended.stdout, ended.stderr)
}

#[tokio::test]
async fn an_events_books_are_exported_and_add_up() {
    let mut body = grid(2, 5);
    body["areas"] = json!([{"label": "Standing, left", "capacity": 5, "price": won(500)}]);
    let stage = Stage::with(&json!({"max_seats_per_buyer": 20}), &body).await;
    let (kim, lee) = (wallet_with(&stage, "kim@example.com", 10_000).await, stage.guest().await);
    let odd = json!({"name": "=HYPERLINK(\"http://example.com\",\"a, b\")", "phone": "+82 10-1234-5678",
        "email": "kim@example.com"});
    let first = confirmed(&stage, &kim, &[1, 2, 3], &json!({"name": "김민지"}), "wallet").await;
    let second = confirmed(&stage, &lee, &[4, 5], &odd, "simulated").await;
    let held = stage.holding(&lee, &json!({"area_id": 1, "quantity": 2})).await.ok(201);
    let third = stage.confirming(&lee, &held, "simulated").await.ok(201);
    refund(&stage, &first, &json!({"seat_ids": [2]})).await;
    refund(&stage, &second, &json!({})).await;
    // Of another event, and not to be seen here.
    let event = stage.onsale.event(&stage.organizer, &json!({})).await;
    let other = stage.onsale.performance(&stage.organizer, &event, &grid(1, 1)).await;
    let path = format!("/performances/{other}/reservations");
    let held = stage.post(&path, &json!({"seat_ids": [1]})).by(&lee).await.ok(201);
    stage.confirming(&lee, &held, "simulated").await.ok(201);
    // A second performance of the same.
    let again = stage.onsale.performance(&stage.organizer, &stage.event, &grid(1, 1)).await;
    let path = format!("/performances/{again}/reservations");
    let held = stage.post(&path, &json!({"seat_ids": [1]})).by(&kim).await.ok(201);
    stage.confirming(&kim, &held, "wallet").await.ok(201);

    let orders = Table::get(&stage, "orders").await;
    assert_eq!(orders.0.len(), 4);
    assert_eq!((orders.sum("total"), orders.sum("refunded"), orders.sum("kept")), (7_000, 3_000, 4_000));
    let line = orders.of("order_id", &text(&first["id"]))[0];
    for (column, value) in [
        ("status", "paid"),
        ("buyer_name", "김민지"),
        ("buyer_phone", ""),
        ("seats", "A-1; A-2; A-3"),
        ("seats_refunded", "1"),
        ("refunded", "1000"),
        ("currency", "KRW"),
        ("payment_method", "wallet"),
        ("performance_starts_at", "2030-12-24T20:00:00Z"),
    ] {
        assert_eq!(line[column], value, "{column}");
    }
    assert_eq!(line["created_at"], text(&first["created_at"]));
    let line = orders.of("order_id", &text(&second["id"]))[0];
    assert_eq!(line["buyer_name"], "'=HYPERLINK(\"http://example.com\",\"a, b\")", "no formula");
    assert_eq!((line["buyer_phone"].as_str(), line["status"].as_str()), ("'+82 10-1234-5678", "refunded"));
    let line = orders.of("order_id", &text(&third["id"]))[0];
    assert_eq!(line["seats"], "Standing, left; Standing, left");

    let payments = Table::get(&stage, "payments").await;
    assert_eq!((payments.of("kind", "payment").len(), payments.of("kind", "refund").len()), (4, 2));
    assert_eq!(payments.sum("moved"), 4_000);
    let entries = Table::get(&stage, "ledger-entries").await;
    assert_eq!((entries.0.len(), entries.sum("amount")), (12, 0));
    let of_wallet: i64 =
        entries.of("side", "account").iter().map(|row| row["amount"].parse::<i64>().unwrap()).sum();
    let balance = stage.get("/me/wallet").by(&kim).await.ok(200)["balance"]["amount"].as_i64().unwrap();
    assert_eq!((balance, of_wallet), (7_000, -3_000), "what is in the wallet is what came less what went");
    let (status, said, errors) = verified(&stage.onsale, &["--ask-providers"]);
    assert_eq!(status, 0, "{said}{errors}");
    for line in [
        "counted: 5 orders, 9 units, 5 payments, 2 refunds",
        "KRW: captured 8000, refunded 3000, kept by paid orders 5000",
        "wallets in KRW: 8 entries that add up to 0, 7000 in wallets",
        "right: everything agrees",
    ] {
        assert!(said.lines().any(|known| known == line), "{line}: {said}");
    }
    for name in ["orders", "payments", "ledger-entries"] {
        let call = stage.get(&format!("/events/{}/{name}.csv", stage.event));
        call.clone().await.refused(401, "unauthenticated");
        call.by(&kim).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn an_event_without_orders_is_a_head_and_nothing_else() {
    let stage = Stage::seats(1, 1).await;
    for name in ["orders", "payments", "ledger-entries"] {
        assert_eq!(Table::get(&stage, name).await.0.len(), 0);
    }
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 0, "{said}{errors}");
}

#[tokio::test]
async fn verifying_where_there_is_no_ledger_makes_none() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let nowhere = onsale.installation.data_dir().join("nowhere");
    let (status, said, errors) = verified(&onsale, &["--data-dir", nowhere.to_str().unwrap()]);
    assert_eq!((status, said.as_str()), (2, ""), "{errors}");
    assert!(!nowhere.exists());
}

/// Each corruption on a ledger that was right before it, told in words that name what is wrong.
#[tokio::test]
async fn what_is_planted_in_the_ledger_is_found() {
    let onsale = Onsale::on(Stores::Embedded, &[("ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE", "0")]);
    let mut stage = Stage::on(onsale, &json!({"max_seats_per_buyer": 20}), &grid(2, 5)).await;
    let kim = wallet_with(&stage, "kim@example.com", 10_000).await;
    let wallet = confirmed(&stage, &kim, &[1, 2, 3], &json!({"name": "Kim"}), "wallet").await;
    refund(&stage, &wallet, &json!({"seat_ids": [2]})).await;
    let card = stage.buy(&stage.guest().await, &[4, 5]).await;
    refund(&stage, &card, &json!({"seat_ids": [4], "keep_seats": true})).await;
    let whole = stage.buy(&stage.guest().await, &[6]).await;
    refund(&stage, &whole, &json!({})).await;
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 0, "{said}{errors}");

    let file = stage.onsale.installation.data_dir().join("ledger.db");
    let sound = std::fs::read(&file).unwrap();
    let id = |order: &Value| format!("x'{}'", text(&order["id"]).replace('-', ""));
    let (wallet, card, whole) = (id(&wallet), id(&card), id(&whole));
    let planted = [
        (format!("UPDATE orders SET total = total + 1 WHERE id = {card}"), "its total is 2001"),
        (format!("UPDATE order_units SET price = 900 WHERE order_id = {card} AND unit = 5"), "its total is 2000"),
        (format!("UPDATE orders SET status = 'lost' WHERE id = {card}"), "its state is \"lost\""),
        (format!("UPDATE payments SET amount = amount - 1 WHERE order_id = {card}"), "its payment is 1999 KRW"),
        (format!("UPDATE payments SET status = 'void' WHERE order_id = {card}"), "the state of its payment is void"),
        (format!("DELETE FROM payments WHERE order_id = {card}"), "has no payment"),
        (format!("UPDATE orders SET status = 'paid' WHERE id = {whole}"), "is paid, and all of it is given back"),
        (format!("UPDATE orders SET status = 'refunded' WHERE id = {card}"), "not all of it is given back"),
        (format!("UPDATE refunds SET amount = 999 WHERE order_id = {card}"), "is 999 KRW, and should be 1000 KRW"),
        (format!("UPDATE order_units SET refund_id = NULL WHERE order_id = {card}"), "has no units"),
        (format!("UPDATE order_units SET refund_id = x'00112233445566778899aabbccddeeff' WHERE order_id = {card} \
                  AND unit = 5"), "which is not one of the order's"),
        (format!("UPDATE order_units SET live = FALSE WHERE order_id = {card} AND unit = 5"), "unit 5 is not claimed"),
        (format!("UPDATE order_units SET live = TRUE WHERE order_id = {whole}"),
            "unit 6 is claimed by an order that has given it up"),
        (format!("DROP INDEX order_units_claim; UPDATE order_units SET unit = 1, live = TRUE WHERE order_id = {card} \
                  AND unit = 5"), "unit 1 is claimed 2 times"),
        ("UPDATE wallets SET balance = balance + 1".to_owned(), "its entries add up to 8000"),
        ("UPDATE wallet_entries SET amount = amount + 1 WHERE kind = 'charge' AND side = 'account'".to_owned(),
            "what the entries of its charge take"),
        ("DELETE FROM wallet_entries WHERE kind = 'top_up' AND side = 'top_up'".to_owned(), "all entries add up to 10000"),
        ("DELETE FROM wallet_entries WHERE kind = 'give_back'".to_owned(), "give 0, not 1000"),
        (format!("DELETE FROM wallet_charges WHERE order_id = {wallet}"), "its wallet was not charged"),
        (format!("UPDATE wallet_charges SET amount = 2999 WHERE order_id = {wallet}"), "the charge of its wallet is 2999"),
        (format!("UPDATE wallet_charges SET given_back = 0 WHERE order_id = {wallet}"), "what its wallet has back is 0"),
        ("INSERT INTO wallet_charges (order_id, status, account_id, amount, currency, updated_at, given_back) \
          VALUES (x'00112233445566778899aabbccddeeff', 'charged', x'00112233445566778899aabbccddeeff', 5, 'KRW', 1, 0)"
            .to_owned(), "which is no order"),
        ("UPDATE wallet_entries SET movement_id = x'00112233445566778899aabbccddeeff' WHERE kind = 'give_back'".to_owned(),
            "which is no refund"),
    ];
    for (statement, finding) in planted {
        std::fs::write(&file, &sound).unwrap();
        for rest in ["ledger.db-wal", "ledger.db-shm"] {
            drop(std::fs::remove_file(file.with_file_name(rest)));
        }
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {statement}")).unwrap();
        database.close().unwrap();
        let (status, said, errors) = verified(&stage.onsale, &[]);
        assert_eq!(status, 1, "{statement}: {said}{errors}");
        assert!(
            said.lines().any(|line| line.starts_with("wrong: ") && line.contains(finding)),
            "{statement}: {said}"
        );
        assert!(errors.contains("disagreement"), "{errors}");
    }
}

/// A hundred thousand orders go out to somebody who reads slowly, and the process does not grow by what it has read.
#[tokio::test]
async fn a_hundred_thousand_orders_go_out_in_bounded_memory() {
    const ORDERS: u32 = 100_000;
    let mut stage = Stage::on(Onsale::on(Stores::Embedded, &[]), &json!({}), &grid(1, 1)).await;
    stage.buy(&stage.guest().await, &[1]).await;
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let database =
        rusqlite::Connection::open(stage.onsale.installation.data_dir().join("ledger.db")).unwrap();
    // Copies of the one that was sold, under ids of their own, with names that take some room.
    let copies = format!(
        "CREATE TEMP TABLE ids AS WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {ORDERS})
             SELECT randomblob(16) AS id FROM n;
         INSERT INTO payments (order_id, method, reference, status, amount, currency, updated_at)
             SELECT ids.id, method, reference, status, amount, currency, updated_at FROM payments, ids;
         INSERT INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live)
             SELECT ids.id, unit, performance_id, price, currency, hex(ids.id), FALSE FROM order_units, ids;
         INSERT INTO orders (id, reservation_id, performance_id, owner_id, fence, status, total, currency, buyer_name,
                             sequence, created_at, settled_at)
             SELECT ids.id, reservation_id, performance_id, owner_id, fence, status, total, currency,
                    'Kim ' || hex(randomblob(1200)), sequence, created_at, settled_at
             FROM orders, ids;"
    );
    database.pragma_update(None, "foreign_keys", false).unwrap();
    database.execute_batch(&copies).unwrap();
    database.close().unwrap();
    stage.onsale.start_again();
    let pid = stage.onsale.pid();
    let resident_kb = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = resident_kb();
    let (mut bytes, mut lines, mut chunks, mut most) = (0_usize, 0_usize, 0_usize, before);
    let mut stream =
        stage.get(&format!("/events/{}/orders.csv", stage.event)).by(&stage.organizer).stream().await;
    while let Some(chunk) = stream.next_chunk().await {
        bytes += chunk.len();
        lines += String::from_utf8_lossy(&chunk).matches('\n').count();
        if chunks == 40 {
            // Time for a server that reads ahead to do so.
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        if chunks % 40 == 0 {
            most = resident_kb().max(most);
        }
        chunks += 1;
    }
    assert_eq!(lines, ORDERS as usize + 1);
    let (grown, file_kb) = (most - before, bytes as u64 / 1024);
    println!("{file_kb} kB in {chunks} chunks; at most {grown} kB more than {before} kB");
    assert!(file_kb > 240 * 1024, "{file_kb} kB");
    // What allocators keep for their threads comes to 60 to 100 MB, whether the file has 140 MB or 570.
    assert!(grown < file_kb / 2, "grew by {grown} kB for {file_kb} kB");
}
