//! Conditions as text: one way to write each, which reads back as the same tree.

use std::fmt::{self, Write};

use super::lexer::{is_bare, is_bare_argument};
use super::{Argument, Check, Expr, Literal, Operand, Quantifier, Right};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_, children) => write_children(f, children, " and "),
            Self::Or(_, children) => write_children(f, children, " or "),
            Self::Not(_, child) => match **child {
                // Two negations in a row would be folded into none.
                Self::Not(..) => write!(f, "not ({child})"),
                _ => write!(f, "not {child}"),
            },
            Self::Macro(_, name) => f.write_str(name),
            Self::Check(check) => write_check(f, check),
        }
    }
}

fn write_children(f: &mut fmt::Formatter<'_>, children: &[Expr], connective: &str) -> fmt::Result {
    f.write_char('(')?;
    for (index, child) in children.iter().enumerate() {
        if index > 0 {
            f.write_str(connective)?;
        }
        write!(f, "{child}")?;
    }
    f.write_char(')')
}

/// Writes one comparison.
pub(crate) fn write_check(out: &mut impl Write, check: &Check) -> fmt::Result {
    write_operand(out, &check.left)?;
    write!(out, " {}", check.operator.name())?;
    if let Some(quantifier) = check.quantifier {
        write!(out, " {}", quantifier.name())?;
    }
    match &check.right {
        None => Ok(()),
        // A list's name: in quotes it would be a value.
        Some(Right::Value(name)) if check.quantifier.is_some() => write!(out, " {}", name.text()),
        Some(right) => {
            out.write_char(' ')?;
            write_right(out, right)
        }
    }
}

fn write_right(out: &mut impl Write, right: &Right) -> fmt::Result {
    match right {
        Right::Value(literal) => write_literal(out, literal),
        Right::List(_, items) => {
            out.write_char('(')?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_literal(out, item)?;
            }
            out.write_char(')')
        }
        Right::Operand(operand) => write_operand(out, operand),
    }
}

fn write_operand(out: &mut impl Write, operand: &Operand) -> fmt::Result {
    let argument = match operand {
        Operand::Field(_, name, argument) => {
            out.write_str(name)?;
            argument
        }
        Operand::Call(_, function, arguments, argument) => {
            write!(out, "{}(", function.name())?;
            write_arguments(out, arguments)?;
            out.write_char(')')?;
            argument
        }
    };
    match argument {
        None => Ok(()),
        Some(text) if is_bare_argument(text.as_bytes()) => write!(out, "[{text}]"),
        Some(text) => {
            out.write_char('[')?;
            write_quoted(out, text.as_bytes())?;
            out.write_char(']')
        }
    }
}

fn write_arguments(out: &mut impl Write, arguments: &[Argument]) -> fmt::Result {
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        match argument {
            Argument::Number(_, number) => out.write_str(number)?,
            Argument::Text(literal) => write_quoted(out, &literal.bytes)?,
            Argument::List(_, items) => {
                out.write_char('(')?;
                write_arguments(out, items)?;
                out.write_char(')')?;
            }
            Argument::Operand(operand) => write_operand(out, operand)?,
        }
    }
    Ok(())
}

/// Writes a value: bare where that reads back as the same, else in quotes.
pub(crate) fn write_literal(out: &mut impl Write, literal: &Literal) -> fmt::Result {
    match std::str::from_utf8(&literal.bytes) {
        Ok(text) if reads_back_bare(text) => out.write_str(text),
        _ => write_quoted(out, &literal.bytes),
    }
}

fn reads_back_bare(text: &str) -> bool {
    is_bare(text.as_bytes())
        // A blank for the grammar, but none for a bare word.
        && !text.contains('\x08')
        && !Quantifier::ALL.map(Quantifier::name).contains(&text)
}

/// Writes a value in double quotes. A quote behind a backslash does not end a string, whatever stands
/// before the backslash, so that a last backslash has to be written by its number.
fn write_quoted(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    out.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.write_str("\\\"")?,
                '\\' => out.write_str("\\x5c")?,
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                '\t' => out.write_str("\\t")?,
                c if u32::from(c) < 0x20 => write!(out, "\\x{:02x}", u32::from(c))?,
                c => out.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.write_char('"')
}
