//! Commands that come at the same time are written in one transaction: the disk is then waited for once for all of them,
//! and their statements are sent, and begun, once. SQLite lets one write at a time, PostgreSQL a few.
//!
//! Invariants:
//! - an answer that says that something was changed is given after the transaction that holds it is on disk;
//! - each command does the whole of it or nothing, whatever becomes of its neighbours;
//! - who comes while others are being written goes with the next, in the order of coming; what nobody waits for any more
//!   by then is not begun;
//! - over a network nobody waits longer than one command may take.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use onsale_app::ports::{StoreError, ledger::PAYERS_WAIT_AT_MOST};
use parking_lot::Mutex;
use sea_orm::{DatabaseTransaction, sqlx::PgPool};
use tokio::sync::oneshot;

use super::{Connections, put_off};
use crate::failures::Failure;

/// How many are written at once: some milliseconds, for which everybody else who writes has to wait.
const MOST_TOGETHER: usize = 64;

/// Who comes when so many wait is sent away at once; the database would not be through with them in time.
const MOST_WAITING: usize = 10_000;

/// Something to be written.
pub(crate) trait Command: Clone + Send + Sync + 'static {
    /// What came of it.
    type Outcome: Send + 'static;

    /// Whether nothing is lost if it is not written now.
    const CAN_BE_PUT_OFF: bool;

    /// Carries it out in a transaction of its own.
    fn carry_out(
        &self,
        db: &DatabaseTransaction,
    ) -> impl Future<Output = Result<Self::Outcome, Failure>> + Send;

    /// Whether what it has written is to stay.
    fn is_to_stay(outcome: &Self::Outcome) -> bool;

    /// Carries out those of many that nothing is in the way of, together; gives an outcome for each, in their order.
    /// `None`: nothing was written of it, and it has to be carried out by itself. A failure is of all of them.
    fn carry_out_plain(
        these: &[&Self],
        db: &DatabaseTransaction,
    ) -> impl Future<Output = Result<Vec<Option<Self::Outcome>>, Failure>> + Send;

    /// The same in PostgreSQL, in one statement: others write beside it.
    fn carry_out_beside(
        these: &[&Self],
        pool: &PgPool,
    ) -> impl Future<Output = Result<Vec<Option<Self::Outcome>>, Failure>> + Send;
}

impl Connections {
    /// Carries a command out in a transaction of its own, once.
    pub(crate) async fn carry_out<C: Command>(&self, command: &C) -> Result<C::Outcome, Failure> {
        let txn = self.begin_write_first().await?;
        let outcome = command.carry_out(&txn).await?;
        if C::is_to_stay(&outcome) {
            txn.commit().await?;
        }
        Ok(outcome)
    }

    /// Carries out those of many that nothing is in the way of. A failure before the end leaves all of them undone; what
    /// became of them is not known if it is the commit that fails.
    async fn carry_out_plain<C: Command>(
        &self,
        commands: &[&C],
    ) -> Result<Vec<Option<C::Outcome>>, StoreError> {
        if let Some(network) = &self.network {
            return self.command(|| C::carry_out_beside(commands, &network.together)).await;
        }
        let begun = async {
            let txn = self.begin_write_first().await?;
            let outcomes = C::carry_out_plain(commands, &txn).await?;
            Ok::<_, Failure>((txn, outcomes))
        };
        match begun.await {
            Ok((txn, outcomes)) => {
                txn.commit().await.map_err(Failure::from)?;
                Ok(outcomes)
            }
            Err(failure) => {
                tracing::debug!(?failure, "one after the other");
                Ok(commands.iter().map(|_| None).collect())
            }
        }
    }
}

/// A command in the line, and who waits for what comes of it.
struct Waiter<C: Command> {
    command: C,
    since: Instant,
    answer: oneshot::Sender<Result<C::Outcome, StoreError>>,
}

impl<C: Command> Waiter<C> {
    fn is_there(&self) -> bool {
        !self.answer.is_closed()
    }

    fn tell(self, outcome: Result<C::Outcome, StoreError>) {
        // Whoever asked may have gone; what was written stays all the same.
        let _ = self.answer.send(outcome);
    }
}

/// Those who wait for their write of one kind.
pub(crate) struct Line<C: Command>(Mutex<State<C>>);

