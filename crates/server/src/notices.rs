//! Notices: webhooks to organizers' programs, over HTTP.
//!
//! Invariants: a notice goes to an address that was checked, and nowhere it is sent on to; what comes back counts as a
//! status and nothing else, so that nobody reads through here what they could not read themselves.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use onsale_app::{
    App,
    ports::{
        carriers::{Carrier, Undelivered},
        ledger::{Content, Delivery},
    },
};
use reqwest::{Client, StatusCode};

use crate::outgoing;

pub(crate) mod addresses;
pub(crate) mod signature;
#[cfg(test)]
mod tests;

use addresses::{Checked, LookUp, NotPublic, check_literal, checked_url};
use signature::signature;

/// How long an organizer's program may take to answer, and to be reached.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Sends notices.
pub(crate) struct NoticeCarrier {
    app: Arc<App>,
    http: Client,
    allow_private: bool,
}

impl NoticeCarrier {
    pub(crate) fn new(app: Arc<App>, allow_private: bool) -> anyhow::Result<Self> {
        Self::with(app, allow_private, addresses::by_system(), ANSWERS_WITHIN)
    }

    fn with(
        app: Arc<App>,
        allow_private: bool,
        look_up: LookUp,
        answers_within: Duration,
    ) -> anyhow::Result<Self> {
        let http = outgoing::client()?
            .connect_timeout(CONNECT_WITHIN)
            .timeout(answers_within)
            // What is answered beyond the status is not read, so a connection is not fit for a second notice.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Checked { look_up, allow_private }))
            .build()?;
        Ok(Self { app, http, allow_private })
    }
}

#[async_trait]
impl Carrier for NoticeCarrier {
    async fn carry(&self, delivery: &Delivery) -> Result<(), Undelivered> {
        let Content::Notice(notice) = &delivery.content else {
            return Err(Undelivered::Never("not a notice".into()));
        };
        let endpoint =
            self.app.endpoint_of(notice).await.map_err(|error| Undelivered::NotNow(error.to_string()))?;
        let Some(endpoint) = endpoint else {
            return Err(Undelivered::Withdrawn("the endpoint is gone".into()));
        };
        let never = |why: &dyn std::fmt::Display| Undelivered::Never(why.to_string());
        // The setting may have changed since the endpoint was added.
        let url = checked_url(&endpoint.url, self.allow_private)
            .map_err(|why| never(&format!("the address {why}")))?;
        check_literal(&url, self.allow_private).map_err(|error| never(&error))?;
        let id = delivery.id.to_string();
        let timestamp_s = self.app.clock().now().as_millis() / 1_000;
        let signature = signature(&endpoint.secret, &id, timestamp_s, &notice.body)
            .ok_or_else(|| never(&"the secret cannot be used"))?;
        let sent = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp_s)
            .header("webhook-signature", signature)
            .body(notice.body.clone())
            .send()
            .await;
        match sent {
            Ok(answer) => judged(answer.status()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn judged(status: StatusCode) -> Result<(), Undelivered> {
    if status.is_success() {
        return Ok(());
    }
    let said = format!("answered {}", status.as_u16());
    Err(match status {
        StatusCode::GONE => Undelivered::Never(said),
        status if status.is_redirection() => Undelivered::Away(format!("{said}, which is not followed")),
        _ => Undelivered::Away(said),
    })
}

fn failed(error: &reqwest::Error) -> Undelivered {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(forbidden) = error.downcast_ref::<NotPublic>() {
            return Undelivered::Never(forbidden.to_string());
        }
        cause = error.source();
    }
    Undelivered::Away(
        match (error.is_timeout(), error.is_connect()) {
            (true, _) => "no answer in time",
            (false, true) => "cannot be reached",
            (false, false) => "the connection ended before an answer",
        }
        .to_owned(),
    )
}
