//! The connections that a crowd shares: far fewer than people, as a browser or a network in front of them would.
//!
//! Invariants: a request waits for a connection and not for other requests' answers beyond that; no answer is waited
//! for longer than [`ANSWER_WITHIN`]; a request is sent once, and who sends it again does so knowingly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use hyper::StatusCode;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::bench::client::{Call, Connection};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// So many open connections, each for one request at a time.
pub(super) struct Connections {
    address: SocketAddr,
    free: Semaphore,
    /// Used in turn, so that none is quiet for longer than it has to.
    idle: Mutex<VecDeque<Connection>>,
}

/// A request that was sent.
pub(super) struct Exchanged {
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) answer: anyhow::Result<(StatusCode, Bytes)>,
}

impl Connections {
    pub(super) async fn open(address: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let mut idle = VecDeque::with_capacity(count);
        for _ in 0..count {
            idle.push_back(Connection::open(address).await?);
        }
        Ok(Self { address, free: Semaphore::new(count), idle: Mutex::new(idle) })
    }

    /// Sends as soon as a connection is free, and reads the answer whole.
    pub(super) async fn exchange(&self, call: Call) -> anyhow::Result<Exchanged> {
        let _turn = self.free.acquire().await?;
        let connection = self.idle.lock().pop_front();
        let mut connection = match connection.filter(|connection| !connection.is_old()) {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let sent = Instant::now();
        let answer = tokio::time::timeout(ANSWER_WITHIN, connection.exchange(call)).await;
        let answered = Instant::now();
        let answer = answer.context("no answer in time").flatten();
        // One that failed is replaced by whoever comes next.
        if answer.is_ok() {
            self.idle.lock().push_back(connection);
        }
        Ok(Exchanged { sent, answered, answer })
    }
}
