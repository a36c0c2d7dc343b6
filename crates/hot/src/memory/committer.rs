//! Group commit: gathers what commands have changed, writes it as one journal row, then lets the answers go.
//!
//! Invariants:
//! - sequence numbers are given under the lock of the gathering batch, so their order is the journal's order;
//! - a ticket is answered `true` only after the row that holds its changes (and every row before) is durable;
//! - after a write that failed nothing is accepted until the states have gone back to the last durable
//!   position and a write has succeeded.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use onsale_domain::{
    changes::Recorded,
    ids::{EventId, PerformanceId},
    inventory::{Image, Step},
    time::Timestamp,
    waiting_room::{RoomChange, RoomImage},
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    journal::{Batch, Journal, JournalError, RecordedRoom},
    watched::Watched,
};

/// Changes that may gather before further commands are refused: some tens of megabytes, and far more than
/// can gather while the disk works at all.
const MAX_GATHERED: usize = 200_000;

/// In a rush those who have just been answered are soon back with the next command, and two thirds of those who are about
/// make a batch: while they are being written, the others are being served.
const RUSH: usize = 8;

/// How long a batch waits for them: a few commits' time.
const WAIT_FOR_OTHERS: Duration = Duration::from_micros(800);

/// How many are about: the most that were seen at once, and that is forgotten by this part with each commit. Those whose
/// answers are on their way are not seen, so what is seen at one moment is always too few.
const FORGOTTEN: usize = 32;

/// How long to wait between attempts to write again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// Told when the journal is in a state that only a restart can mend.
pub type OnFatal = Box<dyn Fn(&str) + Send + Sync>;

/// Whose states have moved without a row that says so.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) performances: BTreeSet<PerformanceId>,
    pub(super) rooms: BTreeSet<EventId>,
}

impl Dirty {
    fn is_empty(&self) -> bool {
        self.performances.is_empty() && self.rooms.is_empty()
    }

    fn add(&mut self, lost: &Batch) {
        self.performances.extend(lost.changes.iter().map(|change| change.performance));
        self.performances.extend(lost.images.iter().map(|(performance, _)| *performance));
        self.rooms.extend(lost.rooms.iter().map(|change| change.event));
        self.rooms.extend(lost.room_images.iter().map(|image| image.event));
    }
}

#[derive(Default)]
struct Gathering {
    batch: Batch,
    waiters: Vec<oneshot::Sender<bool>>,
    next_sequence: u64,
    broken: bool,
    dirty: Dirty,
    stopping: bool,
    /// How many have to wait for a commit before the journal thread is woken.
    wake_at: usize,
}

/// Those who wait for a commit, and whether it was made.
type Answered = (Vec<oneshot::Sender<bool>>, bool);

/// How the answers get to those who wait.
pub(super) enum Answers {
    /// Through one task of the runtime: there, waking a whole batch costs no system call a waiter, as it would from
    /// the journal thread. It holds at most what has gathered, which is bounded.
    Task(mpsc::UnboundedSender<Answered>),
    /// At once, where there is no journal thread.
    Inline,
}

impl Answers {
    /// Starts the task, on the runtime this is called in. It ends with the committer.
    pub(super) fn through_a_task() -> Self {
        let (answers, mut batches) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(batch) = batches.recv().await {
                Self::wake(batch);
            }
        });
        Self::Task(answers)
    }

    fn give(&self, waiters: Vec<oneshot::Sender<bool>>, durable: bool) {
        match self {
            Self::Inline => Self::wake((waiters, durable)),
            // The task ends only with its runtime, and with that everybody who waited.
            Self::Task(answers) => drop(answers.send((waiters, durable))),
        }
    }

    fn wake((waiters, durable): Answered) {
        for waiter in waiters {
            // Whoever asked may have gone; the change stands all the same.
            let _ = waiter.send(durable);
        }
    }
}

/// What one commit came to.
pub(super) struct Committed {
    /// Whether there was anything to write.
    wrote: bool,
    /// How many were waiting for it.
    answered: usize,
}

