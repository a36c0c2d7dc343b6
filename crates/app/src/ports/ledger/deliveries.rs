//! The ledger's part of deliveries: what is to be brought to somebody outside, and what has become of it.
//!
//! Contract: as for every port of the ledger. A delivery is written down in the transaction that makes it due, so it is
//! there if and only if its cause is. It is with one process at a time: whoever claims it has it until the lease ends,
//! and only who has it may settle it.

use async_trait::async_trait;
use onsale_domain::{
    ids::{AccountId, DeliveryId, EndpointId, EventId, OrderId, PerformanceId, RefundId, ReservationId},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Page, PageRequest};
use crate::ports::StoreError;

/// How something is written to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writing {
    /// The language, by its tag.
    pub language: String,
    /// The zone of the times in it, as the IANA names it.
    pub time_zone: String,
}

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetterKind {
    /// The tickets of an order that was paid.
    Tickets,
    /// Money of it was given back.
    Refund,
}

impl LetterKind {
    /// Its name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Refund => "refund",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Tickets, Self::Refund].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An e-mail about an order. It is written when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub kind: LetterKind,
    /// The order.
    pub order: OrderId,
    /// Which refund, where it is about one.
    pub refund: Option<RefundId>,
    /// The address.
    pub to: String,
    /// How it is written.
    pub writing: Writing,
}

/// An e-mail that something which came back is held for somebody. It is written when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferLetter {
    /// What is held.
    pub reservation: ReservationId,
    /// The address.
    pub to: String,
    /// How it is written.
    pub writing: Writing,
}

impl OfferLetter {
    /// Its kind in the ledger.
    pub const KIND: &str = "offer";
}

/// What programs of an organizer can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Somebody holds seats or places.
    ReservationHeld,
    /// A hold has lapsed.
    ReservationExpired,
    /// An order is paid.
    OrderPaid,
    /// Money of it was given back: of all its seats, or of some.
    OrderRefunded,
    /// A payment came to nothing.
    OrderFailed,
    /// Nothing of a performance is left.
    SoldOut,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ReservationHeld,
        Self::ReservationExpired,
        Self::OrderPaid,
        Self::OrderRefunded,
        Self::OrderFailed,
        Self::SoldOut,
    ];

    /// Its name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReservationHeld => "reservation.held",
            Self::ReservationExpired => "reservation.expired",
            Self::OrderPaid => "order.paid",
            Self::OrderRefunded => "order.refunded",
            Self::OrderFailed => "order.failed",
            Self::SoldOut => "performance.sold_out",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A message to an organizer's program, as it will be sent each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it goes.
    pub endpoint: EndpointId,
    /// Whose endpoint that is.
    pub organizer: AccountId,
    /// What it tells.
    pub kind: NoticeKind,
    /// The body, byte by byte.
    pub body: String,
}

/// What is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// To a person, by e-mail.
    Letter(Letter),
    /// To a person, by e-mail, about what is held for them.
    Offer(OfferLetter),
    /// To a program, by HTTP.
    Notice(Notice),
}

impl Content {
    /// What it goes along.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Letter(_) | Self::Offer(_) => Lane::Mail,
            Self::Notice(notice) => Lane::Endpoint(notice.endpoint),
        }
    }
}

/// What a delivery goes along. Those of one lane wait for each other, never for those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The mail server.
    Mail,
    /// An organizer's program.
    Endpoint(EndpointId),
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// To be sent at its time, or being sent.
    Waiting,
    /// Taken by whoever it was for.
    Sent,
    /// Its cause is gone: nobody is to have it any more.
    Withdrawn,
    /// Given up.
    Dead,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Withdrawn, Self::Dead];

    /// Its name in the ledger and the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Withdrawn => "withdrawn",
            Self::Dead => "dead",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id: the same for every try, so that whoever gets it twice can tell.
    pub id: DeliveryId,
    /// What it is.
    pub content: Content,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it has been claimed since `begun_at`.
    pub attempts: u32,
    /// When it is tried next; while it is claimed, when the lease ends.
    pub due_at: Timestamp,
    /// From when on it was to be sent: since it was made, or sent off again.
    pub begun_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was sent, withdrawn or given up.
    pub settled_at: Option<Timestamp>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
}

impl Delivery {
    /// A new one, due at once.
    pub fn new(id: DeliveryId, content: Content, at: Timestamp) -> Self {
        Self {
            id,
            content,
            status: DeliveryStatus::Waiting,
            attempts: 0,
            due_at: at,
            begun_at: at,
            created_at: at,
            settled_at: None,
            last_error: None,
        }
    }
}

