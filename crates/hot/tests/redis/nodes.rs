//! Several nodes on one Redis: whoever asks whom, there is one history.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use onsale_app::ports::hot::{ChangeFeed as _, HotError, PaymentStep, Reservations as _, Stock as _};
use onsale_domain::{
    changes::Change,
    inventory::Image,
    reservations::{
        BeginOutcome, Choice, ExtendOutcome, FinishOutcome, Hold, HoldOutcome, HoldRefusal, HoldRequest,
    },
};
use onsale_hot::redis::RedisStore;
use onsale_testkit::servers::{or_passed_over, redis::Redis};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::stage::{
    SOON, assert_disjoint, buyer, drained, fresh_hold, held, layout, look, node, on_sale, order, performance,
    seats, wish,
};

/// Asks both nodes in turn, all at once.
async fn all_at_once(
    nodes: &[RedisStore; 2],
    p: onsale_domain::ids::PerformanceId,
    requests: Vec<HoldRequest>,
) -> Vec<HoldOutcome> {
    let asked: Vec<_> = requests
        .into_iter()
        .enumerate()
        .map(|(index, request)| {
            let store = nodes[index % 2].clone();
            tokio::spawn(async move { store.hold(p, request).await.unwrap().outcome })
        })
        .collect();
    let mut outcomes = Vec::new();
    for answer in asked {
        outcomes.push(answer.await.unwrap());
    }
    outcomes
}

fn holds(outcomes: Vec<HoldOutcome>) -> Vec<Hold> {
    let held = |outcome| if let HoldOutcome::Held(hold) = outcome { Some(hold) } else { None };
    outcomes.into_iter().filter_map(held).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_ask_two_nodes_for_one_seat_and_one_has_it() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], 3, &[]).await;
    let outcomes = all_at_once(&nodes, p, (0..500).map(|n| wish(buyer(n), seats(&[2]))).collect()).await;
    let taken = |outcome: &&HoldOutcome| matches!(outcome, HoldOutcome::Refused(HoldRefusal::SeatTaken(_)));
    assert_eq!(outcomes.iter().filter(taken).count(), 499);
    assert_eq!(holds(outcomes).len(), 1);
    assert_eq!(look(&nodes[1], p, &layout(3, &[])).await.counts.held, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_wishes_on_two_nodes_split_no_seat_and_leave_one_history() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], 60, &[20]).await;
    let choice = |n: u32| match n % 3 {
        0 => Choice::Area { area: 1, quantity: 1 + n % 2 },
        _ => seats(&[n * 7 % 60 + 1, (n * 7 + 1) % 60 + 1]),
    };
    let won = holds(all_at_once(&nodes, p, (0..400).map(|n| wish(buyer(n), choice(n))).collect()).await);
    assert_disjoint(&won);
    let held: usize = won.iter().map(|hold| hold.units.len()).sum();
    let seen = look(&nodes[1], p, &layout(60, &[20])).await;
    assert_eq!((seen.counts.held as usize, seen.position.offset as usize), (held, won.len()));
    assert_eq!(drained(&nodes[0], p, 80).await.len(), won.len());
}

/// Those who want the best seats all want the same ones; each gets others, and nobody is told that there are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_seats_sell_out_exactly_over_two_nodes() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], 200, &[]).await;
    let best = Choice::Best { quantity: 2, category: None, together: true };
    let first = holds(all_at_once(&nodes, p, vec![wish(buyer(0), best.clone())]).await);
    assert_eq!(first[0].units, choice_of_an_empty_house(), "the same choice as elsewhere");
    let mut won =
        holds(all_at_once(&nodes, p, (1..100).map(|n| wish(buyer(n), best.clone())).collect()).await);
    won.extend(first);
    assert_eq!(won.len(), 100);
    assert_disjoint(&won);
    let late = all_at_once(&nodes, p, vec![wish(buyer(500), best)]).await;
    assert_eq!(late, [HoldOutcome::Refused(HoldRefusal::SoldOut)]);
}

fn choice_of_an_empty_house() -> onsale_domain::units::Units {
    let wish = onsale_domain::seating::BestAvailable { quantity: 2, category: None, together: true };
    onsale_domain::seating::best_available(&layout(200, &[]), &wish, |_| true).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_began_another_finishes() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let (one, other) = (node(&server.url()).await, node(&server.url()).await);
    let p = on_sale(&one, 4, &[]).await;
    let hold = held(&one, p, wish(buyer(1), seats(&[1]))).await;
    let begun = other.begin_payment(p, hold.id, buyer(1), order(1)).await.unwrap().outcome;
    assert!(matches!(begun, BeginOutcome::Begun(_)), "{begun:?}");
    let found = one.paying(0, 10).await.unwrap();
    assert_eq!(found.iter().map(|(p, hold)| (*p, hold.id)).collect::<Vec<_>>(), [(p, hold.id)]);
    let step = PaymentStep { hold: hold.id, fence: hold.fence, order: order(1) };
    assert_eq!(one.sell(p, step).await.unwrap().outcome, FinishOutcome::Done);
    assert_eq!(other.sell(p, step).await.unwrap().outcome, FinishOutcome::Done, "a late repeat");
    assert_eq!(look(&other, p, &layout(4, &[])).await.counts.sold, 1);
}

