//! All equalities of one text field as one look-up.

use std::collections::HashMap;

use super::super::predicate::{Predicate, Text};

/// A table from texts to the comparisons that hold for them.
#[derive(Clone, Debug, Default)]
pub(super) struct ExactTable {
    /// Rows by text. Row 0, without any bit, stands for all others.
    rows: HashMap<Box<[u8]>, u32, foldhash::fast::FixedState>,
    /// The bits of all rows, `words` words a row.
    bits: Vec<u64>,
    words: usize,
}

/// The texts that an equality holds for; `None` for other comparisons.
pub(super) fn texts(predicate: &Predicate) -> Option<Vec<&[u8]>> {
    match predicate {
        Predicate::Text(Text::Equal(text)) => Some(vec![text]),
        Predicate::Text(Text::In(set)) => Some(set.iter().map(|text| &**text).collect()),
        _ => None,
    }
}

impl ExactTable {
    /// A table of as many comparisons as there are lists of texts.
    pub(super) fn new(comparisons: &[Vec<&[u8]>]) -> Self {
        let words = comparisons.len().div_ceil(64).max(1);
        let mut table = Self { words, bits: vec![0; words], ..Self::default() };
        for (comparison, texts) in comparisons.iter().enumerate() {
            for text in texts {
                let next = u32::try_from(table.rows.len() + 1).expect("texts are counted in 32 bits");
                let row = *table.rows.entry((*text).into()).or_insert(next);
                if row == next {
                    table.bits.resize(table.bits.len() + words, 0);
                }
                table.bits[row as usize * words + comparison / 64] |= 1 << (comparison % 64);
            }
        }
        table
    }

    /// The row of a text.
    #[inline]
    pub(super) fn row(&self, text: &[u8]) -> u32 {
        self.rows.get(text).copied().unwrap_or(0)
    }

    /// Whether a comparison holds for the texts of a row.
    #[inline]
    pub(super) fn holds(&self, row: u32, comparison: u32) -> bool {
        let word = self.bits[row as usize * self.words + comparison as usize / 64];
        word >> (comparison % 64) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_bit_for_every_comparison() {
        let many: Vec<Vec<&[u8]>> =
            (0..130).map(|n| if n % 2 == 0 { vec![&b"a"[..], b"b"] } else { vec![&b"b"[..]] }).collect();
        let table = ExactTable::new(&many);
        let (a, b, none) = (table.row(b"a"), table.row(b"b"), table.row(b"c"));
        for n in 0..130 {
            assert_eq!(table.holds(a, n), n % 2 == 0);
            assert!(table.holds(b, n));
            assert!(!table.holds(none, n));
        }
    }
}
