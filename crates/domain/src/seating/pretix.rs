//! Seating plans as the pretix editor writes them (JSON schema version 0.0.1).
//!
//! Two keys of a seat are our own: `"accessible": true`, a space for a wheelchair, and `"companion": true`, the seat that is
//! kept for who comes along.
//!
//! The editor adds keys, writes fractional positions, leaves zones and rows empty and names in any script:
//! all that is read. What would make a plan unusable is refused with a JSON pointer to it, every offence at
//! once (the first fifty), so that a person can mend the file in one go.
//!
//! Invariant: a plan that comes out has unique guids, a category for every seat, and finite positions; and no
//! file takes more memory to read than the largest plan does.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
};

use serde::de::DeserializeSeed;
use serde_json::{Map, Value};

use super::plan::{
    Category, KeptFor, MAX_PLAN_BYTES, MAX_SEATS, PlanError, PlanErrors, Row, Seat, SeatingPlan, Section,
    Shape, ShapeKind, Size,
};

mod census;

use census::Census;

/// Positions beyond this are slips, and would make the drawing useless.
const MAX_COORDINATE: f64 = 1e7;

/// The longest label, in characters.
const MAX_LABEL: usize = 64;

/// The longest guid, in characters: pretix makes it of zone, row and seat.
const MAX_GUID: usize = 256;

/// The longest text on a shape; what is longer is cut.
const MAX_TEXT: usize = 128;

/// Offences beyond this many are not listed.
const MAX_ERRORS: usize = 50;

/// More categories than any house has, and few enough for a `u16`.
const MAX_CATEGORIES: usize = 1_000;

/// Shapes beyond these are not drawn: everybody who looks at the plan has to load them.
const MAX_SHAPES: usize = 10_000;
const MAX_CORNERS: usize = 1_000;

/// The category's colour where the plan gives none.
const DEFAULT_COLOR: &str = "#808080";

impl SeatingPlan {
    /// Reads a plan. Empty rows and zones are left out; seats keep the order of the file.
    pub fn from_pretix(json: &[u8]) -> Result<Self, PlanErrors> {
        let whole = |detail: String| PlanErrors(vec![PlanError { pointer: String::new(), detail }]);
        if json.len() > MAX_PLAN_BYTES {
            return Err(whole(format!("is {} bytes long; at most {MAX_PLAN_BYTES} are read", json.len())));
        }
        let mut census = Census::default();
        let counted = census.deserialize(&mut serde_json::Deserializer::from_slice(json));
        if census.is_exceeded() {
            return Err(whole(format!("has more in it than a plan of {MAX_SEATS} seats needs")));
        }
        let document = counted.and_then(|()| serde_json::from_slice(json));
        let document: Value = document.map_err(|error| whole(format!("is not JSON: {error}")))?;
        let mut reader = Reader::default();
        let plan = reader.plan(&document);
        if reader.errors.is_empty() && plan.seat_count() == 0 {
            reader.refuse(At::Key(&At::Root, "zones"), "has no seats");
        }
        if reader.errors.is_empty() { Ok(plan) } else { Err(PlanErrors(reader.errors)) }
    }
}

