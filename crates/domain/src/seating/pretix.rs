//! Seating plans as the pretix editor writes them (JSON schema version 0.0.1).
//!
//! The editor adds keys, writes fractional positions, leaves zones and rows empty and names in any script: all
//! that is read. What would make a plan unusable is refused with a JSON pointer to it, every offence at once
//! (the first fifty), so that a person can mend the file in one go.
//!
//! Invariant: a plan that comes out has unique guids, a category for every seat, and finite positions.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use serde_json::{Map, Value};

use super::plan::{
    Category, MAX_PLAN_BYTES, MAX_SEATS, PlanError, PlanErrors, Row, Seat, SeatingPlan, Section, Shape,
    ShapeKind, Size,
};

/// Positions beyond this are slips, and would make the drawing useless.
const MAX_COORDINATE: f64 = 1e7;

/// The longest label.
const MAX_LABEL: usize = 64;

/// Offences beyond this many are not listed.
const MAX_ERRORS: usize = 50;

/// Sections, rows and categories are far fewer; a bound keeps a hostile file from making millions of them.
const MAX_PARTS: usize = 10_000;

const DEFAULT_COLOR: &str = "#808080";

impl SeatingPlan {
    /// Reads a plan. Empty rows and zones are left out; seats keep the order of the file.
    pub fn from_pretix(json: &[u8]) -> Result<Self, PlanErrors> {
        let whole = |detail: String| PlanErrors(vec![PlanError { pointer: String::new(), detail }]);
        if json.len() > MAX_PLAN_BYTES {
            return Err(whole(format!("is {} bytes long; at most {MAX_PLAN_BYTES} are read", json.len())));
        }
        let document: Value =
            serde_json::from_slice(json).map_err(|error| whole(format!("is not JSON: {error}")))?;
        let Value::Object(document) = document else {
            return Err(whole("must be an object".into()));
        };
        let mut reader = Reader::default();
        let plan = reader.plan(&document);
        if reader.errors.is_empty() && plan.seat_count() == 0 {
            reader.refuse("/zones", "has no seats");
        }
        if reader.errors.is_empty() { Ok(plan) } else { Err(PlanErrors(reader.errors)) }
    }
}

#[derive(Default)]
struct Reader {
    errors: Vec<PlanError>,
    categories: HashMap<String, u16>,
    guids: HashSet<String>,
    seats: u32,
}

