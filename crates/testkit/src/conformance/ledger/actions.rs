//! Cases: what organizers do to a sale by hand.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{Action, ActionKind, Ledger};
use onsale_domain::ids::ActionId;
use serde_json::json;

use super::stage::{Stage, all_pages, first_page, id, later, new_event, new_one};

fn action(stage: &Stage, kind: ActionKind) -> Action {
    Action {
        id: ActionId(id()),
        event: stage.event.id,
        performance: None,
        by: stage.organizer,
        kind,
        detail: json!({}),
        reason: None,
        at: later(),
    }
}

/// Of every kind, with all that was said about it, and once however often it is written down.
pub async fn what_was_done_comes_back_newest_first(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut noted: Vec<Action> = ActionKind::ALL.map(|kind| action(&stage, kind)).to_vec();
    noted[2].detail = json!({"admit_per_second": 20, "before": null});
    noted[6].performance = Some(stage.p());
    noted[6].reason = Some("카드사 장애, \"slow\"".to_owned());
    for action in &noted {
        stage.ledger.note_action(action).await.unwrap();
        stage.ledger.note_action(action).await.unwrap();
    }
    let other = new_one(stage.ledger.create_event(&new_event(stage.organizer), None).await.unwrap());
    let elsewhere = Action { event: other.id, ..action(&stage, ActionKind::Pause) };
    stage.ledger.note_action(&elsewhere).await.unwrap();
    noted.reverse();
    for limit in [1, 3, 10, 200] {
        let page = async |page| stage.ledger.actions_of(stage.event.id, page).await.unwrap();
        assert_eq!(all_pages(limit, page).await, noted, "in pages of {limit}");
    }
    stage.ledger.delete_event(other.id).await.unwrap();
    assert!(stage.ledger.actions_of(other.id, first_page()).await.unwrap().items.is_empty());
}
