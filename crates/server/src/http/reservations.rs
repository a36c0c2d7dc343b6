//! Reservations: hold, look, extend, cancel, confirm.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use onsale_app::{
    errors::{AppError, rfc3339},
    orders::Confirmation,
    ports::ledger::BuyerDetails,
    reservations::{PricedUnit, ReservationView, Wish},
};
use onsale_domain::ids::{PerformanceId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    address::ClientAddress,
    extract::{Command, Named, Paging, Query},
    frame::Sequence,
    identity::By,
    letters::Reader,
    money::MoneyDto,
    orders::{OrderDto, order_response},
    payments::{ActionNeeded, action_needed},
    problem::{Problem, ProblemDocument},
    queue::PassHeader,
};
use crate::limits::Limit;

/// The best seats there are.
#[derive(Deserialize, ToSchema)]
pub(crate) struct BestAvailableDto {
    quantity: u32,
    /// Of this category only.
    category: Option<String>,
    /// Side by side if possible; `true` unless told.
    together: Option<bool>,
}

/// What to hold: one of `seat_ids`, `area_id` with `quantity`, or `best_available`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewReservation {
    #[schema(example = json!([1, 2]))]
    seat_ids: Option<Vec<u32>>,
    area_id: Option<u32>,
    quantity: Option<u32>,
    best_available: Option<BestAvailableDto>,
}

