//! Settings of traces: where they go, and how many.
//!
//! Invariant: without an endpoint there are none, whatever else is set.

use axum::http::Uri;
use serde::Deserialize;

use super::{BadSetting, bad, parsed};

/// The path that OTLP has for traces.
const OTLP_PATH: &str = "/v1/traces";

/// How traces are made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Traces {
    /// Where spans are posted to.
    pub(crate) endpoint: String,
    /// The share of requests that is recorded, 0 to 1.
    pub(crate) sample: f64,
    /// What this installation is called in them.
    pub(crate) service_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTraces {
    endpoint: Option<String>,
    sample: Option<String>,
    service_name: Option<String>,
}

impl RawTraces {
    pub(super) fn checked(self) -> Result<Option<Traces>, BadSetting> {
        let sample = parsed("traces.sample", self.sample, 0.01)?;
        if !(0.0..=1.0).contains(&sample) {
            return Err(bad("traces.sample", sample, "from 0 to 1"));
        }
        let service_name = self.service_name.unwrap_or_else(|| "onsale".into());
        if !(1..=100).contains(&service_name.len()) || service_name.chars().any(char::is_control) {
            return Err(bad("traces.service_name", service_name, "1 to 100 visible characters"));
        }
        let Some(endpoint) = self.endpoint else { return Ok(None) };
        let endpoint = whole(&endpoint).ok_or_else(|| {
            let allowed =
                "the address of a collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318";
            bad("traces.endpoint", super::redacted(&endpoint), allowed)
        })?;
        Ok(Some(Traces { endpoint, sample, service_name }))
    }
}

/// The address with the path of OTLP where it has none of its own. `None`: it is no such address.
fn whole(endpoint: &str) -> Option<String> {
    let uri: Uri = endpoint.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    // A password in it would be sent in no header and be logged.
    if !is_http || uri.host().is_none_or(str::is_empty) || endpoint.contains('@') {
        return None;
    }
    let has_path = uri.path() != "/";
    Some(if has_path {
        endpoint.to_owned()
    } else {
        format!("{}{OTLP_PATH}", endpoint.trim_end_matches('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(endpoint: &str, sample: Option<&str>) -> Result<Option<Traces>, String> {
        let raw = RawTraces {
            endpoint: Some(endpoint.to_owned()),
            sample: sample.map(str::to_owned),
            service_name: None,
        };
        raw.checked().map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_endpoint_there_are_none() {
        assert_eq!(RawTraces::default().checked().ok(), Some(None));
    }

    #[test]
    fn the_path_of_otlp_is_added_where_there_is_none() {
        let endpoint = |given: &str| with(given, None).unwrap().unwrap().endpoint;
        assert_eq!(endpoint("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(endpoint("https://collector.example/"), "https://collector.example/v1/traces");
        assert_eq!(
            endpoint("https://collector.example/otlp/v1/traces"),
            "https://collector.example/otlp/v1/traces"
        );
        let made = with("http://h", None).unwrap().unwrap();
        assert!((made.sample - 0.01).abs() < f64::EPSILON && made.service_name == "onsale");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in ["collector:4318", "ftp://h", "http://", "http://user:password@h", "grpc://h:4317"] {
            let said = with(bad, None).unwrap_err();
            assert!(said.starts_with("setting traces.endpoint is") && !said.contains("password"), "{said}");
        }
        for bad in ["2", "-0.1", "NaN", "often"] {
            let said = with("http://h", Some(bad)).unwrap_err();
            assert!(said.starts_with("setting traces.sample is"), "{said}");
        }
    }
}
