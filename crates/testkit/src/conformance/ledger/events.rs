//! Cases: events.
//!
//! Invariant checked: what an organizer decided comes back as it was; what has orders stays.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{DeleteOutcome, Event, Ledger};
use onsale_domain::{
    events::{BuyerIdentity, EventSettings, WaitingRoomMode, WaitingRoomSettings},
    ids::{AccountId, EventId},
};

use super::stage::{Stage, all_pages, at, first_page, id, later, new_event, new_one};

fn unusual_settings() -> EventSettings {
    let waiting_room = WaitingRoomSettings {
        mode: WaitingRoomMode::On,
        opens_at: Some(at(7)),
        max_inside: 3,
        ..Default::default()
    };
    EventSettings {
        hold_ttl_s: 77,
        max_seats_per_buyer: 9,
        buyer_identity: BuyerIdentity::Account,
        currency: "EUR".parse().unwrap(),
        waiting_room,
        ..EventSettings::default()
    }
}

/// With all its settings.
pub async fn an_event_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let event = Event { settings: unusual_settings(), description: None, ..new_event(stage.organizer) };
    let made = new_one(stage.ledger.create_event(&event, None).await.unwrap());
    assert_eq!(made, event);
    assert_eq!(stage.ledger.event(event.id).await.unwrap(), Some(event));
    assert_eq!(stage.ledger.event(stage.event.id).await.unwrap(), Some(stage.event.clone()));
    assert_eq!(stage.ledger.event(EventId(id())).await.unwrap(), None);
}

/// Page by page, each event once; the last page says that it is the last.
pub async fn events_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut made = vec![stage.event.id];
    for _ in 0..5 {
        made.push(new_one(stage.ledger.create_event(&new_event(stage.organizer), None).await.unwrap()).id);
    }
    made.reverse();
    for limit in [1, 2, 3, 4, 6, 200] {
        let listed = all_pages(limit, async |page| stage.ledger.events(page).await.unwrap()).await;
        assert_eq!(listed.iter().map(|event| event.id).collect::<Vec<_>>(), made, "in pages of {limit}");
    }
}

/// And nobody else's.
pub async fn an_organizer_lists_their_own(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let other = Stage::new(stage.ledger.clone()).await;
    let mut made = vec![stage.event.clone()];
    for _ in 0..3 {
        made.push(new_one(stage.ledger.create_event(&new_event(stage.organizer), None).await.unwrap()));
    }
    made.reverse();
    for limit in [1, 2, 4, 200] {
        let page = async |page| stage.ledger.events_of(stage.organizer, page).await.unwrap();
        assert_eq!(all_pages(limit, page).await, made, "in pages of {limit}");
    }
    assert_eq!(stage.ledger.events_of(other.organizer, first_page()).await.unwrap().items, [other.event]);
    assert!(stage.ledger.events_of(AccountId(id()), first_page()).await.unwrap().items.is_empty());
}

/// Title, description and settings change; whose it is and since when do not.
pub async fn updating_replaces_what_may_change(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wanted = Event {
        title: "Another title".to_owned(),
        description: None,
        settings: unusual_settings(),
        ..stage.event.clone()
    };
    let sent = Event { organizer: AccountId(id()), created_at: later(), ..wanted.clone() };
    assert!(stage.ledger.update_event(&sent).await.unwrap());
    assert_eq!(stage.ledger.event(wanted.id).await.unwrap(), Some(wanted));
    assert!(!stage.ledger.update_event(&new_event(stage.organizer)).await.unwrap());
}

/// The event and its performances are gone; others stay.
pub async fn deleting_takes_the_performances_along(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger.clone()).await;
    let other = Stage::new(ledger).await;
    let second = stage.another_performance().await;
    let ledger = &stage.ledger;
    assert_eq!(ledger.delete_event(stage.event.id).await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(ledger.event(stage.event.id).await.unwrap(), None);
    for gone in [&stage, &second] {
        assert_eq!(ledger.performance(gone.p()).await.unwrap(), None);
        assert_eq!(ledger.performance_by_number(gone.performance.number).await.unwrap(), None);
    }
    assert!(ledger.performances(stage.event.id, first_page()).await.unwrap().items.is_empty());
    assert_eq!(ledger.delete_event(stage.event.id).await.unwrap(), DeleteOutcome::NotFound);
    assert_eq!(ledger.performance(other.p()).await.unwrap(), Some(other.performance.clone()));
}

/// Seats that are being paid for, or sold, keep their event.
pub async fn an_event_with_orders_stays(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let ledger = &stage.ledger;
    let order = stage.begun(stage.buyer().await, &[1]).await;
    assert_eq!(ledger.delete_event(stage.event.id).await.unwrap(), DeleteOutcome::HasOrders);
    ledger.pay_order(order.id, "receipt", later()).await.unwrap();
    assert_eq!(ledger.delete_event(stage.event.id).await.unwrap(), DeleteOutcome::HasOrders);
    assert!(ledger.event(stage.event.id).await.unwrap().is_some());
    assert!(ledger.performance(stage.p()).await.unwrap().is_some());
}

/// Payments that came to nothing are no orders to keep an event for.
pub async fn a_failed_order_does_not_keep_an_event(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let order = stage.begun(stage.buyer().await, &[1]).await;
    stage.ledger.fail_order(order.id, "declined", later()).await.unwrap();
    assert_eq!(stage.ledger.delete_event(stage.event.id).await.unwrap(), DeleteOutcome::Deleted);
}
