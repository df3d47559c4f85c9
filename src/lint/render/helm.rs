//! Charts: which there are, and what `helm template` makes of one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::tool;
use crate::lint::chart::Charts;

/// What Helm writes above each manifest.
const SOURCE: &str = "# Source: ";

/// A chart that is not part of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) directory: PathBuf,
    pub(super) name: String,
    /// Its templates and those of its subcharts, as far as they were walked.
    pub(super) templates: Vec<PathBuf>,
}

/// Whether a file may be a part of a chart that counts here.
pub(super) fn is_part(file: &Path) -> bool {
    file.ends_with("Chart.yaml")
        || file.parent().is_some_and(|above| above.iter().any(|part| part == "templates"))
}

/// The charts among the walked files, each with its templates.
pub(super) fn charts(files: &[PathBuf], known: &Charts) -> Vec<Chart> {
    let of_files: BTreeSet<&Path> =
        files.iter().filter(|file| file.ends_with("Chart.yaml")).filter_map(|file| file.parent()).collect();
    let is_part = |directory: &Path| {
        let above = directory.ancestors().skip(1).filter(|above| above.ends_with("charts"));
        above.filter_map(Path::parent).any(|parent| of_files.contains(parent))
    };
    let whole = of_files.iter().filter(|directory| !is_part(directory));
    whole
        .filter(|directory| !known.is_library(directory))
        .map(|directory| Chart {
            directory: directory.to_path_buf(),
            name: known.name(directory).unwrap_or_default(),
            templates: templates(files, directory),
        })
        .collect()
}

fn templates(files: &[PathBuf], chart: &Path) -> Vec<PathBuf> {
    let is_template = |file: &&PathBuf| {
        let below = file.strip_prefix(chart).unwrap_or(Path::new(""));
        let mut parts =
            below.parent().into_iter().flat_map(Path::components).map(std::path::Component::as_os_str);
        match parts.next() {
            Some(first) if first == "templates" => true,
            Some(first) if first == "charts" => parts.any(|part| part == "templates"),
            _ => false,
        }
    };
    files.iter().filter(is_template).cloned().collect()
}

/// The manifests of each template, in the order of their paths.
///
/// # Errors
/// Helm's own message.
pub(super) fn render(
    chart: &Chart,
    helm: &Path,
    values: &[PathBuf],
) -> Result<BTreeMap<PathBuf, String>, String> {
    let mut command = tool::offline(helm);
    command.arg("template").arg(release(&chart.name)).arg(&chart.directory);
    for file in values {
        command.arg("--values").arg(file);
    }
    tool::output(&mut command, tool::PATIENCE).map(|text| by_source(&text, &chart.directory))
}

/// A release name that Helm takes: most charts make the names of their objects of it.
fn release(chart: &str) -> &str {
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = !chart.is_empty() && chart.len() <= 53 && chart.bytes().all(is_label);
    if is_name && !chart.starts_with('-') && !chart.ends_with('-') { chart } else { "release-name" }
}

/// Takes Helm's output apart by the comments that name each manifest's template.
fn by_source(text: &str, chart: &Path) -> BTreeMap<PathBuf, String> {
    let mut found: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut source = chart.join("templates");
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if line.trim_end() == "---"
            && let Some(named) = lines.peek().and_then(|next| next.strip_prefix(SOURCE))
        {
            // The first part is the chart's name, whatever its directory is called.
            source = chart.join(named.trim_end().split_once('/').map_or("", |(_, below)| below));
        }
        found.entry(source.clone()).or_default().push_str(line);
    }
    found.retain(|_, text| !text.trim().is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_output_apart_by_template() {
        let text = "---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/charts/db/templates/b.yaml\n\
                    kind: B\ntext: |\n  ---\n  # Source: web/x\n---\n# Source: web/templates/a.yaml\nkind: C\n";
        let found = by_source(text, Path::new("charts/www"));
        let sources = found.iter().map(|(source, text)| (source.to_str().unwrap(), text.lines().count()));
        let sources: Vec<_> = sources.collect();
        assert_eq!(
            sources,
            [("charts/www/charts/db/templates/b.yaml", 6), ("charts/www/templates/a.yaml", 6)]
        );
    }

    #[test]
    fn names_releases_as_helm_takes_them() {
        assert_eq!(release("web-2"), "web-2");
        for odd in ["", "Web", "a.b", "-a", "a-", &"a".repeat(54)] {
            assert_eq!(release(odd), "release-name");
        }
    }
}
