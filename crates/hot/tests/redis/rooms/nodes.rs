//! Several nodes on one room: they agree on who is next, nobody gets a place twice or in twice, and what one does the
//! others know.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use onsale_app::ports::waiting_room::{Holder, WaitingRooms as _};
use onsale_domain::waiting_room::{
    Control, EndOutcome, EnterOutcome, Gate, JoinOutcome, Place, Standing, Terms, Turn,
    receipts::PublishedDraw, room::JoinRequest, summary::Status,
};
use onsale_testkit::servers::{
    or_passed_over,
    redis::{Cluster, Redis},
};
use tokio::task::JoinSet;

use super::scene::{Scene, buyer, in_ms, is_away, terms};
use crate::{
    nodes::go_between,
    stage::{BOUND, SOON, node},
};

/// 400 buyers, each asking at both nodes at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_give_no_place_twice_and_leave_none_out() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let mut asking = JoinSet::new();
    for task in 0..32_u32 {
        let scene = scene.seen_from(&stores[task as usize % 2]);
        asking.spawn(async move {
            let mut answers = Vec::new();
            for n in (task / 2..400).step_by(16) {
                answers.push((n, scene.try_join(n).await.unwrap()));
            }
            answers
        });
    }
    let (mut places, mut sequences) = (BTreeMap::new(), BTreeMap::new());
    for (n, (outcome, sequence)) in asking.join_all().await.into_iter().flatten() {
        match outcome {
            JoinOutcome::Placed(place) => assert_eq!(sequences.insert(sequence.unwrap(), place), None),
            JoinOutcome::Same(_) => assert_eq!(sequence, None),
            other => panic!("{other:?}"),
        }
        let (JoinOutcome::Placed(place) | JoinOutcome::Same(place)) = outcome else { continue };
        assert_eq!(*places.entry(n).or_insert(place), place, "one place for buyer {n}");
    }
    let given: Vec<u32> = sequences.into_values().map(|place| place.0).collect();
    assert_eq!(given, (0..400).collect::<Vec<_>>(), "in the order of their numbers, without a gap");
    assert_eq!(places.values().collect::<BTreeSet<_>>().len(), 400);
}

/// What somebody was told, and when: from before the question to after the answer.
struct Told {
    asked: Instant,
    answered: Instant,
    place: Place,
    is_inside: bool,
}

