//! Cases: performances.
//!
//! Invariant checked: numbers and epochs are given out once.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::{collections::BTreeSet, sync::Arc};

use onsale_app::ports::ledger::{Ledger, Performance};
use onsale_domain::ids::{EventId, PerformanceId, PerformanceNumber};

use super::stage::{Stage, all_pages, at, first_page, id, new_event, new_one, new_performance};

/// As it was made, but for the number that the ledger gave it, under which it is found too.
pub async fn a_performance_comes_back_with_a_number(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let ledger = &stage.ledger;
    let wanted = Performance {
        areas: Vec::new(),
        prices: Vec::new(),
        sale_opens_at: None,
        sale_closes_at: Some(at(99)),
        ..new_performance(&stage.event, &stage.plan)
    };
    let made = new_one(ledger.create_performance(&wanted, None).await.unwrap());
    assert_ne!(made.number, PerformanceNumber(0));
    assert_eq!(made, Performance { number: made.number, ..wanted });
    for made in [made, stage.performance.clone()] {
        assert_eq!(ledger.performance(made.id).await.unwrap(), Some(made.clone()));
        assert_eq!(ledger.performance_by_number(made.number).await.unwrap(), Some(made));
    }
    assert_eq!(ledger.performance(PerformanceId(id())).await.unwrap(), None);
    assert_eq!(ledger.performance_by_number(PerformanceNumber(u32::MAX >> 1)).await.unwrap(), None);
}

/// Also where many are made at once, and after some were deleted: reservation ids carry these numbers.
pub async fn numbers_are_given_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger.clone()).await;
    let making: Vec<_> = (0..10)
        .map(|_| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.another_performance().await.performance.number })
        })
        .collect();
    let mut numbers = BTreeSet::from([stage.performance.number]);
    for made in making {
        assert!(numbers.insert(made.await.unwrap()));
    }
    ledger.delete_event(stage.event.id).await.unwrap();
    let after = Stage::new(ledger).await;
    assert!(!numbers.contains(&after.performance.number), "{:?} was given before", after.performance.number);
}

/// Page by page, of one event only.
pub async fn performances_are_listed_in_order_of_creation(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut made = vec![stage.performance.clone()];
    for _ in 0..4 {
        made.push(stage.another_performance().await.performance);
    }
    let other = new_one(stage.ledger.create_event(&new_event(stage.organizer), None).await.unwrap());
    Stage { event: other, ..stage.clone() }.another_performance().await;
    for limit in [1, 2, 3, 5, 200] {
        let page = async |page| stage.ledger.performances(stage.event.id, page).await.unwrap();
        assert_eq!(all_pages(limit, page).await, made, "in pages of {limit}");
    }
    assert!(stage.ledger.performances(EventId(id()), first_page()).await.unwrap().items.is_empty());
}

/// Its times change, one may be taken away, and nothing else changes.
pub async fn a_performance_is_rescheduled(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wanted = Performance {
        starts_at: at(90_000_000),
        sale_opens_at: None,
        sale_closes_at: Some(at(80_000_000)),
        ..stage.performance.clone()
    };
    let sent = Performance { capacity: 1, prices: Vec::new(), ..wanted.clone() };
    assert!(stage.ledger.reschedule(&sent).await.unwrap());
    assert_eq!(stage.ledger.performance(wanted.id).await.unwrap(), Some(wanted.clone()));
    assert!(!stage.ledger.reschedule(&Performance { id: PerformanceId(id()), ..wanted }).await.unwrap());
}

/// From 1, each performance by itself.
pub async fn epochs_count_up(ledger: Arc<dyn Ledger>) {
    let one = Stage::new(ledger).await;
    let two = one.another_performance().await;
    for epoch in 1..=3 {
        assert_eq!(one.ledger.next_epoch(one.p()).await.unwrap(), epoch);
    }
    assert_eq!(two.ledger.next_epoch(two.p()).await.unwrap(), 1);
    assert_eq!(one.ledger.next_epoch(one.p()).await.unwrap(), 4);
}

/// Twenty askers at once get twenty epochs.
pub async fn an_epoch_is_given_once(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.ledger.next_epoch(stage.p()).await.unwrap() })
        })
        .collect();
    let mut epochs = BTreeSet::new();
    for epoch in asked {
        epochs.insert(epoch.await.unwrap());
    }
    assert_eq!(epochs, (1..=20).collect());
}
