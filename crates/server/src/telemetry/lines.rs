//! How a line of the log looks: as the library writes it, and with the request that it was written for.
//!
//! Invariant: whatever is said while a request is answered says which request, whose, and of which trace, without having
//! been told. docs/logs.md says what else is in a line.

use std::fmt::{self, Write as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Full, Json, Writer},
        time::SystemTime,
    },
    registry::LookupSpan,
};

use crate::requests::{self, Asked};

/// Writes lines.
pub(super) enum Line {
    Text(Format<Full, SystemTime>),
    Json(Format<Json, SystemTime>),
}

impl Line {
    /// For people.
    pub(super) fn text(colours: bool) -> Self {
        Self::Text(format::format().with_ansi(colours))
    }

    /// For programs: one flat object a line.
    pub(super) fn json() -> Self {
        let json = format::format().json().flatten_event(true);
        Self::Json(json.with_current_span(false).with_span_list(false))
    }

    fn write<S, N>(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        match self {
            Self::Text(text) => text.format_event(context, writer, event),
            Self::Json(json) => json.format_event(context, writer, event),
        }
    }

    /// Adds the request to a line.
    fn add(&self, line: &mut String, asked: &Asked) -> fmt::Result {
        let said = [
            ("request_id", Some(asked.id().to_owned())),
            ("buyer", asked.by().map(|by| by.to_string())),
            ("trace_id", asked.trace().map(|trace| trace.to_string())),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        line.truncate(line.trim_end().len());
        match self {
            Self::Text(_) => {
                said.into_iter().try_for_each(|(name, value)| write!(line, " {name}={value}"))?;
            }
            Self::Json(_) => {
                // Letters, digits, dots, dashes and underscores: nothing that JSON has another way to write.
                line.truncate(line.strip_suffix('}').map_or(line.len(), str::len));
                said.into_iter().try_for_each(|(name, value)| write!(line, ",\"{name}\":\"{value}\""))?;
                line.push('}');
            }
        }
        line.push('\n');
        Ok(())
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let written = requests::current(|asked| {
            let mut line = String::with_capacity(512);
            self.write(context, Writer::new(&mut line), event)?;
            self.add(&mut line, asked)?;
            writer.write_str(&line)
        });
        written.unwrap_or_else(|| self.write(context, writer.by_ref(), event))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use axum::http::HeaderValue;
    use onsale_domain::ids::AccountId;
    use tracing_subscriber::{fmt::format::JsonFields, layer::SubscriberExt as _};
    use uuid::Uuid;

    use super::*;
    use crate::pseudonyms::Pseudonyms;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn said(layer: impl FnOnce(Written) -> tracing::subscriber::DefaultGuard) -> String {
        let written = Written::default();
        let guard = layer(written.clone());
        tracing::info!("outside");
        let asked = Asked::new(HeaderValue::from_static("a-1"), None, Pseudonyms::new(&[b'a'; 32]));
        asked
            .answered_by(async {
                requests::comes_from(AccountId(Uuid::from_u128(5)));
                tracing::info!(detail = "ends with }", "inside");
            })
            .await;
        drop(guard);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[tokio::test]
    async fn json_stays_json_with_the_request_in_it() {
        let text = said(|written| {
            let layer =
                tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(Line::json());
            let layer = layer.with_writer(move || written.clone());
            tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
        })
        .await;
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (&lines[0]["message"], &lines[0]["request_id"]),
            (&"outside".into(), &serde_json::Value::Null)
        );
        let inside = &lines[1];
        assert_eq!((&inside["message"], &inside["detail"]), (&"inside".into(), &"ends with }".into()));
        assert_eq!((&inside["request_id"], &inside["buyer"]), (&"a-1".into(), &"4384f4213b46f63a".into()));
        assert_eq!(lines.len(), 2);
    }

    #[tokio::test]
    async fn text_ends_with_the_request() {
        let text = said(|written| {
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).event_format(Line::text(false));
            let layer = layer.with_writer(move || written.clone());
            tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
        })
        .await;
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("outside"), "{text}");
        assert!(
            lines[1].contains("inside") && lines[1].ends_with(" request_id=a-1 buyer=4384f4213b46f63a"),
            "{text}"
        );
    }
}
