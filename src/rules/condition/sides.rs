//! The two sides of a comparison: fields, functions, values, lists.

use super::parser::{ParseError, Parsed, Parser, quoted};
use super::{Argument, Function, Literal, Operand, Place, Right};

impl Parser<'_> {
    /// What may follow a field's name in brackets.
    pub(super) fn field(&mut self, place: Place, name: String) -> Parsed<Operand> {
        Ok(Operand::Field(place, name, self.brackets()?))
    }

    fn brackets(&mut self) -> Parsed<Option<String>> {
        if !self.lexer.take_word("[") {
            return Ok(None);
        }
        let argument = match self.lexer.take_quoted()? {
            Some(argument) => argument,
            None => self
                .lexer
                .take_bare_argument()
                .ok_or_else(|| {
                    self.error("expected a valid field argument: a quoted string or a bare string".to_owned())
                })?
                .to_vec(),
        };
        if !self.lexer.take_word("]") {
            return Err(self.error("expected a ']' token".to_owned()));
        }
        Ok(Some(String::from_utf8_lossy(&argument).into_owned()))
    }

    /// A function with its arguments; `None` where there is none.
    pub(super) fn call(&mut self) -> Parsed<Option<Operand>> {
        let place = self.place();
        let start = self.lexer.at();
        let named = Function::ALL.into_iter().find(|function| {
            let found = self.lexer.take_word(function.name()) && self.lexer.take_word("(");
            if !found {
                self.lexer.back_to(start);
            }
            found
        });
        let Some(function) = named else { return Ok(None) };
        self.deeper(|parser| {
            let arguments = parser.arguments(true)?;
            parser.expect_closing("expected a ')' token closing the transformer")?;
            let argument = parser.brackets()?;
            Ok(Some(Operand::Call(place, function, arguments, argument)))
        })
    }

    /// Arguments with commas between them; `lists` may stand among them only on the outside.
    fn arguments(&mut self, lists: bool) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        loop {
            self.lexer.take_blanks();
            arguments.push(self.argument(lists)?);
            self.lexer.take_blanks();
            if !self.lexer.take_word(",") {
                return Ok(arguments);
            }
        }
    }

    fn argument(&mut self, lists: bool) -> Parsed<Argument> {
        let place = self.place();
        if let Some(number) = self.lexer.take_hexadecimal() {
            return Ok(Argument::Number(place, number));
        }
        if let Some(number) = self.lexer.take_number() {
            return Ok(Argument::Number(place, number));
        }
        if let Some(bytes) = self.lexer.take_quoted()? {
            return Ok(Argument::Text(Literal { place, bytes, is_quoted: true }));
        }
        if lists && self.lexer.take_word("(") {
            return self.deeper(|parser| {
                parser.lexer.take_blanks();
                let is_empty = parser.lexer.peek() == Some(b')');
                let items = if is_empty { Vec::new() } else { parser.arguments(false)? };
                parser.expect_closing("expected a ')' token closing the list")?;
                Ok(Argument::List(place, items))
            });
        }
        if let Some(call) = self.call()? {
            return Ok(Argument::Operand(call));
        }
        match self.lexer.take_field_name() {
            Some(name) => self.field(place, name).map(Argument::Operand),
            None => Err(self.error(format!(
                "expected a field or a nested valid transformer: {}",
                quoted(Function::ALL.map(Function::name))
            ))),
        }
    }

    /// Another field on the right side; `None` where there is none.
    pub(super) fn operand(&mut self) -> Parsed<Option<Operand>> {
        self.lexer.take_blanks();
        let place = self.place();
        if !self.lexer.take_word("val(") {
            return self.call();
        }
        self.lexer.take_blanks();
        let inner = self.place();
        let Some(name) = self.lexer.take_field_name() else {
            return Err(self.error("expected a field within 'val' transformer".to_owned()));
        };
        let field = self.field(inner, name)?;
        self.lexer.take_blanks();
        self.expect_closing("expected a ')' token closing the transformer")?;
        Ok(Some(Operand::Call(place, Function::Val, vec![Argument::Operand(field)], None)))
    }

    pub(super) fn number_or_operand(&mut self) -> Parsed<Right> {
        if let Some(operand) = self.operand()? {
            return Ok(Right::Operand(operand));
        }
        let place = self.place();
        match self.lexer.take_hexadecimal().or_else(|| self.lexer.take_number()) {
            Some(number) => Ok(Right::Value(Literal { place, bytes: number.into_bytes(), is_quoted: false })),
            None => Err(self.expected_or_operand("a number value")),
        }
    }

    pub(super) fn text_or_operand(&mut self) -> Parsed<Right> {
        if let Some(operand) = self.operand()? {
            return Ok(Right::Operand(operand));
        }
        match self.literal()? {
            Some(literal) => Ok(Right::Value(literal)),
            None => Err(self.expected_or_operand("a string value")),
        }
    }

    fn expected_or_operand(&self, what: &str) -> ParseError {
        let names = quoted(std::iter::once(Function::Val).chain(Function::ALL).map(Function::name));
        self.error(format!("expected {what} or a field with a valid transformer: {names}"))
    }

    fn literal(&mut self) -> Parsed<Option<Literal>> {
        self.lexer.take_blanks();
        let place = self.place();
        if let Some(bytes) = self.lexer.take_quoted()? {
            return Ok(Some(Literal { place, bytes, is_quoted: true }));
        }
        Ok(self.lexer.take_bare().map(|bytes| Literal { place, bytes: bytes.to_vec(), is_quoted: false }))
    }

    pub(super) fn list_or_operand(&mut self) -> Parsed<Right> {
        self.lexer.take_blanks();
        if self.lexer.peek() != Some(b'(')
            && let Some(operand) = self.operand()?
        {
            return Ok(Right::Operand(operand));
        }
        self.list_or_name()
    }

    pub(super) fn list_or_name(&mut self) -> Parsed<Right> {
        self.lexer.take_blanks();
        let place = self.place();
        if self.lexer.take_word("(") {
            self.lexer.take_blanks();
            let is_empty = self.lexer.peek() == Some(b')');
            let items = if is_empty { Vec::new() } else { self.list_items()? };
            self.expect_closing("expected a ')' token")?;
            return Ok(Right::List(place, items));
        }
        match self.lexer.take_identifier() {
            Some(name) => Ok(Right::Value(Literal { place, bytes: name.into_bytes(), is_quoted: false })),
            None => Err(self.expected_or_operand("a list, an identifier,")),
        }
    }

    pub(super) fn list_items(&mut self) -> Parsed<Vec<Literal>> {
        let mut items = Vec::new();
        loop {
            let item = self.literal()?;
            items.push(item.ok_or_else(|| self.error("expected a string value".to_owned()))?);
            self.lexer.take_blanks();
            if !self.lexer.take_word(",") {
                return Ok(items);
            }
        }
    }
}
