//! Reading a policy from a file or standard input, and judging it.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Zoned;

use crate::audit::{PolicyFile, ReadError};
use crate::checks::{self, Check, Finding};
use crate::lint::report::{FileError, FileReport, Located, ObjectRef, Place};
use crate::lint::{AllowError, Allows, locate};
use crate::yaml::Position;

/// The largest policy that is read; kube-apiserver has no limit, a policy has some kilobytes.
const MAX_BYTES: u64 = 64 << 20;

/// The bytes of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    } else {
        fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than 64 MiB: no audit policy"));
    }
    Ok(bytes)
}

/// Judges a policy; what is wrong with its exemptions is told apart.
pub(in crate::cli) fn judge(name: &str, source: &[u8]) -> (FileReport, Vec<(Position, AllowError)>) {
    let mut report = FileReport {
        file: name.to_owned(),
        source: String::from_utf8_lossy(source).into_owned(),
        ..FileReport::default()
    };
    let file = match PolicyFile::read(source) {
        Ok(file) => file,
        Err(error) => {
            report.errors.push(file_error(name, &error));
            return (report, Vec::new());
        }
    };
    report.objects = 1;
    let stream = file.stream();
    let today = Zoned::now().date();
    let mut allows = Allows::new(stream, today, |id| Check::find(id).is_some());
    for (document, finding) in findings(&file) {
        match stream.document(document) {
            Some(document) if allows.silences(&finding, stream, document).is_some() => {}
            Some(document) => report.findings.push(locate(finding, stream, document, name)),
            None => report.findings.push(in_empty_file(finding, name)),
        }
    }
    report.findings.sort_by_key(|located| located.position);
    (report, allows.into_errors())
}

/// The findings, each with its document.
fn findings(file: &PolicyFile<'_>) -> Vec<(usize, Finding)> {
    let mut found: Vec<_> = checks::audit_policy::check(file.object(), file.loaded())
        .into_iter()
        .map(|finding| (0, finding))
        .collect();
    let behind = 1..file.stream().documents().len();
    found.extend(behind.map(|index| (index, checks::audit_policy::document_behind_policy(None))));
    if let Some(error) = file.unread() {
        let error = error.to_string();
        found.push((0, checks::audit_policy::document_behind_policy(Some(&error))));
    }
    found
}

fn file_error(name: &str, error: &ReadError) -> FileError {
    let Position { line, column } = error.position();
    FileError { file: name.to_owned(), line, column, message: error.reason() }
}

fn in_empty_file(finding: Finding, name: &str) -> Located {
    let position = Position { line: 1, column: 1 };
    let related = vec![Place { position, end: position, span: 0..0 }; finding.related.len()];
    Located {
        position,
        end: position,
        object: ObjectRef::default().into(),
        file: name.into(),
        document: 0,
        related,
        finding,
        span: 0..0,
    }
}
