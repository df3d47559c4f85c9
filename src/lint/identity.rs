//! What makes a finding the same one tomorrow: its check, object, container and place, never its line.
//!
//! Baselines and SARIF's fingerprints build on it, so it is part of the contract.

use super::report::Located;
use crate::yaml::{Pointer, parse_index};

/// A finding's identity within its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// `Deployment/web/front`; parts that the object lacks are left out.
    pub object: String,
    /// The container; empty where the finding is about none.
    pub container: String,
    /// The check.
    pub check: String,
    /// The pointer with `*` for each index: an item that is inserted before it makes no other finding.
    pub place: String,
}

impl Identity {
    /// The identity of a finding.
    pub fn of(located: &Located) -> Self {
        let object = &located.object;
        let parts = [&object.kind, &object.namespace, &object.name];
        Self {
            object: parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/"),
            container: located.finding.container.clone().unwrap_or_default(),
            check: located.finding.check.to_owned(),
            place: place(&located.finding.pointer),
        }
    }
}

fn place(pointer: &Pointer) -> String {
    let star = |token: &str| if parse_index(token).is_some() { "*".to_owned() } else { token.to_owned() };
    pointer.tokens().map(star).collect::<Pointer>().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    #[test]
    fn survives_moved_lines_and_inserted_items() {
        let located = sample::located();
        let mut moved = located.clone();
        moved.position.line += 10;
        moved.finding.pointer = "/spec/containers/7".parse().unwrap();
        assert_eq!(Identity::of(&moved), Identity::of(&located));
        assert_eq!(Identity::of(&located).place, "/spec/containers/*");
        assert_eq!(Identity::of(&located).object, "Pod/p");
    }
}
