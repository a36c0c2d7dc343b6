//! The waiting room's use cases over the in-process store: from joining to the used-up pass, and what a lost store,
//! a silent store and a stranger get.

#![expect(clippy::unwrap_used, reason = "each function is a test")]

use std::sync::Arc;

use onsale_app::{
    Caller, CallerKind,
    errors::{AppError, Reason},
    ports::{
        admissions::{Bought, PassGrant, PlaceTicket},
        clock::Clock,
        ledger::{Event, Events, Role},
        waiting_room::WaitingRooms,
    },
    waiting_room::{ControlWish, Joined, Rooms},
};
use onsale_domain::{
    events::{EventSettings, OnePlacePer, WaitingRoomMode, WaitingRoomSettings},
    ids::{AccountId, EventId},
    units::Counts,
    waiting_room::{
        AddressKey, Place,
        receipts::{PublishedDraw, Verified, verify},
        summary::Status,
    },
};
use onsale_hot::memory::{MemoryStore, journal::volatile::VolatileJournal};
use onsale_testkit::{
    clock::{ManualClock, SeededEntropy},
    ledger::MemoryLedger,
};
use uuid::Uuid;

struct Scene {
    rooms: Rooms,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    journal: VolatileJournal,
    event: EventId,
}

/// More than anybody here takes.
const PLENTY: Option<Counts> = Some(Counts { available: 100_000, held: 0, paying: 0, sold: 0, blocked: 0 });

fn caller(n: u32) -> Caller {
    Caller { account: AccountId(Uuid::from_u128(u128::from(n))), kind: CallerKind::Guest, role: Role::Buyer }
}

fn organizer() -> Caller {
    Caller { account: AccountId(Uuid::from_u128(999)), kind: CallerKind::Account, role: Role::Organizer }
}

fn reason<T: std::fmt::Debug>(answer: Result<T, AppError>) -> Reason {
    answer.unwrap_err().reason()
}

impl Scene {
    async fn new(change: impl FnOnce(&mut WaitingRoomSettings, &ManualClock)) -> Self {
        let clock = Arc::new(ManualClock::new());
        let mut room = WaitingRoomSettings { mode: WaitingRoomMode::On, ..WaitingRoomSettings::default() };
        change(&mut room, &clock);
        let ledger = Arc::new(MemoryLedger::new());
        let event = EventId(Uuid::from_u128(5));
        let settings = EventSettings { waiting_room: room, ..EventSettings::default() };
        let made = Event {
            id: event,
            organizer: organizer().account,
            title: "a concert".into(),
            description: None,
            settings,
            created_at: clock.now(),
        };
        ledger.create_event(&made, None).await.unwrap();
        let journal = VolatileJournal::new();
        let rooms = Self::service(&journal, &ledger, &clock, 1);
        Self { rooms, ledger, clock, journal, event }
    }

    fn service(
        journal: &VolatileJournal,
        ledger: &Arc<MemoryLedger>,
        clock: &Arc<ManualClock>,
        seed: u64,
    ) -> Rooms {
        let time: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
        let store = MemoryStore::open_inline(Box::new(journal.clone()), Arc::clone(&time)).unwrap();
        let events = Arc::clone(ledger) as Arc<dyn Events>;
        Rooms::new(Arc::new(store) as Arc<dyn WaitingRooms>, events, time, Arc::new(SeededEntropy::new(seed)))
    }

    async fn join(&self, n: u32) -> Joined {
        self.rooms.join(caller(n), self.event, None).await.unwrap()
    }

    async fn tickets(&self, count: u32) -> Vec<PlaceTicket> {
        let mut tickets = Vec::new();
        for n in 0..count {
            tickets.push(self.join(n).await.ticket);
        }
        tickets
    }

    async fn pass(&self, ms: u64, on_sale: Option<Counts>) -> u32 {
        let mut called = 0;
        for _ in 0..ms.div_ceil(250) {
            self.clock.advance(250);
            called += self.rooms.admit(self.event, on_sale).await.unwrap();
        }
        // What a node keeps at hand is older than that no longer.
        self.clock.advance(250);
        called
    }

    async fn progress(&self, n: u32, ticket: PlaceTicket) -> Result<Status, AppError> {
        self.rooms.progress(caller(n).account, ticket).await.map(|progress| progress.status)
    }

    async fn enter(&self, n: u32, ticket: PlaceTicket) -> Result<PassGrant, AppError> {
        self.rooms.enter(caller(n).account, ticket).await
    }
}

