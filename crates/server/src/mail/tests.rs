//! Letters to a real mail server that refuses, hangs and breaks off, on a clock that the test moves.

use std::sync::Arc;

use onsale_app::{
    deliveries::{FIRST_PAUSE_MS, LEASE_MS, Outbox, TRIED_FOR_MS},
    ports::{
        clock::{Clock, Entropy},
        ledger::{
            BeginOrder, BuyerDetails, Deliveries, DeliveryStatus, Event, Events, Lane, Lease, Order,
            OrderUnit, Orders, Performance, Performances, PlanSummary, SeatingPlans, Writing,
        },
    },
};
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, EventId, OrderId, PerformanceId, PerformanceNumber, PlanId, ReservationId},
    money::{Currency, Money},
    orders::OrderStatus,
    position::Fence,
    seating::SeatingPlan,
    units::Unit,
};
use onsale_testkit::{
    clock::{ManualClock, SeededEntropy},
    ledger::MemoryLedger,
    refunds::{give_back_all, give_back_units},
    servers::{
        or_passed_over,
        smtp::{MailFault, MailServer},
    },
};
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::{settings::Secret, wire};

/// A ledger with an order whose buyer is to be written to, and everything that does so.
struct Office {
    server: MailServer,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    app: Arc<App>,
    order: Order,
}

fn settings(server: &MailServer) -> Mail {
    Mail {
        host: "127.0.0.1".into(),
        port: server.port(),
        tls: MailTls::None,
        login: None,
        from: "Tickets <tickets@example.com>".parse().unwrap(),
        public_url: "https://tickets.example.com".into(),
        time_zone: "UTC".into(),
    }
}

impl Office {
    /// With a paid order; `None` where there is no mail server on this machine.
    async fn open() -> Option<Self> {
        Self::of("Spring Recital", "Kim Min-ji", "ko").await
    }

    async fn of(title: &str, buyer: &str, language: &str) -> Option<Self> {
        let server = or_passed_over(MailServer::start(), "aiosmtpd")?;
        let ledger = Arc::new(MemoryLedger::new());
        let clock = Arc::new(ManualClock::new());
        let order = an_order(&ledger, clock.as_ref(), title, buyer, language).await;
        let as_port = |clock: &Arc<ManualClock>| Arc::clone(clock) as Arc<dyn Clock>;
        let app = Arc::new(wire::app_on(Arc::clone(&ledger) as _, as_port(&clock)));
        ledger.pay_order(order.id, "receipt", clock.now()).await.unwrap();
        Some(Self { server, ledger, clock, app, order })
    }

    /// A sender, as each process has one.
    fn outbox(&self) -> Outbox {
        self.outbox_with(settings(&self.server))
    }

    fn outbox_with(&self, settings: Mail) -> Outbox {
        let mut carrier = MailCarrier::new(Arc::clone(&self.app), Arc::default(), settings).unwrap();
        carrier.send_within = Duration::from_secs(3);
        let entropy = Arc::new(SeededEntropy::new(1)) as Arc<dyn Entropy>;
        let (ledger, clock) = (Arc::clone(&self.ledger) as _, Arc::clone(&self.clock) as _);
        Outbox::new(ledger, clock, entropy, Some(Arc::new(carrier)), None)
    }

    async fn letter(&self) -> Delivery {
        self.ledger.latest_letter(self.order.id, LetterKind::Tickets).await.unwrap().unwrap()
    }

    /// One attempt, and what the letter is like then.
    async fn attempt(&self, outbox: &Outbox) -> Delivery {
        assert_eq!(outbox.work_off_due().await.unwrap(), 1);
        self.letter().await
    }

    /// Until the letter is due again.
    async fn wait(&self) {
        let due = self.letter().await.due_at;
        self.clock.set(due);
    }
}

