//! Cases: endpoints of organizers' programs, and what they are told.
//!
//! Invariant checked: each endpoint that asks is told once of what has happened, and nobody else is.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{
    Content, Delivery, DeliveryStatus, Endpoint, Lane, Lease, Ledger, NoticeKind, PageRequest, Replay,
    Settlement, Watched,
};
use onsale_domain::{
    changes::Change,
    ids::{AccountId, DeliveryId, EndpointId},
    time::Timestamp,
};
use serde_json::{Value, json};

use super::stage::{Stage, all_pages, at, first_page, id, later, units};
use crate::refunds::{give_back_all, give_back_units};

fn asking(organizer: AccountId, kinds: &[NoticeKind]) -> Endpoint {
    Endpoint {
        id: EndpointId(id()),
        organizer,
        url: "https://example.org/hooks".to_owned(),
        kinds: kinds.to_vec(),
        secret: vec![7; 24],
        created_at: later(),
    }
}

/// An endpoint of the stage's organizer.
async fn endpoint(stage: &Stage, kinds: &[NoticeKind]) -> Endpoint {
    let endpoint = asking(stage.organizer, kinds);
    assert!(stage.ledger.create_endpoint(&endpoint, 5).await.unwrap());
    endpoint
}

/// What waits for an organizer's endpoints, oldest first, as its kind, endpoint and data.
async fn told(stage: &Stage, organizer: AccountId) -> Vec<(NoticeKind, EndpointId, Value)> {
    let page = stage.ledger.notices_of(organizer, None, first_page()).await.unwrap();
    page.items.into_iter().rev().map(|delivery| taken_apart(&delivery)).collect()
}

fn taken_apart(delivery: &Delivery) -> (NoticeKind, EndpointId, Value) {
    let Content::Notice(notice) = &delivery.content else { panic!("{delivery:?}") };
    let body: Value = serde_json::from_str(&notice.body).unwrap();
    assert_eq!(body["type"], notice.kind.as_str());
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    (notice.kind, notice.endpoint, body["data"].clone())
}