/// How the journal thread was woken.
struct Woken {
    /// Writing is broken.
    broken: bool,
    stopping: bool,
    /// Not as many came as were expected.
    in_vain: bool,
}

/// Gathers and commits.
pub(super) struct Committer {
    gathering: Mutex<Gathering>,
    work: Condvar,
    refusing: AtomicBool,
    durable_sequence: AtomicU64,
    durable_row: AtomicU64,
    /// Notified after each commit that holds changes.
    pub(super) committed: Notify,
    /// Told after each commit.
    pub(super) watched: Watched,
    answers: Answers,
    on_fatal: OnFatal,
    batch_seconds: metrics::Histogram,
    batch_changes: metrics::Histogram,
}

/// Waits for a commit.
pub(super) struct Ticket(Option<oneshot::Receiver<bool>>);

impl Ticket {
    /// For what is known not to become durable.
    fn refused() -> Self {
        Self(None)
    }

    /// `true` once what it stands for is durable, `false` if it never will be.
    pub(super) async fn wait(self) -> bool {
        match self.0 {
            None => false,
            Some(receiver) => receiver.await.unwrap_or(false),
        }
    }
}

/// What the committing side does when a write has failed: put the states of these performances back.
pub(super) trait Restore {
    /// Puts the states back to what the journal holds. `false`: not possible now, try again.
    fn restore(&self, dirty: &Dirty) -> bool;
}

impl Committer {
    pub(super) fn new(last_sequence: u64, last_row: u64, answers: Answers, on_fatal: OnFatal) -> Self {
        Self {
            gathering: Mutex::new(Gathering {
                next_sequence: last_sequence + 1,
                wake_at: 1,
                ..Gathering::default()
            }),
            work: Condvar::new(),
            refusing: AtomicBool::new(false),
            durable_sequence: AtomicU64::new(last_sequence),
            durable_row: AtomicU64::new(last_row),
            committed: Notify::new(),
            watched: Watched::default(),
            answers,
            on_fatal,
            batch_seconds: metrics::histogram!("onsale_journal_commit_seconds"),
            batch_changes: metrics::histogram!("onsale_journal_batch_changes"),
        }
    }

    /// Whether commands are refused now. To be asked under the lock of the performance, before its state is
    /// touched.
    pub(super) fn refuses(&self) -> bool {
        self.refusing.load(Ordering::Acquire)
    }

    /// The last command that is on disk.
    pub(super) fn durable_sequence(&self) -> u64 {
        self.durable_sequence.load(Ordering::Acquire)
    }

    /// The last row that is on disk.
    pub(super) fn durable_row(&self) -> u64 {
        self.durable_row.load(Ordering::Acquire)
    }

    /// Whether everything up to a command is on disk.
    pub(super) fn is_durable(&self, sequence: u64) -> bool {
        self.durable_sequence.load(Ordering::Acquire) >= sequence
    }

    /// Hands over the steps of one command, under the lock of its performance. Gives its sequence number.
    pub(super) fn submit(&self, p: PerformanceId, at: Timestamp, steps: Vec<Step>) -> (u64, Ticket) {
        let mut gathering = self.gathering.lock();
        let sequence = gathering.next_sequence;
        if gathering.broken || gathering.stopping {
            // The state has moved already; it is put back with the others.
            gathering.dirty.performances.insert(p);
            return (sequence, Ticket::refused());
        }
        gathering.next_sequence += 1;
        gathering.batch.changes.extend(steps.into_iter().map(|(position, change)| Recorded {
            performance: p,
            position,
            sequence,
            at,
            change,
        }));
        (sequence, self.gathered(gathering))
    }

    /// As [`Committer::submit`], for the changes of a waiting room, the first of which is its `first_offset`th.
    pub(super) fn submit_room(
        &self,
        event: EventId,
        at: Timestamp,
        first_offset: u64,
        changes: Vec<RoomChange>,
    ) -> (u64, Ticket) {
        let mut gathering = self.gathering.lock();
        let sequence = gathering.next_sequence;
        if gathering.broken || gathering.stopping {
            gathering.dirty.rooms.insert(event);
            return (sequence, Ticket::refused());
        }
        gathering.next_sequence += 1;
        gathering.batch.rooms.extend((first_offset..).zip(changes).map(|(offset, change)| RecordedRoom {
            event,
            offset,
            sequence,
            at,
            change,
        }));
        (sequence, self.gathered(gathering))
    }