#[tokio::test]
async fn from_joining_to_the_used_up_pass() {
    let scene = Scene::new(|room, _| room.max_inside = 2).await;
    let tickets = scene.tickets(5).await;
    let again = scene.join(0).await;
    assert_eq!((again.ticket, again.is_new), (tickets[0], false));
    assert_eq!(reason(scene.enter(0, tickets[0]).await), Reason::NotYourTurn);
    assert_eq!(scene.pass(1_000, PLENTY).await, 2);
    assert!(matches!(scene.progress(0, tickets[0]).await, Ok(Status::Ready(Some(_)))));
    assert_eq!(scene.progress(2, tickets[2]).await.unwrap(), Status::Waiting);
    let pass = scene.enter(0, tickets[0]).await.unwrap();
    assert_eq!(scene.enter(0, tickets[0]).await.unwrap(), pass, "asking again gives the same pass");
    assert_eq!(scene.rooms.check_pass(caller(0).account, pass).await.unwrap(), pass.until);
    // Somebody else with this pass or ticket.
    assert_eq!(reason(scene.rooms.check_pass(caller(1).account, pass).await), Reason::PassInvalid);
    assert_eq!(reason(scene.enter(1, tickets[0]).await), Reason::TicketInvalid);
    assert_eq!(reason(scene.rooms.leave(caller(1).account, tickets[0]).await), Reason::TicketInvalid);
    // A pass made up for somebody who was not let in.
    let forged = PassGrant { ticket: tickets[1], ..pass };
    assert_eq!(reason(scene.rooms.check_pass(caller(1).account, forged).await), Reason::PassInvalid);
    // Nobody is called while nothing is on sale.
    assert_eq!(scene.pass(1_000, None).await, 0);
    let bought = Bought { event: scene.event, buyer: caller(0).account, units: 2, at: scene.clock.now() };
    assert!(scene.rooms.complete(bought).await.unwrap());
    assert!(!scene.rooms.complete(bought).await.unwrap(), "told again");
    assert_eq!(reason(scene.rooms.check_pass(caller(0).account, pass).await), Reason::PassUsed);
    scene.clock.advance(600_000);
    assert_eq!(reason(scene.rooms.check_pass(caller(0).account, pass).await), Reason::PassExpired);
    assert_eq!(reason(scene.progress(0, tickets[0]).await), Reason::TicketInvalid);
    for _ in 0..2 {
        scene.rooms.leave(caller(4).account, tickets[4]).await.unwrap();
    }
}

#[tokio::test]
async fn polls_ask_the_store_a_few_times_a_second_however_many_there_are() {
    let scene = Scene::new(|_, _| ()).await;
    let tickets = scene.tickets(3).await;
    scene.clock.advance(250);
    let first = scene.rooms.summary(scene.event).await.unwrap();
    for _ in 0..1_000 {
        scene.progress(1, tickets[1]).await.unwrap();
        assert!(Arc::ptr_eq(&first, &scene.rooms.summary(scene.event).await.unwrap()), "the same summary");
    }
    scene.clock.advance(250);
    scene.progress(1, tickets[1]).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &scene.rooms.summary(scene.event).await.unwrap()));
}

#[tokio::test]
async fn a_receipt_proves_the_position_that_was_told() {
    let opens_in_ms = 60_000;
    let scene = Scene::new(|room, clock| room.opens_at = Some(clock.now().plus_ms(opens_in_ms))).await;
    let tickets = scene.tickets(40).await;
    let before = scene.rooms.draw(scene.event).await.unwrap();
    assert!(before.facts.is_none());
    assert_eq!(reason(scene.rooms.receipt(caller(3).account, tickets[3]).await), Reason::NotFound);
    scene.pass(opens_in_ms, PLENTY).await;
    let late = scene.join(77).await.ticket;
    let facts = scene.rooms.draw(scene.event).await.unwrap().facts.unwrap();
    assert_eq!((facts.commitment, facts.lobby_count), (before.commitment, 40));
    for (n, ticket) in (0..).zip(&tickets) {
        let told = scene.rooms.progress(caller(n).account, *ticket).await.unwrap().position.unwrap();
        let receipt = scene.rooms.receipt(caller(n).account, *ticket).await.unwrap();
        let text = serde_json::to_string(&receipt).unwrap();
        let proved = Verified::Receipt { place: Place(n), position: told };
        assert_eq!(verify(&text, Some(before.commitment)), Ok(proved));
    }
    assert_eq!(reason(scene.rooms.receipt(caller(4).account, tickets[3]).await), Reason::TicketInvalid);
    assert_eq!(reason(scene.rooms.receipt(caller(77).account, late).await), Reason::NotFound);
    let entries = scene.rooms.entries(scene.event, Place(0)).await.unwrap();
    assert!(PublishedDraw { draw: facts, entries }.verify().is_ok());
}