impl NewReservation {
    fn wish(self) -> Result<Wish, Problem> {
        match (self.seat_ids, self.area_id, self.quantity, self.best_available) {
            (Some(ids), None, None, None) => Ok(Wish::Seats(ids)),
            (None, Some(area), Some(quantity), None) => Ok(Wish::Area { area, quantity }),
            (None, None, None, Some(best)) => Ok(Wish::Best {
                quantity: best.quantity,
                category: best.category,
                together: best.together.unwrap_or(true),
            }),
            _ => Err(AppError::invalid(
                "body",
                "give exactly one of: seat_ids; area_id and quantity; best_available",
            )
            .into()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct HeldSeat {
    id: u32,
    #[schema(example = "A-1")]
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    price: MoneyDto,
}

impl From<PricedUnit> for HeldSeat {
    fn from(unit: PricedUnit) -> Self {
        Self {
            id: unit.unit.0,
            label: unit.label.label,
            section: unit.label.section,
            price: unit.price.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationDto {
    id: Uuid,
    performance_id: Uuid,
    /// `held`, `paying`, `confirmed`, `cancelled` or `expired`.
    #[schema(example = "held")]
    status: &'static str,
    seats: Vec<HeldSeat>,
    total: MoneyDto,
    expires_at: String,
    /// Distinguishes this hold from every other on the same seats; later ones have greater numbers.
    fence: u64,
    extensions_left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    /// The number of the accepted command that made it, in one order over everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

impl From<ReservationView> for ReservationDto {
    fn from(view: ReservationView) -> Self {
        Self {
            id: view.id.0,
            performance_id: view.performance.0,
            status: view.status.as_str(),
            seats: view.units.into_iter().map(HeldSeat::from).collect(),
            total: view.total.into(),
            expires_at: rfc3339(view.expires_at),
            fence: view.fence.0,
            extensions_left: view.extensions_left,
            order_id: view.order.map(|order| order.0),
            sequence: view.sequence,
        }
    }
}

fn answer(status: StatusCode, view: ReservationView) -> Response {
    let sequence = view.sequence;
    let mut response = (status, Json(ReservationDto::from(view))).into_response();
    if let Some(sequence) = sequence {
        response.extensions_mut().insert(Sequence(sequence));
    }
    response
}

/// Holds seats or places, all or none.
#[utoipa::path(post, path = "/performances/{performance_id}/reservations", tag = "reservations", security(("bearer" = [])),
    params(("performance_id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; a repeat answers with the first reservation"),
        ("Queue-Pass" = Option<String>, Header, description = "Where the event has a waiting room")),
    request_body = NewReservation,
    responses((status = 201, body = ReservationDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 410, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Named(performance): Named<PerformanceId>,
    By(caller): By,
    ClientAddress(address): ClientAddress,
    PassHeader(shown): PassHeader,
    Command { body, key }: Command<NewReservation>,
) -> Result<Response, Problem> {
    server.limits.take(Limit::Hold, address, Some(caller.account))?;
    let view = server.app.hold(caller, performance, body.wish()?, key, &shown).await?;
    Ok(answer(StatusCode::CREATED, view))
}

/// Reads a reservation of mine.
#[utoipa::path(get, path = "/reservations/{reservation_id}", tag = "reservations", security(("bearer" = [])),
    params(("reservation_id" = Uuid, Path)),
    responses((status = 200, body = ReservationDto), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(id): Named<ReservationId>,
    By(caller): By,
) -> Result<Json<ReservationDto>, Problem> {
    Ok(Json(server.app.reservation(caller, id).await?.into()))
}

/// Lists my reservations, newest first.
#[utoipa::path(get, path = "/me/reservations", tag = "reservations", security(("bearer" = [])), params(Paging),
    responses((status = 200, body = PageDto<ReservationDto>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument)))]
pub(crate) async fn mine(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Query(paging): Query<Paging>,
) -> Result<Json<PageDto<ReservationDto>>, Problem> {
    let page = server.app.reservations_of(caller, paging.checked()?).await?;
    Ok(Json(PageDto::of(page, ReservationDto::from)))
}

/// Gives my hold more time.
#[utoipa::path(post, path = "/reservations/{reservation_id}/extend", tag = "reservations", security(("bearer" = [])),
    params(("reservation_id" = Uuid, Path)),
    responses((status = 200, body = ReservationDto), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 410, body = ProblemDocument)))]
pub(crate) async fn extend(
    State(server): State<Arc<Server>>,
    Named(id): Named<ReservationId>,
    By(caller): By,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, server.app.extend(caller, id).await?))
}

/// Gives my hold back. Doing it again is no mistake.
#[utoipa::path(delete, path = "/reservations/{reservation_id}", tag = "reservations", security(("bearer" = [])),
    params(("reservation_id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn cancel(
    State(server): State<Arc<Server>>,
    Named(id): Named<ReservationId>,
    By(caller): By,
) -> Result<StatusCode, Problem> {
    server.app.cancel(caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct PaymentDto {
    /// `simulated`, `wallet` or `stripe`, as far as the operator offers them.
    #[schema(example = "simulated")]
    method: String,
    /// What to pay with, under the provider's name for it: with `stripe` a PaymentMethod (`pm_…`) that the buyer's
    /// browser has got from Stripe. Without it the answer is 202, and the buyer pays with the client secret. Never a
    /// card number.
    payment_method: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct BuyerDto {
    /// 1 to 100 characters.
    #[schema(example = "Kim Min-ji")]
    name: String,
    phone: Option<String>,
    /// Where the tickets go, if this server sends e-mail.
    #[schema(example = "kim@example.com")]
    email: Option<String>,
    /// The language of e-mails, `en` or `ko`; the one that the browser likes best unless told.
    language: Option<String>,
    /// The zone of times in e-mails, as the IANA names it.
    #[schema(example = "Asia/Seoul")]
    time_zone: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Confirm {
    payment: PaymentDto,
    buyer: BuyerDto,
}

/// Pays for my hold. Asking again after it is paid answers with the same order.
#[utoipa::path(post, path = "/reservations/{reservation_id}/confirm", tag = "reservations", security(("bearer" = [])),
    params(("reservation_id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; after a declined payment the same key may try again")),
    request_body = Confirm,
    responses((status = 201, body = OrderDto), (status = 202, body = ActionNeeded, description = "The provider needs the buyer"),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 402, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 410, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn confirm(
    State(server): State<Arc<Server>>,
    Named(id): Named<ReservationId>,
    By(caller): By,
    ClientAddress(address): ClientAddress,
    reader: Reader,
    Command { body, key }: Command<Confirm>,
) -> Result<Response, Problem> {
    server.limits.take(Limit::Confirm, address, Some(caller.account))?;
    let letters = reader.writing(&server, body.buyer.language, body.buyer.time_zone, "buyer.")?;
    let confirmation = Confirmation {
        method: body.payment.method,
        instrument: body.payment.payment_method,
        buyer: BuyerDetails {
            name: body.buyer.name,
            phone: body.buyer.phone,
            email: body.buyer.email,
            letters: Some(letters),
        },
        key,
    };
    let app = Arc::clone(&server.app);
    let mut view = server.to_the_end(async move { app.confirm(caller, id, confirmation).await }).await?;
    Ok(match view.action.take() {
        Some(action) => action_needed(view.order.id, action),
        None => order_response(StatusCode::CREATED, view),
    })
}
