//! Exceptions, checked: as many comparisons as fields, operators that exist, fields that the source has.

use crate::event::{Field, Source};
use crate::nearest::nearest;

use super::super::code::Code;
use super::super::condition::{self, Expr, Operand, Operator, Quantifier};
use super::super::diagnostic::{Context, Diagnostic};
use super::super::read::{Entry, ExceptionItem};
use super::super::source_text::{Phrase, Spot};
use super::{Added, RuleInfo, refuse};

/// An exception to a rule.
#[derive(Clone, Debug)]
pub(in super::super) struct Exception {
    pub(in super::super) name: String,
    pub(in super::super) context: Context,
    pub(in super::super) values: Values,
}

/// The fields of an exception, their comparisons, and what they are compared with.
#[derive(Clone, Debug)]
pub(in super::super) enum Values {
    /// One field: one word a value.
    One { field: (String, Spot), comp: String, values: Vec<Entry> },
    /// Several fields: a tuple a value.
    Tuples { fields: Vec<(String, Spot)>, comps: Vec<String>, values: Vec<Entry> },
}

type Checked<T> = Result<T, Option<Diagnostic>>;

fn invalid<T>(message: impl Into<String>, context: &Context, suggestion: Option<String>) -> Checked<T> {
    refuse(Diagnostic::new(Code::Validate, message, context.clone()).suggest(suggestion))
}

impl Exception {
    pub(super) fn new(item: ExceptionItem, source: Option<Source>) -> Checked<Self> {
        let ExceptionItem { name, fields, comps, values, context } = item;
        let values = match fields {
            Some(Entry::Several(fields, _)) => {
                let fields = words(fields, &context)?;
                let comps = match comps {
                    None => vec!["=".to_owned(); fields.len()],
                    Some(Entry::Several(comps, _)) => {
                        words(comps, &context)?.into_iter().map(|(comp, _)| comp).collect()
                    }
                    Some(Entry::One(..)) => {
                        return invalid("Fields and comps lists must have equal length", &context, None);
                    }
                };
                if comps.len() != fields.len() {
                    return invalid("Fields and comps lists must have equal length", &context, None);
                }
                for comp in &comps {
                    check_comparison(comp, &context)?;
                }
                for field in &fields {
                    check_field(field, source, &context)?;
                }
                Values::Tuples { fields, comps, values }
            }
            Some(Entry::One(field, spot)) => {
                let comp = match comps {
                    None => "in".to_owned(),
                    Some(Entry::One(comp, _)) => comp,
                    Some(Entry::Several(..)) => {
                        return invalid("Fields and comps must both be strings", &context, None);
                    }
                };
                let takes_list = comparison(&comp)
                    .is_some_and(|(operator, quantifier)| operator.takes_list() || quantifier.is_some());
                if !takes_list {
                    let message =
                        "When fields is a single value, comps must be one of (in, pmatch, intersects)";
                    return invalid(message, &context, None);
                }
                let field = (field, spot);
                check_field(&field, source, &context)?;
                Values::One { field, comp, values }
            }
            None => {
                let message = "Rule exception item must have fields property with a list of fields";
                return invalid(message, &context, None);
            }
        };
        Ok(Self { name, context, values })
    }
}

impl RuleInfo {
    /// Adds values to an exception, or an exception.
    pub(super) fn append_exception(&mut self, item: ExceptionItem) -> Added {
        let Some(own) = self.exceptions.iter_mut().find(|own| own.name == item.name) else {
            if item.fields.is_none() {
                let message = "Rule exception must have fields property with a list of fields";
                let near = nearest(&item.name, self.exceptions.iter().map(|own| own.name.as_str()));
                let suggestion = near.map(|near| format!("did you mean the exception `{near}`?"));
                return invalid(message, &item.context, suggestion);
            }
            if item.values.is_empty() {
                let message = "Rule exception must have values property with a list of values";
                return invalid(message, &item.context, None);
            }
            self.exceptions.push(Exception::new(item, self.source)?);
            return Ok(());
        };
        for (key, entry) in [("fields", &item.fields), ("comps", &item.comps)] {
            if entry.is_some() {
                let message = format!("Can not append exception {key} to existing exception, only values");
                let refused = Diagnostic::new(Code::Validate, message, item.context.clone());
                return refuse(refused.relate(own.context.spot(), "the exception is defined here"));
            }
        }
        match &mut own.values {
            Values::One { values, .. } | Values::Tuples { values, .. } => values.extend(item.values),
        }
        Ok(())
    }
}

