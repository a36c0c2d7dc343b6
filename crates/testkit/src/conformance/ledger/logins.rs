//! Cases: log-ins and their refresh tokens.
//!
//! Invariant checked: a token works once; a second use ends everything that came of it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{Ledger, Login, Rotation};
use onsale_domain::ids::{AccountId, LoginId};

use super::stage::{at, id, new_account};

const HOUR_MS: u64 = 3_600_000;

async fn account(ledger: &Arc<dyn Ledger>) -> AccountId {
    let account = new_account("kim");
    ledger.create_account(&account).await.unwrap();
    account.id
}

/// Begins a login with a token that is good for an hour.
async fn begin(ledger: &Arc<dyn Ledger>, account: AccountId, token: u8) -> LoginId {
    let login = LoginId(id());
    let begun = Login { id: login, account, address: [token; 16] };
    ledger.begin_login(begun, [token; 32], at(HOUR_MS)).await.unwrap();
    login
}

/// Presents a token after a minute; its successor is good for two hours.
async fn rotate(ledger: &Arc<dyn Ledger>, token: u8, next: u8) -> Rotation {
    ledger.rotate([token; 32], [next; 32], at(2 * HOUR_MS), at(60_000)).await.unwrap()
}

/// Each token is exchanged for the next, which has an expiry of its own.
pub async fn a_token_leads_to_the_next(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    begin(&ledger, kim, 1).await;
    assert_eq!(rotate(&ledger, 1, 2).await, Rotation::Rotated(kim));
    assert_eq!(rotate(&ledger, 2, 3).await, Rotation::Rotated(kim));
    let late = at(HOUR_MS + 60_000);
    let rotated = ledger.rotate([3; 32], [4; 32], at(3 * HOUR_MS), late).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated(kim), "as long as the successor's own expiry");
}

/// Whoever presents a used token ends the login: its newest token is worth nothing either.
pub async fn a_token_used_twice_ends_the_login(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    begin(&ledger, kim, 1).await;
    begin(&ledger, kim, 11).await;
    assert_eq!(rotate(&ledger, 1, 2).await, Rotation::Rotated(kim));
    assert_eq!(rotate(&ledger, 2, 3).await, Rotation::Rotated(kim));
    assert_eq!(rotate(&ledger, 1, 4).await, Rotation::Reused);
    assert_eq!(rotate(&ledger, 3, 5).await, Rotation::Unknown);
    assert_eq!(rotate(&ledger, 4, 6).await, Rotation::Unknown, "the successor offered was not recorded");
    assert_eq!(rotate(&ledger, 11, 12).await, Rotation::Rotated(kim), "another login goes on");
}

/// Of many uses of a token at once, at most one is exchanged, and the login has ended after that.
pub async fn one_of_many_uses_of_a_token_counts(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    begin(&ledger, kim, 1).await;
    let uses: Vec<_> = (2..12)
        .map(|next| {
            let ledger = ledger.clone();
            tokio::spawn(async move { rotate(&ledger, 1, next).await })
        })
        .collect();
    let mut rotated = 0;
    for one in uses {
        rotated += u32::from(one.await.unwrap() == Rotation::Rotated(kim));
    }
    for next in 2..12 {
        assert_ne!(rotate(&ledger, next, 99).await, Rotation::Rotated(kim), "the login should have ended");
    }
    assert_eq!(rotated, 1);
}

/// A token never issued, or expired, leads nowhere.
pub async fn unknown_and_expired_tokens_lead_nowhere(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    begin(&ledger, kim, 1).await;
    assert_eq!(rotate(&ledger, 7, 8).await, Rotation::Unknown);
    let late = ledger.rotate([1; 32], [2; 32], at(9 * HOUR_MS), at(HOUR_MS + 1)).await.unwrap();
    assert_eq!(late, Rotation::Unknown);
    assert_eq!(rotate(&ledger, 2, 3).await, Rotation::Unknown, "no successor was recorded");
}

/// Ending by token ends that login only; an unknown token ends nothing and is no mistake.
pub async fn a_login_ends_by_its_token(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    begin(&ledger, kim, 1).await;
    begin(&ledger, kim, 11).await;
    for _ in 0..2 {
        ledger.end_login([1; 32]).await.unwrap();
        ledger.end_login([77; 32]).await.unwrap();
    }
    assert_eq!(rotate(&ledger, 1, 2).await, Rotation::Unknown);
    assert_eq!(rotate(&ledger, 11, 12).await, Rotation::Rotated(kim));
    ledger.end_login([11; 32]).await.unwrap();
    assert_eq!(rotate(&ledger, 12, 13).await, Rotation::Unknown, "a used token still names its login");
}

/// Ending by name ends all tokens of that login.
pub async fn a_login_ends_by_its_name(ledger: Arc<dyn Ledger>) {
    let kim = account(&ledger).await;
    let login = begin(&ledger, kim, 1).await;
    begin(&ledger, kim, 11).await;
    rotate(&ledger, 1, 2).await;
    for _ in 0..2 {
        ledger.end_login_by_id(login).await.unwrap();
        ledger.end_login_by_id(LoginId(id())).await.unwrap();
    }
    assert_eq!(rotate(&ledger, 2, 3).await, Rotation::Unknown);
    assert_eq!(rotate(&ledger, 11, 12).await, Rotation::Rotated(kim));
}

/// The addresses of an account's log-ins are known, also of those that have ended, and those of nobody else's.
pub async fn an_account_is_known_where_it_has_logged_in(ledger: Arc<dyn Ledger>) {
    let (kim, park) = (account(&ledger).await, AccountId(id()));
    begin(&ledger, kim, 1).await;
    begin(&ledger, kim, 2).await;
    begin(&ledger, park, 3).await;
    ledger.end_login([1; 32]).await.unwrap();
    let known = async |account, address: u8| ledger.has_logged_in_from(account, [address; 16]).await.unwrap();
    assert!(known(kim, 1).await && known(kim, 2).await && known(park, 3).await);
    assert!(!known(kim, 3).await && !known(park, 1).await && !known(AccountId(id()), 1).await);
}
