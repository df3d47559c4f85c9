//! From the text of a condition to its tree.
//!
//! The grammar is Falco's (`libsinsp`), including where it wants blanks and where it does not: word
//! operators such as `contains` need one behind them, `in`, `exists` and symbols do not; `and` and `or` are
//! followed by a blank or a parenthesis.

use super::lexer::Lexer;
use super::{Check, Expr, Literal, Operand, Operator, Place, Quantifier};

/// How deep a condition of a rule may be nested, in steps of Falco's grammar.
pub const MAX_DEPTH: u32 = 1000;

/// Steps of Falco's grammar that a parenthesis takes.
const STEPS_A_LEVEL: usize = 5;

/// How deep functions may be nested.
const MAX_CALLS: u32 = 100;

/// Why a text is no condition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The byte at which the parser stopped.
    pub offset: usize,
    /// What it expected.
    pub message: String,
}

impl ParseError {
    pub(super) const fn new(offset: usize, message: String) -> Self {
        Self { offset, message }
    }
}

/// Reads a condition as rules have them.
///
/// # Errors
/// [`ParseError`] where the text departs from the grammar, or is nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    parse_with_depth(text, MAX_DEPTH)
}

/// Reads a condition that is nested less than `max_depth` steps of the grammar.
///
/// # Errors
/// [`ParseError`] where the text departs from the grammar, or is nested deeper.
pub fn parse_with_depth(text: &str, max_depth: u32) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text, max_depth)?;
    let expr = parser.expression()?;
    if parser.lexer.is_at_end() {
        return Ok(expr);
    }
    let message = format!("unexpected token after '{}', expecting 'or', 'and'", parser.lexer.last());
    Err(parser.error(message))
}

/// Reads what stands between the parentheses of a list: an item of a rule file's list, which may be several.
///
/// # Errors
/// [`ParseError`] where an item is neither quoted nor a bare word.
pub(crate) fn parse_list_items(text: &str) -> Result<Vec<Literal>, ParseError> {
    let mut parser = Parser::new(text, MAX_DEPTH)?;
    let items = parser.list_items()?;
    if parser.lexer.is_at_end() { Ok(items) } else { Err(parser.error("expected ',' or the end".to_owned())) }
}

/// Reads a function with its arguments at the beginning of a text, and how many bytes it takes.
///
/// `None` where the text does not begin with a function.
///
/// # Errors
/// [`ParseError`] where its arguments depart from the grammar.
pub(crate) fn parse_call(text: &str) -> Option<Result<(Operand, usize), ParseError>> {
    let mut parser = Parser::new(text, MAX_DEPTH).ok()?;
    match parser.call() {
        Ok(None) => None,
        Ok(Some(call)) => Some(Ok((call, parser.lexer.at()))),
        Err(error) => Some(Err(error)),
    }
}

pub(super) struct Parser<'s> {
    pub(super) lexer: Lexer<'s>,
    depth: u32,
    max_depth: u32,
}

pub(super) type Parsed<T> = Result<T, ParseError>;

impl<'s> Parser<'s> {
    fn new(text: &'s str, max_depth: u32) -> Parsed<Self> {
        if text.is_empty() {
            return Err(ParseError::new(0, "filter input string is empty".to_owned()));
        }
        if let Some(nul) = text.find('\0') {
            return Err(ParseError::new(nul, "unexpected NUL character".to_owned()));
        }
        Ok(Self { lexer: Lexer::new(text.as_bytes()), depth: 0, max_depth })
    }

    pub(super) fn error(&self, message: String) -> ParseError {
        ParseError::new(self.lexer.at(), message)
    }

    pub(super) fn place(&self) -> Place {
        Place(u32::try_from(self.lexer.at()).unwrap_or(u32::MAX))
    }

    /// Reads what stands inside the parentheses of a function.
    pub(super) fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_CALLS {
            return Err(self.error(format!("exceeded max depth limit of {MAX_CALLS}")));
        }
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// The whole condition. Parentheses are kept on a stack of our own: a condition may open many.
    fn expression(&mut self) -> Parsed<Expr> {
        let mut outer: Vec<Level> = Vec::new();
        let mut level = Level::new(self.place());
        loop {
            let is_opened = self.negations_and_opening(&mut level);
            if is_opened {
                self.check_depth(outer.len() + 1)?;
                outer.push(std::mem::replace(&mut level, Level::new(self.place())));
                continue;
            }
            let mut operand = self.leaf()?;
            // What ends here: the operand, and every parenthesis that closes behind it.
            loop {
                level.add(operand);
                match self.connective(&mut level)? {
                    Connective::Blank => break,
                    Connective::Opening => {
                        self.check_depth(outer.len() + 1)?;
                        outer.push(std::mem::replace(&mut level, Level::new(self.place())));
                        break;
                    }
                    Connective::None => {}
                }
                let ended = level.finish();
                let Some(enclosing) = outer.pop() else { return Ok(ended) };
                self.expect_closing("expected a ')' token")?;
                operand = ended;
                level = enclosing;
            }
        }
    }

    /// Takes `not`s, and the parenthesis that opens behind them if one does.
    fn negations_and_opening(&mut self, level: &mut Level) -> bool {
        self.lexer.take_blanks();
        level.not_place = self.place();
        while self.lexer.take_word_before_blank("not") {
            self.lexer.take_blanks();
            level.is_negated = !level.is_negated;
        }
        if self.lexer.take_word("not(") {
            level.is_negated = !level.is_negated;
            return true;
        }
        self.lexer.take_blanks();
        self.lexer.take_word("(")
    }

