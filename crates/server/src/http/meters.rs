//! Counters and times of requests by method, route and status (what is called RED: rate, errors, duration).
//!
//! Invariants: labels are bounded, since routes come from the document and methods and statuses from lists; a request
//! that has been counted before under the same labels is counted without a lock and without allocating.

use std::{sync::OnceLock, time::Duration};

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// What a request is counted under that has none of these.
const OTHER: &str = "other";

/// What is counted as one route: the app and its files.
const PAGES: &str = "pages";

/// Whether a name is a route of the document.
pub(super) fn is_route(name: &str) -> bool {
    name != OTHER && name != PAGES
}

const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];

/// The statuses that are told apart, in order.
const STATUSES: [u16; 34] = [
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 409, 410,
    412, 413, 415, 416, 422, 425, 428, 429, 431, 500, 501, 503, 504,
];

/// Meters of every route, made when they are first needed.
pub(super) struct Meters {
    routes: matchit::Router<usize>,
    names: Vec<String>,
    /// By route, then by method; the last of each is for what is in no list.
    calls: Vec<OnceLock<Box<Call>>>,
}

struct Call {
    seconds: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len() + 1],
}

impl Meters {
    /// Meters for the routes of a document, with parameters in braces.
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a String>) -> Self {
        let mut routes = matchit::Router::new();
        let mut names: Vec<String> = Vec::new();
        for path in paths {
            // Two routes that differ in the name of a parameter only would be one here; the router refuses them first.
            if routes.insert(path.clone(), names.len()).is_ok() {
                names.push(path.clone());
            }
        }
        names.extend([PAGES.to_owned(), OTHER.to_owned()]);
        let calls = std::iter::repeat_with(OnceLock::new).take(names.len() * (METHODS.len() + 1)).collect();
        Self { routes, names, calls }
    }

    /// Counts a request that has been answered; gives the route it is counted under.
    pub(super) fn note(&self, method: &Method, path: &str, status: StatusCode, took: Duration) -> &str {
        let route = match self.routes.at(path) {
            Ok(found) => *found.value,
            Err(_) if status == StatusCode::NOT_FOUND => self.names.len() - 1,
            Err(_) => self.names.len() - 2,
        };
        let at = METHODS.iter().position(|known| known == method).unwrap_or(METHODS.len());
        let name_of = || METHODS.get(at).map_or(OTHER, Method::as_str).to_owned();
        let call = self.calls[route * (METHODS.len() + 1) + at].get_or_init(|| {
            let route = self.names[route].clone();
            let seconds =
                metrics::histogram!("onsale_http_request_seconds", "method" => name_of(), "route" => route);
            Box::new(Call { seconds, answers: [const { OnceLock::new() }; STATUSES.len() + 1] })
        });
        call.seconds.record(took.as_secs_f64());
        let known = STATUSES.binary_search(&status.as_u16());
        let answer = call.answers[known.unwrap_or(STATUSES.len())].get_or_init(|| {
            let status = known.map_or_else(|_| OTHER.to_owned(), |at| STATUSES[at].to_string());
            let route = self.names[route].clone();
            metrics::counter!("onsale_http_requests_total", "method" => name_of(), "route" => route, "status" => status)
        });
        answer.increment(1);
        &self.names[route]
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn requests_are_counted_under_bounded_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let paths = ["/health".to_owned(), "/api/v1/events/{event_id}".to_owned()];
            let meters = Meters::new(paths.iter());
            let took = Duration::from_millis(3);
            let route = meters.note(&Method::GET, "/api/v1/events/1", StatusCode::OK, took);
            assert_eq!(route, "/api/v1/events/{event_id}");
            meters.note(&Method::GET, "/api/v1/events/2", StatusCode::OK, took);
            meters.note(&Method::GET, "/events/2", StatusCode::OK, took);
            for n in 0..1_000 {
                let path = format!("/wp-login.php/{n}");
                meters.note(&Method::GET, &path, StatusCode::NOT_FOUND, took);
            }
            let odd = Method::from_bytes(b"PROPFIND").unwrap();
            meters.note(&odd, "/health", StatusCode::IM_A_TEAPOT, took);
        });
        let text = handle.render();
        for line in [
            r#"onsale_http_requests_total{method="GET",route="/api/v1/events/{event_id}",status="200"} 2"#,
            r#"onsale_http_requests_total{method="GET",route="pages",status="200"} 1"#,
            r#"onsale_http_requests_total{method="GET",route="other",status="404"} 1000"#,
            r#"onsale_http_requests_total{method="other",route="/health",status="other"} 1"#,
            r#"onsale_http_request_seconds_count{method="GET",route="/api/v1/events/{event_id}"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn statuses_are_in_order_so_that_they_are_found() {
        assert!(STATUSES.is_sorted());
    }
}