/// With all its members, to its organizer, until it is removed.
pub async fn an_endpoint_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (one, two) = (endpoint(&stage, &NoticeKind::ALL).await, endpoint(&stage, &[]).await);
    assert_eq!(stage.ledger.endpoint(one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(stage.ledger.endpoints_of(stage.organizer).await.unwrap(), [one.clone(), two.clone()]);
    assert_eq!(stage.ledger.endpoints_of(stage.buyer().await).await.unwrap(), []);
    assert!(!stage.ledger.delete_endpoint(stage.buyer().await, one.id).await.unwrap(), "not theirs");
    assert!(stage.ledger.delete_endpoint(stage.organizer, one.id).await.unwrap());
    assert!(!stage.ledger.delete_endpoint(stage.organizer, one.id).await.unwrap());
    assert_eq!(stage.ledger.endpoint(one.id).await.unwrap(), None);
    assert_eq!(stage.ledger.endpoints_of(stage.organizer).await.unwrap(), [two]);
}

/// The same again is no further one; another organizer has their own.
pub async fn an_organizer_has_so_many_endpoints(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let [one, two, three] = [1, 2, 3].map(|_| asking(stage.organizer, &[]));
    let create = async |endpoint: &Endpoint| stage.ledger.create_endpoint(endpoint, 2).await.unwrap();
    assert!(create(&one).await && create(&two).await);
    assert!(!create(&three).await);
    assert!(create(&two).await, "it is there");
    assert!(create(&asking(stage.buyer().await, &[])).await);
    assert!(stage.ledger.delete_endpoint(stage.organizer, one.id).await.unwrap());
    assert!(create(&three).await);
}

/// Paid, refunded and failed, once each however often it is said, without anybody's name, address or ticket.
pub async fn orders_are_told_to_whom_asks(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let all = endpoint(&stage, &NoticeKind::ALL).await;
    let paid_only = endpoint(&stage, &[NoticeKind::OrderPaid]).await;
    let buyer = stage.buyer().await;
    let (order, failed) = (stage.begun(buyer, &[1, 2]).await, stage.begun(buyer, &[3]).await);
    for _ in 0..2 {
        stage.ledger.pay_order(order.id, "receipt", at(1_000)).await.unwrap();
        stage.ledger.fail_order(failed.id, "declined", at(2_000)).await.unwrap();
    }
    for _ in 0..2 {
        give_back_all(&*stage.ledger, order.id, false, at(3_000)).await.unwrap();
    }
    let mut told = told(&stage, stage.organizer).await;
    told.sort_by_key(|(kind, endpoint, _)| (*kind, *endpoint));
    let heads: Vec<(NoticeKind, EndpointId)> = told.iter().map(|(kind, to, _)| (*kind, *to)).collect();
    assert_eq!(
        heads,
        [
            (NoticeKind::OrderPaid, all.id),
            (NoticeKind::OrderPaid, paid_only.id),
            (NoticeKind::OrderRefunded, all.id),
            (NoticeKind::OrderFailed, all.id),
        ]
    );
    let data = &told[0].2;
    assert_eq!(data["order_id"], order.id.to_string());
    assert_eq!(data["performance_id"], stage.p().to_string());
    assert_eq!(data["event_id"], stage.event.id.to_string());
    assert_eq!(data["seats"][1]["id"], 2);
    assert_eq!(data["total"]["amount"], order.total.amount);
    assert_eq!(told[3].2["order_id"], failed.id.to_string());
    for (_, _, data) in &told {
        let text = data.to_string();
        let secrets = [&order.buyer.name, order.buyer.email.as_ref().unwrap(), &order.units[0].ticket_code];
        assert!(!secrets.into_iter().any(|secret| text.contains(secret)), "{text}");
    }
    let lanes = stage.ledger.due_lanes(at(3_000)).await.unwrap();
    assert!(lanes.len() == 2 && lanes.contains(&Lane::Endpoint(paid_only.id)), "{lanes:?}");
}

/// What was given back, how much that is, and how the order stands then.
pub async fn each_refund_is_told_with_its_seats_and_sum(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    endpoint(&stage, &[NoticeKind::OrderRefunded]).await;
    let order = stage.paid(stage.buyer().await, &[1, 2]).await;
    for _ in 0..2 {
        give_back_units(&*stage.ledger, order.id, &[2], at(3_000)).await.unwrap();
    }
    give_back_all(&*stage.ledger, order.id, false, at(4_000)).await.unwrap();
    let mut data: Vec<Value> =
        told(&stage, stage.organizer).await.into_iter().map(|(_, _, data)| data).collect();
    data.sort_by_key(|data| data["refunded"]["amount"].as_i64());
    let [some, rest] = data.as_slice() else { panic!("two refunds: {data:?}") };
    let price = |nth: usize| order.units[nth].price.amount;
    assert_eq!(some["refund"]["seat_ids"], json!([2]));
    assert_eq!(some["refund"]["amount"]["amount"], price(1));
    assert_eq!((&some["refunded"]["amount"], &some["status"]), (&json!(price(1)), &json!("paid")));
    assert_eq!(rest["refund"]["seat_ids"], json!([1]));
    assert_eq!(
        (&rest["refunded"]["amount"], &rest["status"]),
        (&json!(order.total.amount), &json!("refunded"))
    );
    assert!(some["refund"]["id"].is_string() && some["refund"]["id"] != rest["refund"]["id"]);
}

/// Whoever tries again gives the first attempt up.
pub async fn a_replaced_attempt_is_told_as_failed(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    endpoint(&stage, &NoticeKind::ALL).await;
    let buyer = stage.buyer().await;
    let first = stage.begun(buyer, &[1]).await;
    let mut second = stage.order(buyer, &[1]);
    second.reservation = first.reservation;
    stage.begin(&second).await;
    let told = told(&stage, stage.organizer).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0, &told[0].2["order_id"]), (NoticeKind::OrderFailed, &first.id.to_string().into()));
}

