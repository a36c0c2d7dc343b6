//! The ledger on PostgreSQL where the conformance suite cannot see: the server away, frozen, slow, shared by several
//! processes, and what its own statistics say.
//!
//! Invariant: no command outlasts its limit, whatever the server does; nobody has to reconnect by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod schema;

use std::time::{Duration, Instant};

use onsale_app::ports::{
    StoreError,
    ledger::{
        Account, Accounts, BeginOrder, BuyerDetails, Created, Event, Events, GiveBack, LedgerHealth, Order,
        OrderUnit, Orders, OwnedKey, Performance, Performances, PlanSummary, Role, SeatingPlans, SettleOrder,
        Wallet, WalletOutcome,
    },
};
use onsale_domain::{
    events::EventSettings,
    ids::{AccountId, EventId, OrderId, PerformanceId, PerformanceNumber, PlanId, RefundId, ReservationId},
    money::{Currency, Money},
    orders::OrderStatus,
    position::Fence,
    reservations::RequestKey,
    seating::SeatingPlan,
    time::Timestamp,
    units::Unit,
};
use onsale_ledger::{LedgerSettings, MigrateError, MoveError, SqlLedger};
use onsale_testkit::{
    refunds::give_back_all,
    servers::{
        or_passed_over,
        postgres::{Options, Postgres},
    },
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Short, so that what is to be bounded shows it soon.
const QUICK: LedgerSettings = LedgerSettings {
    acquire_timeout_ms: 500,
    max_readers: 1,
    max_connections: 6,
    statement_timeout_ms: 500,
    tell: |_, _| {},
};

/// What a command may take under [`QUICK`]: both limits, the slack, and what a busy machine adds.
const BOUND: Duration = Duration::from_millis(2_500);

/// How long it may take until all is well again.
const RECOVERY: Duration = Duration::from_secs(10);

async fn opened(server: &Postgres, settings: LedgerSettings) -> SqlLedger {
    let ledger = SqlLedger::open(&server.url(), settings).await.unwrap();
    ledger.migrate().await.unwrap();
    ledger
}

fn id() -> Uuid {
    Uuid::now_v7()
}

fn won(amount: i64) -> Money {
    Money::new(amount, Currency::KRW)
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

/// Asks until it is answered, for as long as recovery may take.
async fn until_back(ledger: &SqlLedger) {
    let begun = Instant::now();
    while let Err(error) = ledger.ping().await {
        assert!(begun.elapsed() < RECOVERY, "not back: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A performance of ten seats on sale.
async fn on_sale(ledger: &SqlLedger) -> (EventId, PerformanceId) {
    let organizer = Account {
        id: AccountId(id()),
        email: None,
        name: "Organizer".into(),
        password_hash: None,
        external_id: None,
        role: Role::Organizer,
        created_at: NOW,
    };
    ledger.create_account(&organizer).await.unwrap();
    let event = Event {
        id: EventId(id()),
        organizer: organizer.id,
        title: "Gala".into(),
        description: None,
        settings: EventSettings::default(),
        created_at: NOW,
    };
    ledger.create_event(&event, None).await.unwrap();
    let (name, seats) = ("Hall".into(), SeatingPlan::grid(2, 5).unwrap());
    let plan = PlanSummary { id: PlanId(id()), name, seat_count: 10, area_count: 0, created_at: NOW };
    ledger.create_plan(&plan, organizer.id, &seats, None).await.unwrap();
    let performance = Performance {
        id: PerformanceId(id()),
        number: PerformanceNumber(0),
        event: event.id,
        starts_at: NOW,
        plan: plan.id,
        seat_count: 10,
        capacity: 10,
        areas: Vec::new(),
        prices: Vec::new(),
        sale_opens_at: None,
        sale_closes_at: None,
        created_at: NOW,
    };
    let created = ledger.create_performance(&performance, None).await.unwrap();
    assert!(matches!(created, Created::New(_)), "{created:?}");
    (event.id, performance.id)
}

fn order(performance: PerformanceId, seats: &[u32]) -> Order {
    let unit = |seat: &u32| OrderUnit {
        unit: Unit(*seat),
        price: won(10),
        ticket_code: id().to_string(),
        refund: None,
    };
    Order {
        id: OrderId(id()),
        reservation: ReservationId(id()),
        performance,
        owner: AccountId(id()),
        fence: Fence(1),
        status: OrderStatus::Paying,
        units: seats.iter().map(unit).collect(),
        total: won(10),
        buyer: BuyerDetails { name: "Kim".into(), phone: None, email: None, letters: None },
        method: "wallet".into(),
        reference: None,
        sequence: 1,
        created_at: NOW,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again_it_has_what_was_committed_and_nobody_reconnects() {
    let options = Options { durable: true, ..Options::default() };
    let Some(mut server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let ledger = opened(&server, QUICK).await;
    let account = AccountId(id());
    let mut committed = 0;
    for _ in 0..20 {
        ledger.top_up(id(), account, won(1), None, NOW).await.unwrap();
        committed += 1;
    }
    server.kill().unwrap();
    for _ in 0..10 {
        let asked = Instant::now();
        let answer = ledger.top_up(id(), account, won(1_000), None, NOW).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
    }
    server.start_again().unwrap();
    until_back(&ledger).await;
    assert_eq!(ledger.balance(account, Currency::KRW).await.unwrap(), won(committed));
    assert_eq!(
        ledger.top_up(id(), account, won(1), None, NOW).await.unwrap(),
        Created::New(won(committed + 1))
    );
}

/// Away for less than it takes to grow suspicious of what is idle: once it answers again, everything is answered, also on
/// connections that nobody has tried since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_for_a_moment_it_leaves_no_dead_connection_to_anybody() {
    let options = Options { durable: true, ..Options::default() };
    let Some(mut server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let ledger = opened(&server, LedgerSettings { acquire_timeout_ms: 3_000, ..QUICK }).await;
    let (_, performance) = on_sale(&ledger).await;
    // Orders are written on connections of their own, which were in use just now.
    let before = order(performance, &[1]);
    assert_eq!(ledger.begin_order(&before, None).await.unwrap(), BeginOrder::Begun);
    server.kill().unwrap();
    let noticed = ledger.balance(AccountId(id()), Currency::KRW).await;
    assert!(is_unavailable(&noticed), "{noticed:?}");
    server.start_again().unwrap();
    until_back(&ledger).await;
    let after = order(performance, &[2]);
    assert_eq!(ledger.begin_order(&after, None).await.unwrap(), BeginOrder::Begun);
}

/// Killed while many write: what was answered is there, and no more than what was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_loses_nothing_that_was_answered() {
    let options = Options { durable: true, ..Options::default() };
    let Some(mut server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let ledger = std::sync::Arc::new(opened(&server, QUICK).await);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let buyers: Vec<_> = (0..6)
        .map(|_| {
            let (ledger, tell, account) = (std::sync::Arc::clone(&ledger), tell.clone(), AccountId(id()));
            tokio::spawn(async move {
                let (mut answered, mut asked) = (0, 0);
                loop {
                    asked += 1;
                    match ledger.top_up(id(), account, won(1), None, NOW).await {
                        Ok(_) => answered += 1,
                        Err(StoreError::Unavailable(_)) => return (account, answered, asked),
                        Err(error) => panic!("{error}"),
                    }
                    let _ = tell.send(());
                }
            })
        })
        .collect();
    for _ in 0..200 {
        told.recv().await.unwrap();
    }
    server.kill().unwrap();
    let mut ends = Vec::new();
    for buyer in buyers {
        ends.push(buyer.await.unwrap());
    }
    server.start_again().unwrap();
    until_back(&ledger).await;
    for (account, answered, asked) in ends {
        let balance = ledger.balance(account, Currency::KRW).await.unwrap().amount;
        assert!((answered..=asked).contains(&balance), "{answered} to {asked}, found {balance}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_it_is_unavailable_within_the_limit_and_thawed_it_goes_on() {
    let options = Options { tcp: true, ..Options::default() };
    let Some(server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let ledger = std::sync::Arc::new(opened(&server, QUICK).await);
    let account = AccountId(id());
    ledger.top_up(id(), account, won(5), None, NOW).await.unwrap();
    server.freeze().unwrap();
    // More than there are connections, so that some wait for one and some for an answer.
    let asked: Vec<_> = (0..20)
        .map(|turn| {
            let ledger = std::sync::Arc::clone(&ledger);
            tokio::spawn(async move {
                let begun = Instant::now();
                let answer = match turn % 2 {
                    0 => ledger.balance(account, Currency::KRW).await.map(drop),
                    _ => ledger.top_up(id(), account, won(1), None, NOW).await.map(drop),
                };
                (answer, begun.elapsed())
            })
        })
        .collect();
    for answer in asked {
        let (answer, took) = answer.await.unwrap();
        assert!(is_unavailable(&answer), "{answer:?}");
        assert!(took < BOUND, "{took:?}");
    }
    server.thaw().unwrap();
    until_back(&ledger).await;
    let balance = ledger.balance(account, Currency::KRW).await.unwrap().amount;
    assert!((5..=15).contains(&balance), "{balance}");
    // Every place in the pool is good again.
    let all = (0..20).map(|_| ledger.ping());
    for answer in futures(all).await {
        answer.unwrap();
    }
}

/// Polls all of them until they are done.
async fn futures<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in all.iter_mut().zip(&mut done) {
            if answer.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *answer = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = opened(&server, QUICK).await;
    let (_, performance) = on_sale(&ledger).await;
    let wanted = order(performance, &[1]);
    ledger.begin_order(&wanted, None).await.unwrap();
    // Somebody sits on the row.
    let url = server.url();
    let holder = std::thread::spawn(move || {
        let lock = "BEGIN; SELECT 1 FROM orders FOR UPDATE; SELECT pg_sleep(2); COMMIT";
        (server.sql(lock), server)
    });
    let seen = SqlLedger::open(&url, QUICK).await.unwrap();
    let begun = Instant::now();
    // The lock is there as soon as a command stumbles over it.
    let refused = loop {
        let answer = seen.pay_order(wanted.id, "receipt", NOW).await;
        if answer.is_err() {
            break answer;
        }
        let unpaid = seen.order(wanted.id).await.unwrap().unwrap();
        assert_eq!(unpaid.status, OrderStatus::Paid);
        assert!(begun.elapsed() < BOUND, "the row was never locked");
    };
    assert!(is_unavailable(&refused), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("statement timeout"));
    let (slept, _server) = holder.join().unwrap();
    slept.unwrap();
    seen.ping().await.unwrap();
    let paid = seen.pay_order(wanted.id, "receipt", NOW).await.unwrap();
    assert!(matches!(paid, onsale_app::ports::ledger::SettleOrder::Done(_)), "{paid:?}");
}

/// As it is asked for in the address, and no weaker.
#[tokio::test]
async fn the_address_says_whether_to_encrypt_and_whom_to_trust() {
    let options = Options { tcp: true, tls: true, ..Options::default() };
    let Some(server) = or_passed_over(Postgres::with(options), "postgres") else { return };
    let address = format!("postgres://onsale@127.0.0.1:{}/postgres", server.port());
    let trusted = format!("{address}?sslmode=verify-full&sslrootcert={}", server.certificate().display());
    let ledger = SqlLedger::open(&trusted, QUICK).await.unwrap();
    ledger.ping().await.unwrap();
    let encrypted = "SELECT bool_and(ssl AND version LIKE 'TLSv1._') FROM pg_stat_ssl \
                     JOIN pg_stat_activity USING (pid) WHERE application_name = 'onsale'";
    assert_eq!(server.sql(encrypted).unwrap(), "t");
    let by_strangers = SqlLedger::open(&format!("{address}?sslmode=verify-full"), QUICK).await;
    assert!(is_unavailable(&by_strangers), "its certificate is nobody's that is known");
    let plain = Postgres::with(Options { tcp: true, ..Options::default() }).unwrap().unwrap();
    let demanded = format!("postgres://onsale@127.0.0.1:{}/postgres?sslmode=require", plain.port());
    assert!(is_unavailable(&SqlLedger::open(&demanded, QUICK).await), "it cannot encrypt");
}

/// A whole evening in miniature: many of each command at once. The server's own statistics say that nobody had to be
/// ended in favour of another, and that what ran under SQLite's single writer runs here in one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_sale_meets_no_deadlock() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = std::sync::Arc::new(opened(&server, LedgerSettings::default()).await);
    let (_, performance) = on_sale(&ledger).await;
    let accounts: Vec<AccountId> = (0..4).map(|_| AccountId(id())).collect();
    let buyers: Vec<_> = (0..24_u8)
        .map(|turn| {
            let (ledger, account) = (std::sync::Arc::clone(&ledger), accounts[usize::from(turn) % 4]);
            tokio::spawn(async move {
                let mut sold = 0;
                for round in 0..12_u8 {
                    let key = RequestKey { key: [turn; 16], request: [round; 16] };
                    let key = OwnedKey { owner: account, key };
                    ledger.top_up(id(), account, won(10), None, NOW).await.unwrap();
                    let first = u32::from(turn + round) % 10 + 1;
                    let mut seats = [first, first % 10 + 1, (first + 4) % 10 + 1];
                    seats.rotate_left(usize::from(round) % 3);
                    let wanted = Order { owner: account, ..order(performance, &seats) };
                    match ledger.begin_order(&wanted, Some(key)).await.unwrap() {
                        BeginOrder::UnitTaken(_) => continue,
                        BeginOrder::Begun => {}
                        other @ BeginOrder::Exists(_) => panic!("{other:?}"),
                    }
                    match ledger.charge(wanted.id, account, won(10), NOW).await.unwrap() {
                        WalletOutcome::Moved(_) => {
                            ledger.pay_order(wanted.id, "receipt", NOW).await.unwrap();
                            give_back_all(&*ledger, wanted.id, false, NOW).await.unwrap();
                            let refund = RefundId(wanted.id.0);
                            let given = ledger.give_back(wanted.id, refund, won(10), NOW).await.unwrap();
                            assert_eq!(given, GiveBack::Given);
                            sold += 1;
                        }
                        _ => drop(ledger.fail_order(wanted.id, "declined", NOW).await.unwrap()),
                    }
                }
                sold
            })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        sold += buyer.await.unwrap();
    }
    assert!(sold > 0);
    assert_eq!(server.sql("SELECT sum(balance) FROM wallets").unwrap(), (24 * 12 * 10).to_string());
    assert_eq!(server.sql("SELECT coalesce(sum(amount), 0) FROM wallet_entries").unwrap(), "0");
    assert_eq!(server.sql("SELECT count(*) FROM order_units WHERE live").unwrap(), "0");
    assert!(!server.log().contains("deadlock"), "{}", server.log());
    let deadlocks = "SELECT pg_stat_force_next_flush(); SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    assert_eq!(server.sql(deadlocks).unwrap(), "0");
}

/// Those who come together are written together, and found by their indexes also where the tables were empty, and had no
/// statistics, when the statements were prepared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_of_orders_is_written_in_few_transactions_and_reads_no_table_whole() {
    const BUYERS: u32 = 40;
    const EACH: u32 = 10;
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let ledger = opened(&server, LedgerSettings::default()).await;
    let (_, performance) = on_sale(&ledger).await;
    // A session that ends leaves its statistics.
    ledger.close().await;
    let whole = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables \
                 WHERE relname IN ('orders', 'order_units', 'payments', 'idempotency_keys')";
    let before = server.sql(whole).unwrap();
    let ledger = SqlLedger::open(&server.url(), LedgerSettings::default()).await.unwrap();
    let buyer = async |buyer: u32| {
        for number in 0..EACH {
            let wanted = order(performance, &[buyer * EACH + number + 1]);
            let key = RequestKey { key: wanted.id.0.into_bytes(), request: [0; 16] };
            let key = OwnedKey { owner: wanted.owner, key };
            assert_eq!(ledger.begin_order(&wanted, Some(key)).await.unwrap(), BeginOrder::Begun);
            let paid = ledger.pay_order(wanted.id, &wanted.id.to_string(), NOW).await.unwrap();
            let reference = Some(wanted.id.to_string());
            let expected = Order { status: OrderStatus::Paid, reference, ..wanted };
            assert_eq!(paid, SettleOrder::Done(Box::new(expected)));
        }
    };
    futures((0..BUYERS).map(buyer)).await;
    ledger.close().await;
    assert_eq!(server.sql(whole).unwrap(), before, "tables were read from one end to the other");
    let written = (BUYERS * EACH).to_string();
    let all = "SELECT count(*) FROM orders JOIN payments ON order_id = id JOIN idempotency_keys ON thing_id = id \
               WHERE orders.status = 'paid' AND payments.status = 'captured'";
    assert_eq!(server.sql("SELECT count(*) FROM order_units").unwrap(), written);
    let transactions = server.sql("SELECT count(DISTINCT xmin::text) FROM order_units").unwrap();
    assert!(transactions.parse::<u32>().unwrap() < BUYERS * EACH / 2, "{transactions}");
    assert_eq!(server.sql(all).unwrap(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_moves_from_sqlite_whole_and_goes_on() {
    let Some(server) = or_passed_over(Postgres::start(), "postgres") else { return };
    let here = SqlLedger::in_memory().await.unwrap();
    let (event, performance) = on_sale(&here).await;
    let buyer = AccountId(id());
    here.top_up(id(), buyer, won(70), None, NOW).await.unwrap();
    let sold = Order { owner: buyer, ..order(performance, &[1, 2]) };
    here.begin_order(&sold, None).await.unwrap();
    here.pay_order(sold.id, "receipt", NOW).await.unwrap();
    let there = opened(&server, LedgerSettings::default()).await;

    let move_id = id();
    let moved = here.move_into(&there, move_id, NOW).await.unwrap();
    let of = |table: &str| moved.iter().find(|moved| moved.table == table).unwrap();
    assert_eq!((of("performances").rows, of("order_units").rows, of("wallets").rows), (1, 2, 1));
    assert_eq!(of("wallets").money.get("KRW"), Some(&70));
    assert_eq!(of("orders").money.get("KRW"), Some(&sold.total.amount));
    assert_eq!(there.tallies().await.unwrap(), moved);
    // Not to be used before the move has come to its end; until then it may begin anew, and nobody else may.
    assert_eq!(there.arrival().await.unwrap().unwrap().finished_at, None);
    here.top_up(id(), buyer, won(1), None, NOW).await.unwrap();
    let others = here.move_into(&there, id(), NOW).await.unwrap_err();
    assert!(matches!(others, MoveError::Another(arrival) if arrival.id == move_id), "{others}");
    let moved = here.move_into(&there, move_id, NOW).await.unwrap();
    assert_eq!(moved.iter().find(|moved| moved.table == "wallets").unwrap().money.get("KRW"), Some(&71));
    for _ in 0..2 {
        there.finish_arrival(move_id, NOW).await.unwrap();
    }
    assert_eq!(there.arrival().await.unwrap().unwrap().finished_at, Some(NOW));
    // As good as before: the same order, the same balance, and the seats are nobody else's.
    assert_eq!(there.order(sold.id).await.unwrap(), here.order(sold.id).await.unwrap());
    assert_eq!(there.balance(buyer, Currency::KRW).await.unwrap(), won(71));
    let again = there.begin_order(&order(performance, &[2]), None).await.unwrap();
    assert!(matches!(again, BeginOrder::UnitTaken(_)), "{again:?}");
    // The next performance has the next number.
    let known = there.performance(performance).await.unwrap().unwrap();
    let (_, next) = on_sale(&there).await;
    let next = there.performance(next).await.unwrap().unwrap();
    assert_eq!((known.event, next.number.0), (event, known.number.0 + 1));

    // Not twice, and not into one that has something.
    let again = here.move_into(&there, move_id, NOW).await.unwrap_err();
    assert!(matches!(&again, MoveError::NotEmpty(_)), "{again}");
    let copy = SqlLedger::in_memory().await.unwrap();
    assert_eq!(copy.first_with_rows().await.unwrap(), None);
    let back = there.move_into(&copy, id(), NOW).await.unwrap();
    assert_eq!(back.iter().find(|moved| moved.table == "performances").map(|moved| moved.rows), Some(2));
    assert!(copy.first_with_rows().await.unwrap().is_some());
}
