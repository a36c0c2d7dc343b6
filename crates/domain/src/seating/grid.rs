//! Plain rectangles of seats, labelled … B-1 … AA-1.

use super::plan::{Category, MAX_SEATS, PlanError, PlanErrors, Row, Seat, SeatingPlan, Section, Size};

/// How far seats are apart.
const SPACING: u16 = 25;

/// The only category of a rectangle.
const CATEGORY: &str = "standard";

impl SeatingPlan {
    /// A rectangle of `rows × columns` seats in one section, numbered row by row.
    pub fn grid(rows: u32, columns: u32) -> Result<Self, PlanErrors> {
        let count = u64::from(rows) * u64::from(columns);
        if count == 0 || count > u64::from(MAX_SEATS) {
            return Err(PlanErrors(vec![PlanError {
                pointer: String::new(),
                detail: format!("{rows} × {columns} is not from 1 to {MAX_SEATS} seats"),
            }]));
        }
        let at = |index: u32| (index as f32 + 0.5) * f32::from(SPACING);
        let row = |r: u32| {
            let label = row_letters(r);
            let seat = |c: u32| Seat {
                number: (c + 1).to_string(),
                guid: format!("{label}-{}", c + 1),
                x: at(c),
                y: at(r),
                category: 0,
                kept_for: None,
            };
            Row { seats: (0..columns).map(seat).collect(), label }
        };
        Ok(Self {
            name: format!("{rows} × {columns}"),
            size: Size {
                width: columns as f32 * f32::from(SPACING),
                height: rows as f32 * f32::from(SPACING),
            },
            categories: vec![Category { name: CATEGORY.into(), color: "#3b6ea5".into() }],
            sections: vec![Section { label: String::new(), rows: (0..rows).map(row).collect() }],
            shapes: Vec::new(),
        })
    }
}

/// A, B … Z, AA, AB … as columns of a spreadsheet are called; row 0 is A.
fn row_letters(index: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_are_lettered_like_columns_of_a_spreadsheet() {
        let letters = [0, 25, 26, 51, 52, 701, 702].map(row_letters);
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn seats_are_numbered_row_by_row_and_no_two_share_a_label() {
        let plan = SeatingPlan::grid(30, 4).unwrap();
        let labels: Vec<String> = plan.seats().map(|seat| seat.label()).collect();
        assert_eq!((labels[0].as_str(), labels[4].as_str(), labels[104].as_str()), ("A-1", "B-1", "AA-1"));
        assert_eq!(labels.iter().collect::<BTreeSet<_>>().len(), 120);
        assert!(plan.seats().zip(1..).all(|(seat, number)| seat.unit.0 == number));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for (rows, columns) in [(0, 5), (5, 0), (1, MAX_SEATS + 1), (u32::MAX, u32::MAX)] {
            assert!(SeatingPlan::grid(rows, columns).is_err(), "{rows} × {columns}");
        }
        assert_eq!(SeatingPlan::grid(1, MAX_SEATS).unwrap().seat_count(), MAX_SEATS);
    }

    proptest! {
        #[test]
        fn whatever_its_size_labels_differ_and_the_order_is_that_of_the_numbers(
            rows in 1..120_u32, columns in 1..40_u32,
        ) {
            let plan = SeatingPlan::grid(rows, columns).unwrap();
            prop_assert_eq!(plan.seat_count(), rows * columns);
            let labels: BTreeSet<String> = plan.seats().map(|placed| placed.label()).collect();
            prop_assert_eq!(labels.len() as u32, rows * columns);
            prop_assert!(plan.seats().all(|placed| placed.label() == placed.seat.guid));
            for (placed, number) in plan.seats().zip(1..) {
                prop_assert_eq!(placed.unit.0, number);
                let (row, column) = ((number - 1) / columns, (number - 1) % columns);
                prop_assert_eq!(placed.row, row_letters(row));
                prop_assert_eq!(&placed.seat.number, &(column + 1).to_string());
            }
            let stored: SeatingPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
            prop_assert_eq!(stored, plan);
        }
    }
}
