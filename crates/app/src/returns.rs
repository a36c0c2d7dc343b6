//! Returns: what comes back after everything was sold is offered, already held, to the next in line whom it fits.
//!
//! Invariants:
//! - nothing is offered but in the order of positions: somebody farther back gets what does not fit those ahead;
//! - something is held at most once for an attempt of a wish, because the hold is made under a key of the two; a hold
//!   that the ledger does not come to know of lapses by itself;
//! - while it is not known that what is free fits nobody who waits, it is neither sold to others nor are people let in
//!   for it.
//!
//! Any number of processes may do this at once: each step names the attempt that it is founded on.

use std::time::Duration;

use onsale_domain::{
    ids::{AccountId, DeliveryId, ReservationId},
    reservations::{Choice, Ending, Hold, HoldOutcome, HoldRefusal, HoldRequest, RequestKey},
    time::Timestamp,
    units::Counts,
    wishes::{Fitting, WishStatus},
};
use sha2::{Digest, Sha256};

use crate::{
    App,
    cards::Card,
    errors::AppError,
    ports::{
        hot::Availability,
        ledger::{Content, Delivery, Offer, OfferLetter, RecordedStatus, ReturnLine, Unfit, Wish, WishStep},
    },
    reservations::asked_already,
};

mod lines;
mod wishes;

pub(crate) use lines::ReturnLines;
pub use wishes::WishRequest;

/// How often it is looked for what has come back.
pub const EVERY: Duration = Duration::from_millis(500);

/// How many performances are looked at in one round, and how many are read at once.
const LINES: usize = 10_000;
const LINES_AT_ONCE: u32 = 200;

/// How much is offered in one performance in one round.
const OFFERS: usize = 50;

/// How many wishes are read at once.
const WISHES_AT_ONCE: u32 = 20;

/// How many reads of wishes one look at a stock may take. There are as many kinds of wishes as there are categories and
/// areas, together or not; what does not fit is asked for once.
const LOOKS: usize = 250;

/// How many who wait are asked after where something may be held for one of them that was not noted: a process that ends
/// between the two leaves one such hold, for one of the first whom what came back fits.
const UNNOTED: usize = 200;

/// How many offers are looked after in one round.
const OPEN_OFFERS: u32 = 200;

/// A hold that nobody knows has lapsed when its time has been up for so long; until then it may be on its way.
const UNKNOWN_FOR_MS: u64 = 60_000;

/// What became of looking through a line.
enum Looked {
    /// Something was offered, or the stock or a wish has moved: look again.
    Moved,
    /// What is free fits nobody who waits.
    FitsNobody,
    /// There are more kinds of wishes than one look is for.
    TooMany,
}

/// What became of trying to offer something.
enum Tried {
    /// It is held for them, or the stock or the wish has moved: look again.
    Moved,
    /// They may have no more.
    Over,
}

impl App {
    /// One round: sees what has become of offers, and offers what has come back. To be run every [`EVERY`].
    pub async fn offer_returns(&self) -> Result<(), AppError> {
        self.settle_offers().await?;
        let round = self.return_lines.begin();
        let (mut after, mut seen) = (None, 0);
        while seen < LINES {
            let lines = self.ledger.return_lines(self.clock.now(), after, LINES_AT_ONCE).await?;
            seen += lines.len();
            after = lines.last().map(|line| line.performance);
            let is_last = lines.len() < LINES_AT_ONCE as usize;
            for line in lines {
                let performance = line.performance;
                if let Err(error) = self.serve_line(line, round).await {
                    tracing::warn!(%error, %performance, "what came back is offered later");
                }
            }
            if is_last {
                break;
            }
        }
        self.return_lines.end(round);
        Ok(())
    }

    /// Whether what is free in a performance may be for those who wait in line.
    pub(crate) async fn is_spoken_for(&self, card: &Card) -> Result<bool, AppError> {
        let performance = card.performance.id;
        if !has_return_line(card) || !self.return_lines.is_known(performance) {
            return Ok(false);
        }
        let seen = self.on_stock(card, || self.stock.availability(performance)).await?;
        // Where nothing is free the stock itself says so.
        Ok(seen.counts.available > 0 && self.return_lines.is_spoken_for(performance, &seen))
    }

