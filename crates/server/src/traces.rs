//! Traces: where the time of some requests went, step by step, told to a collector by OTLP.
//!
//! Which requests are recorded is decided at their heads. Of the others nothing is kept.
//!
//! Invariants: without a collector nothing here exists; for a request that is not recorded nothing is allocated; whoever
//! is not trusted has no more than [`FOLLOWED_PER_SECOND`] requests recorded by asking for it; no request waits for the
//! collector.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, Status, span::SpanKind, status::StatusCode},
};
use tokio::sync::mpsc;

use crate::trace_context::{SpanId, TraceId, TraceParent};

mod export;

pub(crate) use export::Export;

/// How many requests a second are recorded because somebody asks for it whom the settings do not trust.
const FOLLOWED_PER_SECOND: u64 = 10;

/// How many spans may wait for the collector. What comes beyond that is dropped, and counted.
const MOST_WAITING: usize = 4_096;

/// In the `flags` of a span: that the caller's span is known to be in another process, or here
/// (`SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`, `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`).
const IS_HERE: u32 = 0x100;
const IS_ELSEWHERE: u32 = 0x300;

/// The flag `sampled` of W3C Trace Context.
const SAMPLED: u32 = 1;

/// Decides which requests are recorded.
pub(crate) struct Traces {
    share: f64,
    began: Instant,
    /// The second, and how many have been followed in it: 48 and 16 bits.
    followed: AtomicU64,
    queue: Queue,
}

/// Spans on their way to the collector.
#[derive(Clone)]
struct Queue {
    spans: mpsc::Sender<Span>,
    dropped: metrics::Counter,
}

impl Queue {
    fn put(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.dropped.increment(1);
        }
    }
}

impl Traces {
    /// `share`: how many of all requests are recorded, 0 to 1. The other end is for whoever exports.
    fn new(share: f64) -> (Self, mpsc::Receiver<Span>) {
        let (spans, waiting) = mpsc::channel(MOST_WAITING);
        let queue = Queue { spans, dropped: export::outcome("dropped") };
        (Self { share, began: Instant::now(), followed: AtomicU64::new(0), queue }, waiting)
    }

    /// Decides about a request. `parent`: what it says of itself; `is_trusted`: whether whoever sent it is believed, asked
    /// only where that matters.
    pub(crate) fn begin(
        &self,
        parent: Option<TraceParent>,
        is_trusted: impl FnOnce() -> bool,
    ) -> Option<Recording> {
        let is_recorded = match parent {
            Some(parent) if is_trusted() => parent.sampled,
            Some(parent) => self.is_drawn() || (parent.sampled && self.may_follow()),
            None => self.is_drawn(),
        };
        is_recorded.then(|| Recording {
            trace: parent.map_or_else(|| TraceId(rand::random::<u128>().max(1)), |parent| parent.trace),
            span: new_span(),
            parent: parent.map(|parent| parent.span),
            queue: self.queue.clone(),
        })
    }

    fn is_drawn(&self) -> bool {
        self.share > 0.0 && rand::random::<f64>() < self.share
    }

