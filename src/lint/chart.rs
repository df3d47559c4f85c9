//! Templates of Helm charts: which chart a file belongs to.
//!
//! Before Helm has expanded it, a template is no YAML, or YAML with other values than those that run.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::report::{FileReport, Skip};
use crate::yaml::Stream;

/// The directory of a chart that holds its templates.
const TEMPLATES: &str = "templates";

/// The charts that were met, each directory looked at once.
#[derive(Debug, Default)]
pub struct Charts {
    /// Name of the chart of a directory; `None` where it is no chart.
    known: Mutex<HashMap<PathBuf, Option<String>>>,
}

impl Charts {
    /// The name of the chart that a file is a template of, by its place.
    pub fn of_template(&self, file: &Path) -> Option<String> {
        let templates = file.ancestors().skip(1).filter(|directory| directory.ends_with(TEMPLATES));
        templates.filter_map(Path::parent).find_map(|directory| self.name(directory))
    }

    fn name(&self, directory: &Path) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(directory) {
            return name.clone();
        }
        let name = chart_name(directory);
        known.insert(directory.to_owned(), name.clone());
        name
    }

    /// What to say of a file that is a template to be expanded first; `None` for every other.
    pub fn unexpanded(&self, file: &Path, bytes: &[u8]) -> Option<FileReport> {
        memchr::memmem::find(bytes, b"{{")?;
        let skip = Skip { reason: "helm-template", of: self.of_template(file)? };
        Some(FileReport { file: file.display().to_string(), skipped: vec![skip], ..FileReport::default() })
    }
}

/// The name of the chart in a directory, by its `Chart.yaml`; the directory's own where that has none.
fn chart_name(directory: &Path) -> Option<String> {
    let bytes = fs::read(directory.join("Chart.yaml")).ok()?;
    let stream = Stream::parse_lenient(&bytes).ok();
    let root = stream.as_ref().and_then(|stream| stream.document(0)?.root());
    let name = root.and_then(|root| Some(root.get("name")?.text()?.into_owned()));
    name.or_else(|| Some(directory.file_name()?.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_template_by_its_place_and_its_braces() {
        let root = tempfile::tempdir().unwrap();
        let templates = root.path().join("web/templates/tests");
        fs::create_dir_all(&templates).unwrap();
        fs::write(root.path().join("web/Chart.yaml"), "apiVersion: v2\nname: shop\n").unwrap();
        let charts = Charts::default();
        let template = charts.unexpanded(&templates.join("pod.yaml"), b"name: {{ .Release.Name }}").unwrap();
        assert_eq!(template.skipped, [Skip { reason: "helm-template", of: "shop".to_owned() }]);
        assert!(
            charts.unexpanded(&templates.join("pod.yaml"), b"kind: Pod").is_none(),
            "plain YAML is judged"
        );
        let elsewhere = root.path().join("templates/pod.yaml");
        assert!(charts.unexpanded(&elsewhere, b"name: {{ .Release.Name }}").is_none(), "no chart");
    }
}
