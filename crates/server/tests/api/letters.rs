//! Letters: tickets by e-mail, through a real mail server.

use std::time::{Duration, Instant};

use onsale_testkit::servers::{Stores, or_passed_over, smtp::MailServer};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    calls::{Api, Call},
    processes::ends_with,
    support::{Onsale, Stage, grid, text},
};

/// How long a letter may take: a failed attempt waits some twelve seconds for the next.
const LIMIT: Duration = Duration::from_secs(30);

const ADDRESS: &str = "kim@example.com";

/// A performance on sale whose tickets are sent.
struct Office {
    stage: Stage,
    server: MailServer,
    buyer: String,
}

fn as_text<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

impl Office {
    /// `None` where there is no mail server on this machine.
    async fn open() -> Option<Self> {
        let server = or_passed_over(MailServer::start(), "aiosmtpd")?;
        let settings = server.settings();
        let onsale = Onsale::with(&as_text(&settings));
        let stage = Stage::on(onsale, &json!({}), &grid(2, 3)).await;
        let buyer = stage.guest().await;
        Some(Self { stage, server, buyer })
    }

    fn confirming(&self, reservation: &Value, buyer: &Value) -> Call {
        let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
        let body = json!({"payment": {"method": "simulated"}, "buyer": buyer});
        self.stage.post(&path, &body).by(&self.buyer)
    }

    /// Buys seats, with an address or without.
    async fn buy(&self, seats: &[u32], email: Option<&str>) -> Value {
        let reservation = self.stage.hold(&self.buyer, seats).await;
        self.confirming(&reservation, &json!({"name": "Kim Min-ji", "email": email})).await.ok(201)
    }

    async fn order(&self, id: &Value, by: &str) -> Value {
        self.stage.get(&format!("/orders/{}", text(id))).by(by).await.ok(200)
    }