/// A claim on deliveries, which ends by itself. Clocks of processes may differ by less than its length less what an
/// attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its name, used once.
    pub id: Uuid,
    /// Now.
    pub now: Timestamp,
    /// When others may claim the same.
    pub until: Timestamp,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was taken.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// To be tried again.
    Later {
        /// When.
        due_at: Timestamp,
        /// Why.
        error: String,
    },
    /// Not to be sent any more.
    Withdrawn {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Given up.
    Dead {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
    },
}

/// How often letters about one order may be sent at somebody's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendLimits {
    /// Not within this long after the one before.
    pub gap_ms: u64,
    /// Not more than this many …
    pub at_most: u32,
    /// … within this long.
    pub span_ms: u64,
}

/// What became of a letter that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendLetter {
    /// It will be sent.
    Queued,
    /// There were too many.
    TooSoon {
        /// When it may be asked for again.
        wait_ms: u64,
    },
}

/// Deliveries.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The lanes along which something is due, in no order.
    async fn due_lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError>;
    /// Claims what is due along a lane, the longest due first, at most so many. Each claim counts as an attempt.
    async fn claim_deliveries(
        &self,
        lane: Lane,
        limit: u32,
        lease: Lease,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// Says what came of a claimed delivery, and ends the claim. `false`, and nothing changes, where somebody else has
    /// claimed it since, or it is settled.
    async fn settle_delivery(
        &self,
        id: DeliveryId,
        lease: Uuid,
        settlement: &Settlement,
    ) -> Result<bool, StoreError>;
    /// Adds a letter that somebody asked for, unless there were too many about its order. Of several at once one is
    /// added, if the limits let one through. Adding the same again changes nothing.
    async fn send_letter(&self, letter: &Delivery, limits: SendLimits) -> Result<SendLetter, StoreError>;
    /// The newest letter of a kind about an order.
    async fn latest_letter(&self, order: OrderId, kind: LetterKind) -> Result<Option<Delivery>, StoreError>;
    /// Deletes what was sent, withdrawn or given up before a time, at most so many. Gives how many.
    async fn forget_deliveries(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError>;
}

/// Where an organizer's program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub organizer: AccountId,
    /// Its address.
    pub url: String,
    /// What it is told of.
    pub kinds: Vec<NoticeKind>,
    /// What the messages are signed with.
    pub secret: Vec<u8>,
    /// Since when.
    pub created_at: Timestamp,
}

/// What became of sending a delivery off again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is waiting to be sent, by this call or an earlier one.
    Waiting(Box<Delivery>),
    /// It was sent, or withdrawn: only what was given up can be sent off again.
    Settled(DeliveryStatus),
    /// There is none of that id, of that organizer.
    NotFound,
}

/// A performance of an organizer who wants to be told when it is sold out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The performance.
    pub performance: PerformanceId,
    /// Of what.
    pub event: EventId,
    /// Whether it is known to be sold out.
    pub sold_out: bool,
}

/// Endpoints of organizers, and what goes to them. What happens to a performance is told, in the transaction that records
/// it, to every endpoint of its organizer that asks for it at that time.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Adds an endpoint; `false` where its organizer has `at_most` already. Adding the same again changes nothing.
    async fn create_endpoint(&self, endpoint: &Endpoint, at_most: u32) -> Result<bool, StoreError>;
    /// By id.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError>;
    /// Of an organizer, oldest first.
    async fn endpoints_of(&self, organizer: AccountId) -> Result<Vec<Endpoint>, StoreError>;
    /// Removes an endpoint with all that was to go to it; `false` where there is none of that id, of that organizer.
    async fn delete_endpoint(&self, organizer: AccountId, id: EndpointId) -> Result<bool, StoreError>;
    /// What goes or went to an organizer's endpoints, newest first; of one status, where asked for.
    async fn notices_of(
        &self,
        organizer: AccountId,
        status: Option<DeliveryStatus>,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;
    /// Sends off again what was given up, as if it were new.
    async fn replay_notice(
        &self,
        organizer: AccountId,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Replay, StoreError>;
    /// Performances whose organizers want to be told when they are sold out, and that begin after a time; by id, behind
    /// `after`.
    async fn watched_performances(
        &self,
        starting_after: Timestamp,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> Result<Vec<Watched>, StoreError>;
    /// Notes that a performance is sold out, or not any more. Each time it has become so, those who asked are told.
    async fn note_sold_out(
        &self,
        performance: PerformanceId,
        sold_out: bool,
        at: Timestamp,
    ) -> Result<(), StoreError>;
}
