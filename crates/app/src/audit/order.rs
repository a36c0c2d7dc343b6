//! What has to be true of one order and all that belongs to it.
//!
//! Invariant: every sentence that is checked here is a sentence of the promises or of the ledger's contract, and is true at
//! any moment, between any two steps of a purchase or a refund.

use super::{
    BTreeMap, BookedCharge, BookedEntry, BookedMoney, BookedOrder, BookedRefund, Display, OrderId,
    OrderStatus, RefundStatus,
};

/// The method of orders that are paid from a wallet.
const FROM_WALLET: &str = "wallet";

/// What is wrong with an order.
#[derive(Default)]
pub(super) struct OfOrder(pub(super) Vec<String>);

impl OfOrder {
    fn check(&mut self, is_right: bool, finding: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(finding());
        }
    }

    fn equal<T: PartialEq + Display + Copy>(&mut self, what: &str, is: T, should_be: T) {
        self.check(is == should_be, || format!("{what} is {is}, and should be {should_be}"));
    }

    fn money(&mut self, what: &str, is: &BookedMoney, should_be: &BookedMoney) {
        self.check(is == should_be, || {
            format!(
                "{what} is {} {}, and should be {} {}",
                is.amount, is.currency, should_be.amount, should_be.currency
            )
        });
    }
}

/// The prices of the units whose money is not back.
pub(super) fn kept(order: &BookedOrder) -> i64 {
    let kept = order.units.iter().filter(|unit| !order.is_given_back(unit));
    kept.map(|unit| unit.price.amount).sum()
}

/// Looks at an order.
pub(super) fn check(order: &BookedOrder, findings: &mut OfOrder) {
    let Some(status) = OrderStatus::parse(&order.status) else {
        findings.0.push(format!("its state is {:?}", order.status));
        return;
    };
    if order.owner.is_none() || order.performance.is_none() {
        // The name of an attempt that was failed before it was begun.
        findings.check(status == OrderStatus::Failed, || format!("is nobody's, and {}", order.status));
        findings.check(order.units.is_empty() && order.refunds.is_empty(), || {
            "was never begun, and has units or refunds".to_owned()
        });
        findings.equal("its total", order.total.amount, 0);
        findings.check(order.payment.is_none(), || "was never begun, and has a payment".to_owned());
        return;
    }
    findings.check(!order.units.is_empty(), || "has no units".to_owned());
    let sum: i64 = order.units.iter().map(|unit| unit.price.amount).sum();
    findings.equal("its total", order.total.amount, sum);
    for unit in &order.units {
        findings.check(unit.price.currency == order.total.currency, || {
            format!("unit {} is priced in {}", unit.unit.0, unit.price.currency)
        });
    }
    check_payment(order, status, findings);
    check_refunds(order, status, findings);
    check_claims(order, status, findings);
    check_wallet(order, status, findings);
}

fn check_payment(order: &BookedOrder, status: OrderStatus, findings: &mut OfOrder) {
    let Some(payment) = &order.payment else {
        findings.0.push("has no payment".to_owned());
        return;
    };
    findings.money("its payment", &payment.money, &order.total);
    let is_all_back = !order.refunds.is_empty() && order.refunds.iter().all(BookedRefund::is_money_back);
    let wanted = match status {
        OrderStatus::Paying => "open",
        OrderStatus::Paid => "captured",
        // Its money came late, and is back.
        OrderStatus::Failed if is_all_back => "refunded",
        OrderStatus::Failed => "void",
        OrderStatus::Refunded => "refunded",
    };
    findings.equal("the state of its payment", payment.status.as_str(), wanted);
}

