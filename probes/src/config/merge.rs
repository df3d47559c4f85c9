//! The files of a configuration and the options of the command line, merged into one tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::files_of;
use super::problem::{Place, Problem, Sources};
use super::tree::{Content, Environment, Tree, expand, parse};

/// What was merged.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) tree: Option<Tree>,
    pub(super) sources: Sources,
    /// Every file with its bytes, in order.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    /// Directories whose files were taken.
    pub(super) directories: Vec<PathBuf>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads the file, those that its `config_files` names, and the `-o` options, in this order.
///
/// # Errors
/// Everything that keeps the texts from being one tree.
pub(super) fn merge(
    file: Option<&Path>,
    options: &[String],
    env: Environment<'_>,
) -> Result<Merged, Vec<Problem>> {
    let mut merged = Merged::default();
    if let Some(file) = file {
        merged.tree = merged.read(file, env)?;
        merged.include(env)?;
    }
    merged.set_all(options, env)
}

/// As [`merge`], of a text; `config_files` is not followed.
pub(super) fn merge_text(
    name: &str,
    text: &[u8],
    options: &[String],
    env: Environment<'_>,
) -> Result<Merged, Vec<Problem>> {
    let mut merged = Merged::default();
    let source = merged.sources.add(name, String::from_utf8_lossy(text));
    merged.tree = parse(source, text, &merged.sources, env)?;
    merged.set_all(options, env)
}

impl Merged {
    fn read(&mut self, path: &Path, env: Environment<'_>) -> Result<Option<Tree>, Vec<Problem>> {
        let name = path.display().to_string();
        let text = fs::read(path).map_err(|error| {
            let source = self.sources.add(name.clone(), "");
            let place = Place { source, at: 0 };
            vec![self.sources.problem(place, format!("the configuration cannot be read: {error}"))]
        })?;
        let source = self.sources.add(name, String::from_utf8_lossy(&text));
        let tree = parse(source, &text, &self.sources, env)?;
        self.files.push((path.to_owned(), text));
        Ok(tree)
    }

    /// Merges what `config_files` names.
    fn include(&mut self, env: Environment<'_>) -> Result<(), Vec<Problem>> {
        let Some(list) = self.tree.as_ref().and_then(|tree| tree.get("config_files")).cloned() else {
            return Ok(());
        };
        for entry in list.items() {
            let path = entry.text().or_else(|| entry.get("path")?.text());
            let Some(path) = path else {
                let message = format!("expected a path, or `path` and `strategy`, found {}", entry.shown());
                return Err(vec![self.sources.problem(entry.place, message)]);
            };
            let strategy = entry.get("strategy").and_then(Tree::text).and_then(Strategy::from_name);
            let path = PathBuf::from(path);
            let files = match files_of(&path) {
                Ok(files) => files,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let message = format!("{} does not exist: skipped", path.display());
                    self.warnings.push(self.sources.problem(entry.place, message));
                    continue;
                }
                Err(error) => {
                    let message = format!("{} cannot be read: {error}", path.display());
                    return Err(vec![self.sources.problem(entry.place, message)]);
                }
            };
            if path.is_dir() {
                self.directories.push(path);
            }
            for file in files {
                let Some(tree) = self.read(&file, env)? else { continue };
                if let Some(nested) = tree.get("config_files") {
                    let message = "a file that `config_files` names cannot name more of them";
                    return Err(vec![self.sources.problem(nested.place, message)]);
                }
                self.add(tree, strategy.unwrap_or(Strategy::Append))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, tree: Tree, strategy: Strategy) -> Result<(), Vec<Problem>> {
        let Content::Map(entries) = tree.content else {
            let message = format!("expected a mapping of keys, found {}", tree.shown());
            return Err(vec![self.sources.problem(tree.place, message)]);
        };
        let whole = self.tree.get_or_insert_with(|| empty(tree.place));
        let Content::Map(all) = &mut whole.content else { return Ok(()) };
        for (name, place, value) in entries {
            match all.iter_mut().find(|entry| entry.0 == name) {
                None => all.push((name, place, value)),
                Some(_) if strategy == Strategy::AddOnly => {}
                Some(known) => match (&mut known.2.content, value.content) {
                    (Content::List(items), Content::List(more)) if strategy == Strategy::Append => {
                        items.extend(more);
                    }
                    (_, content) => known.2 = Tree { place: value.place, content },
                },
            }
        }
        Ok(())
    }

    fn set_all(mut self, options: &[String], env: Environment<'_>) -> Result<Self, Vec<Problem>> {
        for option in options {
            self.set(option, env).map_err(|problem| vec![problem])?;
        }
        Ok(self)
    }

    /// Sets the key that a `-o key=value` option names.
    fn set(&mut self, option: &str, env: Environment<'_>) -> Result<(), Problem> {
        let source = self.sources.add(format!("-o {option}"), option);
        let place = Place { source, at: 0 };
        let Some((path, written)) = option.split_once('=') else {
            return Err(self.sources.problem(place, "expected `key=value`"));
        };
        let value_place = Place { source, at: path.len() + 1 };
        let value = if written.starts_with(['{', '[']) {
            let parsed = parse(source, written.as_bytes(), &self.sources, env);
            let parsed = parsed.map_err(|problems| {
                let reason = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                self.sources.problem(value_place, format!("the value is no YAML: {reason}"))
            })?;
            parsed.unwrap_or(Tree { place: value_place, content: Content::Null })
        } else {
            let text = expand(written, env).map_err(|message| self.sources.problem(value_place, message))?;
            Tree { place: value_place, content: Content::Scalar(text) }
        };
        let steps = steps(path).ok_or_else(|| {
            self.sources.problem(place, "expected a key such as `engine.kind` or `plugins[0].open_params`")
        })?;
        let root = self.tree.get_or_insert_with(|| empty(place));
        put(root, &steps, value, place)
            .map_err(|found| self.sources.problem(place, format!("`{path}` leads through {found}")))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Append,
    Override,
    AddOnly,
}

impl Strategy {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "append" => Some(Self::Append),
            "override" => Some(Self::Override),
            "add-only" => Some(Self::AddOnly),
            _ => None,
        }
    }
}

