//! The desk: threads of its own for what has many steps at the ledger, such as a payment, or the list of one's orders.
//!
//! Between two steps a task waits until it is woken, behind all others that are ready. Where connections are, these are
//! thousands once more is asked than can be done; and who has begun to write to SQLite keeps everybody else from it for all
//! of their steps, as a reader keeps the next. Here there are few, and the system wakes a thread that has slept before one
//! that has worked (docs/adr/0013).

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};

/// The threads, until it is dropped.
pub(crate) struct Desk {
    handle: Handle,
    /// Taken when it is dropped.
    threads: Option<Runtime>,
}

impl Desk {
    /// Starts its threads.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let threads = Builder::new_multi_thread().thread_name("desk").enable_all().build();
        let threads = threads.context("threads for the ledger could not be started")?;
        Ok(Self { handle: threads.handle().clone(), threads: Some(threads) })
    }

    /// To begin something there.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // Waiting for them would block whoever drops it.
            threads.shutdown_background();
        }
    }
}
