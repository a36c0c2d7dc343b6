//! The connections that many buyers share: far fewer than people, as a proxy in front of the server has.
//!
//! Invariants: a request waits for a connection and not for other requests' answers beyond that; no answer is waited
//! for longer than [`ANSWER_WITHIN`]; a request is sent once, and who sends it again does so knowingly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use hyper::http::response::Parts;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::{Call, Connection};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// So many open connections, each for one request at a time.
pub(crate) struct Connections {
    address: SocketAddr,
    free: Arc<Semaphore>,
    /// Used in turn, so that none is quiet for longer than it has to.
    idle: Mutex<VecDeque<Connection>>,
}

/// That a connection is free, for one request.
pub(crate) struct Turn(
    #[expect(dead_code, reason = "what counts is when it is dropped")] OwnedSemaphorePermit,
);

/// A request that was sent.
pub(crate) struct Exchanged {
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    pub(crate) answer: anyhow::Result<(Parts, Bytes)>,
}

impl Connections {
    pub(crate) async fn open(address: SocketAddr, count: u16) -> anyhow::Result<Self> {
        let mut idle = VecDeque::with_capacity(count.into());
        for _ in 0..count {
            idle.push_back(Connection::open(address).await?);
        }
        Ok(Self { address, free: Arc::new(Semaphore::new(count.into())), idle: Mutex::new(idle) })
    }

    /// Sends as soon as a connection is free, and reads the answer whole.
    pub(crate) async fn exchange(&self, call: Call) -> anyhow::Result<Exchanged> {
        let turn = Arc::clone(&self.free).acquire_owned().await?;
        self.exchange_at(Turn(turn), call).await
    }

    /// A connection, if one is free at this moment.
    pub(crate) fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.free).try_acquire_owned().ok().map(Turn)
    }

    /// Sends, and reads the answer whole.
    pub(crate) async fn exchange_at(&self, _turn: Turn, call: Call) -> anyhow::Result<Exchanged> {
        let connection = self.idle.lock().pop_front();
        let mut connection = match connection.filter(|connection| !connection.is_old()) {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let sent = Instant::now();
        let answer = tokio::time::timeout(ANSWER_WITHIN, connection.answer(call)).await;
        let answered = Instant::now();
        let answer = answer.context("no answer in time").flatten();
        // One that failed is replaced by whoever comes next.
        if answer.is_ok() {
            self.idle.lock().push_back(connection);
        }
        Ok(Exchanged { sent, answered, answer })
    }
}
