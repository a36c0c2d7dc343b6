//! Commands that come at the same time are written in one transaction, where the database lets one write at a time: the
//! disk is then waited for once for all of them.
//!
//! Invariants:
//! - an answer that says that something was changed is given after the transaction that holds it is on disk;
//! - each command does the whole of it or nothing, whatever becomes of its neighbours;
//! - who comes while others are being written goes with the next, in the order of coming; what somebody asked for who has
//!   gone since is written all the same.

use std::{collections::VecDeque, mem, sync::Arc};

use async_trait::async_trait;
use onsale_app::ports::StoreError;
use parking_lot::Mutex;
use sea_orm::{DatabaseTransaction, TransactionTrait};
use tokio::sync::oneshot;

use super::Connections;
use crate::failures::Failure;

/// How many are written at once: some ten milliseconds, for which everybody else who writes has to wait.
const MOST_TOGETHER: usize = 64;

/// Who comes when so many wait is sent away at once; the database would not be through with them in time.
const MOST_WAITING: usize = 10_000;

/// Something to be written.
pub(crate) trait Command: Clone + Send + Sync + 'static {
    /// What came of it.
    type Outcome: Send + 'static;

    /// Carries it out, within a transaction that may have others in it.
    fn carry_out(
        &self,
        db: &DatabaseTransaction,
    ) -> impl Future<Output = Result<Self::Outcome, Failure>> + Send;

    /// Whether what it has written is to stay.
    fn is_to_stay(outcome: &Self::Outcome) -> bool;
}

impl Connections {
    /// Carries a command out in a transaction of its own, once.
    pub(crate) async fn carry_out<C: Command>(&self, command: &C) -> Result<C::Outcome, Failure> {
        let txn = self.begin_write().await?;
        let outcome = command.carry_out(&txn).await?;
        if C::is_to_stay(&outcome) {
            txn.commit().await?;
        }
        Ok(outcome)
    }
}

/// A command in the line, whatever it is.
#[async_trait]
trait Waiting: Send {
    /// Carries it out within a transaction of others, and keeps what came of it. An error is of the transaction as a whole.
    async fn carry_out(&mut self, db: &DatabaseTransaction) -> Result<(), Failure>;

    /// The transaction is over: tells, unless the command has to be carried out alone. Gives it back then.
    fn settle(self: Box<Self>, written: &Result<(), StoreError>) -> Option<Box<dyn Waiting>>;

    /// Carries it out in a transaction of its own, and tells.
    async fn alone(self: Box<Self>, db: &Connections);
}

struct Waiter<C: Command> {
    command: C,
    outcome: Option<Result<C::Outcome, Failure>>,
    answer: oneshot::Sender<Result<C::Outcome, StoreError>>,
}

#[async_trait]
impl<C: Command> Waiting for Waiter<C> {
    async fn carry_out(&mut self, db: &DatabaseTransaction) -> Result<(), Failure> {
        let point = db.begin().await?;
        let outcome = self.command.carry_out(&point).await;
        if outcome.as_ref().is_ok_and(C::is_to_stay) {
            point.commit().await?;
        } else {
            point.rollback().await?;
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn settle(mut self: Box<Self>, written: &Result<(), StoreError>) -> Option<Box<dyn Waiting>> {
        let answer = match (self.outcome.take(), written) {
            // Others were in its way, or the transaction ended before it was its turn.
            (Some(Err(Failure::Contended(_))), _) | (None, Ok(())) => return Some(self),
            (Some(Err(failure)), _) => Err(failure.into()),
            (Some(Ok(outcome)), Ok(())) => Ok(outcome),
            (_, Err(error)) => Err(error.clone()),
        };
        // Whoever asked may have gone; what was written stays all the same.
        let _ = self.answer.send(answer);
        None
    }

    async fn alone(self: Box<Self>, db: &Connections) {
        let answer = db.command(|| db.carry_out(&self.command)).await;
        let _ = self.answer.send(answer);
    }
}

/// Those who wait for their write.
#[derive(Default)]
pub(crate) struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Waiting>>,
    is_seen_to: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("waiting", &self.0.lock().waiting.len()).finish()
    }
}

impl Line {
    /// Writes a command, with whoever writes now.
    pub(crate) async fn write<C: Command>(
        self: &Arc<Self>,
        db: &Arc<Connections>,
        command: C,
    ) -> Result<C::Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let is_wanted = {
            let mut state = self.0.lock();
            if state.waiting.len() >= MOST_WAITING {
                return Err(StoreError::unavailable("too many wait for the database"));
            }
            state.waiting.push_back(Box::new(Waiter { command, outcome: None, answer }));
            !mem::replace(&mut state.is_seen_to, true)
        };
        if is_wanted {
            let (db, mut turn) = (Arc::clone(db), Turn { line: Arc::clone(self), is_over: false });
            tokio::spawn(async move {
                while let Some(next) = turn.next() {
                    write_together(&db, next).await;
                }
            });
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::unavailable("shutting down")))
    }
}

async fn write_together(db: &Connections, mut commands: Vec<Box<dyn Waiting>>) {
    if commands.len() > 1 {
        let written = write(db, &mut commands).await.map_err(StoreError::from);
        commands = commands.into_iter().filter_map(|command| command.settle(&written)).collect();
    }
    for command in commands {
        command.alone(db).await;
    }
}

async fn write(db: &Connections, commands: &mut [Box<dyn Waiting>]) -> Result<(), Failure> {
    let txn = db.begin_write().await?;
    for command in commands {
        command.carry_out(&txn).await?;
    }
    Ok(txn.commit().await?)
}

/// One who sees to the line until it is empty.
struct Turn {
    line: Arc<Line>,
    is_over: bool,
}

impl Turn {
    /// The next who are written together. `None`: nobody waits, and the turn is over.
    fn next(&mut self) -> Option<Vec<Box<dyn Waiting>>> {
        let mut state = self.line.0.lock();
        let count = state.waiting.len().min(MOST_TOGETHER);
        if count == 0 {
            state.is_seen_to = false;
            self.is_over = true;
            return None;
        }
        Some(state.waiting.drain(..count).collect())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Ended in the middle, with its runtime: the next who comes sees to those who wait.
        if !self.is_over {
            self.line.0.lock().is_seen_to = false;
        }
    }
}
