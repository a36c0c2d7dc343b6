//! Cases: what those in line would take, and what is offered to them.
//!
//! Invariant checked: of any number of steps on the same attempt of a wish one is taken, and a letter is there if and
//! only if its offer is.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::ports::ledger::{
    Content, Delivery, Lane, Lease, Ledger, Offer, OfferLetter, PutWish, ReturnLine, Unfit, Wanted, Wish,
    WishStep, Writing,
};
use onsale_domain::{
    ids::{DeliveryId, WishId},
    time::Timestamp,
    wishes::WishStatus,
};
use tokio::task::JoinSet;

use super::stage::{Stage, at, id, later};

impl Stage {
    /// A wish of a new buyer for so many, not put down yet.
    async fn wish(&self, position: u32, quantity: u32) -> Wish {
        let wanted = Wanted { performance: self.p(), quantity, category: None, area: None, together: true };
        let writing = Writing { language: "ko".to_owned(), time_zone: "Asia/Seoul".to_owned() };
        let now = later();
        Wish {
            id: WishId(id()),
            event: self.event.id,
            owner: self.buyer().await,
            position,
            wanted,
            letters: Some(("kim@example.org".to_owned(), writing)),
            status: WishStatus::Waiting,
            attempt: 0,
            reservation: None,
            offered_until: None,
            created_at: now,
            updated_at: now,
        }
    }

    async fn put(&self, wish: &Wish) -> Wish {
        match self.ledger.put_wish(wish).await.unwrap() {
            PutWish::Waiting(wish) => wish,
            other @ PutWish::Offered(_) => panic!("{other:?}"),
        }
    }

    async fn waiting_wish(&self, position: u32, quantity: u32) -> Wish {
        self.put(&self.wish(position, quantity).await).await
    }

    async fn known(&self, wish: &Wish) -> Wish {
        self.ledger.wish(wish.event, wish.owner).await.unwrap().unwrap()
    }

    fn offer(&self, wish: &Wish) -> Offer {
        let (wish, attempt) = (wish.id, wish.attempt);
        Offer {
            wish,
            attempt,
            reservation: self.reservation_id(),
            until: at(90_000),
            at: later(),
            letter: None,
        }
    }

    /// The positions of those who wait for something that is not among these.
    async fn in_line(&self, unfit: &[Unfit]) -> Vec<u32> {
        let (mut positions, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.waiting_wishes(self.p(), unfit, after, 2).await.unwrap();
            positions.extend(page.iter().map(|wish| wish.position));
            match page.last() {
                Some(last) => after = Some((last.position, last.id)),
                None => return positions,
            }
        }
    }

    async fn lines(&self, starting_after: Timestamp) -> Vec<ReturnLine> {
        self.ledger.return_lines(starting_after, None, 10).await.unwrap()
    }
}

fn step(wish: &Wish, to: WishStatus) -> WishStep {
    WishStep { wish: wish.id, attempt: wish.attempt, to, at: later() }
}

/// With all that belongs to it; another's is another.
pub async fn a_wish_comes_back_as_it_was(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let mut wish = stage.wish(7, 2).await;
    wish.wanted.category = Some("Stalls".to_owned());
    assert_eq!(stage.put(&wish).await, wish);
    assert_eq!(stage.known(&wish).await, wish);
    let mut plain = stage.wish(20_000_000, 50).await;
    (plain.wanted.area, plain.wanted.together, plain.letters) = (Some(1), false, None);
    assert_eq!(stage.put(&plain).await, plain);
    assert_eq!(stage.known(&plain).await, plain);
    assert_eq!(stage.known(&wish).await, wish);
    assert_eq!(stage.ledger.wish(stage.event.id, stage.organizer).await.unwrap(), None);
}

/// A buyer has one wish in an event: another takes its place, under its id, and steps on the one before come late.
pub async fn a_wish_takes_the_place_of_the_one_before(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let first = stage.waiting_wish(3, 2).await;
    let mut asked = Wish { id: WishId(id()), created_at: later(), ..first.clone() };
    assert_eq!(stage.put(&asked).await, first, "the same again changes nothing");
    asked.wanted.quantity = 4;
    let second = stage.put(&asked).await;
    assert_eq!((second.id, second.attempt, second.created_at), (first.id, 1, first.created_at));
    assert_eq!(stage.known(&first).await, second);
    assert!(!stage.ledger.offer_wish(&stage.offer(&first)).await.unwrap());
    assert!(stage.ledger.offer_wish(&stage.offer(&second)).await.unwrap());
    let offered = stage.known(&first).await;
    assert_eq!(stage.ledger.put_wish(&asked).await.unwrap(), PutWish::Offered(offered.clone()));
    assert_eq!(stage.known(&first).await, offered);
    for ended in [WishStatus::Missed, WishStatus::Taken, WishStatus::Withdrawn] {
        let before = stage.known(&first).await;
        assert!(stage.ledger.step_wish(step(&before, ended)).await.unwrap());
        let again = stage.put(&asked).await;
        assert_eq!((again.status, again.attempt), (WishStatus::Waiting, before.attempt + 2));
        assert_eq!((again.reservation, again.offered_until), (None, None));
    }
}

