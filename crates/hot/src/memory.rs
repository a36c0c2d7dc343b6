//! The in-process store: the state in memory, the journal on disk.
//!
//! A command is applied inline under the lock of its performance; its changes join the batch that the journal
//! thread writes next; the answer waits for that commit. A refusal changes nothing and is answered at once.
//!
//! Invariants:
//! - one performance is one sequential history: everything that moves it happens under its lock;
//! - no lock is held across an await;
//! - what is shown to anyone is durable: reads wait for the commit of what they saw.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use onsale_app::ports::{
    StoreError,
    clock::Clock,
    hot::{Availability, Decided, HotError},
};
use onsale_domain::{
    ids::{EventId, PerformanceId},
    inventory::{Inventory, Step},
    time::Timestamp,
};
use parking_lot::{Mutex, RwLock};

pub mod journal;

mod committer;
mod ports;
mod replay;
mod rooms;
#[cfg(test)]
mod tests;
mod watched;

pub use committer::OnFatal;
use committer::{Answers, Committer, Dirty, Restore, Ticket};
use journal::{Journal, JournalReader};
use rooms::RoomShard;

/// How many times a read is made again when what it saw was taken back before it was durable.
const READ_ATTEMPTS: usize = 20;

/// After so many changes every performance is written down anew, which bounds what a start has to replay.
const CHECKPOINT_EVERY: u64 = 1_000_000;

/// How often the journal's traces are merged: in a rush some megabytes gather in this time.
const TIDY_EVERY: Duration = Duration::from_millis(250);

/// One performance.
struct Shard {
    id: PerformanceId,
    state: Mutex<ShardState>,
    /// When its next hold lapses; `i64::MAX` for never. Lets the expiry job look without taking the lock.
    next_expiry_ms: AtomicI64,
}

struct ShardState {
    inventory: Inventory,
    /// The last command that moved it.
    last_sequence: u64,
    /// The public view, until the next change.
    view: Option<Arc<Availability>>,
}

