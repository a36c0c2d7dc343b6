//! Endpoints: where organizers' programs are told of what happens, and what has become of telling them.
//!
//! Invariants: a secret is shown to who made the endpoint, and once; an organizer sees and replays what goes to their own
//! programs only.

use onsale_domain::{
    ids::{DeliveryId, EndpointId},
    reservations::RequestKey,
};
use serde_json::json;

use crate::{
    App, Caller,
    catalogue::check_organizer,
    errors::{AppError, Reason},
    ports::ledger::{
        Delivery, DeliveryStatus, Endpoint, Notice, NoticeKind, Page, PageRequest, Replay, Watched,
    },
    reservations::key_mismatch,
};

/// How many endpoints an organizer may have.
pub const MAX_ENDPOINTS: u32 = 20;

/// How many performances are looked at at once, for whether they are sold out.
const WATCHED_AT_ONCE: u32 = 200;

/// What is needed to add an endpoint; its address has been checked.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// The address.
    pub url: String,
    /// What it is told of.
    pub kinds: Vec<NoticeKind>,
    /// What messages are signed with: fresh random bytes.
    pub secret: Vec<u8>,
    /// Set where the client wants a repeat to do nothing.
    pub key: Option<RequestKey>,
}

impl App {
    /// Adds an endpoint of the caller's. A repeat under the same key answers with the first one.
    pub async fn create_endpoint(&self, caller: Caller, new: NewEndpoint) -> Result<Endpoint, AppError> {
        check_organizer(caller)?;
        let id = new
            .key
            .map_or_else(|| EndpointId(self.new_id()), |key| EndpointId::under(caller.account, &key.key));
        let endpoint = Endpoint {
            id,
            organizer: caller.account,
            url: new.url,
            kinds: new.kinds,
            secret: new.secret,
            created_at: self.clock.now(),
        };
        if !self.ledger.create_endpoint(&endpoint, MAX_ENDPOINTS).await? {
            let detail = format!("an organizer may have {MAX_ENDPOINTS} endpoints");
            return Err(AppError::refused(Reason::LimitExceeded, detail));
        }
        if new.key.is_none() {
            tracing::info!(endpoint = %id, "an endpoint was added");
            return Ok(endpoint);
        }
        let made = self.ledger.endpoint(id).await?.ok_or_else(unknown_endpoint)?;
        if (&made.url, &made.kinds) == (&endpoint.url, &endpoint.kinds) {
            Ok(made)
        } else {
            Err(key_mismatch())
        }
    }

    /// The caller's endpoints, oldest first.
    pub async fn endpoints(&self, caller: Caller) -> Result<Vec<Endpoint>, AppError> {
        check_organizer(caller)?;
        Ok(self.ledger.endpoints_of(caller.account).await?)
    }

    /// Removes an endpoint, with all that was to go to it.
    pub async fn delete_endpoint(&self, caller: Caller, id: EndpointId) -> Result<(), AppError> {
        check_organizer(caller)?;
        if self.ledger.delete_endpoint(caller.account, id).await? {
            tracing::info!(endpoint = %id, "an endpoint was removed");
            return Ok(());
        }
        Err(unknown_endpoint())
    }

    /// Where a notice goes, if there is somebody still.
    pub async fn endpoint_of(&self, notice: &Notice) -> Result<Option<Endpoint>, AppError> {
        Ok(self.ledger.endpoint(notice.endpoint).await?)
    }

    /// What goes or went to the caller's endpoints, newest first.
    pub async fn notices(
        &self,
        caller: Caller,
        status: Option<DeliveryStatus>,
        page: PageRequest,
    ) -> Result<Page<Delivery>, AppError> {
        check_organizer(caller)?;
        Ok(self.ledger.notices_of(caller.account, status, page).await?)
    }

    /// Sends off again what was given up; what waits to be sent is left as it is.
    pub async fn replay_notice(&self, caller: Caller, id: DeliveryId) -> Result<Delivery, AppError> {
        check_organizer(caller)?;
        match self.ledger.replay_notice(caller.account, id, self.clock.now()).await? {
            Replay::Waiting(delivery) => Ok(*delivery),
            Replay::Settled(status) => {
                let detail = format!("it is {}; only what was given up is sent off again", status.as_str());
                Err(AppError::refused(Reason::DeliveryState, detail)
                    .with("delivery_status", json!(status.as_str())))
            }
            Replay::NotFound => Err(AppError::not_found("delivery")),
        }
    }

    /// Looks which performances are sold out, of those whose organizers want to be told, and notes what has changed.
    pub async fn notice_sell_outs(&self) -> Result<(), AppError> {
        let now = self.clock.now();
        let mut after = None;
        loop {
            let watched = self.ledger.watched_performances(now, after, WATCHED_AT_ONCE).await?;
            for one in &watched {
                self.notice_sell_out(*one).await?;
            }
            match watched.last() {
                Some(last) if watched.len() >= WATCHED_AT_ONCE as usize => after = Some(last.performance),
                _ => return Ok(()),
            }
        }
    }

    async fn notice_sell_out(&self, watched: Watched) -> Result<(), AppError> {
        let Some(card) = self.find_card(watched.performance).await? else { return Ok(()) };
        let seen = self.on_stock(&card, || self.stock.availability(watched.performance)).await?.counts;
        // Held is not sold: it may come back.
        let sold_out = seen.sold > 0 && seen.available + seen.held + seen.paying == 0;
        if sold_out != watched.sold_out {
            self.ledger.note_sold_out(watched.performance, sold_out, self.clock.now()).await?;
        }
        Ok(())
    }
}

fn unknown_endpoint() -> AppError {
    AppError::not_found("endpoint")
}