    /// As [`Committer::submit_image`], for a waiting room.
    pub(super) fn submit_room_image(&self, image: RoomImage) -> Ticket {
        let mut gathering = self.gathering.lock();
        if gathering.broken || gathering.stopping {
            gathering.dirty.rooms.insert(image.event);
            return Ticket::refused();
        }
        gathering.batch.room_images.push(image);
        self.gathered(gathering)
    }

    /// Waits for the commit of what has just been put into the batch.
    fn gathered(&self, mut gathering: MutexGuard<'_, Gathering>) -> Ticket {
        if gathering.batch.changes.len() + gathering.batch.rooms.len() >= MAX_GATHERED {
            self.refusing.store(true, Ordering::Release);
        }
        let ticket = Self::wait_with(&mut gathering);
        let enough = gathering.waiters.len() >= gathering.wake_at;
        drop(gathering);
        if enough {
            self.work.notify_one();
        }
        ticket
    }

    /// Hands over an image, under the lock of its performance.
    pub(super) fn submit_image(&self, p: PerformanceId, image: Image) -> Ticket {
        let mut gathering = self.gathering.lock();
        if gathering.broken || gathering.stopping {
            gathering.dirty.performances.insert(p);
            return Ticket::refused();
        }
        gathering.batch.images.push((p, image));
        self.gathered(gathering)
    }

    /// Notes how far the ledger has come; written with the next batch.
    pub(super) fn drained_to(&self, row: u64) {
        let mut gathering = self.gathering.lock();
        let known = gathering.batch.drained_to.unwrap_or(0);
        gathering.batch.drained_to = Some(known.max(row));
    }

    /// Waits for everything submitted so far.
    pub(super) fn flushed(&self) -> Ticket {
        let gathering = self.gathering.lock();
        if gathering.broken {
            return Ticket::refused();
        }
        self.gathered(gathering)
    }

    fn wait_with(gathering: &mut Gathering) -> Ticket {
        let (answer, ticket) = oneshot::channel();
        gathering.waiters.push(answer);
        Ticket(Some(ticket))
    }

    /// Ends [`Committer::run`] after what has gathered is written; later commands are refused.
    pub(super) fn stop(&self) {
        self.refusing.store(true, Ordering::Release);
        self.gathering.lock().stopping = true;
        self.work.notify_all();
    }

    /// Commits until stopped. Runs on a thread of its own.
    pub(super) fn run(&self, journal: &mut dyn Journal, restore: &dyn Restore) {
        let mut about = 0;
        loop {
            let expected = if about < RUSH { 1 } else { about * 2 / 3 };
            let Woken { broken, stopping, in_vain } = self.wait_for_work(expected);
            if broken && !self.mend(journal, restore) {
                if stopping {
                    return;
                }
                std::thread::sleep(RETRY_EVERY);
                continue;
            }
            let Committed { wrote, answered } = self.commit(journal, restore);
            if stopping && !wrote {
                return;
            }
            let seen = answered + self.gathering.lock().waiters.len();
            about = if in_vain { seen } else { seen.max(about - about.div_ceil(FORGOTTEN)) };
        }
    }

    /// Waits until somebody waits for a commit; for as many as are expected, a moment longer.
    fn wait_for_work(&self, expected: usize) -> Woken {
        let mut gathering = self.gathering.lock();
        while gathering.waiters.is_empty() && !gathering.stopping && !gathering.broken {
            self.work.wait(&mut gathering);
        }
        let mut in_vain = false;
        if gathering.waiters.len() < expected && !gathering.stopping && !gathering.broken {
            gathering.wake_at = expected;
            let until = Instant::now() + WAIT_FOR_OTHERS;
            while gathering.waiters.len() < expected && !gathering.stopping && !in_vain {
                in_vain = self.work.wait_until(&mut gathering, until).timed_out();
            }
            gathering.wake_at = 1;
        }
        Woken { broken: gathering.broken, stopping: gathering.stopping, in_vain }
    }

