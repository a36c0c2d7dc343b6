//! Events: what an organizer puts on sale, and the settings of the sale.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use onsale_app::{
    errors::{AppError, rfc3339},
    ports::ledger::{Event, OwnedKey},
};
use onsale_domain::{
    events::{
        BuyerIdentity, EventSettings, OnePlacePer, WaitingRoomMode, WaitingRoomSettings, WhenSoldOut,
        WhenUnreachable,
    },
    ids::EventId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    PageDto, Server,
    extract::{Command, Member, Named, Paging, Query},
    identity::By,
    problem::{Problem, ProblemDocument},
    times,
};

/// Settings of the waiting room. What is left out keeps its default or present value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitingRoomDto {
    /// `off` or `on`.
    #[schema(value_type = String, example = "off")]
    mode: WaitingRoomMode,
    /// RFC 3339; `null`: at once.
    opens_at: Option<String>,
    /// 1 to 100,000.
    admit_per_second: u32,
    /// 1 to 1,000,000.
    max_inside: u32,
    /// 10 to 86,400.
    inside_for_s: u32,
    /// 5 to 3,600.
    claim_within_s: u32,
    /// `buyer` or `address`.
    #[schema(value_type = String, example = "buyer")]
    one_place_per: OnePlacePer,
    /// `refuse` or `admit`.
    #[schema(value_type = String, example = "refuse")]
    when_unreachable: WhenUnreachable,
    /// `close` or `return_line`.
    #[schema(value_type = String, example = "close")]
    when_sold_out: WhenSoldOut,
    /// 0 to 24: how many zero bits a proof of work for joining has to have.
    proof_of_work_bits: u32,
}

/// Settings of an event. What is left out keeps its default or present value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventSettings)]
pub(crate) struct SettingsDto {
    /// How long a hold lasts, 10 to 3,600 seconds.
    #[schema(example = 300)]
    hold_ttl_s: u32,
    /// Per performance, 1 to 50.
    #[schema(example = 4)]
    max_seats_per_buyer: u32,
    /// 0 to 100.
    #[schema(example = 1)]
    max_extensions: u32,
    /// `guest` or `account`.
    #[schema(value_type = String, example = "guest")]
    buyer_identity: BuyerIdentity,
    /// ISO 4217.
    #[schema(example = "KRW")]
    currency: String,
    waiting_room: WaitingRoomDto,
}

impl From<&EventSettings> for SettingsDto {
    fn from(settings: &EventSettings) -> Self {
        let room = &settings.waiting_room;
        Self {
            hold_ttl_s: settings.hold_ttl_s,
            max_seats_per_buyer: settings.max_seats_per_buyer,
            max_extensions: settings.max_extensions,
            buyer_identity: settings.buyer_identity,
            currency: settings.currency.to_string(),
            waiting_room: WaitingRoomDto {
                mode: room.mode,
                opens_at: room.opens_at.map(rfc3339),
                admit_per_second: room.admit_per_second,
                max_inside: room.max_inside,
                inside_for_s: room.inside_for_s,
                claim_within_s: room.claim_within_s,
                one_place_per: room.one_place_per,
                when_unreachable: room.when_unreachable,
                when_sold_out: room.when_sold_out,
                proof_of_work_bits: room.proof_of_work_bits,
            },
        }
    }
}

impl SettingsDto {
    fn into_settings(self) -> Result<EventSettings, Problem> {
        let room = self.waiting_room;
        let opens_at = times::parse_optional("settings.waiting_room.opens_at", room.opens_at.as_ref())?;
        let currency = self.currency.parse().map_err(|bad: onsale_domain::money::BadCurrency| {
            AppError::invalid("settings.currency", &bad.to_string())
        })?;
        Ok(EventSettings {
            hold_ttl_s: self.hold_ttl_s,
            max_seats_per_buyer: self.max_seats_per_buyer,
            max_extensions: self.max_extensions,
            buyer_identity: self.buyer_identity,
            currency,
            waiting_room: WaitingRoomSettings {
                mode: room.mode,
                opens_at,
                admit_per_second: room.admit_per_second,
                max_inside: room.max_inside,
                inside_for_s: room.inside_for_s,
                claim_within_s: room.claim_within_s,
                one_place_per: room.one_place_per,
                when_unreachable: room.when_unreachable,
                when_sold_out: room.when_sold_out,
                proof_of_work_bits: room.proof_of_work_bits,
            },
        })
    }
}

