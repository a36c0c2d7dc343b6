//! Cases: seating plans.
//!
//! Invariant checked: a plan is stored once and comes back as it was.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::Ledger;
use onsale_domain::ids::PlanId;

use super::stage::{Stage, all_pages, id, new_one, new_plan};
use crate::stocks;

/// The summary and the plan itself.
pub async fn a_plan_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (summary, plan) = (new_plan(), stocks::plan());
    let made = stage.ledger.create_plan(&summary, stage.organizer, &plan, None).await.unwrap();
    assert_eq!(new_one(made), summary);
    assert_eq!(stage.ledger.plan(summary.id).await.unwrap(), Some((summary, plan)));
    assert_eq!(stage.ledger.plan(PlanId(id())).await.unwrap(), None);
}

/// Page by page, each plan once.
pub async fn plans_are_listed_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut made = vec![stage.plan.clone()];
    for _ in 0..4 {
        let created = stage.ledger.create_plan(&new_plan(), stage.organizer, &stocks::plan(), None).await;
        made.push(new_one(created.unwrap()));
    }
    made.reverse();
    for limit in [1, 2, 5, 200] {
        let listed = all_pages(limit, async |page| stage.ledger.plans(page).await.unwrap()).await;
        assert_eq!(listed, made, "in pages of {limit}");
    }
}

/// The plan of a grid is found by its rows and columns; remembering it again is no mistake.
pub async fn a_grid_is_remembered(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let ledger = &stage.ledger;
    assert_eq!(ledger.grid_plan(3, 4).await.unwrap(), None);
    for _ in 0..2 {
        ledger.remember_grid_plan(3, 4, stage.plan.id).await.unwrap();
    }
    assert_eq!(ledger.grid_plan(3, 4).await.unwrap(), Some(stage.plan.clone()));
    assert_eq!(ledger.grid_plan(4, 3).await.unwrap(), None);
    let created = ledger.create_plan(&new_plan(), stage.organizer, &stocks::plan(), None).await;
    let second = new_one(created.unwrap());
    ledger.remember_grid_plan(3, 4, second.id).await.unwrap();
    let found = ledger.grid_plan(3, 4).await.unwrap().unwrap();
    assert!(found == stage.plan || found == second, "one of two that were made at once");
}
