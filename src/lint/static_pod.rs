//! One kube-apiserver manifest as a file: parsed, judged by the checks of static pods, every finding at its place.
//!
//! Data in: the file's bytes and the other files of its directory. Data out: a [`FileReport`].

use jiff::civil::Date;
use serde_json::Value;

use super::report::{FileError, FileReport};
use super::{AllowError, Allows, locate};
use crate::apiserver::single_document;
use crate::checks::static_pod::{self, Sibling};
use crate::checks::{Check, Group};
use crate::yaml::{Pointer, Position, Stream};

/// A judged manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Findings, or why there are none.
    pub report: FileReport,
    /// What is wrong with exemptions in comments.
    pub bad_allows: Vec<(Position, AllowError)>,
    /// The object; null where the file could not be judged.
    pub object: Value,
}

/// Judges a manifest.
///
/// `name`: the file as it was named; `siblings`: the files that the kubelet reads beside it; `today`: for
/// exemptions that end.
pub fn judge(name: &str, source: &[u8], siblings: &[Sibling], today: Date) -> Judged {
    let report = FileReport {
        file: name.to_owned(),
        source: String::from_utf8_lossy(source).into_owned(),
        ..FileReport::default()
    };
    let mut judged = Judged { report, ..Judged::default() };
    let stream = match Stream::parse(source) {
        Ok(stream) => stream,
        Err(error) => {
            judged.fail(Some(error.position()), error.reason().to_string());
            return judged;
        }
    };
    let values: Vec<Value> = stream.documents().map(|document| document.to_value()).collect();
    let index = match single_document(&values) {
        Ok(index) => index,
        Err(error) => {
            judged.fail(None, error.to_string());
            return judged;
        }
    };
    let findings = match static_pod::check(&values[index], siblings) {
        Ok(findings) => findings,
        Err(error) => {
            judged.fail(place(&stream, index, error.pointer()), error.to_string());
            return judged;
        }
    };
    let Some(document) = stream.document(index) else { return judged };
    judged.report.objects = 1;
    let mut allows = Allows::new(&stream, today, |id| Check::find(id).is_some());
    for finding in findings {
        if allows.silences(&finding, &stream, document).is_none() {
            judged.report.findings.push(locate(finding, &stream, document, name));
        }
    }
    judged.report.findings.sort_by_key(|located| located.position);
    // Exemptions of checks that look at other things are not for this run to judge.
    let is_ours = |error: &AllowError| match error {
        AllowError::Unused(id) => Check::find(id).is_some_and(|check| check.group == Group::StaticPod),
        _ => true,
    };
    judged.bad_allows = allows.into_errors().into_iter().filter(|(_, error)| is_ours(error)).collect();
    judged.object = values.into_iter().nth(index).unwrap_or_default();
    judged
}

/// Where a pointer leads in a document, or its nearest ancestor; `None` where no place is meant.
pub fn place(stream: &Stream<'_>, document: usize, pointer: Option<&Pointer>) -> Option<Position> {
    let node = stream.document(document)?.locate(pointer?).0;
    Some(stream.position(node.span().start))
}

impl Judged {
    fn fail(&mut self, position: Option<Position>, message: String) {
        let Position { line, column } = position.unwrap_or(Position { line: 0, column: 0 });
        self.report.errors.push(FileError { file: self.report.file.clone(), line, column, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(source: &str) -> Judged {
        judge("m.yaml", source.as_bytes(), &[], Date::constant(2026, 11, 24))
    }

    const HEAD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver}\nspec:\n  containers:\n";

    #[test]
    fn findings_stand_at_their_lines() {
        let judged = judged(&format!(
            "{HEAD}  - command:\n    - kube-apiserver\n    - --audit-policy-file=/p\n    - --audit-log-path=-\n"
        ));
        let found: Vec<_> =
            judged.report.findings.iter().map(|l| (l.finding.check, l.position.line)).collect();
        assert_eq!(found, [("unmounted-audit-path", 8)]);
    }

    #[test]
    fn an_error_stands_at_its_line_too() {
        let judged = judged(&format!("{HEAD}  - command:\n    - kube-apiserver\n    - 3\n"));
        let error = &judged.report.errors[0];
        assert_eq!((error.line, error.column), (8, 7), "{error:?}");
    }

    #[test]
    fn a_comment_silences_and_one_without_use_is_said() {
        let source = format!(
            "# lithify: allow missing-audit-log-path, low-audit-log-maxage, low-audit-log-maxbackup, \
             low-audit-log-maxsize -- events go to the node's collector\n\
             # lithify: allow stray-manifest-copy -- none here\n\
             # lithify: allow privileged -- for another command\n\
             {HEAD}  - command: [kube-apiserver]\n"
        );
        let judged = judged(&source);
        let found: Vec<_> = judged.report.findings.iter().map(|located| located.finding.check).collect();
        assert_eq!(found, ["missing-audit-policy-file"]);
        let unused = AllowError::Unused("stray-manifest-copy".to_owned());
        assert_eq!(judged.bad_allows, [(Position { line: 2, column: 1 }, unused)]);
    }

    #[test]
    fn files_that_are_none_say_why() {
        for (source, word) in [
            ("", "no object"),
            ("a: 1\n---\nb: 2\n", "2 documents"),
            ("a: [", ""),
            ("kind: Pod\nkind: Pod\n", ""),
        ] {
            let judged = judged(source);
            assert_eq!(judged.report.errors.len(), 1, "{source}");
            assert!(judged.report.errors[0].message.contains(word), "{source}");
        }
    }
}
