//! What organizers do by hand, in memory.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{Action, Actions, Page, PageRequest},
};
use onsale_domain::ids::EventId;

use super::{MemoryLedger, page};

#[async_trait]
impl Actions for MemoryLedger {
    async fn note_action(&self, action: &Action) -> Result<(), StoreError> {
        self.state.lock().actions.entry(action.id).or_insert_with(|| action.clone());
        Ok(())
    }

    async fn actions_of(&self, event: EventId, request: PageRequest) -> Result<Page<Action>, StoreError> {
        let state = self.state.lock();
        let of_event = state.actions.values().rev().filter(|action| action.event == event).cloned();
        Ok(page(of_event, |action| action.id.0, request, true))
    }
}
