//! Fields by name: what rules, templates and recorded events refer to.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::field_error::FieldError;
use super::kind::Kind;
use super::source::Source;
use super::table::{
    DEPRECATED, DOTTED, ENDS, FIELDS, INDEX, KA, KEY, LINEAGE, LIST, PLAIN, REQUIRED, Row, SC,
};
use super::types::EventType;
use crate::nearest::nearest;

/// A row of the field table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(u16);

/// How many values a field has, and how comparisons take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// A list: `in` asks for all, `intersects` for any.
    List,
    /// Both ends of a connection, or all names of one: any must compare, but for `!=` all.
    Ends,
    /// All ancestors: any must compare.
    Lineage,
}

/// What follows a field's name in brackets or after a dot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Argument {
    /// Nothing.
    #[default]
    None,
    /// A number, as in `proc.aname[2]`.
    Index(u32),
    /// A text, as in `evt.arg.flags` or `ka.uri.param[command]`.
    Key(Box<str>),
}

/// A field with its argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    id: FieldId,
    argument: Argument,
}

static BY_NAME: LazyLock<HashMap<&'static str, FieldId>> =
    LazyLock::new(|| FIELDS.iter().zip(0..).map(|(row, number)| (row.name, FieldId(number))).collect());

impl FieldId {
    /// The field of exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// Every field, by subject.
    ///
    /// # Panics
    /// Never: the table is short.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..FIELDS.len()).map(|number| Self(u16::try_from(number).expect("the table is short")))
    }

    fn row(self) -> &'static Row {
        &FIELDS[usize::from(self.0)]
    }

    fn has(self, flag: u16) -> bool {
        self.row().flags & flag != 0
    }

    /// A number below [`FieldId::all`]'s length, for tables by field.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its name, without argument.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its type; [`Kind::Dynamic`] where the argument decides.
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// What it means.
    pub fn description(self) -> &'static str {
        self.row().description
    }

    /// Whether events of this source have it.
    pub fn is_of(self, source: Source) -> bool {
        self.has(match source {
            Source::Syscall => SC,
            Source::K8sAudit => KA,
        })
    }

    /// Whether it has several values.
    pub fn is_list(self) -> bool {
        self.has(LIST)
    }

    /// Whether rules should not use it any more.
    pub fn is_deprecated(self) -> bool {
        self.has(DEPRECATED)
    }

    /// Whether an argument may follow, and whether it must.
    pub fn argument_rule(self) -> ArgumentRule {
        ArgumentRule { index: self.has(INDEX), key: self.has(KEY), required: self.has(REQUIRED) }
    }
}

/// What may follow a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentRule {
    /// A number may.
    pub index: bool,
    /// A text may.
    pub key: bool,
    /// One of them must.
    pub required: bool,
}

impl Field {
    /// Resolves a name and what stood in brackets after it, for events of a source.
    ///
    /// # Errors
    /// [`FieldError`] if the source has no such field, or the argument does not fit it.
    pub fn resolve(name: &str, argument: Option<&str>, source: Source) -> Result<Self, FieldError> {
        let (id, dotted) = split(name).ok_or_else(|| unknown(name, source))?;
        if !id.is_of(source) {
            return Err(FieldError::OtherSource { name: name.to_owned(), source_name: source.name() });
        }
        let argument = parse_argument(id, dotted.or(argument))?;
        let field = Self { id, argument };
        field.check_argument()?;
        Ok(field)
    }

