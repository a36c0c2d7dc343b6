//! Refresh tokens: races and what is left of them.

use std::sync::Arc;

use onsale_app::ports::ledger::{Account, Login, Rotation};
use onsale_domain::ids::LoginId;

use super::*;

fn digest(number: u8) -> [u8; 32] {
    [number; 32]
}

fn by(account: AccountId) -> Login {
    Login { id: LoginId(id()), account, address: [0; 16] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_present_one_token_one_gets_through_and_the_login_ends() {
    let ledger = Arc::new(SqlLedger::in_memory().await.unwrap());
    let account = AccountId(id());
    ledger.begin_login(by(account), digest(0), START.plus_ms(DAY_MS)).await.unwrap();
    let mut rotations = tokio::task::JoinSet::new();
    for next in 1..=10 {
        let ledger = Arc::clone(&ledger);
        rotations.spawn(async move {
            ledger.rotate(digest(0), digest(next), START.plus_ms(DAY_MS), START).await.unwrap()
        });
    }
    let answers = rotations.join_all().await;
    let through = answers.iter().filter(|answer| **answer == Rotation::Rotated(account)).count();
    let reused = answers.iter().filter(|answer| **answer == Rotation::Reused).count();
    assert_eq!((through, reused), (1, 1), "{answers:?}");
    for next in 1..=10 {
        let answer = ledger.rotate(digest(next), digest(100), START.plus_ms(DAY_MS), START).await.unwrap();
        assert_eq!(answer, Rotation::Unknown);
    }
}

#[tokio::test]
async fn tokens_that_expired_long_ago_are_deleted_as_others_are_issued() {
    let ledger = SqlLedger::in_memory().await.unwrap();
    for number in 0..40 {
        ledger.begin_login(by(AccountId(id())), digest(number), START).await.unwrap();
    }
    let much_later = START.plus_ms(10 * DAY_MS);
    let (login, account) = (LoginId(id()), AccountId(id()));
    ledger
        .begin_login(Login { id: login, ..by(account) }, digest(100), much_later.plus_ms(DAY_MS))
        .await
        .unwrap();
    for number in 100..103 {
        let next =
            ledger.rotate(digest(number), digest(number + 1), much_later.plus_ms(DAY_MS), much_later).await;
        assert_eq!(next.unwrap(), Rotation::Rotated(account));
    }
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM refresh_tokens").await, 4);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM logins").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_arrives_ten_times_at_once_gets_one_account() {
    let ledger = Arc::new(SqlLedger::in_memory().await.unwrap());
    let mut arrivals = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let ledger = Arc::clone(&ledger);
        arrivals.spawn(async move {
            let fresh = Account {
                id: AccountId(id()),
                email: None,
                name: "Lee".into(),
                password_hash: None,
                external_id: Some("lee@gateway".into()),
                role: Role::Buyer,
                created_at: START,
            };
            ledger.account_by_external_id(&fresh).await.unwrap().id
        });
    }
    let mut accounts = arrivals.join_all().await;
    accounts.dedup();
    assert_eq!(accounts.len(), 1);
    assert_eq!(number(&ledger, "SELECT COUNT(*) FROM accounts").await, 1);
    assert!(ledger.set_role(accounts[0], Role::Admin).await.unwrap());
}
