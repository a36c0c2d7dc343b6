//! Faults do what their plan says, and nothing where there is none.

use std::sync::Arc;

use onsale_app::ports::ledger::{Accounts as _, Ledger, LedgerHealth as _};

use super::*;
use crate::ledger::MemoryLedger;

fn faulty(faults: Faults) -> (FaultyLedger, Arc<Faults>) {
    let faults = Arc::new(faults);
    let inner: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    (FaultyLedger::new(inner, Arc::clone(&faults)), faults)
}

fn account() -> onsale_app::ports::ledger::Account {
    onsale_app::ports::ledger::Account {
        id: onsale_domain::ids::AccountId(uuid::Uuid::from_u128(1)),
        email: Some("kim@example.org".to_owned()),
        name: "Kim".to_owned(),
        password_hash: None,
        external_id: None,
        role: onsale_app::ports::ledger::Role::Buyer,
        created_at: crate::clock::START,
    }
}

#[tokio::test]
async fn an_exact_fault_is_before_or_after_the_effect() {
    for (when, happened) in [(When::Before, false), (When::After, true)] {
        let fault = FailNth { call: Some("create_account"), nth: 1, when };
        let (ledger, faults) = faulty(Faults::exactly(vec![fault]));
        ledger.ping().await.unwrap();
        assert!(ledger.create_account(&account()).await.is_err());
        assert_eq!(ledger.account(account().id).await.unwrap().is_some(), happened, "{when:?}");
        assert_eq!(ledger.create_account(&account()).await.unwrap(), !happened);
        assert_eq!((faults.calls(), faults.calls_of("create_account"), faults.injected()), (4, 2, 1));
    }
}

#[tokio::test]
async fn every_call_counts_where_no_method_is_named() {
    let (ledger, _) = faulty(Faults::exactly(vec![FailNth { call: None, nth: 2, when: When::Before }]));
    assert!(ledger.ping().await.is_ok());
    assert!(ledger.account(account().id).await.is_err());
    assert!(ledger.ping().await.is_ok());
}

#[tokio::test]
async fn one_seed_one_run() {
    let run = async |seed| {
        let plan = FaultPlan { seed, fail_before: 0.2, fail_after: 0.2, yields: 3 };
        let (ledger, faults) = faulty(Faults::seeded(plan));
        let mut answers = Vec::new();
        for _ in 0..100 {
            answers.push(ledger.ping().await.is_ok());
        }
        faults.set_active(false);
        for _ in 0..100 {
            assert!(ledger.ping().await.is_ok(), "no faults while they are off");
        }
        (answers, faults.injected())
    };
    let (answers, injected) = run(1).await;
    assert_eq!(run(1).await.0, answers);
    assert_ne!(run(2).await.0, answers);
    assert!((20..=52).contains(&injected), "{injected} of 100");
}
