//! Waiting rooms and the journal: what is cut off, refused or killed in between.

use onsale_app::ports::hot::Stock as _;
use onsale_domain::{events::WhenSoldOut, waiting_room::RoomImage};
use onsale_testkit::clock::ManualClock;
use uuid::Uuid;

use super::{
    super::journal::{
        Batch, Journal as _, JournalReader as _, sqlite::SqliteJournal, volatile::VolatileJournal,
    },
    *,
};

const MINUTE: u64 = 60_000;

fn event() -> EventId {
    EventId(Uuid::from_u128(3))
}

fn buyer(n: u32) -> Pseudonym {
    Pseudonym((u128::from(n) + 1).to_be_bytes())
}

fn holder(n: u32) -> Holder {
    Holder { generation: 1, place: Place(n), buyer: buyer(n) }
}

fn terms(clock: &ManualClock) -> Terms {
    use onsale_app::ports::clock::Clock as _;
    Terms {
        opens_at: Some(clock.now().plus_ms(MINUTE)),
        admit_per_second: 50,
        max_inside: 8,
        inside_for_ms: 10 * MINUTE,
        claim_within_ms: MINUTE,
        when_sold_out: WhenSoldOut::Close,
    }
}

async fn join(store: &MemoryStore, n: u32, terms: Terms) -> Result<JoinOutcome, RoomError> {
    let request = JoinRequest { buyer: buyer(n), address: None };
    store.join(event(), request, terms).await.map(|decided| decided.outcome)
}

/// As it is in memory, whether durable or not; `None`: not begun.
fn image(store: &MemoryStore) -> Option<RoomImage> {
    store.inner.room(event()).ok().map(|shard| shard.state.lock().room.image())
}

/// A history with every kind of change; calls `after` after each command.
async fn play(store: &MemoryStore, clock: &ManualClock, mut after: impl FnMut()) {
    let terms = terms(clock);
    store.begin(event(), 1, Secret([3; 32])).await.unwrap();
    after();
    for n in 0..30 {
        assert_eq!(join(store, n, terms).await.unwrap(), JoinOutcome::Placed(Place(n)));
        after();
    }
    store.end(event(), holder(7), Leaving::Left, terms).await.unwrap();
    after();
    join(store, 7, terms).await.unwrap();
    after();
    store.end(event(), holder(8), Leaving::Left, terms).await.unwrap();
    after();
    clock.advance(MINUTE);
    for round in 0..12 {
        clock.advance(15_000);
        store.admit(event(), None, terms).await.unwrap();
        after();
        if round == 1 {
            // Smaller than the number of those called: some come to the door.
            let small = Control { max_inside: Some(2), ..Control::default() };
            store.control(event(), small, Gate::Open, terms).await.unwrap();
            after();
        }
        for n in (0..30).filter(|n| n % 3 != 0) {
            store.enter(event(), holder(n), terms).await.unwrap();
            after();
        }
        if round % 2 == 1 {
            for n in (0..30).filter(|n| n % 3 == 1) {
                store.end(event(), holder(n), Leaving::Completed { units: 2 }, terms).await.unwrap();
                after();
            }
        }
        let control =
            Control { paused: round == 3, max_inside: (round > 6).then_some(3), ..Control::default() };
        let gate = if round == 5 { Gate::Closed } else { Gate::Open };
        store.control(event(), control, gate, terms).await.unwrap();
        after();
    }
}

#[tokio::test]
async fn wherever_the_journal_is_cut_the_room_is_as_it_was_then() {
    let journal = VolatileJournal::new();
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::open_inline(Box::new(journal.clone()), clock.clone()).unwrap();
    let mut then = BTreeMap::new();
    then.insert(0, None);
    play(&store, &clock, || {
        then.insert(journal.last_row(), image(&store));
    })
    .await;
    let rows = journal.clone().room_rows(0, usize::MAX).unwrap();
    let kinds: Vec<_> = rows.iter().flat_map(|(_, c)| c).map(|c| std::mem::discriminant(&c.change)).collect();
    let distinct = kinds.iter().collect::<std::collections::HashSet<_>>().len();
    assert!(then.len() > 50 && distinct == 10, "{} rows, {distinct} kinds of changes", then.len());
    for (row, image_then) in then {
        let cut = journal.cut(row);
        let again = MemoryStore::open_inline(Box::new(cut), clock.clone()).unwrap();
        assert_eq!(image(&again), image_then, "after row {row}");
    }
}

#[tokio::test]
async fn a_killed_store_has_every_place_again_and_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new());
    let open = || {
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
        MemoryStore::open(Box::new(journal), clock.clone(), Box::new(|_| ())).unwrap()
    };
    let first = open();
    play(&first, &clock, || ()).await;
    let before = image(&first);
    // Not shut down: left as a killed process would leave it.
    let second = open();
    assert_eq!(image(&second), before);
    let request = JoinRequest { buyer: buyer(30), address: None };
    let decided = second.join(event(), request, terms(&clock)).await.unwrap();
    assert_eq!(decided.outcome, JoinOutcome::Placed(Place(30)));
    // An orderly end writes an image; what comes after it is counted on.
    second.shut_down().await;
    let third = open();
    assert_eq!(join(&third, 31, terms(&clock)).await.unwrap(), JoinOutcome::Placed(Place(31)));
    let (before, sequence) = (image(&third), decided.sequence.unwrap());
    drop(third);
    let fourth = open();
    assert_eq!(image(&fourth), before);
    let request = JoinRequest { buyer: buyer(32), address: None };
    let decided = fourth.join(event(), request, terms(&clock)).await.unwrap();
    assert!(decided.sequence.unwrap() > sequence + 1, "no number is given twice");
    fourth.shut_down().await;
}

