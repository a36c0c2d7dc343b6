//! Cases: what is kept of people, and forgetting it.
//!
//! Invariant checked: who is forgotten takes nothing of the accounts along: each order keeps its state, its units and its
//! money.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{
    Account, BuyerDetails, Erasure, Kept, Ledger, LetterKind, Login, Order, PutWish, Role, Rotation, Wanted,
    Wish, Writing,
};
use onsale_domain::{
    ids::{AccountId, LoginId, WishId},
    money::Currency,
    time::Timestamp,
    wishes::WishStatus,
};

use super::stage::{Stage, at, first_page, id, later, new_account, new_guest, won};

/// Before the performances of a stage, and after them.
const BEFORE: u64 = 80_000_000;
const AFTER: u64 = 90_000_000;

impl Stage {
    /// An order that a letter with the tickets is about.
    async fn paid_with_letter(&self, owner: AccountId, numbers: &[u32]) -> Order {
        let mut order = self.order(owner, numbers);
        let writing = Writing { language: "ko".to_owned(), time_zone: "Asia/Seoul".to_owned() };
        (order.buyer.phone, order.buyer.letters) = (Some("010-1234-5678".to_owned()), Some(writing));
        self.begin(&order).await;
        self.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
        self.now(&order).await
    }

    async fn now(&self, order: &Order) -> Order {
        self.ledger.order(order.id).await.unwrap().unwrap()
    }

    async fn wish_of(&self, owner: AccountId) -> Wish {
        let wanted =
            Wanted { performance: self.p(), quantity: 2, category: None, area: None, together: true };
        let writing = Writing { language: "en".to_owned(), time_zone: "Europe/Vienna".to_owned() };
        let at = later();
        let wish = Wish {
            id: WishId(id()),
            event: self.event.id,
            owner,
            position: 1,
            wanted,
            letters: Some(("kim@example.org".to_owned(), writing)),
            status: WishStatus::Waiting,
            attempt: 0,
            reservation: None,
            offered_until: None,
            created_at: at,
            updated_at: at,
        };
        assert_eq!(self.ledger.put_wish(&wish).await.unwrap(), PutWish::Waiting(wish.clone()));
        wish
    }

    async fn log_in(&self, account: AccountId, token: u8) -> LoginId {
        let login = Login { id: LoginId(id()), account, address: [7; 16] };
        self.ledger.begin_login(login, [token; 32], at(AFTER)).await.unwrap();
        login.id
    }

    async fn erase(&self, owner: AccountId, over_before: u64) -> Erasure {
        self.ledger.erase(owner, later(), at(over_before)).await.unwrap()
    }
}

/// What an order is when nobody knows any more who it was for.
fn forgotten(order: &Order) -> Order {
    Order { buyer: BuyerDetails::default(), ..order.clone() }
}

/// Newest first, bounded, and nothing of anybody else.
pub async fn what_is_kept_of_somebody_comes_back(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let account = new_account("buyer");
    assert!(stage.ledger.create_account(&account).await.unwrap());
    let (first, second) = (stage.log_in(account.id, 1).await, stage.log_in(account.id, 2).await);
    stage.ledger.end_login_by_id(first).await.unwrap();
    let wish = stage.wish_of(account.id).await;
    let other = stage.buyer().await;
    stage.log_in(other, 3).await;
    let kept = stage.ledger.kept_of(account.id, 200).await.unwrap();
    let logins = vec![(second, false), (first, true)];
    assert_eq!(kept, Kept { account: Some(account.clone()), logins, wishes: vec![wish.clone()] });
    let kept = stage.ledger.kept_of(account.id, 1).await.unwrap();
    assert_eq!(kept.logins, [(second, false)]);
    let kept = stage.ledger.kept_of(new_guest().id, 200).await.unwrap();
    assert_eq!(kept, Kept::default());
}

/// Their account and what lets them in, where they wait, and who they were in what is over; nothing of the accounts, and
/// nothing of others.
pub async fn who_is_erased_is_nobody(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let account = new_account("buyer");
    assert!(stage.ledger.create_account(&account).await.unwrap());
    let owner = account.id;
    stage.log_in(owner, 1).await;
    let wish = stage.wish_of(owner).await;
    let paid = stage.paid_with_letter(owner, &[1, 2]).await;
    let begun = stage.begun(owner, &[3]).await;
    stage.ledger.fail_order(begun.id, "declined", later()).await.unwrap();
    let failed = stage.now(&begun).await;
    let refunded = stage.refund(&stage.paid_with_letter(owner, &[4]).await, false).await;
    let others = stage.paid_with_letter(stage.buyer().await, &[5]).await;

    assert_eq!(stage.erase(owner, AFTER).await, Erasure::Erased { orders: 3, to_follow: 0 });
    for order in [&paid, &failed, &refunded] {
        assert_eq!(stage.now(order).await, forgotten(order));
        let letter = stage.ledger.latest_letter(order.id, LetterKind::Tickets).await.unwrap();
        assert_eq!(letter, None);
    }
    assert_eq!(stage.now(&others).await, others);
    assert!(stage.ledger.latest_letter(others.id, LetterKind::Tickets).await.unwrap().is_some());
    let address = account.email.clone().unwrap();
    assert_eq!(stage.ledger.account_by_email(&address).await.unwrap(), None);
    assert_eq!(stage.ledger.rotate([1; 32], [9; 32], at(AFTER), later()).await.unwrap(), Rotation::Unknown);
    assert!(!stage.ledger.has_logged_in_from(owner, [7; 16]).await.unwrap());
    let kept = stage.ledger.kept_of(owner, 200).await.unwrap();
    assert_eq!((kept.account, kept.logins), (None, Vec::new()));
    let known = stage.ledger.wish(wish.event, owner).await.unwrap().unwrap();
    assert_eq!((known.status, known.attempt, &known.letters), (WishStatus::Withdrawn, 1, &None));
    // Again, and the address is free for whoever comes.
    assert_eq!(stage.erase(owner, AFTER).await, Erasure::Erased { orders: 0, to_follow: 0 });
    let new = Account { email: Some(address), ..new_account("new") };
    assert!(stage.ledger.create_account(&new).await.unwrap());
}

