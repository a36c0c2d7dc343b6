//! Wishes as their owners put them down, see them and take them back.
//!
//! Invariant: a wish is its owner's alone, and of a performance that can have what it says.

use onsale_domain::{
    email,
    events::EventSettings,
    ids::{AccountId, EventId, PerformanceId, WishId},
    wishes::WishStatus,
};

use crate::{
    App, Caller,
    cards::Card,
    errors::{AppError, Reason},
    ports::ledger::{PutWish, Wanted, Wish, Writing},
};

/// What somebody in line would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WishRequest {
    /// What.
    pub wanted: Wanted,
    /// Where to write to, where it is not the account's address.
    pub email: Option<String>,
    /// How.
    pub writing: Writing,
}

impl App {
    /// Puts down what the caller would take of what comes back, who stands at `position` in the line. `sells`: whether
    /// this process knows the stock.
    pub async fn put_wish(
        &self,
        caller: Caller,
        event: EventId,
        position: u32,
        request: WishRequest,
        sells: bool,
    ) -> Result<Wish, AppError> {
        let WishRequest { wanted, email, writing } = request;
        let email = checked_email(email)?;
        check_category(wanted.category.as_deref())?;
        let found = self.ledger.event(event).await?.ok_or_else(|| AppError::not_found("event"))?;
        check_quantity(&found.settings, &wanted)?;
        check_line(&found.settings)?;
        let card = self.find_card(wanted.performance).await?.filter(|card| card.event.id == event);
        let card = card.ok_or_else(|| AppError::not_found("performance"))?;
        check_place(&card, &wanted)?;
        if card.performance.sale_closes_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(AppError::refused(Reason::SaleClosed, "the sale of this performance has closed"));
        }
        let to = match email {
            Some(email) => Some(email),
            None => self.ledger.account(caller.account).await?.and_then(|account| account.email),
        };
        let now = self.clock.now();
        let performance = wanted.performance;
        let wish = Wish {
            id: WishId(self.new_id()),
            event,
            owner: caller.account,
            position,
            wanted,
            letters: to.filter(|_| self.sends_letters).map(|to| (to, writing)),
            status: WishStatus::Waiting,
            attempt: 0,
            reservation: None,
            offered_until: None,
            created_at: now,
            updated_at: now,
        };
        let wish = match self.ledger.put_wish(&wish).await? {
            PutWish::Waiting(wish) => wish,
            PutWish::Offered(_) => {
                let detail = "something is held for you; take it or withdraw the wish first";
                return Err(AppError::refused(Reason::OfferOpen, detail));
            }
        };
        if sells {
            self.note_wish(&card, performance).await?;
        }
        Ok(wish)
    }

    /// From now on this process sells nothing that could be for the wish; other processes know of it with their next
    /// round.
    async fn note_wish(&self, card: &Card, performance: PerformanceId) -> Result<(), AppError> {
        let stock = self.on_stock(card, || self.stock.availability(performance)).await?;
        if self.return_lines.is_known(performance) || self.begin_if_sold_out(card, &stock).await? {
            self.return_lines.note(performance);
        }
        Ok(())
    }

    /// The caller's wish in an event.
    pub async fn wish(&self, caller: Caller, event: EventId) -> Result<Wish, AppError> {
        let found = self.ledger.wish(event, caller.account).await?;
        found.ok_or_else(|| AppError::not_found("wish"))
    }

    /// Takes the caller's wish back, and gives back what is held for it. Doing it again is no mistake. `sells`: whether
    /// this process has the stock; where it has not, what is held lapses by itself.
    pub async fn withdraw_wish(&self, caller: Caller, event: EventId, sells: bool) -> Result<(), AppError> {
        for _ in 0..WITHDRAW_ATTEMPTS {
            let Some(wish) = self.ledger.wish(event, caller.account).await? else { return Ok(()) };
            match wish.status {
                WishStatus::Taken | WishStatus::Missed | WishStatus::Withdrawn => return Ok(()),
                WishStatus::Waiting => {}
                WishStatus::Offered => {
                    if let Some(reservation) = wish.reservation.filter(|_| sells) {
                        match self.cancel(caller, reservation).await {
                            Err(error) if error.reason() == Reason::AlreadyConfirmed => return Ok(()),
                            Err(error) if error.reason() == Reason::NotFound => {}
                            other => other?,
                        }
                    }
                }
            }
            if self.step(&wish, WishStatus::Withdrawn).await? {
                return Ok(());
            }
        }
        Err(AppError::NotNow("the wish is changing".into()))
    }

    /// Takes back the wish of somebody who gives up their place, unless something is held for it.
    pub async fn drop_wish(&self, owner: AccountId, event: EventId) -> Result<(), AppError> {
        let wish = self.ledger.wish(event, owner).await?;
        if let Some(wish) = wish.filter(|wish| wish.status == WishStatus::Waiting) {
            self.step(&wish, WishStatus::Withdrawn).await?;
        }
        Ok(())
    }
}

/// No category of a plan has a longer name.
const MOST_OF_CATEGORY: usize = 256;

/// How often a wish is looked at again that others are changing.
const WITHDRAW_ATTEMPTS: usize = 4;

fn check_line(settings: &EventSettings) -> Result<(), AppError> {
    if settings.waiting_room.has_return_line() {
        return Ok(());
    }
    Err(AppError::refused(
        Reason::NoReturnLine,
        "this event offers nothing to those who wait after it is sold out",
    ))
}

fn check_quantity(settings: &EventSettings, wanted: &Wanted) -> Result<(), AppError> {
    let most = settings.max_seats_per_buyer;
    if !(1..=most).contains(&wanted.quantity) {
        return Err(AppError::invalid("quantity", &format!("allowed is 1 to {most}")));
    }
    Ok(())
}

/// Whether a category could be called this at all.
fn check_category(name: Option<&str>) -> Result<(), AppError> {
    let could_be = |name: &str| {
        (1..=MOST_OF_CATEGORY).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    if name.is_none_or(could_be) { Ok(()) } else { Err(no_category()) }
}

fn no_category() -> AppError {
    AppError::invalid("category", "the plan has no category of this name")
}

fn check_place(card: &Card, wanted: &Wanted) -> Result<(), AppError> {
    if wanted.category.is_some() && wanted.area.is_some() {
        return Err(AppError::invalid("area_id", "places of an area have no category; name one of the two"));
    }
    if let Some(name) = &wanted.category
        && !card.house.plan.categories.iter().any(|category| category.name == *name)
    {
        return Err(no_category());
    }
    if let Some(area) = wanted.area
        && card.layout.area(area).is_none()
    {
        return Err(AppError::invalid("area_id", "the performance has no such area"));
    }
    Ok(())
}

fn checked_email(email: Option<String>) -> Result<Option<String>, AppError> {
    let email = email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty());
    if email.as_ref().is_some_and(|email| !email::is_possible(email)) {
        return Err(AppError::invalid("email", "must be an e-mail address"));
    }
    Ok(email)
}