const fn empty(place: Place) -> Tree {
    Tree { place, content: Content::Map(Vec::new()) }
}

/// A step on the way to the key of an option.
enum Step<'o> {
    Key(&'o str),
    Item(usize),
    NewItem,
}

/// `plugins[0].open_params`, `append_output[]`: keys, items, and `[]` for one more item.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.trim().split('.') {
        let (name, items) = part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
        if name.is_empty() {
            return None;
        }
        steps.push(Step::Key(name));
        let Some(items) = items else { continue };
        for index in items.strip_suffix(']')?.split("][") {
            steps.push(if index.is_empty() { Step::NewItem } else { Step::Item(index.parse().ok()?) });
        }
    }
    Some(steps)
}

/// Puts a value where steps lead; what stands in the way is the error.
fn put(tree: &mut Tree, steps: &[Step<'_>], value: Tree, place: Place) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *tree = value;
        return Ok(());
    };
    if tree.content == Content::Null {
        tree.content = match step {
            Step::Key(_) => Content::Map(Vec::new()),
            Step::Item(_) | Step::NewItem => Content::List(Vec::new()),
        };
    }
    let null = Tree { place, content: Content::Null };
    let next = match (step, &mut tree.content) {
        (Step::Key(name), Content::Map(entries)) => {
            let known = entries.iter().rposition(|entry| entry.0 == *name);
            let at = known.unwrap_or_else(|| {
                entries.push(((*name).to_owned(), place, null));
                entries.len() - 1
            });
            &mut entries[at].2
        }
        (Step::NewItem, Content::List(items)) => {
            items.push(null);
            let last = items.len() - 1;
            &mut items[last]
        }
        (Step::Item(at), Content::List(items)) if *at <= items.len() => {
            if *at == items.len() {
                items.push(null);
            }
            &mut items[*at]
        }
        (Step::Item(at), Content::List(items)) => {
            return Err(format!("a list of {} items: there is no item {at}", items.len()));
        }
        _ => return Err(tree.shown()),
    };
    put(next, rest, value, place)
}
