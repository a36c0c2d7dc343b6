//! The table of a benchmark: each figure with its limit, on the screen and in docs/PERFORMANCE.md.
//!
//! Invariant: a section of the document is replaced as a whole between its markers, and everything else in it stays.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::machine::Machine;
use crate::workspace::Workspace;

/// What a figure has to keep to.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    /// Told for orientation.
    None,
}

/// One line of the table.
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    limit: Limit,
    /// What helps to understand the value.
    note: String,
}

impl Figure {
    pub(crate) fn new(
        name: &str,
        value: f64,
        unit: &'static str,
        limit: Limit,
        note: impl Into<String>,
    ) -> Self {
        Self { name: name.to_owned(), value, unit, limit, note: note.into() }
    }

    fn holds(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.value >= limit,
            Limit::AtMost(limit) => self.value <= limit,
            Limit::None => true,
        }
    }

    fn cells(&self) -> [String; 5] {
        let shown = |value| format!("{}{}", number(value), self.unit);
        let (limit, verdict) = match self.limit {
            Limit::AtLeast(limit) => (format!("≥ {}", shown(limit)), self.verdict()),
            Limit::AtMost(limit) => (format!("≤ {}", shown(limit)), self.verdict()),
            Limit::None => (String::new(), ""),
        };
        [self.name.clone(), shown(self.value), limit, verdict.to_owned(), self.note.clone()]
    }

    fn verdict(&self) -> &'static str {
        if self.holds() { "kept" } else { "MISSED" }
    }
}

/// The figures of one benchmark.
pub(crate) struct Report {
    /// As in `cargo xtask bench NAME`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// How it was measured, for the reader of the document.
    pub(crate) method: String,
    pub(crate) figures: Vec<Figure>,
}

const HEADINGS: [&str; 5] = ["", "measured", "limit", "", "more"];

impl Report {
    /// Whether every limit is kept.
    fn all_kept(&self) -> bool {
        self.figures.iter().all(Figure::holds)
    }

    /// The table, aligned for a terminal.
    fn table(&self) -> String {
        let rows: Vec<_> = std::iter::once(HEADINGS.map(str::to_owned))
            .chain(self.figures.iter().map(Figure::cells))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..HEADINGS.len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<_> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// Puts the section into the document, which is made if it is not there.
    fn write(&self, document: &Path, machine: &Machine) -> anyhow::Result<()> {
        let before = match fs::read_to_string(document) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => EMPTY_DOCUMENT.to_owned(),
            Err(error) => return Err(error).context("cannot read the document"),
        };
        // Two dashes end a comment in some readers of the document.
        let marker = self.name.replace(" --", "-");
        let after = replace_section(&before, &marker, &self.section(machine))?;
        if let Some(folder) = document.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(document, after).context("cannot write the document")
    }

    fn section(&self, machine: &Machine) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.method);
        let date = jiff::Zoned::now().date();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "Measured with `cargo xtask bench {}` on {date}: {}.\n",
            self.name,
            machine.line()
        );
        let _ = writeln!(text, "| {} |\n|---|---:|---:|---|---|", HEADINGS.join(" | "));
        for figure in &self.figures {
            let _ = writeln!(text, "| {} |", figure.cells().join(" | "));
        }
        text
    }
}

/// Measures with a folder for stores and logs, prints the table and, if so wished, writes it into docs/PERFORMANCE.md.
/// `is_elsewhere`: the stores are servers, which keep their data among the temporary files.
pub(crate) fn publish(
    workspace: &Workspace,
    folder: Option<&Path>,
    is_elsewhere: bool,
    is_written: bool,
    measure: impl FnOnce(&Path) -> anyhow::Result<Report>,
) -> anyhow::Result<ExitCode> {
    let folder = folder.map_or_else(|| workspace.target.join("bench-data"), Path::to_owned);
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let data = if is_elsewhere { std::env::temp_dir() } else { folder.clone() };
    let machine = Machine::describe(&data)?;
    let report = measure(&folder)?;
    println!("\n{}\n{}", machine.line(), report.table());
    if is_written {
        report.write(&workspace.root.join("docs/PERFORMANCE.md"), &machine)?;
    }
    Ok(if report.all_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const EMPTY_DOCUMENT: &str = "# Performance\n\n\
    Every figure on this page was written by the command that measured it; none is edited by hand.\n";

/// The document with the section between the markers of `name` replaced, or added at its end.
fn replace_section(document: &str, name: &str, section: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- bench:{name} begin -->"), format!("<!-- bench:{name} end -->"));
    let marked = format!("{begin}\n{section}{end}");
    match (document.find(&begin), document.find(&end)) {
        (None, None) => Ok(format!("{}\n\n{marked}\n", document.trim_end())),
        (Some(from), Some(to)) if from < to => {
            Ok(format!("{}{marked}{}", &document[..from], &document[to + end.len()..]))
        }
        _ => bail!("the markers of bench:{name} in the document do not match"),
    }
}

/// Few enough digits to be read: three that count, as a rule, and thousands set off.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.decimals$}");
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::{EMPTY_DOCUMENT, Figure, Limit, Report, number, replace_section};

    fn report(value: f64) -> Report {
        let figures = vec![
            Figure::new("share", value, "", Limit::AtLeast(0.45), "10/s"),
            Figure::new("memory", 120.0, " MB", Limit::AtMost(150.0), ""),
            Figure::new("rate", 12345.6, "/s", Limit::None, ""),
        ];
        Report { name: "it", title: "It", method: "So.".to_owned(), figures }
    }

    #[test]
    fn a_missed_limit_is_told() {
        assert!(report(0.45).all_kept());
        let missed = report(0.44);
        assert!(!missed.all_kept());
        let table = missed.table();
        assert!(table.contains("share   0.440"), "{table}");
        assert!(table.contains("≥ 0.450   MISSED  10/s"), "{table}");
        assert!(table.contains("12,346/s"), "{table}");
    }

    #[test]
    fn sections_are_replaced_and_others_stay() {
        let one = replace_section(EMPTY_DOCUMENT, "a", "first\n").unwrap();
        let two = replace_section(&one, "b", "other\n").unwrap();
        let three = replace_section(&two, "a", "second\n").unwrap();
        assert!(three.starts_with(EMPTY_DOCUMENT), "{three}");
        assert!(!three.contains("first"), "{three}");
        let tail = "<!-- bench:a begin -->\nsecond\n<!-- bench:a end -->\n\n\
                    <!-- bench:b begin -->\nother\n<!-- bench:b end -->\n";
        assert!(three.ends_with(tail), "{three}");
        assert!(replace_section("<!-- bench:a begin -->", "a", "").is_err());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(0.4567), "0.457");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(150.0), "150");
        assert_eq!(number(0.0), "0");
    }
}