    /// Whether one more may be followed in this second.
    fn may_follow(&self) -> bool {
        let second = self.began.elapsed().as_secs();
        let next = |known: u64| match (known >> 16, known & 0xffff) {
            (of, _) if of != second => Some(second << 16 | 1),
            (_, count) if count < FOLLOWED_PER_SECOND => Some(known + 1),
            _ => None,
        };
        self.followed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// A request that is recorded.
pub(crate) struct Recording {
    trace: TraceId,
    span: SpanId,
    parent: Option<SpanId>,
    queue: Queue,
}

/// What a step of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Work in this process, or in a store that is as good as in it.
    Inside(&'static str),
    /// A call of another program, which may go on with the trace.
    Outside(&'static str),
}

/// An attribute's value.
pub(crate) enum Said {
    Text(String),
    Number(i64),
}

/// Attributes, by their names in the semantic conventions, or `onsale.…`.
pub(crate) type Attributes = Vec<(&'static str, Said)>;

impl Recording {
    /// Its trace.
    pub(crate) fn trace(&self) -> TraceId {
        self.trace
    }

    /// Tells of a step that has ended now.
    pub(crate) fn step(&self, step: Step, begun: Instant, failed: bool) {
        self.step_as(new_span(), step, begun, failed);
    }

    fn step_as(&self, id: SpanId, step: Step, begun: Instant, failed: bool) {
        let (name, kind) = match step {
            Step::Inside(name) => (name, SpanKind::Internal),
            Step::Outside(name) => (name, SpanKind::Client),
        };
        let span = Span {
            span_id: id.0.to_be_bytes().into(),
            parent_span_id: self.span.0.to_be_bytes().into(),
            name: name.to_owned(),
            kind: kind.into(),
            flags: SAMPLED | IS_HERE,
            ..self.span_of(begun, failed)
        };
        self.queue.put(span);
    }

    /// Tells of the request, which has been answered now.
    pub(crate) fn end(&self, name: String, begun: Instant, failed: bool, attributes: Attributes) {
        let attributes = attributes.into_iter().map(|(key, said)| attribute(key, said)).collect();
        let span = Span {
            span_id: self.span.0.to_be_bytes().into(),
            parent_span_id: self.parent.map_or_else(Vec::new, |parent| parent.0.to_be_bytes().into()),
            name,
            kind: SpanKind::Server.into(),
            flags: SAMPLED | if self.parent.is_some() { IS_ELSEWHERE } else { IS_HERE },
            attributes,
            ..self.span_of(begun, failed)
        };
        self.queue.put(span);
    }

    fn span_of(&self, begun: Instant, failed: bool) -> Span {
        // By the wall clock, as the other parts of the trace have it; its length by the monotonic one.
        let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let start = end.saturating_sub(begun.elapsed());
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Span {
            trace_id: self.trace.0.to_be_bytes().into(),
            start_time_unix_nano: nanos(start),
            end_time_unix_nano: nanos(end),
            status: failed.then(|| Status { code: StatusCode::Error.into(), message: String::new() }),
            ..Span::default()
        }
    }
}

/// A call of another program that goes on with the trace.
pub(crate) struct Outgoing {
    recording: Arc<Recording>,
    id: SpanId,
    name: &'static str,
    begun: Instant,
}

impl Outgoing {
    pub(crate) fn begin(recording: Arc<Recording>, name: &'static str) -> Self {
        Self { recording, id: new_span(), name, begun: Instant::now() }
    }

    /// What to send along.
    pub(crate) fn as_parent(&self) -> TraceParent {
        TraceParent { trace: self.recording.trace, span: self.id, sampled: true }
    }

    /// Tells of it: the answer is there, or will not come.
    pub(crate) fn end(self, failed: bool) {
        self.recording.step_as(self.id, Step::Outside(self.name), self.begun, failed);
    }
}

fn new_span() -> SpanId {
    SpanId(rand::random::<u64>().max(1))
}

fn attribute(key: &str, said: Said) -> KeyValue {
    let value = match said {
        Said::Text(text) => Value::StringValue(text),
        Said::Number(number) => Value::IntValue(number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAYS_YES: TraceParent = TraceParent { trace: TraceId(7), span: SpanId(8), sampled: true };
    const SAYS_NO: TraceParent = TraceParent { sampled: false, ..SAYS_YES };

    fn recorded(traces: &Traces, parent: Option<TraceParent>, is_trusted: bool) -> bool {
        traces.begin(parent, || is_trusted).is_some()
    }

    #[test]
    fn the_share_decides_about_requests_that_say_nothing() {
        let (none, _waiting) = Traces::new(0.0);
        let (all, _waiting) = Traces::new(1.0);
        let (some, _waiting) = Traces::new(0.5);
        assert!((0..1_000).all(|_| !recorded(&none, None, false) && recorded(&all, None, false)));
        let count = (0..10_000).filter(|_| recorded(&some, None, false)).count();
        assert!((4_500..5_500).contains(&count), "{count}");
    }

    #[test]
    fn a_trusted_proxy_is_followed_and_others_up_to_a_rate() {
        let (none, _waiting) = Traces::new(0.0);
        let (all, _waiting) = Traces::new(1.0);
        assert!((0..1_000).all(|_| recorded(&none, Some(SAYS_YES), true)));
        assert!((0..1_000).all(|_| !recorded(&all, Some(SAYS_NO), true)));
        let followed = (0..1_000).filter(|_| recorded(&none, Some(SAYS_YES), false)).count() as u64;
        // The clock may come to the next second meanwhile.
        assert!((FOLLOWED_PER_SECOND..=2 * FOLLOWED_PER_SECOND).contains(&followed), "{followed}");
        assert!(recorded(&all, Some(SAYS_NO), false), "nobody hides behind a flag");
        assert!(!recorded(&none, Some(SAYS_NO), false));
    }

    #[test]
    fn spans_are_of_one_trace_and_below_each_other() {
        let (traces, mut waiting) = Traces::new(0.0);
        let recording = traces.begin(Some(SAYS_YES), || true).unwrap();
        let begun = Instant::now();
        recording.step(Step::Inside("hot hold"), begun, true);
        let attributes = vec![("http.response.status_code", Said::Number(201))];
        recording.end("POST /x".into(), begun, false, attributes);
        let (step, request) = (waiting.try_recv().unwrap(), waiting.try_recv().unwrap());
        let trace = 7_u128.to_be_bytes().to_vec();
        assert_eq!((&step.trace_id, &request.trace_id), (&trace, &trace));
        assert_eq!(request.parent_span_id, 8_u64.to_be_bytes());
        assert_eq!(step.parent_span_id, request.span_id);
        assert_eq!(step.status.map(|status| status.code), Some(StatusCode::Error as i32));
        assert_eq!((request.status, request.attributes.len()), (None, 1));
        assert!(step.start_time_unix_nano <= step.end_time_unix_nano);
    }

    #[test]
    fn who_is_called_goes_on_below_the_call() {
        let (traces, mut waiting) = Traces::new(1.0);
        let recording = Arc::new(traces.begin(None, || false).unwrap());
        let call = Outgoing::begin(Arc::clone(&recording), "queue verify");
        let sent = call.as_parent();
        call.end(false);
        let span = waiting.try_recv().unwrap();
        assert!(sent.sampled && sent.trace == recording.trace());
        assert_eq!(span.span_id, sent.span.0.to_be_bytes());
        assert_eq!(span.parent_span_id, recording.span.0.to_be_bytes());
        assert_eq!(span.kind, SpanKind::Client as i32);
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_nobody_waits() {
        let (traces, mut waiting) = Traces::new(1.0);
        let recording = traces.begin(None, || false).unwrap();
        for _ in 0..MOST_WAITING + 10 {
            recording.step(Step::Inside("ledger"), Instant::now(), false);
        }
        let mut count = 0;
        while waiting.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, MOST_WAITING);
    }
}
