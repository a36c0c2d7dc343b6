//! What a sales server reports to the queue server: what is on sale, and who has bought.
//!
//! Invariant: only who has the operator's secret is believed.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
};
use onsale_app::{
    errors::Reason,
    ports::admissions::{Admissions, Bought},
};
use onsale_domain::{
    ids::{AccountId, EventId},
    units::Counts,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    Server,
    extract::Command,
    problem::{Problem, ProblemDocument},
};
use crate::queue_client::ServiceClaims;

/// A server of the same operator.
pub(crate) struct Colleague;

impl FromRequestParts<Arc<Server>> for Colleague {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claims = token
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| server.service_seal.open::<ServiceClaims>(token).ok());
        match claims {
            Some(claims) if claims.are_good(server.app.clock().now()) => Ok(Self),
            _ => Err(Problem::new(Reason::Unauthenticated, "this call is for servers of the same operator")),
        }
    }
}

/// Units by their state.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
pub(crate) struct CountsDto {
    available: u32,
    held: u32,
    paying: u32,
    sold: u32,
    blocked: u32,
}

impl From<Counts> for CountsDto {
    fn from(Counts { available, held, paying, sold, blocked }: Counts) -> Self {
        Self { available, held, paying, sold, blocked }
    }
}

impl From<CountsDto> for Counts {
    fn from(CountsDto { available, held, paying, sold, blocked }: CountsDto) -> Self {
        Self { available, held, paying, sold, blocked }
    }
}

/// What an event has to sell.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct StockDto {
    pub(crate) event_id: Uuid,
    /// `null`: nothing is on sale yet.
    pub(crate) on_sale: Option<CountsDto>,
}

/// Somebody has bought.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct BoughtDto {
    event_id: Uuid,
    account_id: Uuid,
    units: u32,
}

impl From<&Bought> for BoughtDto {
    fn from(bought: &Bought) -> Self {
        Self { event_id: bought.event.0, account_id: bought.buyer.0, units: bought.units }
    }
}

/// What has happened since the last report, and how the stock is.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Report {
    pub(crate) stock: Vec<StockDto>,
    pub(crate) bought: Vec<BoughtDto>,
}

/// For the sales servers of a waiting room that is served apart: what is on sale, and who has bought. The same again
/// does no harm.
#[utoipa::path(post, path = "/queue/reports", tag = "operation", security(("bearer" = [])), request_body = Report,
    responses((status = 204), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn take(
    State(server): State<Arc<Server>>,
    _: Colleague,
    Command { body, .. }: Command<Report>,
) -> Result<StatusCode, Problem> {
    let rooms = server.rooms()?;
    let now = Instant::now();
    for StockDto { event_id, on_sale } in body.stock {
        server.reports.take(EventId(event_id), on_sale.map(Counts::from), now);
    }
    for BoughtDto { event_id, account_id, units } in body.bought {
        let (event, buyer) = (EventId(event_id), AccountId(account_id));
        rooms.bought(Bought { event, buyer, units, at: server.app.clock().now() });
    }
    Ok(StatusCode::NO_CONTENT)
}