    /// Whether a hold, which was not for anybody in line, took what may be for them: something came back after
    /// [`App::is_spoken_for`] had looked.
    pub(crate) fn was_spoken_for(&self, card: &Card, hold: &Hold) -> bool {
        has_return_line(card) && self.return_lines.was_spoken_for(card.performance.id, hold.fence)
    }

    /// The states of a stock as admission goes by them: what those who wait are offered is nothing to let others in for,
    /// and neither is what is held, because it comes back to them.
    pub(crate) fn without_returns(&self, card: &Card, stock: &Availability) -> Counts {
        let mut counts = stock.counts;
        if !has_return_line(card) || !self.return_lines.is_known(card.performance.id) {
            return counts;
        }
        // As good as taken off sale; so admission does not take it for bought or come back either.
        counts.blocked += std::mem::take(&mut counts.held) + std::mem::take(&mut counts.paying);
        if self.return_lines.is_spoken_for(card.performance.id, stock) {
            counts.blocked += std::mem::take(&mut counts.available);
        }
        counts
    }

    /// Notes that a performance has been sold out, if it is so now.
    async fn begin_if_sold_out(&self, card: &Card, stock: &Availability) -> Result<bool, AppError> {
        let Counts { available, held, paying, .. } = stock.counts;
        // Held is not sold: it comes back to those who seek.
        let sold_out = available + held + paying == 0;
        if sold_out {
            let performance = card.performance.id;
            self.ledger.begin_return_line(performance, self.clock.now()).await?;
            tracing::info!(%performance, "sold out: what comes back is offered to those who wait");
        }
        Ok(sold_out)
    }

    async fn serve_line(&self, line: ReturnLine, round: u64) -> Result<(), AppError> {
        let performance = line.performance;
        if line.has_begun {
            // Also where nothing can be offered to them just now.
            self.return_lines.see(performance, round);
        }
        let Some(card) = self.find_card(performance).await? else { return Ok(()) };
        if !has_return_line(&card) || !card.is_on_sale(self.clock.now()) {
            return Ok(());
        }
        let stock = self.on_stock(&card, || self.stock.availability(performance)).await?;
        if !line.has_begun && !self.begin_if_sold_out(&card, &stock).await? {
            return Ok(());
        }
        self.return_lines.see(performance, round);
        if self.return_lines.has_unnoted(performance) {
            self.note_what_is_held(&card, &stock).await?;
            self.return_lines.note_all_noted(performance, true);
        }
        for _ in 0..OFFERS {
            let notes = self.return_lines.notes(performance);
            let stock = self.on_stock(&card, || self.stock.availability(performance)).await?;
            let looked = if stock.counts.available == 0 {
                Looked::FitsNobody
            } else {
                let looked = self.offer_next(&card, &stock).await;
                // It may have been held all the same.
                looked.inspect_err(|_| self.return_lines.note_all_noted(performance, false))?
            };
            match looked {
                Looked::Moved => {}
                Looked::FitsNobody => {
                    self.return_lines.settle(performance, stock.position, notes);
                    break;
                }
                Looked::TooMany => break,
            }
        }
        Ok(())
    }

