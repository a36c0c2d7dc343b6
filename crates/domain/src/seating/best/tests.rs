//! Which seats somebody gets who does not pick: the rule in small examples, and its promises in random houses.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::seating::{KeptFor, Row, Seat, SeatingPlan, Section, examples};

fn together(quantity: u32) -> BestAvailable {
    BestAvailable { quantity, category: None, together: true }
}

fn apart(quantity: u32) -> BestAvailable {
    BestAvailable { quantity, category: None, together: false }
}

fn numbers(units: &Units) -> Vec<u32> {
    units.iter().map(|unit| unit.0).collect()
}

/// What is picked on a grid, and `None` where nothing is.
fn pick(rows: u32, columns: u32, taken: &[u32], wish: &BestAvailable) -> Option<Vec<u32>> {
    let layout = Layout::new(&SeatingPlan::grid(rows, columns).unwrap(), &[]);
    best_available(&layout, wish, |unit| !taken.contains(&unit.0)).as_ref().map(numbers)
}

/// One row of a drawing: `#` is a free seat, `K` a free one that is kept for a wheelchair, `.` a taken one, a space an aisle. The answer marks what is
/// picked with `x`.
fn pick_in_row(row: &str, quantity: u32) -> String {
    let mut plan = SeatingPlan::grid(1, row.chars().filter(|c| *c != ' ').count() as u32).unwrap();
    let places: Vec<usize> = row.char_indices().filter(|(_, c)| *c != ' ').map(|(at, _)| at).collect();
    for (seat, at) in plan.sections[0].rows[0].seats.iter_mut().zip(&places) {
        seat.x = *at as f32 * 25.0;
        seat.kept_for = (row.as_bytes()[*at] == b'K').then_some(KeptFor::Wheelchair);
    }
    let layout = Layout::new(&plan, &[]);
    let free = |unit: Unit| row.as_bytes()[places[unit.index()]] != b'.';
    let mut drawn = row.to_owned();
    for unit in best_available(&layout, &together(quantity), free).unwrap_or_default() {
        drawn.replace_range(places[unit.index()]..=places[unit.index()], "x");
    }
    drawn
}

#[test]
fn the_middle_of_the_front_goes_first() {
    let cases: [(u32, u32, &[u32]); 5] =
        [(5, 1, &[3]), (6, 2, &[3, 4]), (8, 4, &[3, 4, 5, 6]), (5, 5, &[1, 2, 3, 4, 5]), (5, 3, &[1, 2, 3])];
    for (columns, quantity, seats) in cases {
        let picked = pick(3, columns, &[], &together(quantity));
        assert_eq!(picked.as_deref(), Some(seats), "{quantity} in rows of {columns}");
    }
}

#[test]
fn what_is_kept_for_wheelchairs_and_those_who_come_along_is_given_to_nobody_who_does_not_pick_it() {
    let cases = [
        (2, "KK##", "KKxx"),
        // It ends a block as an aisle does.
        (2, "#K##", "#Kxx"),
        (2, "#K#", "xKx"),
        (3, "K#KK##K", "KxKKxxK"),
        (1, "KK", "KK"),
        (3, "##K", "##K"),
    ];
    for (quantity, row, expected) in cases {
        assert_eq!(pick_in_row(row, quantity), expected, "{quantity} of {row}");
    }
    let mut plan = SeatingPlan::grid(1, 3).unwrap();
    plan.sections[0].rows[0].seats[1].kept_for = Some(KeptFor::Companion);
    let layout = Layout::new(&plan, &[]);
    assert_eq!(best_available(&layout, &apart(2), |_| true).as_ref().map(numbers), Some(vec![1, 3]));
    assert_eq!(best_available(&layout, &apart(3), |_| true), None);
    assert_eq!(side_by_side(&layout, &together(2), |_| true), None);
}

#[test]
fn no_seat_is_left_alone_where_that_can_be_avoided() {
    let cases = [
        // The middle two would leave one alone on either side.
        (2, "####", "xx##"),
        (2, "#####", "xx###"),
        (3, "#####", "xxx##"),
        // A gap that fits exactly, before a wide one that is nearer.
        (2, "###.##", "###.xx"),
        (3, "###.####", "xxx.####"),
        // The end of a row and an aisle are edges as much as a taken seat is.
        (2, "### ##", "### xx"),
        (1, "## # ##", "## x ##"),
        // There is no way round it.
        (2, "###", "xx#"),
        (2, ".###.", ".xx#."),
        (1, "##", "x#"),
        // A seat that was alone before stays as it is.
        (2, "#.##.#", "#.xx.#"),
    ];
    for (quantity, row, picked) in cases {
        assert_eq!(pick_in_row(row, quantity), picked, "{quantity} of {row:?}");
    }
}

#[test]
fn another_row_is_better_than_leaving_one_alone() {
    assert_eq!(pick(2, 4, &[1], &together(2)), Some(vec![5, 6]));
    assert_eq!(pick(2, 4, &[1, 5], &together(2)), Some(vec![2, 3]), "in vain: it is so everywhere");
}

