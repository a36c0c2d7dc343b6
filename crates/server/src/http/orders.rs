//! Orders: look, list, refund.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use onsale_app::{
    errors::{AppError, rfc3339},
    orders::OrderView,
    ports::ledger::OrderFilter,
    refunds::RefundRequest,
};
use onsale_domain::{
    ids::{EventId, OrderId},
    orders::OrderStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Command, Named, Paging, Query},
    frame::Sequence,
    identity::By,
    letters::LetterDto,
    money::MoneyDto,
    problem::{Problem, ProblemDocument},
};

#[derive(Serialize, ToSchema)]
pub(crate) struct OrderSeat {
    id: u32,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    price: MoneyDto,
    /// Only of seats that are given back: `refunding` until the buyer has the money back, then `refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "refunded")]
    refund: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TicketDto {
    /// Unguessable; lets its bearer in.
    #[schema(example = "7H2KQ9ZC4M0XW8RT")]
    code: String,
    seat_id: u32,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BuyerDetailsDto {
    name: String,
    phone: Option<String>,
    email: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderDto {
    id: Uuid,
    reservation_id: Uuid,
    performance_id: Uuid,
    /// `paying`, `paid`, `failed` or `refunded`.
    #[schema(value_type = String, example = "paid")]
    status: OrderStatus,
    seats: Vec<OrderSeat>,
    total: MoneyDto,
    /// What of it the buyer has back.
    refunded: MoneyDto,
    /// One for each seat, once the order is paid; none for seats that are given back.
    tickets: Vec<TicketDto>,
    buyer: BuyerDetailsDto,
    payment_method: String,
    /// How the e-mail with the tickets fares; where one order is asked for, and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<LetterDto>,
    /// The number of the accepted command that began the payment, in one order over everything.
    sequence: u64,
    created_at: String,
}

impl From<OrderView> for OrderDto {
    fn from(OrderView { order, labels, .. }: OrderView) -> Self {
        let seats = order
            .units
            .iter()
            .zip(&labels)
            .map(|(unit, label)| OrderSeat {
                id: unit.unit.0,
                label: label.label.clone(),
                section: label.section.clone(),
                price: unit.price.into(),
                refund: unit
                    .refund
                    .map(|refund| if refund.status.is_money_back() { "refunded" } else { "refunding" }),
            })
            .collect();
        let tickets = order
            .units
            .iter()
            .zip(labels)
            .filter(|(unit, _)| order.has_ticket_for(unit))
            .map(|(unit, label)| TicketDto {
                code: unit.ticket_code.clone(),
                seat_id: unit.unit.0,
                label: label.label,
                section: label.section,
            })
            .collect();
        Self {
            id: order.id.0,
            reservation_id: order.reservation.0,
            performance_id: order.performance.0,
            status: order.status,
            seats,
            total: order.total.into(),
            refunded: order.refunded().into(),
            tickets,
            buyer: BuyerDetailsDto {
                name: order.buyer.name,
                phone: order.buyer.phone,
                email: order.buyer.email,
            },
            payment_method: order.method,
            mail: None,
            sequence: order.sequence,
            created_at: rfc3339(order.created_at),
        }
    }
}

pub(crate) fn order_response(status: StatusCode, view: OrderView) -> Response {
    let sequence = Sequence(view.order.sequence);
    let mut response = (status, Json(OrderDto::from(view))).into_response();
    response.extensions_mut().insert(sequence);
    response
}

/// Reads an order of mine, or of an event that I manage.
#[utoipa::path(get, path = "/orders/{order_id}", tag = "orders", security(("bearer" = [])), params(("order_id" = Uuid, Path)),
    responses((status = 200, body = OrderDto), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(id): Named<OrderId>,
    By(caller): By,
) -> Result<Json<OrderDto>, Problem> {
    let view = server.app.order(caller, id).await?;
    let mail = server.app.letter_of(caller, &view).await?.map(LetterDto::from);
    Ok(Json(OrderDto { mail, ..view.into() }))
}

/// Lists my orders, newest first.
#[utoipa::path(get, path = "/me/orders", tag = "orders", security(("bearer" = [])), params(Paging),
    responses((status = 200, body = PageDto<OrderDto>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument)))]
pub(crate) async fn mine(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<OrderDto>>, Problem> {
    let page = server.app.orders_of(caller, paging.checked()?).await?;
    Ok(Json(PageDto::of(page, OrderDto::from)))
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Sought {
    /// Part of the buyer's name, e-mail address or phone number; or an order's id or the code of a ticket as a whole.
    query: Option<String>,
    #[param(pattern = "^(paying|paid|failed|refunded)$")]
    status: Option<String>,
}

impl Sought {
    fn checked(self) -> Result<OrderFilter, Problem> {
        const STATUSES: [OrderStatus; 4] =
            [OrderStatus::Paying, OrderStatus::Paid, OrderStatus::Failed, OrderStatus::Refunded];
        let parsed = |name: String| {
            let found = STATUSES.into_iter().find(|status| status.as_str() == name);
            found.ok_or_else(|| AppError::invalid("status", "is paying, paid, failed or refunded"))
        };
        let text = self.query.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(OrderFilter { text, status: self.status.map(parsed).transpose()? })
    }
}

/// Lists the orders of an event that I manage, newest first, and finds some among them.
#[utoipa::path(get, path = "/events/{event_id}/orders", tag = "orders", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), Paging, Sought),
    responses((status = 200, body = PageDto<OrderDto>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn find(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    Query(paging): Query<Paging>,
    Query(sought): Query<Sought>,
) -> Result<Json<PageDto<OrderDto>>, Problem> {
    let page = server.app.find_orders(caller, event, sought.checked()?, paging.checked()?).await?;
    Ok(Json(PageDto::of(page, OrderDto::from)))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Refund {
    /// Whether the seats stay off sale.
    #[serde(default)]
    keep_seats: bool,
    /// The ids of some seats or places of the order, as its tickets name them; all of it unless given.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Vec<u32>, required = false, min_items = 1)]
    seat_ids: Option<Vec<u32>>,
}

/// Left out it means everything; who writes `null` may have meant something else.
fn never_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u32>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

/// Gives the money of a paid order back, or of some of its seats. Their tickets are void from then on; the order stays paid
/// until its last seat is given back. Asking again completes what was begun and gives nothing twice.
#[utoipa::path(post, path = "/orders/{order_id}/refund", tag = "orders", security(("bearer" = [])), params(("order_id" = Uuid, Path)),
    request_body = Refund,
    responses((status = 200, body = OrderDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn refund(
    State(server): State<Arc<Server>>,
    Named(id): Named<OrderId>,
    By(caller): By,
    Command { body, .. }: Command<Refund>,
) -> Result<Json<OrderDto>, Problem> {
    let app = Arc::clone(&server.app);
    let request = RefundRequest { units: body.seat_ids, keep_seats: body.keep_seats };
    let refunded = server.to_the_end(async move { app.refund(caller, id, request).await }).await?;
    Ok(Json(refunded.into()))
}
