//! Letters: e-mails about orders and offers, as their buyers and organizers see them.
//!
//! Invariants: a letter goes to the address that the buyer gave, or to one that the organizer names; what went wrong
//! with it is the organizer's to know; nobody can have somebody else's mailbox filled by asking again and again.

use std::sync::Arc;

use onsale_domain::{email, ids::OrderId, money::Money, orders::OrderStatus, time::Timestamp};
use serde_json::json;

use crate::{
    App, Caller,
    cards::Card,
    errors::{AppError, Reason},
    orders::{OrderView, order_in_words},
    ports::ledger::{
        Content, Delivery, DeliveryStatus, Letter, LetterKind, OfferLetter, Order, SendLetter, SendLimits,
        Writing,
    },
    reservations::{ReservationView, view_of_hold},
    tickets::{OrderTickets, printable},
};

/// How often tickets are sent again at somebody's request: the first letter counts.
pub const RESEND_LIMITS: SendLimits = SendLimits { gap_ms: 60_000, at_most: 6, span_ms: 24 * 3_600_000 };

/// What a letter is written from.
#[derive(Clone, Debug)]
pub enum Contents {
    /// What there is to say.
    Current(Box<CurrentContents>),
    /// Nothing any more: why.
    Outdated(String),
}

/// An order, as a letter tells of it.
#[derive(Clone, Debug)]
pub struct CurrentContents {
    /// Its id.
    pub order: OrderId,
    /// What was paid for it, or has been given back by the refund that this is about.
    pub total: Money,
    /// Whether it is about some of its seats, and others stay good.
    pub is_in_part: bool,
    /// What was bought.
    pub tickets: OrderTickets,
}

/// What is held for somebody, as a letter tells of it.
#[derive(Clone, Debug)]
pub struct OfferContents {
    /// Its performance.
    pub card: Arc<Card>,
    /// What to call whom it is held for, where that is known.
    pub name: Option<String>,
    /// What is held.
    pub reservation: ReservationView,
}

/// How the newest letter with the tickets of an order fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterView {
    /// Where it stands.
    pub status: DeliveryStatus,
    /// To whom; where the organizer named another address than the buyer's, that is not the buyer's to know.
    pub to: Option<String>,
    /// When it was taken by the mail server, or given up.
    pub settled_at: Option<Timestamp>,
    /// What went wrong, for who manages the event.
    pub last_error: Option<String>,
}

impl LetterView {
    fn of(delivery: Delivery, order: &Order, manages: bool) -> Option<Self> {
        let Content::Letter(letter) = delivery.content else { return None };
        let is_known = manages || order.buyer.email.as_ref() == Some(&letter.to);
        Some(Self {
            status: delivery.status,
            to: Some(letter.to).filter(|_| is_known),
            settled_at: delivery.settled_at,
            last_error: delivery.last_error.filter(|_| manages),
        })
    }
}

impl App {
    /// How the letter with the tickets of an order fares, which the caller has just been shown.
    pub async fn letter_of(&self, caller: Caller, view: &OrderView) -> Result<Option<LetterView>, AppError> {
        let Some(delivery) = self.ledger.latest_letter(view.order.id, LetterKind::Tickets).await? else {
            return Ok(None);
        };
        Ok(LetterView::of(delivery, &view.order, self.manages_order(caller, view).await?))
    }