    /// The longest field at the start of a text, and its length: what follows `%` in a template.
    ///
    /// # Errors
    /// [`FieldError`] if there is none.
    pub fn at_start(text: &str, source: Source) -> Result<(Self, usize), FieldError> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let length = text.find(|c| !is_part(c)).unwrap_or(text.len());
        let word = &text[..length.min(MAX_NAME)];
        if let Some((id, Some(key))) = split(word)
            && id.is_of(source)
        {
            // A sentence may end behind the field: its dot is no part of the name.
            let trimmed = word.trim_end_matches('.');
            let written = if trimmed.len() > id.name().len() { trimmed } else { word };
            return Self::resolve(written, None, source)
                .map(|field| (field, written.len()))
                .map_err(|error| if key.is_empty() { unknown(word, source) } else { error });
        }
        let (id, length) = longest_prefix(word, source).ok_or_else(|| unknown(word, source))?;
        let Some(inside) = text[length..].strip_prefix('[') else {
            return Self::resolve(id.name(), None, source).map(|field| (field, length));
        };
        let end =
            inside.find(']').ok_or_else(|| FieldError::MissingArgument { name: id.name().to_owned() })?;
        let written = inside[..end].trim_matches(['"', '\'']);
        Self::resolve(id.name(), Some(written), source).map(|field| (field, length + end + 2))
    }

    /// A field without argument.
    pub fn plain(id: FieldId) -> Self {
        Self { id, argument: Argument::None }
    }

    /// The row of the field table.
    pub const fn id(&self) -> FieldId {
        self.id
    }

    /// What follows the name.
    pub const fn argument(&self) -> &Argument {
        &self.argument
    }

    /// The text that follows the name.
    pub fn key(&self) -> Option<&str> {
        match &self.argument {
            Argument::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The number that follows the name.
    pub const fn number(&self) -> Option<u32> {
        match self.argument {
            Argument::Index(number) => Some(number),
            _ => None,
        }
    }

    /// The type of its values.
    pub fn kind(&self) -> Kind {
        match (self.id.kind(), self.key()) {
            (Kind::Dynamic, Some(parameter)) => EventType::parameter_kind(parameter).unwrap_or(Kind::Charbuf),
            (kind, _) => kind,
        }
    }

    /// How many values it has, and how comparisons take them.
    pub fn shape(&self) -> Shape {
        if self.id.has(LIST) {
            Shape::List
        } else if self.id.has(ENDS) {
            Shape::Ends
        } else if self.id.has(LINEAGE) && self.argument == Argument::None {
            Shape::Lineage
        } else {
            Shape::One
        }
    }

    /// Whether transformers and the right side of a comparison take it.
    pub fn is_transformable(&self) -> bool {
        !self.id.has(PLAIN) && matches!(self.shape(), Shape::One | Shape::List)
    }

    fn check_argument(&self) -> Result<(), FieldError> {
        let name = self.id.name();
        let Some(key) = self.key() else { return Ok(()) };
        let argument = key.to_owned();
        match name {
            "evt.arg" | "evt.rawarg" if EventType::parameter_kind(key).is_none() => {
                let near = EventType::near_parameter(key);
                Err(FieldError::UnknownParameter { name: name.to_owned(), argument, near })
            }
            "evt.type.is" if EventType::from_name(key).is_none() => {
                Err(FieldError::UnknownEvent { near: EventType::near(key), argument })
            }
            _ => Ok(()),
        }
    }
}

/// Longer words are no names: looking for one in them would cost their square.
const MAX_NAME: usize = 256;

/// The field of a dotted name, and the part that is its argument.
fn split(name: &str) -> Option<(FieldId, Option<&str>)> {
    if name.len() > MAX_NAME {
        return None;
    }
    if let Some(id) = FieldId::from_name(name) {
        return Some((id, None));
    }
    name.rmatch_indices('.').find_map(|(dot, _)| {
        let id = FieldId::from_name(&name[..dot])?;
        id.has(DOTTED).then(|| (id, Some(&name[dot + 1..])))
    })
}

/// The longest field whose name the text begins with, and its length.
fn longest_prefix(word: &str, source: Source) -> Option<(FieldId, usize)> {
    (1..=word.len()).rev().find_map(|length| {
        let id = FieldId::from_name(word.get(..length)?)?;
        id.is_of(source).then_some((id, length))
    })
}

fn parse_argument(id: FieldId, written: Option<&str>) -> Result<Argument, FieldError> {
    let name = || id.name().to_owned();
    let rule = id.argument_rule();
    let Some(written) = written else {
        return if rule.required {
            Err(FieldError::MissingArgument { name: name() })
        } else {
            Ok(Argument::None)
        };
    };
    let is_number = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    match (rule.index, rule.key) {
        (true, _) if is_number => written
            .parse()
            .map(Argument::Index)
            .map_err(|_| FieldError::NotAnIndex { name: name(), argument: written.to_owned() }),
        (_, true) if !written.is_empty() => Ok(Argument::Key(written.into())),
        (true, _) => Err(FieldError::NotAnIndex { name: name(), argument: written.to_owned() }),
        (false, true) => Err(FieldError::MissingArgument { name: name() }),
        (false, false) => Err(FieldError::UnexpectedArgument { name: name(), argument: written.to_owned() }),
    }
}

fn unknown(name: &str, source: Source) -> FieldError {
    let names = FieldId::all().filter(|id| id.is_of(source)).map(FieldId::name);
    FieldError::Unknown { name: name.to_owned(), near: nearest(name, names).map(str::to_owned) }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.id.name();
        match &self.argument {
            Argument::None => f.write_str(name),
            Argument::Index(number) => write!(f, "{name}[{number}]"),
            Argument::Key(key) if self.id.has(DOTTED) && !key.contains(['/', '-', '.']) => {
                write!(f, "{name}.{key}")
            }
            Argument::Key(key) => write!(f, "{name}[{key}]"),
        }
    }
}

