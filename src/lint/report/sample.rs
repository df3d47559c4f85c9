//! A report for the renderers' tests.

use super::*;
use crate::edit::{Applicability, Fix};
use crate::yaml::Pointer;

/// The file that the finding of [`report`] is in.
pub(in crate::lint) const SOURCE: &str = "kind: Pod\nspec:\n  containers:\n  - name: web\n    image: nginx\n";

pub(in crate::lint) fn located() -> Located {
    let start = SOURCE.find("name").unwrap();
    let finding = Finding {
        check: "privileged",
        severity: Severity::Error,
        pointer: "/spec/containers/0".parse::<Pointer>().unwrap(),
        container: Some("web".to_owned()),
        message: "container is privileged".to_owned(),
        notes: vec!["it can do all that the host's root can".to_owned()],
        related: vec![(Pointer::root(), "of this object".to_owned())],
        fix: Some(Fix::new("set privileged to false", Vec::new(), Applicability::Unsafe)),
    };
    Located {
        finding,
        file: "pod.yaml".into(),
        document: 0,
        object: ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: "p".to_owned(),
            ..ObjectRef::default()
        }
        .into(),
        position: Position { line: 4, column: 5 },
        end: Position { line: 5, column: 17 },
        span: start..SOURCE.len() - 1,
        related: vec![Place {
            position: Position { line: 1, column: 1 },
            end: Position { line: 1, column: 10 },
            span: 0..9,
        }],
    }
}

pub(in crate::lint) fn reports() -> Vec<FileReport> {
    let error = FileError {
        file: "broken.yaml".to_owned(),
        line: 3,
        column: 7,
        message: "tab in indentation".to_owned(),
    };
    let found = FileReport {
        file: "pod.yaml".to_owned(),
        source: SOURCE.to_owned(),
        objects: 1,
        findings: vec![located()],
        ..FileReport::default()
    };
    let clean = FileReport {
        file: "clean.yaml".to_owned(),
        skipped: vec![Skip::because("not-kubernetes")],
        ..FileReport::default()
    };
    let broken = FileReport { file: "broken.yaml".to_owned(), errors: vec![error], ..FileReport::default() };
    vec![broken, clean, found]
}

pub(in crate::lint) fn rendered(renderer: &mut dyn Renderer) -> String {
    let mut out = Vec::new();
    render(&reports(), renderer, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
