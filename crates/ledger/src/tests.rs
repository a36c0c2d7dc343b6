//! What the conformance suite cannot see: the SQL behind the ports.

use onsale_app::ports::ledger::{
    Accounts, BuyerDetails, Created, Event, Events, Logins, Order, OrderUnit, Orders, OwnedKey, Performance,
    Performances, PlanSummary, ReservationRecords, Role, SeatingPlans, Wallet,
};
use onsale_domain::{
    changes::{Change, Recorded},
    events::EventSettings,
    ids::{AccountId, EventId, OrderId, PerformanceId, PerformanceNumber, PlanId, ReservationId},
    money::{Currency, Money},
    orders::OrderStatus,
    position::{Fence, Position},
    reservations::RequestKey,
    seating::SeatingPlan,
    time::Timestamp,
    units::{Unit, Units},
};
use onsale_testkit::refunds::give_back_all;
use sea_orm::{ConnectionTrait, Statement, TryGetable};
use uuid::Uuid;

use crate::{LedgerSettings, SqlLedger};

mod catalogue;
mod connections;
mod logins;
mod orders;
mod recording;
mod refunds;
mod schema;
mod wallets;

/// When everything here begins.
const START: Timestamp = Timestamp(1_800_000_000_000);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn id() -> Uuid {
    Uuid::now_v7()
}

fn units(numbers: impl IntoIterator<Item = u32>) -> Units {
    numbers.into_iter().map(Unit).collect()
}

fn won(amount: i64) -> Money {
    Money::new(amount, Currency::KRW)
}

fn key(owner: AccountId, key: u8, request: u8) -> OwnedKey {
    OwnedKey { owner, key: RequestKey { key: [key; 16], request: [request; 16] } }
}

fn order(performance: PerformanceId, reservation: ReservationId, wanted: &[u32]) -> Order {
    let unit = |unit: &u32| OrderUnit {
        unit: Unit(*unit),
        price: won(1_000),
        ticket_code: id().to_string(),
        refund: None,
    };
    Order {
        id: OrderId(id()),
        reservation,
        performance,
        owner: AccountId(id()),
        fence: Fence(1 << 32),
        status: OrderStatus::Paying,
        units: wanted.iter().map(unit).collect(),
        total: won(wanted.iter().map(|_| 1_000).sum()),
        buyer: BuyerDetails {
            name: "Kim".into(),
            phone: None,
            email: Some("kim@example.org".into()),
            letters: None,
        },
        method: "simulated".into(),
        reference: None,
        sequence: 7,
        created_at: START,
    }
}

fn event(organizer: AccountId) -> Event {
    Event {
        id: EventId(id()),
        organizer,
        title: "Gala".into(),
        description: None,
        settings: EventSettings::default(),
        created_at: START,
    }
}

async fn performance_of(ledger: &SqlLedger, event: &Event) -> Performance {
    let plan = PlanSummary {
        id: PlanId(id()),
        name: "Hall".into(),
        seat_count: 10,
        area_count: 0,
        created_at: START,
    };
    let seats = SeatingPlan::grid(2, 5).unwrap();
    ledger.create_plan(&plan, event.organizer, &seats, None).await.unwrap();
    let performance = Performance {
        id: PerformanceId(id()),
        number: PerformanceNumber(0),
        event: event.id,
        starts_at: START,
        plan: plan.id,
        seat_count: 10,
        capacity: 10,
        areas: Vec::new(),
        prices: vec![("A".into(), won(1_000))],
        sale_opens_at: None,
        sale_closes_at: None,
        created_at: START,
    };
    match ledger.create_performance(&performance, None).await.unwrap() {
        Created::New(created) => created,
        other => panic!("{other:?}"),
    }
}

/// A performance that is on sale.
async fn on_sale(ledger: &SqlLedger) -> PerformanceId {
    let event = event(AccountId(id()));
    ledger.create_event(&event, None).await.unwrap();
    performance_of(ledger, &event).await.id
}

/// A history of one performance, in its making.
struct History {
    performance: PerformanceId,
    position: Position,
}

impl History {
    fn of(performance: PerformanceId, epoch: u32) -> Self {
        Self { performance, position: Position { epoch, offset: 0 } }
    }

    fn next(&mut self, change: Change) -> Recorded {
        self.position = self.position.next();
        let sequence = self.position.fence().0;
        Recorded { performance: self.performance, position: self.position, sequence, at: START, change }
    }

    fn held(&mut self, hold: ReservationId, owner: AccountId, seats: &[u32]) -> Recorded {
        let expires_at = START.plus_ms(300_000);
        self.next(Change::Held { hold, owner, units: units(seats.iter().copied()), expires_at, key: None })
    }
}

/// One number out of the database.
async fn number(ledger: &SqlLedger, sql: &str) -> i64 {
    only::<i64>(ledger, sql).await
}

async fn only<T: TryGetable>(ledger: &SqlLedger, sql: &str) -> T {
    let db = ledger.db.reader();
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn execute(ledger: &SqlLedger, sql: &str) -> Result<u64, sea_orm::DbErr> {
    ledger.db.writer().execute_unprepared(sql).await.map(|done| done.rows_affected())
}