/// Held and lapsed; a batch that comes again tells nothing new.
pub async fn holds_are_told_once_to_whom_asks(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let endpoint = endpoint(&stage, &[NoticeKind::ReservationHeld, NoticeKind::ReservationExpired]).await;
    let (hold, held) = stage.held(stage.buyer().await, &[4, 5], at(60_000));
    let (cancelled, other) = stage.held(stage.buyer().await, &[6], at(60_000));
    let batch = [
        stage.change(1, held),
        stage.change(2, Change::Expired { hold, units: units(&[4, 5]) }),
        stage.change(3, other),
        stage.change(4, Change::Cancelled { hold: cancelled, units: units(&[6]) }),
    ];
    for _ in 0..2 {
        stage.ledger.record(&batch).await.unwrap();
    }
    let told = told(&stage, stage.organizer).await;
    let kinds: Vec<(NoticeKind, EndpointId)> = told.iter().map(|(kind, to, _)| (*kind, *to)).collect();
    let (held, expired) = (NoticeKind::ReservationHeld, NoticeKind::ReservationExpired);
    assert_eq!(kinds, [(held, endpoint.id), (expired, endpoint.id), (held, endpoint.id)]);
    for (_, _, data) in &told[..2] {
        assert_eq!(data["reservation_id"], hold.to_string());
        assert_eq!(data["seat_ids"], serde_json::json!([4, 5]));
    }
}

/// Not other organizers, and nobody of what was before they asked.
pub async fn others_are_told_nothing(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger.clone()).await;
    stage.paid(stage.buyer().await, &[1]).await;
    let other = Stage::new(ledger).await;
    endpoint(&other, &NoticeKind::ALL).await;
    stage.paid(stage.buyer().await, &[2]).await;
    endpoint(&stage, &NoticeKind::ALL).await;
    assert_eq!(told(&stage, stage.organizer).await, []);
    assert_eq!(told(&other, other.organizer).await, []);
    assert_eq!(stage.ledger.due_lanes(at(100_000_000)).await.unwrap(), []);
}

/// Nothing is kept for whom nobody knows any more.
pub async fn what_goes_to_an_endpoint_goes_with_it(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (gone, stays) = (endpoint(&stage, &NoticeKind::ALL).await, endpoint(&stage, &NoticeKind::ALL).await);
    stage.paid(stage.buyer().await, &[1]).await;
    assert!(stage.ledger.delete_endpoint(stage.organizer, gone.id).await.unwrap());
    let to: Vec<EndpointId> = told(&stage, stage.organizer).await.into_iter().map(|(_, to, _)| to).collect();
    assert_eq!(to, [stays.id]);
    assert_eq!(stage.ledger.due_lanes(at(100_000_000)).await.unwrap(), [Lane::Endpoint(stays.id)]);
}

fn lease(now: Timestamp) -> Lease {
    Lease { id: id(), now, until: now.plus_ms(60_000) }
}

/// Claims all there is for an endpoint and gives it up.
async fn give_up(stage: &Stage, endpoint: &Endpoint, now: Timestamp) -> Vec<DeliveryId> {
    let taken = lease(now);
    let lane = Lane::Endpoint(endpoint.id);
    let claimed = stage.ledger.claim_deliveries(lane, 100, taken).await.unwrap();
    for delivery in &claimed {
        let dead = Settlement::Dead { at: now, error: "nobody is there".to_owned() };
        assert!(stage.ledger.settle_delivery(delivery.id, taken.id, &dead).await.unwrap());
    }
    claimed.into_iter().map(|delivery| delivery.id).collect()
}

/// In pages, of one status where asked for.
pub async fn notices_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let endpoint = endpoint(&stage, &[NoticeKind::OrderPaid]).await;
    for unit in 1..=3 {
        let order = stage.begun(stage.buyer().await, &[unit]).await;
        stage.ledger.pay_order(order.id, "receipt", at(u64::from(unit) * 1_000)).await.unwrap();
    }
    let dead = give_up(&stage, &endpoint, at(2_000)).await;
    assert_eq!(dead.len(), 2);
    let list = async |status| {
        let page = async |request: PageRequest| {
            stage.ledger.notices_of(stage.organizer, status, request).await.unwrap()
        };
        let listed = all_pages(1, page).await;
        listed.into_iter().map(|delivery| (delivery.created_at, delivery.status)).collect::<Vec<_>>()
    };
    let (dead, waiting) = (DeliveryStatus::Dead, DeliveryStatus::Waiting);
    assert_eq!(list(None).await, [(at(3_000), waiting), (at(2_000), dead), (at(1_000), dead)]);
    assert_eq!(list(Some(dead)).await, [(at(2_000), dead), (at(1_000), dead)]);
    assert_eq!(list(Some(DeliveryStatus::Sent)).await, []);
}