#[test]
fn a_seat_of_another_category_is_left_alone_too() {
    let mut plan = SeatingPlan::grid(1, 5).unwrap();
    plan.sections[0].rows[0].seats[0].category = 1;
    let wish = BestAvailable { category: Some(0), ..together(2) };
    let picked = best_available(&Layout::new(&plan, &[]), &wish, |_| true);
    assert_eq!(picked.as_ref().map(numbers), Some(vec![4, 5]), "2 and 3 would leave 1 alone");
}

#[test]
fn an_aisle_parts_neighbours() {
    assert_eq!(pick_in_row("##.## ##.##", 3), "##.xx x#.##", "where nothing is side by side");
    assert_eq!(pick_in_row("### ### ####", 4), "### ### xxxx");
}

#[test]
fn what_cannot_be_side_by_side_is_close_in_one_row() {
    assert_eq!(pick_in_row("#.#..#", 2), "x.x..#");
    assert_eq!(pick_in_row("#..#.#", 2), "#..x.x");
    assert_eq!(pick(2, 3, &[2, 4, 5], &together(2)), Some(vec![1, 3]));
    let closest = pick(2, 6, &[2, 3, 4, 5, 7, 9, 11], &together(2));
    assert_eq!(closest, Some(vec![8, 10]), "1 and 6 are in the front, and far from each other");
}

/// Sections side by side, each a grid of single columns: nothing in a row.
fn columns(sections: u32, rows: u32) -> SeatingPlan {
    let mut plan = SeatingPlan::grid(1, 1).unwrap();
    let seat = |section: u32, row: u32| Seat {
        number: "1".into(),
        guid: format!("{section}-{row}"),
        x: section as f32 * 100.0,
        y: row as f32 * 25.0,
        category: 0,
        kept_for: None,
    };
    let row = |section: u32, row: u32| Row { label: row.to_string(), seats: vec![seat(section, row)] };
    plan.sections = (0..sections)
        .map(|s| Section { label: s.to_string(), rows: (0..rows).map(|r| row(s, r)).collect() })
        .collect();
    plan
}

#[test]
fn what_does_not_fit_into_a_row_is_close_in_one_section() {
    let layout = Layout::new(&columns(2, 6), &[]);
    let pick = |free: &[u32], quantity: u32| {
        let picked = best_available(&layout, &together(quantity), |unit| free.contains(&unit.0));
        picked.as_ref().map(numbers)
    };
    // 1 and 7 are the front of either section; 5 and 6 are neighbours at the back of the first.
    assert_eq!(pick(&[1, 5, 6, 7, 12], 2), Some(vec![5, 6]));
    assert_eq!(pick(&[1, 2, 7, 8], 2), Some(vec![1, 2]), "equally close: the better");
    assert_eq!(pick(&[1, 4, 6, 7, 8, 9], 3), Some(vec![7, 8, 9]));
    assert_eq!(pick(&[1, 7], 2), Some(vec![1, 7]), "no section has two: anywhere");
    assert_eq!(pick(&[1, 7], 3), None);
}

