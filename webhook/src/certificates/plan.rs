//! The next step, and no other: each is safe where the ones before it have been taken, also by another replica.

use super::held::Held;

/// How long certificates live and steps rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Seconds of an authority's life.
    pub root: i64,
    /// Seconds of a leaf's life.
    pub leaf: i64,
    /// Seconds for every apiserver and every replica to hear of a change.
    pub settle: i64,
}

impl Default for Lifetimes {
    /// A year, 90 days, and 2 minutes.
    fn default() -> Self {
        const DAY: i64 = 24 * 60 * 60;
        Self { root: 365 * DAY, leaf: 90 * DAY, settle: 120 }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is nothing: make an authority and a leaf.
    Begin,
    /// Make a new authority, beside the old.
    AddRoot,
    /// Write the authorities into every `caBundle`.
    Publish,
    /// Note that every `caBundle` has the newest authority.
    NoteTrust,
    /// Make a leaf of the newest authority, which every replica then serves.
    IssueLeaf,
    /// Forget the authorities but the newest.
    DropOldRoots,
    /// Nothing, until time goes by or something changes.
    Rest,
}

/// The next step.
///
/// `host`: whom the apiserver will ask. `bundles`: the `caBundle` of every registered entry. `now`: seconds since 1970.
pub fn plan(held: Option<&Held>, host: &str, bundles: &[Vec<u8>], now: i64, lifetimes: &Lifetimes) -> Step {
    let Some(held) = held else { return Step::Begin };
    // What the apiserver does not trust must not be served: first of all.
    let expected = held.bundle();
    if bundles.iter().any(|bundle| bundle != expected.as_bytes()) {
        return Step::Publish;
    }
    let newest = &held.roots[0];
    if now >= newest.share_of_life(2, 3) {
        return Step::AddRoot;
    }
    let Some(trusted_since) = held.trusted_since else { return Step::NoteTrust };
    if !held.leaf.is_of(newest) {
        return if now - trusted_since >= lifetimes.settle { Step::IssueLeaf } else { Step::Rest };
    }
    // A Secret may be left of an install by another name.
    if !held.leaf.is_for(host) || now >= held.leaf.share_of_life(2, 3) {
        return Step::IssueLeaf;
    }
    // Connections of the old leaf may live on; only new handshakes ask for trust.
    if held.roots.len() > 1 && now - held.leaf_since >= 3 * lifetimes.settle {
        return Step::DropOldRoots;
    }
    Step::Rest
}

#[cfg(test)]
mod tests {
    use super::super::issue;
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes { root: 3000, leaf: 600, settle: 10 };
    const START: i64 = 1_800_000_000;

    /// The leaves that servers may still serve must be trusted by every bundle at every moment.
    fn assert_trust(served: &[&str], held: &Held, bundles: &[Vec<u8>], now: i64) {
        for bundle in bundles {
            let roots = super::super::held::Dated::read(std::str::from_utf8(bundle).unwrap()).unwrap();
            for leaf in served {
                let leaf = &super::super::held::Dated::read(leaf).unwrap()[0];
                assert!(roots.iter().any(|root| leaf.is_of(root)), "at {now} a leaf is not trusted");
            }
        }
        assert!(held.leaf.not_after > now && held.roots[0].not_after > now, "expired at {now}");
    }