/// The in-process store. Clones share it.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// In order of their ids, so that a simulation goes the same way every time.
    shards: RwLock<BTreeMap<PerformanceId, Arc<Shard>>>,
    rooms: RwLock<BTreeMap<EventId, Arc<RoomShard>>>,
    clock: Arc<dyn Clock>,
    committer: Committer,
    reader: Mutex<Box<dyn JournalReader>>,
    drained_row: AtomicU64,
    checkpointed_sequence: AtomicU64,
    /// Set where there is no journal thread: commands then commit themselves (simulation).
    inline_journal: Option<Mutex<Box<dyn Journal>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl MemoryStore {
    /// Opens the store on a journal: replays it, then starts the journal thread and, on the runtime this is called
    /// in, the task that answers. `on_fatal` is called when the journal is in a state that only a restart can mend;
    /// it should end the process.
    pub fn open(
        journal: Box<dyn Journal>,
        clock: Arc<dyn Clock>,
        on_fatal: OnFatal,
    ) -> Result<Self, StoreError> {
        let tidier = journal.tidier()?;
        let store = Self::replayed(journal.reader()?, clock, Answers::through_a_task(), on_fatal, None)?;
        let inner = Arc::clone(&store.inner);
        let mut journal = journal;
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || inner.committer.run(journal.as_mut(), inner.as_ref()))
            .map_err(StoreError::unavailable)?;
        *store.inner.thread.lock() = Some(thread);
        Self::tidy_in_background(Arc::downgrade(&store.inner), tidier)?;
        Ok(store)
    }

    /// Opens the store without any thread: each command commits before it answers. For simulations that must
    /// be the same on every run.
    pub fn open_inline(journal: Box<dyn Journal>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let reader = journal.reader()?;
        Self::replayed(reader, clock, Answers::Inline, Box::new(|_| ()), Some(Mutex::new(journal)))
    }

    fn replayed(
        mut reader: Box<dyn JournalReader>,
        clock: Arc<dyn Clock>,
        answers: Answers,
        on_fatal: OnFatal,
        inline_journal: Option<Mutex<Box<dyn Journal>>>,
    ) -> Result<Self, StoreError> {
        let replayed = replay::replay(reader.as_mut(), None)?;
        let shards = replayed
            .inventories
            .into_iter()
            .map(|(id, mut inventory)| {
                inventory.keep_keys();
                (id, Arc::new(Shard::new(id, inventory)))
            })
            .collect();
        let rooms = replayed.rooms.into_iter().map(|(e, room)| (e, Arc::new(RoomShard::new(room)))).collect();
        let inner = Inner {
            shards: RwLock::new(shards),
            rooms: RwLock::new(rooms),
            clock,
            committer: Committer::new(replayed.last_sequence, replayed.last_row, answers, on_fatal),
            reader: Mutex::new(reader),
            drained_row: AtomicU64::new(replayed.drained_to),
            checkpointed_sequence: AtomicU64::new(replayed.last_sequence),
            inline_journal,
            thread: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn tidy_in_background(store: Weak<Inner>, mut tidy: journal::Tidier) -> Result<(), StoreError> {
        std::thread::Builder::new()
            .name("journal-tidy".into())
            .spawn(move || {
                while store.strong_count() > 0 {
                    std::thread::sleep(TIDY_EVERY);
                    tidy();
                }
            })
            .map(drop)
            .map_err(StoreError::unavailable)
    }

    /// Lets lapse what is due, in every performance. Gives when the next hold lapses.
    pub fn expire_due(&self) -> Option<Timestamp> {
        self.inner.mend_inline();
        let now = self.inner.clock.now();
        let shards: Vec<Arc<Shard>> = self.inner.shards.read().values().cloned().collect();
        for shard in &shards {
            if shard.next_expiry_ms.load(Ordering::Acquire) <= now.as_millis() {
                // Nobody waits for this commit; what it freed is announced by the change log once it is durable.
                drop(self.inner.apply(shard, Inventory::expire));
            }
        }
        self.inner.pump();
        let next = shards.iter().map(|shard| shard.next_expiry_ms.load(Ordering::Acquire)).min();
        next.filter(|at| *at != i64::MAX).map(Timestamp)
    }

    /// Lets holds lapse at their time, until the future is dropped. No hold is shorter than a second, so
    /// looking once a second in between finds every new one before it is due.
    pub async fn run_expiry(&self) {
        const AT_MOST_MS: u64 = 1_000;
        loop {
            let next = self.expire_due();
            if self.inner.checkpoint_due() {
                self.checkpoint().await;
            }
            let wait_ms =
                next.map_or(AT_MOST_MS, |at| at.since_ms(self.inner.clock.now()).clamp(1, AT_MOST_MS));
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    /// The performances it has, in the order of their ids.
    pub fn performances(&self) -> Vec<PerformanceId> {
        self.inner.shards.read().keys().copied().collect()
    }

    /// Writes every performance and every waiting room down anew, so that the next start replays less.
    pub async fn checkpoint(&self) {
        let shards: Vec<Arc<Shard>> = self.inner.shards.read().values().cloned().collect();
        for shard in shards {
            let ticket = {
                let state = shard.state.lock();
                self.inner.committer.submit_image(shard.id, state.inventory.image())
            };
            self.inner.pump();
            if !ticket.wait().await {
                return;
            }
        }
        self.checkpoint_rooms().await;
    }

    async fn command<T>(
        &self,
        p: PerformanceId,
        decide: impl FnOnce(&mut Inventory, Timestamp, &mut Vec<Step>) -> T,
    ) -> Result<Decided<T>, HotError> {
        let shard = self.inner.shard(p)?;
        self.inner.mend_inline();
        let (outcome, sequence, ticket) = self.inner.apply(&shard, decide)?;
        if let Some(ticket) = ticket {
            self.inner.pump();
            if !ticket.wait().await {
                return Err(StoreError::unavailable("the journal cannot be written").into());
            }
        }
        Ok(Decided { outcome, sequence })
    }

    async fn rows(&self, after: u64, max: usize) -> Result<journal::Rows, StoreError> {
        if self.inner.inline_journal.is_some() {
            return self.inner.reader.lock().rows(after, max);
        }
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || inner.reader.lock().rows(after, max));
        read.await.map_err(StoreError::unavailable)?
    }

    /// Reads, and answers once what was read is durable.
    async fn read<T>(
        &self,
        p: PerformanceId,
        mut look: impl FnMut(&mut ShardState) -> T,
    ) -> Result<T, HotError> {
        for _ in 0..READ_ATTEMPTS {
            let shard = self.inner.shard(p)?;
            let (seen, sequence) = {
                let mut state = shard.state.lock();
                (look(&mut state), state.last_sequence)
            };
            if self.inner.committer.is_durable(sequence) {
                return Ok(seen);
            }
            let ticket = self.inner.committer.flushed();
            self.inner.pump();
            if ticket.wait().await {
                return Ok(seen);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(StoreError::unavailable("the journal cannot be written").into())
    }
}

impl Shard {
    fn new(id: PerformanceId, inventory: Inventory) -> Self {
        let shard = Self {
            id,
            next_expiry_ms: AtomicI64::new(i64::MAX),
            state: Mutex::new(ShardState { inventory, last_sequence: 0, view: None }),
        };
        shard.note_expiry(&shard.state.lock().inventory);
        shard
    }

    fn note_expiry(&self, inventory: &Inventory) {
        let next = inventory.next_expiry().map_or(i64::MAX, Timestamp::as_millis);
        self.next_expiry_ms.store(next, Ordering::Release);
    }
}

impl ShardState {
    fn view(&mut self) -> Arc<Availability> {
        let inventory = &self.inventory;
        Arc::clone(self.view.get_or_insert_with(|| Arc::new(public_view(inventory))))
    }
}

/// Packs the states of the seats, two bits each.
fn public_view(inventory: &Inventory) -> Availability {
    let seat_count = inventory.layout().seat_count();
    let seats = &inventory.states()[..seat_count as usize];
    let states = seats
        .chunks(4)
        .map(|four| four.iter().rev().fold(0, |byte, state| (byte << 2) | state.public_bits()))
        .collect();
    Availability {
        position: inventory.position(),
        seat_count,
        states,
        areas: inventory.area_free().collect(),
        counts: inventory.counts(),
    }
}

type Applied<T> = (T, Option<u64>, Option<Ticket>);

impl Inner {
    fn shard(&self, p: PerformanceId) -> Result<Arc<Shard>, HotError> {
        self.shards.read().get(&p).cloned().ok_or(HotError::NotLoaded)
    }

    fn apply<T>(
        &self,
        shard: &Shard,
        decide: impl FnOnce(&mut Inventory, Timestamp, &mut Vec<Step>) -> T,
    ) -> Result<Applied<T>, HotError> {
        let mut state = shard.state.lock();
        if self.committer.refuses() {
            return Err(StoreError::unavailable("the journal cannot be written").into());
        }
        let now = self.clock.now();
        let mut steps = Vec::new();
        let outcome = decide(&mut state.inventory, now, &mut steps);
        if steps.is_empty() {
            return Ok((outcome, None, None));
        }
        let (sequence, ticket) = self.committer.submit(shard.id, now, steps);
        state.last_sequence = sequence;
        state.view = None;
        shard.note_expiry(&state.inventory);
        Ok((outcome, Some(sequence), Some(ticket)))
    }

    /// Without a journal thread, a command that comes after a failed write looks whether writing works again.
    fn mend_inline(&self) {
        if let Some(journal) = &self.inline_journal {
            self.committer.mend(journal.lock().as_mut(), self);
        }
    }

    /// Without a journal thread, commits here and now.
    fn pump(&self) {
        if let Some(journal) = &self.inline_journal {
            let mut journal = journal.lock();
            if self.committer.mend(journal.as_mut(), self) {
                self.committer.commit(journal.as_mut(), self);
            }
        }
    }

    fn checkpoint_due(&self) -> bool {
        let last = self.checkpointed_sequence.load(Ordering::Acquire);
        let due = self.committer.is_durable(last + CHECKPOINT_EVERY);
        if due {
            self.checkpointed_sequence.store(last + CHECKPOINT_EVERY, Ordering::Release);
        }
        due
    }
}

impl Restore for Inner {
    fn restore(&self, dirty: &Dirty) -> bool {
        let replayed = match replay::replay(self.reader.lock().as_mut(), Some(dirty)) {
            Ok(replayed) => replayed,
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read back");
                return false;
            }
        };
        let mut inventories = replayed.inventories;
        for p in &dirty.performances {
            match inventories.remove(p) {
                None => {
                    self.shards.write().remove(p);
                }
                Some(inventory) => {
                    if let Ok(shard) = self.shard(*p) {
                        let mut state = shard.state.lock();
                        shard.note_expiry(&inventory);
                        *state = ShardState { inventory, last_sequence: 0, view: None };
                    }
                }
            }
        }
        self.restore_rooms(&dirty.rooms, replayed.rooms);
        true
    }
}
