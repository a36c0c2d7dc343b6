//! What the stock knows of a plan: runs, aisles, areas and ranks, in small plans.

use proptest::prelude::*;

use super::*;
use crate::seating::{ShapeKind, examples};

fn grid(rows: u32, columns: u32) -> SeatingPlan {
    SeatingPlan::grid(rows, columns).unwrap()
}

/// A plan of one row with seats at these positions.
fn row(positions: &[(f32, f32)]) -> SeatingPlan {
    let mut plan = grid(1, positions.len() as u32);
    for (seat, (x, y)) in plan.sections[0].rows[0].seats.iter_mut().zip(positions) {
        (seat.x, seat.y) = (*x, *y);
    }
    plan
}

fn counts(plan: &SeatingPlan) -> Vec<u32> {
    Layout::new(plan, &[]).runs.iter().map(|run| run.count).collect()
}

fn sign(text: &str, x: f32, y: f32) -> Shape {
    Shape {
        kind: ShapeKind::Text,
        x,
        y,
        rotation: 0.0,
        color: None,
        border_color: None,
        text: Some(text.into()),
    }
}

fn best_seat(plan: &SeatingPlan) -> Unit {
    let layout = Layout::new(plan, &[]);
    (1..=layout.seat_count()).map(Unit).find(|seat| layout.rank(*seat) == 0).unwrap()
}

#[test]
fn areas_follow_the_seats_in_order() {
    let layout = Layout::new(&grid(2, 3), &[5, 1]);
    assert_eq!((layout.seat_count(), layout.capacity(), layout.areas().len()), (6, 12, 2));
    assert_eq!(layout.area(1).unwrap().units().collect::<Vec<_>>(), [7, 8, 9, 10, 11].map(Unit));
    for (unit, area) in [(0, None), (6, None), (7, Some(1)), (11, Some(1)), (12, Some(2)), (13, None)] {
        assert_eq!(layout.area_of(Unit(unit)).map(|area| area.id), area, "{unit}");
    }
    assert!(layout.area(0).is_none() && layout.area(3).is_none());
}

#[test]
fn seats_are_the_first_units_and_only_they_have_a_category() {
    let mut plan = grid(2, 3);
    plan.sections[0].rows[1].seats[2].category = 7;
    let layout = Layout::new(&plan, &[2]);
    for (unit, category) in [(0, None), (1, Some(0)), (5, Some(0)), (6, Some(7)), (7, None), (9, None)] {
        assert_eq!(layout.category_of(Unit(unit)), category, "{unit}");
        assert_eq!(layout.is_seat(Unit(unit)), category.is_some(), "{unit}");
    }
}

#[test]
fn a_performance_may_have_areas_only() {
    let layout = Layout::new(&SeatingPlan::without_seats(), &[3]);
    assert_eq!((layout.seat_count(), layout.capacity()), (0, 3));
    assert!(layout.runs().is_empty() && !layout.is_seat(Unit(1)));
}

#[test]
fn a_row_is_cut_at_its_aisles() {
    let straight = |xs: &[f32]| row(&xs.iter().map(|x| (*x, 0.0)).collect::<Vec<_>>());
    let cases: [(&[f32], &[u32]); 8] = [
        (&[0.0], &[1]),
        (&[0.0, 25.0], &[2]),
        (&[0.0, 25.0, 100.0], &[2, 1]),
        (&[0.0, 25.0, 50.0, 110.0, 135.0], &[3, 2]),
        (&[0.0, 35.0, 70.0, 130.0, 165.0], &[3, 2]),
        (&[0.0, 24.0, 50.0, 75.0, 99.0], &[5]),
        (&[100.0, 75.0, 50.0, 0.0], &[3, 1]),
        (&[0.0, 0.0, 0.0], &[3]),
    ];
    for (xs, expected) in cases {
        assert_eq!(counts(&straight(xs)), expected, "{xs:?}");
    }
}