    /// Notes what is held for those who wait and was not noted: by this process before it failed, or by one that has
    /// ended since. It is found under the key of wish and attempt, whatever is free now.
    async fn note_what_is_held(&self, card: &Card, stock: &Availability) -> Result<(), AppError> {
        let (mut after, mut asked) = (None, 0);
        while asked < UNNOTED {
            let waiting = self.ledger.waiting_wishes(card.performance.id, &[], after, WISHES_AT_ONCE).await?;
            let Some(last) = waiting.last() else { break };
            after = Some((last.position, last.id));
            asked += waiting.len();
            // Whom something fits is offered it in a moment, under the same key.
            for wish in waiting.iter().filter(|wish| chosen(card, stock, wish).is_none()) {
                let wanted = &wish.wanted;
                let (quantity, together) = (wanted.quantity, wanted.together);
                let choice = Choice::Best { quantity, category: None, together };
                let decided = self.on_hold(card, wish, choice).await?;
                match decided {
                    // Not what they want: something has come back in this moment.
                    HoldOutcome::Held(hold) => self.let_go(hold.owner, hold.id).await?,
                    HoldOutcome::Repeated(made) => self.note_again(card, wish, made).await?,
                    HoldOutcome::KeyMismatch | HoldOutcome::KeyRecorded | HoldOutcome::Refused(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Offers what is free to the first whom it fits.
    async fn offer_next(&self, card: &Card, stock: &Availability) -> Result<Looked, AppError> {
        let mut unfit: Vec<Unfit> = Vec::new();
        let mut after = None;
        for _ in 0..LOOKS {
            let waiting =
                self.ledger.waiting_wishes(card.performance.id, &unfit, after, WISHES_AT_ONCE).await?;
            let Some(last) = waiting.last() else { return Ok(Looked::FitsNobody) };
            after = Some((last.position, last.id));
            for wish in &waiting {
                match chosen(card, stock, wish) {
                    None => note_unfit(&mut unfit, wish),
                    Some(choice) => match self.offer_to(card, wish, choice).await? {
                        Tried::Moved => return Ok(Looked::Moved),
                        Tried::Over => {
                            self.step(wish, WishStatus::Withdrawn).await?;
                        }
                    },
                }
            }
        }
        Ok(Looked::TooMany)
    }

    /// Holds something for an attempt of a wish, or gives what was held for it before.
    async fn on_hold(&self, card: &Card, wish: &Wish, choice: Choice) -> Result<HoldOutcome, AppError> {
        let now_ms = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        let settings = &card.event.settings;
        let request = HoldRequest {
            id: ReservationId::compose(now_ms, card.performance.number, self.entropy.bits()),
            owner: wish.owner,
            choice,
            ttl_ms: u64::from(settings.waiting_room.claim_within_s) * 1000,
            max_per_owner: settings.max_seats_per_buyer,
            key: Some(key_of(wish)),
            is_key_new: false,
        };
        Ok(self.hold_unless_held(card, request).await?.outcome)
    }

    async fn offer_to(&self, card: &Card, wish: &Wish, choice: Choice) -> Result<Tried, AppError> {
        match self.on_hold(card, wish, choice).await? {
            HoldOutcome::Held(hold) => self.note_offer(wish, hold.id, hold.expires_at).await?,
            HoldOutcome::Repeated(made) => self.note_again(card, wish, made).await?,
            HoldOutcome::KeyMismatch => return Err(AppError::Internal("a key of an offer was used".into())),
            HoldOutcome::KeyRecorded => return Err(asked_already()),
            HoldOutcome::Refused(HoldRefusal::LimitExceeded { .. }) => return Ok(Tried::Over),
            // Somebody was faster.
            HoldOutcome::Refused(_) => {}
        }
        Ok(Tried::Moved)
    }

    /// Notes what was held for an attempt before: by another process, or by this one before it ended.
    async fn note_again(&self, card: &Card, wish: &Wish, made: ReservationId) -> Result<(), AppError> {
        let found = self.on_stock(card, || self.hot.find(card.performance.id, made)).await?;
        match found {
            Some(found) if found.ended.is_none() => self.note_offer(wish, made, found.hold.expires_at).await,
            Some(found) if matches!(found.ended, Some(Ending::Confirmed(_))) => {
                self.step(wish, WishStatus::Taken).await.map(drop)
            }
            // It ended before they were told: another attempt.
            _ => self.step(wish, WishStatus::Waiting).await.map(drop),
        }
    }

    /// Writes down what is held for a wish; gives it back where the wish is another by now.
    async fn note_offer(
        &self,
        wish: &Wish,
        reservation: ReservationId,
        until: Timestamp,
    ) -> Result<(), AppError> {
        let at = self.clock.now();
        let letter = wish.letters.clone().map(|(to, writing)| {
            let id = DeliveryId::of(at, reservation.0, OfferLetter::KIND, wish.owner.0);
            Delivery::new(id, Content::Offer(OfferLetter { reservation, to, writing }), at)
        });
        let offer = Offer { wish: wish.id, attempt: wish.attempt, reservation, until, at, letter };
        if self.ledger.offer_wish(&offer).await? {
            let performance = wish.wanted.performance;
            tracing::info!(%performance, wish = %wish.id, %reservation, position = wish.position, "offered");
            metrics::counter!("onsale_returns_total", "outcome" => "offered").increment(1);
            return Ok(());
        }
        let now = self.ledger.wish(wish.event, wish.owner).await?;
        if now.is_some_and(|now| now.reservation == Some(reservation)) {
            return Ok(());
        }
        self.let_go(wish.owner, reservation).await
    }

    /// Ends a hold that is nobody's offer.
    pub(crate) async fn let_go(&self, owner: AccountId, reservation: ReservationId) -> Result<(), AppError> {
        let Some(card) = self.card_by_number(reservation.performance_number()).await? else { return Ok(()) };
        self.on_hot(&card, || self.hot.cancel(card.performance.id, reservation, owner)).await?;
        Ok(())
    }

    /// Sees what has become of offers, some in each round.
    async fn settle_offers(&self) -> Result<(), AppError> {
        let cursor = self.return_lines.cursor();
        let offered = self.ledger.offered_wishes(cursor, OPEN_OFFERS).await?;
        let is_last = offered.len() < OPEN_OFFERS as usize;
        self.return_lines.go_on_behind(offered.last().map(|wish| wish.id).filter(|_| !is_last));
        for wish in &offered {
            let Some(status) = self.outcome_of(wish).await? else { continue };
            if self.step(wish, status).await? {
                tracing::info!(wish = %wish.id, outcome = status.as_str(), "an offer has ended");
                metrics::counter!("onsale_returns_total", "outcome" => status.as_str()).increment(1);
            }
        }
        Ok(())
    }

    /// What has become of what is held for a wish; `None`: it is still held, or being paid for.
    async fn outcome_of(&self, wish: &Wish) -> Result<Option<WishStatus>, AppError> {
        let Some(reservation) = wish.reservation else { return Ok(Some(WishStatus::Missed)) };
        let Some(card) = self.card_by_number(reservation.performance_number()).await? else {
            return Ok(Some(WishStatus::Missed));
        };
        let found = self.on_stock(&card, || self.hot.find(card.performance.id, reservation)).await?;
        if let Some(found) = found {
            return Ok(found.ended.map(|ending| match ending {
                Ending::Confirmed(_) => WishStatus::Taken,
                Ending::Cancelled | Ending::Expired => WishStatus::Missed,
            }));
        }
        let record = self.ledger.reservation(reservation).await?.map(|record| self.as_of_now(record).status);
        let over_at = wish.offered_until.unwrap_or(wish.updated_at).plus_ms(UNKNOWN_FOR_MS);
        Ok(match record {
            Some(RecordedStatus::Confirmed) => Some(WishStatus::Taken),
            Some(RecordedStatus::Cancelled | RecordedStatus::Expired) => Some(WishStatus::Missed),
            Some(RecordedStatus::Held | RecordedStatus::Paying) => None,
            None => (over_at <= self.clock.now()).then_some(WishStatus::Missed),
        })
    }

    async fn step(&self, wish: &Wish, to: WishStatus) -> Result<bool, AppError> {
        let step = WishStep { wish: wish.id, attempt: wish.attempt, to, at: self.clock.now() };
        Ok(self.ledger.step_wish(step).await?)
    }
}

/// Whether what comes back is offered in the event of a performance.
fn has_return_line(card: &Card) -> bool {
    card.event.settings.waiting_room.has_return_line()
}

/// What is to be held for a wish; `None`: nothing that is free fits.
fn chosen(card: &Card, stock: &Availability, wish: &Wish) -> Option<Choice> {
    let wanted = &wish.wanted;
    let category = match &wanted.category {
        None => None,
        Some(name) => {
            let at = card.house.plan.categories.iter().position(|category| category.name == *name)?;
            Some(u16::try_from(at).ok()?)
        }
    };
    let (quantity, area, together) = (wanted.quantity, wanted.area, wanted.together);
    let fitting = Fitting { quantity, category, area, together };
    fitting.choose(&card.layout, |seat| stock.bits(seat) == 0, &stock.areas)
}

/// Notes that neither this much nor more of it fits.
fn note_unfit(unfit: &mut Vec<Unfit>, wish: &Wish) {
    let wanted = &wish.wanted;
    let same = unfit.iter_mut().find(|known| {
        (&known.category, known.area, known.together) == (&wanted.category, wanted.area, wanted.together)
    });
    match same {
        Some(known) => known.quantity = known.quantity.min(wanted.quantity),
        None => unfit.push(Unfit {
            quantity: wanted.quantity,
            category: wanted.category.clone(),
            area: wanted.area,
            together: wanted.together,
        }),
    }
}

/// What the hold for an attempt of a wish is remembered by: no buyer's own key, which are digests of visible text.
fn key_of(wish: &Wish) -> RequestKey {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"\0onsale return v1")
        .chain_update(wish.id.0.as_bytes())
        .chain_update(wish.attempt.to_be_bytes())
        .finalize()
        .into();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    RequestKey { key: short, request: short }
}