impl Reader {
    fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(PlanError { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    fn plan(&mut self, document: &Map<String, Value>) -> SeatingPlan {
        let name = self.label(document, "", "name").unwrap_or_default();
        let categories = self.categories(document);
        let mut sections = Vec::new();
        let mut shapes = Vec::new();
        for (pointer, zone) in self.items(document, "", "zones") {
            let Some(zone) = self.object(&pointer, zone) else { continue };
            let (x, y) = self.position(zone, &pointer);
            let section = self.section(zone, &pointer, (x, y));
            if !section.rows.is_empty() {
                sections.push(section);
            }
            let drawn = zone.get("areas").and_then(Value::as_array).into_iter().flatten();
            shapes.extend(drawn.take(MAX_PARTS).filter_map(|area| shape(area, (x, y))));
        }
        let size = document.get("size").and_then(Value::as_object);
        let side = |key: &str| {
            size.and_then(|size| size.get(key))
                .and_then(Value::as_f64)
                .filter(|side| (0.0..=MAX_COORDINATE).contains(side))
        };
        let size = Size {
            width: rounded(side("width").unwrap_or(0.0)),
            height: rounded(side("height").unwrap_or(0.0)),
        };
        SeatingPlan { name, size, categories, sections, shapes }
    }

    fn categories(&mut self, document: &Map<String, Value>) -> Vec<Category> {
        let mut categories = Vec::new();
        for (pointer, category) in self.items(document, "", "categories") {
            let Some(category) = self.object(&pointer, category) else { continue };
            let Some(name) = self.label(category, &pointer, "name") else { continue };
            if self.categories.insert(name.clone(), categories.len() as u16).is_some() {
                self.refuse(&format!("{pointer}/name"), format!("category {name:?} is declared twice"));
                continue;
            }
            let color = color(category.get("color")).unwrap_or_else(|| DEFAULT_COLOR.to_owned());
            categories.push(Category { name, color });
        }
        categories
    }

    fn section(&mut self, zone: &Map<String, Value>, pointer: &str, (zone_x, zone_y): (f64, f64)) -> Section {
        let label = self.label(zone, pointer, "name").unwrap_or_default();
        let mut rows = Vec::new();
        for (pointer, row) in self.items(zone, pointer, "rows") {
            let Some(row) = self.object(&pointer, row) else { continue };
            let (row_x, row_y) = self.position(row, &pointer);
            let label = self.label(row, &pointer, "row_number").unwrap_or_default();
            let mut seats = Vec::new();
            for (pointer, seat) in self.items(row, &pointer, "seats") {
                if self.seats >= MAX_SEATS {
                    self.refuse(
                        &pointer,
                        format!("is one seat more than the {MAX_SEATS} that a plan may have"),
                    );
                    return Section { label, rows };
                }
                let Some(seat) = self.object(&pointer, seat) else { continue };
                if let Some(seat) = self.seat(seat, &pointer, (zone_x + row_x, zone_y + row_y)) {
                    self.seats += 1;
                    seats.push(seat);
                }
            }
            if !seats.is_empty() {
                rows.push(Row { label, seats });
            }
        }
        Section { label, rows }
    }

    fn seat(&mut self, seat: &Map<String, Value>, pointer: &str, (row_x, row_y): (f64, f64)) -> Option<Seat> {
        let (x, y) = self.position(seat, pointer);
        let number = self.label(seat, pointer, "seat_number").unwrap_or_default();
        let guid = match seat.get("seat_guid") {
            Some(Value::String(guid)) if !guid.is_empty() => guid.clone(),
            Some(Value::Number(guid)) => guid.to_string(),
            _ => {
                self.refuse(&format!("{pointer}/seat_guid"), "must be a text that no other seat has");
                return None;
            }
        };
        if guid.chars().count() > MAX_LABEL * 4 {
            self.refuse(&format!("{pointer}/seat_guid"), "is longer than 256 characters");
            return None;
        }
        if !self.guids.insert(guid.clone()) {
            self.refuse(&format!("{pointer}/seat_guid"), format!("{guid:?} is another seat's too"));
            return None;
        }
        let Some(name) = seat.get("category").and_then(Value::as_str) else {
            self.refuse(&format!("{pointer}/category"), "must be the name of a category");
            return None;
        };
        let Some(category) = self.categories.get(name).copied() else {
            self.refuse(&format!("{pointer}/category"), format!("{name:?} is not declared in categories"));
            return None;
        };
        Some(Seat { number, guid, x: rounded(row_x + x), y: rounded(row_y + y), category })
    }

    /// The items of a list with their pointers. A list that is missing or `null` is empty.
    fn items<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        pointer: &str,
        key: &str,
    ) -> Vec<(String, &'a Value)> {
        match object.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) if key == "seats" || items.len() <= MAX_PARTS => {
                let mut pointed = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let mut at = String::with_capacity(pointer.len() + key.len() + 8);
                    // Writing to a string cannot fail.
                    let _ = write!(at, "{pointer}/{key}/{index}");
                    pointed.push((at, item));
                }
                pointed
            }
            Some(Value::Array(_)) => {
                self.refuse(&format!("{pointer}/{key}"), format!("has more than {MAX_PARTS} items"));
                Vec::new()
            }
            Some(_) => {
                self.refuse(&format!("{pointer}/{key}"), "must be a list");
                Vec::new()
            }
        }
    }

    fn object<'a>(&mut self, pointer: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.refuse(pointer, "must be an object");
        }
        object
    }

    /// A label: text or a number; `None` where there is none.
    fn label(&mut self, object: &Map<String, Value>, pointer: &str, key: &str) -> Option<String> {
        let text = match object.get(key) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => {
                self.refuse(&format!("{pointer}/{key}"), "must be a text");
                return None;
            }
        };
        if text.chars().count() > MAX_LABEL {
            self.refuse(&format!("{pointer}/{key}"), format!("is longer than {MAX_LABEL} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.refuse(&format!("{pointer}/{key}"), "has control characters");
            return None;
        }
        Some(text)
    }

    /// A position; the origin where there is none.
    fn position(&mut self, object: &Map<String, Value>, pointer: &str) -> (f64, f64) {
        let Some(position) = object.get("position").filter(|position| !position.is_null()) else {
            return (0.0, 0.0);
        };
        let mut coordinate = |axis: &str| match position.get(axis) {
            None | Some(Value::Null) => 0.0,
            Some(value) => match value.as_f64() {
                Some(number) if number.abs() <= MAX_COORDINATE => number,
                _ => {
                    self.refuse(&format!("{pointer}/position/{axis}"), "must be a number within ±10,000,000");
                    0.0
                }
            },
        };
        (coordinate("x"), coordinate("y"))
    }
}