async fn an_order(
    ledger: &MemoryLedger,
    clock: &ManualClock,
    title: &str,
    buyer: &str,
    language: &str,
) -> Order {
    let now = clock.now();
    let organizer = AccountId(Uuid::from_u128(1));
    let event = Event {
        id: EventId(Uuid::from_u128(2)),
        organizer,
        title: title.into(),
        description: None,
        settings: EventSettings::default(),
        created_at: now,
    };
    ledger.create_event(&event, None).await.unwrap();
    let plan = PlanId(Uuid::from_u128(3));
    let summary =
        PlanSummary { id: plan, name: "Hall".into(), seat_count: 6, area_count: 0, created_at: now };
    ledger.create_plan(&summary, organizer, &SeatingPlan::grid(2, 3).unwrap(), None).await.unwrap();
    let performance = Performance {
        id: PerformanceId(Uuid::from_u128(4)),
        number: PerformanceNumber(0),
        event: event.id,
        starts_at: now.plus_ms(86_400_000),
        plan,
        seat_count: 6,
        capacity: 6,
        areas: vec![],
        prices: vec![],
        sale_opens_at: None,
        sale_closes_at: None,
        created_at: now,
    };
    ledger.create_performance(&performance, None).await.unwrap();
    let won = |amount| Money::new(amount, Currency::KRW);
    let unit = |number, code: &str| OrderUnit {
        unit: Unit(number),
        price: won(50_000),
        ticket_code: code.into(),
        refund: None,
    };
    let order = Order {
        id: OrderId(Uuid::from_u128(5)),
        reservation: ReservationId(Uuid::from_u128(6)),
        performance: performance.id,
        owner: AccountId(Uuid::from_u128(7)),
        fence: Fence(1),
        status: OrderStatus::Paying,
        units: vec![unit(2, "7H2KQ9ZC4M0X18RT"), unit(4, "7H2KQ9ZC4M0X18RV")],
        total: won(100_000),
        buyer: BuyerDetails {
            name: buyer.into(),
            phone: None,
            email: Some("kim@example.com".into()),
            letters: Some(Writing { language: language.into(), time_zone: "Asia/Seoul".into() }),
        },
        method: "simulated".into(),
        reference: None,
        sequence: 1,
        created_at: now,
    };
    assert_eq!(ledger.begin_order(&order, None).await.unwrap(), BeginOrder::Begun);
    order
}

