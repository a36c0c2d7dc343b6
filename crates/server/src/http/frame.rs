//! The frame around every handler: request id, security headers, problem documents, the access log.
//!
//! Invariant: no response leaves without a request id, and no error in another form than a problem document, except to
//! people who look at the waiting page without scripts.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

use onsale_app::errors::{AppError, Reason};

use super::{
    Server,
    meters::Meters,
    problem::{self, Problem},
    spans::{self, Outcome},
    traffic::Traffic,
    unread,
};
use crate::{
    requests::{self, Asked},
    trace_context::TraceParent,
};

/// Names the request in the answer and in the log.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Lines of ordinary requests that are written a second at most; beyond that they are counted.
const LINES_PER_SECOND: u32 = 200;

/// How many bytes of a path are told of.
const MOST_OF_A_PATH: usize = 256;

/// The sequence number of the command that a request brought about; handlers put it on their responses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence(pub(crate) u64);

/// Counts and names requests.
pub(crate) struct Frame {
    prefix: String,
    next: AtomicU64,
    started: Instant,
    second: AtomicU64,
    lines: AtomicU32,
    skipped: AtomicU32,
    meters: Meters,
    refusals: [OnceLock<metrics::Counter>; Reason::ALL.len()],
    shed: metrics::Counter,
    sequence: metrics::Gauge,
    /// For how long a browser is to come over TLS only, where it is told.
    transport: Option<HeaderValue>,
    pub(crate) traffic: Traffic,
}

