//! The HTTP interface: routes, and what every handler can reach.
//!
//! Invariant: each route is mounted together with its OpenAPI description, so the document cannot forget one.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use onsale_app::{
    App,
    errors::{AppError, Reason},
    ports::ledger::Page,
    waiting_room::Rooms,
};
use serde::Serialize;
use tower::ServiceExt;
use tower_http::cors::CorsLayer;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

mod accounts;
mod actions;
mod address;
mod description;
mod endpoints;
mod events;
mod exports;
mod extract;
pub(crate) mod frame;
mod identity;
mod letters;
mod live;
mod meters;
mod money;
mod operations;
mod orders;
mod pages;
mod payments;
mod performances;
mod personal_data;
mod problem;
pub(crate) mod queue;
mod reservations;
mod sale;
mod seating;
pub(crate) mod seats;
mod spans;
mod tickets;
mod times;
pub(crate) mod traffic;
mod unread;
mod unsettled;
mod views;
mod wait;
mod webhooks;

use frame::Frame;
use problem::Problem;
use views::{Plans, Views};

use crate::{
    admission::Reports,
    desk::Desk,
    limits::Limits,
    live::Hubs,
    overload::{self, Overload},
    pseudonyms::Pseudonyms,
    queue_client::SERVICE_AUDIENCE,
    queue_tokens::QueueTokens,
    requests,
    sale::Recordings,
    seal::{BadToken, Seal},
    settings::Settings,
    tickets::press::Press,
    tokens::{Identity, Tokens},
    traces::Traces,
};

/// What handlers work with.
pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    /// The waiting rooms, unless another server has them.
    pub(crate) rooms: Option<Arc<Rooms>>,
    pub(crate) tokens: Tokens,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) queue_tokens: QueueTokens,
    /// Knows servers of the same operator.
    pub(crate) service_seal: Seal,
    /// What sales servers say is on sale, where the waiting room is served apart.
    pub(crate) reports: Arc<Reports>,
    pub(crate) limits: Limits,
    pub(crate) overload: Overload,
    pub(crate) settings: Settings,
    pub(crate) frame: Frame,
    pub(crate) views: Views,
    pub(crate) plans: Plans,
    pub(crate) hubs: Hubs,
    pub(crate) recordings: Recordings,
    pub(crate) press: Arc<Press>,
    pub(crate) metrics: PrometheusHandle,
    /// What is recorded of requests; nothing without a collector.
    pub(crate) traces: Option<Traces>,
    pub(crate) desk: Desk,
    pub(crate) tasks: tokio_util::task::TaskTracker,
    stopping: AtomicBool,
}