    /// Writes what has gathered, once, and answers.
    pub(super) fn commit(&self, journal: &mut dyn Journal, restore: &dyn Restore) -> Committed {
        let (batch, waiters) = {
            let mut gathering = self.gathering.lock();
            (std::mem::take(&mut gathering.batch), std::mem::take(&mut gathering.waiters))
        };
        if batch.is_empty() {
            self.answers.give(waiters, true);
            return Committed { wrote: false, answered: 0 };
        }
        let answered = waiters.len();
        let begun = Instant::now();
        match journal.append(&batch) {
            Ok(row) => {
                if let Some(last) = batch.last_sequence() {
                    self.durable_sequence.store(last, Ordering::Release);
                }
                self.durable_row.store(row, Ordering::Release);
                self.batch_seconds.record(begun.elapsed());
                self.batch_changes.record(f64::from((batch.changes.len() + batch.rooms.len()) as u32));
                self.answers.give(waiters, true);
                self.watched.committed(&batch);
                if self.refuses() {
                    self.accept_again();
                }
                if !batch.changes.is_empty() {
                    self.committed.notify_one();
                }
            }
            Err(error) => {
                if let JournalError::Unknown(cause) = &error {
                    // Nobody may be told that it is durable, nor that it is not.
                    (self.on_fatal)(cause);
                }
                self.give_up(&batch, waiters, &error, restore);
            }
        }
        Committed { wrote: true, answered }
    }

    fn accept_again(&self) {
        let gathering = self.gathering.lock();
        if !gathering.broken && !gathering.stopping {
            self.refusing.store(false, Ordering::Release);
        }
    }

    /// After a write that failed: refuses all that wait, once the states are back where the journal is.
    fn give_up(
        &self,
        batch: &Batch,
        waiters: Vec<oneshot::Sender<bool>>,
        error: &JournalError,
        restore: &dyn Restore,
    ) {
        tracing::error!(%error, "commands are refused until the journal writes again");
        metrics::counter!("onsale_journal_failures_total").increment(1);
        let later_waiters = {
            let mut gathering = self.gathering.lock();
            gathering.broken = true;
            self.refusing.store(true, Ordering::Release);
            let later = std::mem::take(&mut gathering.batch);
            for lost in [batch, &later] {
                gathering.dirty.add(lost);
            }
            gathering.batch.drained_to = batch.drained_to.max(later.drained_to);
            std::mem::take(&mut gathering.waiters)
        };
        // Put back first, answer then: who is refused may read at once and must not see what never was.
        self.restore_dirty(restore);
        self.answers.give(waiters, false);
        self.answers.give(later_waiters, false);
    }

    /// Goes on after a failure if writing works again and the states are back. Gives whether commands are
    /// accepted.
    pub(super) fn mend(&self, journal: &mut dyn Journal, restore: &dyn Restore) -> bool {
        if !self.gathering.lock().broken {
            return true;
        }
        if journal.probe().is_err() || !self.restore_dirty(restore) {
            return false;
        }
        let mut gathering = self.gathering.lock();
        if gathering.dirty.is_empty() {
            gathering.broken = false;
            self.refusing.store(gathering.stopping, Ordering::Release);
            tracing::info!("the journal writes again");
        }
        !gathering.broken
    }

    /// Puts back what has to be put back; `true` when nothing is left to do.
    fn restore_dirty(&self, restore: &dyn Restore) -> bool {
        let dirty = std::mem::take(&mut self.gathering.lock().dirty);
        if dirty.is_empty() || restore.restore(&dirty) {
            return true;
        }
        let mut gathering = self.gathering.lock();
        gathering.dirty.performances.extend(dirty.performances);
        gathering.dirty.rooms.extend(dirty.rooms);
        false
    }
}
