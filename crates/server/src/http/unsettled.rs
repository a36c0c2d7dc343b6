//! What is not over yet of my buyers' payments, for organizers.

use std::sync::Arc;

use axum::{Json, extract::State};
use onsale_app::{errors::rfc3339, unsettled::Unsettled};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    identity::By,
    money::MoneyDto,
    problem::{Problem, ProblemDocument},
};

/// A payment or a refund that was left behind. The reconciler asks the provider about it until it is over; its seats stay
/// reserved for as long.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnsettledPayment {
    /// `payment` or `refund`.
    #[serde(rename = "type")]
    #[schema(example = "payment")]
    kind: &'static str,
    order_id: Uuid,
    /// Of a refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<Uuid>,
    event_id: Uuid,
    event_title: String,
    performance_id: Uuid,
    /// The provider.
    #[schema(example = "stripe")]
    method: String,
    /// What the provider knows it by, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    amount: MoneyDto,
    /// When it was begun.
    since: String,
    /// `awaits_buyer`: they have to act, and have time to; `retried`: the provider is asked again, after pauses that grow;
    /// `overdue`: the same, for half an hour or longer, and somebody has to look.
    #[schema(example = "retried")]
    standing: &'static str,
}

impl From<Unsettled> for UnsettledPayment {
    fn from(found: Unsettled) -> Self {
        Self {
            kind: if found.refund.is_some() { "refund" } else { "payment" },
            order_id: found.order.0,
            refund_id: found.refund.map(|refund| refund.0),
            event_id: found.event.0,
            event_title: found.title,
            performance_id: found.performance.0,
            method: found.method,
            reference: found.reference,
            amount: found.amount.into(),
            since: rfc3339(found.since),
            standing: found.standing.as_str(),
        }
    }
}

/// Lists the payments and refunds of my events that whoever began them left behind and that are not over, oldest first,
/// payments before refunds; 200 at most.
#[utoipa::path(get, path = "/unsettled-payments", tag = "operation", security(("bearer" = [])),
    responses((status = 200, body = PageDto<UnsettledPayment>), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    By(caller): By,
) -> Result<Json<PageDto<UnsettledPayment>>, Problem> {
    let found = server.app.unsettled(caller).await?;
    Ok(Json(PageDto { items: found.into_iter().map(UnsettledPayment::from).collect(), next_cursor: None }))
}