/// Settings with some members changed (RFC 7396 merge patch: absent stays, `null` clears where that is a
/// value).
fn merged(present: &EventSettings, patch: Option<Map<String, Value>>) -> Result<EventSettings, Problem> {
    let Some(patch) = patch else { return Ok(present.clone()) };
    let internal = |error: serde_json::Error| AppError::Internal(error.to_string());
    let mut document = serde_json::to_value(SettingsDto::from(present)).map_err(internal)?;
    merge(&mut document, Value::Object(patch));
    let dto: SettingsDto = serde_json::from_value(document)
        .map_err(|error| AppError::invalid("settings", &error.to_string()))?;
    dto.into_settings()
}

/// Settings are two levels deep, and so is this; a deeper patch fails as a wrong type afterwards.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                match target.get_mut(&name) {
                    Some(known) if known.is_object() && value.is_object() => merge(known, value),
                    _ => {
                        target.insert(name, value);
                    }
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewEvent {
    #[schema(example = "A winter's tale")]
    title: String,
    description: Option<String>,
    /// Any of the settings; the rest take their defaults.
    #[schema(value_type = Option<SettingsDto>)]
    settings: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventDto {
    id: Uuid,
    title: String,
    description: Option<String>,
    settings: SettingsDto,
    /// Whether buyers go through the waiting room.
    waiting_room: bool,
    created_at: String,
}

impl From<&Event> for EventDto {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id.0,
            settings: SettingsDto::from(&event.settings),
            waiting_room: event.settings.waiting_room.mode == WaitingRoomMode::On,
            title: event.title.clone(),
            description: event.description.clone(),
            created_at: rfc3339(event.created_at),
        }
    }
}

/// Creates an event.
#[utoipa::path(post, path = "/events", tag = "catalogue", security(("bearer" = [])), request_body = NewEvent,
    responses((status = 201, body = EventDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Command { body, key }: Command<NewEvent>,
) -> Result<(StatusCode, Json<EventDto>), Problem> {
    let settings = merged(&EventSettings::default(), body.settings)?;
    let key = key.map(|key| OwnedKey { owner: caller.account, key });
    let event = server.app.create_event(caller, body.title, body.description, settings, key).await?;
    Ok((StatusCode::CREATED, Json((&event).into())))
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Whose {
    /// `true`: only those that the caller, an organizer, manages.
    mine: Option<bool>,
}

/// Lists events, newest first.
#[utoipa::path(get, path = "/events", tag = "catalogue", params(Paging, Whose), security((), ("bearer" = [])),
    responses((status = 200, body = PageDto<EventDto>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Query(paging): Query<Paging>,
    Query(whose): Query<Whose>,
    mut parts: Parts,
) -> Result<Json<PageDto<EventDto>>, Problem> {
    let page = paging.checked()?;
    let events = if whose.mine == Some(true) {
        let By(caller) = By::from_request_parts(&mut parts, &server).await?;
        &server.app.own_events(caller, page).await?
    } else {
        &*server.app.events(page).await?
    };
    let items = events.items.iter().map(EventDto::from).collect();
    Ok(Json(PageDto { items, next_cursor: events.next }))
}

/// Reads an event.
#[utoipa::path(get, path = "/events/{event_id}", tag = "catalogue", params(("event_id" = Uuid, Path)),
    responses((status = 200, body = EventDto), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(server): State<Arc<Server>>,
    Named(id): Named<EventId>,
) -> Result<Json<EventDto>, Problem> {
    Ok(Json(server.app.event(id).await?.as_ref().into()))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct EventPatch {
    title: Option<String>,
    /// `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Member<String>,
    /// The settings to change.
    #[schema(value_type = Option<SettingsDto>)]
    settings: Option<Map<String, Value>>,
}

/// Changes an event; what is left out stays.
#[utoipa::path(patch, path = "/events/{event_id}", tag = "catalogue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)), request_body = EventPatch,
    responses((status = 200, body = EventDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn update(
    State(server): State<Arc<Server>>,
    Named(id): Named<EventId>,
    By(caller): By,
    Command { body, .. }: Command<EventPatch>,
) -> Result<Json<EventDto>, Problem> {
    let mut event = server.app.managed_event(caller, id).await?;
    event.settings = merged(&event.settings, body.settings)?;
    event.title = body.title.unwrap_or(event.title);
    if let Member::Set(description) = body.description {
        event.description = description;
    }
    Ok(Json((&server.app.update_event(caller, event).await?).into()))
}

/// Deletes an event and its performances, unless seats are sold.
#[utoipa::path(delete, path = "/events/{event_id}", tag = "catalogue", security(("bearer" = [])),
    params(("event_id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn delete(
    State(server): State<Arc<Server>>,
    Named(id): Named<EventId>,
    By(caller): By,
) -> Result<StatusCode, Problem> {
    server.app.delete_event(caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
