//! Lists in conditions: names replaced by their items, lists inside lists included.
//!
//! Falco replaces the text of a name by the text of the items, wherever it stands between blanks,
//! parentheses, commas and equal signs, even inside quotes, and one level deep. Here a bare word that is a
//! value stands for a list, at any depth; inside quotes it is text.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::nearest::nearest;

use super::super::collect::{Collected, word_of_list};
use super::super::condition::{Check, Expr, Literal, Place, Right, parse_list_items};
use super::super::diagnostic::Context;
use super::super::source_text::Spot;
use super::check::CheckError;

/// Items that all lists together may expand to: lists that each name the one before twice double.
const MAX_ITEMS: usize = 2_000_000;

/// The items of every list that was asked for.
pub(super) struct Lists<'c> {
    collected: &'c Collected,
    expanded: HashMap<usize, Expanded>,
    used: Vec<bool>,
    items: usize,
    /// Where the errors stand that were said.
    said: HashSet<Spot>,
}

type Expanded = Result<Rc<[Literal]>, ListError>;

/// Why a list cannot be expanded.
#[derive(Clone, Debug)]
pub(super) struct ListError {
    pub(super) message: String,
    pub(super) context: Context,
    pub(super) suggestion: Option<String>,
}

impl<'c> Lists<'c> {
    pub(super) fn new(collected: &'c Collected) -> Self {
        let used = vec![false; collected.lists.items().len()];
        Self { collected, expanded: HashMap::new(), used, items: 0, said: HashSet::new() }
    }

    /// Whether any condition or list names a list.
    pub(super) fn is_used(&self, number: usize) -> bool {
        self.used[number]
    }

    /// The number of the list that a literal names.
    fn named(&self, literal: &Literal) -> Option<usize> {
        if literal.is_quoted {
            return None;
        }
        self.collected.lists.number(std::str::from_utf8(&literal.bytes).ok()?)
    }

    /// Expands a list and what it names, without recursion: lists may name each other in long chains.
    fn expand(&mut self, wanted: usize) -> Expanded {
        let collected = self.collected;
        let mut path = vec![(wanted, 0)];
        let mut is_open = HashSet::from([wanted]);
        while let Some((current, next)) = path.last_mut() {
            let current = *current;
            let items = &collected.lists.items()[current].items;
            let is_known = self.expanded.contains_key(&current);
            let rest = if is_known { &[] } else { &items[*next..] };
            let inner = rest.iter().enumerate().find_map(|(at, (text, spot))| {
                let number = self.inner(current, text)?;
                (!self.expanded.contains_key(&number)).then_some((at, number, spot))
            });
            match inner {
                Some((_, number, spot)) if is_open.contains(&number) => {
                    let looped = self.loop_error(current, number, spot);
                    self.expanded.insert(current, Err(looped));
                }
                Some((at, number, _)) => {
                    *next += at + 1;
                    is_open.insert(number);
                    path.push((number, 0));
                    continue;
                }
                None if is_known => {}
                None => {
                    let items = self.join(current);
                    self.expanded.insert(current, items);
                }
            }
            is_open.remove(&current);
            path.pop();
        }
        self.expanded[&wanted].clone()
    }

    /// The list before it that an item of a list names.
    fn inner(&self, list: usize, text: &str) -> Option<usize> {
        let number = self.collected.lists.number(text)?;
        let (inner, outer) = (&self.collected.lists.items()[number], &self.collected.lists.items()[list]);
        (inner.index < outer.visibility).then_some(number)
    }

    fn loop_error(&self, current: usize, number: usize, spot: &Spot) -> ListError {
        let lists = self.collected.lists.items();
        ListError {
            message: format!("reference loop in list '{}'", lists[number].name),
            context: lists[current].context.join("list item", "", spot.clone()),
            suggestion: Some("remove the name of the list from the items of one of them".to_owned()),
        }
    }

