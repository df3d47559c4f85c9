//! `--format sarif`: SARIF 2.1.0, which code scanning services read.
//!
//! Source: OASIS, *Static Analysis Results Interchange Format 2.1.0*; GitHub, *SARIF support for code scanning*.

use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{FileError, FileReport, Located, Renderer, Totals};
use crate::checks::{Check, Severity};

/// Writes one log with one run, a result a line.
#[derive(Debug, Default)]
pub struct Sarif {
    results: usize,
    /// The checks with findings so far; a result names its rule by the place here.
    checks: Vec<&'static str>,
}

impl Sarif {
    fn separator(&mut self) -> &'static str {
        self.results += 1;
        if self.results == 1 { START } else { ",\n" }
    }

    fn rule_index(&mut self, check: &'static str) -> usize {
        let known = self.checks.iter().position(|other| *other == check);
        known.unwrap_or_else(|| {
            self.checks.push(check);
            self.checks.len() - 1
        })
    }
}

const START: &str = "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\", \
    \"runs\": [{\"columnKind\": \"unicodeCodePoints\", \"results\": [\n";

impl Renderer for Sarif {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        for located in &report.findings {
            out.write_all(self.separator().as_bytes())?;
            let index = self.rule_index(located.finding.check);
            serde_json::to_writer(&mut *out, &result(located, index))?;
        }
        Ok(())
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        if self.results == 0 {
            out.write_all(START.as_bytes())?;
        }
        let tool = json!({"driver": {
            "name": "lithify",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": self.checks.iter().map(|check| rule(check)).collect::<Vec<_>>(),
        }});
        let invocation = json!({
            "executionSuccessful": totals.errors.is_empty(),
            "toolExecutionNotifications": totals.errors.iter().map(notification).collect::<Vec<_>>(),
        });
        writeln!(out, "\n], \"tool\": {tool}, \"invocations\": [{invocation}]}}]}}")
    }
}

fn rule(check: &str) -> Value {
    let summary = Check::find(check).map_or_else(|| check.to_owned(), Check::summary);
    json!({
        "id": check,
        "name": check,
        "shortDescription": {"text": summary},
        "helpUri": format!("{}/blob/main/docs/checks.md#{check}", env!("CARGO_PKG_REPOSITORY")),
        "properties": {"tags": ["security", "kubernetes"]},
    })
}

fn result(located: &Located, rule_index: usize) -> Value {
    let finding = &located.finding;
    let message =
        std::iter::once(&finding.message).chain(&finding.notes).cloned().collect::<Vec<_>>().join("\n");
    json!({
        "ruleId": finding.check,
        "ruleIndex": rule_index,
        "level": match finding.severity {
            Severity::Info => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&located.file)},
                "region": {
                    "startLine": located.position.line,
                    "startColumn": located.position.column,
                    "endLine": located.end.line,
                    "endColumn": located.end.column,
                },
            },
            "logicalLocations": [{"fullyQualifiedName": logical_name(located), "kind": "resource"}],
        }],
        "partialFingerprints": {"lithify/v1": fingerprint(located)},
    })
}

fn notification(error: &FileError) -> Value {
    let mut location = json!({"artifactLocation": {"uri": uri(&error.file)}});
    if error.line > 0 {
        location["region"] = json!({"startLine": error.line, "startColumn": error.column.max(1)});
    }
    json!({
        "level": "error",
        "message": {"text": error.message},
        "locations": [{"physicalLocation": location}],
    })
}

fn logical_name(located: &Located) -> String {
    let object = &located.object;
    let parts = [object.kind.as_str(), &object.namespace, &object.name];
    let container = located.finding.container.as_deref();
    parts.into_iter().chain(container).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// Stable while lines move: the check, the file and the object's names, never the line.
fn fingerprint(located: &Located) -> String {
    let pointer = located.finding.pointer.to_string();
    let parts = [located.finding.check, &located.file, &logical_name(located), &pointer];
    let digest = Sha256::digest(parts.join("\0"));
    digest[..16].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A path as a relative URI reference: what RFC 3986 does not allow in a path is percent-encoded.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte);
    path.bytes().fold(String::with_capacity(path.len()), |uri, byte| {
        if is_plain(byte) {
            uri + char::from(byte).encode_utf8(&mut [0; 4])
        } else {
            uri + &format!("%{byte:02X}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    #[test]
    fn tells_results_and_unreadable_files_apart() {
        let log: Value = serde_json::from_str(&sample::rendered(&mut Sarif::default())).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"][0]["ruleId"], "privileged");
        assert_eq!(run["results"][0]["ruleIndex"], 0);
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "privileged");
        assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn is_json_without_findings() {
        let mut out = Vec::new();
        crate::lint::report::render(&[], &mut Sarif::default(), &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["runs"][0]["results"], json!([]));
    }

    #[test]
    fn fingerprint_survives_moved_lines() {
        let located = sample::located();
        let mut moved = located.clone();
        moved.position.line += 10;
        assert_eq!(fingerprint(&moved), fingerprint(&located));
    }

    #[test]
    fn encodes_paths() {
        assert_eq!(uri("./a b/c%.yaml"), "a%20b/c%25.yaml");
    }
}
