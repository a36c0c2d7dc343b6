//! Payments from the page's side: which ways there are, and coming back to one that was begun.
//!
//! Invariant: what lets somebody pay goes to the buyer it is for and to nobody else.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use onsale_app::{
    App,
    ports::payments::{BuyerAction, PageForm},
};
use onsale_domain::ids::{OrderId, ReservationId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Server,
    extract::Named,
    identity::By,
    orders::{OrderDto, order_response},
    problem::{Problem, ProblemDocument},
};

/// What a page needs to show a provider's own form, so that what is typed there never comes here.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentForm {
    /// Where the provider's script is.
    #[schema(example = "https://js.stripe.com/v3/")]
    script_url: String,
    /// Names the seller to that script.
    #[schema(example = "pk_live_51H…")]
    publishable_key: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentMethod {
    /// To be sent as `payment.method`.
    #[schema(example = "stripe")]
    method: &'static str,
    /// Where the provider has one; `stripe` without it can be used by programs that have a PaymentMethod already.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<PaymentForm>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentMethods {
    items: Vec<PaymentMethod>,
}

/// Lists the ways to pay that this server offers.
#[utoipa::path(get, path = "/payment-methods", tag = "reservations", responses((status = 200, body = PaymentMethods)))]
pub(crate) async fn methods(State(server): State<Arc<Server>>) -> Json<PaymentMethods> {
    let form = |PageForm { script_url, publishable_key, .. }| PaymentForm { script_url, publishable_key };
    let offered = server.app.payment_methods().into_iter();
    let items = offered.map(|(method, page)| PaymentMethod { method, form: page.map(form) }).collect();
    Json(PaymentMethods { items })
}

/// The forms that pages may show.
pub(super) fn forms(app: &App) -> Vec<PageForm> {
    app.payment_methods().into_iter().filter_map(|(_, form)| form).collect()
}

/// What the buyer has to do before the order is paid. Follow the reservation or the order meanwhile; resuming
/// says the same once more, or answers with the order where it has been paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionNeeded {
    order_id: Uuid,
    /// `requires_action`.
    #[schema(example = "requires_action")]
    status: &'static str,
    /// For the provider's script on the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Names the seller to that script.
    #[serde(skip_serializing_if = "Option::is_none")]
    publishable_key: Option<String>,
    /// Where to send the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
}

pub(super) fn action_needed(order: OrderId, action: BuyerAction) -> Response {
    let (client_secret, publishable_key, redirect_url) = match action {
        BuyerAction::InPage { client_secret, publishable_key } => {
            (Some(client_secret), publishable_key, None)
        }
        BuyerAction::Redirect { url } => (None, None, Some(url)),
    };
    let order_id = order.0;
    let status = "requires_action";
    let needed = ActionNeeded { order_id, status, client_secret, publishable_key, redirect_url };
    (StatusCode::ACCEPTED, Json(needed)).into_response()
}

/// Comes back to a payment of mine that was begun: after the buyer has done what the provider asked of them, or when the page
/// was left meanwhile. Begins nothing; a payment that has failed is ended, and the hold is there again.
#[utoipa::path(post, path = "/reservations/{reservation_id}/resume", tag = "reservations", security(("bearer" = [])),
    params(("reservation_id" = Uuid, Path)),
    responses((status = 200, body = OrderDto, description = "It is paid"),
        (status = 202, body = ActionNeeded, description = "The provider needs the buyer"),
        (status = 204, description = "No payment is under way"), (status = 401, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn resume(
    State(server): State<Arc<Server>>,
    Named(id): Named<ReservationId>,
    By(caller): By,
) -> Result<Response, Problem> {
    let app = Arc::clone(&server.app);
    let found = server.to_the_end(async move { app.take_up_payment(caller, id).await }).await?;
    let Some(mut view) = found else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    Ok(match view.action.take() {
        Some(action) => action_needed(view.order.id, action),
        None => order_response(StatusCode::OK, view),
    })
}
