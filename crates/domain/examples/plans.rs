//! Writes the two seating plans that come with onsale: `cargo run -p onsale-domain --example plans`.
//!
//! Invariant: the same files every time.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "positions are rounded to whole units, and rows are short"
)]

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
    fn json(&self) -> String {
        let mut out = String::new();
        let categories: Vec<String> = self
            .categories
            .iter()
            .map(|(name, color)| format!(r#"{{"name":"{name}","color":"{color}"}}"#))
            .collect();
        let (width, height) = self.size;
        let _ = write!(
            out,
            "{{\"name\":\"{}\",\"size\":{{\"width\":{width},\"height\":{height}}},\"categories\":[{}],\n\"zones\":[\n",
            self.name,
            categories.join(",")
        );
        for (z, zone) in self.zones.iter().enumerate() {
            let comma = if z == 0 { "" } else { ",\n" };
            let stage = if z == 0 { self.stage_json() } else { String::new() };
            let _ = write!(
                out,
                "{comma}{{\"zone_id\":\"{}\",\"name\":\"{}\",\"position\":{{\"x\":0,\"y\":0}},\"areas\":[{stage}],\"rows\":[",
                zone.id, zone.name
            );
            for (r, row) in zone.rows.iter().enumerate() {
                let comma = if r == 0 { "" } else { "," };
                let letter = char::from(b'A' + r as u8);
                let _ = write!(
                    out,
                    "{comma}\n{{\"row_number\":\"{letter}\",\"row_number_position\":\"both\",\"position\":{{\"x\":0,\"y\":0}},\"seats\":["
                );
                for (s, (x, y, category)) in row.iter().enumerate() {
                    let comma = if s == 0 { "" } else { "," };
                    let number = s + 1;
                    let _ = write!(
                        out,
                        "{comma}{{\"seat_guid\":\"{}-{letter}-{number}\",\"seat_number\":\"{number}\",\"category\":\"{category}\",\"position\":{{\"x\":{x},\"y\":{y}}}}}",
                        zone.id
                    );
                }
                out.push_str("]}");
            }
            out.push_str("]}");
        }
        out.push_str("\n]}\n");
        out
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

/// A row on an arc around the stage, `spacing` apart along it, with a gap in the middle as wide as a seat and a
/// half where there is an aisle.
fn arc_row(radius: f64, half_angle: f64, aisle: bool, category: &'static str) -> Vec<Placed> {
    const SPACING: f64 = 30.0;
    const CENTRE: (f64, f64) = (800.0, -340.0);
    let half_gap = if aisle { 1.3 * SPACING / 2.0 / radius * 1.6 } else { SPACING / 2.0 / radius };
    let step = SPACING / radius;
    let on_each_side = (((half_angle - half_gap) / step).floor() as i64).max(0) + 1;
    let angles = (0..on_each_side).rev().map(|n| -(half_gap + n as f64 * step));
    angles
        .chain((0..on_each_side).map(|n| half_gap + n as f64 * step))
        .map(|angle| {
            let (sin, cos) = angle.sin_cos();
            ((CENTRE.0 + radius * sin).round() as i64, (CENTRE.1 + radius * cos).round() as i64, category)
        })
        .collect()
}

fn theatre() -> Plan {
    let stalls = (0..15)
        .map(|r| {
            let category = if r < 6 { "Premium" } else { "Standard" };
            arc_row(560.0 + 42.0 * f64::from(r), PI / 6.6, true, category)
        })
        .collect();
    let balcony = (0..5).map(|r| arc_row(1290.0 + 42.0 * f64::from(r), PI / 7.5, false, "Balcony")).collect();
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

/// 20 floor blocks of 100 seats in front of the stage, and 32 stand blocks of 250 around them.
fn arena() -> Plan {
    const SPACING: i64 = 26;
    let block = |x: i64, y: i64, rows: i64, columns: i64, category: &'static str| -> Vec<Vec<Placed>> {
        (0..rows)
            .map(|r| (0..columns).map(|c| (x + c * SPACING, y + r * SPACING, category)).collect())
            .collect()
    };
    let mut zones = Vec::new();
    for n in 0..20_i64 {
        let (column, line) = (n % 5, n / 5);
        let category = if line == 0 { "Front" } else { "Floor" };
        zones.push(Zone {
            id: format!("F{}", n + 1),
            name: format!("Floor {}", n + 1),
            rows: block(1400 + column * 320, 600 + line * 320, 10, 10, category),
        });
    }
    for n in 0..32_i64 {
        // Eight blocks on either side, sixteen behind the floor in two tiers.
        let (x, y, category) = match n {
            0..8 => (80 + (n % 2) * 600, 500 + (n / 2) * 340, "Stand"),
            8..16 => (3120 + (n % 2) * 600, 500 + ((n - 8) / 2) * 340, "Stand"),
            _ => (80 + ((n - 16) % 8) * 560, 1980 + ((n - 16) / 8) * 360, "Upper"),
        };
        let columns = if n < 16 { 20 } else { 18 };
        let mut rows = block(x, y, 250 / columns, columns, category);
        let rest = 250 - rows.iter().map(Vec::len).sum::<usize>() as i64;
        if rest > 0 {
            let last = rows.len() as i64;
            rows.push((0..rest).map(|c| (x + c * SPACING, y + last * SPACING, category)).collect());
        }
        zones.push(Zone { id: format!("S{}", n + 1), name: format!("Stand {}", n + 1), rows });
    }
    Plan {
        name: "Harbour arena",
        size: (4600, 2800),
        categories: &[("Front", "#a8323e"), ("Floor", "#c77f2a"), ("Stand", "#33719e"), ("Upper", "#4d8a57")],
        stage: (1700, 180, 1000, 240),
        zones,
    }
}
