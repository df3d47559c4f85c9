//! From bytes, or from an object of the API, to a [`WriteProfile`].

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

use super::image::Image;
use super::model::{BlockedPath, Contents, Observed, Workload, WriteProfile, WrittenPath};
use super::path::ContainerPath;
use super::{API_VERSION, KIND};
use crate::k8s::{FieldPath, Step, Tree, TreeKind, brief, objects};
use crate::nearest::nearest;
use crate::yaml::{Pointer, Position, Stream};

/// What is wrong with a profile's file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct ProfileError {
    /// The place in the file.
    pub position: Position,
    /// The field, what was expected and what was found.
    pub message: String,
}

/// What is wrong with an object, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", dotted(path))]
pub struct FieldError {
    /// The field.
    pub path: FieldPath,
    /// What was expected and what was found.
    pub message: String,
}

/// Reads the profiles of a file: one a document, or lists of them. An empty document has none.
///
/// # Errors
/// [`ProfileError`] for what is no YAML, no WriteProfile, has an unknown key (with the one that was meant),
/// lacks a required one, or has another type than expected.
pub fn read(source: &[u8]) -> Result<Vec<WriteProfile>, ProfileError> {
    let stream = Stream::parse(source)
        .map_err(|error| ProfileError { position: error.position(), message: error.reason().to_string() })?;
    let mut profiles = Vec::new();
    for document in stream.documents() {
        let Some(root) = document.root() else { continue };
        let found = objects(root);
        if found.is_empty() {
            let message = format!("expected an object of kind {KIND}, found {}", brief(root));
            return Err(ProfileError { position: root.position(), message });
        }
        for object in found {
            let profile = profile(&Field { tree: object.tree, path: object.path }).map_err(|error| {
                let pointer: Pointer = error.path.iter().map(token).collect();
                ProfileError { position: document.locate(&pointer).0.position(), message: error.to_string() }
            })?;
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// Reads one profile from a tree of any kind, such as an object that the API has sent.
///
/// # Errors
/// [`FieldError`].
pub fn read_object<T: Tree>(object: T) -> Result<WriteProfile, FieldError> {
    profile(&Field { tree: object, path: FieldPath::new() })
}

fn token(step: &Step) -> Cow<'static, str> {
    match step {
        Step::Key(key) => key.clone(),
        Step::Item(index) => Pointer::index(*index),
    }
}

/// `spec.paths[0].mode: `; nothing for the object itself.
fn dotted(path: &FieldPath) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => _ = write!(text, ".{key}"),
            Step::Item(index) => _ = write!(text, "[{index}]"),
        }
    }
    if !text.is_empty() {
        text.push_str(": ");
    }
    text
}

/// A value with its place.
#[derive(Clone)]
struct Field<T> {
    tree: T,
    path: FieldPath,
}

type Read<V> = Result<V, FieldError>;

fn profile<T: Tree>(object: &Field<T>) -> Read<WriteProfile> {
    let mut profile = WriteProfile::default();
    let mut spec = None;
    let mut seen = Vec::new();
    for (key, value) in object.entries(&["apiVersion", "kind", "metadata", "spec", "status"])? {
        match key {
            "apiVersion" => value.exactly(API_VERSION)?,
            "kind" => value.exactly(KIND)?,
            "metadata" => metadata(&value, &mut profile)?,
            "spec" => spec = Some(value),
            _ => {}
        }
        seen.push(key);
    }
    for required in ["apiVersion", "kind", "metadata", "spec"] {
        if !seen.contains(&required) {
            return Err(object.error(format!("expected the key `{required}`, found none")));
        }
    }
    if let Some(spec) = spec {
        read_spec(&spec, &mut profile)?;
    }
    Ok(profile)
}

/// The API fills in more than we look at.
fn metadata<T: Tree>(metadata: &Field<T>, profile: &mut WriteProfile) -> Read<()> {
    metadata.expect(TreeKind::Mapping, "a mapping")?;
    let field = |key: &'static str| metadata.child(key);
    profile.name = match field("name") {
        Some(name) => name.text()?,
        None => return Err(metadata.error("expected the key `name`, found none".to_owned())),
    };
    profile.namespace = field("namespace").map(|namespace| namespace.text()).transpose()?;
    Ok(())
}