impl fmt::Debug for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldId({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Field {
        Field::at_start(name, Source::Syscall).unwrap().0
    }

    #[test]
    fn names_in_the_table_are_unique() {
        assert_eq!(BY_NAME.len(), FIELDS.len());
    }

    #[test]
    fn arguments_follow_in_brackets_or_after_a_dot() {
        assert_eq!(field("proc.aname[2]").number(), Some(2));
        assert_eq!(field("evt.arg.flags").key(), Some("flags"));
        assert_eq!(field("evt.arg[flags]"), field("evt.arg.flags"));
        assert_eq!(field("evt.arg[0]").number(), Some(0));
        assert_eq!(field("container.mount.dest[/proc*]").to_string(), "container.mount.dest[/proc*]");
        assert_eq!(field("evt.arg.flags").to_string(), "evt.arg.flags");
        assert_eq!(field("evt.rawarg.fd").kind(), Kind::Fd);
    }

    #[test]
    fn shapes_follow_the_argument() {
        assert_eq!(field("proc.aname").shape(), Shape::Lineage);
        assert_eq!(field("proc.aname[1]").shape(), Shape::One);
        assert_eq!(field("fd.net").shape(), Shape::Ends);
        assert_eq!(field("fd.snet").shape(), Shape::One);
    }

    #[test]
    fn a_template_takes_the_longest_field() {
        let (found, length) = Field::at_start("proc.name.", Source::Syscall).unwrap();
        assert_eq!((found.to_string().as_str(), length), ("proc.name", 9));
        let (found, length) = Field::at_start("proc.aname[2] x", Source::Syscall).unwrap();
        assert_eq!((found.to_string().as_str(), length), ("proc.aname[2]", 13));
        let (found, length) = Field::at_start("evt.arg.flags.", Source::Syscall).unwrap();
        assert_eq!((found.to_string().as_str(), length), ("evt.arg.flags", 13));
        let (found, length) = Field::at_start("jevt.value[/a/b]", Source::K8sAudit).unwrap();
        assert_eq!((found.key(), length), (Some("/a/b"), 16));
    }

    #[test]
    fn refusals_name_the_field_that_was_meant() {
        let error = Field::resolve("proc.nmae", None, Source::Syscall).unwrap_err();
        assert_eq!(error.to_string(), "filter_check called with nonexistent field proc.nmae");
        assert_eq!(error.suggestion().as_deref(), Some("proc.name"));
        let error = Field::resolve("evt.arg.flgas", None, Source::Syscall).unwrap_err();
        assert_eq!(error.suggestion().as_deref(), Some("evt.arg.flags"));
        assert!(Field::resolve("ka.verb", None, Source::Syscall).unwrap_err().is_unknown());
        for (name, argument) in [
            ("evt.arg", None),
            ("proc.name", Some("1")),
            ("proc.aname", Some("x")),
            ("proc.aname", Some("99999999999")),
            ("fd.types", Some("")),
        ] {
            let refused = Field::resolve(name, argument, Source::Syscall);
            assert!(refused.is_err_and(|error| !error.is_unknown()), "{name} {argument:?}");
        }
    }

    #[test]
    fn texts_after_a_percent_sign_never_panic() {
        for text in ["", "é", "proc.näme", "proc.aname[", "evt.arg.", "evt.arg.é", "proc.aname[]", "…"] {
            let _ = Field::at_start(text, Source::Syscall);
        }
    }
}