fn header<'a>(letter: &'a Value, name: &str) -> &'a str {
    letter["headers"][name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn tickets_arrive_with_all_that_is_needed_to_use_them() {
    let Some(office) = Office::open().await else { return };
    let delivery = office.attempt(&office.outbox()).await;
    assert_eq!((delivery.status, delivery.settled_at), (DeliveryStatus::Sent, Some(office.clock.now())));
    let letters = office.server.wait_for(1).await.unwrap();
    let letter = &letters[0];
    assert_eq!(letter["sender"], "tickets@example.com");
    assert_eq!(letter["recipients"], serde_json::json!(["kim@example.com"]));
    assert_eq!(header(letter, "to"), "kim@example.com");
    assert_eq!(header(letter, "from"), "Tickets <tickets@example.com>");
    assert_eq!(header(letter, "subject"), "티켓이 도착했습니다: Spring Recital");
    assert_eq!(header(letter, "message-id"), format!("<{}@example.com>", delivery.id));
    assert_eq!(header(letter, "auto-submitted"), "auto-generated");
    assert!(!header(letter, "date").is_empty());
    let link = format!("https://tickets.example.com/#/orders/{}", office.order.id);
    for kind in ["plain", "html"] {
        let text = letter[kind].as_str().unwrap();
        for part in ["Kim Min-ji 님", "A-2", "B-1", "KRW 100,000", "Asia/Seoul", &link] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let attachments = letter["attachments"].as_array().unwrap();
    let [paper] = &attachments[..] else { panic!("{} attachments", attachments.len()) };
    assert_eq!(paper["type"], "application/pdf");
    assert_eq!(paper["name"], format!("tickets-{}.pdf", office.order.id));
    let paper = hex::decode(paper["hex"].as_str().unwrap()).unwrap();
    assert_eq!(lopdf::Document::load_mem(&paper).unwrap().get_pages().len(), 2, "a page a ticket");
    assert_eq!(office.outbox().work_off_due().await.unwrap(), 0, "sent once");
}

#[tokio::test]
async fn a_refund_is_told_and_tickets_that_have_not_left_do_not() {
    let Some(office) = Office::of("Recital", "Kim", "en").await else { return };
    give_back_all(&*office.ledger, office.order.id, false, office.clock.advance(1)).await.unwrap();
    assert_eq!(office.outbox().work_off_due().await.unwrap(), 2);
    assert_eq!(office.letter().await.status, DeliveryStatus::Withdrawn);
    let letters = office.server.wait_for(1).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(header(&letters[0], "subject"), "Your money is on its way back: Recital");
    assert_eq!(letters[0]["attachments"].as_array().map(Vec::len), Some(0));
    let plain = letters[0]["plain"].as_str().unwrap();
    assert!(plain.contains("KRW 100,000") && plain.contains("void"), "{plain}");
}

#[tokio::test]
async fn a_refund_of_some_seats_names_them_and_their_sum() {
    let Some(office) = Office::of("Recital", "Kim", "ko").await else { return };
    give_back_units(&*office.ledger, office.order.id, &[4], office.clock.advance(1)).await.unwrap();
    assert_eq!(office.outbox().work_off_due().await.unwrap(), 2);
    let letters = office.server.wait_for(2).await.unwrap();
    let refund = letters.iter().find(|letter| header(letter, "subject").contains("환불")).unwrap();
    let plain = refund["plain"].as_str().unwrap();
    assert!(
        plain.contains("환불 금액: ") && plain.contains("50,000") && !plain.contains("100,000"),
        "{plain}"
    );
    assert_eq!(plain.matches("\n- ").count(), 1, "{plain}");
    assert!(plain.contains("나머지 티켓은 그대로 유효합니다"), "{plain}");
}

#[tokio::test]
async fn who_is_told_to_come_again_does() {
    let Some(office) = Office::open().await else { return };
    let outbox = office.outbox();
    office.server.fail_next(&[MailFault::Later, MailFault::Later]).unwrap();
    let first = office.attempt(&outbox).await;
    assert_eq!((first.status, first.attempts), (DeliveryStatus::Waiting, 1));
    assert!(first.last_error.unwrap().contains("451"));
    let pause = first.due_at.since_ms(office.clock.now());
    assert!((FIRST_PAUSE_MS..=FIRST_PAUSE_MS * 5 / 4).contains(&pause), "{pause}");
    office.clock.advance(pause - 1);
    assert_eq!(outbox.work_off_due().await.unwrap(), 0, "not before its time");
    office.clock.advance(1);
    let second = office.attempt(&outbox).await;
    let longer = second.due_at.since_ms(office.clock.now());
    assert!(longer >= 3 * FIRST_PAUSE_MS, "{longer}");
    office.wait().await;
    let third = office.attempt(&outbox).await;
    assert_eq!((third.status, third.attempts, third.last_error), (DeliveryStatus::Sent, 3, None));
    assert_eq!(office.server.letters().len(), 1);
}

#[tokio::test]
async fn who_is_refused_for_good_is_given_up_at_once() {
    let Some(office) = Office::open().await else { return };
    office.server.fail_next(&[MailFault::Never]).unwrap();
    let dead = office.attempt(&office.outbox()).await;
    assert_eq!(dead.status, DeliveryStatus::Dead);
    assert!(dead.last_error.unwrap().contains("nobody of that name"));
    office.clock.advance(TRIED_FOR_MS);
    assert_eq!(office.outbox().work_off_due().await.unwrap(), 0);
    assert_eq!(office.server.letters().len(), 0);
}

#[tokio::test]
async fn while_the_mail_server_is_away_letters_wait() {
    let Some(office) = Office::open().await else { return };
    let outbox = office.outbox();
    office.server.set_down(true).unwrap();
    let waiting = office.attempt(&outbox).await;
    assert_eq!(waiting.status, DeliveryStatus::Waiting, "{waiting:?}");
    office.server.set_down(false).unwrap();
    office.wait().await;
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Sent);
    assert_eq!(office.server.letters().len(), 1);
}

/// A server that offers no encryption, where it is asked for: neither the letter nor the password goes there.
#[tokio::test]
async fn nothing_goes_unprotected_where_it_was_to_be_protected() {
    let Some(office) = Office::open().await else { return };
    for tls in [MailTls::StartTls, MailTls::Implicit] {
        let login = Some(("onsale".to_owned(), Secret(b"a password".to_vec())));
        let outbox = office.outbox_with(Mail { tls, login, ..settings(&office.server) });
        let waiting = office.attempt(&outbox).await;
        let error = waiting.last_error.unwrap();
        assert!(waiting.status == DeliveryStatus::Waiting && !error.contains("a password"), "{error}");
        office.wait().await;
    }
    assert_eq!(office.server.letters().len(), 0);
}

/// Nobody can know whether it has arrived, so it is sent again, and looks the same.
#[tokio::test]
async fn a_connection_cut_instead_of_an_answer_sends_the_same_letter_again() {
    let Some(office) = Office::open().await else { return };
    let outbox = office.outbox();
    office.server.fail_next(&[MailFault::Cut]).unwrap();
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Waiting);
    office.wait().await;
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Sent);
    let letters = office.server.wait_for(2).await.unwrap();
    assert_eq!(header(&letters[0], "message-id"), header(&letters[1], "message-id"));
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_is_not_waited_for() {
    let Some(office) = Office::open().await else { return };
    let outbox = office.outbox();
    office.server.fail_next(&[MailFault::Silent]).unwrap();
    let waiting = office.attempt(&outbox).await;
    assert!(waiting.last_error.unwrap().contains("did not answer"));
    assert_eq!((waiting.status, office.server.silences()), (DeliveryStatus::Waiting, 1));
    office.wait().await;
    assert_eq!(office.attempt(&outbox).await.status, DeliveryStatus::Sent);
}

