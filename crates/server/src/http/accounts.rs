//! Accounts: sign up, log in, refresh, log out, guests, wallets.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use onsale_app::{
    CallerKind,
    errors::Reason,
    ports::ledger::{OwnedKey, Role},
};
use onsale_domain::ids::LoginId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Server,
    address::ClientAddress,
    extract::Command,
    identity::{By, Known},
    money::MoneyDto,
    problem::{Problem, ProblemDocument},
};
use crate::{
    limits::Limit,
    tokens::{ACCOUNT_TOKEN_S, DAY_TOKEN_S, Identity},
};

#[derive(Deserialize, ToSchema)]
pub(crate) struct SignUp {
    #[schema(example = "kim@example.com")]
    email: String,
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SignedUp {
    account_id: Uuid,
    email: String,
    name: String,
}

/// Signs up.
#[utoipa::path(post, path = "/auth/signup", tag = "accounts", request_body = SignUp,
    responses((status = 201, body = SignedUp), (status = 400, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 429, body = ProblemDocument)))]
pub(crate) async fn sign_up(
    State(server): State<Arc<Server>>,
    ClientAddress(address): ClientAddress,
    Command { body, .. }: Command<SignUp>,
) -> Result<(StatusCode, Json<SignedUp>), Problem> {
    server.limits.take(Limit::SignUp, address, None)?;
    let account = server.app.create_account(&body.email, body.password, &body.name, Role::Buyer).await?;
    let email = account.email.unwrap_or_default();
    Ok((StatusCode::CREATED, Json(SignedUp { account_id: account.id.0, email, name: account.name })))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct LogIn {
    email: String,
    password: String,
}

/// Tokens for what comes next.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenSet {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// To be used once; `null` for guests, whose access token lasts a day instead.
    refresh_token: Option<String>,
}

fn token_set(
    server: &Server,
    identity: Identity,
    for_s: u64,
    refresh_token: Option<String>,
) -> Result<TokenSet, Problem> {
    let access_token = server.sign(identity, for_s)?;
    Ok(TokenSet { access_token, token_type: "Bearer", expires_in: for_s, refresh_token })
}

/// Logs in.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", request_body = LogIn,
    responses((status = 200, body = TokenSet), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 429, body = ProblemDocument)))]
pub(crate) async fn log_in(
    State(server): State<Arc<Server>>,
    ClientAddress(address): ClientAddress,
    Command { body, .. }: Command<LogIn>,
) -> Result<Json<TokenSet>, Problem> {
    server.limits.take(Limit::LogIn, address, None)?;
    let guess = server.limits.guess(&body.email, address)?;
    if guess.only_if_known && !server.app.has_logged_in_from(&body.email, guess.address).await? {
        server.limits.was_right(&guess);
        return Err(server.limits.refuse_stranger().into());
    }
    let logged_in = server.app.log_in(&body.email, body.password, guess.address).await;
    // An outage is nobody's guess.
    if !matches!(&logged_in, Err(error) if error.reason() == Reason::BadCredentials) {
        server.limits.was_right(&guess);
    }
    let logged_in = logged_in?;
    let identity = Identity { caller: logged_in.caller, login: Some(logged_in.login) };
    token_set(&server, identity, ACCOUNT_TOKEN_S, Some(logged_in.refresh_token)).map(Json)
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Refresh {
    refresh_token: String,
}

/// Exchanges a refresh token for new tokens. A refresh token used twice ends its log-in everywhere.
#[utoipa::path(post, path = "/auth/refresh", tag = "accounts", request_body = Refresh,
    responses((status = 200, body = TokenSet), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument)))]
pub(crate) async fn refresh(
    State(server): State<Arc<Server>>,
    Command { body, .. }: Command<Refresh>,
) -> Result<Json<TokenSet>, Problem> {
    let renewed = server.app.refresh(&body.refresh_token).await?;
    let identity = Identity { caller: renewed.caller, login: Some(renewed.login) };
    token_set(&server, identity, ACCOUNT_TOKEN_S, Some(renewed.refresh_token)).map(Json)
}

/// Logs out: the refresh tokens of this log-in end.
#[utoipa::path(post, path = "/auth/logout", tag = "accounts", security(("bearer" = [])),
    responses((status = 204), (status = 401, body = ProblemDocument)))]
pub(crate) async fn log_out(
    State(server): State<Arc<Server>>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    if let Some(login) = identity.login {
        let login: LoginId = login;
        server.app.log_out(login).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A token for an anonymous buyer, good for a day.
#[utoipa::path(post, path = "/auth/guest", tag = "accounts",
    responses((status = 201, body = TokenSet), (status = 429, body = ProblemDocument)))]
pub(crate) async fn guest(
    State(server): State<Arc<Server>>,
    ClientAddress(address): ClientAddress,
) -> Result<(StatusCode, Json<TokenSet>), Problem> {
    server.limits.take(Limit::Guest, address, None)?;
    let identity = Identity { caller: server.app.guest(), login: None };
    Ok((StatusCode::CREATED, Json(token_set(&server, identity, DAY_TOKEN_S, None)?)))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    account_id: Uuid,
    /// `account` or `guest`.
    #[schema(value_type = String)]
    kind: CallerKind,
    email: Option<String>,
    name: Option<String>,
    /// `buyer`, `organizer`, `admin`.
    roles: Vec<&'static str>,
}

/// Who am I?
#[utoipa::path(get, path = "/me", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = Me), (status = 401, body = ProblemDocument)))]
pub(crate) async fn me(State(server): State<Arc<Server>>, By(caller): By) -> Result<Json<Me>, Problem> {
    let account = server.app.account_of(caller).await?;
    let role = account.as_ref().map_or(caller.role, |account| account.role);
    let roles = [Role::Buyer, Role::Organizer, Role::Admin]
        .into_iter()
        .filter(|held| *held <= role)
        .map(Role::as_str)
        .collect();
    let (email, name) = account.map_or((None, None), |account| (account.email, Some(account.name)));
    Ok(Json(Me { account_id: caller.account.0, kind: caller.kind, email, name, roles }))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct WalletDto {
    balance: MoneyDto,
}

/// What is in my wallet?
#[utoipa::path(get, path = "/me/wallet", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = WalletDto), (status = 401, body = ProblemDocument)))]
pub(crate) async fn wallet(
    State(server): State<Arc<Server>>,
    By(caller): By,
) -> Result<Json<WalletDto>, Problem> {
    Ok(Json(WalletDto { balance: server.app.balance(caller).await?.into() }))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct TopUp {
    amount: MoneyDto,
}

/// Adds to my wallet (paid by the simulated provider).
#[utoipa::path(post, path = "/me/wallet/top-ups", tag = "accounts", security(("bearer" = [])), request_body = TopUp,
    responses((status = 201, body = WalletDto), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn top_up(
    State(server): State<Arc<Server>>,
    By(caller): By,
    Command { body, key }: Command<TopUp>,
) -> Result<(StatusCode, Json<WalletDto>), Problem> {
    let key = key.map(|key| OwnedKey { owner: caller.account, key });
    let balance = server.app.top_up(caller, body.amount.checked("amount")?, key).await?;
    Ok((StatusCode::CREATED, Json(WalletDto { balance: balance.into() })))
}
