//! `--format sarif`: SARIF 2.1.0, which code scanning services read.
//!
//! Source: OASIS, *Static Analysis Results Interchange Format 2.1.0*; GitHub, *SARIF support for code scanning*.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{FileError, Located, Report};
use crate::checks::Severity;

/// The report as pretty-printed JSON with a final newline. `summary` tells a check's one-line description.
///
/// # Panics
/// Never: every value of a report has a JSON form.
pub fn render(report: &Report, summary: impl Fn(&str) -> String) -> String {
    let mut checks: Vec<&str> = report.findings.iter().map(|located| located.finding.check).collect();
    checks.sort_unstable();
    checks.dedup();
    let rules: Vec<Value> = checks.iter().map(|check| rule(check, &summary(check))).collect();
    let results: Vec<Value> = report.findings.iter().map(|located| result(located, &checks)).collect();
    let notifications: Vec<Value> = report.errors.iter().map(notification).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "lithify",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.errors.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a log has string keys only");
    text.push('\n');
    text
}

fn rule(check: &str, summary: &str) -> Value {
    json!({
        "id": check,
        "name": check,
        "shortDescription": {"text": summary},
        "helpUri": format!("{}/blob/main/docs/checks.md#{check}", env!("CARGO_PKG_REPOSITORY")),
        "properties": {"tags": ["security", "kubernetes"]},
    })
}

fn result(located: &Located, checks: &[&str]) -> Value {
    let finding = &located.finding;
    let message =
        std::iter::once(&finding.message).chain(&finding.notes).cloned().collect::<Vec<_>>().join("\n");
    json!({
        "ruleId": finding.check,
        "ruleIndex": checks.binary_search(&finding.check).ok(),
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
        let log: Value =
            serde_json::from_str(&render(&sample::report(), |_| "no privileged".to_owned())).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"][0]["ruleId"], "privileged");
        assert_eq!(run["results"][0]["ruleIndex"], 0);
        assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn fingerprint_survives_moved_lines() {
        let report = sample::report();
        let mut moved = report.findings[0].clone();
        moved.position.line += 10;
        assert_eq!(fingerprint(&moved), fingerprint(&report.findings[0]));
    }

    #[test]
    fn encodes_paths() {
        assert_eq!(uri("./a b/c%.yaml"), "a%20b/c%25.yaml");
    }
}
