//! From one comparison as it is written to a node of the graph: names resolved, types checked.

use crate::event::{Class, EventType, Field, FieldError, FieldId, Kind, Shape, Source};

use super::super::computed::Side;
use super::super::condition::{Check, Literal, Operand, Operator, Place, Right, write_check};
use super::super::dag::{Dag, NodeId, TooDeep};
use super::super::predicate::{self, Order, Predicate, Refusal};
use super::super::test::{Comparison, Mode, Test, counts_from_one, fixed_value};
use super::operand::{Typed, resolve_operand};

/// Why a comparison does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckError {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
    pub(super) place: Place,
    /// A field or event type is unknown, which `skip-if-unknown-filter` forgives.
    pub(super) is_unknown: bool,
}

impl CheckError {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { message: message.into(), suggestion: None, place, is_unknown: false }
    }

    pub(super) fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    pub(super) fn of_field(place: Place, error: &FieldError) -> Self {
        let suggestion = match error {
            FieldError::OtherSource { name, .. } => other_source(name),
            other => other.suggestion().map(|near| format!("did you mean `{near}`?")),
        };
        Self { message: error.to_string(), suggestion, place, is_unknown: error.is_unknown() }
    }

    pub(super) fn of_depth(place: Place, _: TooDeep) -> Self {
        Self::new(place, "the condition is nested too deep once its macros are expanded")
    }
}

/// Compiles a comparison into the graph of its source.
pub(super) fn compile_check(check: &Check, source: Source, dag: &mut Dag) -> Result<NodeId, CheckError> {
    let deep = |error| CheckError::of_depth(check.place, error);
    let mut written = String::new();
    // Writing into a string cannot fail.
    let _ = write_check(&mut written, check);
    if let Some(known) = dag.find_test(&written) {
        return known.map_err(deep);
    }
    let left = resolve_operand(&check.left, source)?;
    if let Side::Field(field) = &left.side
        && field.id().name() == "evt.around"
    {
        return around(check, field, source, dag);
    }
    let comparison = match &check.right {
        Some(Right::Operand(right)) => sides(check, left, right, source)?,
        constants => with_constants(check, left, constants.as_ref())?,
    };
    if let Some(truth) = decided(&comparison, source) {
        return dag.constant(truth).map_err(deep);
    }
    dag.add_test(written.clone(), Test { written, comparison }).map_err(deep)
}

/// What to do about a field that events of another source have.
fn other_source(name: &str) -> Option<String> {
    let has = |source: &Source| {
        let known = Field::resolve(name, None, *source);
        !known.is_err_and(|error| error.is_unknown())
    };
    let source = Source::ALL.into_iter().find(has)?;
    Some(format!("events of source {source} have it: add `source: {source}` to the rule if it is about them"))
}

fn constants(right: Option<&Right>) -> &[Literal] {
    match right {
        Some(Right::Value(literal)) => std::slice::from_ref(literal),
        Some(Right::List(_, items)) => items,
        Some(Right::Operand(_)) | None => &[],
    }
}

fn with_constants(check: &Check, left: Typed, right: Option<&Right>) -> Result<Comparison, CheckError> {
    let constants = constants(right);
    let place = match right {
        Some(Right::Value(literal)) => literal.place,
        Some(Right::List(place, _)) => *place,
        _ => check.place,
    };
    let refused = |place: Place| {
        let (kind, is_list) = (left.kind, left.is_list);
        move |refusal: Refusal| {
            let help = match refusal {
                Refusal::Operator { .. } => {
                    let words = predicate::operators_of(kind.class(), is_list).iter().map(|o| o.name());
                    Some(format!("use one of {}", words.collect::<Vec<_>>().join(", ")))
                }
                _ => None,
            };
            CheckError::new(place, refusal.to_string()).suggest(help)
        }
    };
    predicate::fits(check.operator, left.kind, left.is_list).map_err(refused(check.place))?;
    if let Side::Field(field) = &left.side {
        check_event_types(field, constants)?;
    }
    let predicate =
        predicate::build(check.operator, check.quantifier, constants, left.kind).map_err(refused(place))?;
    Ok(match left.side {
        Side::Field(field) => {
            let mode = Mode::of(field.shape(), check.operator);
            Comparison::Field(field, predicate, mode)
        }
        Side::Computed(computed) => Comparison::Computed(computed, predicate),
    })
}

