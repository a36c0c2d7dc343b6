//! Writes the two seating plans that come with onsale: `cargo run -p onsale-domain --example plans`.
//!
//! Invariant: the same files every time.
#![expect(clippy::cast_possible_truncation, reason = "positions are rounded to whole units")]

use std::{f64::consts::PI, fmt::Write, fs, path::Path};

/// Where a seat is, and its category.
type Placed = (i64, i64, &'static str);

struct Plan {
    name: &'static str,
    size: (u32, u32),
    categories: &'static [(&'static str, &'static str)],
    stage: (i64, i64, i64, i64),
    zones: Vec<Zone>,
}

struct Zone {
    id: String,
    name: String,
    rows: Vec<Vec<Placed>>,
}

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    fs::write(folder.join("theatre.json"), theatre().json())?;
    fs::write(folder.join("arena-10000.json"), arena().json())
}

impl Plan {
    /// One line a row: compact, and still readable in a diff.
    fn json(&self) -> String {
        let categories: Vec<String> = self
            .categories
            .iter()
            .map(|(name, color)| format!(r#"{{"name":"{name}","color":"{color}"}}"#))
            .collect();
        let zones: Vec<String> = self
            .zones
            .iter()
            .enumerate()
            .map(|(z, zone)| zone.json(&if z == 0 { self.stage_json() } else { String::new() }))
            .collect();
        let (width, height) = self.size;
        format!(
            "{{\"name\":\"{}\",\"size\":{{\"width\":{width},\"height\":{height}}},\"categories\":[{}],\n\"zones\":[\n{}\n]}}\n",
            self.name,
            categories.join(","),
            zones.join(",\n")
        )
    }

    fn stage_json(&self) -> String {
        let (x, y, width, height) = self.stage;
        format!(
            "{{\"shape\":\"rectangle\",\"color\":\"#2f2f37\",\"border_color\":\"#2f2f37\",\"rotation\":0,\"position\":{{\"x\":{x},\"y\":{y}}},\
             \"rectangle\":{{\"width\":{width},\"height\":{height}}},\"text\":{{\"text\":\"STAGE\",\"color\":\"#ffffff\",\"position\":{{\"x\":{},\"y\":{}}}}}}}",
            width / 2,
            height / 2
        )
    }
}

impl Zone {
    fn json(&self, areas: &str) -> String {
        let rows: Vec<String> =
            self.rows.iter().zip('A'..='Z').map(|(row, letter)| self.row(row, letter)).collect();
        format!(
            "{{\"zone_id\":\"{}\",\"name\":\"{}\",\"position\":{{\"x\":0,\"y\":0}},\"areas\":[{areas}],\"rows\":[\n{}]}}",
            self.id,
            self.name,
            rows.join(",\n")
        )
    }

    fn row(&self, row: &[Placed], letter: char) -> String {
        let mut out = format!(
            "{{\"row_number\":\"{letter}\",\"row_number_position\":\"both\",\"position\":{{\"x\":0,\"y\":0}},\"seats\":["
        );
        for ((x, y, category), number) in row.iter().zip(1..) {
            let comma = if number == 1 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                "{comma}{{\"seat_guid\":\"{}-{letter}-{number}\",\"seat_number\":\"{number}\",\"category\":\"{category}\",\"position\":{{\"x\":{x},\"y\":{y}}}}}",
                self.id
            );
        }
        out.push_str("]}");
        out
    }
}

/// A point on a circle; the angle is 0 below the middle, and grows to the right.
fn on_circle((x, y): (f64, f64), radius: f64, angle: f64) -> (i64, i64) {
    let (sin, cos) = angle.sin_cos();
    ((x + radius * sin).round() as i64, (y + radius * cos).round() as i64)
}

/// Curved stalls with an aisle in the middle, and a balcony without one.
fn theatre() -> Plan {
    let stalls = (0..15)
        .map(|r| {
            let category = if r < 6 { "Premium" } else { "Standard" };
            theatre_row(560.0 + 42.0 * f64::from(r), PI / 6.6, true, category)
        })
        .collect();
    let balcony =
        (0..5).map(|r| theatre_row(1290.0 + 42.0 * f64::from(r), PI / 7.5, false, "Balcony")).collect();
    Plan {
        name: "Theatre on the hill",
        size: (1600, 1200),
        categories: &[("Premium", "#8e3b5e"), ("Standard", "#2f6f8f"), ("Balcony", "#5b7a3a")],
        stage: (540, 20, 520, 110),
        zones: vec![
            Zone { id: "STALLS".into(), name: "Stalls".into(), rows: stalls },
            Zone { id: "BALCONY".into(), name: "Balcony".into(), rows: balcony },
        ],
    }
}

/// A row on an arc around a point behind the stage, as wide as the angle allows.
fn theatre_row(radius: f64, half_angle: f64, aisle: bool, category: &'static str) -> Vec<Placed> {
    const CENTRE: (f64, f64) = (800.0, -340.0);
    const SPACING: f64 = 30.0;
    /// From the last seat before the aisle to the first one behind it.
    const ACROSS_THE_AISLE: f64 = 2.08 * SPACING;
    let half_gap = if aisle { ACROSS_THE_AISLE } else { SPACING } / 2.0 / radius;
    let step = SPACING / radius;
    let on_each_side = ((half_angle - half_gap) / step).floor() as i32 + 1;
    let left = (0..on_each_side).rev().map(|n| -(half_gap + f64::from(n) * step));
    let right = (0..on_each_side).map(|n| half_gap + f64::from(n) * step);
    left.chain(right)
        .map(|angle| {
            let (x, y) = on_circle(CENTRE, radius, angle);
            (x, y, category)
        })
        .collect()
}

/// 20 blocks of 100 seats on the floor in front of the stage, and two horseshoes of stands around it: 12
/// blocks of 200 below, 14 blocks of 400 above. 10,000 seats.
fn arena() -> Plan {
    const CENTRE: (f64, f64) = (2650.0, 1400.0);
    let mut zones = Vec::new();
    for n in 0..20_u32 {
        let (column, line) = (n % 5, n / 5);
        let category = if line == 0 { "Front" } else { "Floor" };
        let middle = |index: u32, of: u32| (f64::from(index) - f64::from(of - 1) / 2.0) * 320.0;
        let rows = floor_block((CENTRE.0 + middle(column, 5), CENTRE.1 + middle(line, 4)), category);
        zones.push(Zone { id: format!("F{}", n + 1), name: format!("Floor {}", n + 1), rows });
    }
    let mut stands = |from: u32, blocks: u32, inner_radius: f64, rows: u32, category: &'static str| {
        for n in 0..blocks {
            let turn = 2.0 * 17.0 * PI / 25.0 / f64::from(blocks);
            // From the left of the stage, behind the floor, to its right.
            let angle = (f64::from(n) - f64::from(blocks - 1) / 2.0) * turn;
            let rows = (0..rows)
                .map(|r| stand_row(CENTRE, inner_radius + 30.0 * f64::from(r), angle, category))
                .collect();
            zones.push(Zone { id: format!("S{}", from + n), name: format!("Stand {}", from + n), rows });
        }
    };
    stands(101, 12, 1640.0, 10, "Stand");
    stands(201, 14, 2020.0, 20, "Upper");
    Plan {
        name: "Harbour arena",
        size: (5300, 4040),
        categories: &[("Front", "#a8323e"), ("Floor", "#c77f2a"), ("Stand", "#33719e"), ("Upper", "#4d8a57")],
        stage: (2150, 340, 1000, 260),
        zones,
    }
}

/// 10 × 10 seats around a point.
fn floor_block((x, y): (f64, f64), category: &'static str) -> Vec<Vec<Placed>> {
    let at = |middle: f64, n: u32| (middle + (f64::from(n) - 4.5) * 26.0).round() as i64;
    (0..10).map(|row| (0..10).map(|seat| (at(x, seat), at(y, row), category)).collect()).collect()
}

/// 20 seats of a stand around an angle. Their numbers grow to the right of those who look at the stage.
fn stand_row(centre: (f64, f64), radius: f64, angle: f64, category: &'static str) -> Vec<Placed> {
    (0..20)
        .map(|n| {
            let (x, y) = on_circle(centre, radius, angle + (f64::from(n) - 9.5) * 26.0 / radius);
            (x, y, category)
        })
        .collect()
}
