//! What the cases of the ledger suite need to have first, and short words for making it.
//!
//! Invariant: later things have greater ids and later times, as ids of this system always have.

#![expect(clippy::unwrap_used, reason = "what stands here is used by tests only")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use onsale_app::ports::ledger::{
    Account, AreaOffer, BeginOrder, BeginRefund, BuyerDetails, Created, Event, Ledger, Order, OrderUnit,
    OwnedKey, Page, PageRequest, Performance, PlanSummary, Role,
};
use onsale_domain::{
    changes::{Change, Recorded},
    events::EventSettings,
    ids::{AccountId, EventId, OrderId, PerformanceId, PerformanceNumber, PlanId, ReservationId},
    inventory::Image,
    money::{Currency, Money},
    orders::OrderStatus,
    position::{Fence, Position},
    reservations::RequestKey,
    seating::Layout,
    time::Timestamp,
    units::{Unit, Units},
};
use uuid::Uuid;

use crate::{clock::START, refunds::give_back_all, stocks};

/// How many seats the performance of a stage has; an area of [`PLACES`] follows them.
pub(super) const SEATS: u32 = 12;
/// The places of its one area.
pub(super) const PLACES: u32 = 4;

fn next() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A time later than all before.
pub(super) fn later() -> Timestamp {
    START.plus_ms(u64::from(next()))
}

/// A time this far from the beginning, for cases that compare times.
pub(super) fn at(ms: u64) -> Timestamp {
    START.plus_ms(ms)
}

/// An id greater than all before.
pub(super) fn id() -> Uuid {
    let number = next();
    let random = (u128::from(number) << 16).to_be_bytes();
    let (millis, tail) = (later().as_millis(), random.last_chunk::<10>().copied().unwrap_or_default());
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap(), &tail).into_uuid()
}

pub(super) fn won(amount: i64) -> Money {
    Money::new(amount, Currency::KRW)
}

pub(super) fn units(numbers: &[u32]) -> Units {
    numbers.iter().map(|number| Unit(*number)).collect()
}

pub(super) fn key(owner: AccountId, key: u8, request: u8) -> OwnedKey {
    OwnedKey { owner, key: RequestKey { key: [key; 16], request: [request; 16] } }
}

pub(super) fn new_account(name: &str) -> Account {
    Account {
        id: AccountId(id()),
        email: Some(format!("{name}-{}@example.org", next())),
        name: name.to_owned(),
        password_hash: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
        external_id: None,
        role: Role::Buyer,
        created_at: later(),
    }
}

/// An account that nothing but its id is known of.
pub(super) fn new_guest() -> Account {
    Account { email: None, password_hash: None, ..new_account("guest") }
}

/// Everything of a list, in pages of `limit`, each but the last full.
pub(super) async fn all_pages<T, F>(limit: u32, mut page: impl FnMut(PageRequest) -> F) -> Vec<T>
where
    F: Future<Output = Page<T>>,
{
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let found = page(PageRequest { limit, after }).await;
        assert!(found.items.len() <= limit as usize, "a page of {}", found.items.len());
        assert!(
            found.next.is_none() || found.items.len() == limit as usize,
            "a next page behind one not full"
        );
        items.extend(found.items);
        assert!(items.len() < 1_000, "pages without an end");
        match found.next {
            None => return items,
            next => after = next,
        }
    }
}

/// The first page, of at most 200.
pub(super) fn first_page() -> PageRequest {
    PageRequest { limit: 200, after: None }
}

/// What a creation made; fails where it made nothing new.
#[track_caller]
pub(super) fn new_one<T: std::fmt::Debug>(created: Created<T>) -> T {
    match created {
        Created::New(made) => made,
        other => panic!("should be new: {other:?}"),
    }
}

/// A ledger with an organizer, an event, a plan and a performance in it.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) organizer: AccountId,
    pub(super) event: Event,
    pub(super) plan: PlanSummary,
    pub(super) performance: Performance,
}

impl Stage {
    pub(super) async fn new(ledger: Arc<dyn Ledger>) -> Self {
        let organizer = Account { role: Role::Organizer, ..new_account("organizer") };
        assert!(ledger.create_account(&organizer).await.unwrap());
        let organizer = organizer.id;
        let event = new_one(ledger.create_event(&new_event(organizer), None).await.unwrap());
        let summary = new_plan();
        let plan = new_one(ledger.create_plan(&summary, organizer, &stocks::plan(), None).await.unwrap());
        let performance = new_performance(&event, &plan);
        let performance = new_one(ledger.create_performance(&performance, None).await.unwrap());
        Self { ledger, organizer, event, plan, performance }
    }

    /// The same event with another performance.
    pub(super) async fn another_performance(&self) -> Self {
        let performance = new_performance(&self.event, &self.plan);
        let performance = new_one(self.ledger.create_performance(&performance, None).await.unwrap());
        Self { performance, ..self.clone() }
    }

    pub(super) fn p(&self) -> PerformanceId {
        self.performance.id
    }

    pub(super) async fn buyer(&self) -> AccountId {
        let account = new_account("buyer");
        assert!(self.ledger.create_account(&account).await.unwrap());
        account.id
    }

    pub(super) fn reservation_id(&self) -> ReservationId {
        let number = next();
        let millis = u64::try_from(later().as_millis()).unwrap();
        ReservationId::compose(millis, self.performance.number, u64::from(number))
    }

