//! Small stocks to test with.
//!
//! Invariant: seats are numbered 1…n first, then the places of the areas in order, as everywhere.

use onsale_domain::seating::{Category, Layout, Row, Seat, SeatingPlan, Section, Size};

/// How many seats a row has at most.
const ROW: usize = 4;

/// How far seats are apart.
const SPACING: f32 = 25.0;

/// A layout of one seat per entry of `categories`, in rows of four, and areas of these capacities.
pub fn layout(categories: &[u16], areas: &[u32]) -> Layout {
    Layout::new(&plan_of(categories), areas)
}

/// Some seating plan; what is in it does not matter to those who store it.
pub fn plan() -> SeatingPlan {
    plan_of(&[0, 1, 1, 0, 2, 0])
}

/// A plan of one seat per entry, in rows of four; without seats where there is none.
pub fn plan_of(categories: &[u16]) -> SeatingPlan {
    let Some(last) = categories.iter().max() else {
        return SeatingPlan::without_seats();
    };
    let category = |n: u16| Category { name: format!("C{n}"), color: "#3b6ea5".to_owned() };
    let rows = categories.chunks(ROW).zip(1..).map(|(categories, number)| row(number, categories)).collect();
    SeatingPlan {
        name: "small hall".to_owned(),
        size: Size { width: 200.0, height: 400.0 },
        categories: (0..=*last).map(category).collect(),
        sections: vec![Section { label: "Hall".to_owned(), rows }],
        shapes: Vec::new(),
    }
}

fn row(number: u16, categories: &[u16]) -> Row {
    let seat = |(category, column): (&u16, u16)| Seat {
        number: column.to_string(),
        guid: format!("{number}-{column}"),
        x: f32::from(column) * SPACING,
        y: f32::from(number) * SPACING,
        category: *category,
        kept_for: None,
    };
    Row { label: number.to_string(), seats: categories.iter().zip(1..).map(seat).collect() }
}

#[cfg(test)]
mod tests {
    use onsale_domain::units::Unit;

    use super::*;

    #[test]
    fn seats_come_first_with_their_categories_and_places_follow() {
        let layout = layout(&[0, 1, 0, 1, 1], &[3, 2]);
        assert_eq!(layout.capacity(), 10);
        let categories: Vec<Option<u16>> = (1..=6).map(|unit| layout.category_of(Unit(unit))).collect();
        assert_eq!(categories, [Some(0), Some(1), Some(0), Some(1), Some(1), None]);
        let areas: Vec<(u32, Unit, u32)> =
            layout.areas().iter().map(|area| (area.id, area.first, area.capacity)).collect();
        assert_eq!(areas, [(1, Unit(6), 3), (2, Unit(9), 2)]);
    }
}