fn words(entries: Vec<Entry>, context: &Context) -> Checked<Vec<(String, Spot)>> {
    let word = |entry| match entry {
        Entry::One(word, spot) => Ok((word, spot)),
        Entry::Several(..) => invalid("Fields and comps must be lists of strings", context, None),
    };
    entries.into_iter().map(word).collect()
}

/// An operator, alone or with a quantifier.
pub(in super::super) fn comparison(comp: &str) -> Option<(Operator, Option<Quantifier>)> {
    if let Some(operator) = Operator::from_name(comp) {
        return Some((operator, None));
    }
    let (operator, quantifier) = comp.split_once(' ')?;
    let operator = Operator::from_name(operator).filter(|operator| operator.takes_text())?;
    let quantifier = Quantifier::ALL.into_iter().find(|q| q.name() == quantifier.trim())?;
    Some((operator, Some(quantifier)))
}

fn check_comparison(comp: &str, context: &Context) -> Checked<()> {
    if comparison(comp).is_some() {
        return Ok(());
    }
    let near =
        nearest(comp, Operator::ALL.map(|(_, word)| word)).map(|near| format!("did you mean `{near}`?"));
    invalid(format!("'{comp}' is not a supported comparison operator"), context, near)
}

/// Checks that the source has a field, or the fields of a function.
fn check_field((text, spot): &(String, Spot), source: Option<Source>, context: &Context) -> Checked<()> {
    let Some(source) = source else { return Ok(()) };
    let message = format!("'{text}' is not a supported filter field");
    let at = context.join("value for", "fields", spot.clone());
    let Ok(Expr::Check(check)) = condition::parse(&format!("{text} exists")) else {
        return invalid(message, &at, None);
    };
    let mut fields = Vec::new();
    collect_fields(&check.left, &mut fields);
    for (name, argument) in fields {
        if let Err(error) = Field::resolve(name, argument, source) {
            let suggestion = error.suggestion().map(|near| format!("did you mean `{near}`?"));
            return invalid(message, &at, suggestion);
        }
    }
    Ok(())
}

/// The fields of an operand with their arguments.
pub(in super::super) fn collect_fields<'o>(
    operand: &'o Operand,
    fields: &mut Vec<(&'o str, Option<&'o str>)>,
) {
    fn of_argument<'o>(argument: &'o condition::Argument, fields: &mut Vec<(&'o str, Option<&'o str>)>) {
        match argument {
            condition::Argument::Operand(operand) => collect_fields(operand, fields),
            condition::Argument::List(_, items) => {
                for item in items {
                    of_argument(item, fields);
                }
            }
            condition::Argument::Number(..) | condition::Argument::Text(_) => {}
        }
    }
    match operand {
        Operand::Field(_, name, argument) => fields.push((name, argument.as_deref())),
        Operand::Call(_, _, arguments, _) => {
            for argument in arguments {
                of_argument(argument, fields);
            }
        }
    }
}

/// The rule's condition with its exceptions: `(condition) and not (…)`, as Falco writes it.
pub(in super::super) fn with_exceptions(rule: &RuleInfo) -> Checked<Phrase> {
    if rule.exceptions.is_empty() {
        return Ok(rule.condition.clone());
    }
    let start = rule.condition.start().unwrap_or_else(|| rule.context.spot()).clone();
    let mut phrase = Phrase::default();
    phrase.push("(", &start);
    phrase.append("", &rule.condition);
    phrase.push(")", &start);
    for exception in &rule.exceptions {
        match &exception.values {
            Values::One { field, comp, values } => push_one(&mut phrase, exception, field, comp, values)?,
            Values::Tuples { fields, comps, values } => {
                push_tuples(&mut phrase, exception, fields, comps, values)?;
            }
        }
    }
    Ok(phrase)
}

