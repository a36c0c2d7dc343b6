//! Cases: accounts.
//!
//! Invariant checked: an address, and an identity of a gateway, belong to one account each.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::{collections::BTreeSet, sync::Arc};

use onsale_app::ports::ledger::{Account, Ledger, Role};
use onsale_domain::ids::AccountId;

use super::stage::{id, new_account, new_guest};

/// By id and by address an account is found as it was made; what is not there is not found.
pub async fn an_account_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    ledger.ping().await.unwrap();
    let account = Account { role: Role::Admin, ..new_account("kim") };
    assert!(ledger.create_account(&account).await.unwrap());
    assert_eq!(ledger.account(account.id).await.unwrap(), Some(account.clone()));
    let address = account.email.clone().unwrap();
    assert_eq!(ledger.account_by_email(&address).await.unwrap(), Some(account));
    assert_eq!(ledger.account(AccountId(id())).await.unwrap(), None);
    assert_eq!(ledger.account_by_email("nobody@example.org").await.unwrap(), None);
    let guest = new_guest();
    assert!(ledger.create_account(&guest).await.unwrap());
    assert_eq!(ledger.account(guest.id).await.unwrap(), Some(guest));
}

/// A taken address is refused and nothing changes; accounts without an address are not in each other's way.
pub async fn an_address_belongs_to_one_account(ledger: Arc<dyn Ledger>) {
    let first = new_account("first");
    assert!(ledger.create_account(&first).await.unwrap());
    let second = Account { email: first.email.clone(), ..new_account("second") };
    assert!(!ledger.create_account(&second).await.unwrap());
    assert_eq!(ledger.account(second.id).await.unwrap(), None);
    assert_eq!(ledger.account(first.id).await.unwrap(), Some(first));
    for _ in 0..2 {
        assert!(ledger.create_account(&new_guest()).await.unwrap());
    }
}

/// Of many sign-ups with one address at once, one succeeds.
pub async fn one_of_many_sign_ups_gets_the_address(ledger: Arc<dyn Ledger>) {
    let address = new_account("wanted").email;
    let sign_ups: Vec<_> = (0..20)
        .map(|_| {
            let (ledger, account) =
                (ledger.clone(), Account { email: address.clone(), ..new_account("crowd") });
            tokio::spawn(async move { ledger.create_account(&account).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for sign_up in sign_ups {
        made += u32::from(sign_up.await.unwrap());
    }
    assert_eq!(made, 1);
}

fn arriving(external_id: &str) -> Account {
    Account { external_id: Some(external_id.to_owned()), ..new_guest() }
}

/// The first arrival adds the account, later ones get the same.
pub async fn an_identity_of_a_gateway_has_one_account(ledger: Arc<dyn Ledger>) {
    let first = arriving("gateway|1");
    assert_eq!(ledger.account_by_external_id(&first).await.unwrap(), first);
    assert_eq!(ledger.account_by_external_id(&arriving("gateway|1")).await.unwrap(), first);
    assert_eq!(ledger.account(first.id).await.unwrap(), Some(first.clone()));
    let other = arriving("gateway|2");
    assert_eq!(ledger.account_by_external_id(&other).await.unwrap(), other);
}

/// Also where they all arrive at once.
pub async fn one_account_for_many_arrivals_of_an_identity(ledger: Arc<dyn Ledger>) {
    let arrivals: Vec<_> = (0..20)
        .map(|_| {
            let (ledger, fresh) = (ledger.clone(), arriving("gateway|crowd"));
            tokio::spawn(async move { ledger.account_by_external_id(&fresh).await.unwrap().id })
        })
        .collect();
    let mut accounts = BTreeSet::new();
    for arrival in arrivals {
        accounts.insert(arrival.await.unwrap());
    }
    assert_eq!(accounts.len(), 1, "{accounts:?}");
}

/// A role is given to an account that is there.
pub async fn roles_are_given(ledger: Arc<dyn Ledger>) {
    let account = new_account("kim");
    ledger.create_account(&account).await.unwrap();
    for role in [Role::Organizer, Role::Admin, Role::Buyer] {
        assert!(ledger.set_role(account.id, role).await.unwrap());
        assert_eq!(ledger.account(account.id).await.unwrap(), Some(Account { role, ..account.clone() }));
    }
    assert!(!ledger.set_role(AccountId(id()), Role::Admin).await.unwrap());
}
