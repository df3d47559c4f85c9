//! A configuration as a tree in which every node knows its place.

use lithify::yaml::{Kind, Node, Stream};

use super::problem::{Place, Problem, Sources};

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing: the key might as well be left out.
    Null,
    /// A text, a number, a truth value: who reads it decides.
    Scalar(String),
    /// A list.
    List(Vec<Tree>),
    /// Keys, each with its place, and values.
    Map(Vec<(String, Place, Tree)>),
}

/// Reads environment variables.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The tree of a YAML text; `None` where nothing is written.
pub(super) fn parse(
    source: usize,
    text: &[u8],
    sources: &Sources,
    env: Environment<'_>,
) -> Result<Option<Tree>, Vec<Problem>> {
    let stream = Stream::parse(text).map_err(|error| {
        let position = error.position();
        let at = byte_of(text, position.line, position.column);
        vec![sources.problem(Place { source, at }, error.reason().to_string())]
    })?;
    if let Some(second) = stream.document(1).and_then(|document| document.root()) {
        let place = Place { source, at: second.span().start };
        return Err(vec![sources.problem(place, "a configuration is one YAML document, found a second")]);
    }
    let Some(root) = stream.document(0).and_then(|document| document.root()) else { return Ok(None) };
    let mut reader = Reader { source, sources, env, problems: Vec::new() };
    let tree = reader.tree(root);
    if reader.problems.is_empty() { Ok(Some(tree)) } else { Err(reader.problems) }
}

/// The byte of a line and column that count from 1.
fn byte_of(text: &[u8], line: u32, column: u32) -> usize {
    let text = String::from_utf8_lossy(text);
    let start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let rest = text[start..].chars();
    start + rest.take(column as usize - 1).map(char::len_utf8).sum::<usize>()
}

struct Reader<'r> {
    source: usize,
    sources: &'r Sources,
    env: Environment<'r>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Nodes are as deep as the parser allows, so that recursion is bounded.
    fn tree(&mut self, node: Node<'_>) -> Tree {
        let place = Place { source: self.source, at: node.span().start };
        let content = match node.kind() {
            Kind::Sequence => Content::List(node.items().map(|item| self.tree(item)).collect()),
            Kind::Mapping => {
                let mut entries: Vec<(String, Place, Tree)> = Vec::new();
                for (key, value) in node.entries() {
                    let place = Place { source: self.source, at: key.span().start };
                    let name = key.key().unwrap_or_default().into_owned();
                    if name == "<<" {
                        let message = "merge keys have no meaning here; use `config_files`";
                        self.problems.push(self.sources.problem(place, message));
                        continue;
                    }
                    entries.push((name, place, self.tree(value)));
                }
                Content::Map(entries)
            }
            Kind::Scalar if node.to_value().is_null() => Content::Null,
            Kind::Scalar => match expand(&node.text().unwrap_or_default(), self.env) {
                Ok(text) => Content::Scalar(text),
                Err(message) => {
                    self.problems.push(self.sources.problem(place, message));
                    Content::Null
                }
            },
        };
        Tree { place, content }
    }
}

/// Replaces `${NAME}` by the variable's value, nothing where it is not set; `$${NAME}` stands for `${NAME}`.
pub(super) fn expand(text: &str, env: Environment<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        if let Some(before) = rest[..dollar].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[dollar + 2..];
            continue;
        }
        out.push_str(&rest[..dollar]);
        let inside = &rest[dollar + 2..];
        let end = inside.find('}').ok_or_else(|| {
            format!("`{}` has no closing brace; write `$${{` if `${{` is meant", &rest[dollar..])
        })?;
        out.push_str(&env(&inside[..end]).unwrap_or_default());
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

impl Tree {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().rev().find(|entry| entry.0 == key).map(|entry| &entry.2),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; a scalar is a list of one, as in Falco.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// What it is, for messages.
    pub(super) fn shown(&self) -> String {
        match &self.content {
            Content::Null => "nothing".to_owned(),
            Content::Scalar(text) if text.chars().count() > 40 => {
                format!("`{}…`", text.chars().take(40).collect::<String>())
            }
            Content::Scalar(text) => format!("`{text}`"),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a mapping".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_can_be_escaped() {
        let env = |name: &str| (name == "HOST").then(|| "collector:4318".to_owned());
        assert_eq!(expand("http://${HOST}/v1", &env).unwrap(), "http://collector:4318/v1");
        assert_eq!(expand("${UNSET}x", &env).unwrap(), "x");
        assert_eq!(expand("$${HOST} costs $5", &env).unwrap(), "${HOST} costs $5");
        assert!(expand("${HOST", &env).unwrap_err().contains("no closing brace"));
    }
}