/// Asks until inside, stays a little, and leaves.
async fn visit(scene: Scene, holder: Holder, inside: Arc<AtomicU32>) -> Vec<Told> {
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        assert!(begun.elapsed() < SOON, "{holder:?} does not come in");
        let asked = Instant::now();
        let outcome = scene.enter(holder).await;
        let answered = Instant::now();
        let is_inside = matches!(outcome, EnterOutcome::Inside { .. });
        match outcome {
            EnterOutcome::Inside { .. } | EnterOutcome::NotYet => {
                told.push(Told { asked, answered, place: holder.place, is_inside });
            }
            EnterOutcome::AtDoor => {}
            other => panic!("{holder:?}: {other:?}"),
        }
        if is_inside {
            // Fewer than Redis knows of: counted after they are let in, and until before they leave.
            let count = inside.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(count <= 20, "{count} inside");
            tokio::time::sleep(Duration::from_millis(20)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            assert_eq!(scene.end(holder).await, EndOutcome::Ended);
            return told;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_let_in_in_order_and_never_too_many() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let (inside, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut visits = JoinSet::new();
    for n in 0..160 {
        let holder = scene.joined(n).await;
        visits.spawn(visit(scene.seen_from(&stores[n as usize % 2]), holder, Arc::clone(&inside)));
    }
    let steps: Vec<_> = stores
        .iter()
        .map(|store| {
            let (scene, stop) = (scene.seen_from(store), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut front = 0;
                while !stop.load(Ordering::SeqCst) {
                    scene.admit().await;
                    let summary = scene.summary().await;
                    assert!(summary.inside <= 20, "{summary:?}");
                    assert!(summary.front.0 >= front, "the front never goes back");
                    front = summary.front.0;
                    assert!(summary.turns.iter().all(|(place, _)| place.0 < front), "only who was called");
                    tokio::time::sleep(Duration::from_millis(15)).await;
                }
            })
        })
        .collect();
    let told: Vec<Told> = visits.join_all().await.into_iter().flatten().collect();
    stop.store(true, Ordering::SeqCst);
    for step in steps {
        step.await.unwrap();
    }
    assert_eq!(told.iter().filter(|told| told.is_inside).count(), 160);
    for early in told.iter().filter(|told| told.is_inside) {
        let passed_over = told
            .iter()
            .find(|late| !late.is_inside && late.place < early.place && late.asked > early.answered);
        assert!(passed_over.is_none(), "{:?} before {:?}", early.place, passed_over.map(|late| late.place));
    }
    let summary = scene.summary().await;
    assert_eq!((summary.inside, summary.front.0, summary.turns.len()), (0, 160, 0));
}

/// The lobby closes by time while both nodes take joins: both come to the same order, and it can be checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_draw_one_order_while_people_are_joining() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let terms = Terms { opens_at: Some(in_ms(1_000)), ..terms() };
    let scene = Scene::begin(&stores[0], terms).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut joins = JoinSet::new();
    for task in 0..8_u32 {
        let (scene, stop) = (scene.seen_from(&stores[task as usize % 2]), Arc::clone(&stop));
        joins.spawn(async move {
            let mut n = task;
            while !stop.load(Ordering::SeqCst) {
                scene.joined(n).await;
                n += 8;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    let begun = Instant::now();
    for store in &stores {
        let scene = scene.seen_from(store);
        while scene.summary().await.order.is_none() {
            assert!(begun.elapsed() < SOON, "it does not open");
            scene.admit().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let late = scene.joined(u32::MAX).await;
    stop.store(true, Ordering::SeqCst);
    joins.join_all().await;
    let seen = [scene.summary().await, scene.seen_from(&stores[1]).summary().await];
    assert_eq!((&seen[0].order, seen[0].opened), (&seen[1].order, seen[1].opened));
    let lobby = seen[0].lobby().unwrap();
    assert!(lobby > 100 && lobby <= late.place.0 && late.place.0 < seen[0].joined, "{lobby}: {late:?}");
    assert_eq!(seen[1].progress(late.place, in_ms(0)).position, Some(late.place.0 + 1));
    let entries = scene.store.entries(scene.event, Place(0), lobby).await.unwrap();
    PublishedDraw { draw: seen[1].draw().unwrap(), entries }.verify().unwrap();
}

/// A figure of `INFO`: what stands behind `line:` or `line:field=`.
fn stat(server: &Redis, name: &str) -> f64 {
    let info = server.ask(&["INFO", "everything"]).unwrap();
    let (line, field) = name.split_once(':').unwrap();
    let found = info.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
    let value = found.split(',').find_map(|part| part.strip_prefix(field)).unwrap();
    value.trim().parse().unwrap()
}

/// More entries than one chunk and one portion have; and what a join through one node costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lobby_of_several_chunks_is_drawn_over_all_of_them() {
    const PLACES: u32 = 66_000;
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], Terms { opens_at: Some(in_ms(3_600_000)), ..terms() }).await;
    let (begun, empty) = (Instant::now(), stat(&server, "used_memory:"));
    let mut joins = JoinSet::new();
    for task in 0..64_u32 {
        let scene = scene.clone();
        joins.spawn(async move {
            for n in (task..PLACES).step_by(64) {
                scene.joined(n).await;
            }
        });
    }
    joins.join_all().await;
    let pace = f64::from(PLACES) / begun.elapsed().as_secs_f64();
    let of_redis = stat(&server, "cmdstat_evalsha:calls=");
    let grown = stat(&server, "used_memory:") - empty;
    println!(
        "{pace:.0} joins a second through one node, 64 at once; Redis works {:.1} µs for one; {:.0} bytes a place",
        stat(&server, "cmdstat_evalsha:usec=") / of_redis,
        grown / f64::from(PLACES),
    );
    let open =
        Scene { terms: Terms { opens_at: Some(in_ms(0)), ..scene.terms }, ..scene.seen_from(&stores[1]) };
    let begun = Instant::now();
    let called = open.admit().await;
    println!("drawn in {:?}", begun.elapsed());
    let summary = scene.summary().await;
    assert_eq!((summary.lobby(), summary.joined), (Some(PLACES), PLACES));
    let entries = open.store.entries(scene.event, Place(0), PLACES + 1).await.unwrap();
    assert_eq!(entries.len(), PLACES as usize);
    let middle = open.store.entries(scene.event, Place(64_990), 20).await.unwrap();
    assert_eq!(middle, entries[64_990..65_010]);
    PublishedDraw { draw: summary.draw().unwrap(), entries }.verify().unwrap();
    open.called(20 - called).await;
}

/// The answer is lost after Redis has done it: it is asked again, done once, and answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_whose_answer_was_lost_is_done_once() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let swallow = Arc::new(AtomicU32::new(0));
    let port = go_between(server.port(), Arc::clone(&swallow)).await;
    let far = node(&format!("redis://127.0.0.1:{port}")).await;
    let scene = Scene::begin(&far, terms()).await;
    let direct = scene.seen_from(&node(&server.url()).await);
    let warm = scene.joined(0).await;
    direct.called(1).await;
    assert!(matches!(scene.enter(warm).await, EnterOutcome::Inside { .. }));
    scene.end(warm).await;
    let lost = |nth| swallow.store(nth, Ordering::SeqCst);
    // A join is one question; what is decided here is a look and a commit.
    lost(1);
    assert_eq!(scene.joined(1).await.place, Place(1));
    assert_eq!(scene.summary().await.joined, 2);
    direct.called(1).await;
    for (n, nth) in [(1, 2), (2, 1)] {
        let holder = direct.joined(n).await;
        if n == 2 {
            direct.called(1).await;
        }
        lost(nth);
        let EnterOutcome::Inside { until } = scene.enter(holder).await else { panic!("{holder:?}") };
        assert_eq!(swallow.load(Ordering::SeqCst), 0);
        assert_eq!(direct.standing(holder).await, Standing::Turn(Turn::Inside { until }));
        lost(nth);
        let ended =
            scene.store.end(scene.event, holder, onsale_domain::waiting_room::Leaving::Left, scene.terms);
        let decided = ended.await.unwrap();
        assert!(decided.outcome == EndOutcome::Ended && decided.sequence.is_some(), "{decided:?}");
        assert_eq!(direct.standing(holder).await, Standing::Ended);
    }
    let summary = direct.summary().await;
    assert_eq!((summary.inside, summary.joined, summary.gone_ahead), (0, 3, 0));
}

/// What nodes read a few times a second stays small, however large the room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_summary_is_one_question_and_a_few_hundred_bytes() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene =
        Scene::begin(&stores[0], Terms { max_inside: 2_000, admit_per_second: 2_000, ..terms() }).await;
    for n in 0..800 {
        scene.joined(n).await;
    }
    scene.called(800).await;
    let other = scene.seen_from(&stores[1]);
    assert_eq!(other.summary().await.turns.len(), 800);
    let info = server.ask(&["INFO", "everything"]).unwrap().len() as f64;
    let (calls, bytes) = (stat(&server, "cmdstat_evalsha:calls="), stat(&server, "total_net_output_bytes:"));
    for _ in 0..100 {
        assert_eq!(other.summary().await.turns.len(), 800);
    }
    let calls = stat(&server, "cmdstat_evalsha:calls=") - calls;
    assert!((99.5..100.5).contains(&calls), "{calls} questions");
    // The two answers of INFO in between are counted as well.
    let each = (stat(&server, "total_net_output_bytes:") - bytes - 2.0 * info) / 100.0;
    println!("{each:.0} bytes a summary");
    assert!(each < 1_000.0, "{each} bytes a summary");
    // And one that has fallen behind learns what it missed, not everything.
    let whole = stat(&server, "cmdstat_hgetall:calls=");
    let begun = Instant::now();
    for place in 0..100 {
        scene.enter(scene.holder(place, Place(place))).await;
    }
    println!("{:?} for an entry, one after the other", begun.elapsed() / 100);
    assert_eq!(other.summary().await.inside, 100);
    assert!(stat(&server, "cmdstat_hgetall:calls=") - whole < 0.5, "nobody reads all turns again");
}

/// What an organizer sets at one node holds at the other with the next question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_at_one_node_holds_at_the_other_at_once() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let other = scene.seen_from(&stores[1]);
    let holder = other.joined(0).await;
    scene.called(1).await;
    let set =
        async |gate| scene.store.control(scene.event, Control::default(), gate, scene.terms).await.unwrap();
    assert!(set(Gate::Closed).await.outcome);
    assert_eq!(other.enter(holder).await, EnterOutcome::Refused(Gate::Closed));
    assert_eq!(other.try_join(1).await.unwrap().0, JoinOutcome::Refused(Gate::Closed));
    assert_eq!(other.summary().await.progress(holder.place, in_ms(0)).status, Status::Closed);
    assert!(set(Gate::Open).await.outcome);
    assert!(matches!(other.enter(holder).await, EnterOutcome::Inside { .. }));
}

/// Somebody in the lobby leaves, another from the same address takes the turn: coming back is refused, at whichever
/// node, and where both come at once, one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_one_place_whoever_comes_back_at_the_same_time() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], Terms { opens_at: Some(in_ms(3_600_000)), ..terms() }).await;
    for round in 0..30_u32 {
        let address = Some(onsale_domain::waiting_room::AddressKey(u64::from(round).to_be_bytes()));
        let join = |store: usize, n: u32| {
            let (scene, request) =
                (scene.seen_from(&stores[store]), JoinRequest { buyer: buyer(n), address });
            async move { scene.store.join(scene.event, request, scene.terms).await.unwrap().outcome }
        };
        let JoinOutcome::Placed(place) = join(0, round * 2).await else { panic!("{round}") };
        let left = scene.holder(round * 2, place);
        let leaving = onsale_domain::waiting_room::Leaving::Left;
        scene.store.end(scene.event, left, leaving, scene.terms).await.unwrap();
        let (back, other) = tokio::join!(join(0, round * 2), join(1, round * 2 + 1));
        let placed = [back, other].iter().filter(|answer| matches!(answer, JoinOutcome::Placed(_))).count();
        let refused = [back, other].iter().filter(|answer| **answer == JoinOutcome::Duplicate).count();
        assert_eq!((placed, refused), (1, 1), "round {round}: {back:?}, {other:?}");
        assert_eq!(matches!(back, JoinOutcome::Placed(_)), scene.standing(left).await == Standing::Lobby);
    }
}