#[tokio::test]
async fn after_three_days_a_letter_is_given_up() {
    let Some(office) = Office::open().await else { return };
    let outbox = office.outbox();
    office.server.set_down(true).unwrap();
    let begun = office.clock.now();
    let mut attempts = 0;
    let dead = loop {
        attempts += 1;
        assert!(attempts < 60, "{:?}", office.letter().await);
        let letter = office.attempt(&outbox).await;
        if letter.status != DeliveryStatus::Waiting {
            break letter;
        }
        office.wait().await;
    };
    assert_eq!(dead.status, DeliveryStatus::Dead);
    let tried_for = dead.settled_at.unwrap().since_ms(begun);
    assert!((TRIED_FOR_MS / 2..=TRIED_FOR_MS).contains(&tried_for), "{tried_for}");
}

/// Several processes look at once, and one has ended with the letter in its hands.
#[tokio::test]
async fn several_senders_send_once_and_take_over_from_one_that_has_ended() {
    let Some(office) = Office::open().await else { return };
    let lease = Lease {
        id: Uuid::from_u128(99),
        now: office.clock.now(),
        until: office.clock.now().plus_ms(LEASE_MS),
    };
    let claimed = office.ledger.claim_deliveries(Lane::Mail, 1, lease).await.unwrap();
    assert_eq!(claimed.len(), 1, "and nothing is heard of it any more");
    let outboxes = [office.outbox(), office.outbox(), office.outbox()];
    assert_eq!(outboxes[0].work_off_due().await.unwrap(), 0);
    office.clock.advance(LEASE_MS);
    let tried = futures_util::future::join_all(outboxes.iter().map(Outbox::work_off_due)).await;
    assert_eq!(tried.into_iter().map(Result::unwrap).sum::<usize>(), 1);
    assert_eq!(office.server.wait_for(1).await.unwrap().len(), 1);
    assert_eq!(office.letter().await.attempts, 2);
}

#[tokio::test]
async fn what_was_typed_stays_where_it_was_put() {
    let title = "Evil\r\nBcc: victim@example.com\r\n\r\n<script>";
    let Some(office) = Office::of(title, "Kim\r\nX-Injected: yes", "en").await else { return };
    assert_eq!(office.attempt(&office.outbox()).await.status, DeliveryStatus::Sent);
    let letters = office.server.wait_for(1).await.unwrap();
    assert_eq!(letters[0]["recipients"], serde_json::json!(["kim@example.com"]));
    let names = letters[0]["names"].as_array().unwrap();
    assert!(!names.iter().any(|name| name == "bcc" || name == "x-injected"), "{names:?}");
    assert!(header(&letters[0], "subject").starts_with("Your tickets: Evil  Bcc: victim"));
    let html = letters[0]["html"].as_str().unwrap();
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
}

/// What is taken at a confirmation is what lettre takes.
#[test]
fn possible_addresses_can_be_written_to() {
    for address in ["kim@example.com", "o'neill@example.org", "a+b.c@x-y.co.kr", "김@예시.한국", "x{y}@z.io"]
    {
        assert!(onsale_domain::email::is_possible(address), "{address}");
        assert!(address.parse::<Address>().is_ok(), "{address}");
    }
}