    /// An order for these units, not begun yet.
    pub(super) fn order(&self, owner: AccountId, numbers: &[u32]) -> Order {
        let unit = |number: &u32| OrderUnit {
            unit: Unit(*number),
            price: won(1_000 + i64::from(*number)),
            ticket_code: format!("TICKET-{}-{number}", next()),
            refund: None,
        };
        let units: Vec<OrderUnit> = numbers.iter().map(unit).collect();
        Order {
            id: OrderId(id()),
            reservation: self.reservation_id(),
            performance: self.p(),
            owner,
            fence: Fence(u64::from(next())),
            status: OrderStatus::Paying,
            total: won(units.iter().map(|unit| unit.price.amount).sum()),
            units,
            buyer: BuyerDetails {
                name: "Kim".to_owned(),
                phone: None,
                email: Some("kim@example.org".to_owned()),
                letters: None,
            },
            method: "simulated".to_owned(),
            reference: None,
            sequence: u64::from(next()),
            created_at: later(),
        }
    }

    /// Begins an order; fails where it is refused.
    pub(super) async fn begin(&self, order: &Order) {
        assert_eq!(self.ledger.begin_order(order, None).await.unwrap(), BeginOrder::Begun);
    }

    pub(super) async fn begun(&self, owner: AccountId, numbers: &[u32]) -> Order {
        let order = self.order(owner, numbers);
        self.begin(&order).await;
        order
    }

    pub(super) async fn paid(&self, owner: AccountId, numbers: &[u32]) -> Order {
        let order = self.begun(owner, numbers).await;
        self.ledger.pay_order(order.id, "receipt", later()).await.unwrap();
        self.ledger.order(order.id).await.unwrap().unwrap()
    }

    /// Gives the whole order back, to the end; gives it as it is then.
    pub(super) async fn refund(&self, order: &Order, keep_claim: bool) -> Order {
        let begun = give_back_all(&*self.ledger, order.id, keep_claim, later()).await.unwrap();
        assert!(matches!(begun, BeginRefund::Recorded { .. }), "{begun:?}");
        self.ledger.order(order.id).await.unwrap().unwrap()
    }

    pub(super) async fn status(&self, order: &Order) -> OrderStatus {
        self.ledger.order(order.id).await.unwrap().unwrap().status
    }

    /// Whether these units can be claimed by somebody else. Takes them for a moment where they can.
    pub(super) async fn is_free(&self, numbers: &[u32]) -> bool {
        let probe = self.order(self.organizer, numbers);
        match self.ledger.begin_order(&probe, None).await.unwrap() {
            BeginOrder::Begun => {
                self.ledger.fail_order(probe.id, "a probe", later()).await.unwrap();
                true
            }
            BeginOrder::UnitTaken(_) => false,
            other @ BeginOrder::Exists(_) => panic!("{other:?}"),
        }
    }

    /// A change of the performance's record, in epoch 1.
    pub(super) fn change(&self, offset: u32, change: Change) -> Recorded {
        self.change_in(1, offset, change)
    }

    pub(super) fn change_in(&self, epoch: u32, offset: u32, change: Change) -> Recorded {
        let position = Position { epoch, offset };
        let sequence = u64::from(epoch) * 1_000 + u64::from(offset);
        Recorded { performance: self.p(), position, sequence, at: at(u64::from(offset)), change }
    }

    /// A hold of these units until `expires_at`, as its change says it.
    pub(super) fn held(
        &self,
        owner: AccountId,
        numbers: &[u32],
        expires_at: Timestamp,
    ) -> (ReservationId, Change) {
        let hold = self.reservation_id();
        (hold, Change::Held { hold, owner, units: units(numbers), expires_at, key: None })
    }

    /// The image at a time, while nobody writes.
    pub(super) async fn image(&self, epoch: u32, now: Timestamp) -> Image {
        let image = self.image_meanwhile(epoch, now).await;
        assert_eq!(image.sales, self.ledger.sales(self.p()).await.unwrap());
        image
    }

    /// The image at a time, in which no unit may be claimed twice.
    pub(super) async fn image_meanwhile(&self, epoch: u32, now: Timestamp) -> Image {
        let image = self.ledger.image(self.p(), layout(), epoch, now).await.unwrap();
        assert_eq!(image.position, Position { epoch, offset: 0 });
        assert_eq!(image.layout, layout());
        let mut seen = BTreeSet::new();
        let held = image.holds.iter().flat_map(|hold| &hold.units);
        let sold = image.sales.iter().flat_map(|sale| &sale.units);
        for unit in held.chain(sold).chain(&image.blocked) {
            assert!(seen.insert(*unit), "unit {} is claimed twice in {image:?}", unit.0);
        }
        image
    }
}

/// The layout of every performance here.
pub(super) fn layout() -> Layout {
    stocks::layout(&[0; SEATS as usize], &[PLACES])
}

pub(super) fn new_event(organizer: AccountId) -> Event {
    Event {
        id: EventId(id()),
        organizer,
        title: format!("Concert {}", next()),
        description: Some("Two evenings.".to_owned()),
        settings: EventSettings::default(),
        created_at: later(),
    }
}

pub(super) fn new_plan() -> PlanSummary {
    let plan = PlanId(id());
    PlanSummary {
        id: plan,
        name: format!("Hall {}", next()),
        seat_count: SEATS,
        area_count: 1,
        created_at: later(),
    }
}

pub(super) fn new_performance(event: &Event, plan: &PlanSummary) -> Performance {
    Performance {
        id: PerformanceId(id()),
        number: PerformanceNumber(0),
        event: event.id,
        starts_at: at(86_400_000),
        plan: plan.id,
        seat_count: SEATS,
        capacity: SEATS + PLACES,
        areas: vec![AreaOffer { label: "Standing".to_owned(), capacity: PLACES, price: won(500) }],
        prices: vec![("Stalls".to_owned(), won(1_500))],
        sale_opens_at: Some(at(10)),
        sale_closes_at: None,
        created_at: later(),
    }
}