/// From waiting to offered to what becomes of it; each step once.
pub async fn a_wish_goes_step_by_step(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wish = stage.waiting_wish(1, 2).await;
    let offer = stage.offer(&wish);
    assert!(stage.ledger.offer_wish(&offer).await.unwrap());
    assert!(!stage.ledger.offer_wish(&offer).await.unwrap(), "once");
    let offered = stage.known(&wish).await;
    let is_offered = (WishStatus::Offered, 1, Some(offer.reservation), Some(offer.until));
    assert_eq!((offered.status, offered.attempt, offered.reservation, offered.offered_until), is_offered);
    assert_eq!(offered.updated_at, offer.at);
    assert!(!stage.ledger.offer_wish(&stage.offer(&offered)).await.unwrap(), "it does not wait");
    assert!(!stage.ledger.step_wish(step(&wish, WishStatus::Withdrawn)).await.unwrap(), "it was before");
    assert_eq!(stage.known(&wish).await, offered);
    assert_eq!(stage.ledger.offered_wishes(None, 10).await.unwrap(), std::slice::from_ref(&offered));
    assert!(stage.ledger.offered_wishes(Some(offered.id), 10).await.unwrap().is_empty());
    assert!(stage.ledger.step_wish(step(&offered, WishStatus::Taken)).await.unwrap());
    assert!(!stage.ledger.step_wish(step(&offered, WishStatus::Missed)).await.unwrap());
    assert_eq!(stage.known(&wish).await.status, WishStatus::Taken);
    assert!(stage.ledger.offered_wishes(None, 10).await.unwrap().is_empty());
    let nobody = WishStep { wish: WishId(id()), ..step(&offered, WishStatus::Taken) };
    assert!(!stage.ledger.step_wish(nobody).await.unwrap());
}

/// Of many who offer something for the same attempt, or end it, one does.
pub async fn one_of_many_steps_at_once_is_taken(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wish = stage.waiting_wish(1, 2).await;
    let mut steps = JoinSet::new();
    for n in 0..20 {
        let (ledger, offer, step) =
            (stage.ledger.clone(), stage.offer(&wish), step(&wish, WishStatus::Withdrawn));
        steps.spawn(async move {
            if n % 2 == 0 { ledger.offer_wish(&offer).await } else { ledger.step_wish(step).await }.unwrap()
        });
    }
    let taken = steps.join_all().await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert_eq!(stage.known(&wish).await.attempt, 1);
}

/// Of many who put a wish down for one buyer at once, all are told of one wish.
pub async fn many_wishes_at_once_are_one(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wish = stage.wish(1, 2).await;
    let mut puts = JoinSet::new();
    for _ in 0..10 {
        let (ledger, wish) = (stage.ledger.clone(), Wish { id: WishId(id()), ..wish.clone() });
        puts.spawn(async move { ledger.put_wish(&wish).await.unwrap() });
    }
    let told = puts.join_all().await;
    let known = stage.known(&wish).await;
    assert!(told.iter().all(|told| *told == PutWish::Waiting(known.clone())), "{told:?}");
    assert_eq!(stage.in_line(&[]).await, [1]);
}