/// Also what was bought after asking.
pub async fn what_is_to_come_is_forgotten_when_it_is_over(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let guest = new_guest().id;
    let (paid, paying) = (stage.paid_with_letter(guest, &[1]).await, stage.begun(guest, &[2]).await);
    assert_eq!(stage.erase(guest, BEFORE).await, Erasure::Erased { orders: 0, to_follow: 2 });
    let bought_later = stage.paid_with_letter(guest, &[3]).await;
    assert_eq!(stage.ledger.erase_rest(at(BEFORE), 10).await.unwrap(), 0);
    for order in [&paid, &paying, &bought_later] {
        assert_eq!(stage.now(order).await, *order);
    }
    // One by one, and what is being paid for not before that has ended.
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 1).await.unwrap(), 1);
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 10).await.unwrap(), 1);
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 10).await.unwrap(), 0);
    assert_eq!(stage.now(&paid).await, forgotten(&paid));
    assert_eq!(stage.now(&bought_later).await, forgotten(&bought_later));
    assert_eq!(stage.now(&paying).await, paying);
    stage.ledger.pay_order(paying.id, "late", later()).await.unwrap();
    let paid = stage.now(&paying).await;
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 10).await.unwrap(), 1);
    assert_eq!(stage.now(&paying).await, forgotten(&paid));
    // It is remembered until nothing is left; who buys again under the same id has not asked for anything.
    let again = stage.paid_with_letter(guest, &[4]).await;
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 10).await.unwrap(), 0);
    assert_eq!(stage.now(&again).await, again);
}

/// Nothing is taken from them.
pub async fn who_manages_or_has_money_is_not_erased(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let admin = Account { role: Role::Admin, ..new_account("admin") };
    assert!(stage.ledger.create_account(&admin).await.unwrap());
    for owner in [stage.organizer, admin.id] {
        assert_eq!(stage.erase(owner, AFTER).await, Erasure::Manages);
        assert!(stage.ledger.account(owner).await.unwrap().is_some());
    }
    let rich = stage.buyer().await;
    stage.log_in(rich, 1).await;
    stage.ledger.top_up(id(), rich, won(1), None, later()).await.unwrap();
    let order = stage.paid_with_letter(rich, &[1]).await;
    assert_eq!(stage.erase(rich, AFTER).await, Erasure::HasBalance);
    assert!(stage.ledger.account(rich).await.unwrap().is_some());
    assert!(stage.ledger.has_logged_in_from(rich, [7; 16]).await.unwrap());
    assert_eq!(stage.ledger.erase_rest(at(AFTER), 10).await.unwrap(), 0);
    assert_eq!(stage.now(&order).await, order);
    // Spent, it is no hindrance; the entries stay.
    let bought = stage.begun(rich, &[2]).await;
    stage.ledger.charge(bought.id, rich, won(1), later()).await.unwrap();
    assert!(matches!(stage.erase(rich, AFTER).await, Erasure::Erased { orders: 1, to_follow: 1 }));
    assert_eq!(stage.ledger.balance(rich, Currency::KRW).await.unwrap(), won(0));
}

/// Each order is looked at once, whoever it is of, and one that is made later is looked at later.
pub async fn guests_are_forgotten_and_accounts_are_not(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let other = stage.another_performance().await;
    let of_account = stage.paid_with_letter(stage.buyer().await, &[1]).await;
    let mut of_guests = Vec::new();
    for unit in [2, 3] {
        of_guests.push(stage.paid_with_letter(new_guest().id, &[unit]).await);
        of_guests.push(other.paid_with_letter(new_guest().id, &[unit]).await);
    }
    let looked_at = async |before: Timestamp, at_most| {
        let mut all = 0;
        loop {
            match stage.ledger.erase_guests(before, at_most).await.unwrap() {
                0 => return all,
                some => {
                    assert!(some <= u64::from(at_most));
                    all += some;
                }
            }
        }
    };
    assert_eq!(looked_at(at(BEFORE), 2).await, 0);
    for order in &of_guests {
        assert_eq!(stage.now(order).await, *order);
    }
    assert_eq!(looked_at(at(AFTER), 2).await, 5);
    for order in &of_guests {
        assert_eq!(stage.now(order).await, forgotten(order));
    }
    assert_eq!(stage.now(&of_account).await, of_account);
    let of_owner = stage.ledger.orders_of(of_account.owner, first_page()).await.unwrap();
    assert_eq!(of_owner.items, [of_account]);
    // Sold after it began, as a museum does.
    let late = stage.paid_with_letter(new_guest().id, &[4]).await;
    assert_eq!(looked_at(at(AFTER), 10).await, 1);
    assert_eq!(stage.now(&late).await, forgotten(&late));
    assert_eq!(looked_at(at(AFTER), 10).await, 0);
}
