//! What is kept of me, and erasing it.

use std::sync::Arc;

use axum::{Json, extract::State};
use onsale_app::{
    CallerKind,
    errors::rfc3339,
    personal_data::PersonalData,
    ports::ledger::{PageRequest, Wish},
};
use onsale_domain::{ids::LoginId, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PageDto, Server,
    identity::By,
    money::MoneyDto,
    orders::OrderDto,
    problem::{Problem, ProblemDocument},
    queue::wishes::WishDto,
    reservations::ReservationDto,
};

/// The first pages of the lists; `/me/reservations` and `/me/orders` go on behind their cursors.
const FIRST: PageRequest = PageRequest { limit: 200, after: None };

/// A log-in. Where it came from is kept as a digest that nobody can read.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogInDto {
    id: Uuid,
    begun_at: String,
    ended: bool,
}

impl From<(LoginId, bool)> for LogInDto {
    fn from((id, ended): (LoginId, bool)) -> Self {
        let (seconds, nanos) = id.0.get_timestamp().map_or((0, 0), |at| at.to_unix());
        let millis = i64::try_from(seconds * 1_000 + u64::from(nanos / 1_000_000)).unwrap_or(0);
        Self { id: id.0, begun_at: rfc3339(Timestamp(millis)), ended }
    }
}

/// A wish, and how its owner is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptWish {
    event_id: Uuid,
    email: Option<String>,
    language: Option<String>,
    time_zone: Option<String>,
    #[serde(flatten)]
    wish: WishDto,
}

impl From<Wish> for KeptWish {
    fn from(wish: Wish) -> Self {
        let (email, writing) = wish.letters.clone().unzip();
        let (language, time_zone) = writing.map(|writing| (writing.language, writing.time_zone)).unzip();
        Self { event_id: wish.event.0, email, language, time_zone, wish: wish.into() }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MyData {
    account_id: Uuid,
    /// `account` or `guest`.
    #[schema(value_type = String)]
    kind: CallerKind,
    /// Of an account.
    email: Option<String>,
    name: Option<String>,
    /// What a gateway calls me, where one vouches for me.
    external_id: Option<String>,
    created_at: Option<String>,
    /// Newest first.
    log_ins: Vec<LogInDto>,
    balance: MoneyDto,
    /// What I wait for, newest first.
    wishes: Vec<KeptWish>,
    /// The newest; the rest is behind the cursor at `/me/reservations`.
    reservations: PageDto<ReservationDto>,
    /// The newest, with the names, numbers and addresses in them; the rest is behind the cursor at `/me/orders`.
    orders: PageDto<OrderDto>,
}

/// Everything that is kept of me, in one document.
#[utoipa::path(get, path = "/me/data", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = MyData), (status = 401, body = ProblemDocument)))]
pub(crate) async fn read(State(server): State<Arc<Server>>, By(caller): By) -> Result<Json<MyData>, Problem> {
    let PersonalData { kept, balance, reservations, orders } = server.app.data_of(caller, FIRST).await?;
    let created_at = kept.account.as_ref().map(|account| rfc3339(account.created_at));
    let (name, email, external_id) = match kept.account {
        Some(account) => (Some(account.name), account.email, account.external_id),
        None => (None, None, None),
    };
    Ok(Json(MyData {
        account_id: caller.account.0,
        kind: caller.kind,
        email,
        name,
        external_id,
        created_at,
        log_ins: kept.logins.into_iter().map(LogInDto::from).collect(),
        balance: balance.into(),
        wishes: kept.wishes.into_iter().map(KeptWish::from).collect(),
        reservations: PageDto::of(reservations, ReservationDto::from),
        orders: PageDto::of(orders, OrderDto::from),
    }))
}

/// What has been erased.
#[derive(Serialize, ToSchema)]
#[schema(as = Erased)]
pub(crate) struct ErasedDto {
    /// Orders in which nobody knows any more who they were for.
    orders: u64,
    /// Orders whose tickets are needed yet; they follow a day after what they are for has begun.
    orders_to_follow: u64,
}

/// Erases me: my account with its log-ins, what I wait for, and who I was in my orders. Orders keep their seats and their
/// money; tickets of what is to come stay good, and who they are for is erased when that is over. There is no way back.
#[utoipa::path(delete, path = "/me/data", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = ErasedDto), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn erase(
    State(server): State<Arc<Server>>,
    By(caller): By,
) -> Result<Json<ErasedDto>, Problem> {
    let erased = server.app.erase(caller).await?;
    Ok(Json(ErasedDto { orders: erased.orders, orders_to_follow: erased.to_follow }))
}
