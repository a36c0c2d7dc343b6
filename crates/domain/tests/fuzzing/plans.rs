//! Seating plans: what is accepted is whole, can be worked with, and is the same when it is written out and read again.

use std::collections::BTreeSet;

use onsale_domain::{
    seating::{
        BestAvailable, KeptFor, Layout, MAX_SEATS, PlanErrors, Row, Seat, SeatingPlan, Shape, ShapeKind,
        best_available,
    },
    units::Unit,
};
use serde_json::{Value, json};

/// The farthest that anything is drawn from the corner, as `pretix.rs` has it.
const FARTHEST: f32 = 1e7;

#[test]
fn a_plan_is_whole_or_refused() {
    onsale_fuzzing::fuzz!("seating_plan", 20_000, check);
}

fn check(document: &[u8]) {
    match SeatingPlan::from_pretix(document) {
        Ok(plan) => {
            is_whole(&plan);
            can_be_worked_with(&plan);
            is_the_same_again(&plan);
        }
        Err(errors) => says_what_is_wrong(document, &errors),
    }
}

fn says_what_is_wrong(document: &[u8], errors: &PlanErrors) {
    assert!((1..=50).contains(&errors.0.len()), "{errors}");
    let value: Option<Value> = serde_json::from_slice(document).ok();
    for error in &errors.0 {
        assert!(!error.detail.is_empty() && error.detail.len() < 2_048, "{error:?}");
        // What is missing is pointed at too: its parent is there.
        let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let is_there =
            value.as_ref().map_or(error.pointer.is_empty(), |value| value.pointer(parent).is_some());
        assert!(is_there, "{error:?}");
    }
}

fn is_whole(plan: &SeatingPlan) {
    assert!((1..=MAX_SEATS).contains(&plan.seat_count()));
    let guids: BTreeSet<&str> = plan.seats().map(|placed| placed.seat.guid.as_str()).collect();
    assert_eq!(guids.len(), plan.seat_count() as usize, "every seat has a guid of its own");
    assert!(guids.iter().all(|guid| !guid.is_empty() && guid.chars().count() <= 256));
    let categories: BTreeSet<&str> = plan.categories.iter().map(|category| category.name.as_str()).collect();
    assert_eq!(categories.len(), plan.categories.len(), "no category twice");
    assert!(plan.categories.iter().all(|category| is_color(&category.color)));
    for placed in plan.seats() {
        assert!(usize::from(placed.seat.category) < plan.categories.len(), "{:?}", placed.seat);
        assert!(is_near(placed.seat.x) && is_near(placed.seat.y), "{:?}", placed.seat);
    }
    let sections = plan.sections.iter().map(|section| section.label.as_str());
    let rows = plan.seats().map(|placed| placed.row);
    let numbers = plan.seats().map(|placed| placed.seat.number.as_str());
    for label in sections.chain(rows).chain(numbers).chain(categories).chain([plan.name.as_str()]) {
        assert!(is_line(label) && label.chars().count() <= 64, "{label:?}");
    }
    assert!(is_length(plan.size.width) && is_length(plan.size.height), "{:?}", plan.size);
    assert!(plan.shapes.len() <= 10_000);
    plan.shapes.iter().for_each(can_be_drawn);
}

fn can_be_drawn(shape: &Shape) {
    assert!(is_near(shape.x) && is_near(shape.y) && is_near(shape.rotation), "{shape:?}");
    assert!(
        [&shape.color, &shape.border_color].into_iter().flatten().all(|color| is_color(color)),
        "{shape:?}"
    );
    let is_text = |text: &String| !text.is_empty() && is_line(text) && text.chars().count() <= 128;
    assert!(shape.text.as_ref().is_none_or(is_text), "{shape:?}");
    let (x, y) = shape.centre();
    assert!(x.is_finite() && y.is_finite(), "{shape:?}");
    assert!(match &shape.kind {
        ShapeKind::Rectangle { width, height } => is_length(*width) && is_length(*height),
        ShapeKind::Circle { radius } => is_length(*radius),
        ShapeKind::Ellipse { rx, ry } => is_length(*rx) && is_length(*ry),
        ShapeKind::Polygon { points } =>
            (3..=1_000).contains(&points.len()) && points.iter().all(|(x, y)| is_near(*x) && is_near(*y)),
        ShapeKind::Text => shape.text.is_some(),
    });
}

