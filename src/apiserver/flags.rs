//! The flags that reach the apiserver, and where in the manifest each one stands.

use serde_json::Value;

use super::audit_flags;
use super::command::{self, CommandError, Item};
use super::variables::{Environment, Expanded};
use crate::yaml::Pointer;

/// The flags of a kube-apiserver container, in the order in which it reads them.
#[derive(Clone, Debug)]
pub struct Flags {
    pub(super) occurrences: Vec<Occurrence>,
    /// The list item that names the apiserver; `None` where the image does.
    program: Option<Item>,
    /// The list at whose end the command line ends.
    pub(super) last_list: &'static str,
    /// `--`, after which the apiserver takes no flags.
    pub(super) terminator: Option<Item>,
    /// The container.
    pub(super) container: Pointer,
}

/// One appearance of a flag on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The name as the apiserver knows it: without dashes in front, `_` read as `-`.
    pub name: String,
    /// What it is set to.
    pub value: FlagValue,
    /// The list item that names the flag.
    pub(super) item: Item,
    /// The list item that holds the value, where that is the next one (`--flag value`).
    pub(super) value_item: Option<Item>,
}

/// What a flag is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagValue {
    /// A value, variables expanded.
    Given(String),
    /// `--flag` alone, as boolean flags allow: true.
    Bare,
    /// `--flag` alone where a value is needed: the apiserver refuses to start.
    Missing,
    /// It depends on an environment variable that the manifest does not tell.
    Unknown {
        /// The text as written.
        text: String,
        /// The variable.
        variable: String,
    },
}

impl FlagValue {
    /// The value as text, where it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Given(value) => Some(value),
            Self::Bare => Some("true"),
            Self::Missing | Self::Unknown { .. } => None,
        }
    }
}

impl Flags {
    /// Reads the command line of a container that runs the apiserver.
    ///
    /// `container`: the container object; `at`: its pointer, for [`Flags::pointer`] and errors. Understands
    /// `--f=v` and `--f v`, `command` and `args`, full paths, wrappers that run their arguments
    /// (`/go-runner … kube-apiserver …`) and `hyperkube apiserver`.
    ///
    /// # Errors
    /// [`CommandError`] where the flags cannot be told, such as behind `sh -c`.
    pub fn of(container: &Value, at: &Pointer) -> Result<Self, CommandError> {
        let line = command::read(container, at)?;
        let environment = Environment::of(container);
        let mut occurrences = Vec::new();
        let mut terminator = None;
        let mut items = line.arguments.iter().peekable();
        while let Some((item, text)) = items.next() {
            if text == "--" {
                terminator = Some(*item);
                break;
            }
            let Some((name, inline)) = split(text) else { continue };
            let next = items.peek().map(|(_, next)| next.as_str());
            let takes_next = inline.is_none() && next.is_some_and(|next| takes_value(&name, next));
            let value_item = takes_next.then(|| items.next()).flatten();
            let value = match (inline, value_item) {
                (Some(value), _) => expand(&environment, value),
                (None, Some((_, value))) => expand(&environment, value),
                (None, None) if audit_flags::needs_value(&name) => FlagValue::Missing,
                (None, None) => FlagValue::Bare,
            };
            let value_item = value_item.map(|(item, _)| *item);
            occurrences.push(Occurrence { name, value, item: *item, value_item });
        }
        Ok(Self {
            occurrences,
            program: line.program,
            last_list: line.last_list,
            terminator,
            container: at.clone(),
        })
    }

    /// The appearance that counts: the last one, as the apiserver reads them.
    pub fn last(&self, name: &str) -> Option<&Occurrence> {
        self.occurrences.iter().rfind(|occurrence| occurrence.name == name)
    }

