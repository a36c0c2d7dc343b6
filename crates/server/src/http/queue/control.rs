//! The waiting room in the organizer's hands.

use std::sync::Arc;

use axum::{Json, extract::State};
use onsale_app::{actions::checked_reason, ports::ledger::ActionKind, waiting_room::ControlWish};
use onsale_domain::{
    ids::EventId,
    waiting_room::{Gate, Summary},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::{
    Server,
    extract::{Command, Member, Named},
    identity::By,
    problem::{Problem, ProblemDocument},
};

/// A waiting room as its organizer sees it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = QueueControl)]
pub(crate) struct ControlDto {
    /// `open`, `closed` or `sold_out`.
    #[schema(example = "open")]
    status: &'static str,
    /// Whether nobody is being called.
    paused: bool,
    /// The rate in force.
    admit_per_second: u32,
    /// Set by hand in place of the event's.
    admit_per_second_by_hand: Option<u32>,
    /// The room in force.
    max_inside: u32,
    /// Set by hand in place of the event's.
    max_inside_by_hand: Option<u32>,
    /// Whether the lobby is still open.
    lobby: bool,
    /// How many places have been given.
    joined: u32,
    /// How many wait to be called.
    waiting: u32,
    /// How many have been called and have not come yet.
    called: u32,
    /// How many have claimed their turn while it was full.
    at_door: u32,
    /// How many are inside.
    inside: u32,
    /// About how many are being called a second.
    calls_per_second: f64,
    /// About how many of those waiting will be called before all is sold; `null`: not known.
    reached: Option<u32>,
}

impl From<&Summary> for ControlDto {
    fn from(summary: &Summary) -> Self {
        let called = (summary.turns.len() as u32).saturating_sub(summary.inside + summary.at_door);
        Self {
            status: match summary.gate {
                Gate::Open => "open",
                Gate::Closed => "closed",
                Gate::SoldOut => "sold_out",
            },
            paused: summary.control.paused,
            admit_per_second: summary.admit_per_second,
            admit_per_second_by_hand: summary.control.admit_per_second,
            max_inside: summary.max_inside,
            max_inside_by_hand: summary.control.max_inside,
            lobby: summary.order.is_none(),
            joined: summary.joined,
            waiting: summary.joined.saturating_sub(summary.front.0).saturating_sub(summary.gone_ahead),
            called,
            at_door: summary.at_door,
            inside: summary.inside,
            calls_per_second: (summary.calls_per_second * 10.0).round() / 10.0,
            reached: summary.reached,
        }
    }
}

/// How the waiting room is set, and how it goes.
#[utoipa::path(get, path = "/events/{event_id}/queue/control", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)),
    responses((status = 200, body = ControlDto), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
) -> Result<Json<ControlDto>, Problem> {
    server.app.managed_event(caller, event).await?;
    Ok(Json(ControlDto::from(server.rooms()?.summary(event).await?.as_ref())))
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlPatch {
    /// `true`: nobody is called until it is `false` again. Who is called or inside stays so.
    paused: Option<bool>,
    /// 0 to 100,000; `null`: the event's again.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    admit_per_second: Member<u32>,
    /// 0 to 1,000,000; `null`: the event's again.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    max_inside: Member<u32>,
    /// `true`: nobody can join or enter, and those who wait are told. `false`: open again; everybody keeps their place.
    closed: Option<bool>,
    /// Why, for the log of what was done by hand; at most 200 characters.
    reason: Option<String>,
}

/// Pauses, resumes, sets rate and room, closes and reopens; every server goes by it within a second.
#[utoipa::path(patch, path = "/events/{event_id}/queue/control", tag = "queue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)), request_body = ControlPatch,
    responses((status = 200, body = ControlDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub(crate) async fn update(
    State(server): State<Arc<Server>>,
    Named(event): Named<EventId>,
    By(caller): By,
    Command { body, .. }: Command<ControlPatch>,
) -> Result<Json<ControlDto>, Problem> {
    let ControlPatch { paused, admit_per_second, max_inside, closed, reason } = body;
    let reason = checked_reason(reason)?;
    let (admit_per_second, max_inside) = (admit_per_second.change(), max_inside.change());
    let wish = ControlWish { paused, admit_per_second, max_inside, closed };
    let summary = server.rooms()?.control(caller, event, wish).await?;
    for done in in_words(wish) {
        server.app.note_action(caller, event, None, done, reason.clone()).await;
    }
    Ok(Json(ControlDto::from(summary.as_ref())))
}

/// What a wish comes to, as it is logged.
fn in_words(wish: ControlWish) -> Vec<(ActionKind, Value)> {
    let either = |is: bool, one, other| (if is { one } else { other }, json!({}));
    let paused = wish.paused.map(|paused| either(paused, ActionKind::Pause, ActionKind::Resume));
    let rate = wish.admit_per_second.map(|rate| (ActionKind::Rate, json!({"admit_per_second": rate})));
    let room = wish.max_inside.map(|room| (ActionKind::Room, json!({"max_inside": room})));
    let closed = wish.closed.map(|closed| either(closed, ActionKind::Close, ActionKind::Reopen));
    [paused, rate, room, closed].into_iter().flatten().collect()
}