#[tokio::test]
async fn an_organizer_sets_and_a_stranger_does_not() {
    let scene = Scene::new(|_, _| ()).await;
    let tickets = scene.tickets(100).await;
    let pause = ControlWish { paused: Some(true), ..ControlWish::default() };
    let stranger = Caller { account: caller(1).account, ..organizer() };
    for refused in [caller(1), stranger] {
        assert_eq!(reason(scene.rooms.control(refused, scene.event, pause).await), Reason::Forbidden);
    }
    assert!(scene.rooms.control(organizer(), scene.event, pause).await.unwrap().control.paused);
    assert_eq!(scene.pass(5_000, PLENTY).await, 0);
    let slow = ControlWish { paused: Some(false), admit_per_second: Some(Some(2)), ..ControlWish::default() };
    scene.rooms.control(organizer(), scene.event, slow).await.unwrap();
    // What the faster rate had gathered is taken back with the first step.
    scene.pass(250, PLENTY).await;
    assert_eq!(scene.pass(3_000, PLENTY).await, 6);
    let close = ControlWish { closed: Some(true), ..ControlWish::default() };
    let summary = scene.rooms.control(organizer(), scene.event, close).await.unwrap();
    assert_eq!(summary.control.admit_per_second, Some(2), "what is left out stays");
    assert_eq!(scene.progress(90, tickets[90]).await.unwrap(), Status::Closed);
    assert_eq!(reason(scene.rooms.join(caller(500), scene.event, None).await), Reason::SaleClosed);
    let silly = ControlWish { max_inside: Some(Some(2_000_000)), ..ControlWish::default() };
    assert_eq!(reason(scene.rooms.control(organizer(), scene.event, silly).await), Reason::Validation);
}

#[tokio::test]
async fn sold_out_is_told_to_everybody() {
    let scene = Scene::new(|_, _| ()).await;
    let tickets = scene.tickets(10).await;
    scene.pass(1_000, Some(Counts::default())).await;
    for (n, ticket) in (0..).zip(tickets) {
        assert_eq!(scene.progress(n, ticket).await.unwrap(), Status::SoldOut);
        assert_eq!(reason(scene.enter(n, ticket).await), Reason::SoldOut);
    }
    assert_eq!(reason(scene.rooms.join(caller(50), scene.event, None).await), Reason::SoldOut);
}

#[tokio::test]
async fn one_address_counts_only_where_the_event_says_so() {
    for (one_place_per, expected) in
        [(OnePlacePer::Buyer, None), (OnePlacePer::Address, Some(Reason::Duplicate))]
    {
        let scene = Scene::new(|room, _| room.one_place_per = one_place_per).await;
        let address = Some(AddressKey([4; 8]));
        scene.rooms.join(caller(1), scene.event, address).await.unwrap();
        let second = scene.rooms.join(caller(2), scene.event, address).await;
        assert_eq!(second.err().map(|error| error.reason()), expected);
    }
}

#[tokio::test]
async fn an_event_without_a_room_has_none() {
    let scene = Scene::new(|room, _| room.mode = WaitingRoomMode::Off).await;
    assert_eq!(reason(scene.rooms.join(caller(1), scene.event, None).await), Reason::NotFound);
    let nowhere = EventId(Uuid::from_u128(404));
    assert_eq!(reason(scene.rooms.join(caller(1), nowhere, None).await), Reason::NotFound);
    assert!(scene.rooms.in_use().is_empty());
}

#[tokio::test]
async fn while_the_store_cannot_write_polls_go_on_and_joins_are_not_now() {
    let scene = Scene::new(|_, _| ()).await;
    let tickets = scene.tickets(3).await;
    scene.journal.set_full(true);
    scene.clock.advance(5_000);
    assert_eq!(reason(scene.rooms.join(caller(9), scene.event, None).await), Reason::Unavailable);
    assert_eq!(scene.progress(1, tickets[1]).await.unwrap(), Status::Waiting);
    scene.journal.set_full(false);
    assert_eq!(scene.join(9).await.ticket.place, Place(3));
}

#[tokio::test]
async fn after_the_store_is_lost_passes_hold_and_tickets_are_told_to_join_again() {
    let scene = Scene::new(|_, _| ()).await;
    let tickets = scene.tickets(3).await;
    scene.pass(1_000, PLENTY).await;
    let pass = scene.enter(0, tickets[0]).await.unwrap();
    // A restart on the same journal loses nothing.
    let restarted = Scene::service(&scene.journal, &scene.ledger, &scene.clock, 2);
    assert_eq!(restarted.join(caller(2), scene.event, None).await.unwrap().ticket, tickets[2]);
    assert_eq!(restarted.check_pass(caller(0).account, pass).await.unwrap(), pass.until);
    // An empty one is another room.
    let lost = Scene::service(&VolatileJournal::new(), &scene.ledger, &scene.clock, 3);
    assert_eq!(lost.check_pass(caller(0).account, pass).await.unwrap(), pass.until, "before it is begun");
    assert_eq!(reason(lost.progress(caller(1).account, tickets[1]).await), Reason::TicketInvalid);
    let again = lost.join(caller(1), scene.event, None).await.unwrap();
    assert_eq!((again.ticket.place, again.is_new), (Place(0), true));
    assert_ne!(again.ticket.generation, tickets[1].generation);
    assert_eq!(lost.check_pass(caller(0).account, pass).await.unwrap(), pass.until, "and after it");
}
