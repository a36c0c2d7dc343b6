//! What organizers' programs are told: the bodies of notices.
//!
//! Invariant: no name, address or ticket code is in one. Who may know them asks the interface with the ids that are.

use onsale_domain::{
    ids::{EventId, PerformanceId, ReservationId},
    money::Money,
    time::Timestamp,
    units::Unit,
};
use serde_json::{Value, json};

use crate::{
    errors::rfc3339,
    ports::ledger::{NoticeKind, Order, Refund},
};

/// That an order was paid or failed.
pub fn about_order(kind: NoticeKind, order: &Order, event: EventId, at: Timestamp) -> String {
    body(kind, at, &order_data(order, event))
}

/// That money of an order was given back. The order is as it is after that.
pub fn about_refund(refund: &Refund, order: &Order, event: EventId, at: Timestamp) -> String {
    let seat_ids: Vec<u32> = refund.units.iter().map(|unit| unit.0).collect();
    let mut data = order_data(order, event);
    data["refund"] = json!({"id": refund.id, "seat_ids": seat_ids, "amount": money(refund.amount)});
    data["refunded"] = money(order.refunded());
    data["status"] = json!(order.status);
    body(NoticeKind::OrderRefunded, at, &data)
}

fn order_data(order: &Order, event: EventId) -> Value {
    let seats: Vec<Value> =
        order.units.iter().map(|unit| json!({"id": unit.unit.0, "price": money(unit.price)})).collect();
    json!({
        "order_id": order.id,
        "reservation_id": order.reservation,
        "performance_id": order.performance,
        "event_id": event,
        "seats": seats,
        "total": money(order.total),
        "payment_method": order.method,
        "sequence": order.sequence,
    })
}

/// A hold, as it was made or has lapsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldNotice {
    /// Its id.
    pub reservation: ReservationId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// What it has, or had.
    pub units: Vec<Unit>,
    /// When it ends, or ended.
    pub expires_at: Timestamp,
    /// When it happened.
    pub at: Timestamp,
}

/// That seats are held, or not any more.
pub fn about_hold(kind: NoticeKind, hold: &HoldNotice, event: EventId) -> String {
    let seat_ids: Vec<u32> = hold.units.iter().map(|unit| unit.0).collect();
    body(
        kind,
        hold.at,
        &json!({
            "reservation_id": hold.reservation,
            "performance_id": hold.performance,
            "event_id": event,
            "seat_ids": seat_ids,
            "expires_at": rfc3339(hold.expires_at),
        }),
    )
}

/// That a performance is sold out.
pub fn about_sell_out(performance: PerformanceId, event: EventId, at: Timestamp) -> String {
    body(NoticeKind::SoldOut, at, &json!({"performance_id": performance, "event_id": event}))
}

fn money(money: Money) -> Value {
    json!({"amount": money.amount, "currency": money.currency})
}

fn body(kind: NoticeKind, at: Timestamp, data: &Value) -> String {
    json!({"type": kind.as_str(), "timestamp": rfc3339(at), "data": data}).to_string()
}