/// Where in the document. It becomes a JSON pointer only if something is wrong there, which spares a string
/// for every seat. The keys are ours, and none has a `~` or `/` to escape.
#[derive(Clone, Copy)]
enum At<'a> {
    Root,
    Key(&'a At<'a>, &'static str),
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => write!(f, "{parent}/{key}"),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

type Object = Map<String, Value>;

/// A position, before it is rounded.
type Point = (f64, f64);

/// Walks through a document, listing what is wrong on the way. Methods that answer `None` have listed it.
#[derive(Default)]
struct Reader<'a> {
    errors: Vec<PlanError>,
    categories: HashMap<Cow<'a, str>, u16>,
    guids: HashSet<Cow<'a, str>>,
    shapes: Vec<Shape>,
    seats: u32,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, at: At<'_>, detail: impl fmt::Display) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(PlanError { pointer: at.to_string(), detail: detail.to_string() });
        }
    }

    fn plan(&mut self, document: &'a Value) -> SeatingPlan {
        let at = At::Root;
        let document = self.object(document, at);
        let name = self.label(document, at, "name");
        let categories = self.categories(document, at);
        let mut sections = Vec::new();
        let zones_at = At::Key(&at, "zones");
        for (index, zone) in self.items(document, at, "zones").iter().enumerate() {
            let at = At::Index(&zones_at, index);
            let zone = self.object(zone, at);
            let corner = self.position(zone, at, (0.0, 0.0));
            let section = self.section(zone, at, corner);
            if !section.rows.is_empty() {
                sections.push(section);
            }
            let drawn = zone.and_then(|zone| zone.get("areas")).and_then(Value::as_array);
            let room = MAX_SHAPES - self.shapes.len();
            self.shapes.extend(drawn.into_iter().flatten().filter_map(|area| shape(area, corner)).take(room));
        }
        let size = self.size(document, at).unwrap_or_else(|| extent(&sections));
        let shapes = std::mem::take(&mut self.shapes);
        SeatingPlan { name: name.unwrap_or_default().into_owned(), size, categories, sections, shapes }
    }

    /// The size of the drawing; `None` where the plan does not say.
    fn size(&mut self, document: Option<&'a Object>, at: At<'_>) -> Option<Size> {
        let size = document?.get("size").filter(|size| !size.is_null())?;
        let at = At::Key(&at, "size");
        let size = self.object(size, at);
        let mut side = |key: &'static str| match size?.get(key)?.as_f64() {
            Some(side) if (0.0..=MAX_COORDINATE).contains(&side) => Some(rounded(side)),
            _ => {
                self.refuse(At::Key(&at, key), "must be a number from 0 to 10,000,000");
                None
            }
        };
        let (width, height) = (side("width"), side("height"));
        Some(Size { width: width?, height: height? })
    }

    fn categories(&mut self, document: Option<&'a Object>, at: At<'_>) -> Vec<Category> {
        let mut categories = Vec::new();
        let list_at = At::Key(&at, "categories");
        let declared = self.items(document, at, "categories");
        if declared.len() > MAX_CATEGORIES {
            self.refuse(list_at, format_args!("has more than {MAX_CATEGORIES} categories"));
        }
        for (index, category) in declared.iter().take(MAX_CATEGORIES).enumerate() {
            let at = At::Index(&list_at, index);
            let category = self.object(category, at);
            let Some(name) = self.label(category, at, "name") else { continue };
            if self.categories.contains_key(&name) {
                self.refuse(At::Key(&at, "name"), format_args!("category {name:?} is declared twice"));
                continue;
            }
            let color = category.and_then(|category| color(category.get("color")));
            categories.push(Category {
                name: name.to_string(),
                color: color.unwrap_or_else(|| DEFAULT_COLOR.into()),
            });
            self.categories.insert(name, categories.len() as u16 - 1);
        }
        categories
    }

    fn section(&mut self, zone: Option<&'a Object>, at: At<'_>, corner: Point) -> Section {
        let label = self.label(zone, at, "name").unwrap_or_default().into_owned();
        let mut rows = Vec::new();
        let rows_at = At::Key(&at, "rows");
        for (index, row) in self.items(zone, at, "rows").iter().enumerate() {
            let at = At::Index(&rows_at, index);
            let row = self.object(row, at);
            let row = self.row(row, at, corner);
            if !row.seats.is_empty() {
                rows.push(row);
            }
        }
        Section { label, rows }
    }

    fn row(&mut self, row: Option<&'a Object>, at: At<'_>, corner: Point) -> Row {
        // The number is what stands at the row; the label, which it may have as well, is a description.
        let number = self.label(row, at, "row_number").unwrap_or_default();
        let description = self.label(row, at, "row_label").unwrap_or_default();
        let label = if number.is_empty() { description } else { number };
        let start = self.position(row, at, corner);
        let mut seats = Vec::new();
        let seats_at = At::Key(&at, "seats");
        for (index, seat) in self.items(row, at, "seats").iter().enumerate() {
            let at = At::Index(&seats_at, index);
            if self.seats == MAX_SEATS {
                self.refuse(at, format_args!("is one seat more than the {MAX_SEATS} that a plan may have"));
                break;
            }
            self.seats += 1;
            let seat = self.object(seat, at);
            seats.extend(self.seat(seat, at, start));
        }
        Row { label: label.into_owned(), seats }
    }

    fn seat(&mut self, seat: Option<&'a Object>, at: At<'_>, start: Point) -> Option<Seat> {
        // Every offence of a seat is listed before it is given up.
        let seat = Some(seat?);
        let guid = self.guid(seat, at);
        let number = self.label(seat, at, "seat_number");
        let category = self.category(seat, at);
        let accessible = self.mark(seat, at, "accessible").then_some(KeptFor::Wheelchair);
        let companion = self.mark(seat, at, "companion").then_some(KeptFor::Companion);
        let (x, y) = self.position(seat, at, start);
        Some(Seat {
            number: number?.into_owned(),
            guid: guid?,
            x: rounded(x),
            y: rounded(y),
            category: category?,
            kept_for: accessible.or(companion),
        })
    }

    fn guid(&mut self, seat: Option<&'a Object>, at: At<'_>) -> Option<String> {
        let guid = self.text(seat, at, "seat_guid", MAX_GUID)?;
        let at = At::Key(&at, "seat_guid");
        if guid.is_empty() {
            self.refuse(at, "must be a text that no other seat has");
            return None;
        }
        if !self.guids.insert(guid.clone()) {
            self.refuse(at, format_args!("{guid:?} is another seat's too"));
            return None;
        }
        Some(guid.into_owned())
    }

    fn category(&mut self, seat: Option<&'a Object>, at: At<'_>) -> Option<u16> {
        let name = self.label(seat, at, "category")?;
        let category = self.categories.get(&name).copied();
        if category.is_none() {
            self.refuse(At::Key(&at, "category"), format_args!("{name:?} is not declared in categories"));
        }
        category
    }

    /// A key of our own, which plans of others do not have.
    fn mark(&mut self, object: Option<&'a Object>, at: At<'_>, key: &'static str) -> bool {
        match object.and_then(|object| object.get(key)) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => {
                self.refuse(At::Key(&at, key), "must be true or false");
                false
            }
        }
    }

    /// The items of a list. One that is missing or `null` is empty.
    fn items(&mut self, object: Option<&'a Object>, at: At<'_>, key: &'static str) -> &'a [Value] {
        match object.and_then(|object| object.get(key)) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.refuse(At::Key(&at, key), "must be a list");
                &[]
            }
        }
    }

    fn object(&mut self, value: &'a Value, at: At<'_>) -> Option<&'a Object> {
        let object = value.as_object();
        if object.is_none() {
            self.refuse(at, "must be an object");
        }
        object
    }

    fn label(&mut self, object: Option<&'a Object>, at: At<'_>, key: &'static str) -> Option<Cow<'a, str>> {
        self.text(object, at, key, MAX_LABEL)
    }

    /// A text, or a number where the editor's users may have typed one; empty where it is missing or `null`.
    fn text(
        &mut self,
        object: Option<&'a Object>,
        at: At<'_>,
        key: &'static str,
        longest: usize,
    ) -> Option<Cow<'a, str>> {
        let at = At::Key(&at, key);
        let text = match object?.get(key) {
            None | Some(Value::Null) => Cow::Borrowed(""),
            Some(Value::String(text)) => Cow::Borrowed(text.trim()),
            // Seat 7 may be written as 7.0, and is seat 7 all the same.
            Some(Value::Number(number)) => match number.as_f64() {
                Some(float) if number.is_f64() => Cow::Owned(float.to_string()),
                _ => Cow::Owned(number.to_string()),
            },
            Some(_) => {
                self.refuse(at, "must be a text");
                return None;
            }
        };
        if text.chars().count() > longest {
            self.refuse(at, format_args!("is longer than {longest} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.refuse(at, "has control characters");
            return None;
        }
        Some(text)
    }

    /// The position of an object within another one; where it has none, it is where the other one is.
    fn position(&mut self, object: Option<&'a Object>, at: At<'_>, (x, y): Point) -> Point {
        let position = object.and_then(|object| object.get("position")).filter(|value| !value.is_null());
        let Some(position) = position else { return (x, y) };
        let at = At::Key(&at, "position");
        let position = self.object(position, at);
        let mut along = |axis: &'static str, from: f64| match position.and_then(|position| position.get(axis))
        {
            None | Some(Value::Null) => from,
            Some(value) => match value.as_f64().map(|number| from + number) {
                Some(sum) if sum.abs() <= MAX_COORDINATE => sum,
                _ => {
                    self.refuse(At::Key(&at, axis), "must be a number that leads within ±10,000,000");
                    from
                }
            },
        };
        (along("x", x), along("y", y))
    }
}

/// As large as it takes to show every seat.
fn extent(sections: &[Section]) -> Size {
    let seats = || sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.seats);
    Size {
        width: seats().map(|seat| seat.x).fold(0.0, f32::max),
        height: seats().map(|seat| seat.y).fold(0.0, f32::max),
    }
}