    /// Waits until the letter of an order is as it should be; gives it as the organizer sees it.
    async fn until(&self, order: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let mail = self.order(&order["id"], &self.stage.organizer).await["mail"].clone();
            if is_so(&mail) {
                return mail;
            }
            assert!(Instant::now() < deadline, "{mail} {}", self.stage.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn resending(&self, order: &Value, by: &str, body: &Value) -> Call {
        self.stage.post(&format!("/orders/{}/tickets/resend", text(&order["id"])), body).by(by)
    }
}

fn is_sent(mail: &Value) -> bool {
    mail["status"] == "sent"
}

#[tokio::test]
async fn tickets_arrive_in_the_language_of_the_browser() {
    let Some(office) = Office::open().await else { return };
    let reservation = office.stage.hold(&office.buyer, &[2, 3]).await;
    let buyer = json!({"name": "Kim Min-ji", "email": ADDRESS, "time_zone": "Asia/Seoul"});
    let call = office.confirming(&reservation, &buyer).header("accept-language", "ko-KR,ko;q=0.9,en;q=0.8");
    let order = call.await.ok(201);
    let mail = office.until(&order, is_sent).await;
    assert_eq!(mail["to"], ADDRESS);
    assert!(mail["settled_at"].is_string(), "{mail}");
    let letters = office.server.wait_for(1).await.unwrap();
    assert_eq!(letters[0]["recipients"], json!([ADDRESS]));
    let subject = text(&letters[0]["headers"]["subject"]);
    assert!(subject.starts_with("티켓이 도착했습니다"), "{subject}");
    let plain = text(&letters[0]["plain"]);
    assert!(plain.contains("A-2") && plain.contains("A-3") && plain.contains("Asia/Seoul"), "{plain}");
    assert!(
        plain.contains(&format!("https://tickets.example.com/#/orders/{}", text(&order["id"]))),
        "{plain}"
    );
    assert_eq!(letters[0]["attachments"][0]["type"], "application/pdf");
    let seen = office.order(&order["id"], &office.buyer).await["mail"].clone();
    assert_eq!((&seen["status"], &seen["to"]), (&json!("sent"), &json!(ADDRESS)));
}

#[tokio::test]
async fn nobody_is_written_to_who_gave_no_address_or_did_not_pay() {
    let Some(office) = Office::open().await else { return };
    let without = office.buy(&[1], None).await;
    let reservation = office.stage.hold(&office.buyer, &[2]).await;
    let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
    let buyer = json!({"name": "Kim", "email": ADDRESS, "time_zone": "America/Not_Yet"});
    let body = json!({"payment": {"method": "wallet"}, "buyer": buyer});
    office.stage.post(&path, &body).by(&office.buyer).await.refused(402, "payment_declined");
    let with = office.buy(&[3], Some(ADDRESS)).await;
    office.until(&with, is_sent).await;
    assert_eq!(office.server.letters().len(), 1, "of three");
    assert_eq!(office.order(&without["id"], &office.stage.organizer).await["mail"], Value::Null);
}

#[rstest]
#[case("kim")]
#[case("kim@")]
#[case("kim@example")]
#[case("kim park@example.com")]
#[case("kim@example.com, lee@example.com")]
#[case("kim@example.com\r\nBcc: lee@example.com")]
#[case("Kim <kim@example.com>")]
#[tokio::test]
async fn an_impossible_address_is_refused_before_anything_is_paid(#[case] address: &str) {
    let stage = Stage::seats(1, 2).await;
    let buyer = stage.guest().await;
    let reservation = stage.hold(&buyer, &[1]).await;
    let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
    for (field, value) in [("email", address), ("language", "tlh"), ("time_zone", "Mars; Base")] {
        let mut body = json!({"payment": {"method": "simulated"}, "buyer": {"name": "Kim"}});
        body["buyer"][field] = json!(value);
        let refusal = stage.post(&path, &body).by(&buyer).await.refused(400, "validation");
        assert!(refusal.to_string().contains(&format!("buyer.{field}")), "{refusal}");
    }
    assert_eq!(stage.reservation(&buyer, &reservation).await["status"], "held");
}

#[tokio::test]
async fn tickets_are_sent_again_to_those_who_may_ask() {
    let Some(office) = Office::open().await else { return };
    let stage = &office.stage;
    let without = office.buy(&[1], None).await;
    office.resending(&without, &office.buyer, &json!({})).await.refused(409, "no_mail");
    office.resending(&without, &stage.guest().await, &json!({})).await.refused(404, "not_found");
    let elsewhere = json!({"email": "door@example.com"});
    office.resending(&without, &office.buyer, &elsewhere).await.refused(403, "forbidden");
    let impossible = json!({"email": "nowhere"});
    office.resending(&without, &stage.organizer, &impossible).await.refused(400, "validation");
    let queued = office.resending(&without, &stage.organizer, &elsewhere).await.ok(202);
    assert_eq!((&queued["status"], &queued["to"]), (&json!("waiting"), &json!("door@example.com")));
    let again = office.resending(&without, &stage.organizer, &elsewhere).await;
    again.refused(429, "rate_limited");
    let wait: u64 = again.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    office.until(&without, is_sent).await;
    let seen = office.order(&without["id"], &office.buyer).await["mail"].clone();
    assert_eq!((&seen["status"], &seen["to"]), (&json!("sent"), &Value::Null), "not the buyer's");
    assert_eq!(office.server.wait_for(1).await.unwrap()[0]["recipients"], json!(["door@example.com"]));
    // The first letter counts.
    let with = office.buy(&[2], Some(ADDRESS)).await;
    office.resending(&with, &office.buyer, &json!({})).await.refused(429, "rate_limited");
    let refund = format!("/orders/{}/refund", text(&with["id"]));
    office.until(&with, is_sent).await;
    stage.post(&refund, &json!({})).by(&stage.organizer).await.ok(200);
    office.resending(&with, &office.buyer, &json!({})).await.refused(409, "order_state");
    let letters = office.server.wait_for(3).await.unwrap();
    assert!(letters[2]["attachments"].as_array().unwrap().is_empty(), "of the refund: {}", letters[2]);
}

#[tokio::test]
async fn the_buyer_reads_which_seats_were_refunded_and_how_much_that_is() {
    let Some(office) = Office::open().await else { return };
    let order = office.buy(&[1, 2], Some(ADDRESS)).await;
    office.until(&order, is_sent).await;
    let refund = format!("/orders/{}/refund", text(&order["id"]));
    let some = json!({"seat_ids": [2]});
    office.stage.post(&refund, &some).by(&office.stage.organizer).await.ok(200);
    let letters = office.server.wait_for(2).await.unwrap();
    let plain = text(&letters[1]["plain"]);
    assert!(plain.contains("- A-2 (") && !plain.contains("A-1"), "{plain}");
    assert!(plain.contains("Given back: KRW 1,000") && plain.contains("stay good"), "{plain}");
    // What is refunded already is not told again with the rest.
    office.stage.post(&refund, &json!({})).by(&office.stage.organizer).await.ok(200);
    let letters = office.server.wait_for(3).await.unwrap();
    let plain = text(&letters[2]["plain"]);
    assert!(plain.contains("- A-1 (") && !plain.contains("A-2"), "{plain}");
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_promised() {
    let stage = Stage::seats(1, 2).await;
    let buyer = stage.guest().await;
    let reservation = stage.hold(&buyer, &[1]).await;
    let path = format!("/reservations/{}/confirm", text(&reservation["id"]));
    let body = json!({"payment": {"method": "simulated"}, "buyer": {"name": "Kim", "email": ADDRESS}});
    let order = stage.post(&path, &body).by(&buyer).await.ok(201);
    let path = format!("/orders/{}", text(&order["id"]));
    assert_eq!(stage.get(&path).by(&buyer).await.ok(200)["mail"], Value::Null);
    stage.post(&format!("{path}/tickets/resend"), &json!({})).by(&buyer).await.refused(409, "no_mail");
}

/// The mail server is away while tickets are bought, and the process is killed before it is back.
#[tokio::test]
async fn a_letter_survives_the_end_of_the_process() {
    let Some(mut office) = Office::open().await else { return };
    office.server.set_down(true).unwrap();
    let order = office.buy(&[1], Some(ADDRESS)).await;
    let waiting = office.until(&order, |mail| mail["last_error"].is_string()).await;
    assert_eq!(waiting["status"], "waiting");
    let seen = office.order(&order["id"], &office.buyer).await["mail"].clone();
    assert_eq!((&seen["status"], &seen["last_error"]), (&json!("waiting"), &Value::Null), "not the buyer's");
    office.stage.onsale.take_process().kill().unwrap();
    office.server.set_down(false).unwrap();
    office.stage.onsale.start_again();
    office.until(&order, is_sent).await;
    assert_eq!(office.server.letters().len(), 1);
}

/// Two processes over one PostgreSQL look for the same letters all the time.
#[tokio::test]
async fn two_processes_send_each_letter_once() {
    let Some(stores) = Stores::cluster() else { return };
    let Some(server) = or_passed_over(MailServer::start(), "aiosmtpd") else { return };
    let mut settings = server.settings();
    settings.extend(stores.settings());
    let one = Onsale::on(stores, &as_text(&settings));
    let other = Onsale::on(Stores::Embedded, &as_text(&settings));
    let stage = Stage::on(one, &json!({"max_seats_per_buyer": 1}), &grid(5, 5)).await;
    let mut orders = Vec::new();
    for (seat, buyer) in (1..=25_u32).zip(stage.guests(25)) {
        let api: &Api = if seat % 2 == 0 { &stage } else { &other };
        let held =
            api.post(&stage.path("/reservations"), &json!({"seat_ids": [seat]})).by(&buyer).await.ok(201);
        let path = format!("/reservations/{}/confirm", text(&held["id"]));
        let to = format!("buyer-{seat}@example.com");
        let body = json!({"payment": {"method": "simulated"}, "buyer": {"name": "Kim", "email": to}});
        orders.push((api.post(&path, &body).by(&buyer).await.ok(201), buyer));
    }
    let deadline = Instant::now() + LIMIT;
    for (order, buyer) in &orders {
        let path = format!("/orders/{}", text(&order["id"]));
        while !is_sent(&stage.get(&path).by(buyer).await.ok(200)["mail"]) {
            assert!(Instant::now() < deadline, "{order} {}", stage.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let letters = server.letters();
    let mut to: Vec<String> = letters.iter().map(|letter| text(&letter["recipients"][0])).collect();
    to.sort_unstable();
    to.dedup();
    assert_eq!((letters.len(), to.len()), (25, 25), "each once");
}

#[rstest]
#[case("ONSALE_MAIL__FROM", "tickets@example.com", "setting mail.host is missing")]
#[case("ONSALE_MAIL__HOST", "mail.example.com", "setting mail.from is ")]
fn settings_of_mail_are_checked_at_the_start(
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let (status, said) = ends_with(folder.path(), &["serve"], &[(name, value)]);
    assert!(status == Some(2) && said.contains(expected), "{status:?} {said}");
}
