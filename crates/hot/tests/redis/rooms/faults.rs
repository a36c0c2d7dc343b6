//! Redis emptied, killed, set back and full under a waiting room.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use onsale_app::ports::{
    clock::Clock as _,
    waiting_room::{RoomError, WaitingRooms as _},
};
use onsale_domain::waiting_room::{EndOutcome, EnterOutcome, JoinOutcome, Place, Secret, Standing, Turn};
use onsale_hot::redis::{RedisSettings, RedisStore};
use onsale_testkit::{
    clock::ManualClock,
    servers::{
        or_passed_over,
        redis::{Durability, Options, Redis},
    },
};
use tokio::task::JoinSet;

use super::scene::{Scene, is_away, terms};
use crate::stage::{BOUND, node, until_back};

/// The room begins anew under another generation; tickets of the lost one are told apart at every node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_another_room_and_old_tickets_are_told_apart() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let other = scene.seen_from(&stores[1]);
    let mut holders = Vec::new();
    for n in 0..10 {
        holders.push(scene.joined(n).await);
    }
    scene.called(10).await;
    for at in [&scene, &other] {
        assert!(matches!(at.enter(holders[0]).await, EnterOutcome::Inside { .. }));
    }
    server.ask(&["FLUSHALL"]).unwrap();
    for at in [&scene, &other] {
        assert!(matches!(at.try_join(3).await, Err(RoomError::NotBegun)));
        assert!(matches!(at.store.summary(at.event, at.terms).await, Err(RoomError::NotBegun)));
    }
    assert!(stores[1].begin(scene.event, 2, Secret([7; 32])).await.unwrap());
    assert!(!stores[0].begin(scene.event, 3, Secret([8; 32])).await.unwrap());
    for at in [&scene, &other] {
        for holder in &holders {
            assert_eq!(at.enter(*holder).await, EnterOutcome::Unknown);
            assert_eq!(at.end(*holder).await, EndOutcome::Unknown);
            assert_eq!(at.standing(*holder).await, Standing::Unknown);
        }
        let summary = at.summary().await;
        assert_eq!((summary.generation, summary.joined, summary.turns.len()), (2, 0, 0));
        assert_eq!(summary.commitment, Secret([7; 32]).commitment());
    }
    let again = Scene { generation: 2, ..other };
    assert_eq!(again.joined(7).await.place, Place(0), "in the order in which they come again");
    again.called(1).await;
    assert!(matches!(again.enter(again.holder(7, Place(0))).await, EnterOutcome::Inside { .. }));
}