/// To a tenth: finer than any screen shows, and it keeps what is sent small.
fn rounded(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

/// A colour as `#rrggbb`; anything else is none.
fn color(value: Option<&Value>) -> Option<String> {
    let digits = value?.as_str()?.strip_prefix('#')?;
    if !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    match digits.len() {
        3 => Some(digits.chars().fold("#".to_owned(), |long, digit| format!("{long}{digit}{digit}"))),
        6 => Some(format!("#{digits}")),
        _ => None,
    }
}

/// A drawn shape. What cannot be drawn is left out: nobody can sit on it.
fn shape(area: &Value, (zone_x, zone_y): Point) -> Option<Shape> {
    let kind = match area.get("shape")?.as_str()? {
        "rectangle" => {
            let rectangle = area.get("rectangle")?;
            ShapeKind::Rectangle {
                width: length(rectangle.get("width")?)?,
                height: length(rectangle.get("height")?)?,
            }
        }
        "circle" => ShapeKind::Circle { radius: length(area.get("circle")?.get("radius")?)? },
        "ellipse" => {
            let radius = area.get("ellipse")?.get("radius")?;
            ShapeKind::Ellipse { rx: length(radius.get("x")?)?, ry: length(radius.get("y")?)? }
        }
        "polygon" => {
            let points = area.get("polygon")?.get("points")?.as_array()?;
            if !(3..=MAX_CORNERS).contains(&points.len()) {
                return None;
            }
            let corner = |point: &Value| point_of(point).map(|(x, y)| (rounded(x), rounded(y)));
            ShapeKind::Polygon { points: points.iter().map(corner).collect::<Option<_>>()? }
        }
        "text" => ShapeKind::Text,
        _ => return None,
    };
    let present = |key: &str| area.get(key).filter(|value| !value.is_null());
    let (x, y) = present("position").map_or(Some((0.0, 0.0)), point_of)?;
    let rotation = present("rotation").map_or(Some(0.0), coordinate)?;
    let text =
        area.get("text").and_then(|text| text.get("text")).and_then(Value::as_str).and_then(drawn_text);
    // Text alone is where its own position says, which elsewhere only shifts it within the shape.
    let (text_x, text_y) = match kind {
        ShapeKind::Text if text.is_none() => return None,
        ShapeKind::Text => area.get("text")?.get("position").and_then(point_of).unwrap_or_default(),
        _ => (0.0, 0.0),
    };
    let (sin, cos) = rotation.to_radians().sin_cos();
    let (x, y) = (zone_x + x + text_x * cos - text_y * sin, zone_y + y + text_x * sin + text_y * cos);
    // The sum may be too far where none of what was added up is.
    if x.abs() > MAX_COORDINATE || y.abs() > MAX_COORDINATE {
        return None;
    }
    Some(Shape {
        kind,
        x: rounded(x),
        y: rounded(y),
        rotation: rounded(rotation),
        color: color(area.get("color")),
        border_color: color(area.get("border_color")),
        text,
    })
}

/// What is written on a shape, on one line and without space around it; `None` where nothing is left.
fn drawn_text(text: &str) -> Option<String> {
    let visible = text.chars().filter(|c| !c.is_control()).skip_while(|c| c.is_whitespace());
    let cut: String = visible.take(MAX_TEXT).collect();
    let cut = cut.trim_end();
    (!cut.is_empty()).then(|| cut.to_owned())
}

fn point_of(value: &Value) -> Option<Point> {
    Some((coordinate(value.get("x")?)?, coordinate(value.get("y")?)?))
}

fn coordinate(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.abs() <= MAX_COORDINATE)
}

fn length(value: &Value) -> Option<f32> {
    coordinate(value).filter(|length| *length >= 0.0).map(rounded)
}

#[cfg(test)]
mod tests;