    /// The value that is in force; `None` where the flag is not given, empty, or its value is not known.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.last(name)?.value.known().filter(|value| !value.is_empty())
    }

    /// All appearances in order.
    pub fn iter(&self) -> impl Iterator<Item = &Occurrence> {
        self.occurrences.iter()
    }

    /// Where a flag's value stands in the manifest.
    pub fn pointer(&self, occurrence: &Occurrence) -> Pointer {
        occurrence.value_item.unwrap_or(occurrence.item).pointer(&self.container)
    }

    /// Where the manifest starts the apiserver: the place to look at when a flag is not given.
    pub fn program(&self) -> Pointer {
        self.program.map_or_else(|| self.list(), |item| item.pointer(&self.container))
    }

    /// The list at whose end new flags are written.
    pub fn list(&self) -> Pointer {
        self.container.join(self.last_list)
    }
}

fn expand(environment: &Environment, text: &str) -> FlagValue {
    match environment.expand(text) {
        Expanded::Known(value) => FlagValue::Given(value),
        Expanded::Unknown(variable) => FlagValue::Unknown { text: text.to_owned(), variable },
    }
}

/// Splits `--name=value` and the shorthand `-v=4`; `None` for what is no flag.
fn split(text: &str) -> Option<(String, Option<&str>)> {
    let body = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    // The components read `_` in a flag's name as `-` (component-base, WordSepNormalizeFunc).
    (!name.is_empty()).then(|| (name.replace('_', "-"), value))
}

/// Whether the argument after a bare `--name` is its value. The apiserver takes no positional arguments, so
/// what does not look like a flag can be nothing else.
fn takes_value(name: &str, next: &str) -> bool {
    let looks_like_flag = next.starts_with("--")
        || (next.starts_with('-') && next[1..].starts_with(|c: char| c.is_alphabetic()));
    !audit_flags::is_boolean(name) && (audit_flags::needs_value(name) || !looks_like_flag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flags(container: &Value) -> Flags {
        Flags::of(container, &"/spec/containers/0".parse().unwrap()).unwrap()
    }

    fn pairs(container: &Value) -> Vec<(String, Option<String>)> {
        let known = |o: &Occurrence| (o.name.clone(), o.value.known().map(str::to_owned));
        flags(container).iter().map(known).collect()
    }

    fn pair(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn reads_every_form_of_a_flag() {
        let container = json!({
            "command": ["/usr/local/bin/kube-apiserver", "--audit-log-maxage=30", "--audit-log-path", "-"],
            "args": ["--profiling", "--audit_log_compress", "-v", "4", "--max-requests-inflight", "-1", "--audit-log-maxsize"],
        });
        let expected = [
            pair("audit-log-maxage", "30"),
            pair("audit-log-path", "-"),
            pair("profiling", "true"),
            pair("audit-log-compress", "true"),
            pair("v", "4"),
            pair("max-requests-inflight", "-1"),
            ("audit-log-maxsize".to_owned(), None),
        ];
        assert_eq!(pairs(&container), expected);
    }

    #[test]
    fn a_value_may_stand_in_the_other_list() {
        let container =
            json!({"command": ["kube-apiserver", "--audit-log-path"], "args": ["/var/log/a.log"]});
        let flags = flags(&container);
        let path = flags.last("audit-log-path").unwrap();
        assert_eq!(path.value, FlagValue::Given("/var/log/a.log".to_owned()));
        assert_eq!(flags.pointer(path).to_string(), "/spec/containers/0/args/0");
    }

    #[test]
    fn the_last_one_wins_and_nothing_counts_after_the_terminator() {
        let container = json!({"command": ["kube-apiserver", "--audit-log-maxage=1", "--audit-log-maxage=2", "--", "--audit-log-maxage=3"]});
        assert_eq!(flags(&container).value("audit-log-maxage"), Some("2"));
    }

    #[test]
    fn says_which_variable_hides_a_value() {
        let env = json!([{"name": "P", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]);
        let container = json!({"command": ["kube-apiserver", "--audit-log-path=/l/$(P)"], "env": env});
        let expected = FlagValue::Unknown { text: "/l/$(P)".to_owned(), variable: "P".to_owned() };
        assert_eq!(flags(&container).last("audit-log-path").unwrap().value, expected);
    }
}