impl Frame {
    /// `paths`: the routes of the document. `hsts_max_age_s`: for how long browsers are told to come over TLS only.
    pub(crate) fn new<'a>(
        prefix: u32,
        paths: impl Iterator<Item = &'a String>,
        hsts_max_age_s: Option<u64>,
    ) -> Self {
        let started = Instant::now();
        Self {
            prefix: format!("{prefix:08x}"),
            next: AtomicU64::new(1),
            started,
            second: AtomicU64::new(0),
            lines: AtomicU32::new(0),
            skipped: AtomicU32::new(0),
            meters: Meters::new(paths),
            refusals: [const { OnceLock::new() }; Reason::ALL.len()],
            shed: metrics::counter!("onsale_shed_total"),
            sequence: metrics::gauge!("onsale_sequence"),
            transport: hsts_max_age_s
                .and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok()),
            traffic: Traffic::new(started),
        }
    }

    fn request_id(&self, sent: Option<&HeaderValue>) -> HeaderValue {
        if let Some(sent) = sent.filter(|sent| is_sane(sent.as_bytes())) {
            return sent.clone();
        }
        let text = format!("{}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }

    fn count_refusal(&self, reason: Reason) {
        self.refusals[reason as usize]
            .get_or_init(|| metrics::counter!("onsale_refusals_total", "reason" => reason.code()))
            .increment(1);
    }

    /// Whether an ordinary line may be written in this second.
    fn may_write(&self) -> bool {
        let second = self.started.elapsed().as_secs();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        let room = self.lines.load(Ordering::Relaxed) < LINES_PER_SECOND;
        if room {
            self.lines.fetch_add(1, Ordering::Relaxed);
        } else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        room
    }
}

/// A request id that is safe in headers and logs: 1 to 64 letters, digits, dots, dashes or underscores.
fn is_sane(id: &[u8]) -> bool {
    (1..=64).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A path as the log and traces may have it: the code of a ticket lets its bearer in, and a client may make a path as long
/// as it likes.
fn for_others(path: &str) -> Cow<'_, str> {
    const TICKETS: &str = "/api/v1/tickets/";
    let cut = &path[..path.floor_char_boundary(MOST_OF_A_PATH)];
    match cut.strip_prefix(TICKETS) {
        Some(rest) => Cow::Owned(format!("{TICKETS}…{}", rest.find('/').map_or("", |at| &rest[at..]))),
        None if cut.len() < path.len() => Cow::Owned(format!("{cut}…")),
        None => Cow::Borrowed(path),
    }
}

/// Answers a request through `inside`. Wraps the whole router once: a layer would be boxed anew for each route
/// and request.
pub(crate) async fn framed<F: Future<Output = Response>>(
    server: &Server,
    request: Request,
    inside: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let asked = asked(server, &request);
    let (asked, (mut response, goes_on)) = asked.answered_by(answered(server, request, begun, inside)).await;
    let headers = response.headers_mut();
    if let Some(asked) = asked {
        headers.insert(REQUEST_ID.clone(), asked.into_id());
    }
    if !goes_on {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if let Some(transport) = &server.frame.transport {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, transport.clone());
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What is known of a request from its head.
fn asked(server: &Server, request: &Request) -> Asked {
    let id = server.frame.request_id(request.headers().get(&REQUEST_ID));
    let parent = TraceParent::of(request.headers());
    let is_trusted = || {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|ConnectInfo(peer)| server.settings.trusts(peer.ip()))
    };
    let recording = server.traces.as_ref().and_then(|traces| traces.begin(parent, is_trusted));
    Asked::new(id, parent, server.pseudonyms).recorded(recording)
}

/// The answer, counted and logged; and whether its connection is good for another request.
async fn answered<F: Future<Output = Response>>(
    server: &Server,
    request: Request,
    begun: Instant,
    inside: impl FnOnce(Request) -> F,
) -> (Response, bool) {
    let frame = &server.frame;
    let method = request.method().clone();
    let uri = request.uri().clone();
    let (request, unread) = unread::lend(request);
    let under_way = server.overload.admit(&method, &uri);
    let is_shed = under_way.is_none();
    let mut response = if is_shed {
        frame.shed.increment(1);
        Problem(AppError::NotNow(
            "more is asked than can be done just now; nothing was lost, try again".into(),
        ))
        .into_response()
    } else {
        inside(request).await
    };
    let goes_on = match unread {
        Some(unread) => unread.read().await,
        None => true,
    };
    let mut refusal = None;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let reason = problem.0.reason();
        frame.count_refusal(reason);
        refusal = Some(reason);
        let (mut head, _) = response.into_parts();
        // What the layers inside have said, such as Allow and who may read it from another origin, stays.
        head.headers.remove(header::CONTENT_LENGTH);
        response = requests::current(|asked| problem::render(&problem, asked.id())).unwrap_or_default();
        head.headers.extend(std::mem::take(response.headers_mut()));
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = head.extensions;
    }
    let status = response.status();
    let sequence = response.extensions().get::<Sequence>().map(|sequence| sequence.0);
    if let Some(sequence) = sequence {
        // A counter below 2⁵³ for longer than anybody will run one store.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        frame.sequence.set(sequence as f64);
    }
    let took = begun.elapsed();
    // That there is more than can be done is no fault, and each of many such lines would cost more than its request.
    let is_fault = status.is_server_error() && !is_shed;
    frame.traffic.note(took, refusal, is_fault);
    let route = frame.meters.note(&method, uri.path(), status, took);
    drop(under_way);
    requests::current(|asked| {
        let Some(recording) = asked.recording() else { return };
        let path = for_others(uri.path());
        let outcome = Outcome { method: &method, route, path, status, reason: refusal, sequence };
        spans::tell(recording, asked, begun, outcome);
    });
    if is_fault || frame.may_write() {
        // Which request, whose, and of which trace is said with every line.
        tracing::info!(
            target: "onsale::access",
            %method,
            route,
            path = &*for_others(uri.path()),
            status = status.as_u16(),
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            reason = refusal.map(Reason::code),
            sequence,
            skipped = frame.skipped.swap(0, Ordering::Relaxed),
            "request"
        );
    }
    (response, goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_tickets_are_kept_out_of_the_log() {
        assert_eq!(for_others("/api/v1/tickets/7H2KQ9ZC4M0XW8RT/check-in"), "/api/v1/tickets/…/check-in");
        assert_eq!(for_others("/api/v1/tickets/7H2KQ9ZC4M0XW8RT"), "/api/v1/tickets/…");
        assert_eq!(for_others("/api/v1/orders/1/tickets.pdf"), "/api/v1/orders/1/tickets.pdf");
        let long = for_others(&format!("/api/v1/tickets/{}", "7H2KQ9ZC".repeat(100))).into_owned();
        assert_eq!(long, "/api/v1/tickets/…");
    }

    #[test]
    fn a_path_is_told_of_up_to_a_length() {
        let told = for_others(&format!("/{}", "é".repeat(300))).into_owned();
        assert!(told.len() <= MOST_OF_A_PATH + '…'.len_utf8() && told.ends_with("é…"), "{told}");
    }

    #[test]
    fn only_harmless_request_ids_are_taken_over() {
        assert!(is_sane(b"a-1_b.C"));
        assert!(is_sane(&[b'x'; 64]));
        for bad in [b"".as_slice(), b"a b", b"a\"b", b"\xff", &[b'x'; 65]] {
            assert!(!is_sane(bad), "{bad:?}");
        }
    }
}