fn push_one(
    phrase: &mut Phrase,
    exception: &Exception,
    (field, spot): &(String, Spot),
    comp: &str,
    values: &[Entry],
) -> Checked<()> {
    for (index, value) in values.iter().enumerate() {
        let Entry::One(word, at) = value else {
            let message = "Expected values array to contain a list of strings";
            return invalid(message, &exception.context, None);
        };
        match index {
            0 => phrase.push(&format!(" and not ({field} {comp} ("), spot),
            _ => phrase.push(", ", at),
        }
        phrase.push(&word_of_list(word), at);
    }
    if let Some(last) = values.last() {
        phrase.push("))", last.spot());
    }
    Ok(())
}

fn push_tuples(
    phrase: &mut Phrase,
    exception: &Exception,
    fields: &[(String, Spot)],
    comps: &[String],
    values: &[Entry],
) -> Checked<()> {
    for (index, tuple) in values.iter().enumerate() {
        let items = match tuple {
            Entry::Several(items, _) if items.len() == fields.len() => items,
            other => {
                let found = if let Entry::Several(items, _) = other { items.len() } else { 1 };
                let at = exception.context.join("exception value", "", other.spot().clone());
                let help = format!("the exception has {} fields, this value {found}", fields.len());
                return invalid("Fields and values lists must have equal length", &at, Some(help));
            }
        };
        phrase.push(if index == 0 { " and not ((" } else { " or (" }, tuple.spot());
        for (k, (((field, spot), comp), value)) in fields.iter().zip(comps).zip(items).enumerate() {
            if k > 0 {
                phrase.push(" and ", value.spot());
            }
            phrase.push(&format!("{field} {comp} "), spot);
            phrase.push(&tuple_value(comp, value), value.spot());
        }
        phrase.push(")", tuple.spot());
    }
    if let Some(last) = values.last() {
        phrase.push(")", last.spot());
    }
    Ok(())
}

fn tuple_value(comp: &str, value: &Entry) -> String {
    match value {
        Entry::Several(items, _) => {
            let words: Vec<String> = items
                .iter()
                .filter_map(|item| match item {
                    Entry::One(word, _) => Some(word_of_list(word)),
                    Entry::Several(..) => None,
                })
                .collect();
            format!("({})", words.join(", "))
        }
        Entry::One(word, _) => {
            let takes_list = comparison(comp)
                .is_some_and(|(operator, quantifier)| operator.takes_list() || quantifier.is_some());
            match takes_list {
                true if word.starts_with('(') => word.clone(),
                true => format!("({})", word_of_list(word)),
                false => quoted_where_needed(word),
            }
        }
    }
}

/// A word as an item of a list in a condition: as it is where it reads as items, else in quotes.
pub(in super::super) fn word_of_list(word: &str) -> String {
    let has_blank = word.contains(char::is_whitespace);
    let reads = !has_blank && condition::parse_list_items(word).is_ok();
    if reads || word.starts_with(['"', '\'']) { word.to_owned() } else { quoted(word) }
}

/// A word as a value in a condition: as it is where it reads as one, else in quotes.
///
/// Words in quotes, and functions such as `toupper(proc.pname)`, stay as they are.
fn quoted_where_needed(word: &str) -> String {
    let has_blank = word.contains(char::is_whitespace);
    let reads = !has_blank && condition::parse(&format!("a.a = {word}")).is_ok();
    if reads || word.starts_with(['"', '\'']) { word.to_owned() } else { quoted(word) }
}

fn quoted(word: &str) -> String {
    let literal =
        condition::Literal { place: condition::Place(0), bytes: word.as_bytes().to_vec(), is_quoted: true };
    let mut written = String::new();
    // Writing into a string cannot fail.
    let _ = condition::write_literal(&mut written, &literal);
    written
}
