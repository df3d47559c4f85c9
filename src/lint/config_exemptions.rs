//! What is wrong with the exemptions of `lithify.yaml`, once what they speak of was judged.

use std::collections::BTreeSet;

use super::allow::AllowError;
use super::locate::locate;
use super::report::FileReport;
use super::source::{Settings, void_exemption};
use crate::checks::Severity;
use crate::yaml::{Pointer, Stream};

/// The exemptions that have ended, and where `is_whole` those that silenced nothing, at their places in the file.
///
/// `file`, `source`: the configuration that `settings` come from; `used`: what its exemptions silenced;
/// `is_whole`: whether the run judged everything that the configuration is for, so that an exemption without
/// use has none. An exemption of checks that did not run is left alone. Since the webhook reads the same file,
/// and may meet what no file describes, one without use is worth a notice and not a failure.
pub fn void_exemptions(
    file: &str,
    source: &str,
    settings: &Settings,
    used: &BTreeSet<(usize, &'static str)>,
    is_whole: bool,
) -> FileReport {
    let mut report = FileReport { file: file.to_owned(), source: source.to_owned(), ..FileReport::default() };
    let Ok(stream) = Stream::parse(source.as_bytes()) else { return report };
    let Some(document) = stream.document(0) else { return report };
    for (index, exemption) in settings.exemptions.iter().enumerate() {
        let at = Pointer::root().join("exemptions").item(index);
        let is_selected = |check: &&String| settings.selection.has(check);
        let mut findings = Vec::new();
        if let Some(last) = exemption.expires.filter(|_| exemption.is_expired(settings.today)) {
            if exemption.checks.iter().any(|check| is_selected(&check)) {
                findings.push(void_exemption(at.join("expires"), &AllowError::Expired(last)));
            }
        } else if is_whole {
            let is_unused = |check: &str| !used.iter().any(|(own, of)| *own == index && *of == check);
            let checks = exemption.checks.iter().enumerate();
            for (place, check) in checks.filter(|(_, check)| is_selected(check) && is_unused(check)) {
                let unused = AllowError::Unused(check.clone());
                let mut finding = void_exemption(at.join("checks").item(place), &unused);
                finding.severity = Severity::Info;
                finding
                    .notes
                    .push("keep it if it is for what only the webhook meets in the cluster".to_owned());
                findings.push(finding);
            }
        }
        findings.retain(|finding| finding.severity >= settings.least);
        report.findings.extend(findings.into_iter().map(|finding| locate(finding, &stream, document, file)));
    }
    report
}