#[tokio::test]
async fn whoever_was_called_has_the_whole_time_again_after_a_restart() {
    let journal = VolatileJournal::new();
    let clock = Arc::new(ManualClock::new());
    let terms = Terms { opens_at: None, ..terms(&clock) };
    let store = MemoryStore::open_inline(Box::new(journal.clone()), clock.clone()).unwrap();
    store.begin(event(), 1, Secret([3; 32])).await.unwrap();
    for n in 0..5 {
        join(&store, n, terms).await.unwrap();
    }
    store.admit(event(), None, terms).await.unwrap();
    clock.advance(1_000);
    assert_eq!(store.admit(event(), None, terms).await.unwrap().outcome, 5);
    store.enter(event(), holder(0), terms).await.unwrap();
    // Away for longer than the turn; the wall clock may say anything.
    for away_ms in [5 * i64::try_from(MINUTE).unwrap(), -3_600_000] {
        use onsale_app::ports::clock::Clock as _;
        let now = Timestamp(clock.now().as_millis() + away_ms);
        let woken = Arc::new(ManualClock::at(now));
        let again =
            MemoryStore::open_inline(Box::new(journal.cut(journal.last_row())), woken.clone()).unwrap();
        again.admit(event(), None, terms).await.unwrap();
        woken.advance(MINUTE - 1);
        let entered = again.enter(event(), holder(1), terms).await.unwrap().outcome;
        assert!(matches!(entered, EnterOutcome::Inside { .. }), "{entered:?}");
        assert!(matches!(
            again.enter(event(), holder(0), terms).await.unwrap().outcome,
            EnterOutcome::Inside { .. }
        ));
    }
}

#[tokio::test]
async fn a_full_disk_gives_no_places_and_takes_none_away() {
    for inline in [true, false] {
        let journal = VolatileJournal::new();
        let clock = Arc::new(ManualClock::new());
        let terms = terms(&clock);
        let store = if inline {
            MemoryStore::open_inline(Box::new(journal.clone()), clock.clone()).unwrap()
        } else {
            MemoryStore::open(Box::new(journal.clone()), clock.clone(), Box::new(|_| ())).unwrap()
        };
        store.begin(event(), 1, Secret([3; 32])).await.unwrap();
        for n in 0..3 {
            join(&store, n, terms).await.unwrap();
        }
        journal.set_full(true);
        for n in 3..6 {
            let refused = join(&store, n, terms).await;
            assert!(matches!(refused, Err(RoomError::Store(StoreError::Unavailable(_)))), "{refused:?}");
        }
        assert!(store.begin(EventId(Uuid::from_u128(4)), 1, Secret([4; 32])).await.is_err());
        assert_eq!(store.summary(event(), terms).await.unwrap().joined, 3, "reads go on");
        journal.set_full(false);
        // The journal thread looks again every 200 ms; a refusal meanwhile is as good as before.
        let mut placed = None;
        for _ in 0..100 {
            if let Ok(outcome) = join(&store, 9, terms).await {
                placed = Some(outcome);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(placed, Some(JoinOutcome::Placed(Place(3))), "no gap, nobody moved");
        assert_eq!(join(&store, 1, terms).await.unwrap(), JoinOutcome::Same(Place(1)));
        let nowhere = store.summary(EventId(Uuid::from_u128(4)), terms).await;
        assert!(matches!(nowhere, Err(RoomError::NotBegun)));
        store.shut_down().await;
    }
}

#[tokio::test]
async fn a_journal_with_a_gap_is_refused() {
    let journal = VolatileJournal::new();
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::open_inline(Box::new(journal.clone()), clock.clone()).unwrap();
    store.begin(event(), 1, Secret([3; 32])).await.unwrap();
    for n in 0..3 {
        join(&store, n, terms(&clock)).await.unwrap();
    }
    let mut rows = journal.clone().room_rows(0, usize::MAX).unwrap();
    rows.remove(1);
    let damaged = VolatileJournal::new();
    let mut writer = damaged.clone();
    let image = RoomImage::empty(event(), 1, Secret([3; 32]));
    let batch = Batch { room_images: vec![image], ..Batch::default() };
    writer.append(&batch).unwrap();
    for (_, rooms) in rows {
        writer.append(&Batch { rooms, ..Batch::default() }).unwrap();
    }
    let opened = MemoryStore::open_inline(Box::new(damaged), clock);
    assert!(matches!(opened.err(), Some(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn whoever_has_a_place_that_has_not_ended_is_counted() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::open_inline(Box::new(VolatileJournal::new()), clock.clone()).unwrap();
    assert_eq!(store.places(), []);
    let terms = terms(&clock);
    store.begin(event(), 1, Secret([3; 32])).await.unwrap();
    assert_eq!(store.places(), [(event(), 0)]);
    for n in 0..5 {
        join(&store, n, terms).await.unwrap();
    }
    store.end(event(), holder(2), Leaving::Left, terms).await.unwrap();
    assert_eq!(store.places(), [(event(), 4)]);
}