fn check_refunds(order: &BookedOrder, status: OrderStatus, findings: &mut OfOrder) {
    let mut prices: BTreeMap<_, i64> = BTreeMap::new();
    for unit in &order.units {
        let Some(refund) = unit.refund else { continue };
        *prices.entry(refund).or_default() += unit.price.amount;
        findings.check(order.refunds.iter().any(|known| known.id == refund), || {
            format!("unit {} is in refund {refund}, which is not one of the order's", unit.unit.0)
        });
    }
    for refund in &order.refunds {
        let should_be = prices.get(&refund.id).copied().unwrap_or(0);
        let should_be = BookedMoney { amount: should_be, currency: order.total.currency.clone() };
        findings.money(&format!("refund {}", refund.id), &refund.money, &should_be);
        findings.check(prices.contains_key(&refund.id), || format!("refund {} has no units", refund.id));
        findings.check(RefundStatus::parse(&refund.status).is_some(), || {
            format!("refund {} is {:?}", refund.id, refund.status)
        });
    }
    let all: i64 = order.refunds.iter().map(|refund| refund.money.amount).sum();
    findings.check(all <= order.total.amount, || {
        format!("{all} {} is refunded of {}", order.total.currency, order.total.amount)
    });
    let is_back = order.units.iter().all(|unit| order.is_given_back(unit));
    match status {
        OrderStatus::Paying => {
            findings.check(order.refunds.is_empty(), || "is not paid, and has refunds".to_owned());
        }
        OrderStatus::Paid => {
            findings.check(!is_back, || "is paid, and all of it is given back".to_owned());
        }
        OrderStatus::Refunded => {
            findings.check(is_back, || "is refunded, and not all of it is given back".to_owned());
        }
        OrderStatus::Failed => {}
    }
}

fn check_claims(order: &BookedOrder, status: OrderStatus, findings: &mut OfOrder) {
    for unit in &order.units {
        let refund = order.refunds.iter().find(|refund| Some(refund.id) == unit.refund);
        let (has_to, may) = match (status, refund) {
            (OrderStatus::Failed, _) => (false, false),
            // Kept ones may be given up later.
            (_, Some(refund)) if refund.is_money_back() => (false, refund.keep_claim),
            _ => (true, true),
        };
        findings.check(unit.is_claimed || !has_to, || format!("unit {} is not claimed", unit.unit.0));
        findings.check(!unit.is_claimed || may, || {
            format!("unit {} is claimed by an order that has given it up", unit.unit.0)
        });
    }
}

fn check_wallet(order: &BookedOrder, status: OrderStatus, findings: &mut OfOrder) {
    let is_from_wallet =
        order.payment.as_ref().is_some_and(|payment| payment.method == FROM_WALLET) && order.total.amount > 0;
    let charge = order.charge.as_ref().filter(|charge| charge.status == "charged");
    let Some(charge) = charge else {
        let was_paid = matches!(status, OrderStatus::Paid | OrderStatus::Refunded);
        findings.check(!(is_from_wallet && was_paid), || {
            format!("is {}, and its wallet was not charged", order.status)
        });
        findings.check(order.entries.is_empty(), || "has wallet entries and no charge".to_owned());
        return;
    };
    findings.check(is_from_wallet, || "a wallet was charged for it, which is not how it is paid".to_owned());
    findings.equal("the charge of its wallet", charge.amount, order.total.amount);
    findings.check(charge.account == order.owner, || "the wallet of somebody else was charged".to_owned());
    let is_given_back = !order.refunds.is_empty();
    findings.check(status != OrderStatus::Failed || is_given_back, || {
        "has failed, and its wallet was charged".to_owned()
    });
    check_entries(order.id, charge, order, findings);
}

/// The entries of a charge and of what was given back of it.
fn check_entries(id: OrderId, charge: &BookedCharge, order: &BookedOrder, findings: &mut OfOrder) {
    let of_account = |movement, kind: &str| -> Vec<&BookedEntry> {
        let is_it = |entry: &&BookedEntry| {
            entry.movement == movement && entry.kind == kind && entry.side == "account"
        };
        order.entries.iter().filter(is_it).collect()
    };
    let taken: i64 = of_account(id.0, "charge").iter().map(|entry| entry.money.amount).sum();
    findings.equal("what the entries of its charge take", -taken, charge.amount);
    let mut given_back = 0;
    for refund in &order.refunds {
        let entries = of_account(refund.id.0, "give_back");
        let given: i64 = entries.iter().map(|entry| entry.money.amount).sum();
        given_back += given;
        // An open one may be there already.
        let is_right = given == refund.money.amount || (given == 0 && !refund.is_money_back());
        findings.check(is_right, || {
            format!("wallet entries of refund {} give {given}, not {}", refund.id, refund.money.amount)
        });
    }
    findings.equal("what its wallet has back", charge.given_back, given_back);
    let foreign = order.entries.iter().filter(|entry| {
        Some(entry.account) != charge.account || entry.money.currency != order.total.currency
    });
    for entry in foreign {
        findings.0.push(format!("a wallet entry of {} is of another account or currency", entry.movement));
    }
}