fn read_spec<T: Tree>(spec: &Field<T>, profile: &mut WriteProfile) -> Read<()> {
    const KEYS: &[&str] = &[
        "image",
        "digest",
        "workload",
        "paths",
        "blocked",
        "observed",
        "unresolved",
        "complete",
        "approved",
    ];
    for (key, value) in spec.entries(KEYS)? {
        match key {
            "image" => image(&value, profile)?,
            "digest" => profile.digest = Some(digest(&value)?),
            "workload" => profile.workload = Some(workload(&value)?),
            "paths" => profile.paths = value.items()?.iter().map(written).collect::<Read<_>>()?,
            "blocked" => profile.blocked = value.items()?.iter().map(blocked).collect::<Read<_>>()?,
            "observed" => profile.observed = Some(observed(&value)?),
            "unresolved" => {
                profile.unresolved = value.items()?.iter().map(Field::text).collect::<Read<_>>()?;
            }
            "complete" => profile.complete = value.boolean()?,
            _ => profile.approved = value.boolean()?,
        }
    }
    if profile.repository.is_empty() {
        return Err(spec.error("expected the key `image`, found none".to_owned()));
    }
    Ok(())
}

fn image<T: Tree>(field: &Field<T>, profile: &mut WriteProfile) -> Read<()> {
    let text = field.text()?;
    let image = Image::parse(&text);
    if let Some(tag) = image.tag {
        let message =
            format!("expected an image without tag, found the tag `{tag}`; use `digest` to name one build");
        return Err(field.error(message));
    }
    if text.is_empty() {
        return Err(field.error("expected the name of an image, found \"\"".to_owned()));
    }
    profile.repository = image.repository;
    profile.digest = image.digest.or(profile.digest.take());
    Ok(())
}

fn digest<T: Tree>(field: &Field<T>) -> Read<String> {
    let text = field.text()?;
    let is_digest = text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty() && !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if is_digest {
        Ok(text)
    } else {
        Err(field.error(format!("expected a digest like sha256:…, found `{text}`")))
    }
}

fn workload<T: Tree>(field: &Field<T>) -> Read<Workload> {
    let mut workload = Workload { kind: String::new(), name: String::new(), container: String::new() };
    for (key, value) in field.entries(&["kind", "name", "container"])? {
        match key {
            "kind" => workload.kind = value.text()?,
            "name" => workload.name = value.text()?,
            _ => workload.container = value.text()?,
        }
    }
    let parts = [("kind", &workload.kind), ("name", &workload.name), ("container", &workload.container)];
    match parts.iter().find(|(_, text)| text.is_empty()) {
        Some((key, _)) => Err(field.error(format!("expected the key `{key}`, found none"))),
        None => Ok(workload),
    }
}

fn written<T: Tree>(field: &Field<T>) -> Read<WrittenPath> {
    const KEYS: &[&str] = &["path", "contents", "writes", "maxBytes", "uid", "gid", "mode", "firstWriter"];
    let entries = field.entries(KEYS)?;
    let mut written = WrittenPath::new(path_of(field, &entries)?);
    for (key, value) in entries {
        match key {
            "path" => {}
            "contents" => written.contents = contents(&value)?,
            "writes" => written.writes = value.number()?,
            "maxBytes" => written.max_bytes = Some(value.number()?),
            "uid" => written.uid = Some(value.number()?),
            "gid" => written.gid = Some(value.number()?),
            "mode" => written.mode = Some(mode(&value)?),
            _ => written.first_writer = value.text()?,
        }
    }
    Ok(written)
}

fn blocked<T: Tree>(field: &Field<T>) -> Read<BlockedPath> {
    let entries = field.entries(&["path", "errno", "count"])?;
    let mut blocked = BlockedPath { path: path_of(field, &entries)?, errno: String::new(), count: 0 };
    for (key, value) in entries {
        match key {
            "path" => {}
            "errno" => blocked.errno = value.text()?,
            _ => blocked.count = value.number()?,
        }
    }
    Ok(blocked)
}

