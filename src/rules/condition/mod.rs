//! Conditions: their syntax, read and written.
//!
//! Data in: the text of a condition. Data out: its tree, in which every node knows where it stood. What the
//! names mean, and whether operators fit their fields, is decided when the tree is compiled.

mod json;
mod lexer;
mod parser;
mod print;
mod sides;

pub(crate) use lexer::{is_bare, is_identifier};
pub use parser::{MAX_DEPTH, ParseError, parse, parse_with_depth};
pub(crate) use parser::{parse_call, parse_list_items};
pub(crate) use print::{write_check, write_literal};

/// A condition, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Place, Vec<Expr>),
    /// Any of them.
    Or(Place, Vec<Expr>),
    /// The opposite.
    Not(Place, Box<Expr>),
    /// The condition of a macro.
    Macro(Place, String),
    /// A comparison.
    Check(Box<Check>),
}

/// Where a node begins: its byte in the condition. All places are equal, so that trees compare by meaning.
#[derive(Clone, Copy, Debug, Default, Eq)]
pub struct Place(pub u32);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A comparison of a field, or of what a function makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Where it begins.
    pub place: Place,
    /// What is compared.
    pub left: Operand,
    /// How.
    pub operator: Operator,
    /// How many of the values on the right must compare.
    pub quantifier: Option<Quantifier>,
    /// With what; `None` for `exists`.
    pub right: Option<Right>,
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// One value, or the name of a list.
    Value(Literal),
    /// Values in parentheses.
    List(Place, Vec<Literal>),
    /// Another field, or what a function makes of it.
    Operand(Operand),
}

/// A value as it stands in a condition, escapes resolved.
#[derive(Clone, Debug)]
pub struct Literal {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub bytes: Vec<u8>,
    /// Whether it stood in quotes: only bare words can name a list.
    pub is_quoted: bool,
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Literal {
    /// The value as text, with what is no UTF-8 replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// A field, or what a function makes of its arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A field, with what stood in brackets after it.
    Field(Place, String, Option<String>),
    /// A function of its arguments, with what stood in brackets after it.
    Call(Place, Function, Vec<Argument>, Option<String>),
}

impl Operand {
    /// Where it begins.
    pub const fn place(&self) -> Place {
        match self {
            Self::Field(place, ..) | Self::Call(place, ..) => *place,
        }
    }
}

/// An argument of a function.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A number, as it is written.
    Number(Place, String),
    /// A text in quotes.
    Text(Literal),
    /// Several arguments in parentheses.
    List(Place, Vec<Argument>),
    /// A field or a function.
    Operand(Operand),
}

/// A function of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// The same text in lower case.
    Tolower,
    /// The same text in upper case.
    Toupper,
    /// The text that base64 stands for.
    B64,
    /// What follows the last slash.
    Basename,
    /// The number of bytes or items.
    Len,
    /// The items with a separator between them.
    Join,
    /// The texts one after the other.
    Concat,
    /// The value of a command line option.
    Getopt,
    /// The field itself: what marks a field on the right side.
    Val,
}

impl Function {
    /// The functions that either side may use, in Falco's order.
    pub const ALL: [Self; 8] = [
        Self::Tolower,
        Self::Toupper,
        Self::B64,
        Self::Basename,
        Self::Len,
        Self::Join,
        Self::Concat,
        Self::Getopt,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tolower => "tolower",
            Self::Toupper => "toupper",
            Self::B64 => "b64",
            Self::Basename => "basename",
            Self::Len => "len",
            Self::Join => "join",
            Self::Concat => "concat",
            Self::Getopt => "getopt",
            Self::Val => "val",
        }
    }
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// There is a value.
    Exists,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// A shell pattern, in which `*` also stands for slashes.
    Glob,
    /// A shell pattern without regard to case.
    Iglob,
    /// A part.
    Contains,
    /// A part, without regard to case.
    Icontains,
    /// A part, written in hexadecimal.
    Bcontains,
    /// A beginning.
    Startswith,
    /// A beginning, written in hexadecimal.
    Bstartswith,
    /// An end.
    Endswith,
    /// A regular expression for the whole text.
    Regex,
    /// One of; for lists, all of them.
    In,
    /// Any of a list's values.
    Intersects,
    /// A path below one of.
    Pmatch,
}

