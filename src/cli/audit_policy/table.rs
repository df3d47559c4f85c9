//! Aligned columns.

use std::fmt::Write as _;

use anstyle::Style;

/// To which side a column's cells are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a heading, written with two spaces between the columns.
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<(Style, Vec<String>)>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, which may have fewer cells than there are columns.
    pub(super) fn row(&mut self, style: Style, cells: Vec<String>) {
        self.rows.push((style, cells));
    }

    /// The lines, each with its newline and without blanks at its end.
    pub(super) fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
            let heading = self.columns[column].0.chars().count();
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(heading)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        let headings: Vec<String> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        self.line(&mut text, Style::new().bold(), &headings, &widths);
        for (style, cells) in &self.rows {
            self.line(&mut text, *style, cells, &widths);
        }
        text
    }

    fn line(&self, text: &mut String, style: Style, cells: &[String], widths: &[usize]) {
        let mut line = String::new();
        for ((cell, (_, align)), width) in cells.iter().zip(&self.columns).zip(widths) {
            let _ = match align {
                Align::Left => write!(line, "{cell:<width$}  "),
                Align::Right => write!(line, "{cell:>width$}  "),
            };
        }
        let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
    }
}

/// A count with its thousands apart: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that leaves one to three digits before the point: `12.3 MB`, of 1000 kB.
#[allow(clippy::cast_precision_loss)]
pub(super) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        // 999.95 would be written as 1000.0.
        if value < 999.95 || unit == "TB" {
            return if unit == "B" { format!("{number} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    unreachable!("the last unit takes every size")
}

/// A share in percent.
#[allow(clippy::cast_precision_loss)]
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.1}%", part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_columns_without_trailing_blanks() {
        let mut table = Table::new(&[("rule", Align::Left), ("events", Align::Right), ("note", Align::Left)]);
        table.row(Style::new(), vec!["rules[0]".to_owned(), "12".to_owned(), "x".to_owned()]);
        table.row(Style::new(), vec!["total".to_owned(), "1,234".to_owned()]);
        let heading = Style::new().bold();
        let expected =
            format!("{heading}rule      events  note{heading:#}\nrules[0]      12  x\ntotal      1,234\n");
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn writes_numbers_for_people() {
        assert_eq!((count(0), count(1_234_567), count(999)), ("0".into(), "1,234,567".into(), "999".into()));
        assert_eq!(
            (bytes(999), bytes(1000), bytes(999_960)),
            ("999 B".into(), "1.0 kB".into(), "1.0 MB".into())
        );
        assert_eq!((percent(1, 3), percent(1, 0)), ("33.3%".into(), "-".into()));
    }
}