    /// Takes `and` or `or` and what must follow it.
    fn connective(&mut self, level: &mut Level) -> Parsed<Connective> {
        self.lexer.take_blanks();
        // What stands in parentheses directly behind `or` is a whole operand of it, as in Falco's grammar.
        let word = if !level.is_operand_of_or && self.lexer.take_word("and") {
            "and"
        } else if self.lexer.take_word("or") {
            level.finish_and();
            "or"
        } else {
            return Ok(Connective::None);
        };
        level.is_operand_of_or = false;
        if self.lexer.take_blanks() {
            return Ok(Connective::Blank);
        }
        if self.lexer.take_word("(") {
            level.is_operand_of_or = word == "or";
            return Ok(Connective::Opening);
        }
        Err(self.error(format!("expected blank or '(' after '{word}'")))
    }

    fn check_depth(&self, levels: usize) -> Parsed<()> {
        if levels * STEPS_A_LEVEL < self.max_depth as usize {
            return Ok(());
        }
        Err(self.error(format!("exceeded max depth limit of {}", self.max_depth)))
    }

    pub(super) fn expect_closing(&mut self, message: &str) -> Parsed<()> {
        if self.lexer.take_word(")") { Ok(()) } else { Err(self.error(message.to_owned())) }
    }

    /// A comparison, or the name of a macro.
    fn leaf(&mut self) -> Parsed<Expr> {
        let place = self.place();
        if let Some(name) = self.lexer.take_field_name() {
            let left = self.field(place, name)?;
            return self.condition(place, left);
        }
        if let Some(left) = self.call()? {
            return self.condition(place, left);
        }
        match self.lexer.take_identifier() {
            Some(name) => Ok(Expr::Macro(place, name)),
            None => Err(self.error("expected a '(' token, a field check, or an identifier".to_owned())),
        }
    }

    /// The operator and the right side of a comparison.
    fn condition(&mut self, place: Place, left: Operand) -> Parsed<Expr> {
        self.lexer.take_blanks();
        let operator = self.operator()?;
        let mut quantifier = None;
        let right = match operator {
            Operator::Exists => None,
            _ if operator.takes_number() => Some(self.number_or_operand()?),
            _ if operator.takes_list() => Some(self.list_or_operand()?),
            _ => {
                quantifier = self.quantifier();
                Some(match quantifier {
                    Some(_) => self.list_or_name()?,
                    None => self.text_or_operand()?,
                })
            }
        };
        Ok(Expr::Check(Box::new(Check { place, left, operator, quantifier, right })))
    }

    fn operator(&mut self) -> Parsed<Operator> {
        for (operator, word) in Operator::ALL {
            let needs_blank = operator.takes_text() && word.as_bytes()[0].is_ascii_alphabetic();
            let found = if needs_blank {
                self.lexer.take_word_before_blank(word)
            } else {
                self.lexer.take_word(word)
            };
            if found {
                return Ok(operator);
            }
        }
        let words = Operator::ALL.map(|(_, word)| word);
        Err(self.error(format!("expected a valid check operator: one of {}", quoted(words))))
    }

    /// A quantifier: blanks on both sides, and a list or its name behind it. Anything else is a text.
    fn quantifier(&mut self) -> Option<Quantifier> {
        let start = self.lexer.at();
        if self.lexer.take_blanks() {
            for quantifier in Quantifier::ALL {
                if !self.lexer.take_word_before_blank(quantifier.name()) {
                    continue;
                }
                self.lexer.take_blanks();
                let before = self.lexer.at();
                let is_list = self.lexer.peek() == Some(b'(');
                let name = self.lexer.take_identifier();
                self.lexer.back_to(before);
                if is_list || name.is_some_and(|name| !matches!(name.as_str(), "and" | "or")) {
                    return Some(quantifier);
                }
                break;
            }
        }
        self.lexer.back_to(start);
        None
    }
}

/// What follows an operand.
enum Connective {
    /// `and` or `or`, and a blank.
    Blank,
    /// `and` or `or`, and a parenthesis.
    Opening,
    /// Neither.
    None,
}

/// What was read between two parentheses, or of the whole condition.
struct Level {
    place: Place,
    /// Where the operands of the current `and` begin.
    and_place: Place,
    not_place: Place,
    or_operands: Vec<Expr>,
    and_operands: Vec<Expr>,
    is_negated: bool,
    /// The next operand stands in parentheses directly behind `or`.
    is_operand_of_or: bool,
}

impl Level {
    const fn new(place: Place) -> Self {
        Self {
            place,
            and_place: place,
            not_place: place,
            or_operands: Vec::new(),
            and_operands: Vec::new(),
            is_negated: false,
            is_operand_of_or: false,
        }
    }

    fn add(&mut self, operand: Expr) {
        if self.and_operands.is_empty() {
            self.and_place = self.not_place;
        }
        let is_negated = std::mem::take(&mut self.is_negated);
        self.and_operands.push(if is_negated {
            Expr::Not(self.not_place, Box::new(operand))
        } else {
            operand
        });
    }

    fn finish_and(&mut self) {
        let operands = std::mem::take(&mut self.and_operands);
        let place = self.and_place;
        self.or_operands.push(one_or(operands, |operands| Expr::And(place, operands)));
    }

    fn finish(mut self) -> Expr {
        self.finish_and();
        let place = self.place;
        one_or(self.or_operands, |operands| Expr::Or(place, operands))
    }
}

fn one_or(mut children: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match children.pop() {
        Some(only) if children.is_empty() => only,
        last => {
            children.extend(last);
            many(children)
        }
    }
}

pub(super) fn quoted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