fn observed<T: Tree>(field: &Field<T>) -> Read<Observed> {
    let entries = field.entries(&["from", "to", "containers", "starts", "stops"])?;
    let value = |key: &str| entries.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
    let time = |key: &str| match value(key) {
        Some(value) => value.parsed("a time like 2026-11-01T00:00:00Z"),
        None => Err(field.error(format!("expected the key `{key}`, found none"))),
    };
    let count = |key: &str| value(key).map_or(Ok(0), Field::number);
    let observed = Observed {
        from: time("from")?,
        to: time("to")?,
        containers: count("containers")?,
        starts: count("starts")?,
        stops: count("stops")?,
    };
    if observed.to < observed.from {
        return Err(field.error("expected `to` not before `from`".to_owned()));
    }
    Ok(observed)
}

fn path_of<T: Tree>(field: &Field<T>, entries: &[(&'static str, Field<T>)]) -> Read<ContainerPath> {
    let path = entries.iter().find(|(key, _)| *key == "path").map(|(_, value)| value);
    let path = path.ok_or_else(|| field.error("expected the key `path`, found none".to_owned()))?;
    ContainerPath::parse(&path.text()?).map_err(|wrong| path.error(wrong.to_string()))
}

fn contents<T: Tree>(field: &Field<T>) -> Read<Contents> {
    let word = field.text()?;
    let all = [Contents::Empty, Contents::Populated];
    let found = all.into_iter().find(|contents| contents.name() == word);
    found.ok_or_else(|| field.error(unknown("value", &word, &all.map(Contents::name))))
}

/// YAML reads a bare `0755` as the number 493, so only text can be trusted.
fn mode<T: Tree>(field: &Field<T>) -> Read<u32> {
    let wrong =
        |found: &str| field.error(format!("expected octal digits in quotes, like \"0755\", found {found}"));
    let text = field.tree.as_str().ok_or_else(|| wrong(&brief(field.tree)))?;
    let text = text.as_ref();
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = is_octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    mode.ok_or_else(|| wrong(&format!("`{text}`")))
}

fn unknown(what: &str, written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{written}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{written}`, expected one of {}", known.join(", ")),
    }
}

impl<T: Tree> Field<T> {
    fn error(&self, message: String) -> FieldError {
        FieldError { path: self.path.clone(), message }
    }

    fn expect(&self, kind: TreeKind, what: &str) -> Read<()> {
        if self.tree.kind() == kind {
            return Ok(());
        }
        Err(self.error(format!("expected {what}, found {}", brief(self.tree))))
    }

    fn below(&self, step: Step, tree: T) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Self { tree, path }
    }

    fn child(&self, key: &'static str) -> Option<Self> {
        Some(self.below(Step::Key(Cow::Borrowed(key)), self.tree.field(key)?))
    }

    /// The entries of a mapping that has no keys but the known ones; null values count as absent.
    fn entries(&self, known: &[&'static str]) -> Read<Vec<(&'static str, Self)>> {
        self.expect(TreeKind::Mapping, "a mapping")?;
        let mut entries = Vec::new();
        for (written, value) in self.tree.entries() {
            let written = written.as_ref();
            let Some(key) = known.iter().copied().find(|name| *name == written) else {
                let place = self.below(Step::Key(Cow::Owned(written.to_owned())), value);
                return Err(FieldError {
                    message: unknown("key", written, known),
                    ..place.error(String::new())
                });
            };
            if !value.is_null() {
                entries.push((key, self.below(Step::Key(Cow::Borrowed(key)), value)));
            }
        }
        Ok(entries)
    }

    fn items(&self) -> Read<Vec<Self>> {
        self.expect(TreeKind::Sequence, "a list")?;
        Ok(self.tree.items().enumerate().map(|(index, item)| self.below(Step::Item(index), item)).collect())
    }

    fn text(&self) -> Read<String> {
        self.expect(TreeKind::String, "text")?;
        Ok(self.tree.as_str().map(|text| text.as_ref().to_owned()).unwrap_or_default())
    }

    fn exactly(&self, wanted: &str) -> Read<()> {
        let found = self.text()?;
        if found == wanted {
            Ok(())
        } else {
            Err(self.error(format!("expected `{wanted}`, found `{found}`")))
        }
    }

    fn boolean(&self) -> Read<bool> {
        let found = self.tree.as_bool();
        found.ok_or_else(|| self.error(format!("expected true or false, found {}", brief(self.tree))))
    }

    fn number<N: TryFrom<u64>>(&self) -> Read<N> {
        let number = self.tree.number().and_then(|number| number.as_u64()?.try_into().ok());
        number.ok_or_else(|| self.error(format!("expected a number not below 0, found {}", brief(self.tree))))
    }

    fn parsed<V: FromStr<Err: Display>>(&self, what: &str) -> Read<V> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format!("expected {what}, found `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: web-nginx, namespace: web}
spec:
  image: docker.io/library/nginx
  workload: {kind: Deployment, name: web, container: nginx}
  paths:
  - {path: /var/cache/nginx, contents: empty, writes: 1204, maxBytes: 81920, uid: 101, gid: 101, mode: \"0755\", firstWriter: nginx}
  - {path: /etc/nginx/conf.d, contents: populated, writes: 1, firstWriter: docker-entrypoint.sh}
  blocked: [{path: /run/nginx.pid, errno: EROFS, count: 3}]
  observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-08T00:00:00Z, containers: 12, starts: 14, stops: 9}
  unresolved: []
  complete: true
";

    #[test]
    fn reads_every_field_and_prints_it_again() {
        let profile = read(WHOLE.as_bytes()).unwrap().remove(0);
        assert_eq!(profile.paths[0].mode, Some(0o755));
        assert_eq!(profile.blocked[0].count, 3);
        assert_eq!(profile.observed.unwrap().starts, 14);
        let printed = profile.to_yaml().unwrap();
        assert_eq!(read(&printed).unwrap(), std::slice::from_ref(&profile));
        assert_eq!(read_object(&profile.to_value()).unwrap(), profile);
    }

    fn error(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        read(WHOLE.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn says_where_what_was_expected_and_what_was_found() {
        let expect = |from: &str, to: &str, expected: &str| {
            let error = error(from, to);
            assert!(error.contains(expected), "{error}\ninstead of\n{expected}");
        };
        expect(
            "contents: empty",
            "contents: emtpy",
            "line 8, column 40: spec.paths[0].contents: unknown value `emtpy`; did you mean `empty`?",
        );
        expect(
            "maxBytes",
            "maxbytes",
            "spec.paths[0].maxbytes: unknown key `maxbytes`; did you mean `maxBytes`?",
        );
        expect(
            "\"0755\"",
            "0755",
            "spec.paths[0].mode: expected octal digits in quotes, like \"0755\", found 493",
        );
        expect("path: /var/cache/nginx, ", "", "spec.paths[0]: expected the key `path`, found none");
        expect(
            "/etc/nginx/conf.d",
            "conf.d",
            "spec.paths[1].path: expected an absolute path, found `conf.d`",
        );
        expect(
            "library/nginx",
            "library/nginx:1.29",
            "spec.image: expected an image without tag, found the tag `1.29`",
        );
        expect(
            "writes: 1204",
            "writes: many",
            "spec.paths[0].writes: expected a number not below 0, found \"many\"",
        );
        expect("complete: true", "complete: 1", "spec.complete: expected true or false, found 1");
        expect("2026-11-08T", "2026-10-08T", "spec.observed: expected `to` not before `from`");
        expect(
            "kind: WriteProfile",
            "kind: Pod",
            "line 2, column 7: kind: expected `WriteProfile`, found `Pod`",
        );
        expect("v1alpha1", "v1", "apiVersion: expected `lithify.dev/v1alpha1`");
        expect(", name: web,", ",", "spec.workload: expected the key `name`, found none");
    }

    #[test]
    fn reads_several_documents_and_lists() {
        let items = WHOLE.replace('\n', "\n  ");
        let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}\n---\n{WHOLE}---\n", items.trim_end());
        assert_eq!(read(list.as_bytes()).unwrap().len(), 2);
        assert!(read(b"a: 1\n").unwrap_err().to_string().contains("expected an object of kind WriteProfile"));
    }
}
