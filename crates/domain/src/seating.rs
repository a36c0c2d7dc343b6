//! Seating: plans as people draw them, the layout that the stock needs, and which seats are best.
//!
//! Invariant: the order of seats in a plan is their numbering, and it never changes: section by section, row by
//! row, seat by seat, from 1.

mod best;
mod grid;
mod layout;
mod plan;
mod pretix;

pub use best::{BestAvailable, best_available, side_by_side};
pub use layout::{AreaRun, Layout};
pub use plan::{
    Category, KeptFor, MAX_PLAN_BYTES, MAX_SEATS, PlacedSeat, PlanError, PlanErrors, Row, Seat, SeatingPlan,
    Section, Shape, ShapeKind, Size,
};

/// Two plans that come with onsale, as pretix JSON.
pub mod examples {
    /// A theatre of some 600 seats: curved stalls with an aisle, a balcony, three categories.
    pub const THEATRE: &str = include_str!("../plans/theatre.json");
    /// An arena of exactly 10,000 seats in four categories.
    pub const ARENA: &str = include_str!("../plans/arena-10000.json");
}
