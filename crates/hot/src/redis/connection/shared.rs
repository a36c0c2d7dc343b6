//! One connection for many callers, whose commands travel together: while some are on their way, those that come gather,
//! and go in one packet. A packet costs both sides as much as a dozen commands, so a crowd gets through faster, and
//! nobody waits who comes alone.
//!
//! Invariant: commands leave in the order in which they came, and each caller gets the answer to its own.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use redis::{Cmd, Pipeline, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{runtime::Handle, sync::oneshot};

use super::{WITHIN, silence};

/// How many packets are on their way at most: the next is put together while Redis is at the one before.
const MOST_ON_THEIR_WAY: usize = 2;

/// How many commands go in one packet at most.
const MOST_AT_ONCE: usize = 256;

/// After so long every caller has given up on a packet.
const LIMIT: Duration = WITHIN.saturating_mul(2);

pub(super) struct Shared {
    connection: MultiplexedConnection,
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    waiting: Vec<Waiting>,
    senders: usize,
}

/// A command, and who waits for its answer.
struct Waiting {
    command: Cmd,
    told: oneshot::Sender<RedisResult<Value>>,
}

impl Shared {
    pub(super) fn over(connection: MultiplexedConnection) -> Self {
        Self { connection, gathered: Mutex::default() }
    }

    /// Runs a command; `home` is where packets are sent from, whoever gives up waiting for them.
    pub(super) async fn run(self: &Arc<Self>, command: Cmd, home: &Handle) -> RedisResult<Value> {
        let (told, answer) = oneshot::channel();
        let sends = {
            let mut gathered = self.gathered.lock();
            gathered.waiting.push(Waiting { command, told });
            let sends = gathered.senders < MOST_ON_THEIR_WAY;
            gathered.senders += usize::from(sends);
            sends
        };
        if sends {
            home.spawn(Arc::clone(self).send());
        }
        answer.await.unwrap_or_else(|_| Err(silence()))
    }

    /// Sends what has gathered until nothing is left.
    async fn send(self: Arc<Self>) {
        let mut connection = self.connection.clone();
        while let Some(waiting) = self.take() {
            let mut packet = Pipeline::with_capacity(waiting.len());
            let mut callers = Vec::with_capacity(waiting.len());
            for Waiting { command, told } in waiting {
                // Who has given up needs no answer, and must not be told later that it happened.
                if !told.is_closed() {
                    packet.add_command(command);
                    callers.push(told);
                }
            }
            let count = callers.len();
            if count == 0 {
                continue;
            }
            let sent = tokio::time::timeout(LIMIT, connection.send_packed_commands(&packet, 0, count)).await;
            match sent.unwrap_or_else(|_| Err(silence())) {
                Ok(values) if values.len() == count => {
                    for (told, value) in callers.into_iter().zip(values) {
                        // Nobody may wait any more.
                        let _ = told.send(value.extract_error());
                    }
                }
                Ok(_) => {
                    for told in callers {
                        let _ = told.send(Err(silence()));
                    }
                }
                Err(error) => {
                    for told in callers {
                        let _ = told.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// The next packet; where there is none, the sender has ended.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut gathered = self.gathered.lock();
        if gathered.waiting.is_empty() {
            gathered.senders -= 1;
            return None;
        }
        let count = gathered.waiting.len().min(MOST_AT_ONCE);
        Some(gathered.waiting.drain(..count).collect())
    }
}
