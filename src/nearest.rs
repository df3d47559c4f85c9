//! The name that a mistyped one was meant to be.

/// The nearest of the names, if one is so near that a slip explains it: equal but for case, or at most a third
/// of its letters are missing, added, other or swapped.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Longer words are nobody's slip, and comparing them would cost the square of their length.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    let distances = names.into_iter().map(|name| (strsim::osa_distance(&typed, &name.to_lowercase()), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len()).then_some(name)
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
        assert_eq!(nearest("levle", ["level"]), Some("level"));
    }
}