    fn join(&mut self, number: usize) -> Expanded {
        let list = &self.collected.lists.items()[number];
        let refuse = |message: String, suggestion: Option<String>, spot: &Spot| {
            let context = list.context.join("list item", "", spot.clone());
            Err(ListError { message, context, suggestion })
        };
        let mut items: Vec<Literal> = Vec::with_capacity(list.items.len());
        for (text, spot) in &list.items {
            if let Some(inner) = self.inner(number, text) {
                self.used[inner] = true;
                match &self.expanded[&inner] {
                    Ok(inner) => items.extend_from_slice(inner),
                    Err(error) => return Err(error.clone()),
                }
            } else {
                match parse_list_items(&word_of_list(text)) {
                    Ok(words) => items.extend(words),
                    Err(error) => {
                        let help = format!("quote it for the condition: '\"{text}\"'");
                        return refuse(
                            format!("a condition cannot have the item {text}: {error}"),
                            Some(help),
                            spot,
                        );
                    }
                }
            }
            if self.items + items.len() > MAX_ITEMS {
                return refuse(format!("lists expand to more than {MAX_ITEMS} items"), None, spot);
            }
        }
        self.items += items.len();
        Ok(items.into())
    }

    /// Replaces the names of lists in a condition by their items.
    ///
    /// Errors are the first's; the condition is left half replaced then.
    pub(super) fn resolve(&mut self, expr: &mut Expr) -> Result<(), ResolveError> {
        let mut result = Ok(());
        expr.for_each_check_mut(&mut |check| {
            if result.is_ok() {
                result = self.resolve_check(check);
            }
        });
        result
    }

    fn resolve_check(&mut self, check: &mut Check) -> Result<(), ResolveError> {
        let wants_list = check.operator.takes_list() || check.quantifier.is_some();
        match &mut check.right {
            Some(Right::List(_, items)) => {
                if items.iter().any(|item| self.named(item).is_some()) {
                    *items = self.resolve_items(items)?;
                }
            }
            Some(Right::Value(literal)) => {
                let (place, text) = (literal.place, literal.text().into_owned());
                let Some(number) = self.named(literal) else {
                    if check.quantifier.is_some() {
                        let near = nearest(&text, self.collected.lists.names());
                        let suggestion = near.map(|near| format!("did you mean `{near}`?"));
                        let message = format!("filter error: unknown list '{text}'");
                        return Err(ResolveError::Check(CheckError::new(place, message).suggest(suggestion)));
                    }
                    return Ok(());
                };
                let items = self.items_of(number)?;
                match &items[..] {
                    _ if wants_list => check.right = Some(Right::List(place, items.to_vec())),
                    [only] => *literal = Literal { place, ..only.clone() },
                    several => {
                        let message = format!(
                            "filter error: '{text}' is a list of {} items where one value is compared",
                            several.len()
                        );
                        let help =
                            format!("write `in ({text})`, or put the value into quotes if no list is meant");
                        return Err(ResolveError::Check(CheckError::new(place, message).suggest(Some(help))));
                    }
                }
            }
            Some(Right::Operand(_)) | None => {}
        }
        Ok(())
    }

    fn resolve_items(&mut self, items: &[Literal]) -> Result<Vec<Literal>, ResolveError> {
        let mut resolved = Vec::with_capacity(items.len());
        for item in items {
            match self.named(item) {
                Some(number) => {
                    let place: Place = item.place;
                    let items = self.items_of(number)?;
                    resolved.extend(items.iter().map(|item| Literal { place, ..item.clone() }));
                }
                None => resolved.push(item.clone()),
            }
        }
        Ok(resolved)
    }

    fn items_of(&mut self, number: usize) -> Result<Rc<[Literal]>, ResolveError> {
        self.used[number] = true;
        self.expand(number).map_err(|error| {
            // The next one who asks need not hear it again.
            let is_first = self.said.insert(error.context.spot().clone());
            ResolveError::List(is_first.then(|| Box::new(error)))
        })
    }
}

/// Why a condition's lists cannot be replaced.
pub(super) enum ResolveError {
    /// The condition's fault.
    Check(CheckError),
    /// A list's fault, unless it was said before.
    List(Option<Box<ListError>>),
}
