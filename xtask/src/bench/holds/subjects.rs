//! What is asked of onsale in the rounds: holds that are accepted, holds that are refused, reads.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use hyper::StatusCode;
use hyper::http::{Method, Uri};
use serde_json::json;
use tokio::runtime::Runtime;

use super::seats::{BUYERS, FreeSeats, Offer};
use crate::bench::api::{hold_of, uri};
use crate::bench::buyer::Buyer;
use crate::bench::client::call;
use crate::bench::load::{Calls, Measured};
use crate::bench::rounds::Subject;
use crate::bench::stage::Stage;

/// Half of the hall is taken.
const HALL_ROWS: usize = 100;
const HALL_COLUMNS: usize = 100;
const TAKEN: usize = HALL_ROWS * HALL_COLUMNS / 2;
/// The seats of one request while the hall is being filled.
const AT_ONCE: usize = 50;
/// The seats that one connection's requests are apart, so that the connections do not ask for the same.
const STRIDE: usize = 97;

/// Late buyers: enough of them that none asks more often than somebody may.
const LATE: usize = 8_192;

/// Those who take everything, [`BUYERS`] of them, and behind them those who come late.
pub(super) fn buyers(stage: &Stage) -> anyhow::Result<Vec<Buyer>> {
    Buyer::all_forwarded(stage.buyers(BUYERS + LATE)?)
}

/// Makes a performance of 10,000 seats, has the first half of them taken, and sees that such a seat is refused to
/// somebody who comes late. Returns its id.
pub(super) async fn accept_half(stage: &mut Stage, buyers: &[Buyer], late: &Buyer) -> anyhow::Result<String> {
    let hall = stage.create_performance(json!({"rows": HALL_ROWS, "columns": HALL_COLUMNS})).await?;
    let path = uri(&format!("/performances/{hall}/reservations"))?;
    for (request, buyer) in (0..TAKEN / AT_ONCE).zip(buyers) {
        let seats: Vec<_> = (1..=AT_ONCE).map(|seat| request * AT_ONCE + seat).collect();
        let body = serde_json::to_vec(&json!({"seat_ids": seats}))?;
        let call = buyer.ask(Method::POST, &path, Some(body.into()));
        stage.organizer.json("a hold", call, StatusCode::CREATED).await?;
    }
    let call = late.ask(Method::POST, &path, Some(hold_of(1)));
    let refusal = stage.organizer.json("a refusal", call, StatusCode::CONFLICT).await?;
    ensure!(refusal["code"] == "seat_taken", "refused for another reason: {refusal}");
    Ok(hall)
}

/// Holds of seats or places that are free.
pub(super) struct Holds<'a> {
    runtime: &'a Runtime,
    connections: usize,
    buyers: &'a [Buyer],
    /// Of a round, with its warm-up.
    round: Duration,
    /// What is being asked for in the round under way.
    seats: FreeSeats,
}

impl<'a> Holds<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        connections: usize,
        buyers: &'a [Buyer],
        offer: Offer,
        round: Duration,
    ) -> Self {
        let seats = FreeSeats { offer, performances: Vec::new() };
        Self { runtime, connections, buyers, round, seats }
    }

    /// Those of the round under way.
    pub(super) fn performances(&self) -> &[String] {
        &self.seats.performances
    }
}

impl Subject for Holds<'_> {
    fn expected(&self) -> StatusCode {
        StatusCode::CREATED
    }

    fn calls(&mut self, stage: &mut Stage, at_most: f64) -> anyhow::Result<Vec<Calls>> {
        let holds = at_most * self.round.as_secs_f64();
        self.seats = self.runtime.block_on(FreeSeats::provide(stage, self.seats.offer, holds))?;
        self.seats.calls(self.connections, self.buyers)
    }

    /// Every hold that was answered 201 is there, and no other.
    fn seen(&mut self, stage: &mut Stage, measured: &Measured) -> anyhow::Result<()> {
        let mut held = 0;
        for performance in &self.seats.performances {
            let path = format!("/performances/{performance}/stats");
            let stats = self.runtime.block_on(stage.organizer.get(&path))?;
            ensure!(stats["drift"] == 0, "units are missing: {stats}");
            held += stats["held"].as_u64().unwrap_or_default();
        }
        ensure!(
            held == measured.expected,
            "{} holds were accepted, but {held} seats are held",
            measured.expected
        );
        Ok(())
    }
}

/// Requests that can be repeated for ever.
pub(super) struct Same {
    expected: StatusCode,
    calls: Box<dyn Fn() -> Vec<Calls>>,
}

impl Same {
    /// Holds of seats that are taken, by one late buyer after the other, since one may not ask as often.
    pub(super) fn refusals(path: &Uri, connections: usize, late: &[Buyer]) -> Self {
        let (path, late): (_, Arc<[Buyer]>) = (path.clone(), late.into());
        let calls = move || {
            let connections = (0..connections).map(|connection| {
                let (path, late, mut seat) = (path.clone(), Arc::clone(&late), connection * STRIDE % TAKEN);
                let mut turn = connection * late.len() / connections;
                let next = move || {
                    (seat, turn) = ((seat + 1) % TAKEN, (turn + 1) % late.len());
                    Some(late[turn].ask(Method::POST, &path, Some(hold_of(seat + 1))))
                };
                Box::new(next) as Calls
            });
            connections.collect()
        };
        Self { expected: StatusCode::CONFLICT, calls: Box::new(calls) }
    }

    /// Anonymous reads.
    pub(super) fn reads(path: &Uri, connections: usize) -> Self {
        let path = path.clone();
        let calls = move || {
            let next = |path: Uri| Box::new(move || Some(call(Method::GET, &path, None, None))) as Calls;
            (0..connections).map(|_| next(path.clone())).collect()
        };
        Self { expected: StatusCode::OK, calls: Box::new(calls) }
    }
}

impl Subject for Same {
    fn expected(&self) -> StatusCode {
        self.expected
    }

    fn calls(&mut self, _: &mut Stage, _: f64) -> anyhow::Result<Vec<Calls>> {
        Ok((self.calls)())
    }
}