#[test]
fn apart_means_each_seat_for_itself() {
    assert_eq!(pick(1, 5, &[3], &apart(2)), Some(vec![2, 4]));
    assert_eq!(pick(2, 3, &[], &apart(6)), Some(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(pick(2, 3, &[1], &apart(6)), None);
}

#[test]
fn none_is_no_wish_and_too_many_is_none() {
    for wish in [together(0), apart(0), together(4), apart(4), together(u32::MAX), apart(u32::MAX)] {
        assert_eq!(pick(1, 3, &[], &wish), None, "{wish:?}");
    }
}

#[test]
fn seats_numbered_from_the_middle_outwards_are_sold_as_they_stand() {
    // 5 3 1 2 4 6: beside 1 are 3 and 2.
    let mut plan = SeatingPlan::grid(1, 6).unwrap();
    for (seat, at) in plan.sections[0].rows[0].seats.iter_mut().zip([2_u8, 3, 1, 4, 0, 5]) {
        seat.x = f32::from(at) * 25.0;
    }
    let layout = Layout::new(&plan, &[]);
    let picked = best_available(&layout, &together(2), |_| true);
    assert_eq!(picked.as_ref().map(numbers), Some(vec![1, 2]), "the middle, and two more on either side");
    let picked = best_available(&layout, &together(3), |unit| unit.0 != 2);
    assert_eq!(picked.as_ref().map(numbers), Some(vec![1, 3, 5]));
}

#[test]
fn a_category_is_found_wherever_it_is() {
    let plan = SeatingPlan::from_pretix(examples::ARENA.as_bytes()).unwrap();
    let layout = Layout::new(&plan, &[]);
    for category in 0..plan.categories.len() as u16 {
        let wish = BestAvailable { category: Some(category), ..together(6) };
        let units = best_available(&layout, &wish, |_| true).unwrap();
        assert!(units.iter().all(|unit| layout.category_of(*unit) == Some(category)));
        assert!(units.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{units:?}");
    }
    let wish = BestAvailable { category: Some(99), ..together(1) };
    assert_eq!(best_available(&layout, &wish, |_| true), None);
}

/// A house with two sections, aisles, and two categories in stripes, and which seats are free.
fn houses() -> impl Strategy<Value = (Layout, Vec<bool>)> {
    let shape = (1..5_u32, 1..9_u32, 0..9_usize, 1..4_usize);
    (shape, prop::collection::vec(any::<bool>(), 72)).prop_map(|((rows, columns, aisle, stripe), free)| {
        let mut plan = SeatingPlan::grid(rows * 2, columns).unwrap();
        for (r, row) in plan.sections[0].rows.iter_mut().enumerate() {
            for seat in row.seats.iter_mut().skip(aisle) {
                seat.x += 60.0;
            }
            for seat in &mut row.seats {
                seat.category = u16::from((r / stripe) % 2 == 1);
            }
        }
        let back = plan.sections[0].rows.split_off(rows as usize);
        plan.sections.push(Section { label: "back".into(), rows: back });
        (Layout::new(&plan, &[]), free)
    })
}

/// Every block of seats side by side that suits, the slow way: (seats left alone, cost).
fn blocks(layout: &Layout, wish: &BestAvailable, free: &[bool]) -> Vec<(u32, u64)> {
    let mut blocks = Vec::new();
    for run in layout.runs() {
        let seats: Vec<Unit> = (run.first..run.end()).map(|place| layout.seat_at(place)).collect();
        for first in 0..(seats.len() + 1).saturating_sub(wish.quantity as usize) {
            let block = first..first + wish.quantity as usize;
            let suits = |seat: &Unit| {
                free[seat.index()] && wish.category.is_none_or(|c| layout.category_of(*seat) == Some(c))
            };
            if !seats[block.clone()].iter().all(suits) {
                continue;
            }
            let left = |at: usize| seats.get(at).is_some_and(|s| free[s.index()] && !block.contains(&at));
            let alone = |at: usize| left(at) && !left(at + 1) && (at == 0 || !left(at - 1));
            let beside = [first.checked_sub(1), Some(block.end)].into_iter().flatten();
            let cost = seats[block.clone()].iter().map(|seat| u64::from(layout.rank(*seat))).sum();
            blocks.push((beside.filter(|at| alone(*at)).count() as u32, cost));
        }
    }
    blocks
}

proptest! {
    #[test]
    fn exactly_as_many_free_seats_as_asked_for_or_there_are_fewer(
        (layout, free) in houses(), quantity in 1..8_u32,
        category in prop::option::of(0..2_u16), together: bool,
    ) {
        let wish = BestAvailable { quantity, category, together };
        let suits = |unit: &Unit| {
            free[unit.index()] && category.is_none_or(|c| layout.category_of(*unit) == Some(c))
        };
        let suitable = (1..=layout.seat_count()).map(Unit).filter(suits).count();
        let picked = best_available(&layout, &wish, |unit| free[unit.index()]);
        prop_assert_eq!(&picked, &best_available(&layout, &wish, |unit| free[unit.index()]));
        let Some(units) = picked else {
            prop_assert!(suitable < quantity as usize);
            return Ok(());
        };
        prop_assert!(units.is_sorted());
        prop_assert_eq!(units.iter().collect::<BTreeSet<_>>().len(), quantity as usize);
        prop_assert!(units.iter().all(suits));
    }

    /// The search that stops early finds what a search of everything finds.
    #[test]
    fn side_by_side_is_found_wherever_it_is_and_the_best_of_it(
        (layout, free) in houses(), quantity in 1..6_u32, category in prop::option::of(0..2_u16),
    ) {
        let wish = BestAvailable { category, ..together(quantity) };
        if let Some((_, least)) = blocks(&layout, &wish, &free).into_iter().min() {
            let units = best_available(&layout, &wish, |unit| free[unit.index()]).unwrap();
            prop_assert!(units.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{units:?}");
            let in_a_run = layout.runs().iter().any(|run| {
                let seats: BTreeSet<Unit> = (run.first..run.end()).map(|place| layout.seat_at(place)).collect();
                units.iter().all(|unit| seats.contains(unit))
            });
            prop_assert!(in_a_run, "{units:?}");
            prop_assert_eq!(units.iter().map(|unit| u64::from(layout.rank(*unit))).sum::<u64>(), least);
        }
    }

    #[test]
    fn apart_are_the_best_of_all(
        (layout, free) in houses(), quantity in 1..8_u32, category in prop::option::of(0..2_u16),
    ) {
        let wish = BestAvailable { category, ..apart(quantity) };
        let mut expected: Vec<Unit> = (1..=layout.seat_count())
            .map(Unit)
            .filter(|u| free[u.index()] && category.is_none_or(|c| layout.category_of(*u) == Some(c)))
            .collect();
        expected.sort_by_key(|unit| layout.rank(*unit));
        expected.truncate(quantity as usize);
        expected.sort();
        let picked = best_available(&layout, &wish, |unit| free[unit.index()]);
        let enough = expected.len() == quantity as usize;
        prop_assert_eq!(picked.map(|units| units.to_vec()), enough.then_some(expected));
    }
}
