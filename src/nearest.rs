//! The name that a mistyped one was meant to be.

/// The nearest of the names, if one is so near that a slip explains it: equal but for case, or at most a third
/// of its letters differ.
pub(crate) fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Longer words are nobody's slip, and comparing them would cost the square of their length.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    let distances = names.into_iter().map(|name| (distance(&typed, &name.to_lowercase()), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len()).then_some(name)
}

/// How many letters must be inserted, removed or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let names = ["host-ports", "host-probes", "privileged"];
        assert_eq!(nearest("host-port", names), Some("host-ports"));
        assert_eq!(nearest("Privileged", names), Some("privileged"));
        assert_eq!(nearest("writable", names), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
