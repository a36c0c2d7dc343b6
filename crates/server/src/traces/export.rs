//! Brings spans to the collector: OTLP over HTTP with protobuf, in batches, from a thread of its own.
//!
//! Invariants: a collector that is away, or takes its time, costs this thread and what there is no room for, and a line of the log
//! a minute; the end of the program waits for it no longer than [`FLUSH_WITHIN`].

use std::time::{Duration, Instant};

use anyhow::Context;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::InstrumentationScope,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use reqwest::{Client, header};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Said, Traces, attribute};
use crate::{outgoing, settings};

/// How many spans go at once.
const BATCH: usize = 512;

/// How long it is gathered for.
const GATHER: Duration = Duration::from_secs(1);

/// How long the collector may take for a batch.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long the end of the program may wait for what is left.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// How often it is said that the collector is away.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// More than this of an answer is not read.
const MOST_OF_AN_ANSWER: usize = 64 << 10;

/// What has become of spans.
pub(super) fn outcome(outcome: &'static str) -> metrics::Counter {
    metrics::counter!("onsale_trace_spans_total", "outcome" => outcome)
}

/// The thread that exports.
pub(crate) struct Export {
    stop: CancellationToken,
    thread: std::thread::JoinHandle<()>,
}

impl Export {
    /// Begins to export; what is given decides what is.
    pub(crate) fn start(settings: &settings::Traces) -> anyhow::Result<(Traces, Self)> {
        let (traces, waiting) = Traces::new(settings.sample);
        let collector = Collector::new(settings).context("setting traces.endpoint")?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("traces".into()).spawn(move || {
            runtime.block_on(async {
                let too_long = async {
                    stopped.cancelled().await;
                    tokio::time::sleep(FLUSH_WITHIN).await;
                };
                tokio::select! {
                    () = export(waiting, collector, &stopped) => {}
                    () = too_long => tracing::warn!("some spans did not get to the collector in time"),
                }
            });
        })?;
        Ok((traces, Self { stop, thread }))
    }

    /// Sends what is left, as far as there is time.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // Joining blocks, so not on the runtime's threads.
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the export of spans ended badly");
        }
    }
}

/// Exports until it is to stop, and then what is left.
async fn export(mut waiting: mpsc::Receiver<Span>, mut collector: Collector, stop: &CancellationToken) {
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        if stop.run_until_cancelled(waiting.recv_many(&mut batch, BATCH)).await.is_none() {
            break;
        }
        if batch.len() < BATCH {
            stop.run_until_cancelled(tokio::time::sleep(GATHER)).await;
            while batch.len() < BATCH
                && let Ok(span) = waiting.try_recv()
            {
                batch.push(span);
            }
        }
        collector.take(batch).await;
    }
    waiting.close();
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        collector.take(std::mem::take(&mut batch)).await;
    }
}

/// Where spans go.
struct Collector {
    url: String,
    client: Client,
    resource: Resource,
    sent: metrics::Counter,
    failed: metrics::Counter,
    told: Option<Instant>,
}

impl Collector {
    fn new(settings: &settings::Traces) -> anyhow::Result<Self> {
        let client = outgoing::client()?.timeout(ANSWERS_WITHIN).build()?;
        let attributes = [
            ("service.name", settings.service_name.clone()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            // One for each life of a process.
            ("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ];
        let attributes = attributes.into_iter().map(|(key, text)| attribute(key, Said::Text(text)));
        Ok(Self {
            url: settings.endpoint.clone(),
            client,
            resource: Resource { attributes: attributes.collect(), ..Resource::default() },
            sent: outcome("sent"),
            failed: outcome("failed"),
            told: None,
        })
    }

    /// Sends a batch once: what the collector does not take is lost, and counted.
    async fn take(&mut self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        match self.send(spans).await {
            Ok(refused) => {
                let refused = refused.min(count);
                self.sent.increment(count - refused);
                self.failed.increment(refused);
            }
            Err(error) => {
                self.failed.increment(count);
                if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                    self.told = Some(Instant::now());
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the collector of traces does not take spans"
                    );
                }
            }
        }
    }

    /// How many of them it did not want.
    async fn send(&self, spans: Vec<Span>) -> anyhow::Result<u64> {
        let scope = InstrumentationScope {
            name: "onsale".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }],
        };
        let call = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/x-protobuf");
        let mut answer = call.body(request.encode_to_vec()).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MOST_OF_AN_ANSWER {
                return Ok(0);
            }
            body.extend_from_slice(&chunk);
        }
        // What was taken is taken, in whatever words.
        let said = ExportTraceServiceResponse::decode(body.as_slice()).unwrap_or_default();
        let refused = said.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(refused).unwrap_or(0))
    }
}
