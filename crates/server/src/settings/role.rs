//! What of onsale a process serves, and at which addresses.

use super::{BadSetting, bad};

/// What of onsale a process serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it.
    All,
    /// The waiting room alone.
    Queue,
    /// Everything but the waiting room, which is at this address.
    Sales {
        /// Of the queue server.
        queue_url: String,
    },
}

impl Role {
    pub(super) fn checked(role: Option<&str>, queue_url: Option<String>) -> Result<Self, BadSetting> {
        let is_http = |url: &str| {
            url.parse::<axum::http::Uri>()
                .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
        };
        match (role.unwrap_or("all"), queue_url) {
            ("all", None) => Ok(Self::All),
            ("queue", None) => Ok(Self::Queue),
            ("sales", Some(queue_url)) if is_http(&queue_url) => Ok(Self::Sales { queue_url }),
            ("sales", url) => {
                let url = url.unwrap_or_default();
                Err(bad("queue_url", url, "the address of the queue server, such as http://10.0.0.5:8080"))
            }
            ("all" | "queue", Some(url)) => {
                Err(bad("queue_url", url, "leaving it out: only role sales has its waiting room elsewhere"))
            }
            (other, _) => Err(bad("role", other, "all, queue or sales")),
        }
    }

    /// Whether this process answers at an address.
    pub(crate) fn serves(&self, path: &str) -> bool {
        if *self != Self::Queue {
            return true;
        }
        let queue = |path: &str| {
            let mut parts = path.split('/');
            matches!(
                (parts.next(), parts.next(), parts.next()),
                (Some("queue"), ..) | (Some("events"), Some(_), Some("queue"))
            )
        };
        let page = path == "/wait" || path.starts_with("/wait/");
        match path.strip_prefix("/api/v1/") {
            Some(path) => queue(path),
            None => page || path.starts_with("/health") || matches!(path, "/metrics" | "/openapi.json"),
        }
    }
}