struct State<C: Command> {
    waiting: VecDeque<Waiter<C>>,
    /// Since when the first of those waits who were taken last, until they have been written.
    taken: Option<Instant>,
    /// How many see to those who wait.
    turns: usize,
}

impl<C: Command> State<C> {
    /// For how long the first has waited of those who are still here.
    fn waiting_for(&self) -> Duration {
        let first = self.waiting.iter().find(|waiter| waiter.is_there()).map(|waiter| waiter.since);
        let since = self.taken.into_iter().chain(first).min();
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl<C: Command> Default for Line<C> {
    fn default() -> Self {
        Self(Mutex::new(State { waiting: VecDeque::new(), taken: None, turns: 0 }))
    }
}

impl<C: Command> std::fmt::Debug for Line<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("waiting", &self.0.lock().waiting.len()).finish()
    }
}

impl<C: Command> Line<C> {
    /// For how long the first has waited of those who wait; zero where nobody does.
    pub(crate) fn waiting_for(&self) -> Duration {
        self.0.lock().waiting_for()
    }

    /// Writes a command, with whoever writes now.
    pub(crate) async fn write(
        self: &Arc<Self>,
        db: &Arc<Connections>,
        command: C,
    ) -> Result<C::Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let is_wanted = {
            let mut state = self.0.lock();
            if state.waiting.len() >= MOST_WAITING
                || (C::CAN_BE_PUT_OFF && state.waiting_for() >= PAYERS_WAIT_AT_MOST)
            {
                return Err(put_off().into());
            }
            state.waiting.push_back(Waiter { command, since: Instant::now(), answer });
            let is_wanted = state.turns < db.turns();
            state.turns += usize::from(is_wanted);
            is_wanted
        };
        if is_wanted {
            let (db, mut turn) = (Arc::clone(db), Turn { line: Arc::clone(self), is_over: false });
            tokio::spawn(async move {
                while let Some(next) = turn.next() {
                    write_together(&db, next).await;
                }
            });
        }
        let answer =
            async { answered.await.unwrap_or_else(|_| Err(StoreError::unavailable("shutting down"))) };
        db.in_time(answer).await
    }
}

async fn write_together<C: Command>(db: &Connections, mut waiters: Vec<Waiter<C>>) {
    // PostgreSQL's one statement is quicker than its steps also for one.
    if waiters.len() > 1 || db.network.is_some() {
        let commands: Vec<&C> = waiters.iter().map(|waiter| &waiter.command).collect();
        let written = db.carry_out_plain(&commands).await;
        let outcomes = match written {
            Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map(Ok)).collect(),
            Err(error) => commands.iter().map(|_| Some(Err(error.clone()))).collect::<Vec<_>>(),
        };
        let mut left = Vec::new();
        for (waiter, outcome) in waiters.into_iter().zip(outcomes) {
            match outcome {
                Some(outcome) => waiter.tell(outcome),
                None => left.push(waiter),
            }
        }
        waiters = left;
    }
    for waiter in waiters.into_iter().filter(Waiter::is_there) {
        let outcome = db.command(|| db.carry_out(&waiter.command)).await;
        waiter.tell(outcome);
    }
}

/// One who sees to the line until it is empty.
struct Turn<C: Command> {
    line: Arc<Line<C>>,
    is_over: bool,
}

impl<C: Command> Turn<C> {
    /// The next who are written together. `None`: nobody waits, and the turn is over.
    fn next(&mut self) -> Option<Vec<Waiter<C>>> {
        let mut state = self.line.0.lock();
        state.waiting.retain(Waiter::is_there);
        state.taken = state.waiting.front().map(|waiter| waiter.since);
        let count = state.waiting.len().min(MOST_TOGETHER);
        if count == 0 {
            state.turns -= 1;
            self.is_over = true;
            return None;
        }
        Some(state.waiting.drain(..count).collect())
    }
}

impl<C: Command> Drop for Turn<C> {
    fn drop(&mut self) {
        // Ended in the middle, with its runtime: the next who comes sees to those who wait.
        if !self.is_over {
            let mut state = self.line.0.lock();
            state.taken = None;
            state.turns -= 1;
        }
    }
}