impl Server {
    pub(crate) fn new(
        app: Arc<App>,
        rooms: Option<Arc<Rooms>>,
        settings: Settings,
        secrets: &[Vec<u8>],
        metrics: PrometheusHandle,
        traces: Option<Traces>,
        desk: Desk,
    ) -> Self {
        let secret = secrets.first().map_or(&[][..], Vec::as_slice);
        Self {
            app,
            rooms,
            tokens: Tokens::new(secrets),
            pseudonyms: Pseudonyms::new(secret),
            queue_tokens: QueueTokens::new(secrets),
            service_seal: Seal::new(secrets, SERVICE_AUDIENCE),
            reports: Arc::default(),
            limits: Limits::new(
                settings.limits_enabled,
                settings.limits_exempt.clone(),
                secret,
                settings.redis_url.is_some(),
            ),
            overload: Overload::default(),
            frame: Frame::new(
                rand::random(),
                routes().1.paths.paths.keys(),
                settings.tls.as_ref().map(|tls| tls.hsts_max_age_s).filter(|seconds| *seconds > 0),
            ),
            settings,
            views: Views::default(),
            plans: Plans::default(),
            hubs: Hubs::default(),
            recordings: Recordings::default(),
            press: Arc::default(),
            metrics,
            traces,
            desk,
            tasks: tokio_util::task::TaskTracker::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Signs an access token.
    fn sign(&self, identity: Identity, for_s: u64) -> Result<String, AppError> {
        requests::comes_from(identity.caller.account);
        self.tokens
            .sign(identity, self.app.clock().now(), for_s)
            .map_err(|BadToken| AppError::Internal("a token could not be signed".into()))
    }

    /// Runs work to its end even when the client goes away meanwhile; stopping waits for it.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AppError>> + Send + 'static,
    ) -> Result<T, AppError> {
        self.tasks
            .spawn_on(requests::along(work), self.desk.handle())
            .await
            .unwrap_or_else(|error| Err(AppError::Internal(error.to_string())))
    }

    /// From now on the server says that it is not ready.
    pub(crate) fn begin_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
        self.hubs.end();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageDto<T> {
    items: Vec<T>,
    /// To be sent as `cursor` for the next page; `null` on the last one.
    next_cursor: Option<Uuid>,
}

impl<T> PageDto<T> {
    fn of<V>(page: Page<V>, convert: impl FnMut(V) -> T) -> Self {
        Self { items: page.items.into_iter().map(convert).collect(), next_cursor: page.next }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "onsale",
        description = "Tickets on sale: hold, pay, own the seat. Errors are problem documents (RFC 9457); their \
                       `code` is one of the reason codes listed at the end of this description."
    ),
    tags(
        (name = "accounts", description = "Sign up, log in, wallets"),
        (name = "catalogue", description = "Events, seating plans, performances"),
        (name = "seats", description = "What is free, held, sold"),
        (name = "queue", description = "The waiting room: places, turns, passes, the draw"),
        (name = "reservations", description = "Holds, from picking to paying"),
        (name = "orders", description = "What is paid"),
        (name = "tickets", description = "To take along, and to let people in with"),
        (name = "operation", description = "For organizers and operators")
    )
)]
struct Document;

/// The routes and the document that describes them.
pub(crate) fn routes() -> (Router<Arc<Server>>, utoipa::openapi::OpenApi) {
    let v1 = OpenApiRouter::new()
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::log_in))
        .routes(routes!(accounts::refresh))
        .routes(routes!(accounts::log_out))
        .routes(routes!(accounts::guest))
        .routes(routes!(accounts::me))
        .routes(routes!(personal_data::read, personal_data::erase))
        .routes(routes!(accounts::wallet))
        .routes(routes!(accounts::top_up))
        .routes(routes!(events::list, events::create))
        .routes(routes!(events::read, events::update, events::delete))
        .routes(routes!(orders::find))
        .routes(routes!(exports::orders))
        .routes(routes!(exports::payments))
        .routes(routes!(exports::entries))
        .routes(routes!(seating::list, seating::create))
        .routes(routes!(seating::read))
        .routes(routes!(performances::list, performances::create))
        .routes(routes!(performances::read, performances::update))
        .routes(routes!(seats::plan))
        .routes(routes!(seats::seats))
        .routes(routes!(seats::seat))
        .routes(routes!(seats::availability))
        .routes(routes!(live::follow))
        .routes(routes!(performances::stats))
        .routes(routes!(performances::reconcile))
        .routes(routes!(performances::block))
        .routes(routes!(actions::extend_holds))
        .routes(routes!(actions::list))
        .routes(routes!(sale::read))
        .routes(routes!(reservations::create))
        .routes(routes!(reservations::read, reservations::cancel))
        .routes(routes!(reservations::mine))
        .routes(routes!(reservations::extend))
        .routes(routes!(reservations::confirm))
        .routes(routes!(payments::resume))
        .routes(routes!(payments::methods))
        .routes(routes!(orders::read))
        .routes(routes!(orders::mine))
        .routes(routes!(orders::refund))
        .routes(routes!(letters::resend))
        .routes(routes!(tickets::check_in, tickets::undo_check_in))
        .routes(routes!(tickets::attendance))
        .routes(routes!(tickets::files::paper))
        .routes(routes!(tickets::files::svg))
        .routes(routes!(tickets::files::png))
        .routes(routes!(queue::join, queue::read, queue::leave))
        .routes(routes!(queue::stream))
        .routes(routes!(queue::enter))
        .routes(routes!(queue::wishes::put, queue::wishes::read, queue::wishes::withdraw))
        .routes(routes!(queue::verify))
        .routes(routes!(queue::reports::take))
        .routes(routes!(queue::draw::read))
        .routes(routes!(queue::draw::entries))
        .routes(routes!(queue::draw::receipt))
        .routes(routes!(queue::control::read, queue::control::update))
        .routes(routes!(endpoints::list, endpoints::create))
        .routes(routes!(endpoints::delete))
        .routes(routes!(endpoints::deliveries))
        .routes(routes!(endpoints::replay))
        .routes(routes!(unsettled::list))
        .routes(routes!(webhooks::deliver));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(operations::health))
        .routes(routes!(operations::live))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
        .nest("/api/v1", v1)
        .split_for_parts();
    description::complete(&mut document);
    (router, document)
}

