//! `onsale verify ledger`: whether orders, units, payments, refunds and wallets agree, to the last unit of money.
//!
//! Invariant: it changes nothing; status 0 where all agrees, 1 where something does not or could not be read, 2 where the
//! settings lead to no ledger.

use clap::Args;
use onsale_app::audit::{Audit, audit};
use onsale_domain::time::Timestamp;

use crate::{
    cli::{
        Folder, print,
        verify::{counted, report},
    },
    settings::Settings,
    wire,
};

/// How long one statement may take in a large ledger: nobody waits for a seat meanwhile.
pub(super) const STATEMENT_WITHIN_MS: u64 = 10 * 60_000;

#[derive(Args)]
pub(in crate::cli) struct Ledger {
    #[command(flatten)]
    pub(in crate::cli) folder: Folder,
    /// Ask providers that can be asked what their own books say of each order
    #[arg(long)]
    ask_providers: bool,
}

/// Goes through the ledger and says what there is, and what does not agree.
pub(in crate::cli) async fn run(mut settings: Settings, command: Ledger) -> anyhow::Result<()> {
    settings.database.statement_timeout_ms = settings.database.statement_timeout_ms.max(STATEMENT_WITHIN_MS);
    let (ledger, providers) = wire::verifying::ledger(&settings).await?;
    let asked = if command.ask_providers { providers } else { Vec::new() };
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let audited = audit(ledger.as_ref(), &asked, now).await;
    ledger.close().await;
    let audited = audited?;
    count(&audited, command.ask_providers);
    report(&audited.findings)
}

/// Says what there is.
fn count(audited: &Audit, has_asked: bool) {
    print(&format!(
        "counted: {}, {}, {}, {}",
        counted(audited.orders, "order"),
        counted(audited.units, "unit"),
        counted(audited.payments, "payment"),
        counted(audited.refunds, "refund")
    ));
    for (currency, flow) in &audited.flows {
        if flow.captured == 0 && flow.kept == 0 {
            continue;
        }
        print(&format!(
            "{currency}: captured {}, refunded {}, kept by paid orders {}",
            flow.captured, flow.refunded, flow.kept
        ));
    }
    for sums in &audited.wallets {
        print(&format!(
            "wallets in {}: {} entries that add up to {}, {} in wallets",
            sums.currency, sums.entries, sums.sum, sums.balance
        ));
    }
    if has_asked {
        print(&format!("providers: asked about {} orders", audited.asked));
    }
}