/// The first in line first, whenever they put their wishes down; what is known not to fit is passed over.
pub async fn wishes_are_served_by_position(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    for (position, quantity) in [(5, 1), (2, 4), (9, 2), (1, 3), (7, 2)] {
        stage.waiting_wish(position, quantity).await;
    }
    let mut seated = stage.wish(3, 2).await;
    seated.wanted.category = Some("Stalls".to_owned());
    stage.put(&seated).await;
    let mut apart = stage.wish(4, 4).await;
    apart.wanted.together = false;
    stage.put(&apart).await;
    let mut standing = stage.wish(6, 4).await;
    standing.wanted.area = Some(1);
    stage.put(&standing).await;
    let elsewhere = stage.another_performance().await;
    elsewhere.waiting_wish(1, 1).await;
    assert_eq!(stage.in_line(&[]).await, [1, 2, 3, 4, 5, 6, 7, 9]);
    let of = |quantity, category: Option<&str>, area, together| Unfit {
        quantity,
        category: category.map(str::to_owned),
        area,
        together,
    };
    assert_eq!(stage.in_line(&[of(2, None, None, true)]).await, [3, 4, 5, 6]);
    assert_eq!(stage.in_line(&[of(4, None, None, false)]).await, [1, 2, 3, 5, 6, 7, 9]);
    let all = [
        of(3, None, None, true),
        of(1, Some("Stalls"), None, true),
        of(1, Some("Circle"), None, true),
        of(5, None, Some(1), true),
        of(4, None, Some(2), true),
        of(1, None, None, false),
    ];
    assert_eq!(stage.in_line(&all).await, [5, 6, 7, 9]);
    let withdrawn = stage.known(&seated).await;
    assert!(stage.ledger.step_wish(step(&withdrawn, WishStatus::Withdrawn)).await.unwrap());
    assert_eq!(stage.in_line(&[]).await, [1, 2, 4, 5, 6, 7, 9]);
}

/// A line is there while somebody waits in it, begins once, and ends with its performance and its event.
pub async fn a_line_is_there_while_somebody_waits(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let (before, after) = (at(86_399_999), at(86_400_000));
    stage.ledger.begin_return_line(stage.p(), later()).await.unwrap();
    assert_eq!(stage.lines(before).await, []);
    let wish = stage.waiting_wish(1, 2).await;
    let line = ReturnLine { performance: stage.p(), has_begun: false };
    assert_eq!(stage.lines(before).await, [line]);
    assert_eq!(stage.lines(after).await, [], "it has begun without them");
    stage.ledger.begin_return_line(stage.p(), later()).await.unwrap();
    stage.ledger.begin_return_line(stage.p(), later()).await.unwrap();
    let begun = ReturnLine { has_begun: true, ..line };
    assert_eq!(stage.lines(before).await, [begun]);
    let other = stage.another_performance().await;
    other.waiting_wish(2, 2).await;
    assert_eq!(stage.lines(before).await.len(), 2);
    let behind = stage.ledger.return_lines(before, Some(stage.p()), 10).await.unwrap();
    assert_eq!(behind, [ReturnLine { performance: other.p(), has_begun: false }]);
    assert!(stage.ledger.step_wish(step(&wish, WishStatus::Withdrawn)).await.unwrap());
    assert_eq!(stage.lines(before).await.len(), 1);
    let again = stage.put(&wish).await;
    assert_eq!(stage.lines(before).await.first(), Some(&begun), "it has begun for ever");
    stage.ledger.delete_event(stage.event.id).await.unwrap();
    assert_eq!(stage.ledger.wish(again.event, again.owner).await.unwrap(), None);
    assert_eq!(stage.lines(before).await, []);
}

/// The letter about an offer is among the deliveries once the offer is noted, and comes back as it was.
pub async fn an_offer_is_written_about_once_it_is_noted(ledger: Arc<dyn Ledger>) {
    let stage = Stage::new(ledger).await;
    let wish = stage.waiting_wish(1, 2).await;
    let letter = |offer: &Offer| {
        let (to, writing) = wish.letters.clone().unwrap();
        let content = Content::Offer(OfferLetter { reservation: offer.reservation, to, writing });
        Delivery::new(DeliveryId(id()), content, at(1_000))
    };
    let late = Offer { attempt: 7, ..stage.offer(&wish) };
    let late = Offer { letter: Some(letter(&late)), ..late };
    assert!(!stage.ledger.offer_wish(&late).await.unwrap());
    assert_eq!(stage.ledger.due_lanes(at(2_000)).await.unwrap(), []);
    let offer = stage.offer(&wish);
    let written = letter(&offer);
    let offer = Offer { letter: Some(written.clone()), ..offer };
    assert!(stage.ledger.offer_wish(&offer).await.unwrap());
    assert!(!stage.ledger.offer_wish(&offer).await.unwrap());
    let lease = Lease { id: id(), now: at(2_000), until: at(60_000) };
    let claimed = stage.ledger.claim_deliveries(Lane::Mail, 10, lease).await.unwrap();
    assert_eq!(claimed, [Delivery { attempts: 1, due_at: lease.until, ..written }]);
}
