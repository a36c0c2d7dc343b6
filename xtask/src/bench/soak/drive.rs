//! Load at fixed times, whatever the server does.
//!
//! Invariant: a request that is due finds a connection at once or is not sent, and is counted as such: nothing waits
//! where nobody sees it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::sale::{Request, Sale};
use super::tally::{Tally, Times};
use crate::bench::connections::{Connections, Exchanged, Turn};
use crate::bench::load::PACER_STEP;
use crate::processes::wait_until;

/// How long after the last was due the last has been answered, or given up.
const END_LIMIT: Duration = Duration::from_mins(1);

/// What load is put on.
pub(super) struct Drive {
    pub(super) sale: Sale,
    pub(super) connections: Connections,
    pub(super) handle: Handle,
}

/// Load that is under way.
pub(super) struct Phase {
    pub(super) begun: Instant,
    tally: Arc<Mutex<Tally>>,
    pacer: JoinHandle<()>,
}

impl Drive {
    /// Begins at once, with so many requests a second, for so long; what is due in the warm-up is not counted.
    pub(super) fn begin(self: &Arc<Self>, per_second: f64, length: Duration, warm_up: Duration) -> Phase {
        let begun = Instant::now();
        let tally = Arc::new(Mutex::new(Tally::new(begun, warm_up)));
        let (drive, counts) = (Arc::clone(self), Arc::clone(&tally));
        let pacer = std::thread::spawn(move || drive.pace(begun, per_second, length, &counts));
        Phase { begun, tally, pacer }
    }

    /// A thread of its own, since tokio's timers are no finer than a millisecond.
    fn pace(self: &Arc<Self>, begun: Instant, per_second: f64, length: Duration, tally: &Arc<Mutex<Tally>>) {
        for number in 0_u64.. {
            let after = Duration::from_secs_f64(number as f64 / per_second);
            if after >= length {
                return;
            }
            let due = begun + after;
            while Instant::now() < due {
                std::thread::sleep(PACER_STEP);
            }
            if let Some(turn) = self.connections.turn() {
                let (drive, tally) = (Arc::clone(self), Arc::clone(tally));
                self.handle.spawn(async move { drive.ask(turn, due, &tally).await });
            } else {
                tally.lock().unsent(due);
            }
        }
    }

    async fn ask(&self, turn: Turn, due: Instant, tally: &Mutex<Tally>) {
        let (kind, call, about) = match self.sale.next() {
            Ok(Request { kind, call, about }) => (kind, call, about),
            // An id of the server's does not go into a path.
            Err(cause) => return tally.lock().failed(None, due, &cause),
        };
        let exchanged = self.connections.exchange_at(turn, call).await;
        let exchanged = exchanged.and_then(|Exchanged { sent, answered, answer }| {
            let (head, body) = answer?;
            Ok((Times { due, sent, answered }, head, body))
        });
        match exchanged {
            Ok((times, head, body)) => {
                let code = self.sale.answered(kind, about, &head, &body);
                tally.lock().answered(kind, times, head.status, &code);
            }
            Err(cause) => tally.lock().failed(Some(kind), due, &cause),
        }
    }
}

impl Phase {
    /// Waits for the last answer.
    pub(super) fn finish(self) -> anyhow::Result<Tally> {
        self.pacer.join().map_err(|_| anyhow!("the thread that keeps the times ended early"))?;
        let mut tally = Some(self.tally);
        let whole = wait_until(END_LIMIT, || match tally.take().map(Arc::try_unwrap) {
            Some(Ok(whole)) => Ok(Some(whole.into_inner())),
            Some(Err(shared)) => {
                tally = Some(shared);
                Ok(None)
            }
            None => Ok(None),
        })?;
        whole.context("requests are under way that should have been given up")
    }
}