/// Joins and steps under way while Redis is killed: whoever was told a place has it, whoever is inside stays inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_comes_back_with_every_place_that_was_told() {
    let options = Options { durability: Durability::Always, ..Options::default() };
    let Some(mut server) = or_passed_over(Redis::with(&options), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let first = scene.joined(1_000_000).await;
    scene.called(1).await;
    let EnterOutcome::Inside { until } = scene.enter(first).await else { panic!("{first:?}") };
    let stop = Arc::new(AtomicBool::new(false));
    let mut joins = JoinSet::new();
    for task in 0..8_u32 {
        let (scene, stop) = (scene.seen_from(&stores[task as usize % 2]), Arc::clone(&stop));
        joins.spawn(async move {
            let (mut placed, mut away) = (Vec::new(), 0);
            for n in (task..).step_by(8) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let begun = Instant::now();
                let answer = scene.try_join(n).await;
                assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
                match answer {
                    Ok((JoinOutcome::Placed(place) | JoinOutcome::Same(place), _)) => placed.push((n, place)),
                    answer => {
                        assert!(is_away(&answer), "{answer:?}");
                        away += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
            (placed, away)
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.kill().unwrap();
    assert!(is_away(&scene.store.admit(scene.event, None, scene.terms).await));
    assert!(is_away(&scene.store.enter(scene.event, first, scene.terms).await));
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.start_again().unwrap();
    for store in &stores {
        until_back(store).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    let (mut placed, mut away) = (Vec::new(), 0);
    for (some, failures) in joins.join_all().await {
        placed.extend(some);
        away += failures;
    }
    assert!(away > 0 && placed.len() > 50, "{} placed, {away} times away", placed.len());
    for (n, place) in &placed {
        assert_eq!(scene.try_join(*n).await.unwrap(), (JoinOutcome::Same(*place), None));
    }
    let mut places: Vec<Place> = placed.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "nobody's place is another's");
    assert_eq!(scene.enter(first).await, EnterOutcome::Inside { until });
    scene.called(10).await;
}

/// A Redis that lost its last second goes on from before it; a node that knew more is not misled, although the counts are
/// the same again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_knew_more_than_redis_has_left_starts_from_what_is_there() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let stores = [node(&server.url()).await, node(&server.url()).await];
    let scene = Scene::begin(&stores[0], terms()).await;
    let other = scene.seen_from(&stores[1]);
    let mut holders = Vec::new();
    for n in 0..15 {
        holders.push(scene.joined(n).await);
    }
    scene.called(15).await;
    other.summary().await;
    let copy = |from: &str, to: &str| {
        for name in ["meta", "front", "turns", "recent", "ended", "entries:0"] {
            let key = |of: &str| format!("onsale:{{{}}}:{of}:{name}", scene.event);
            assert_eq!(server.ask(&["COPY", &key(from), &key(to), "REPLACE"]).unwrap(), ":1");
        }
    };
    copy("room", "kept");
    for holder in &holders[..5] {
        scene.enter(*holder).await;
    }
    assert_eq!(scene.summary().await.inside, 5);
    copy("kept", "room");
    for holder in &holders[5..10] {
        other.enter(*holder).await;
    }
    let (seen, there) = (scene.summary().await, other.summary().await);
    assert_eq!(seen.turns, there.turns);
    assert!(matches!(scene.standing(holders[0]).await, Standing::Turn(Turn::Called { .. })));
    assert!(matches!(scene.enter(holders[0]).await, EnterOutcome::Inside { .. }));
    assert_eq!(other.summary().await.inside, 6);
}

/// Memory that runs out: nothing is given and nothing taken away, looking goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_gives_no_places_and_takes_none_away() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let scene = Scene::begin(&node(&server.url()).await, terms()).await;
    let holder = scene.joined(0).await;
    scene.called(1).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert!(is_away(&scene.try_join(1).await));
    assert!(is_away(&scene.store.enter(scene.event, holder, scene.terms).await));
    let summary = scene.summary().await;
    assert_eq!((summary.joined, summary.inside, summary.turns.len()), (1, 0, 1));
    assert!(matches!(scene.standing(holder).await, Standing::Turn(Turn::Called { .. })));
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(scene.joined(1).await.place, Place(1), "no gap");
    assert!(matches!(scene.enter(holder).await, EnterOutcome::Inside { .. }));
}

/// Nobody could claim while all servers, or Redis, were away: whoever is called gets the whole time again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_called_has_the_whole_time_again_after_all_were_away() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let clock = Arc::new(ManualClock::new());
    let settings =
        RedisSettings { url: server.url(), strict: true, clock: Some(Arc::clone(&clock) as Arc<_>) };
    let scene = Scene::begin(&RedisStore::open(settings).await.unwrap(), terms()).await;
    let mut holders = Vec::new();
    for n in 0..3 {
        holders.push(scene.joined(n).await);
    }
    scene.admit().await;
    clock.advance(1_000);
    assert_eq!(scene.admit().await, 3);
    let EnterOutcome::Inside { until } = scene.enter(holders[0]).await else { panic!("{holders:?}") };
    clock.advance(5 * 60_000);
    // The first command after it, whichever.
    scene.joined(9).await;
    assert!(matches!(scene.enter(holders[1]).await, EnterOutcome::Inside { .. }));
    let called = Turn::Called { since: clock.now(), until: clock.now().plus_ms(60_000) };
    assert_eq!(scene.standing(holders[2]).await, Standing::Turn(called));
    assert_eq!(scene.enter(holders[0]).await, EnterOutcome::Inside { until }, "who is inside stays inside");
    // A step in time now and then is no absence.
    for _ in 0..13 {
        clock.advance(5_000);
        scene.admit().await;
    }
    assert_eq!(scene.standing(holders[2]).await, Standing::Missed);
}
