//! Reports over files: data first, then one renderer a format.
//!
//! Data in: findings with the place they were found at. Data out: text for people ([`text`]), and one JSON
//! object for programs ([`json`], whose fields are only ever added to).

pub mod github;
pub mod json;
pub mod junit;
pub mod sarif;
#[cfg(feature = "cli")]
pub mod text;

use std::ops::Range;

use serde::Serialize;

use crate::checks::{Finding, Severity};
use crate::yaml::{Node, Position};

/// Everything that one run has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were read.
    pub files: usize,
    /// Kubernetes objects that were judged.
    pub objects: usize,
    /// What is wrong with them.
    pub findings: Vec<Located>,
    /// Files that could not be judged.
    pub errors: Vec<FileError>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// Whether any finding is worse than [`Severity::Info`].
    pub fn has_findings(&self) -> bool {
        self.findings.iter().any(|located| located.finding.severity > Severity::Info)
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|located| located.finding.severity == severity).count()
    }
}

/// A finding at its place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What was found.
    pub finding: Finding,
    /// The file as it was named on the command line, `-` for standard input.
    pub file: String,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The object that was judged.
    pub object: ObjectRef,
    /// Where the judged place begins, or its nearest existing ancestor.
    pub position: Position,
    /// Where that place ends: the first position behind it.
    pub end: Position,
    /// The bytes of that place.
    pub span: Range<usize>,
    /// The bytes of the finding's related places, in their order.
    pub related: Vec<Range<usize>>,
}

/// What names an object; absent parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its `kind`.
    pub kind: String,
    /// Its `metadata.namespace`.
    pub namespace: String,
    /// Its `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// Reads the names of an object; a part of another type than string counts as absent.
    pub fn of(object: Node<'_>) -> Self {
        let text = |node: Option<Node<'_>>| {
            node.and_then(|node| node.as_str()).map(std::borrow::Cow::into_owned).unwrap_or_default()
        };
        let metadata = object.get("metadata");
        let name = |key| text(metadata.and_then(|metadata| metadata.get(key)));
        Self {
            api_version: text(object.get("apiVersion")),
            kind: text(object.get("kind")),
            namespace: name("namespace"),
            name: name("name"),
        }
    }
}

/// A file that could not be read or parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// The file as it was named.
    pub file: String,
    /// Line from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column from 1 in characters; 0 where the whole file is meant.
    pub column: u32,
    /// What is wrong and what was expected.
    pub message: String,
}

/// Files or documents that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Why, as a word: `not-kubernetes`, `ignored`, `helm-template`.
    pub reason: String,
    /// How many.
    pub files: usize,
}

/// A report for the renderers' tests.
#[cfg(test)]
mod sample {
    use super::*;
    use crate::edit::{Applicability, Fix};
    use crate::yaml::Pointer;

    /// The file that the finding of [`report`] is in.
    pub(super) const SOURCE: &str = "kind: Pod\nspec:\n  containers:\n  - name: web\n    image: nginx\n";

    pub(super) fn located() -> Located {
        let start = SOURCE.find("name").unwrap();
        let finding = Finding {
            check: "privileged",
            severity: Severity::Error,
            pointer: "/spec/containers/0".parse::<Pointer>().unwrap(),
            container: Some("web".to_owned()),
            message: "container is privileged".to_owned(),
            notes: vec!["it can do all that the host's root can".to_owned()],
            related: vec![(Pointer::root(), "of this object".to_owned())],
            fix: Some(Fix {
                title: "set privileged to false".to_owned(),
                ops: Vec::new(),
                applicability: Applicability::Unsafe,
            }),
        };
        Located {
            finding,
            file: "pod.yaml".to_owned(),
            document: 0,
            object: ObjectRef {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                name: "p".to_owned(),
                ..ObjectRef::default()
            },
            position: Position { line: 4, column: 5 },
            end: Position { line: 5, column: 17 },
            span: start..SOURCE.len() - 1,
            related: std::iter::once(0..9).collect(),
        }
    }

    pub(super) fn report() -> Report {
        let error = FileError {
            file: "broken.yaml".to_owned(),
            line: 3,
            column: 7,
            message: "tab in indentation".to_owned(),
        };
        Report { files: 3, objects: 1, findings: vec![located()], errors: vec![error], skipped: Vec::new() }
    }
}
