use super::super::{Argument, Function, Right};
use super::*;
use proptest::prelude::*;

fn printed(text: &str) -> String {
    parse(text).unwrap().to_string()
}

#[test]
fn connectives_bind_as_in_falco() {
    assert_eq!(
        printed("a.a exists and b.b in (x, y) or c.c=d and not m"),
        "((a.a exists and b.b in (x, y)) or (c.c = d and not m))"
    );
    assert_eq!(printed("not not a"), "a");
    assert_eq!(printed("not(not (a))"), "not (not a)");
    assert_eq!(printed("(a)and(b)and(c)"), "(a and b and c)");
}

#[test]
fn bare_words_end_at_blanks_parentheses_commas_and_equal_signs() {
    assert_eq!(printed("a.b in(runc:[0:PARENT],x)"), "a.b in (runc:[0:PARENT], x)");
    assert!(parse("a.b = a=").is_err());
    assert_eq!(printed("evt.dir=< and a.b= '<NA>'"), "(evt.dir = < and a.b = <NA>)");
}

#[test]
fn quotes_and_escapes() {
    let value = |text: &str| match parse(&format!("a.b = {text}")) {
        Ok(Expr::Check(check)) => match check.right {
            Some(Right::Value(literal)) => Ok(literal.bytes),
            other => panic!("{other:?}"),
        },
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.message),
    };
    assert_eq!(value(r#""a \"b\" 'c'""#).unwrap(), br#"a "b" 'c'"#);
    assert_eq!(value(r"'\x41\n\\ \t\/'").unwrap(), b"A\n\\ \t/");
    assert_eq!(value(r#""old \ way""#).unwrap(), b"old \\way");
    assert_eq!(value(r"bare\n").unwrap(), br"bare\n");
    assert!(value(r"'\d'").unwrap_err().contains(r"invalid escape sequence `\d`"));
    assert!(value(r"'\x00'").is_err());
    assert!(value(r"'\xg0'").is_err());
    assert!(value(r#""never \\""#).is_err());
}

#[test]
fn quantifiers_need_blanks_and_a_list() {
    assert_eq!(printed("a.b contains allof (x, y)"), "a.b contains allof (x, y)");
    assert_eq!(printed("a.b = oneof my_list"), "a.b = oneof my_list");
    assert_eq!(printed("a.b = oneof and c"), "(a.b = \"oneof\" and c)");
    assert!(parse("a.b =allof (x)").is_err());
}

#[test]
fn functions_on_both_sides() {
    assert_eq!(
        printed(r#"join( "-" , (a.b, tolower(c.d[1]), 0x1F) ) = val( e.f ) or len(a.b) > 3"#),
        r#"(join("-", (a.b, tolower(c.d[1]), 0x1F)) = val(e.f) or len(a.b) > 3)"#
    );
    assert_eq!(printed(r#"getopt(proc.args, "nt:")[t] exists"#), r#"getopt(proc.args, "nt:")[t] exists"#);
    assert!(parse("val(a.b) = c").is_err());
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let refused = |text: &str| parse(text).unwrap_err();
    assert_eq!(refused("").message, "filter input string is empty");
    let error = refused("proc.name = bash bash");
    assert_eq!(
        (error.offset, error.message.as_str()),
        (17, "unexpected token after 'bash', expecting 'or', 'and'")
    );
    assert_eq!(refused("a.b = (c)").offset, 6);
    assert!(
        refused("a.b !! c").message.starts_with("expected a valid check operator: one of 'exists', '<='")
    );
    assert_eq!(refused("a andb").message, "expected blank or '(' after 'and'");
}

#[test]
fn deep_nesting_is_refused_without_overflowing() {
    let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(190)).is_ok());
    assert!(parse(&format!("{}a.b{} exists", "tolower(".repeat(90), ")".repeat(90))).is_ok());
    assert_eq!(printed("a or(b)or c"), "(a or b or c)");
    assert!(parse("a or(b) and c").is_err());
    assert_eq!(parse(&deep(10_000)).unwrap_err().message, "exceeded max depth limit of 1000");
    assert!(parse(&format!("{}a", "not(".repeat(100_000))).is_err());
    assert!(parse(&format!("{}a.b", "tolower(".repeat(100_000))).is_err());
    assert!(parse(&format!("{}a", "not ".repeat(100_000))).is_ok());
    assert!(parse_with_depth(&deep(10), 100).is_ok());
    assert!(parse_with_depth(&deep(30), 100).is_err());
}

fn literal() -> impl Strategy<Value = Literal> {
    prop::collection::vec(1_u8..=255, 0..6).prop_map(|bytes| Literal {
        place: Place(0),
        bytes,
        is_quoted: true,
    })
}

fn operand() -> impl Strategy<Value = Operand> {
    let field = ("[a-z][a-z0-9_]{0,3}\\.[a-z][a-z0-9_]{0,3}", prop::option::of("[^\\x00]{1,4}"))
        .prop_map(|(name, argument)| Operand::Field(Place(0), name, argument));
    field.prop_recursive(2, 8, 2, |inner| {
        let argument = prop_oneof![
            inner.prop_map(Argument::Operand),
            literal().prop_map(Argument::Text),
            "-?[0-9]{1,4}".prop_map(|number| Argument::Number(Place(0), number)),
        ];
        let function = prop::sample::select(Function::ALL.to_vec());
        (function, prop::collection::vec(argument, 1..3))
            .prop_map(|(function, arguments)| Operand::Call(Place(0), function, arguments, None))
    })
}

fn check() -> impl Strategy<Value = Expr> {
    let right = |operator: Operator| match operator {
        Operator::Exists => Just(None).boxed(),
        _ if operator.takes_number() => "-?[0-9]{1,5}"
            .prop_map(|number| Literal { place: Place(0), bytes: number.into_bytes(), is_quoted: false })
            .prop_map(|literal| Some(Right::Value(literal)))
            .boxed(),
        _ if operator.takes_list() => prop::collection::vec(literal(), 0..4)
            .prop_map(|items| Some(Right::List(Place(0), items)))
            .boxed(),
        _ => prop_oneof![
            literal().prop_map(Right::Value),
            operand()
                .prop_filter("a bare field is a text", |operand| matches!(operand, Operand::Call(..)))
                .prop_map(Right::Operand),
        ]
        .prop_map(Some)
        .boxed(),
    };
    let operator = prop::sample::select(Operator::ALL.map(|(operator, _)| operator).to_vec());
    (operand(), operator.prop_flat_map(move |operator| (Just(operator), right(operator)))).prop_map(
        |(left, (operator, right))| {
            Expr::Check(Box::new(Check { place: Place(0), left, operator, quantifier: None, right }))
        },
    )
}

fn expr() -> impl Strategy<Value = Expr> {
    let name =
        "[a-z][a-z_]{0,5}".prop_filter("keywords", |name| !matches!(name.as_str(), "not" | "and" | "or"));
    let leaf = prop_oneof![check(), name.prop_map(|name| Expr::Macro(Place(0), name))];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(|children| Expr::And(Place(0), children)),
            several.prop_map(|children| Expr::Or(Place(0), children)),
            inner
                .prop_filter("double negation is folded", |expr| !matches!(expr, Expr::Not(..)))
                .prop_map(|expr| Expr::Not(Place(0), Box::new(expr))),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn texts_of_tokens_are_read_or_refused(tokens in prop::collection::vec(prop::sample::select(vec![
        "a.b", "a", " ", "(", ")", "and ", "or ", "not ", "not(", "=", "!=", " in ", "\"", "'", "\\", ",", "val(",
        "tolower(", "[", "]", "1", "0x", " contains ", " oneof ", "exists", "é", "\n",
    ]), 0..24)) {
        let _ = parse(&tokens.concat());
    }

    #[test]
    fn what_is_printed_reads_back_the_same(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text).map_err(|error| format!("{error} in {text}")), Ok(expr));
    }
}