fn is_near(coordinate: f32) -> bool {
    coordinate.abs() <= FARTHEST
}

fn is_length(length: f32) -> bool {
    (0.0..=FARTHEST).contains(&length)
}

/// Whether a text stays on its line and has no space around it.
fn is_line(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

fn is_color(color: &str) -> bool {
    let digits = color.strip_prefix('#').unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The layout can be made, and whoever asks for the best seats gets as many, all different and of the plan.
fn can_be_worked_with(plan: &SeatingPlan) {
    let layout = Layout::new(plan, &[7]);
    assert_eq!((layout.seat_count(), layout.capacity()), (plan.seat_count(), plan.seat_count() + 7));
    let free_for_all = plan.seats().filter(|placed| placed.seat.kept_for.is_none()).count() as u32;
    for (together, quantity) in [(true, 1), (true, 5), (false, 3)] {
        let wish = BestAvailable { quantity, category: None, together };
        let Some(units) = best_available(&layout, &wish, |unit| unit.0 % 7 != 6) else { continue };
        let different: BTreeSet<u32> = units.iter().map(|unit| unit.0).collect();
        assert_eq!(different.len(), quantity as usize);
        let seat = |unit: &u32| plan.seats().nth(*unit as usize - 1).map(|placed| placed.seat);
        assert!(different.iter().all(|unit| seat(unit).is_some_and(|seat| seat.kept_for.is_none())));
        assert!(different.iter().all(|unit| layout.is_seat(Unit(*unit))) && quantity <= free_for_all);
    }
}

/// As it is stored, and as the editor would write it.
fn is_the_same_again(plan: &SeatingPlan) {
    let stored = serde_json::to_vec(plan).unwrap();
    assert_eq!(&serde_json::from_slice::<SeatingPlan>(&stored).unwrap(), plan);
    let written = written(plan).to_string();
    assert_eq!(&SeatingPlan::from_pretix(written.as_bytes()).unwrap(), plan, "{written}");
}

fn written(plan: &SeatingPlan) -> Value {
    let seat = |seat: &Seat| {
        json!({"seat_guid": seat.guid, "seat_number": seat.number, "position": {"x": seat.x, "y": seat.y},
            "category": plan.categories[usize::from(seat.category)].name,
            "accessible": seat.kept_for == Some(KeptFor::Wheelchair),
            "companion": seat.kept_for == Some(KeptFor::Companion)})
    };
    let row =
        |row: &Row| json!({"row_number": row.label, "seats": row.seats.iter().map(seat).collect::<Vec<_>>()});
    let zones = plan.sections.iter().map(
        |section| json!({"name": section.label, "rows": section.rows.iter().map(row).collect::<Vec<_>>()}),
    );
    // A zone without rows is left out, and what is drawn in it is not.
    let areas: Vec<Value> = plan.shapes.iter().map(area).collect();
    let zones: Vec<Value> = zones.chain([json!({"areas": areas})]).collect();
    let categories: Vec<Value> = plan
        .categories
        .iter()
        .map(|category| json!({"name": category.name, "color": category.color}))
        .collect();
    json!({"name": plan.name, "size": {"width": plan.size.width, "height": plan.size.height},
        "categories": categories, "zones": zones})
}

fn area(shape: &Shape) -> Value {
    let (name, outline) = match &shape.kind {
        ShapeKind::Rectangle { width, height } => ("rectangle", json!({"width": width, "height": height})),
        ShapeKind::Circle { radius } => ("circle", json!({"radius": radius})),
        ShapeKind::Ellipse { rx, ry } => ("ellipse", json!({"radius": {"x": rx, "y": ry}})),
        ShapeKind::Polygon { points } => {
            let points: Vec<Value> = points.iter().map(|(x, y)| json!({"x": x, "y": y})).collect();
            ("polygon", json!({"points": points}))
        }
        ShapeKind::Text => ("text", json!({})),
    };
    let mut area = json!({"shape": name, "position": {"x": shape.x, "y": shape.y}, "rotation": shape.rotation,
        "color": shape.color, "border_color": shape.border_color});
    area[name] = outline;
    if let Some(text) = &shape.text {
        area["text"] = json!({"text": text});
    }
    area
}
