//! The on-sale dashboard: the figures of an event's sale, to be asked for once a second.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use onsale_app::{
    errors::rfc3339,
    figures::{Figures, Part, PartKind},
};
use onsale_domain::{ids::EventId, time::Timestamp, units::Counts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Server,
    extract::{Named, Query},
    identity::By,
    performances::StatsDto,
    problem::{Problem, ProblemDocument},
    queue::control::ControlDto,
    traffic,
};
use crate::sale::{Latest, Moment, Shown, Turnout};

/// A section or an area in figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleSection {
    /// Empty where the plan has no name for it.
    label: String,
    /// `section` or `area`.
    #[schema(example = "section")]
    kind: &'static str,
    #[serde(flatten)]
    stock: StatsDto,
}

/// A performance in figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct SalePerformance {
    id: Uuid,
    starts_at: String,
    sale_opens_at: Option<String>,
    sale_closes_at: Option<String>,
    /// Who watch its seats, at the process that answers.
    viewers: usize,
    stock: StatsDto,
    sections: Vec<SaleSection>,
}

/// The waiting room in figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleRoom {
    #[serde(flatten)]
    control: ControlDto,
    /// How many came in since recording began.
    entered: u64,
    /// How many were called since then and did not come in time.
    no_shows: u64,
}

/// What was begun and what came of it, since recording began.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleProgress {
    holds: u64,
    orders: u64,
}

/// What the process that answers was asked in the last seconds.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleTraffic {
    window_s: u64,
    requests_per_s: f64,
    /// The share that was answered with a fault of the server, from 0 to 1.
    error_rate: f64,
    /// `null`: nothing was asked.
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// How many requests were refused, by reason code.
    refusals: BTreeMap<&'static str, u32>,
}

/// A second of the sale.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleMoment {
    at_ms: i64,
    available: u32,
    held: u32,
    paying: u32,
    sold: u32,
    joined: u32,
    waiting: u32,
    inside: u32,
    entered: u64,
    no_shows: u64,
    viewers: usize,
    requests_per_s: f64,
    /// `null`: nothing was asked.
    p95_ms: Option<f64>,
    error_rate: f64,
}

/// A sale in figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sale {
    /// Of when they are.
    at: String,
    at_ms: i64,
    performances: Vec<SalePerformance>,
    /// `null`: the event has no waiting room, or another server has it.
    room: Option<SaleRoom>,
    sales: SaleProgress,
    traffic: SaleTraffic,
    /// One entry a second, those after `since`; an hour at most. It begins when somebody first looks and goes on until
    /// nobody has looked for ten minutes.
    history: Vec<SaleMoment>,
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Since {
    /// `at_ms` of the answer before; without it the whole history comes.
    since: Option<i64>,
}

/// An event's sale in figures: what is left, section by section, who waits, how fast this server answers.
#[utoipa::path(get, path = "/events/{event_id}/sale", tag = "operation", security(("bearer" = [])),
    params(("event_id" = Uuid, Path), Since),
    responses((status = 200, body = Sale), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    Query(Since { since }): Query<Since>,
) -> Result<Json<Sale>, Problem> {
    server.app.managed_event(caller, event).await?;
    let since = since.map_or(Timestamp(i64::MIN), Timestamp);
    let (latest, moments) = server.recordings.look(&server, event, since).await?;
    Ok(Json(Sale::of(&latest, &moments)))
}

impl Sale {
    fn of(latest: &Latest, moments: &[Moment]) -> Self {
        Self {
            at: rfc3339(latest.at),
            at_ms: latest.at.as_millis(),
            performances: latest.performances.iter().map(SalePerformance::from).collect(),
            room: latest.room.as_ref().map(|(summary, Turnout { entered, no_shows })| SaleRoom {
                control: ControlDto::from(summary.as_ref()),
                entered: *entered,
                no_shows: *no_shows,
            }),
            sales: SaleProgress { holds: latest.holds, orders: latest.orders },
            traffic: SaleTraffic::from(&latest.traffic),
            history: moments.iter().map(SaleMoment::from).collect(),
        }
    }
}

impl From<&Part> for SaleSection {
    fn from(part: &Part) -> Self {
        let kind = match part.kind {
            PartKind::Section => "section",
            PartKind::Area => "area",
        };
        Self { label: part.label.clone(), kind, stock: StatsDto::new(part.capacity, part.counts) }
    }
}

impl From<&Shown> for SalePerformance {
    fn from(Shown { figures, viewers }: &Shown) -> Self {
        let Figures { performance, parts, .. } = figures.as_ref();
        let counts = parts.iter().fold(Counts::default(), |sum, part| sum.plus(part.counts));
        Self {
            id: performance.id.0,
            starts_at: rfc3339(performance.starts_at),
            sale_opens_at: performance.sale_opens_at.map(rfc3339),
            sale_closes_at: performance.sale_closes_at.map(rfc3339),
            viewers: *viewers,
            stock: StatsDto::new(performance.capacity, counts),
            sections: parts.iter().map(SaleSection::from).collect(),
        }
    }
}

impl From<&traffic::Figures> for SaleTraffic {
    fn from(figures: &traffic::Figures) -> Self {
        Self {
            window_s: traffic::WINDOW_S,
            requests_per_s: figures.requests_per_s,
            error_rate: figures.error_rate,
            p50_ms: in_ms(figures.p50),
            p95_ms: in_ms(figures.p95),
            p99_ms: in_ms(figures.p99),
            refusals: figures.refusals.clone(),
        }
    }
}

impl From<&Moment> for SaleMoment {
    fn from(moment: &Moment) -> Self {
        Self {
            at_ms: moment.at.as_millis(),
            available: moment.counts.available,
            held: moment.counts.held,
            paying: moment.counts.paying,
            sold: moment.counts.sold,
            joined: moment.joined,
            waiting: moment.waiting,
            inside: moment.inside,
            entered: moment.turnout.entered,
            no_shows: moment.turnout.no_shows,
            viewers: moment.viewers,
            requests_per_s: moment.requests_per_s,
            p95_ms: in_ms(moment.p95),
            error_rate: moment.error_rate,
        }
    }
}

/// In milliseconds, to a hundredth; no answer takes no time at all.
fn in_ms(time: Duration) -> Option<f64> {
    (time > Duration::ZERO).then(|| (time.as_secs_f64() * 100_000.0).round() / 100.0)
}
