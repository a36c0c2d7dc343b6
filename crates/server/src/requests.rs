//! The request that is being answered, for whoever has something to say of it without having been told: the log, and
//! traces.
//!
//! It goes with the task that answers, and with those it starts ([`along`]).
//!
//! Invariant: for a request of which nothing is said, nothing here is allocated or computed.

use std::{cell::Cell, pin::pin, sync::Arc, time::Instant};

use axum::http::HeaderValue;
use onsale_domain::ids::AccountId;
use tokio::{runtime::Handle, task::JoinError};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    pseudonyms::{Pseudonym, Pseudonyms},
    trace_context::{TraceId, TraceParent},
    traces::{Outgoing, Recording, Step},
};

tokio::task_local! {
    static CURRENT: Asked;
}

/// A request.
#[derive(Clone)]
pub(crate) struct Asked {
    id: HeaderValue,
    parent: Option<TraceParent>,
    recording: Option<Arc<Recording>>,
    pseudonyms: Pseudonyms,
    by: Cell<Option<AccountId>>,
}

impl Asked {
    /// `id`: how it is named in the answer; letters, digits, dots, dashes and underscores. `parent`: the step of a trace that
    /// it is said to belong to.
    pub(crate) fn new(id: HeaderValue, parent: Option<TraceParent>, pseudonyms: Pseudonyms) -> Self {
        Self { id, parent, recording: None, pseudonyms, by: Cell::new(None) }
    }

    /// The same, recorded in a trace.
    pub(crate) fn recorded(self, recording: Option<Recording>) -> Self {
        Self { recording: recording.map(Arc::new), ..self }
    }

    /// Does the work of answering it; gives itself back, and what came of the work.
    pub(crate) async fn answered_by<T>(self, work: impl Future<Output = T>) -> (Option<Self>, T) {
        let mut scoped = pin!(CURRENT.scope(self, work));
        let outcome = scoped.as_mut().await;
        (scoped.take_value(), outcome)
    }

    /// How it is named.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    pub(crate) fn into_id(self) -> HeaderValue {
        self.id
    }

    /// The trace it belongs to.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        let recorded = self.recording.as_ref().map(|recording| recording.trace());
        recorded.or(self.parent.map(|parent| parent.trace))
    }

    /// What is recorded of it, if something is.
    pub(crate) fn recording(&self) -> Option<&Arc<Recording>> {
        self.recording.as_ref()
    }

    /// Who it comes from, if they have shown it.
    pub(crate) fn by(&self) -> Option<Pseudonym> {
        self.by.get().map(|account| self.pseudonyms.of(account))
    }
}

/// The request that this task answers.
pub(crate) fn current<T>(look: impl FnOnce(&Asked) -> T) -> Option<T> {
    CURRENT.try_with(look).ok()
}

/// Says who the request comes from, as soon as that is known.
pub(crate) fn comes_from(account: AccountId) {
    let _ = CURRENT.try_with(|asked| asked.by.set(Some(account)));
}

/// Tells of a step that has ended now, where the request is recorded.
pub(crate) fn step(step: Step, begun: Instant, failed: bool) {
    let _ = CURRENT.try_with(|asked| {
        asked.recording.as_ref().inspect(|recording| recording.step(step, begun, failed));
    });
}

/// Begins a call of another program that goes on with the trace, where the request is recorded.
pub(crate) fn call(name: &'static str) -> Option<Outgoing> {
    let recording = current(|asked| asked.recording.clone())??;
    Some(Outgoing::begin(recording, name))
}

/// Lets work on another task go on as work on the request.
pub(crate) fn along<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let asked = current(Asked::clone);
    async {
        match asked {
            Some(asked) => CURRENT.scope(asked, work).await,
            None => work.await,
        }
    }
}

/// Does work on the request on other threads; who it comes from, if that is shown there, is known here as well. Who gives up
/// waiting ends it.
pub(crate) async fn elsewhere<T: Send + 'static>(
    threads: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    let work = along(async {
        let outcome = work.await;
        (outcome, current(|asked| asked.by.get()).flatten())
    });
    let (outcome, by) = AbortOnDropHandle::new(threads.spawn(work)).await?;
    by.into_iter().for_each(comes_from);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn who_a_request_is_from_is_known_wherever_that_was_shown() {
        let account = AccountId(Uuid::from_u128(5));
        let asked = Asked::new(HeaderValue::from_static("one"), None, Pseudonyms::new(&[b'a'; 32]));
        let work = async move {
            comes_from(account);
            current(|asked| asked.id().to_owned())
        };
        let (asked, there) = asked.answered_by(elsewhere(&Handle::current(), work)).await;
        assert_eq!(there.unwrap().as_deref(), Some("one"));
        assert_eq!(asked.unwrap().by.get(), Some(account));
        let (threads, (gone, ended)) = (Handle::current(), tokio::sync::oneshot::channel::<()>());
        let work = elsewhere(&threads, async move {
            std::future::pending::<()>().await;
            drop(gone);
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), work).await.is_err());
        ended.await.unwrap_err();
    }

    #[tokio::test]
    async fn a_request_goes_along_and_comes_back_with_who_it_is_from() {
        let pseudonyms = Pseudonyms::new(&[b'a'; 32]);
        let account = AccountId(Uuid::from_u128(5));
        let asked = Asked::new(HeaderValue::from_static("one"), None, pseudonyms);
        let (asked, seen) = asked
            .answered_by(async {
                comes_from(account);
                tokio::spawn(along(async { current(|asked| (asked.id().to_owned(), asked.by())) })).await
            })
            .await;
        let by = Some(pseudonyms.of(account));
        assert!(seen.unwrap() == Some(("one".to_owned(), by)));
        let asked = asked.unwrap();
        assert!(asked.by() == by && asked.into_id() == "one");
        assert!(current(|_| ()).is_none());
        comes_from(account);
    }
}