    /// A year of a cluster in which the slowest replica and the slowest apiserver lag by `settle`.
    #[test]
    fn every_leaf_that_is_served_is_trusted_at_every_moment() {
        let mut held = issue::begin("hook.own.svc", START, &LIFETIMES).unwrap();
        let mut bundles = vec![held.bundle().into_bytes(); 2];
        // (bundle, since): what the slowest apiserver still trusts; (leaf, since): what is still served.
        let mut old_bundle = (bundles[0].clone(), START);
        let mut old_leaf = (held.leaf.pem.clone(), START);
        let mut steps = Vec::new();
        for now in START..START + 10_000 {
            let step = plan(Some(&held), "hook.own.svc", &bundles, now, &LIFETIMES);
            if step != Step::Rest {
                steps.push(step);
            }
            match step {
                Step::Publish => {
                    old_bundle = (bundles[0].clone(), now);
                    bundles = vec![held.bundle().into_bytes(); 2];
                }
                Step::IssueLeaf => {
                    old_leaf = (held.leaf.pem.clone(), now);
                    held = issue::take(step, &held, "hook.own.svc", now, &LIFETIMES).unwrap();
                }
                Step::Begin | Step::Rest => {}
                _ => held = issue::take(step, &held, "hook.own.svc", now, &LIFETIMES).unwrap(),
            }
            let mut served = vec![held.leaf.pem.as_str()];
            if now - old_leaf.1 < LIFETIMES.settle {
                served.push(&old_leaf.0);
            }
            let mut trusted = bundles.clone();
            if now - old_bundle.1 < LIFETIMES.settle {
                trusted.push(old_bundle.0.clone());
            }
            assert_trust(&served, &held, &trusted, now);
        }
        let roots = steps.iter().filter(|step| **step == Step::AddRoot).count();
        let dropped = steps.iter().filter(|step| **step == Step::DropOldRoots).count();
        assert_eq!((roots, dropped), (5, 5), "{steps:?}");
    }

    #[test]
    fn trust_comes_before_use_and_goes_after_it() {
        let first = issue::begin("a", START, &LIFETIMES).unwrap();
        let bundles = [first.bundle().into_bytes()];
        let plan = |held: Option<&Held>, bundles: &[Vec<u8>], now| plan(held, "a", bundles, now, &LIFETIMES);
        let take = |step, held: &Held, now| issue::take(step, held, "a", now, &LIFETIMES).unwrap();
        assert_eq!(plan(None, &[], START), Step::Begin);
        assert_eq!(plan(Some(&first), &[b"other".to_vec()], START), Step::Publish);
        let first = take(Step::NoteTrust, &first, START);
        let late = START + 2000;
        assert_eq!(plan(Some(&first), &bundles, late), Step::AddRoot);
        let second = take(Step::AddRoot, &first, late);
        assert_eq!((second.roots.len(), &second.leaf), (2, &first.leaf), "the old leaf is still served");
        assert_eq!(plan(Some(&second), &bundles, late), Step::Publish);
        let bundles = [second.bundle().into_bytes()];
        assert_eq!(plan(Some(&second), &bundles, late), Step::NoteTrust);
        let second = take(Step::NoteTrust, &second, late);
        assert_eq!(plan(Some(&second), &bundles, late + 9), Step::Rest);
        assert_eq!(plan(Some(&second), &bundles, late + 10), Step::IssueLeaf);
        let second = take(Step::IssueLeaf, &second, late + 10);
        assert_eq!(plan(Some(&second), &bundles, late + 39), Step::Rest);
        assert_eq!(plan(Some(&second), &bundles, late + 40), Step::DropOldRoots);
        let second = take(Step::DropOldRoots, &second, late + 40);
        assert_eq!(plan(Some(&second), &bundles, late + 40), Step::Publish);
    }

    #[test]
    fn a_leaf_for_another_host_is_exchanged_at_once() {
        for (host, other) in [("hook.own.svc", "webhook.own.svc"), ("127.0.0.1", "::1")] {
            let held = issue::begin(host, START, &LIFETIMES).unwrap();
            let held = issue::take(Step::NoteTrust, &held, host, START, &LIFETIMES).unwrap();
            let bundles = [held.bundle().into_bytes()];
            let next = |held: &Held, host: &str| plan(Some(held), host, &bundles, START, &LIFETIMES);
            assert_eq!(next(&held, host), Step::Rest);
            assert_eq!(next(&held, other), Step::IssueLeaf);
            let held = issue::take(Step::IssueLeaf, &held, other, START, &LIFETIMES).unwrap();
            assert_eq!(next(&held, other), Step::Rest);
        }
    }

    #[test]
    fn what_the_secret_holds_survives_it() {
        let held = issue::begin("a", START, &LIFETIMES).unwrap();
        let held = issue::take(Step::NoteTrust, &held, "a", START, &LIFETIMES).unwrap();
        assert_eq!(Held::read(&held.to_data()).unwrap(), held);
        let mut data = held.to_data();
        data.remove("ca.key");
        let error = Held::read(&data).unwrap_err().to_string();
        assert!(error.starts_with("`ca.key` of the Secret is missing; delete the Secret"), "{error}");
    }
}
