//! Paying from the buyer's wallet, which the ledger keeps.
//!
//! Invariant: the ledger decides; there is no state here. What it refuses for want of money is also ended there,
//! because a declined order must stay declined (the contract of the port), also when the wallet is topped up
//! a moment later.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    clock::Clock,
    ledger::{GiveBack, Wallet, WalletOutcome},
    payments::{Charge, Charged, Decline, DeclineCode, PaymentProvider, ProviderError, Repayment, Settled},
};
use onsale_domain::ids::OrderId;

const INSUFFICIENT: &str = "the wallet does not cover it";
const CANCELLED: &str = "cancelled before it was charged";

/// The wallet as a provider.
pub struct WalletPayments {
    wallet: Arc<dyn Wallet>,
    clock: Arc<dyn Clock>,
}

impl WalletPayments {
    /// A provider over the wallets of a ledger.
    pub fn new(wallet: Arc<dyn Wallet>, clock: Arc<dyn Clock>) -> Self {
        Self { wallet, clock }
    }
}

fn reference(order: OrderId) -> String {
    format!("wallet-{order}")
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn no_answer(error: StoreError) -> ProviderError {
    ProviderError(error.to_string())
}

#[async_trait]
impl PaymentProvider for WalletPayments {
    fn name(&self) -> &'static str {
        "wallet"
    }

    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        let now = self.clock.now();
        let outcome = self.wallet.charge(charge.order, charge.account, charge.amount, now).await;
        match outcome.map_err(no_answer)? {
            WalletOutcome::Moved(_) => Ok(Charged::Captured(reference(charge.order))),
            WalletOutcome::Cancelled => Ok(Charged::Declined(Decline::because(CANCELLED))),
            WalletOutcome::Insufficient(_) => match self.settle(charge.order).await? {
                // The same charge, called twice at once, and in between there was money.
                Settled::Captured(reference) => Ok(Charged::Captured(reference)),
                Settled::Dead => Ok(Charged::Declined(Decline {
                    code: DeclineCode::InsufficientFunds,
                    words: INSUFFICIENT.to_owned(),
                })),
            },
        }
    }

    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError> {
        let charged = self.wallet.settle(order, self.clock.now()).await.map_err(no_answer)?;
        Ok(if charged { Settled::Captured(reference(order)) } else { Settled::Dead })
    }

    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        let Repayment { refund, order, amount } = *repayment;
        match self.wallet.give_back(order, refund, amount, self.clock.now()).await.map_err(no_answer)? {
            GiveBack::Given => Ok(()),
            GiveBack::NeverCharged => Err(ProviderError("a refund of what was never charged".to_owned())),
            GiveBack::TooMuch => Err(ProviderError("a refund of more than was charged".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_domain::{
        ids::{AccountId, RefundId},
        money::{Currency, Money},
    };
    use onsale_testkit::{clock::ManualClock, ledger::MemoryLedger};
    use uuid::Uuid;

    use super::*;

    const BUYER: AccountId = AccountId(Uuid::from_u128(1));
    const ORDER: OrderId = OrderId(Uuid::from_u128(2));

    fn won(amount: i64) -> Money {
        Money::new(amount, Currency::KRW)
    }

    fn charge(amount: i64) -> Charge {
        Charge { order: ORDER, account: BUYER, amount: won(amount), instrument: None }
    }

    fn repayment(refund: u128, amount: i64) -> Repayment {
        Repayment { refund: RefundId(Uuid::from_u128(refund)), order: ORDER, amount: won(amount) }
    }

    async fn with_balance(amount: i64) -> (WalletPayments, Arc<MemoryLedger>) {
        let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(ManualClock::new()));
        if amount > 0 {
            ledger.top_up(Uuid::from_u128(3), BUYER, won(amount), None, clock.now()).await.unwrap();
        }
        (WalletPayments::new(Arc::clone(&ledger) as Arc<dyn Wallet>, clock), ledger)
    }

    async fn balance(ledger: &MemoryLedger) -> Money {
        ledger.balance(BUYER, Currency::KRW).await.unwrap()
    }

    #[tokio::test]
    async fn takes_and_gives_back_once() {
        let (provider, ledger) = with_balance(100).await;
        let first = provider.charge(&charge(70)).await.unwrap();
        assert!(matches!(first, Charged::Captured(_)));
        assert_eq!(provider.charge(&charge(70)).await.unwrap(), first);
        assert_eq!(balance(&ledger).await, won(30));
        assert!(matches!(provider.settle(ORDER).await.unwrap(), Settled::Captured(_)));
        provider.refund(&repayment(1, 50)).await.unwrap();
        provider.refund(&repayment(1, 50)).await.unwrap();
        assert_eq!(balance(&ledger).await, won(80), "once for each refund");
        assert!(provider.refund(&repayment(2, 21)).await.is_err(), "more than is left of it");
        provider.refund(&repayment(13, 20)).await.unwrap();
        assert_eq!(balance(&ledger).await, won(100));
    }

    #[tokio::test]
    async fn what_was_declined_stays_declined_when_money_comes() {
        let (provider, ledger) = with_balance(10).await;
        assert!(matches!(provider.charge(&charge(70)).await.unwrap(), Charged::Declined(_)));
        ledger.top_up(Uuid::from_u128(4), BUYER, won(100), None, ManualClock::new().now()).await.unwrap();
        assert!(matches!(provider.charge(&charge(70)).await.unwrap(), Charged::Declined(_)));
        assert_eq!(balance(&ledger).await, won(110));
    }

    #[tokio::test]
    async fn a_settled_order_is_dead_and_cannot_be_refunded() {
        let (provider, ledger) = with_balance(100).await;
        assert_eq!(provider.settle(ORDER).await.unwrap(), Settled::Dead);
        assert!(matches!(provider.charge(&charge(70)).await.unwrap(), Charged::Declined(_)));
        assert!(provider.refund(&repayment(1, 70)).await.is_err());
        assert_eq!(balance(&ledger).await, won(100));
    }
}