#[test]
fn seats_numbered_from_the_middle_outwards_are_lined_up_as_they_stand() {
    // 5 3 1 | 2 4 6, listed by number.
    let layout = Layout::new(
        &row(&[(50.0, 0.0), (110.0, 0.0), (25.0, 0.0), (135.0, 0.0), (0.0, 0.0), (160.0, 0.0)]),
        &[],
    );
    let line: Vec<u32> = (0..6).map(|place| layout.seat_at(place).0).collect();
    assert_eq!(line, [5, 3, 1, 2, 4, 6]);
    assert_eq!(layout.runs.iter().map(|run| run.count).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn a_row_that_bends_back_on_itself_keeps_its_order() {
    let horseshoe: Vec<(f32, f32)> = (0..24_u8)
        .map(|n| {
            let (sin, cos) = (f32::from(n) * 0.22).sin_cos();
            (100.0 * cos, 100.0 * sin)
        })
        .collect();
    let layout = Layout::new(&row(&horseshoe), &[]);
    assert!(layout.line.is_empty());
    assert_eq!(layout.runs.len(), 1);
}

#[test]
fn the_best_seat_is_nearest_the_stage() {
    let middle_of_the_front = Unit(3);
    let mut plan = grid(3, 5);
    assert_eq!(best_seat(&plan), middle_of_the_front, "no stage drawn");
    let corners = [(0.0, 0.0, 1), (125.0, 0.0, 5), (0.0, 75.0, 11), (125.0, 75.0, 15)];
    for (x, y, nearest) in corners {
        for text in ["STAGE", " stage ", "Main Stage", "무대"] {
            plan.shapes = vec![sign("Bar", 60.0, 30.0), sign(text, x, y)];
            assert_eq!(best_seat(&plan), Unit(nearest), "{text:?} at {x}, {y}");
        }
    }
    plan.shapes = vec![sign("Stage door", 0.0, 0.0), sign("Stage", 125.0, 75.0)];
    assert_eq!(best_seat(&plan), Unit(15), "what is called just that goes before what is only near it");
    plan.shapes = vec![sign("Backstage", 0.0, 75.0)];
    assert_eq!(best_seat(&plan), middle_of_the_front);
}

#[test]
fn a_turned_stage_is_where_it_was_turned_to() {
    let mut stage = sign("STAGE", 100.0, 100.0);
    stage.kind = ShapeKind::Rectangle { width: 80.0, height: 20.0 };
    stage.rotation = 90.0;
    let (x, y) = stage.centre();
    assert!((x - 90.0).abs() < 0.01 && (y - 140.0).abs() < 0.01, "{x}, {y}");
}

#[test]
fn ours_are_cut_where_their_aisles_are() {
    let theatre = SeatingPlan::from_pretix(examples::THEATRE.as_bytes()).unwrap();
    let layout = Layout::new(&theatre, &[]);
    let runs_in = |section: u32| layout.runs.iter().filter(|run| run.section == section).count();
    assert_eq!(runs_in(0), 2 * theatre.sections[0].rows.len(), "an aisle divides the stalls");
    assert_eq!(runs_in(1), theatre.sections[1].rows.len(), "none divides the balcony");
    let arena = SeatingPlan::from_pretix(examples::ARENA.as_bytes()).unwrap();
    let rows: usize = arena.sections.iter().map(|section| section.rows.len()).sum();
    assert_eq!(Layout::new(&arena, &[]).runs.len(), rows);
}

proptest! {
    /// Whatever the drawing, no seat is lost or counted twice.
    #[test]
    fn runs_part_the_seats_and_ranks_order_them(
        positions in prop::collection::vec((-500.0..500.0_f32, -50.0..50.0_f32), 1..60),
    ) {
        let layout = Layout::new(&row(&positions), &[]);
        let count = positions.len() as u32;
        let mut next = 0;
        for run in layout.runs() {
            prop_assert_eq!(run.first, next);
            next = run.end();
        }
        prop_assert_eq!(next, count);
        let mut line: Vec<u32> = (0..count).map(|place| layout.seat_at(place).0).collect();
        line.sort_unstable();
        prop_assert!(line.into_iter().eq(1..=count));
        let mut ranks: Vec<u32> = (1..=count).map(|seat| layout.rank(Unit(seat))).collect();
        ranks.sort_unstable();
        prop_assert!(ranks.into_iter().eq(0..count));
        prop_assert!(layout.best_runs().is_sorted_by_key(|(rank, _)| rank));
    }
}
