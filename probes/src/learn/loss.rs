//! What was not seen: it may have been anybody's write.

use crate::tally::{Tally, Unseen};

/// What to say of it in every profile, which it makes incomplete; `None` if nothing was lost.
pub fn lost(tally: &[Tally], unseen: &Unseen) -> Option<String> {
    let dropped: Vec<_> = tally.iter().filter(|one| one.total().dropped > 0).collect();
    let total: u64 = dropped.iter().map(|one| one.total().dropped).sum();
    let names: Vec<_> = dropped.iter().map(|one| one.name()).collect();
    let mut lost = Vec::new();
    if total > 0 {
        lost.push(format!("{total} events were lost ({})", names.join(", ")));
    }
    let missed: u64 = unseen.missed.iter().map(|(_, count)| count).sum();
    if missed > 0 {
        lost.push(format!("the kernel withheld {missed} events"));
    }
    (!lost.is_empty()).then(|| lost.join(", "))
}

#[cfg(test)]
mod tests {
    use lithify::event::EventType;

    use super::*;
    use crate::tally::Counted;

    fn tally(name: Option<&str>, dropped: &[u64]) -> Tally {
        let counted = |dropped: &u64| Counted { sent: 9, dropped: *dropped, filtered: 0 };
        Tally { event: name.and_then(EventType::from_name), cpus: dropped.iter().map(counted).collect() }
    }

    #[test]
    fn lost_events_are_named() {
        let mut unseen = Unseen::default();
        assert_eq!(lost(&[tally(Some("openat"), &[0, 0])], &unseen), None);
        let some = [tally(Some("openat"), &[2, 1]), tally(None, &[0, 1]), tally(Some("mkdir"), &[0, 0])];
        assert_eq!(lost(&some, &unseen).as_deref(), Some("4 events were lost (openat, fork)"));
        unseen.missed = vec![("syscall_exit", 2), ("every_exit", 0)];
        assert_eq!(lost(&[], &unseen).as_deref(), Some("the kernel withheld 2 events"));
    }
}