/// Two nodes run expiry all the time; every hold lapses at its time, once, and whoever watches is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_lapse_once_although_every_node_looks() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let jobs: Vec<_> = nodes
        .iter()
        .map(|store| {
            let store = store.clone();
            tokio::spawn(async move { store.run_expiry().await })
        })
        .collect();
    let p = on_sale(&nodes[0], 350, &[]).await;
    let mut mark = nodes[1].watch(p).await.unwrap();
    let short = |n: u32| HoldRequest { ttl_ms: 1_200, ..wish(buyer(n), seats(&[n])) };
    let made = holds(all_at_once(&nodes, p, (1..=350).map(short).collect()).await);
    assert_eq!(made.len(), 350);
    let due = made.iter().map(|hold| hold.expires_at).max().unwrap();
    let ended = tokio::time::timeout(SOON, async {
        while look(&nodes[1], p, &layout(350, &[])).await.counts.available < 350 {
            mark.changed().await.unwrap();
        }
    });
    ended.await.expect("all lapse, and the mark moves with the last");
    for job in jobs {
        job.abort();
    }
    let mut ends: BTreeMap<_, usize> = BTreeMap::new();
    for recorded in drained(&nodes[0], p, 350).await {
        if let Change::Expired { hold, .. } = recorded.change {
            *ends.entry(hold).or_default() += 1;
            let late_ms = recorded.at.since_ms(due);
            assert!(late_ms < 1_000, "{late_ms} ms after the last one was due");
            let hold = made.iter().find(|made| made.id == hold).unwrap();
            assert!(recorded.at >= hold.expires_at, "lapsed before its time");
        }
    }
    assert_eq!((ends.len(), ends.values().max()), (350, Some(&1)));
}

/// More holds are due than a script ends at once: who comes then still gets the seat, and no refusal that is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_whose_hold_is_due_can_be_had_behind_many_others_that_are_due() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], 400, &[]).await;
    let short = |n: u32| HoldRequest { ttl_ms: 300 + u64::from(n), ..wish(buyer(n), seats(&[n])) };
    let made = holds(all_at_once(&nodes, p, (1..=400).map(short).collect()).await);
    assert_eq!(made.len(), 400);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let next = held(&nodes[1], p, wish(buyer(1_000), seats(&[400]))).await;
    assert!(made.iter().all(|hold| hold.fence < next.fence));
    assert_eq!(look(&nodes[0], p, &layout(400, &[])).await.counts.held, 1);
}

/// After everything is gone, two nodes load it at once, each under an epoch of its own: one wins, and what is held
/// from then on is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_load_at_once_leave_one_stock() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let nodes = [node(&server.url()).await, node(&server.url()).await];
    let p = on_sale(&nodes[0], 30, &[]).await;
    held(&nodes[0], p, wish(buyer(1), seats(&[1]))).await;
    server.ask(&["FLUSHALL"]).unwrap();
    for store in &nodes {
        assert!(matches!(store.availability(p).await, Err(HotError::NotLoaded)));
        let missing = store.hold(p, wish(buyer(1), seats(&[1]))).await;
        assert!(matches!(missing, Err(HotError::NotLoaded)), "{missing:?}");
    }
    let loads: Vec<_> = [2, 3]
        .into_iter()
        .zip(nodes.clone())
        .map(|(epoch, store)| {
            tokio::spawn(async move {
                let won = store.load(p, Image::untouched(layout(30, &[]), epoch)).await.unwrap();
                let hold = held(&store, p, wish(buyer(epoch), seats(&[epoch]))).await;
                (won, hold)
            })
        })
        .collect();
    let mut wins = 0;
    for load in loads {
        let (won, hold) = load.await.unwrap();
        wins += usize::from(won);
        let found = nodes[0].find(p, hold.id).await.unwrap().unwrap();
        assert_eq!(found.hold, hold, "a hold accepted while the other was loading is there");
    }
    assert_eq!(wins, 1);
    let seen = look(&nodes[1], p, &layout(30, &[])).await;
    assert!(seen.position.epoch >= 2 && seen.counts.held == 2, "{seen:?}");
}