/// To a tenth: finer than any screen shows, and it keeps what is sent small.
fn rounded(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

/// A colour as `#rrggbb`; anything else is none.
fn color(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let digits = text.strip_prefix('#')?;
    let hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    match digits.len() {
        6 if hex => Some(text.to_ascii_lowercase()),
        3 if hex => Some(
            digits.chars().fold("#".to_owned(), |long, c| long + &format!("{c}{c}").to_ascii_lowercase()),
        ),
        _ => None,
    }
}

/// A drawn shape. What cannot be drawn is left out: nobody can sit on it.
fn shape(area: &Value, (zone_x, zone_y): (f64, f64)) -> Option<Shape> {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64).filter(|n| n.abs() <= MAX_COORDINATE);
    let of = |part: &str, key: &str| number(area.get(part).and_then(|part| part.get(key)));
    let kind = match area.get("shape").and_then(Value::as_str)? {
        "rectangle" => ShapeKind::Rectangle {
            width: rounded(of("rectangle", "width")?),
            height: rounded(of("rectangle", "height")?),
        },
        "circle" => ShapeKind::Circle { radius: rounded(of("circle", "radius")?) },
        "ellipse" => {
            let radius = area.get("ellipse")?.get("radius")?;
            ShapeKind::Ellipse {
                rx: rounded(number(radius.get("x"))?),
                ry: rounded(number(radius.get("y"))?),
            }
        }
        "polygon" => {
            let points = area.get("polygon")?.get("points")?.as_array()?;
            let corner =
                |point: &Value| Some((rounded(number(point.get("x"))?), rounded(number(point.get("y"))?)));
            ShapeKind::Polygon { points: points.iter().take(MAX_PARTS).map(corner).collect::<Option<_>>()? }
        }
        "text" => ShapeKind::Text,
        _ => return None,
    };
    let text = area.get("text").and_then(|text| text.get("text")).and_then(Value::as_str);
    let text =
        text.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_LABEL * 2).collect::<String>());
    Some(Shape {
        kind,
        x: rounded(zone_x + of("position", "x").unwrap_or(0.0)),
        y: rounded(zone_y + of("position", "y").unwrap_or(0.0)),
        rotation: rounded(number(area.get("rotation")).unwrap_or(0.0)),
        color: color(area.get("color")),
        border_color: color(area.get("border_color")),
        text: text.filter(|text| !text.trim().is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::seating::examples;

    fn seat(guid: &str) -> Value {
        json!({"seat_guid": guid, "seat_number": "1", "category": "A", "position": {"x": 1, "y": 2}})
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller makes one to give away")]
    fn plan(zones: Value) -> Value {
        json!({"name": "House", "categories": [{"name": "A", "color": "#FF0000"}], "zones": zones,
            "size": {"width": 100, "height": 50.5}})
    }

    fn read(plan: &Value) -> Result<SeatingPlan, PlanErrors> {
        SeatingPlan::from_pretix(plan.to_string().as_bytes())
    }

    #[test]
    fn what_the_editor_writes_is_read() {
        let plan = plan(json!([
            {"name": null, "uuid": "z", "extra": {"a": [1]}, "position": {"x": 10.26, "y": 20}, "rows": [
                {"row_number": 7, "position": {"x": 1, "y": 1}, "seats": [seat("a"), seat("b")]},
                {"row_number": "empty", "seats": []},
                {"row_number": null, "seats": null}
            ], "areas": [
                {"shape": "rectangle", "position": {"x": 0, "y": 0}, "rectangle": {"width": 10, "height": 4}, "text": {"text": "STAGE"}},
                {"shape": "spiral"}, {"shape": "circle"}, 5
            ]},
            {"name": "빈 구역", "rows": []},
            {"name": "2층 🎭", "rows": [{"row_number": "가", "seats": [seat("c")]}]}
        ]));
        let plan = read(&plan).unwrap();
        assert_eq!((plan.seat_count(), plan.sections.len(), plan.shapes.len()), (3, 2, 1));
        let labels: Vec<String> = plan.seats().map(|seat| seat.label()).collect();
        assert_eq!(labels, ["7-1", "7-1", "가-1"]);
        let first = &plan.sections[0].rows[0].seats[0];
        assert_eq!((first.x, first.y), (12.3, 23.0), "positions add up and are rounded");
        assert_eq!(plan.categories[0].color, "#ff0000");
        let stored: SeatingPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(stored, plan);
    }

    #[test]
    fn what_makes_a_plan_unusable_is_refused_with_a_pointer_to_it() {
        let row = |seats: Value| json!([{"name": "Z", "rows": [{"row_number": "1", "seats": seats}]}]);
        let with = |key: &str, value: Value| {
            let mut seat = seat("a");
            seat[key] = value;
            row(json!([seat]))
        };
        let cases = [
            (row(json!([seat("a"), seat("a")])), "/zones/0/rows/0/seats/1/seat_guid"),
            (row(json!([])), "/zones"),
            (json!([]), "/zones"),
            (json!({}), "/zones"),
            (json!([7]), "/zones/0"),
            (row(json!("seats")), "/zones/0/rows/0/seats"),
            (row(json!([null])), "/zones/0/rows/0/seats/0"),
            (with("category", json!("B")), "/zones/0/rows/0/seats/0/category"),
            (with("category", json!(null)), "/zones/0/rows/0/seats/0/category"),
            (with("seat_guid", json!("")), "/zones/0/rows/0/seats/0/seat_guid"),
            (with("seat_number", json!("x".repeat(65))), "/zones/0/rows/0/seats/0/seat_number"),
            (with("seat_number", json!("a\u{0}b")), "/zones/0/rows/0/seats/0/seat_number"),
            (with("seat_number", json!(["1"])), "/zones/0/rows/0/seats/0/seat_number"),
            (with("position", json!({"x": 1e9, "y": 0})), "/zones/0/rows/0/seats/0/position/x"),
            (with("position", json!({"x": 0, "y": "1"})), "/zones/0/rows/0/seats/0/position/y"),
        ];
        for (zones, pointer) in cases {
            let errors = read(&plan(zones.clone())).unwrap_err();
            assert_eq!(errors.0[0].pointer, pointer, "{zones}");
        }
    }

    #[test]
    fn every_offence_is_listed_up_to_fifty() {
        let seats: Vec<Value> = (0..80).map(|_| json!({"seat_guid": "", "category": "A"})).collect();
        let zones = json!([{"rows": [{"seats": seats}]}]);
        assert_eq!(read(&plan(zones)).unwrap_err().0.len(), MAX_ERRORS);
    }

    #[test]
    fn what_is_no_json_too_deep_or_too_large_is_refused_as_a_whole() {
        let deep = "[".repeat(100_000);
        for bad in ["", "{", "[]", "7", "{\"zones\": NaN}", &deep] {
            let errors = SeatingPlan::from_pretix(bad.as_bytes()).unwrap_err();
            assert_eq!(errors.0[0].pointer, "", "{bad:.20}");
        }
        assert!(SeatingPlan::from_pretix(&vec![b' '; MAX_PLAN_BYTES + 1]).is_err());
    }

    #[test]
    fn more_seats_than_a_plan_may_have_are_refused() {
        let seats: Vec<Value> = (0..=MAX_SEATS).map(|n| seat(&n.to_string())).collect();
        let errors = read(&plan(json!([{"rows": [{"seats": seats}]}]))).unwrap_err();
        assert_eq!(errors.0[0].pointer, format!("/zones/0/rows/0/seats/{MAX_SEATS}"));
    }

    #[test]
    fn the_plans_that_come_with_onsale_are_good_ones() {
        let theatre = SeatingPlan::from_pretix(examples::THEATRE.as_bytes()).unwrap();
        assert!((550..=650).contains(&theatre.seat_count()) && theatre.categories.len() == 3);
        let arena = SeatingPlan::from_pretix(examples::ARENA.as_bytes()).unwrap();
        assert_eq!((arena.seat_count(), arena.categories.len()), (10_000, 4));
    }
}
