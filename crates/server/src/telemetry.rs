//! Logs and metrics: where they go and how they look.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::settings::{LogFormat, Settings};

mod lines;

use lines::Line;

/// Starts writing log lines to standard error.
pub(crate) fn start_logging(settings: &Settings) {
    // What the libraries say at the level asked for is meant for their own developers.
    let quieter = format!("sea_orm_migration=warn,sqlx=warn,memory_serve=warn,{}", settings.log_level);
    let filter = EnvFilter::try_new(quieter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process (tests) keeps the first.
    let _ = match settings.log_format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            let line = Line::text(colours);
            registry
                .with(fmt::layer().with_ansi(colours).event_format(line).with_writer(std::io::stderr))
                .try_init()
        }
        LogFormat::Json => {
            let layer = fmt::layer().fmt_fields(JsonFields::new()).event_format(Line::json());
            registry.with(layer.with_writer(std::io::stderr)).try_init()
        }
    };
    // What the library would write of it is no line of a log.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(tracing::field::display);
        tracing::error!(target: "onsale::panic", place, cause = panic.payload_as_str(), "panicked");
    }));
}

/// Starts collecting metrics.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    // 0.1 ms to 10 s: from an uncontended commit to what nobody should ever see.
    const SECONDS: [f64; 12] =
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];
    const CHANGES: [f64; 8] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_changes".into()), &CHANGES)?
        .install_recorder()?;
    metrics::gauge!("onsale_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::describe_gauge!("onsale_sequence", "Number of the last accepted command answered here");
    metrics::describe_histogram!(
        "onsale_journal_commit_seconds",
        "Time of one journal commit with its fsync"
    );
    metrics::describe_histogram!("onsale_journal_batch_changes", "Changes in one journal commit");
    metrics::describe_counter!("onsale_journal_failures_total", "Journal commits that failed");
    metrics::describe_counter!("onsale_drain_changes_total", "Changes written behind into the ledger");
    Ok(handle)
}