/// As if it were new; by its organizer, and not what was sent.
pub async fn what_was_given_up_is_sent_off_again(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let endpoint = endpoint(&stage, &[NoticeKind::OrderPaid]).await;
    let order = stage.begun(stage.buyer().await, &[1]).await;
    stage.ledger.pay_order(order.id, "receipt", at(1_000)).await.unwrap();
    let dead = give_up(&stage, &endpoint, at(2_000)).await[0];
    let replay = async |organizer, ms| stage.ledger.replay_notice(organizer, dead, at(ms)).await.unwrap();
    assert_eq!(replay(stage.buyer().await, 5_000).await, Replay::NotFound);
    let Replay::Waiting(waiting) = replay(stage.organizer, 5_000).await else { panic!("not waiting") };
    assert_eq!((waiting.attempts, waiting.due_at, waiting.begun_at), (0, at(5_000), at(5_000)));
    assert_eq!((waiting.created_at, waiting.settled_at), (at(1_000), None));
    let taken = lease(at(6_000));
    assert_eq!(stage.ledger.claim_deliveries(Lane::Endpoint(endpoint.id), 9, taken).await.unwrap().len(), 1);
    let Replay::Waiting(again) = replay(stage.organizer, 7_000).await else { panic!("not waiting") };
    assert_eq!((again.attempts, again.due_at), (1, taken.until), "under way already");
    let sent = Settlement::Sent { at: at(8_000) };
    assert!(stage.ledger.settle_delivery(dead, taken.id, &sent).await.unwrap());
    assert_eq!(replay(stage.organizer, 9_000).await, Replay::Settled(DeliveryStatus::Sent));
    let unknown = stage.ledger.replay_notice(stage.organizer, DeliveryId(id()), later()).await.unwrap();
    assert_eq!(unknown, Replay::NotFound);
}

/// Once for each time, however often and by however many it is noticed.
pub async fn a_sell_out_is_told_each_time(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let endpoint = endpoint(&stage, &[NoticeKind::SoldOut]).await;
    let note = async |sold_out, ms| {
        stage.ledger.note_sold_out(stage.p(), sold_out, at(ms)).await.unwrap();
    };
    for (sold_out, ms) in [(false, 1), (true, 2), (true, 3), (false, 4), (false, 5), (true, 6), (true, 7)] {
        note(sold_out, ms).await;
    }
    let told = told(&stage, stage.organizer).await;
    assert_eq!(told.len(), 2, "{told:?}");
    for (kind, to, data) in told {
        assert_eq!((kind, to), (NoticeKind::SoldOut, endpoint.id));
        assert_eq!(data["performance_id"], stage.p().to_string());
    }
}

/// Those that are still to begin, in pages.
pub async fn performances_are_watched_for_whom_asks(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger.clone()).await;
    let second = stage.another_performance().await;
    let other = Stage::new(ledger).await;
    endpoint(&other, &[NoticeKind::OrderPaid]).await;
    let watch = async |now, after, limit| stage.ledger.watched_performances(now, after, limit).await.unwrap();
    assert_eq!(watch(at(0), None, 10).await, []);
    endpoint(&stage, &[NoticeKind::OrderPaid, NoticeKind::SoldOut]).await;
    let watched =
        |stage: &Stage, sold_out| Watched { performance: stage.p(), event: stage.event.id, sold_out };
    assert_eq!(watch(at(0), None, 10).await, [watched(&stage, false), watched(&second, false)]);
    second.ledger.note_sold_out(second.p(), true, later()).await.unwrap();
    assert_eq!(watch(at(0), None, 1).await, [watched(&stage, false)]);
    assert_eq!(watch(at(0), Some(stage.p()), 10).await, [watched(&second, true)]);
    assert_eq!(watch(stage.performance.starts_at, None, 10).await, [], "over");
}
