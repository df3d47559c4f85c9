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
    /// The chart of a directory; `None` where it is no chart.
    known: Mutex<HashMap<PathBuf, Option<Known>>>,
}

/// What a chart's `Chart.yaml` says of it.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    /// Parts for other charts; Helm does not render it by itself.
    is_library: bool,
}

impl Charts {
    /// The name of the chart that a file is a template of, by its place.
    pub fn of_template(&self, file: &Path) -> Option<String> {
        let templates = file.ancestors().skip(1).filter(|directory| directory.ends_with(TEMPLATES));
        templates.filter_map(Path::parent).find_map(|directory| self.name(directory))
    }

    /// The name of the chart in a directory; `None` where there is none.
    pub(super) fn name(&self, directory: &Path) -> Option<String> {
        self.of_directory(directory).map(|known| known.name)
    }

    /// Whether the chart in a directory only has parts for others.
    pub(super) fn is_library(&self, directory: &Path) -> bool {
        self.of_directory(directory).is_some_and(|known| known.is_library)
    }

    fn of_directory(&self, directory: &Path) -> Option<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(directory.to_owned()).or_insert_with_key(|directory| read(directory)).clone()
    }

    /// What to say of a file that is a template to be expanded first; `None` for every other.
    pub fn unexpanded(&self, file: &Path, bytes: &[u8]) -> Option<FileReport> {
        memchr::memmem::find(bytes, b"{{")?;
        let skip = Skip { reason: "helm-template", of: self.of_template(file)? };
        Some(FileReport { file: file.display().to_string(), skipped: vec![skip], ..FileReport::default() })
    }
}

/// A chart by its `Chart.yaml`; named as its directory where that gives no name.
fn read(directory: &Path) -> Option<Known> {
    let bytes = fs::read(directory.join("Chart.yaml")).ok()?;
    let stream = Stream::parse_lenient(&bytes).ok();
    let root = stream.as_ref().and_then(|stream| stream.document(0)?.root());
    let text = |key: &str| root.and_then(|root| Some(root.get(key)?.text()?.into_owned()));
    let named = || Some(directory.file_name()?.to_string_lossy().into_owned());
    let is_library = text("type").is_some_and(|kind| kind == "library");
    Some(Known { name: text("name").or_else(named).unwrap_or_default(), is_library })
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
