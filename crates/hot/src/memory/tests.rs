//! What only the in-process store has: a journal that can fail, and a state that has to go back with it.

use onsale_app::ports::hot::{ChangeLog, Reservations, Stock};
use onsale_domain::{
    ids::{AccountId, PerformanceNumber, ReservationId},
    inventory::Image,
    reservations::{Choice, HoldOutcome, HoldRequest},
    seating::{Layout, SeatingPlan},
    units::{Unit, Units},
};
use onsale_testkit::clock::ManualClock;
use uuid::Uuid;

use super::{
    journal::{sqlite::SqliteJournal, volatile::VolatileJournal},
    *,
};

const SEATS: u32 = 20;

fn performance() -> PerformanceId {
    PerformanceId(Uuid::from_u128(1))
}

fn owner(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

fn request(n: u64, seat: u32) -> HoldRequest {
    HoldRequest {
        id: ReservationId::compose(n, PerformanceNumber(1), n),
        owner: owner(u128::from(n)),
        choice: Choice::Seats(Units::from_slice(&[Unit(seat)])),
        ttl_ms: 60_000,
        max_per_owner: 4,
        key: None,
        is_key_new: false,
    }
}

fn untouched() -> Image {
    Image::untouched(Layout::new(&SeatingPlan::grid(1, SEATS).unwrap(), &[]), 1)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp(1_000_000)))
}

fn on_a_thread(journal: &VolatileJournal) -> MemoryStore {
    MemoryStore::open(Box::new(journal.clone()), clock(), Box::new(|_| ())).unwrap()
}

async fn hold(store: &MemoryStore, n: u64, seat: u32) -> Result<HoldOutcome, HotError> {
    store.hold(performance(), request(n, seat)).await.map(|decided| decided.outcome)
}

#[tokio::test]
async fn a_full_disk_refuses_commands_serves_reads_and_recovers() {
    for inline in [true, false] {
        let journal = VolatileJournal::new();
        let store = if inline {
            MemoryStore::open_inline(Box::new(journal.clone()), clock()).unwrap()
        } else {
            on_a_thread(&journal)
        };
        store.load(performance(), untouched()).await.unwrap();
        assert!(matches!(hold(&store, 1, 1).await, Ok(HoldOutcome::Held(_))));
        let before = store.availability(performance()).await.unwrap();

        journal.set_full(true);
        for n in 2..6 {
            let refused = hold(&store, n, u32::try_from(n).unwrap()).await;
            assert!(matches!(refused, Err(HotError::Store(StoreError::Unavailable(_)))), "{refused:?}");
        }
        assert_eq!(
            store.availability(performance()).await.unwrap(),
            before,
            "back at the last durable position"
        );
        assert!(store.health().await.is_err());

        journal.set_full(false);
        // The journal thread looks again every 200 ms; a refusal meanwhile is as good as before.
        let mut recovered = false;
        for _ in 0..100 {
            if matches!(hold(&store, 7, 2).await, Ok(HoldOutcome::Held(_))) {
                recovered = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(recovered, "commands are accepted again");
        let after = store.availability(performance()).await.unwrap();
        assert_eq!((after.counts.held, after.position.offset), (2, before.position.offset + 1));
        assert!(store.image(performance()).await.is_ok());
        store.shut_down().await;
    }
}

#[tokio::test]
async fn many_at_once_on_a_filling_disk_are_each_told_the_truth() {
    let journal = VolatileJournal::new();
    let store = on_a_thread(&journal);
    store.load(performance(), untouched()).await.unwrap();
    let mut answers = tokio::task::JoinSet::new();
    for n in 1..=u64::from(SEATS) {
        let (store, journal) = (store.clone(), journal.clone());
        answers.spawn(async move {
            if n == 10 {
                journal.set_full(true);
            }
            (n, matches!(hold(&store, n, u32::try_from(n).unwrap()).await, Ok(HoldOutcome::Held(_))))
        });
    }
    let answered = answers.join_all().await;
    journal.set_full(false);
    // What the journal has is what was said.
    let reopened = MemoryStore::open_inline(Box::new(journal), clock()).unwrap();
    for (n, was_held) in answered {
        let id = request(n, 1).id;
        assert_eq!(reopened.find(performance(), id).await.unwrap().is_some(), was_held, "hold {n}");
    }
    store.shut_down().await;
}

#[tokio::test]
async fn a_store_opened_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
        MemoryStore::open(Box::new(journal), clock(), Box::new(|_| ())).unwrap()
    };
    let first = open();
    first.load(performance(), untouched()).await.unwrap();
    let made = hold(&first, 1, 1).await.unwrap();
    let position = first.availability(performance()).await.unwrap().position;
    // Not shut down: the first store is left as a killed process would leave it.
    let second = open();
    let HoldOutcome::Held(made) = made else { panic!("not held") };
    assert_eq!(second.find(performance(), made.id).await.unwrap().unwrap().hold, made);
    assert_eq!(second.availability(performance()).await.unwrap().position, position);
    assert!(matches!(
        hold(&second, 2, 1).await,
        Ok(HoldOutcome::Refused(onsale_domain::reservations::HoldRefusal::SeatTaken(_)))
    ));
    second.shut_down().await;
    // After an orderly end the image is enough; the sequence goes on all the same.
    let third = open();
    let decided = third.hold(performance(), request(3, 2)).await.unwrap();
    assert_eq!(decided.sequence, Some(2));
    third.shut_down().await;
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_after_a_restart_and_what_is_does_not() {
    let journal = VolatileJournal::new();
    let store = MemoryStore::open_inline(Box::new(journal.clone()), clock()).unwrap();
    store.load(performance(), untouched()).await.unwrap();
    hold(&store, 1, 1).await.unwrap();
    let batch = store.next(100, 0).await.unwrap().unwrap();
    assert_eq!(batch.changes.len(), 1);
    store.acknowledge(batch).await.unwrap();
    hold(&store, 2, 2).await.unwrap();
    let again = MemoryStore::open_inline(Box::new(journal), clock()).unwrap();
    let batch = again.next(100, 0).await.unwrap().unwrap();
    assert_eq!(batch.changes.iter().map(|change| change.sequence).collect::<Vec<_>>(), [2]);
}