/// A room's slot is moved from server to server while people join and are called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_while_people_join_loses_nobody() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    let stores = [node(&cluster.url()).await, node(&cluster.url()).await];
    let scene = Scene::begin(&stores[0], Terms { max_inside: 10_000, ..terms() }).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut joins = JoinSet::new();
    for task in 0..4_u32 {
        let (scene, stop) = (scene.seen_from(&stores[task as usize % 2]), Arc::clone(&stop));
        joins.spawn(async move {
            let (mut n, mut placed, mut away) = (task, Vec::new(), 0);
            while !stop.load(Ordering::SeqCst) {
                let begun = Instant::now();
                let answer = scene.try_join(n).await;
                assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
                match answer {
                    Ok((JoinOutcome::Placed(place) | JoinOutcome::Same(place), _)) => {
                        placed.push((n, place));
                        n += 4;
                    }
                    answer => {
                        assert!(is_away(&answer), "{answer:?}");
                        away += 1;
                    }
                }
            }
            (placed, away)
        });
    }
    let step = tokio::spawn({
        let (scene, stop) = (scene.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::SeqCst) {
                let answer = scene.store.admit(scene.event, None, scene.terms).await;
                assert!(answer.is_ok() || is_away(&answer), "{answer:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let meta = format!("onsale:{{{}}}:room:meta", scene.event);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (slot, at) = cluster.owner_of(&meta).unwrap();
        cluster.move_slot(slot, at, (at + 1) % 3).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    step.await.unwrap();
    let (mut placed, mut away) = (Vec::new(), 0);
    for (some, failures) in joins.join_all().await {
        placed.extend(some);
        away += failures;
    }
    println!("{} joined, {away} were told to ask again", placed.len());
    let distinct: BTreeSet<Place> = placed.iter().map(|(_, place)| *place).collect();
    assert!(placed.len() > 100 && distinct.len() == placed.len(), "{} places", placed.len());
    for (n, place) in placed {
        assert_eq!(scene.try_join(n).await.unwrap().0, JoinOutcome::Same(place));
    }
    let (summary, other) = (scene.summary().await, scene.seen_from(&stores[1]).summary().await);
    assert_eq!((summary.joined, &summary.turns, summary.front), (other.joined, &other.turns, other.front));
    assert_eq!(summary.turns.len(), summary.front.0 as usize, "nobody has come or left");
}
