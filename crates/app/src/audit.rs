//! An audit of the books: whether orders, their units, payments, refunds and wallets agree, to the last unit of money.
//!
//! Invariants: nothing is changed; it is done page by page, so that the size of the ledger does not matter; what is found
//! is counted to the end and listed up to a limit. An order that is under way is looked at as well, for what has to be
//! true of it at any moment: the audit may run beside a server that sells.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use onsale_domain::{
    ids::OrderId,
    orders::{OrderStatus, RefundStatus},
    time::Timestamp,
};

use crate::{
    errors::AppError,
    findings::Findings,
    orders::{PROVIDER_ANSWERS_WITHIN, within},
    ports::{
        ledger::{
            BookPage, BookedCharge, BookedEntry, BookedMoney, BookedOrder, BookedRefund, Books, Stray,
            WalletSums,
        },
        payments::PaymentProvider,
    },
};

mod order;

use order::OfOrder;

/// How many orders are read at once.
const PAGE: u32 = 500;

/// How many strays of each kind are looked for.
const MOST_STRAYS: u32 = 200;

/// What money of a currency has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Captured for orders.
    pub captured: i128,
    /// Of that, given back.
    pub refunded: i128,
    /// What paid orders still have: the prices of their units that are not given back.
    pub kept: i128,
}

/// What an audit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Orders that were looked at.
    pub orders: u64,
    /// Their units.
    pub units: u64,
    /// Their payments.
    pub payments: u64,
    /// Their refunds.
    pub refunds: u64,
    /// Orders that the provider was asked about, and had an answer for.
    pub asked: u64,
    /// Money of orders, by currency.
    pub flows: BTreeMap<String, Flow>,
    /// Wallets, by currency.
    pub wallets: Vec<WalletSums>,
    /// Disagreements.
    pub findings: Findings,
}

impl Audit {
    fn look_at(&mut self, order: &BookedOrder) {
        self.orders += 1;
        self.units += order.units.len() as u64;
        self.payments += u64::from(order.payment.is_some());
        self.refunds += order.refunds.len() as u64;
        let flow = self.flows.entry(order.total.currency.clone()).or_default();
        let captured = order.captured();
        let refunded = order.money_back();
        flow.captured += i128::from(captured);
        flow.refunded += i128::from(refunded);
        if order.status == OrderStatus::Paid.as_str() {
            flow.kept += i128::from(order::kept(order));
        }
        let mut findings = OfOrder::default();
        order::check(order, &mut findings);
        for finding in findings.0 {
            self.findings.find(format!("order {}: {finding}", order.id));
        }
    }
}

/// Goes through all that is booked up to now. With providers, each is asked what its own books say of the orders that
/// were paid through it.
pub async fn audit(
    books: &dyn Books,
    providers: &[Arc<dyn PaymentProvider>],
    now: Timestamp,
) -> Result<Audit, AppError> {
    let mut audit = Audit::default();
    let mut after = None;
    loop {
        let page = BookPage { performance: None, before: now, after, limit: PAGE };
        let orders = books.booked_orders(page).await?;
        let Some(last) = orders.last() else { break };
        after = Some(last.id);
        for order in &orders {
            audit.look_at(order);
            if let Some(finding) = compare(order, providers, &mut audit.asked).await? {
                audit.findings.find(format!("order {}: {finding}", order.id));
            }
        }
    }
    let uneven: Vec<(String, Flow)> = audit
        .flows
        .iter()
        .filter(|(_, flow)| flow.captured - flow.refunded != flow.kept)
        .map(|(currency, flow)| (currency.clone(), *flow))
        .collect();
    for (currency, flow) in uneven {
        audit.findings.find(format!(
            "{currency}: captured {} less refunded {} is {}, and paid orders have {}",
            flow.captured,
            flow.refunded,
            flow.captured - flow.refunded,
            flow.kept
        ));
    }
    for stray in books.strays(MOST_STRAYS).await? {
        audit.findings.find(in_words(&stray));
    }
    audit.wallets = books.wallet_sums().await?;
    for sums in audit.wallets.clone() {
        if sums.sum != 0 {
            audit
                .findings
                .find(format!("wallets in {}: all entries add up to {}, not to 0", sums.currency, sums.sum));
        }
    }
    Ok(audit)
}

/// What a provider's own books say otherwise of an order.
async fn compare(
    order: &BookedOrder,
    providers: &[Arc<dyn PaymentProvider>],
    asked: &mut u64,
) -> Result<Option<String>, AppError> {
    let Some(payment) = order.payment.as_ref().filter(|payment| payment.reference.is_some()) else {
        return Ok(None);
    };
    if order.status == OrderStatus::Paying.as_str() || order.total.amount == 0 {
        return Ok(None);
    }
    let Some(provider) = providers.iter().find(|provider| provider.name() == payment.method) else {
        return Ok(None);
    };
    let Some(balance) = within(PROVIDER_ANSWERS_WITHIN, provider.balance(order.id)).await? else {
        return Ok(None);
    };
    *asked += 1;
    let captured = order.captured();
    if balance.captured.amount != captured {
        return Ok(Some(format!(
            "{} has captured {}, the ledger {captured}",
            payment.method, balance.captured.amount
        )));
    }
    // A refund that is open may be there already.
    let recorded: i64 = order.refunds.iter().map(|refund| refund.money.amount).sum();
    let back = order.money_back();
    if !(back..=recorded).contains(&balance.returned.amount) {
        return Ok(Some(format!(
            "{} has given back {}, the ledger {back}",
            payment.method, balance.returned.amount
        )));
    }
    Ok(None)
}

fn in_words(stray: &Stray) -> String {
    match stray {
        Stray::ClaimedTwice { performance, unit, claims } => {
            format!("performance {performance}: unit {} is claimed {claims} times", unit.0)
        }
        Stray::Uneven { movement, kind, sum } => {
            format!(
                "wallet movement {movement} ({kind}): its entries are not two that add up to 0, but to {sum}"
            )
        }
        Stray::Balance { account, currency, balance, entries } => {
            format!("wallet of {account}: has {balance} {currency}, and its entries add up to {entries}")
        }
        Stray::ChargeOfNothing(order) => format!("a wallet was charged for {order}, which is no order"),
        Stray::GiveBackOfNothing(refund) => {
            format!("a wallet was given money back under {refund}, which is no refund")
        }
    }
}