/// Names that `evt.type` and `syscall.type` are compared with must be names of events.
fn check_event_types(field: &Field, constants: &[Literal]) -> Result<(), CheckError> {
    if !matches!(field.id().name(), "evt.type" | "syscall.type") {
        return Ok(());
    }
    for constant in constants {
        let name = constant.text();
        let is_pattern = name.contains(['*', '?', '[']);
        if !is_pattern && EventType::from_name(&name).is_none() {
            let suggestion = EventType::near(&name).map(|near| format!("did you mean `{near}`?"));
            let mut error =
                CheckError::new(constant.place, format!("filter error: unknown event type {name}"));
            error.is_unknown = true;
            return Err(error.suggest(suggestion));
        }
    }
    Ok(())
}

/// `evt.around[T]=D`: at most D milliseconds before or after T.
fn around(check: &Check, field: &Field, source: Source, dag: &mut Dag) -> Result<NodeId, CheckError> {
    let refused = |expected: &str| {
        CheckError::new(
            check.place,
            format!(
                "filter error: {expected} in `evt.around[T]=D`, T a raw time in nanoseconds, D milliseconds"
            ),
        )
    };
    if check.operator != Operator::Eq {
        return Err(refused("only `=` compares"));
    }
    let number = |text: &str| text.parse::<i128>().map_err(|_| refused("both are whole numbers"));
    let middle = match field.number() {
        Some(number) => i128::from(number),
        None => number(field.key().unwrap_or_default())?,
    };
    let [distance] = constants(check.right.as_ref()) else { return Err(refused("one number follows")) };
    let distance = number(&distance.text())?.saturating_mul(1_000_000);
    let rawtime = FieldId::from_name("evt.rawtime").expect("the field table has evt.rawtime");
    let mut bound = |order: Order, at: i128, word: &str| {
        let field = Field::plain(rawtime);
        debug_assert!(rawtime.is_of(source));
        let comparison = Comparison::Field(field, Predicate::Integer(order, at), Mode::One);
        let written = format!("evt.rawtime {word} {at}");
        dag.add_test(written.clone(), Test { written, comparison })
    };
    let after = bound(Order::AtLeast, middle.saturating_sub(distance), ">=");
    let before = bound(Order::AtMost, middle.saturating_add(distance), "<=");
    let bounds = after.and_then(|after| Ok(vec![after, before?]));
    bounds.and_then(|bounds| dag.and(bounds)).map_err(|error| CheckError::of_depth(check.place, error))
}

/// Compares a field with a field, or with what functions make of one.
fn sides(check: &Check, left: Typed, right: &Operand, source: Source) -> Result<Comparison, CheckError> {
    let refused = |message: String| CheckError::new(right.place(), format!("filter error: {message}"));
    let resolved = resolve_operand(right, source)?;
    for side in [&left.side, &resolved.side] {
        if let Side::Field(field) = side
            && !field.is_transformable()
        {
            return Err(refused(format!("field '{field}' cannot be compared with another field")));
        }
    }
    if matches!(check.operator, Operator::Pmatch | Operator::Regex) || check.quantifier.is_some() {
        return Err(refused(format!("operator '{}' takes only constants", check.operator.name())));
    }
    predicate::fits(check.operator, left.kind, left.is_list)
        .map_err(|refusal| CheckError::new(check.place, refusal.to_string()))?;
    let describe = |typed: &Typed| {
        if typed.is_list { format!("a list of {}", typed.kind) } else { typed.kind.to_string() }
    };
    let comparable = |class: Class| if class == Class::Bytes { Class::Text } else { class };
    if comparable(left.kind.class()) != comparable(resolved.kind.class()) || left.is_list != resolved.is_list
    {
        let (one, other) = (describe(&left), describe(&resolved));
        return Err(refused(format!("both sides must have the same type, found {one} and {other}")));
    }
    if left.kind.class() == Class::Network {
        return Err(refused("networks are compared only with constants".to_owned()));
    }
    Ok(Comparison::Sides(left.side, check.operator, resolved.side))
}

/// What a comparison comes to for every event, where that is known: numbers count from 1, only exits are
/// reported.
fn decided(comparison: &Comparison, source: Source) -> Option<bool> {
    let Comparison::Field(field, predicate, Mode::One) = comparison else { return None };
    if let Some(value) = fixed_value(field, source) {
        return Some(predicate.holds(value));
    }
    if !counts_from_one(field) {
        return None;
    }
    below_one(predicate)
}

