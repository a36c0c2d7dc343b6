//! What is read, and what is refused with a pointer to it.

use proptest::prelude::*;
use serde_json::json;

use super::{
    census::{MAX_NESTS, MAX_VALUES},
    *,
};
use crate::seating::examples;

fn seat(guid: &str) -> Value {
    json!({"seat_guid": guid, "seat_number": "1", "category": "A", "position": {"x": 1, "y": 2}})
}

fn plan(zones: &Value) -> Value {
    json!({"name": "House", "categories": [{"name": "A", "color": "#FF0000"}], "zones": zones,
        "size": {"width": 100, "height": 50.5}})
}

/// A plan of one row.
fn row(seats: &Value) -> Value {
    plan(&json!([{"name": "Z", "rows": [{"row_number": "1", "seats": seats}]}]))
}

/// A plan of one seat, after something has been set to something else.
fn with(pointer: &str, value: Value) -> Value {
    let mut plan = row(&json!([seat("a")]));
    if let Some(there) = plan.pointer_mut(pointer) {
        *there = value;
    } else if let Some((parent, key)) = pointer.rsplit_once('/') {
        plan.pointer_mut(parent).unwrap()[key] = value;
    }
    plan
}

/// A plan of one seat and one shape.
fn drawn(area: &Value) -> SeatingPlan {
    read(&with("/zones/0/areas", json!([area]))).unwrap()
}

fn read(plan: &Value) -> Result<SeatingPlan, PlanErrors> {
    SeatingPlan::from_pretix(plan.to_string().as_bytes())
}

const SEAT: &str = "/zones/0/rows/0/seats/0";

#[test]
fn what_the_editor_writes_is_read() {
    let plan = plan(&json!([
        {"name": null, "uuid": "z", "extra": {"a": [1]}, "position": {"x": 10.26, "y": 20}, "rows": [
            {"row_number": 7, "position": {"x": 1, "y": 1}, "seats": [seat("a"), seat("b")]},
            {"row_number": "empty", "seats": []},
            {"row_number": null, "seats": null}
        ], "areas": [
            {"shape": "rectangle", "position": {"x": 0, "y": 0}, "rectangle": {"width": 10, "height": 4},
             "text": {"text": "STAGE"}},
            {"shape": "spiral"}, {"shape": "circle"}, 5
        ]},
        {"name": "빈 구역", "rows": []},
        {"name": "2층 🎭", "rows": [{"row_number": "가", "seats": [seat("c")]}]},
        {"name": "اليمين", "rows": [{"row_label": "Loge", "seats": [seat("d")]}]}
    ]));
    let plan = read(&plan).unwrap();
    assert_eq!((plan.seat_count(), plan.shapes.len()), (4, 1));
    let sections: Vec<&str> = plan.sections.iter().map(|section| section.label.as_str()).collect();
    assert_eq!(sections, ["", "2층 🎭", "اليمين"]);
    let labels: Vec<String> = plan.seats().map(|seat| seat.label()).collect();
    assert_eq!(labels, ["7-1", "7-1", "가-1", "Loge-1"]);
    let first = &plan.sections[0].rows[0].seats[0];
    assert_eq!((first.x, first.y), (12.3, 23.0), "positions add up and are rounded");
    assert_eq!(plan.categories, [Category { name: "A".into(), color: "#ff0000".into() }]);
    assert_eq!((plan.size.width, plan.size.height), (100.0, 50.5));
    let stored: SeatingPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(stored, plan);
}

#[test]
fn labels_may_be_numbers_have_space_around_them_or_be_missing() {
    let cases = [
        (json!(7), "1-7"),
        (json!(7.0), "1-7"),
        (json!(7.5), "1-7.5"),
        (json!(-3), "1--3"),
        (json!(" 12b "), "1-12b"),
        (json!("x".repeat(64)), &format!("1-{}", "x".repeat(64))),
        (json!("좌".repeat(64)), &format!("1-{}", "좌".repeat(64))),
        (json!(null), "1-"),
    ];
    for (number, label) in cases {
        let plan = read(&with(&format!("{SEAT}/seat_number"), number.clone())).unwrap();
        assert_eq!(plan.seats().next().unwrap().label(), label, "{number}");
    }
    let plan = read(&with("/zones/0/rows/0/row_number", json!(null))).unwrap();
    assert_eq!(plan.seats().next().unwrap().label(), "1", "no row, no dash");
}

