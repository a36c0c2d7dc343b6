//! The ledger suite over the ledger that the simulation runs on, and over the decorator that passes calls on.

use std::sync::Arc;

use onsale_app::ports::ledger::Ledger;
use onsale_testkit::{
    faults::{FaultPlan, Faults, FaultyLedger},
    ledger::MemoryLedger,
};

#[expect(clippy::unused_async, reason = "other ledgers have something to wait for")]
async fn make() -> (Arc<dyn Ledger>, ()) {
    (Arc::new(MemoryLedger::new()), ())
}

onsale_testkit::ledger_conformance!(make);

/// Without faults a decorated ledger is the ledger; its yields only let more happen in between.
mod decorated {
    use super::*;

    async fn make() -> (Arc<dyn Ledger>, ()) {
        let faults = Arc::new(Faults::seeded(FaultPlan { yields: 3, ..FaultPlan::CALM }));
        let (inner, ()) = super::make().await;
        (Arc::new(FaultyLedger::new(inner, faults)), ())
    }

    onsale_testkit::ledger_conformance!(make);
}