    /// Sends the tickets of a paid order, also where they were sent before; who manages the event may name another
    /// address than the buyer's. Written as the buyer asked for, or else as `writing` says.
    pub async fn send_tickets(
        &self,
        caller: Caller,
        id: OrderId,
        to: Option<String>,
        writing: Writing,
    ) -> Result<LetterView, AppError> {
        let view = self.order(caller, id).await?;
        let manages = self.manages_order(caller, &view).await?;
        let order = &view.order;
        if to.is_some() && !manages {
            let detail = "only the organizer may name another address";
            return Err(AppError::refused(Reason::Forbidden, detail));
        }
        if let Some(to) = &to
            && !email::is_possible(to)
        {
            return Err(AppError::invalid("email", "must be an e-mail address"));
        }
        if order.status != OrderStatus::Paid {
            let state = order.status.as_str();
            let detail = format!("the order is {state}; only paid orders have tickets");
            return Err(AppError::refused(Reason::OrderState, detail));
        }
        if !self.sends_letters {
            return Err(AppError::refused(Reason::NoMail, "this server sends no e-mail"));
        }
        let Some(to) = to.or_else(|| order.buyer.email.clone()) else {
            return Err(AppError::refused(Reason::NoMail, "the order has no e-mail address"));
        };
        let writing = order.buyer.letters.clone().unwrap_or(writing);
        let letter = Letter { kind: LetterKind::Tickets, order: id, refund: None, to, writing };
        let letter = Delivery::new(self.new_id().into(), Content::Letter(letter), self.clock.now());
        match self.ledger.send_letter(&letter, RESEND_LIMITS).await? {
            SendLetter::Queued => {
                tracing::info!(order = %id, "tickets are sent again");
                LetterView::of(letter, order, manages)
                    .ok_or_else(|| AppError::Internal("a letter that is none".into()))
            }
            SendLetter::TooSoon { wait_ms } => {
                Err(AppError::refused(Reason::RateLimited, "the tickets of this order have just been sent")
                    .with("retry_after_ms", json!(wait_ms)))
            }
        }
    }

    /// What a letter is written from, as things stand now.
    pub async fn letter_contents(&self, letter: &Letter) -> Result<Contents, AppError> {
        let Some(order) = self.ledger.order(letter.order).await? else {
            return Ok(Contents::Outdated("the order is gone".to_owned()));
        };
        if letter.kind == LetterKind::Tickets && order.status != OrderStatus::Paid {
            return Ok(Contents::Outdated(format!("the order is {}", order.status.as_str())));
        }
        let Some(card) = self.find_card(order.performance).await? else {
            return Ok(Contents::Outdated("the event is gone".to_owned()));
        };
        let (id, mut total) = (order.id, order.total);
        let is_in_part = letter.refund.is_some() && order.status == OrderStatus::Paid;
        let mut view = order_in_words(&card, order);
        if letter.kind == LetterKind::Tickets {
            view = view.without_refunded();
            if view.order.units.is_empty() {
                return Ok(Contents::Outdated("all of the order is being refunded".to_owned()));
            }
        }
        if let Some(refund) = letter.refund {
            view = view.of_refund(refund);
            total.amount = view.order.units.iter().map(|unit| unit.price.amount).sum();
        }
        let tickets = printable(card.clone(), view)?;
        Ok(Contents::Current(Box::new(CurrentContents { order: id, total, is_in_part, tickets })))
    }

    /// What a letter about something that is held is written from; `Err` says why there is nothing to tell any more.
    pub async fn offer_contents(
        &self,
        letter: &OfferLetter,
    ) -> Result<Result<OfferContents, String>, AppError> {
        let gone = |why: &str| Ok(Err(why.to_owned()));
        let Some(card) = self.card_by_number(letter.reservation.performance_number()).await? else {
            return gone("the event is gone");
        };
        let held = self.on_stock(&card, || self.hot.find(card.performance.id, letter.reservation)).await?;
        let Some(held) = held.filter(|held| held.ended.is_none()) else {
            return gone("it is not held any more");
        };
        let account = self.ledger.account(held.hold.owner).await?;
        let name = account.map(|account| account.name).filter(|name| !name.is_empty());
        let reservation = view_of_hold(&card, &held.hold, None, None);
        Ok(Ok(OfferContents { card, name, reservation }))
    }

    async fn manages_order(&self, caller: Caller, view: &OrderView) -> Result<bool, AppError> {
        let card = self.find_card(view.order.performance).await?;
        Ok(card.is_some_and(|card| caller.manages(&card.event)))
    }
}
