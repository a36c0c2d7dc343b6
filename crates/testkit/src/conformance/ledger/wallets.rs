//! Cases: wallets.
//!
//! Invariant checked: the balance is what came less what went, each movement once, and never below zero.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{Created, GiveBack, Ledger, WalletOutcome};
use onsale_domain::{
    ids::{AccountId, OrderId, RefundId},
    money::{Currency, Money},
};

use super::stage::{Stage, id, later, won};

/// A wallet to pay from, and the ledger it is in.
struct Purse {
    ledger: Arc<dyn Ledger>,
    account: AccountId,
}

impl Purse {
    async fn with(ledger: Arc<dyn Ledger>, amount: i64) -> Self {
        let stage = Stage::new(ledger.clone()).await;
        let purse = Self { ledger, account: stage.buyer().await };
        if amount > 0 {
            purse.top_up(amount).await;
        }
        purse
    }

    async fn top_up(&self, amount: i64) -> Created<Money> {
        self.ledger.top_up(id(), self.account, won(amount), None, later()).await.unwrap()
    }

    async fn balance(&self) -> i64 {
        self.ledger.balance(self.account, Currency::KRW).await.unwrap().amount
    }

    async fn charge(&self, order: OrderId, amount: i64) -> WalletOutcome {
        self.ledger.charge(order, self.account, won(amount), later()).await.unwrap()
    }

    async fn give_back(&self, order: OrderId, refund: RefundId, amount: i64) -> GiveBack {
        self.ledger.give_back(order, refund, won(amount), later()).await.unwrap()
    }
}

fn refund() -> RefundId {
    RefundId(id())
}

fn order() -> OrderId {
    OrderId(id())
}

/// In every currency.
pub async fn a_wallet_is_empty_at_first(ledger: Arc<dyn Ledger>) {
    let purse = Purse::with(ledger, 0).await;
    for currency in [Currency::KRW, "EUR".parse().unwrap()] {
        let balance = purse.ledger.balance(purse.account, currency).await.unwrap();
        assert_eq!(balance, Money::zero(currency));
    }
}

/// The answer is the balance after it.
pub async fn topping_up_adds(ledger: Arc<dyn Ledger>) {
    let purse = Purse::with(ledger, 0).await;
    assert_eq!(purse.top_up(100).await, Created::New(won(100)));
    assert_eq!(purse.top_up(50).await, Created::New(won(150)));
    assert_eq!(purse.balance().await, 150);
}

/// To the last won; a repeat takes nothing more.
pub async fn a_charge_takes_the_price_once(ledger: Arc<dyn Ledger>) {
    let purse = Purse::with(ledger, 100).await;
    let first = order();
    for _ in 0..3 {
        assert_eq!(purse.charge(first, 70).await, WalletOutcome::Moved(won(30)));
    }
    assert_eq!(purse.charge(order(), 30).await, WalletOutcome::Moved(won(0)));
    assert!(
        matches!(purse.charge(first, 70).await, WalletOutcome::Moved(_)),
        "also when there is no more left"
    );
    assert_eq!(purse.balance().await, 0);
}

/// The answer is the balance as it is.
pub async fn an_uncovered_charge_moves_nothing(ledger: Arc<dyn Ledger>) {
    let purse = Purse::with(ledger, 100).await;
    assert_eq!(purse.charge(order(), 101).await, WalletOutcome::Insufficient(won(100)));
    assert_eq!(purse.balance().await, 100);
    assert_eq!(purse.charge(order(), 100).await, WalletOutcome::Moved(won(0)));
    assert_eq!(purse.charge(order(), 1).await, WalletOutcome::Insufficient(won(0)));
}

/// Of fifty charges of 90 against 1,000, eleven are covered.
pub async fn fifty_charges_at_once_do_not_overdraw(ledger: Arc<dyn Ledger>) {
    let purse = Arc::new(Purse::with(ledger, 1_000).await);
    let charges: Vec<_> = (0..50)
        .map(|_| {
            let (purse, order) = (Arc::clone(&purse), order());
            tokio::spawn(async move { purse.charge(order, 90).await })
        })
        .collect();
    let mut moved = 0;
    for charge in charges {
        match charge.await.unwrap() {
            WalletOutcome::Moved(balance) => {
                assert!(balance.amount >= 0, "{balance:?}");
                moved += 1;
            }
            WalletOutcome::Insufficient(balance) => assert!((0..90).contains(&balance.amount), "{balance:?}"),
            WalletOutcome::Cancelled => panic!("nobody cancelled"),
        }
    }
    assert_eq!((moved, purse.balance().await), (11, 10));
}

/// The same order, charged twenty times at once.
pub async fn a_charge_among_many_at_once_counts_once(ledger: Arc<dyn Ledger>) {
    let purse = Arc::new(Purse::with(ledger, 100).await);
    let one = order();
    let charges: Vec<_> = (0..20)
        .map(|_| {
            let purse = Arc::clone(&purse);
            tokio::spawn(async move { purse.charge(one, 60).await })
        })
        .collect();
    for charge in charges {
        assert_eq!(charge.await.unwrap(), WalletOutcome::Moved(won(40)));
    }
    assert_eq!(purse.balance().await, 40);
}

