//! A seating plan: categories, sections, rows, seats, and what is only drawn.
//!
//! Invariant: a plan that exists has at most [`MAX_SEATS`] seats, and every seat a category of the plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::Unit;

/// The largest plan.
pub const MAX_SEATS: u32 = 100_000;

/// The longest plan that is read, in bytes.
pub const MAX_PLAN_BYTES: usize = 16 * 1024 * 1024;

/// A seating plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatingPlan {
    /// What it is called.
    pub name: String,
    /// How large the drawing is.
    pub size: Size,
    /// Price categories, in the order of the plan.
    pub categories: Vec<Category>,
    /// Sections, in the order of the plan.
    pub sections: Vec<Section>,
    /// Stages, bars, texts: drawn, not sold.
    pub shapes: Vec<Shape>,
}

/// Width and height in the plan's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// From left to right.
    pub width: f32,
    /// From top to bottom.
    pub height: f32,
}

/// A price category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its name, unique in the plan.
    pub name: String,
    /// `#rrggbb`, in lower case.
    pub color: String,
}

/// A part of the house.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// What it is called; may be empty where there is only one.
    pub label: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row of seats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What it is called; may be empty.
    pub label: String,
    /// Its seats, from one end to the other.
    pub seats: Vec<Seat>,
}

/// Whom a seat is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptFor {
    /// Somebody in a wheelchair: it is a space without a seat.
    Wheelchair,
    /// Who comes along with them.
    Companion,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    /// What stands on it.
    pub number: String,
    /// What the plan's editor calls it; unique in the plan.
    pub guid: String,
    /// From the left edge of the plan.
    pub x: f32,
    /// From the top edge of the plan.
    pub y: f32,
    /// Its category, as an index.
    pub category: u16,
    /// Whom it is kept for. Everybody may pick it; nobody is given it who does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<KeptFor>,
}

/// The outline of something that is drawn and not sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ShapeKind {
    /// An upright rectangle before it is rotated.
    Rectangle {
        /// Width.
        width: f32,
        /// Height.
        height: f32,
    },
    /// A circle.
    Circle {
        /// Radius.
        radius: f32,
    },
    /// An ellipse.
    Ellipse {
        /// Radius from left to right.
        rx: f32,
        /// Radius from top to bottom.
        ry: f32,
    },
    /// A closed polygon, its points relative to the position.
    Polygon {
        /// The corners.
        points: Vec<(f32, f32)>,
    },
    /// Only text.
    Text,
}

/// Something that is drawn and not sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Its outline.
    #[serde(flatten)]
    pub kind: ShapeKind,
    /// From the left edge of the plan: its left end, or its middle where it is round.
    pub x: f32,
    /// From the top edge of the plan: its upper end, or its middle where it is round.
    pub y: f32,
    /// Turned by so many degrees, clockwise around `x`, `y`.
    pub rotation: f32,
    /// Fill colour, `#rrggbb`.
    pub color: Option<String>,
    /// Border colour, `#rrggbb`.
    pub border_color: Option<String>,
    /// What is written on it.
    pub text: Option<String>,
}

impl Shape {
    /// The middle of the shape, as it is turned.
    pub fn centre(&self) -> (f32, f32) {
        let (x, y) = match &self.kind {
            ShapeKind::Rectangle { width, height } => (width / 2.0, height / 2.0),
            ShapeKind::Circle { .. } | ShapeKind::Ellipse { .. } | ShapeKind::Text => (0.0, 0.0),
            ShapeKind::Polygon { points } => {
                let count = points.len().max(1) as f32;
                let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
                (x / count, y / count)
            }
        };
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        (self.x + x * cos - y * sin, self.y + x * sin + y * cos)
    }
}

/// A seat with where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct PlacedSeat<'a> {
    /// Its number in every performance of the plan.
    pub unit: Unit,
    /// Its section's label.
    pub section: &'a str,
    /// Its row's label.
    pub row: &'a str,
    /// The seat.
    pub seat: &'a Seat,
}

impl PlacedSeat<'_> {
    /// Row and number, or the number alone where the row has no label.
    pub fn label(&self) -> String {
        if self.row.is_empty() {
            self.seat.number.clone()
        } else {
            format!("{}-{}", self.row, self.seat.number)
        }
    }
}

impl SeatingPlan {
    /// A plan for performances that have areas only.
    pub fn without_seats() -> Self {
        Self {
            name: "no seats".into(),
            size: Size { width: 0.0, height: 0.0 },
            categories: Vec::new(),
            sections: Vec::new(),
            shapes: Vec::new(),
        }
    }

    /// How many seats there are.
    pub fn seat_count(&self) -> u32 {
        self.sections.iter().flat_map(|section| &section.rows).map(|row| row.seats.len() as u32).sum()
    }

    /// The seats in the order of their numbers.
    pub fn seats(&self) -> impl Iterator<Item = PlacedSeat<'_>> {
        let rows =
            self.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section, row)));
        rows.flat_map(|(section, row)| row.seats.iter().map(move |seat| (section, row, seat))).zip(1..).map(
            |((section, row, seat), number)| PlacedSeat {
                unit: Unit(number),
                section: &section.label,
                row: &row.label,
                seat,
            },
        )
    }
}

/// What is wrong with a plan, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// JSON pointer (RFC 6901) to the value; empty for the whole document.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Everything that is wrong with a plan, the first fifty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanErrors(pub Vec<PlanError>);

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter().map(|error| format!("{:?}: {}", error.pointer, error.detail));
        f.write_str(&lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, "; {line}"))
    }
}

impl std::error::Error for PlanErrors {}