#[test]
fn a_category_is_found_however_it_is_written() {
    for (declared, used) in [(json!("A "), json!("A ")), (json!(1), json!("1")), (json!("1"), json!(1.0))] {
        let mut plan = with(&format!("{SEAT}/category"), used);
        plan["categories"][0]["name"] = declared.clone();
        assert!(read(&plan).is_ok(), "{declared}");
    }
}

#[test]
fn colours_are_hexadecimal_or_grey() {
    let cases = [
        (json!("#AbC"), "#aabbcc"),
        (json!("#7f4A91"), "#7f4a91"),
        (json!("red"), DEFAULT_COLOR),
        (json!("#12345"), DEFAULT_COLOR),
        (json!("#12345é"), DEFAULT_COLOR),
        (json!("\"><script>"), DEFAULT_COLOR),
        (json!(null), DEFAULT_COLOR),
    ];
    for (color, expected) in cases {
        let plan = read(&with("/categories/0/color", color.clone())).unwrap();
        assert_eq!(plan.categories[0].color, expected, "{color}");
    }
}

#[test]
fn seats_may_be_kept_for_wheelchairs_and_those_who_come_along() {
    let kept = |key: &str, value: Value| {
        let plan = read(&with(&format!("{SEAT}/{key}"), value)).unwrap();
        plan.sections[0].rows[0].seats[0].kept_for
    };
    assert_eq!(kept("accessible", json!(true)), Some(KeptFor::Wheelchair));
    assert_eq!(kept("companion", json!(true)), Some(KeptFor::Companion));
    assert_eq!(kept("accessible", json!(false)), None);
    assert_eq!(kept("companion", json!(null)), None);
    let both =
        read(&row(&json!([{"seat_guid": "a", "category": "A", "accessible": true, "companion": true}])));
    assert_eq!(both.unwrap().sections[0].rows[0].seats[0].kept_for, Some(KeptFor::Wheelchair));
    let errors = read(&with(&format!("{SEAT}/accessible"), json!("yes"))).unwrap_err();
    assert_eq!(errors.0[0].pointer, format!("{SEAT}/accessible"));
}

#[test]
fn a_plan_without_a_size_is_as_large_as_its_seats_take() {
    let size = read(&with("/size", json!(null))).unwrap().size;
    assert_eq!((size.width, size.height), (1.0, 2.0));
}

#[test]
fn shapes_are_drawn_where_they_are() {
    let at = json!({"x": 5, "y": 6.04});
    let cases = [
        (
            json!({"shape": "rectangle", "position": at, "rectangle": {"width": 10, "height": 4}}),
            ShapeKind::Rectangle { width: 10.0, height: 4.0 },
        ),
        (
            json!({"shape": "circle", "position": at, "circle": {"radius": 3}}),
            ShapeKind::Circle { radius: 3.0 },
        ),
        (
            json!({"shape": "ellipse", "position": at, "ellipse": {"radius": {"x": 3, "y": 2}}}),
            ShapeKind::Ellipse { rx: 3.0, ry: 2.0 },
        ),
        (
            json!({"shape": "polygon", "position": at,
                "polygon": {"points": [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 0, "y": 9}]}}),
            ShapeKind::Polygon { points: vec![(0.0, 0.0), (9.0, 0.0), (0.0, 9.0)] },
        ),
        (json!({"shape": "text", "position": at, "text": {"text": "Bar"}}), ShapeKind::Text),
    ];
    for (area, kind) in cases {
        let shape = &drawn(&area).shapes[0];
        assert_eq!((&shape.kind, shape.x, shape.y, shape.rotation), (&kind, 5.0, 6.0, 0.0), "{area}");
    }
}

#[test]
fn a_shape_keeps_its_colours_turn_and_text() {
    let plan =
        drawn(&json!({"shape": "text", "position": {"x": 100, "y": 50}, "rotation": 90, "color": "#FFF",
        "border_color": "none", "text": {"text": " Ba\u{7}r ", "position": {"x": 10, "y": 0}}}));
    let shape = &plan.shapes[0];
    assert_eq!((shape.x, shape.y, shape.rotation), (100.0, 60.0, 90.0), "its own position turns with it");
    assert_eq!((shape.color.as_deref(), shape.border_color.as_deref()), (Some("#ffffff"), None));
    assert_eq!(shape.text.as_deref(), Some("Bar"));
}

