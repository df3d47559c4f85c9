//! Paths below any of several directories: `pmatch`.

use std::collections::HashMap;

use super::glob::Glob;

/// A trie of path components; each component may be a shell pattern.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Paths {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    literal: HashMap<Vec<u8>, usize>,
    patterns: Vec<(Vec<u8>, Glob, usize)>,
    is_end: bool,
}

/// Components in order; the root of an absolute path is one of its own.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let root = path.starts_with(b"/").then_some(&b"/"[..]);
    root.into_iter().chain(path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()))
}

impl Paths {
    pub(in super::super) fn new<'p>(paths: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut trie = Self { nodes: vec![Node::default()] };
        for path in paths {
            let mut at = 0;
            for part in components(path) {
                at = trie.child(at, part);
            }
            trie.nodes[at].is_end = true;
        }
        trie
    }

    fn child(&mut self, at: usize, part: &[u8]) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        let found = if part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            if let Some((.., child)) = node.patterns.iter().find(|(text, ..)| text == part) {
                *child
            } else {
                node.patterns.push((part.to_vec(), Glob::new(part, false), next));
                next
            }
        } else {
            *node.literal.entry(part.to_vec()).or_insert(next)
        };
        if found == next {
            self.nodes.push(Node::default());
        }
        found
    }

    /// Whether a path is one of them or below one.
    pub(in super::super) fn contains(&self, path: &[u8]) -> bool {
        self.continues(0, &mut components(path))
    }

    fn continues<'p>(&self, at: usize, rest: &mut (impl Iterator<Item = &'p [u8]> + Clone)) -> bool
    where
        Self: 'p,
    {
        let node = &self.nodes[at];
        if node.is_end {
            return true;
        }
        let Some(part) = rest.next() else { return false };
        if let Some(child) = node.literal.get(part)
            && self.continues(*child, &mut rest.clone())
        {
            return true;
        }
        node.patterns
            .iter()
            .any(|(_, glob, child)| glob.is_match(part) && self.continues(*child, &mut rest.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_by_whole_components() {
        let paths = Paths::new([&b"/etc"[..], b"/usr/lib*/x", b"var/"]);
        for inside in ["/etc", "/etc/", "/etc/shadow", "/usr/lib64/x/y", "/usr/lib/x", "var/log"] {
            assert!(paths.contains(inside.as_bytes()), "{inside}");
        }
        for outside in ["/etcetera", "/", "etc", "/usr/lib64", "/var", ""] {
            assert!(!paths.contains(outside.as_bytes()), "{outside}");
        }
        assert!(Paths::new([&b"/"[..]]).contains(b"/anything"));
    }
}
