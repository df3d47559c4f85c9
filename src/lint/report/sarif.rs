//! `--format sarif`: SARIF 2.1.0, which code scanning services read.
//!
//! What somebody allowed is left out unless asked for: the standard has `suppressions` for it, and GitHub shows such
//! results as open alerts all the same.
//!
//! Source: OASIS, *Static Analysis Results Interchange Format 2.1.0*; GitHub, *SARIF support for code scanning*.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ExemptedBy, FileError, FileReport, Located, Renderer, Suppression, Totals, about};
use crate::checks::{Check, Severity};
use crate::lint::identity::Identity;
use crate::yaml::Position;

/// Writes one log with one run, a result a line.
#[derive(Debug, Default)]
pub struct Sarif {
    show_exempted: bool,
    results: usize,
    /// The checks with findings so far; a result names its rule by the place here.
    checks: Vec<&'static str>,
}

/// GitHub takes no run with more results than this, and shows the worst 5,000 of them.
pub const GITHUB_RESULTS: usize = 25_000;

impl Sarif {
    /// `show_exempted`: also what somebody allowed, as suppressed results.
    pub fn new(show_exempted: bool) -> Self {
        Self { show_exempted, ..Self::default() }
    }

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
        // Findings that are alike are told apart by their order.
        let mut alike = HashMap::new();
        for (located, by) in report.results(self.show_exempted) {
            out.write_all(self.separator().as_bytes())?;
            let index = self.rule_index(located.finding.check);
            let digest = fingerprint(located);
            let number: &mut usize = alike.entry(digest.clone()).or_default();
            *number += 1;
            let mut result = result(located, index, &format!("{digest}:{number}"));
            if self.show_exempted {
                result["suppressions"] = by.into_iter().map(suppression).collect();
            }
            serde_json::to_writer(&mut *out, &result)?;
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

fn rule(id: &str) -> Value {
    let check = Check::find(id);
    let severity = check.map_or(Severity::Warning, |check| check.severity);
    let summary = about(id);
    // CVSS, by which GitHub sorts: high, medium, low.
    let score = match severity {
        Severity::Error => "8.0",
        Severity::Warning => "5.0",
        Severity::Info => "2.0",
    };
    let page = env!("CARGO_PKG_REPOSITORY");
    json!({
        "id": id,
        "name": id,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "helpUri": format!("{page}/blob/main/docs/checks.md#{id}"),
        "help": {
            "text": check.map_or_else(|| summary.clone(), Check::manual),
            "markdown": check.map_or_else(|| summary.clone(), Check::manual),
        },
        "defaultConfiguration": {"level": level(severity)},
        "properties": {
            "tags": ["security", "kubernetes"],
            "precision": "very-high",
            "problem.severity": severity,
            "security-severity": score,
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn suppression(by: &Suppression) -> Value {
    let kind = match by.by {
        ExemptedBy::Comment | ExemptedBy::Annotation => "inSource",
        ExemptedBy::Configuration | ExemptedBy::Baseline => "external",
    };
    let mut suppression = json!({"kind": kind, "status": "accepted"});
    if !by.reason.is_empty() {
        suppression["justification"] = by.reason.as_str().into();
    }
    suppression
}

fn result(located: &Located, rule_index: usize, fingerprint: &str) -> Value {
    let finding = &located.finding;
    let message =
        std::iter::once(&finding.message).chain(&finding.notes).cloned().collect::<Vec<_>>().join("\n");
    let mut result = json!({
        "ruleId": finding.check,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [{
            "physicalLocation": physical(&located.file, located.position, located.end),
            "logicalLocations": [{"fullyQualifiedName": logical_name(located), "kind": "resource"}],
        }],
        // GitHub tells alerts apart by this key only.
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "lithify/v1": fingerprint},
    });
    if !located.related.is_empty() {
        let labels = finding.related.iter().map(|(_, label)| label);
        let related = located.related.iter().zip(labels).enumerate().map(|(id, (place, label))| {
            json!({
                "id": id,
                "message": {"text": label},
                "physicalLocation": physical(&located.file, place.position, place.end),
            })
        });
        result["relatedLocations"] = related.collect();
    }
    result
}

fn physical(file: &str, start: Position, end: Position) -> Value {
    json!({
        "artifactLocation": {"uri": uri(file)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
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

/// Stable while lines move and items are inserted.
fn fingerprint(located: &Located) -> String {
    let Identity { object, container, check, place } = Identity::of(located);
    let digest = Sha256::digest([&*located.file, &check, &object, &container, &place].join("\0"));
    digest[..16].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A path as a URI, relative where the path is: what RFC 3986 does not allow in a path is percent-encoded.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte);
    path.bytes().fold(scheme.to_owned(), |uri, byte| {
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
        let related = &run["results"][0]["relatedLocations"][0];
        assert_eq!(related["message"]["text"], "of this object");
        assert_eq!(related["physicalLocation"]["region"]["endColumn"], 10);
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn is_json_without_findings() {
        let mut out = Vec::new();
        crate::lint::report::render(&[], &mut Sarif::default(), &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["runs"][0]["results"], json!([]));
    }

    #[test]
    fn numbers_findings_that_are_alike() {
        let mut report = sample::reports().pop().unwrap();
        report.findings.push(report.findings[0].clone());
        let mut out = Vec::new();
        crate::lint::report::render(&[report], &mut Sarif::default(), &mut out).unwrap();
        let log: Value = serde_json::from_slice(&out).unwrap();
        let hash = |index: usize| {
            let fingerprints = &log["runs"][0]["results"][index]["partialFingerprints"];
            fingerprints["primaryLocationLineHash"].as_str().unwrap().to_owned()
        };
        let (first, second) = (hash(0), hash(1));
        assert_eq!(first.strip_suffix(":1"), second.strip_suffix(":2"));
    }

    #[test]
    fn encodes_paths() {
        assert_eq!(uri("./a b/c%.yaml"), "a%20b/c%25.yaml");
        assert_eq!(uri("/etc/é.yaml"), "file:///etc/%C3%A9.yaml");
    }
}
