//! Where tickets are printed: beside the threads that serve requests, and never more at once than there is room for.
//!
//! Invariant: what would have to wait too long is refused at once instead of queueing without bound.

use std::{sync::Arc, time::Duration};

use onsale_app::errors::AppError;
use tokio::sync::Semaphore;

use super::paper::{self, Sheet};

/// Documents that are drawn at once; each takes a core while it is.
const AT_ONCE: usize = 2;

/// How many may wait for that, and for how long.
const MAX_WAITING: usize = 64;
const WAIT_AT_MOST: Duration = Duration::from_secs(2);

/// The press.
pub(crate) struct Press {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for Press {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(AT_ONCE + MAX_WAITING)),
        }
    }
}

impl Press {
    /// Prints the tickets of an order.
    pub(crate) async fn print(&self, sheet: Sheet) -> Result<Vec<u8>, AppError> {
        let crowded = || AppError::NotNow("too many tickets are printed at this moment; try again".into());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| crowded())?;
        let turn = tokio::time::timeout(WAIT_AT_MOST, Arc::clone(&self.running).acquire_owned());
        let running = turn.await.map_err(|_| crowded())?.map_err(|_| crowded())?;
        let drawn = tokio::task::spawn_blocking(move || {
            let drawn = paper::draw(&sheet);
            drop((running, admitted));
            drawn
        });
        let drawn = drawn.await.map_err(|error| AppError::Internal(error.to_string()))?;
        drawn.map_err(|error| AppError::Internal(error.to_string()))
    }
}
