//! Hold requests for what nobody has yet: every seat is asked for once, or any place of an area as often as it has
//! places, by buyers who may have them.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::{Method, Uri};
use serde_json::json;

use crate::bench::api::{hold_of, uri};
use crate::bench::buyer::Buyer;
use crate::bench::load::Calls;
use crate::bench::stage::Stage;

const ROWS: usize = 250;
const COLUMNS: usize = 400;
pub(super) const SEATS_EACH: usize = ROWS * COLUMNS;
/// The most that an event's settings allow a buyer in one performance.
const SEATS_PER_BUYER: usize = 50;
/// So many buyers can take a whole performance.
pub(super) const BUYERS: usize = SEATS_EACH / SEATS_PER_BUYER;
/// Connections do not advance evenly, and each has its own range.
const RESERVE: f64 = 1.3;

/// What a performance offers.
#[derive(Clone, Copy)]
pub(super) enum Offer {
    /// Seats by their numbers.
    Seats,
    /// One area whose places have none.
    Places,
}

/// Performances of 100,000 free seats or places each.
pub(super) struct FreeSeats {
    pub(super) offer: Offer,
    pub(super) performances: Vec<String>,
}

impl FreeSeats {
    /// Makes as many performances as it takes for so many holds.
    pub(super) async fn provide(stage: &mut Stage, offer: Offer, holds: f64) -> anyhow::Result<Self> {
        let mut performances = Vec::new();
        while ((performances.len() * SEATS_EACH) as f64) < holds * RESERVE {
            performances.push(match offer {
                Offer::Seats => stage.create_performance(json!({"rows": ROWS, "columns": COLUMNS})).await?,
                Offer::Places => stage.create_area(SEATS_EACH).await?,
            });
        }
        Ok(Self { offer, performances })
    }

    /// The requests of each connection: its own run of seats in the first performance, then in the next.
    pub(super) fn calls(&self, connections: usize, buyers: &[Buyer]) -> anyhow::Result<Vec<Calls>> {
        let paths: Vec<Uri> = self
            .performances
            .iter()
            .map(|id| uri(&format!("/performances/{id}/reservations")))
            .collect::<Result<_, _>>()?;
        let seats_each = SEATS_EACH / connections;
        let buyers: Arc<[Buyer]> = buyers.into();
        let calls = (0..connections).map(|connection| {
            let (paths, buyers, offer) = (paths.clone(), Arc::clone(&buyers), self.offer);
            let mut number = 0;
            let next = move || {
                let path = paths.get(number / seats_each)?;
                // From 0; the interface counts from 1.
                let seat = connection * seats_each + number % seats_each;
                number += 1;
                let body = match offer {
                    Offer::Seats => hold_of(seat + 1),
                    Offer::Places => Bytes::from_static(br#"{"area_id":1,"quantity":1}"#),
                };
                Some(buyers[seat / SEATS_PER_BUYER].ask(Method::POST, path, Some(body)))
            };
            Box::new(next) as Calls
        });
        Ok(calls.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{BUYERS, Buyer, FreeSeats, Offer, SEATS_EACH};
    use http_body_util::BodyExt;
    use hyper::http::HeaderValue;
    use std::collections::{BTreeMap, BTreeSet};

    #[tokio::test]
    async fn every_seat_is_asked_for_once_and_no_buyer_exceeds_the_limit() {
        let performances = vec!["one".to_owned(), "other".to_owned()];
        let seats = FreeSeats { offer: Offer::Seats, performances };
        let buyers: Vec<_> = (0..BUYERS)
            .map(|buyer| Buyer::direct(HeaderValue::from_str(&buyer.to_string()).unwrap()))
            .collect();
        let mut asked = BTreeSet::new();
        let mut per_buyer = BTreeMap::<_, usize>::new();
        for mut calls in seats.calls(64, &buyers).unwrap() {
            while let Some(call) = calls() {
                let buyer = call.headers()["authorization"].to_str().unwrap().to_owned();
                *per_buyer.entry((call.uri().path().to_owned(), buyer)).or_default() += 1;
                let path = call.uri().path().to_owned();
                let body = call.into_body().collect().await.unwrap().to_bytes();
                assert!(asked.insert((path, body)), "asked for twice");
            }
        }
        assert_eq!(asked.len(), 2 * (SEATS_EACH / 64) * 64);
        assert!(per_buyer.values().all(|seats| *seats <= 50));
    }
}