/// What a predicate comes to for every integer from 1 on, if it is the same for all.
fn below_one(predicate: &Predicate) -> Option<bool> {
    match predicate {
        Predicate::Integer(Order::Equal, at) if *at < 1 => Some(false),
        Predicate::Integer(Order::Less, at) if *at <= 1 => Some(false),
        Predicate::Integer(Order::AtMost, at) if *at < 1 => Some(false),
        Predicate::Integer(Order::AtLeast, at) if *at <= 1 => Some(true),
        Predicate::Integer(Order::Greater, at) if *at < 1 => Some(true),
        Predicate::Integers(wanted) if wanted.iter().all(|at| *at < 1) => Some(false),
        Predicate::Not(inner) => below_one(inner).map(|truth| !truth),
        Predicate::Exists => Some(true),
        _ => None,
    }
}

/// What is probably not meant in a comparison that compiles, each with its place.
pub(super) fn warnings(check: &Check, source: Source) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    let constants = constants(check.right.as_ref());
    for constant in constants {
        let text = constant.text();
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if check.operator == Operator::Regex && is_simple_regex(&bare) {
            let message = format!(
                "regex check with '{text}' may be optimized with simpler operators such as '=', 'contains', 'startswith', 'endswith'"
            );
            found.push((constant.place, message));
        }
        if is_field(&bare, source) {
            found.push((
                constant.place,
                format!("'{text}' may be a valid field misused as a const string value"),
            ));
        }
        if is_call(&bare) {
            found.push((
                constant.place,
                format!("'{text}' may be a valid field transformer misused as a const string value"),
            ));
        }
    }
    found
}

fn is_field(text: &str, source: Source) -> bool {
    if !text.contains('.') {
        return false;
    }
    let (name, argument) = match text.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((name, argument)) => (name, Some(argument)),
        None => (text, None),
    };
    Field::resolve(name, argument, source).is_ok()
}

fn is_call(text: &str) -> bool {
    use super::super::condition::Function;
    let mut functions = Function::ALL.into_iter().chain([Function::Val]);
    functions.any(|function| {
        text.strip_prefix(function.name()).is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'))
    })
}

/// Whether a regular expression asks only for a part of the text, at its beginning, end or anywhere.
fn is_simple_regex(pattern: &str) -> bool {
    let mut middle = pattern.strip_prefix('^').unwrap_or(pattern);
    middle = middle.strip_suffix('$').unwrap_or(middle);
    for any in [".*", ".+", ".?"] {
        middle = middle.strip_prefix(any).unwrap_or(middle);
        middle = middle.strip_suffix(any).unwrap_or(middle);
    }
    !middle.contains(['.', '+', '*', '?', '^', '$', '(', ')', '[', ']', '{', '}', '|', '\\'])
}

/// Whether a comparison asks for `<NA>` of a field of audit events, which never has that value.
pub(super) fn is_unsafe_na(check: &Check) -> bool {
    let Operand::Field(_, name, _) = &check.left else { return false };
    let asks = matches!(
        check.operator,
        Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects | Operator::Pmatch
    );
    (name.starts_with("ka.") || name.starts_with("jevt."))
        && asks
        && constants(check.right.as_ref()).iter().any(|constant| constant.bytes == b"<NA>")
}

/// The deprecated field of a comparison, with what to know about it.
pub(super) fn deprecated_field(check: &Check) -> Option<(&str, &'static str)> {
    let Operand::Field(_, name, _) = &check.left else { return None };
    Some((name, deprecation(name)?))
}

/// Why a field is deprecated, if Falco warns of it.
pub(super) fn deprecation(field: &str) -> Option<&'static str> {
    match field {
        "evt.dir" => Some(
            "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always \
             evaluates to false. The rule expression can be simplified by removing the condition on 'evt.dir'",
        ),
        "evt.latency" | "evt.latency.s" | "evt.latency.ns" | "evt.latency.human" | "evt.wait_latency" => {
            Some("field is not available due to the drop of enter events.")
        }
        _ => None,
    }
}

/// Whether a field compares as one value: what transformers and comparisons of fields ask for.
pub(super) const fn is_single(shape: Shape) -> bool {
    matches!(shape, Shape::One)
}

/// The type of a text that a function makes.
pub(super) const MADE_TEXT: Kind = Kind::Charbuf;
