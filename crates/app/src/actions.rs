//! What organizers do to a sale by hand, and the log of it: who, what, and why.
//!
//! Invariant: what was done is noted after it was done and never undone for want of a note; a ledger that is away costs
//! the note in the ledger, and then the log of the process has it alone.

use std::collections::BTreeMap;

use onsale_domain::{
    ids::{AccountId, ActionId, EventId, PerformanceId},
    reservations::{ExtendOutcome, HoldStatus},
    time::Timestamp,
};
use serde_json::{Value, json};

use crate::{
    App, Caller,
    errors::{AppError, rfc3339},
    ports::ledger::{Account, Action, ActionKind, Page, PageRequest, Performance},
};

/// The longest reason, in characters.
pub const MAX_REASON: usize = 200;

/// How much time organizers may give to those who hold something, in seconds.
pub const GIVEN_TIME_S: std::ops::RangeInclusive<u32> = 10..=3_600;

/// How many holds are extended at once.
const AT_ONCE: usize = 64;

/// An action, and who did it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionView {
    /// What was done.
    pub action: Action,
    /// Who did it; `None` where the account is gone.
    pub by: Option<Account>,
}

/// When a performance begins, and when its sale opens and closes. `None` stays, `Some(None)` is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewTimes {
    /// When it begins.
    pub starts_at: Option<Timestamp>,
    /// When its sale opens.
    pub sale_opens_at: Option<Option<Timestamp>>,
    /// When its sale closes.
    pub sale_closes_at: Option<Option<Timestamp>>,
}

/// A reason as it is kept: `None` where there is nothing in it.
pub fn checked_reason(reason: Option<String>) -> Result<Option<String>, AppError> {
    let Some(reason) = reason else { return Ok(None) };
    let reason = reason.trim();
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(AppError::invalid(
            "reason",
            &format!("must be one line of at most {MAX_REASON} characters"),
        ));
    }
    Ok(Some(reason.to_owned()).filter(|reason| !reason.is_empty()))
}

impl App {
    /// Writes down what the caller has done.
    pub async fn note_action(
        &self,
        caller: Caller,
        event: EventId,
        performance: Option<PerformanceId>,
        (kind, detail): (ActionKind, Value),
        reason: Option<String>,
    ) {
        let action = Action {
            id: ActionId(self.new_id()),
            event,
            performance,
            by: caller.account,
            kind,
            detail,
            reason,
            at: self.clock.now(),
        };
        // Why it was done is in their own words, which may name somebody: those stay in the ledger.
        let (performance, detail) = (performance.map(tracing::field::display), &action.detail);
        tracing::info!(%event, performance, action = kind.as_str(), %detail, "done by hand");
        if let Err(error) = self.ledger.note_action(&action).await {
            tracing::error!(%event, action = kind.as_str(), %error, "what was done is in this log only");
        }
    }

    /// What was done by hand to an event's sale, newest first.
    pub async fn actions(
        &self,
        caller: Caller,
        event: EventId,
        page: PageRequest,
    ) -> Result<Page<ActionView>, AppError> {
        self.managed_event(caller, event).await?;
        let found = self.ledger.actions_of(event, page).await?;
        let mut people: BTreeMap<AccountId, Option<Account>> = BTreeMap::new();
        let mut items = Vec::with_capacity(found.items.len());
        for action in found.items {
            let by = if let Some(known) = people.get(&action.by) {
                known.clone()
            } else {
                let account = self.ledger.account(action.by).await?;
                people.insert(action.by, account.clone());
                account
            };
            items.push(ActionView { action, by });
        }
        Ok(Page { items, next: found.next })
    }

    /// Gives everybody who holds something of a performance at least so many seconds from now; gives how many holds that
    /// moved. It counts as one extension of each.
    pub async fn extend_holds(
        &self,
        caller: Caller,
        id: PerformanceId,
        by_s: u32,
        reason: Option<String>,
    ) -> Result<u32, AppError> {
        let card = self.managed_card(caller, id).await?;
        let reason = checked_reason(reason)?;
        if !GIVEN_TIME_S.contains(&by_s) {
            return Err(AppError::invalid("by_s", "allowed is 10 to 3600"));
        }
        let ttl_ms = u64::from(by_s) * 1_000;
        let (image, now) = (self.on_stock(&card, || self.stock.image(id)).await?, self.clock.now());
        let held = image
            .holds
            .into_iter()
            .filter(|hold| hold.status == HoldStatus::Held && hold.expires_at < now.plus_ms(ttl_ms));
        let held: Vec<_> = held.map(|hold| (hold.id, hold.owner)).collect();
        let mut extended = 0;
        for some in held.chunks(AT_ONCE) {
            let extend = async |(hold, owner)| {
                self.on_hot(&card, || self.hot.extend(id, hold, owner, ttl_ms, u32::MAX)).await
            };
            for decided in futures_util::future::join_all(some.iter().copied().map(extend)).await {
                // Who has paid or given up meanwhile needs no time.
                extended += u32::from(matches!(decided?.outcome, ExtendOutcome::Extended(_)));
            }
        }
        let done = (ActionKind::ExtendHolds, json!({"by_s": by_s, "extended": extended}));
        self.note_action(caller, card.event.id, Some(id), done, reason).await;
        Ok(extended)
    }

    /// Changes when a performance begins and when its sale opens and closes. Those who hold something may pay for it all
    /// the same.
    pub async fn reschedule(
        &self,
        caller: Caller,
        id: PerformanceId,
        times: NewTimes,
        reason: Option<String>,
    ) -> Result<Performance, AppError> {
        let card = self.managed_card(caller, id).await?;
        let reason = checked_reason(reason)?;
        let known = &card.performance;
        let changed = Performance {
            starts_at: times.starts_at.unwrap_or(known.starts_at),
            sale_opens_at: times.sale_opens_at.unwrap_or(known.sale_opens_at),
            sale_closes_at: times.sale_closes_at.unwrap_or(known.sale_closes_at),
            ..known.clone()
        };
        if let (Some(opens), Some(closes)) = (changed.sale_opens_at, changed.sale_closes_at)
            && opens >= closes
        {
            return Err(AppError::invalid("sale_closes_at", "must be later than sale_opens_at"));
        }
        if !self.ledger.reschedule(&changed).await? {
            return Err(AppError::not_found("performance"));
        }
        self.offers_changed();
        let mut detail = serde_json::Map::new();
        if changed.starts_at != known.starts_at {
            detail.insert("starts_at".into(), json!(rfc3339(changed.starts_at)));
        }
        if changed.sale_opens_at != known.sale_opens_at {
            detail.insert("sale_opens_at".into(), json!(changed.sale_opens_at.map(rfc3339)));
        }
        if changed.sale_closes_at != known.sale_closes_at {
            detail.insert("sale_closes_at".into(), json!(changed.sale_closes_at.map(rfc3339)));
        }
        if !detail.is_empty() {
            let done = (ActionKind::Reschedule, Value::Object(detail));
            self.note_action(caller, card.event.id, Some(id), done, reason).await;
        }
        Ok(changed)
    }
}