impl Operator {
    /// Every operator with its word, in the order in which the parser tries them within each kind.
    pub const ALL: [(Self, &'static str); 20] = [
        (Self::Exists, "exists"),
        (Self::Le, "<="),
        (Self::Lt, "<"),
        (Self::Ge, ">="),
        (Self::Gt, ">"),
        (Self::Eq, "=="),
        (Self::Eq, "="),
        (Self::Ne, "!="),
        (Self::Glob, "glob"),
        (Self::Iglob, "iglob"),
        (Self::Contains, "contains"),
        (Self::Icontains, "icontains"),
        (Self::Bcontains, "bcontains"),
        (Self::Startswith, "startswith"),
        (Self::Bstartswith, "bstartswith"),
        (Self::Endswith, "endswith"),
        (Self::Regex, "regex"),
        (Self::Intersects, "intersects"),
        (Self::In, "in"),
        (Self::Pmatch, "pmatch"),
    ];

    /// The operator of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, word)| *word == name).map(|(operator, _)| operator)
    }

    /// Its word; `=` for equality.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Glob => "glob",
            Self::Iglob => "iglob",
            Self::Contains => "contains",
            Self::Icontains => "icontains",
            Self::Bcontains => "bcontains",
            Self::Startswith => "startswith",
            Self::Bstartswith => "bstartswith",
            Self::Endswith => "endswith",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::Pmatch => "pmatch",
        }
    }

    /// Whether the right side is a list.
    pub const fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::Pmatch)
    }

    /// Whether the right side is a number.
    pub const fn takes_number(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }

    /// Whether the right side is one text, so that a quantifier may stand before several.
    pub const fn takes_text(self) -> bool {
        !self.takes_list() && !self.takes_number() && !matches!(self, Self::Exists)
    }
}

/// How many of several values must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// Exactly one.
    Oneof,
    /// At least one.
    Anyof,
    /// Every one, and there is one.
    Allof,
}

impl Quantifier {
    /// Every quantifier.
    pub const ALL: [Self; 3] = [Self::Oneof, Self::Anyof, Self::Allof];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oneof => "oneof",
            Self::Anyof => "anyof",
            Self::Allof => "allof",
        }
    }
}

impl Expr {
    /// Where it begins.
    pub const fn place(&self) -> Place {
        match self {
            Self::And(place, _) | Self::Or(place, _) | Self::Not(place, _) | Self::Macro(place, _) => *place,
            Self::Check(check) => check.place,
        }
    }

    /// Calls `visit` with every comparison, from left to right.
    pub fn for_each_check<'x>(&'x self, visit: &mut impl FnMut(&'x Check)) {
        match self {
            Self::And(_, children) | Self::Or(_, children) => {
                for child in children {
                    child.for_each_check(visit);
                }
            }
            Self::Not(_, child) => child.for_each_check(visit),
            Self::Macro(..) => {}
            Self::Check(check) => visit(check),
        }
    }

    /// Calls `visit` with every comparison, which it may change.
    pub(crate) fn for_each_check_mut(&mut self, visit: &mut impl FnMut(&mut Check)) {
        match self {
            Self::And(_, children) | Self::Or(_, children) => {
                for child in children {
                    child.for_each_check_mut(visit);
                }
            }
            Self::Not(_, child) => child.for_each_check_mut(visit),
            Self::Macro(..) => {}
            Self::Check(check) => visit(check),
        }
    }

    /// Calls `visit` with every macro that it names, from left to right.
    pub fn for_each_macro<'x>(&'x self, visit: &mut impl FnMut(&'x str, Place)) {
        match self {
            Self::And(_, children) | Self::Or(_, children) => {
                for child in children {
                    child.for_each_macro(visit);
                }
            }
            Self::Not(_, child) => child.for_each_macro(visit),
            Self::Macro(place, name) => visit(name, *place),
            Self::Check(_) => {}
        }
    }
}
