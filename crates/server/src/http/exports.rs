//! Exports of an event as CSV files: orders, payments, and double entries.
//!
//! Invariants: a file is written while it is sent, a page of orders at a time, and a reader that is slow holds the next
//! page back, so its size does not matter; a file that could not be finished breaks off with its connection and never
//! looks whole. Each order's lines agree with each other, being of one moment.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use onsale_app::{
    errors::{AppError, rfc3339},
    exports::{self, Export, Exported},
    ports::ledger::BookedOrder,
};
use onsale_domain::{ids::EventId, time::Timestamp};

use super::{
    Server,
    extract::Named,
    identity::By,
    problem::{Problem, ProblemDocument},
};

mod csv;

use csv::{Field, add_line};

/// What is in a file.
#[derive(Clone, Copy)]
struct Form {
    /// What it is called.
    name: &'static str,
    columns: &'static [&'static str],
    add: fn(&mut String, &Exported, &BookedOrder),
}

const ORDERS: Form = Form {
    name: "orders",
    columns: &[
        "order_id",
        "performance_id",
        "performance_starts_at",
        "status",
        "created_at",
        "settled_at",
        "buyer_name",
        "buyer_phone",
        "buyer_email",
        "seat_count",
        "seats",
        "seats_refunded",
        "total",
        "refunded",
        "kept",
        "currency",
        "payment_method",
        "payment_reference",
    ],
    add: add_order,
};

const PAYMENTS: Form = Form {
    name: "payments",
    columns: &[
        "kind",
        "id",
        "order_id",
        "performance_id",
        "method",
        "reference",
        "status",
        "amount",
        "moved",
        "currency",
        "created_at",
        "updated_at",
    ],
    add: add_payments,
};

const ENTRIES: Form = Form {
    name: "ledger-entries",
    columns: &["movement_id", "kind", "side", "order_id", "account_id", "amount", "currency", "booked_at"],
    add: add_entries,
};

/// Orders of an event as CSV, a line each, in any state: what was to be paid, what of it was refunded, and what is kept.
/// Money is in minor units, times are in UTC. Orders that begin after the call began are not in it.
#[utoipa::path(get, path = "/events/{event_id}/orders.csv", tag = "orders", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)),
    responses((status = 200, description = "The orders", content_type = "text/csv", body = String),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn orders(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
) -> Result<Response, Problem> {
    Ok(file(&server, server.app.begin_export(caller, event).await?, ORDERS))
}

/// Payments and refunds of an event's orders as CSV, a line each. `amount` is what it is about, `moved` what has come (above
/// zero) or gone back (below): together what the event's paid orders keep.
#[utoipa::path(get, path = "/events/{event_id}/payments.csv", tag = "orders", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)),
    responses((status = 200, description = "The payments and refunds", content_type = "text/csv", body = String),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn payments(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
) -> Result<Response, Problem> {
    Ok(file(&server, server.app.begin_export(caller, event).await?, PAYMENTS))
}

/// Double entries of an event's orders as CSV, two lines for each charge and each refund, which add up to zero. Those of
/// wallets are as they are booked; those of other providers, with the provider's name for a side, follow from payments
/// and refunds.
#[utoipa::path(get, path = "/events/{event_id}/ledger-entries.csv", tag = "orders", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)),
    responses((status = 200, description = "The entries", content_type = "text/csv", body = String),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn entries(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
) -> Result<Response, Problem> {
    Ok(file(&server, server.app.begin_export(caller, event).await?, ENTRIES))
}

/// The file, page by page as it is read.
fn file(server: &Arc<Server>, export: Export, form: Form) -> Response {
    let mut head = String::new();
    add_line(&mut head, form.columns.iter().map(|name| Field::Plain((*name).to_owned())));
    let app = Arc::clone(&server.app);
    let pages = stream::try_unfold((Some(head), export), move |(head, mut export)| {
        let app = Arc::clone(&app);
        async move {
            if let Some(head) = head {
                return Ok(Some((Bytes::from(head), (None, export))));
            }
            let page = app.go_on_exporting(&mut export).await.inspect_err(
                |error: &AppError| tracing::warn!(file = form.name, %error, "an export has broken off"),
            )?;
            Ok::<_, AppError>(page.map(|page| {
                let mut lines = String::new();
                for order in &page.orders {
                    (form.add)(&mut lines, &page, order);
                }
                (Bytes::from(lines), (None, export))
            }))
        }
    });
    let mut response = Body::from_stream(pages).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}.csv\"", form.name)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

#[expect(clippy::needless_pass_by_value, reason = "ids are given as they are, and so are texts")]
fn id(id: impl ToString) -> Field<'static> {
    Field::Plain(id.to_string())
}

fn time(at: Timestamp) -> Field<'static> {
    Field::Plain(rfc3339(at))
}

fn add_order(lines: &mut String, page: &Exported, order: &BookedOrder) {
    let refunded = order.money_back();
    let labels: Vec<String> = order
        .units
        .iter()
        .map(|unit| {
            let label = page.card.label(unit.unit);
            label.section.map_or(label.label.clone(), |section| format!("{section} {}", label.label))
        })
        .collect();
    let labels = labels.join("; ");
    let payment = order.payment.as_ref();
    let count = |count: usize| Field::Number(i64::try_from(count).unwrap_or(i64::MAX));
    add_line(
        lines,
        [
            id(order.id),
            id(page.card.performance.id),
            time(page.card.performance.starts_at),
            id(&order.status),
            time(order.created_at),
            order.settled_at.map_or(Field::Empty, time),
            Field::Text(&order.buyer.name),
            Field::maybe(order.buyer.phone.as_deref()),
            Field::maybe(order.buyer.email.as_deref()),
            count(order.units.len()),
            Field::Text(&labels),
            count(order.units.iter().filter(|unit| order.is_given_back(unit)).count()),
            Field::Number(order.total.amount),
            Field::Number(refunded),
            Field::Number(order.captured() - refunded),
            id(&order.total.currency),
            payment.map_or(Field::Empty, |payment| id(&payment.method)),
            Field::maybe(payment.and_then(|payment| payment.reference.as_deref())),
        ],
    );
}

fn add_payments(lines: &mut String, page: &Exported, order: &BookedOrder) {
    let Some(payment) = &order.payment else { return };
    let performance = page.card.performance.id;
    let reference = || Field::maybe(payment.reference.as_deref());
    add_line(
        lines,
        [
            id("payment"),
            id(order.id),
            id(order.id),
            id(performance),
            id(&payment.method),
            reference(),
            id(&payment.status),
            Field::Number(payment.money.amount),
            Field::Number(order.captured()),
            id(&payment.money.currency),
            time(order.created_at),
            time(payment.updated_at),
        ],
    );
    for refund in &order.refunds {
        let moved = if refund.is_money_back() { -refund.money.amount } else { 0 };
        add_line(
            lines,
            [
                id("refund"),
                id(refund.id),
                id(order.id),
                id(performance),
                id(&payment.method),
                reference(),
                id(&refund.status),
                Field::Number(refund.money.amount),
                Field::Number(moved),
                id(&refund.money.currency),
                time(refund.created_at),
                time(refund.updated_at),
            ],
        );
    }
}

fn add_entries(lines: &mut String, _page: &Exported, order: &BookedOrder) {
    for entry in exports::entries(order) {
        add_line(
            lines,
            [
                id(entry.movement),
                id(entry.kind),
                id(entry.side),
                id(order.id),
                entry.account.map_or(Field::Empty, id),
                Field::Number(entry.amount),
                id(entry.currency),
                time(entry.at),
            ],
        );
    }
}
