//! Cases: idempotency keys of what is created, and calling again.
//!
//! Invariant checked: under one key of one owner one thing is made, and no call made twice does anything twice.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{Created, Event, Ledger, Login};
use onsale_domain::{ids::LoginId, money::Currency};

use super::stage::{
    Stage, at, first_page, id, key, later, new_account, new_event, new_one, new_performance, new_plan, won,
};
use crate::stocks;

/// A repeat answers with the event of the first request; another request under the key is a mismatch; another
/// owner's key is another key.
pub async fn a_key_makes_one_event(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (owner, other) = (stage.organizer, stage.buyer().await);
    let create = async |key| stage.ledger.create_event(&new_event(owner), Some(key)).await.unwrap();
    let first = new_one(create(key(owner, 1, 1)).await);
    assert_eq!(create(key(owner, 1, 1)).await, Created::Repeated(first.clone()));
    assert_eq!(create(key(owner, 1, 2)).await, Created::KeyMismatch);
    let second = new_one(create(key(other, 1, 2)).await);
    let third = new_one(create(key(owner, 2, 1)).await);
    let listed = stage.ledger.events(first_page()).await.unwrap().items;
    assert_eq!(listed, [third, second, first, stage.event.clone()], "nothing else was made");
}

/// The same for plans.
pub async fn a_key_makes_one_plan(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.organizer;
    let create =
        async |key| stage.ledger.create_plan(&new_plan(), owner, &stocks::plan(), Some(key)).await.unwrap();
    let first = new_one(create(key(owner, 1, 1)).await);
    assert_eq!(create(key(owner, 1, 1)).await, Created::Repeated(first.clone()));
    assert_eq!(create(key(owner, 1, 2)).await, Created::KeyMismatch);
    let listed = stage.ledger.plans(first_page()).await.unwrap().items;
    assert_eq!(listed, [first, stage.plan.clone()]);
}

/// The same for performances; the repeat tells the number too.
pub async fn a_key_makes_one_performance(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.organizer;
    let create = async |key| {
        let performance = new_performance(&stage.event, &stage.plan);
        stage.ledger.create_performance(&performance, Some(key)).await.unwrap()
    };
    let first = new_one(create(key(owner, 1, 1)).await);
    assert_eq!(create(key(owner, 1, 1)).await, Created::Repeated(first.clone()));
    assert_eq!(create(key(owner, 1, 2)).await, Created::KeyMismatch);
    let listed = stage.ledger.performances(stage.event.id, first_page()).await.unwrap().items;
    assert_eq!(listed, [stage.performance.clone(), first]);
}

/// The same for top-ups.
pub async fn a_key_tops_up_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let owner = stage.buyer().await;
    let top_up =
        async |amount, key| stage.ledger.top_up(id(), owner, won(amount), Some(key), later()).await.unwrap();
    assert_eq!(top_up(100, key(owner, 1, 1)).await, Created::New(won(100)));
    assert_eq!(top_up(100, key(owner, 1, 1)).await, Created::Repeated(won(100)));
    assert_eq!(top_up(900, key(owner, 1, 2)).await, Created::KeyMismatch);
    assert_eq!(top_up(100, key(owner, 2, 1)).await, Created::New(won(200)));
    assert_eq!(stage.ledger.balance(owner, Currency::KRW).await.unwrap(), won(200));
}

/// Of the same request sent twenty times at once, one makes the thing and all others are told of it.
pub async fn a_key_among_many_at_once_makes_one_thing(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (stage, event) = (stage.clone(), new_event(stage.organizer));
            let key = key(stage.organizer, 1, 1);
            tokio::spawn(async move { stage.ledger.create_event(&event, Some(key)).await.unwrap() })
        })
        .collect();
    let (mut made, mut told): (Vec<Event>, Vec<Event>) = (Vec::new(), Vec::new());
    for answer in asked {
        match answer.await.unwrap() {
            Created::New(event) => made.push(event),
            Created::Repeated(event) => told.push(event),
            Created::KeyMismatch => panic!("the same request is no mismatch"),
        }
    }
    assert_eq!((made.len(), told.len()), (1, 19));
    assert!(told.iter().all(|event| *event == made[0]));
}

/// After a lost answer a caller calls again with the same things: nothing is there twice, and no call fails.
pub async fn everything_may_be_called_again(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let ledger = &stage.ledger;
    let account = new_account("kim");
    let (event, plan) = (new_event(stage.organizer), new_plan());
    let performance = new_performance(&stage.event, &stage.plan);
    let (top_up, login) = (id(), LoginId(id()));
    let mut numbers = Vec::new();
    for _ in 0..2 {
        ledger.create_account(&account).await.unwrap();
        ledger
            .begin_login(Login { id: login, account: account.id, address: [0; 16] }, [1; 32], at(60_000))
            .await
            .unwrap();
        ledger.create_event(&event, None).await.unwrap();
        ledger.create_plan(&plan, stage.organizer, &stocks::plan(), None).await.unwrap();
        match ledger.create_performance(&performance, None).await.unwrap() {
            Created::New(made) | Created::Repeated(made) => numbers.push(made.number),
            Created::KeyMismatch => panic!("there is no key"),
        }
        ledger.top_up(top_up, account.id, won(100), None, later()).await.unwrap();
    }
    assert_eq!(ledger.account(account.id).await.unwrap(), Some(account.clone()));
    assert_eq!(ledger.events(first_page()).await.unwrap().items, [event, stage.event.clone()]);
    assert_eq!(ledger.plans(first_page()).await.unwrap().items, [plan, stage.plan.clone()]);
    assert_eq!(ledger.performances(stage.event.id, first_page()).await.unwrap().items.len(), 2);
    assert_eq!(numbers[0], numbers[1]);
    assert_eq!(ledger.balance(account.id, Currency::KRW).await.unwrap(), won(100));
}