/// The description of the interface as JSON, laid out for people and version control.
pub(crate) fn document() -> String {
    // Made of strings and numbers, which JSON has a form for.
    routes().1.to_pretty_json().unwrap_or_default()
}

/// The whole interface, as a service for connections.
#[derive(Clone)]
pub(crate) struct Interface {
    server: Arc<Server>,
    router: Router,
}

impl Interface {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        let (routes, document) = routes();
        let swagger = utoipa_swagger_ui::SwaggerUi::new("/api").url("/openapi.json", document);
        let swagger: Router<Arc<Server>> =
            Router::from(swagger).layer(middleware::map_response(allow_swagger));
        // Swagger UI takes every address below /api that is nobody else's; those of the interface are not its own.
        let unknown = Router::new()
            .route("/api/v1", any(unknown_address))
            .route("/api/v1/", any(unknown_address))
            .route("/api/v1/{*rest}", any(unknown_address));
        let mut router = routes
            .merge(unknown)
            .merge(swagger)
            .merge(pages::routes(&payments::forms(&server.app)))
            .merge(wait::routes())
            .fallback(unknown_address)
            .method_not_allowed_fallback(unknown_method);
        if let Some(cors) = cors(&server.settings) {
            router = router.layer(cors);
        }
        Self { router: router.with_state(Arc::clone(&server)), server }
    }

    /// Whether what a peer may have is limited by its address.
    pub(crate) fn limits(&self, peer: std::net::IpAddr) -> bool {
        !self.server.settings.trusts(peer) && self.server.limits.is_limited(peer)
    }

    /// Answers a request. A handler that panics is answered for like any other fault of this server.
    pub(crate) async fn answer(self, request: Request) -> Response {
        let Self { server, router } = self;
        frame::framed(&server, request, |request| async {
            if !server.settings.role.serves(request.uri().path()) {
                let detail = "this server has the waiting room; everything else is served by another";
                return Problem::new(Reason::NotFound, detail).into_response();
            }
            let asks_ledger = overload::asks_ledger(request.method(), request.uri().path()).is_some();
            let answered = std::panic::AssertUnwindSafe(router.oneshot(request)).catch_unwind();
            let answered = if asks_ledger {
                match requests::elsewhere(server.desk.handle(), answered).await {
                    Ok(answered) => answered,
                    Err(_) => {
                        return Problem(AppError::NotNow("the server is stopping".into())).into_response();
                    }
                }
            } else {
                answered.await
            };
            answered.map_or_else(|cause| panicked(cause.as_ref()), |Ok(response)| response)
        })
        .await
    }
}

/// Swagger UI brings its own scripts and styles; nothing else may run there.
async fn allow_swagger(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return Problem::new(Reason::NotFound, "nothing is at this address").into_response();
    }
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ),
    );
    response
}

async fn unknown_address(request: Request) -> Problem {
    Problem::new(Reason::NotFound, format!("nothing is at {}", request.uri().path()))
}

async fn unknown_method(request: Request) -> Problem {
    Problem::new(Reason::MethodNotAllowed, format!("{} is not offered here", request.method()))
}

fn panicked(cause: &(dyn std::any::Any + Send)) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned());
    Problem(AppError::Internal(text)).into_response()
}

fn cors(settings: &Settings) -> Option<CorsLayer> {
    if settings.cors_allowed_origins.is_empty() {
        return None;
    }
    let origins: Vec<HeaderValue> =
        settings.cors_allowed_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_NONE_MATCH,
                header::HeaderName::from_static("idempotency-key"),
                header::HeaderName::from_static("queue-ticket"),
                header::HeaderName::from_static("queue-pass"),
                header::HeaderName::from_static("x-request-id"),
            ])
            .expose_headers([
                header::ETAG,
                header::RETRY_AFTER,
                header::HeaderName::from_static("x-request-id"),
            ])
            .max_age(std::time::Duration::from_mins(10)),
    )
}
