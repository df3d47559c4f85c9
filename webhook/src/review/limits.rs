//! How long the API lets warnings and annotations be.

/// Characters of one warning; the apiserver cuts longer ones.
const WARNING_CHARACTERS: usize = 256;
/// Bytes of all warnings together; the apiserver drops what is beyond.
const WARNING_BYTES: usize = 4096;
/// Bytes of one audit annotation: an event of a pod with hundreds of containers stays readable, and far from
/// the apiserver's limit of a batch.
const ANNOTATION_BYTES: usize = 8192;

/// The warnings as they may be sent: none too long, and the last one counting those that are left out.
///
/// They travel in HTTP headers: control characters become spaces.
pub(super) fn warnings(all: &[String]) -> Vec<String> {
    let whole: Vec<String> = all.iter().map(|warning| cut(&one_line(warning), WARNING_CHARACTERS)).collect();
    if whole.iter().map(String::len).sum::<usize>() <= WARNING_BYTES {
        return whole;
    }
    let more = |left: usize| format!("{left} more; `lithify lint` lists all");
    let mut room = WARNING_BYTES - more(whole.len()).len();
    let mut sent = Vec::new();
    for warning in &whole {
        let Some(rest) = room.checked_sub(warning.len()) else { break };
        room = rest;
        sent.push(warning.clone());
    }
    sent.push(more(whole.len() - sent.len()));
    sent
}

/// An audit annotation's value as it may be sent.
pub(super) fn annotation(value: &str) -> String {
    if value.len() <= ANNOTATION_BYTES {
        return value.to_owned();
    }
    let end = value.floor_char_boundary(ANNOTATION_BYTES - '…'.len_utf8());
    format!("{}…", &value[..end])
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn warnings_keep_to_the_limits(all in prop::collection::vec("(?s).{0,400}", 0..40)) {
            let sent = warnings(&all);
            prop_assert!(sent.iter().all(|warning| warning.chars().count() <= WARNING_CHARACTERS));
            prop_assert!(sent.iter().map(String::len).sum::<usize>() <= WARNING_BYTES);
            prop_assert_eq!(sent.is_empty(), all.is_empty());
        }
    }

    #[test]
    fn the_last_warning_counts_those_left_out() {
        let sent = warnings(&vec!["é".repeat(300); 20]);
        assert_eq!(sent[0], "é".repeat(255) + "…");
        assert_eq!(sent.len(), 8);
        assert_eq!(sent[7], "13 more; `lithify lint` lists all");
    }

    #[test]
    fn annotations_are_cut_between_characters() {
        let sent = annotation(&"é".repeat(5000));
        assert!(sent.len() <= ANNOTATION_BYTES && sent.ends_with('…'));
        assert_eq!(annotation("short"), "short");
    }
}