#[test]
fn no_space_is_left_around_a_text_where_something_was_taken_out_or_cut_off() {
    let text = |text: &str| drawn(&json!({"shape": "text", "text": {"text": text}})).shapes[0].text.clone();
    assert_eq!(text("\u{7} Bar \u{7} ").as_deref(), Some("Bar"));
    let long = "x".repeat(MAX_TEXT - 1);
    assert_eq!(text(&format!("{long} y")), Some(long));
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let points = |count: usize| vec![json!({"x": 0, "y": 0}); count];
    let areas = [
        json!(null),
        json!("stage"),
        json!({}),
        json!({"shape": 5}),
        json!({"shape": "spiral"}),
        json!({"shape": "rectangle"}),
        json!({"shape": "rectangle", "rectangle": {"width": 10}}),
        json!({"shape": "rectangle", "rectangle": {"width": -1, "height": 4}}),
        json!({"shape": "rectangle", "rectangle": {"width": 1, "height": 4}, "position": {"x": "1", "y": 0}}),
        json!({"shape": "circle", "circle": {"radius": 1e9}}),
        json!({"shape": "ellipse", "ellipse": {"radius": 5}}),
        json!({"shape": "polygon", "polygon": {"points": points(2)}}),
        json!({"shape": "polygon", "polygon": {"points": points(MAX_CORNERS + 1)}}),
        json!({"shape": "polygon", "polygon": {"points": [1, 2, 3]}}),
        json!({"shape": "text"}),
        json!({"shape": "text", "text": {"text": "  "}}),
        json!({"shape": "text", "text": {"text": "\u{7} \u{7}"}}),
        json!({"shape": "text", "position": {"x": 1e7, "y": 0}, "text": {"text": "far", "position": {"x": 1, "y": 0}}}),
    ];
    for area in areas {
        assert_eq!(drawn(&area).shapes, [], "{area}");
    }
    assert!(read(&with("/zones/0/areas", json!("none"))).unwrap().shapes.is_empty());
    let bars = vec![json!({"shape": "circle", "circle": {"radius": 1}}); MAX_SHAPES + 1];
    assert_eq!(read(&with("/zones/0/areas", json!(bars))).unwrap().shapes.len(), MAX_SHAPES);
}

#[test]
fn what_makes_a_plan_unusable_is_refused_with_a_pointer_to_it() {
    let at_seat = |key: &str, value: Value| (with(&format!("{SEAT}/{key}"), value), format!("{SEAT}/{key}"));
    let at = |pointer: &str, value: Value| (with(pointer, value), pointer.to_owned());
    let within = |pointer: &str, value: Value, offence: &str| (with(pointer, value), offence.to_owned());
    let position = |value: Value, offence: &str| {
        (with(&format!("{SEAT}/position"), value), format!("{SEAT}/position{offence}"))
    };
    let far = json!({"x": 9e6, "y": 0});
    let cases = [
        (row(&json!([seat("a"), seat("a")])), "/zones/0/rows/0/seats/1/seat_guid".to_owned()),
        (row(&json!([seat("b"), seat(" b ")])), "/zones/0/rows/0/seats/1/seat_guid".to_owned()),
        (row(&json!([])), "/zones".to_owned()),
        (plan(&json!([])), "/zones".to_owned()),
        (json!({}), "/zones".to_owned()),
        (json!([]), String::new()),
        (json!("plan"), String::new()),
        at("/zones", json!({})),
        at("/zones/0", json!(7)),
        at("/zones/0/name", json!({"de": "Rang"})),
        at("/zones/0/name", json!("a\u{1b}[31m")),
        at("/zones/0/rows", json!(1)),
        at("/zones/0/rows/0", json!("row")),
        at("/zones/0/rows/0/row_number", json!(true)),
        at("/zones/0/rows/0/row_label", json!("x".repeat(65))),
        at("/zones/0/rows/0/seats", json!("seats")),
        at(SEAT, json!(null)),
        at("/zones/0/position", json!([0, 0])),
        within("/zones/0/position", json!({"x": 1e8, "y": 0}), "/zones/0/position/x"),
        within("/zones/0/rows/0/position", json!({"x": 0, "y": -2e7}), "/zones/0/rows/0/position/y"),
        at("/name", json!(["House"])),
        at("/name", json!("x".repeat(65))),
        within("/categories", json!([{"name": "A"}, {"name": "A"}]), "/categories/1/name"),
        within("/categories", json!([{"name": "A"}, 7]), "/categories/1"),
        within("/categories", json!([{"name": "A"}, {"name": false}]), "/categories/1/name"),
        within("/categories", json!([]), &format!("{SEAT}/category")),
        at("/size", json!("large")),
        within("/size", json!({"width": -1, "height": 5}), "/size/width"),
        within("/size", json!({"width": 5, "height": "5"}), "/size/height"),
        at_seat("category", json!("B")),
        at_seat("category", json!(null)),
        at_seat("category", json!(["A"])),
        at_seat("seat_guid", json!("")),
        at_seat("seat_guid", json!(null)),
        at_seat("seat_guid", json!({})),
        at_seat("seat_guid", json!("g".repeat(257))),
        at_seat("seat_guid", json!("a\nb")),
        at_seat("seat_number", json!("x".repeat(65))),
        at_seat("seat_number", json!("좌".repeat(65))),
        at_seat("seat_number", json!(1e300)),
        at_seat("seat_number", json!("a\u{0}b")),
        at_seat("seat_number", json!("a\u{85}b")),
        at_seat("seat_number", json!(["1"])),
        position(json!(5), ""),
        position(json!({"x": 1.1e7, "y": 0}), "/x"),
        position(json!({"x": 0, "y": -1e300}), "/y"),
        position(json!({"x": 0, "y": "1"}), "/y"),
    ];
    for (plan, pointer) in cases {
        let errors = read(&plan).unwrap_err();
        assert_eq!(errors.0[0].pointer, pointer, "{plan}");
        assert_eq!(errors.0.len(), 1, "{errors}");
    }
    let errors = read(&with("/categories", json!({"A": "#ff0000"}))).unwrap_err();
    let pointers: Vec<&str> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/categories", &format!("{SEAT}/category")], "and what follows from it");
    let mut sum = with("/zones/0/position", far.clone());
    sum["zones"][0]["rows"][0]["position"] = far;
    assert_eq!(read(&sum).unwrap_err().0[0].pointer, "/zones/0/rows/0/position/x", "too far in all");
}

