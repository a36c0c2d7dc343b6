//! Plays commands against a store and the model side by side.
//!
//! Invariant: after every command the store's answer and its public view are what the rules say; the first
//! disagreement ends the run with the seed and every step that led to it.

#![expect(clippy::unwrap_used, reason = "an answer that is an error fails the run, and should")]

use std::fmt::Write as _;

use onsale_domain::{ids::PerformanceId, inventory::Image};
use uuid::Uuid;

use super::{
    Model, Verdict,
    commands::{Command, Commands, Shape},
};
use crate::{
    conformance::hot::{HotUnderTest, changes_of},
    stocks,
};

/// Plays so many commands of a seed against a store.
///
/// # Panics
/// On the first disagreement, with the seed and the steps up to it.
pub async fn run(hot: HotUnderTest, seed: u64, steps: usize) {
    let drift_ms = hot.time.drift_ms();
    let mut commands = Commands::new(seed, drift_ms == 0);
    let shape = commands.shape();
    let mut game = Game::begin(hot, &shape, drift_ms).await;
    let mut told = String::new();
    for number in 1..=steps {
        let command = commands.next(&game.model, &shape);
        let _ = writeln!(told, "{number:4} {command:?}");
        if let Err(why) = game.step(&command).await {
            panic!("seed {seed}, {shape:?}, step {number}: {why}\n{told}\n{:#?}", game.model);
        }
    }
    if let Err(why) = game.finish().await {
        panic!("seed {seed}, {shape:?}, in the end: {why}\n{told}");
    }
}

struct Game {
    hot: HotUnderTest,
    p: PerformanceId,
    model: Model,
    acknowledged: Vec<onsale_domain::changes::Recorded>,
}

impl Game {
    async fn begin(hot: HotUnderTest, shape: &Shape, drift_ms: u64) -> Self {
        let p = PerformanceId(Uuid::new_v4());
        let layout = stocks::layout(&shape.categories, &shape.areas);
        assert!(hot.stock.load(p, Image::untouched(layout, 1)).await.unwrap());
        let model = Model::new(&shape.categories, &shape.areas, 1, drift_ms);
        Self { hot, p, model, acknowledged: Vec::new() }
    }

    async fn step(&mut self, command: &Command) -> Verdict {
        let (r, stock, p) = (&self.hot.reservations, &self.hot.stock, self.p);
        let model = &mut self.model;
        match command {
            Command::Hold(request) => model.hold(request, &r.hold(p, request.clone()).await.unwrap())?,
            Command::Extend { hold, owner, ttl_ms, max_extensions } => {
                let answer = r.extend(p, *hold, *owner, *ttl_ms, *max_extensions).await.unwrap();
                model.extend(*hold, *owner, *ttl_ms, *max_extensions, &answer)?;
            }
            Command::Cancel { hold, owner } => {
                model.cancel(*hold, *owner, &r.cancel(p, *hold, *owner).await.unwrap())?;
            }
            Command::BeginPayment { hold, owner, order } => {
                let answer = r.begin_payment(p, *hold, *owner, *order).await.unwrap();
                model.begin_payment(*hold, *owner, *order, &answer)?;
            }
            Command::EndPayment { step, grace_ms } => {
                model.end_payment(*step, *grace_ms, &r.end_payment(p, *step, *grace_ms).await.unwrap())?;
                // A grace of nothing on a hold that was over: it lapses at once.
                self.hot.time.advance_ms(0).await;
                model.expire(0);
            }
            Command::Sell(step) => model.sell(*step, &r.sell(p, *step).await.unwrap())?,
            Command::GiveBack { order, units } => {
                model.give_back(*order, units, &stock.give_back(p, *order, units.clone()).await.unwrap())?;
            }
            Command::Block { seats, blocked } => {
                model.block(seats, *blocked, &stock.block(p, seats.clone(), *blocked).await.unwrap())?;
            }
            Command::Pass(ms) => {
                self.hot.time.advance_ms(*ms).await;
                model.expire(*ms);
            }
            Command::Acknowledge => self.acknowledge().await,
        }
        self.look().await
    }

    /// Compares the public view, the hold made last and an older one.
    async fn look(&mut self) -> Verdict {
        self.model.check(&self.hot.stock.availability(self.p).await.unwrap())?;
        let count = self.model.holds().len();
        let oldish = count.checked_sub(5).and_then(|index| self.model.holds().get(index)).cloned();
        for hold in self.model.holds().last().cloned().into_iter().chain(oldish) {
            let found = self.hot.reservations.find(self.p, hold.id).await.unwrap();
            self.model.check_found(hold.id, found.as_ref())?;
        }
        Ok(())
    }

    async fn acknowledge(&mut self) {
        while let Some(batch) = self.hot.log.next(1_000, 0).await.unwrap() {
            let ours = batch.changes.iter().filter(|recorded| recorded.performance == self.p);
            self.acknowledged.extend(ours.cloned());
            self.hot.log.acknowledge(batch).await.unwrap();
        }
        self.model.acknowledged();
    }

    /// Compares the record from the first change to the last.
    async fn finish(mut self) -> Verdict {
        let rest = changes_of(&self.hot, self.p).await;
        self.acknowledged.extend(rest);
        self.model.check_history(&self.acknowledged)
    }
}