/// What was charged stays charged; what was not, never will be.
pub async fn settling_ends_an_open_charge(ledger: Arc<dyn Ledger>) {
    let purse = Purse::with(ledger, 100).await;
    let (charged, open) = (order(), order());
    purse.charge(charged, 30).await;
    for _ in 0..2 {
        assert!(purse.ledger.settle(charged, later()).await.unwrap());
        assert!(!purse.ledger.settle(open, later()).await.unwrap());
        assert_eq!(purse.charge(open, 30).await, WalletOutcome::Cancelled);
    }
    assert_eq!(purse.give_back(open, refund(), 30).await, GiveBack::NeverCharged);
    assert_eq!(purse.balance().await, 70);
}

/// Where charging and settling race, they agree on what happened.
pub async fn settling_against_charging_has_one_answer(ledger: Arc<dyn Ledger>) {
    let purse = Arc::new(Purse::with(ledger, 1_000).await);
    let mut left = 1_000;
    for _ in 0..10 {
        let one = order();
        let (charging, settling) = (Arc::clone(&purse), Arc::clone(&purse));
        let charge = tokio::spawn(async move { charging.charge(one, 10).await });
        let settle = tokio::spawn(async move { settling.ledger.settle(one, later()).await.unwrap() });
        match (charge.await.unwrap(), settle.await.unwrap()) {
            (WalletOutcome::Moved(_), true) => left -= 10,
            (WalletOutcome::Cancelled, false) => {}
            both => panic!("{both:?}"),
        }
        assert_eq!(purse.balance().await, left);
    }
}

/// To the wallet it came from, once for each refund; also when asked many times at once. What was charged stays known as
/// charged.
pub async fn giving_back_happens_once(ledger: Arc<dyn Ledger>) {
    let purse = Arc::new(Purse::with(ledger, 100).await);
    let (one, whole) = (order(), refund());
    assert_eq!(purse.give_back(order(), refund(), 60).await, GiveBack::NeverCharged);
    purse.charge(one, 60).await;
    let gifts: Vec<_> = (0..10)
        .map(|_| {
            let purse = Arc::clone(&purse);
            tokio::spawn(async move { purse.give_back(one, whole, 60).await })
        })
        .collect();
    for gift in gifts {
        assert_eq!(gift.await.unwrap(), GiveBack::Given);
    }
    assert_eq!(purse.balance().await, 100);
    purse.charge(one, 60).await;
    assert_eq!(purse.balance().await, 100, "a late repeat of the charge takes nothing again");
    assert!(purse.ledger.settle(one, later()).await.unwrap(), "it was charged, once");
}

/// Twenty parts at once, each a third of the price: three of them fit, and the rest move nothing.
pub async fn parts_given_back_never_exceed_the_charge(ledger: Arc<dyn Ledger>) {
    let purse = Arc::new(Purse::with(ledger, 100).await);
    let one = order();
    purse.charge(one, 90).await;
    assert_eq!(purse.give_back(one, refund(), 91).await, GiveBack::TooMuch);
    let euro = Money::new(30, "EUR".parse().unwrap());
    let foreign = purse.ledger.give_back(one, refund(), euro, later()).await.unwrap();
    assert_eq!(foreign, GiveBack::TooMuch);
    let parts: Vec<_> = (0..20)
        .map(|_| {
            let (purse, part) = (Arc::clone(&purse), refund());
            tokio::spawn(async move { (part, purse.give_back(one, part, 30).await) })
        })
        .collect();
    let mut given = Vec::new();
    for part in parts {
        match part.await.unwrap() {
            (part, GiveBack::Given) => given.push(part),
            (_, refused) => assert_eq!(refused, GiveBack::TooMuch),
        }
    }
    assert_eq!((given.len(), purse.balance().await), (3, 100));
    for part in given {
        assert_eq!(purse.give_back(one, part, 30).await, GiveBack::Given, "a repeat is told the same");
    }
    assert_eq!(purse.balance().await, 100);
}

/// Each account and each currency has a balance of its own.
pub async fn wallets_and_currencies_do_not_mix(ledger: Arc<dyn Ledger>) {
    let one = Purse::with(ledger.clone(), 100).await;
    let two = Purse::with(ledger, 30).await;
    let euro = |amount| Money::new(amount, "EUR".parse().unwrap());
    one.ledger.top_up(id(), one.account, euro(500), None, later()).await.unwrap();
    assert_eq!(two.charge(order(), 40).await, WalletOutcome::Insufficient(won(30)));
    let paid = one.ledger.charge(order(), one.account, euro(200), later()).await.unwrap();
    assert_eq!(paid, WalletOutcome::Moved(euro(300)));
    assert_eq!(one.charge(order(), 101).await, WalletOutcome::Insufficient(won(100)));
    assert_eq!((one.balance().await, two.balance().await), (100, 30));
}
