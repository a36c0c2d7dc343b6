//! The ports, on the in-process store.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    hot::{
        Availability, Backlog, ChangeBatch, ChangeFeed, ChangeLog, Decided, HotError, PaymentStep,
        Reservations, Stock,
    },
};
use onsale_domain::{
    changes::Recorded,
    ids::{AccountId, OrderId, PerformanceId, ReservationId},
    inventory::{Image, Inventory},
    reservations::{
        BeginOutcome, BlockOutcome, CancelOutcome, ExtendOutcome, FinishOutcome, Hold, HoldOutcome,
        HoldRequest, HoldView,
    },
    time::Timestamp,
    units::Unit,
};
use tokio::sync::watch;

use super::{MemoryStore, Shard, ShardState};

#[async_trait]
impl Reservations for MemoryStore {
    async fn hold(&self, p: PerformanceId, request: HoldRequest) -> Result<Decided<HoldOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.hold(&request, now, steps)).await
    }

    async fn extend(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        ttl_ms: u64,
        max_extensions: u32,
    ) -> Result<Decided<ExtendOutcome>, HotError> {
        self.command(p, |inventory, now, steps| {
            inventory.extend(hold, owner, ttl_ms, max_extensions, now, steps)
        })
        .await
    }

    async fn cancel(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
    ) -> Result<Decided<CancelOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.cancel(hold, owner, now, steps)).await
    }

    async fn begin_payment(
        &self,
        p: PerformanceId,
        hold: ReservationId,
        owner: AccountId,
        order: OrderId,
    ) -> Result<Decided<BeginOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.begin_payment(hold, owner, order, now, steps)).await
    }

    async fn end_payment(
        &self,
        p: PerformanceId,
        step: PaymentStep,
        grace_ms: u64,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        self.command(p, |inventory, now, steps| {
            inventory.end_payment(step.hold, step.fence, step.order, grace_ms, now, steps)
        })
        .await
    }

    async fn sell(&self, p: PerformanceId, step: PaymentStep) -> Result<Decided<FinishOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.sell(step.hold, step.fence, step.order, now, steps))
            .await
    }

    async fn find(&self, p: PerformanceId, hold: ReservationId) -> Result<Option<HoldView>, HotError> {
        self.read(p, |state| state.inventory.find(hold)).await
    }
}

#[async_trait]
impl Stock for MemoryStore {
    async fn load(&self, p: PerformanceId, image: Image) -> Result<bool, StoreError> {
        let inventory = Inventory::from_image(image.clone()).map_err(StoreError::corrupt)?;
        self.inner.mend_inline();
        let ticket = {
            let mut shards = self.inner.shards.write();
            if shards.contains_key(&p) {
                return Ok(false);
            }
            if self.inner.committer.refuses() {
                return Err(StoreError::unavailable("the journal cannot be written"));
            }
            shards.insert(p, Arc::new(Shard::new(p, inventory)));
            self.inner.committer.submit_image(p, image)
        };
        self.inner.pump();
        if ticket.wait().await {
            Ok(true)
        } else {
            Err(StoreError::unavailable("the journal cannot be written"))
        }
    }

    async fn availability(&self, p: PerformanceId) -> Result<Arc<Availability>, HotError> {
        self.read(p, ShardState::view).await
    }

    async fn block(
        &self,
        p: PerformanceId,
        seats: Vec<Unit>,
        blocked: bool,
    ) -> Result<Decided<BlockOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.block(&seats, blocked, now, steps)).await
    }

    async fn give_back(
        &self,
        p: PerformanceId,
        order: OrderId,
        units: Vec<Unit>,
    ) -> Result<Decided<FinishOutcome>, HotError> {
        self.command(p, |inventory, now, steps| inventory.give_back(order, &units, now, steps)).await
    }

    async fn paying(
        &self,
        older_than_ms: u64,
        limit: usize,
    ) -> Result<Vec<(PerformanceId, Hold)>, StoreError> {
        let before = Timestamp(
            self.inner
                .clock
                .now()
                .as_millis()
                .saturating_sub(i64::try_from(older_than_ms).unwrap_or(i64::MAX)),
        );
        let shards: Vec<Arc<Shard>> = self.inner.shards.read().values().cloned().collect();
        let mut found = Vec::new();
        for shard in shards {
            let holds = shard.state.lock().inventory.paying_since(before);
            found.extend(holds.into_iter().map(|hold| (shard.id, hold)).take(limit - found.len()));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    async fn image(&self, p: PerformanceId) -> Result<Image, HotError> {
        self.read(p, |state| state.inventory.image()).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.inner.committer.refuses() {
            return Err(StoreError::unavailable("the journal cannot be written"));
        }
        Ok(())
    }

    async fn shut_down(&self) {
        self.checkpoint().await;
        self.inner.committer.stop();
        self.inner.pump();
        let thread = self.inner.thread.lock().take();
        if let Some(thread) = thread {
            // The thread ends after its last commit; waiting for it blocks, so not on the runtime's threads.
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the journal thread ended badly");
            }
        }
    }
}

#[async_trait]
impl ChangeLog for MemoryStore {
    async fn next(&self, max: usize, wait_ms: u64) -> Result<Option<ChangeBatch>, StoreError> {
        let deadline = tokio::time::Instant::now() + Duration::from_millis(wait_ms);
        loop {
            let committed = self.inner.committer.committed.notified();
            let after = self.inner.drained_row.load(Ordering::Acquire);
            if self.inner.committer.durable_row() > after {
                let rows = self.rows(after, max).await?;
                let upto = rows.last().map_or(after, |(row, _)| *row);
                let changes: Vec<Recorded> = rows.into_iter().flat_map(|(_, changes)| changes).collect();
                if !changes.is_empty() {
                    let complete_to = changes.last().map(|change| change.sequence);
                    return Ok(Some(ChangeBatch { upto, changes, complete_to }));
                }
                // Rows that hold images only are nothing to the ledger.
                self.inner.drained_row.fetch_max(upto, Ordering::AcqRel);
                continue;
            }
            if tokio::time::timeout_at(deadline, committed).await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn acknowledge(&self, batch: ChangeBatch) -> Result<Vec<PerformanceId>, StoreError> {
        self.inner.drained_row.fetch_max(batch.upto, Ordering::AcqRel);
        self.inner.committer.drained_to(batch.upto);
        let mut reached = BTreeMap::new();
        for change in &batch.changes {
            reached.insert(change.performance, change.position);
        }
        for (p, position) in reached {
            if let Ok(shard) = self.inner.shard(p) {
                shard.state.lock().inventory.recorded(position);
            }
        }
        Ok(Vec::new())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let after = self.inner.drained_row.load(Ordering::Acquire);
        if self.inner.committer.durable_row() <= after {
            return Ok(Backlog::default());
        }
        let last = self.inner.committer.durable_sequence();
        let rows = self.rows(after, 1).await?;
        let Some(oldest) = rows.iter().find_map(|(_, changes)| changes.first()) else {
            return Ok(Backlog::default());
        };
        // A command makes one change, but for those that let others lapse on the way.
        let changes = last.saturating_sub(oldest.sequence) + 1;
        Ok(Backlog { changes, first: Some(oldest.sequence), since: Some(oldest.at) })
    }
}

#[async_trait]
impl ChangeFeed for MemoryStore {
    async fn watch(&self, p: PerformanceId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.inner.committer.watched.watch(p))
    }
}