#[test]
fn a_guid_that_is_there_twice_is_named() {
    let errors = read(&row(&json!([seat("Z-1"), seat("Z-2"), seat("Z-1")]))).unwrap_err();
    assert_eq!(errors.to_string(), r#""/zones/0/rows/0/seats/2/seat_guid": "Z-1" is another seat's too"#);
}

#[test]
fn every_offence_is_listed_up_to_fifty() {
    let broken =
        json!({"seat_guid": 5, "seat_number": [], "category": "B", "position": {"x": "1", "y": null}});
    let errors = read(&row(&json!([seat("5"), broken]))).unwrap_err();
    let pointers: Vec<&str> =
        errors.0.iter().map(|error| error.pointer.rsplit_once("seats/1/").unwrap().1).collect();
    assert_eq!(pointers, ["seat_guid", "seat_number", "category", "position/x"]);
    let many = read(&row(&json!(vec![json!({"category": "A"}); 80]))).unwrap_err();
    assert_eq!(many.0.len(), MAX_ERRORS);
    assert_eq!(many.0[49].pointer, "/zones/0/rows/0/seats/49/seat_guid");
}

#[test]
fn more_categories_than_a_house_has_are_refused() {
    let categories: Vec<Value> = (0..=MAX_CATEGORIES).map(|n| json!({"name": n})).collect();
    let errors = read(&with("/categories", json!(categories))).unwrap_err();
    assert_eq!(errors.0[0].pointer, "/categories");
}

#[test]
fn what_is_no_json_is_refused_with_its_line_and_column() {
    let errors = SeatingPlan::from_pretix(b"{\n \"zones\": [,]}").unwrap_err();
    assert_eq!(errors.0[0].pointer, "");
    assert!(errors.0[0].detail.ends_with("at line 2 column 12"), "{errors}");
    let infinite = r#"{"zones": [{"position": {"x": 1e999, "y": 0}}]}"#;
    let bad: [&[u8]; 7] =
        [b"", b"{", b"{} {}", b"{\"zones\": NaN}", infinite.as_bytes(), b"\xff\xfe{}", b"\"\\ud800\""];
    for bad in bad {
        let errors = SeatingPlan::from_pretix(bad).unwrap_err();
        assert_eq!((errors.0.len(), errors.0[0].pointer.as_str()), (1, ""), "{errors}");
        assert!(errors.0[0].detail.starts_with("is not JSON"), "{errors}");
    }
}

#[test]
fn what_is_too_deep_too_long_or_too_much_is_refused_as_a_whole() {
    let hundred = "[0,1,2,3,4,5,6,7,8,9,\"\",null,true,1e2,{}],".repeat(100_000);
    let cases = [
        ("[".repeat(100_000), "is not JSON"),
        (" ".repeat(MAX_PLAN_BYTES + 1), "is 16777217 bytes long"),
        (format!("{{\"x\":[{}0]}}", "{},".repeat(MAX_NESTS as usize)), "has more in it"),
        (format!("{{\"x\":[{}0]}}", "0,".repeat(MAX_VALUES as usize)), "has more in it"),
        (format!("{{\"zones\":[],\"x\":[{hundred}0]}}"), "has no seats"),
    ];
    for (bad, detail) in cases {
        let errors = SeatingPlan::from_pretix(bad.as_bytes()).unwrap_err();
        assert!(errors.0[0].detail.starts_with(detail), "{errors}");
    }
}

#[test]
fn the_largest_plan_is_read_and_one_seat_more_is_refused() {
    // As much to a seat as the editor writes.
    let seat = |n: u32| {
        format!(
            r#"{{"seat_guid":"{n}","seat_number":"1","uuid":"{n}","category":"A","position":{{"x":1,"y":2}},"radius":10,"start_direction":null}}"#
        )
    };
    let plan = |seats: u32| {
        let seats: Vec<String> = (1..=seats).map(seat).collect();
        let rows: Vec<String> = seats
            .chunks(20)
            .map(|seats| format!(r#"{{"position":{{"x":0,"y":0}},"seats":[{}]}}"#, seats.join(",")))
            .collect();
        format!(r#"{{"categories":[{{"name":"A"}}],"zones":[{{"rows":[{}]}}]}}"#, rows.join(","))
    };
    assert_eq!(SeatingPlan::from_pretix(plan(MAX_SEATS).as_bytes()).unwrap().seat_count(), MAX_SEATS);
    let errors = SeatingPlan::from_pretix(plan(MAX_SEATS + 1).as_bytes()).unwrap_err();
    assert_eq!(errors.0[0].pointer, "/zones/0/rows/5000/seats/0");
    assert_eq!(errors.0.len(), 1);
}

#[test]
fn the_plans_that_come_with_onsale_are_good_ones() {
    let seats_of = |plan: &SeatingPlan| {
        let mut seats = vec![0; plan.categories.len()];
        plan.seats().for_each(|placed| seats[placed.seat.category as usize] += 1);
        seats
    };
    for (json, seats) in
        [(examples::THEATRE, vec![120, 270, 192]), (examples::ARENA, vec![500, 1_500, 2_400, 5_600])]
    {
        let plan = SeatingPlan::from_pretix(json.as_bytes()).unwrap();
        assert_eq!(seats_of(&plan), seats, "{}", plan.name);
        assert_eq!(plan.shapes[0].text.as_deref(), Some("STAGE"));
        let inside = |seat: &Seat| {
            (0.0..=plan.size.width).contains(&seat.x) && (0.0..=plan.size.height).contains(&seat.y)
        };
        assert!(plan.seats().all(|placed| inside(placed.seat)));
    }
}

proptest! {
    /// Whatever is sent, the answer is a plan with seats or a short list of errors that point into the
    /// document.
    #[test]
    fn anything_is_read_or_refused(
        pointer in prop::sample::select(vec![
            "/name", "/categories", "/categories/0", "/categories/0/name", "/zones", "/zones/0", "/zones/0/name",
            "/zones/0/position", "/zones/0/rows", "/zones/0/rows/0", "/zones/0/rows/0/seats", SEAT,
            "/zones/0/rows/0/seats/0/position", "/zones/0/areas", "/size",
        ]),
        value in json_values(),
    ) {
        let document = with(pointer, value);
        match read(&document) {
            Ok(plan) => prop_assert!(plan.seat_count() > 0),
            Err(errors) => {
                prop_assert!((1..=MAX_ERRORS).contains(&errors.0.len()));
                for error in errors.0 {
                    // What is missing is pointed at too: its parent is there.
                    let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                    prop_assert!(document.pointer(parent).is_some(), "{}", error.pointer);
                }
            }
        }
    }
}

fn json_values() -> impl Strategy<Value = Value> {
    let key =
        || prop::sample::select(vec!["name", "rows", "seats", "position", "x", "y", "seat_guid", "width"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}
