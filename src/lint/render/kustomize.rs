//! Kustomizations: what each is made of, which stand on top, and what kustomize makes of one.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tool;
use crate::yaml::{Node, Stream};

/// The names of a kustomization's file.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization that no other one of the walk builds upon, with all that it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlay {
    /// As the walk named it.
    pub(super) directory: PathBuf,
    /// Files of whole objects, by [`file_key`].
    pub(super) resources: BTreeSet<PathBuf>,
    /// Files of parts of objects, by [`file_key`].
    pub(super) patches: BTreeSet<PathBuf>,
    /// What would have to be fetched, such as a base in a repository; nothing is.
    pub(super) remote: Option<String>,
}

/// One kustomization file.
#[derive(Clone, Debug, Default)]
struct Kustomization {
    /// Meant to be a part of others, and not to be built alone.
    is_component: bool,
    resources: Vec<PathBuf>,
    patches: Vec<PathBuf>,
    /// Directories of other kustomizations.
    bases: Vec<PathBuf>,
    remote: Option<String>,
}

/// One way to write each directory, so that one is known again in `../base`, whatever links lead there.
pub(super) fn directory_key(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The same of a file, which keeps its own name.
pub(super) fn file_key(path: &Path) -> PathBuf {
    let directory = directory_key(path.parent().unwrap_or(Path::new("")));
    path.file_name().map_or_else(|| directory.clone(), |name| directory.join(name))
}

/// Whether a file is a kustomization by its name.
pub(super) fn is_part(file: &Path) -> bool {
    NAMES.iter().any(|name| file.ends_with(name))
}

/// The overlays among the walked files.
pub(super) fn overlays(files: &[PathBuf]) -> Vec<Overlay> {
    let mut read = Reading::default();
    let directories: Vec<&Path> =
        files.iter().filter(|file| is_part(file)).filter_map(|file| file.parent()).collect();
    let mut lower = BTreeSet::new();
    let mut tops = Vec::new();
    for directory in directories {
        let Some(kustomization) = read.of(&directory_key(directory)) else { continue };
        lower.extend(kustomization.bases.iter().cloned());
        if !kustomization.is_component {
            tops.push(directory);
        }
    }
    tops.retain(|directory| !lower.contains(&directory_key(directory)));
    tops.into_iter().map(|directory| read.overlay(directory)).collect()
}

/// Kustomizations by the key of their directory, each read once.
#[derive(Default)]
struct Reading {
    known: HashMap<PathBuf, Option<Kustomization>>,
}

impl Reading {
    fn of(&mut self, directory: &Path) -> Option<Kustomization> {
        let known = self.known.entry(directory.to_owned());
        known.or_insert_with(|| read(directory)).clone()
    }

    fn overlay(&mut self, directory: &Path) -> Overlay {
        let mut overlay = Overlay { directory: directory.to_owned(), ..Overlay::default() };
        let (mut open, mut seen) = (vec![directory_key(directory)], BTreeSet::new());
        while let Some(next) = open.pop() {
            if !seen.insert(next.clone()) {
                continue;
            }
            let Some(part) = self.of(&next) else { continue };
            overlay.resources.extend(part.resources);
            overlay.patches.extend(part.patches);
            overlay.remote = overlay.remote.or(part.remote);
            open.extend(part.bases);
        }
        overlay
    }
}

fn read(directory: &Path) -> Option<Kustomization> {
    let bytes = NAMES.iter().find_map(|name| fs::read(directory.join(name)).ok())?;
    let stream = Stream::parse_lenient(&bytes).ok()?;
    let root = stream.document(0)?.root()?;
    let text = |key: &str| root.get(key).and_then(|value| value.text());
    // Flux has objects of this kind, too; they are no files of kustomize's.
    if text("apiVersion").is_some_and(|version| !version.starts_with("kustomize.config.k8s.io/")) {
        return None;
    }
    let mut found = Kustomization {
        is_component: text("kind").is_some_and(|kind| kind == "Component"),
        ..Kustomization::default()
    };
    for list in ["resources", "bases", "components", "generators", "transformers", "validators"] {
        texts(root.get(list)).for_each(|entry| found.add_resource(directory, &entry));
    }
    let whole = texts(root.get("patchesStrategicMerge"));
    let paths = ["patches", "patchesJson6902", "replacements"].into_iter().flat_map(|list| {
        let items = root.get(list).into_iter().flat_map(|list| list.items());
        items.filter_map(|patch| Some(patch.get("path")?.text()?.into_owned()))
    });
    // A patch may also stand in the kustomization itself, on many lines.
    let files = whole.chain(paths).filter(|path| !path.contains('\n'));
    found.patches = files.map(|path| file_key(&directory.join(path))).collect();
    Some(found)
}

fn texts(list: Option<Node<'_>>) -> impl Iterator<Item = String> {
    list.into_iter().flat_map(|list| list.items()).filter_map(|item| Some(item.text()?.into_owned()))
}

impl Kustomization {
    fn add_resource(&mut self, directory: &Path, entry: &str) {
        let path = directory.join(entry);
        if path.is_dir() {
            self.bases.push(directory_key(&path));
        } else if path.is_file() {
            self.resources.push(file_key(&path));
        } else if is_remote(entry) {
            self.remote.get_or_insert_with(|| entry.to_owned());
        }
    }
}

/// Source: kustomize, *Remote targets*: URLs, and what git takes for one.
fn is_remote(entry: &str) -> bool {
    let is_host = |part: &str| part.contains('.') && !part.starts_with('.');
    entry.contains("://")
        || entry.contains("?ref=")
        || entry.starts_with("git@")
        || entry.split_once('/').is_some_and(|(first, _)| is_host(first))
}

/// What kustomize has made of an overlay.
pub(super) struct Built {
    /// The objects, each with an annotation that tells where it comes from.
    pub(super) text: String,
    /// The directory that was built, which the annotations' paths begin at; it is gone.
    pub(super) directory: PathBuf,
}

/// Builds an overlay.
///
/// # Errors
/// The tool's own message.
pub(super) fn render(overlay: &Overlay, program: &Path) -> Result<Built, String> {
    let told = |error: std::io::Error| format!("cannot prepare to render: {error}");
    let target = fs::canonicalize(directory_key(&overlay.directory)).map_err(told)?;
    let wrapper = Wrapper::around(&target).map_err(told)?;
    let mut command = tool::offline(program);
    let is_kubectl = program.ends_with("kubectl");
    command.arg(if is_kubectl { "kustomize" } else { "build" }).arg(&wrapper.directory);
    let text = tool::output(&mut command, tool::PATIENCE)?;
    Ok(Built { text, directory: wrapper.directory.clone() })
}

/// A kustomization in a directory of its own that asks for the annotations, so that none of the user's need be
/// changed for it. It goes with the value.
struct Wrapper {
    directory: PathBuf,
}

impl Wrapper {
    fn around(target: &Path) -> std::io::Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("lithify-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = fs::canonicalize(std::env::temp_dir())?.join(name);
        // Fails where something has taken the name already.
        fs::create_dir(&directory)?;
        let wrapper = Self { directory };
        let up = wrapper.directory.components().skip(1).map(|_| Path::new(".."));
        let target: PathBuf = up.chain([target.strip_prefix("/").unwrap_or(target)]).collect();
        let target = serde_json::Value::from(target.to_string_lossy());
        let text = format!("resources: [{target}]\nbuildMetadata: [originAnnotations]\n");
        fs::write(wrapper.directory.join(NAMES[0]), text)?;
        Ok(wrapper)
    }
}

impl Drop for Wrapper {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let root = tempfile::tempdir().unwrap();
        let written = files.iter().map(|(name, text)| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        });
        let written = written.collect();
        (root, written)
    }

    #[test]
    fn finds_the_overlays_on_top_and_all_below_them() {
        let (root, files) = tree(&[
            ("base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("base/a.yaml", "kind: A\n"),
            ("part/kustomization.yaml", "kind: Component\npatches: [{path: p.yaml}, {patch: 'a: 1'}]\n"),
            (
                "prod/kustomization.yml",
                "bases: [../base]\ncomponents: [../part]\npatchesStrategicMerge: [s.yaml]\n",
            ),
            ("flux/kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"),
        ]);
        let file = |name: &str| file_key(&root.path().join(name));
        let found = overlays(&files);
        assert_eq!(
            found,
            [Overlay {
                directory: root.path().join("prod"),
                resources: [file("base/a.yaml")].into(),
                patches: [file("part/p.yaml"), file("prod/s.yaml")].into(),
                remote: None,
            }]
        );
    }

    #[test]
    fn tells_what_would_have_to_be_fetched() {
        for remote in ["https://a.example/x.yaml", "github.com/a/b//c?ref=v1", "git@a.example:b.git"] {
            let (_root, files) = tree(&[("kustomization.yaml", &format!("resources: [\"{remote}\"]\n"))]);
            assert_eq!(overlays(&files)[0].remote.as_deref(), Some(remote));
        }
        assert!(!is_remote("../missing/deployment.yaml") && !is_remote("missing.yaml"));
    }

    #[test]
    fn survives_kustomizations_in_a_circle() {
        let (_root, files) = tree(&[
            ("a/kustomization.yaml", "resources: [../b]\n"),
            ("b/kustomization.yaml", "resources: [../a]\n"),
            ("c/kustomization.yaml", "resources: [../a]\n"),
        ]);
        assert_eq!(overlays(&files).len(), 1);
    }
}