/// Counts down to 0, and stays there.
fn is_the_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
}

/// A go-between that hands requests on, and when told to, cuts the connection instead of handing the answer back: at the
/// `n`th answer from now.
pub(crate) async fn go_between(server: u16, swallow: Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let swallow = Arc::clone(&swallow);
            tokio::spawn(async move {
                let mut redis = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
                loop {
                    tokio::select! {
                        count = client.read(&mut asked) => match count {
                            Ok(count) if count > 0 => redis.write_all(&asked[..count]).await.unwrap(),
                            _ => return,
                        },
                        count = redis.read(&mut answered) => {
                            let Ok(count) = count else { return };
                            if count == 0 || is_the_one(&swallow) {
                                return;
                            }
                            if client.write_all(&answered[..count]).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            });
        }
    });
    port
}

/// The answer to a command is lost after Redis has carried it out: it is asked again, and done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_answer_was_lost_is_done_once_and_answered() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let swallow = Arc::new(AtomicU32::new(0));
    let port = go_between(server.port(), Arc::clone(&swallow)).await;
    let (direct, far) = (node(&server.url()).await, node(&format!("redis://127.0.0.1:{port}")).await);
    let p = on_sale(&direct, 9, &[5]).await;
    // Every script is known by now, so that what is swallowed is the answer and not the news that it is unknown.
    let warm = held(&direct, p, wish(buyer(1), seats(&[9]))).await;
    direct.extend(p, warm.id, buyer(1), 90_000, 1).await.unwrap();
    direct.begin_payment(p, warm.id, buyer(1), order(1)).await.unwrap();
    let step = PaymentStep { hold: warm.id, fence: warm.fence, order: order(1) };
    direct.end_payment(p, step, 1).await.unwrap();
    far.find(p, warm.id).await.unwrap();
    let before = look(&direct, p, &layout(9, &[5])).await.position.offset;

    let lost = || swallow.store(1, Ordering::SeqCst);
    lost();
    let decided = far.hold(p, wish(buyer(2), seats(&[1, 2]))).await.unwrap();
    let HoldOutcome::Held(hold) = decided.outcome else { panic!("{decided:?}") };
    assert!(decided.sequence.is_some(), "the number of the first time");
    lost();
    let area = HoldRequest { id: fresh_hold(), ..wish(buyer(3), Choice::Area { area: 1, quantity: 2 }) };
    let in_area = held(&far, p, area).await;
    lost();
    let best =
        held(&far, p, wish(buyer(4), Choice::Best { quantity: 1, category: None, together: true })).await;
    lost();
    let extended = far.extend(p, hold.id, buyer(2), 120_000, 1).await.unwrap().outcome;
    assert!(
        matches!(extended, ExtendOutcome::Extended(ref hold) if hold.extensions_used == 1),
        "{extended:?}"
    );
    lost();
    let begun = far.begin_payment(p, hold.id, buyer(2), order(2)).await.unwrap().outcome;
    assert!(matches!(begun, BeginOutcome::Begun(_)), "{begun:?}");
    let step = PaymentStep { hold: hold.id, fence: hold.fence, order: order(2) };
    lost();
    assert_eq!(far.end_payment(p, step, 1).await.unwrap().outcome, FinishOutcome::Done);
    far.begin_payment(p, hold.id, buyer(2), order(2)).await.unwrap();
    lost();
    assert_eq!(far.sell(p, step).await.unwrap().outcome, FinishOutcome::Done);
    assert_eq!(swallow.load(Ordering::SeqCst), 0, "every one of them was lost");

    let seen = look(&direct, p, &layout(9, &[5])).await;
    assert_eq!((seen.counts.sold, seen.counts.held), (2, 4));
    assert_eq!(seen.position.offset - before, 8, "each command left one change");
    assert_disjoint([&hold, &in_area, &best]);
}

/// A node hears from the registry of a performance that another one loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_never_asked_knows_every_performance() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    let one = node(&server.url()).await;
    let p = on_sale(&one, 2, &[]).await;
    held(&one, p, HoldRequest { ttl_ms: 100, ..wish(buyer(1), seats(&[1])) }).await;
    let fresh = node(&server.url()).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    fresh.expire_due().await.unwrap();
    assert_eq!(look(&one, p, &layout(2, &[])).await.counts.available, 2);
    // Loaded nowhere: nothing breaks.
    let nowhere = performance();
    assert!(matches!(fresh.availability(nowhere).await, Err(HotError::NotLoaded)));
    fresh.expire_due().await.unwrap();
}
