//! The index against serde_json.

use lithify::k8s::{Tree, to_value};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Document, Outline, Part};

static WHOLE: Outline = Outline(&[]);
static PARTLY: Outline = Outline(&[("a", Part::LeftOut), ("b", Part::Within(&INNER))]);
static INNER: Outline = Outline(&[("c", Part::LeftOut)]);

/// What is read of a text: nothing, or what serde_json reads.
fn read(text: &str) -> Option<Value> {
    let found = Document::parse(text, &WHOLE).map(|document| to_value(document.root()));
    if found.is_some() {
        assert_eq!(found, serde_json::from_str(text).ok(), "{text}");
    }
    found
}

fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-9_i64..10).prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        "(?s).{0,30}".prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 20, |inner| {
        let key = prop_oneof!["[a-d]", "(?s).{0,10}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..20)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_every_value_as_serde_json_does(value in any_value()) {
        let text = value.to_string();
        prop_assert!(read(&text).is_some(), "{text}");
        let document = Document::parse(text, &WHOLE).unwrap();
        for (key, entry) in document.root().entries() {
            prop_assert!(document.root().get(key).is_some_and(|found| found == entry));
        }
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert!(read(&format!(" {pretty}\r\n\t")).is_some(), "{pretty}");
    }

    #[test]
    fn takes_no_text_that_serde_json_refuses(
        value in any_value(), at in any::<prop::sample::Index>(), new in "[\\PC\"\\\\{}\\[\\],:0-9eE.+-]{0,2}",
    ) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, new.chars());
        read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn tells_equal_values_from_others(one in any_value(), other in any_value()) {
        let document = |value: &Value| Document::normalised(value, &WHOLE).unwrap();
        let (first, second) = (document(&one), document(&other));
        prop_assert_eq!(first.root() == second.root(), one == other);
        let mut turned = one.clone();
        if let Value::Object(entries) = &mut turned {
            *entries = std::mem::take(entries).into_iter().rev().collect();
        }
        prop_assert!(first.root() == document(&turned).root(), "{} {}", one, turned);
    }
}

#[test]
fn leaves_out_what_nobody_reads() {
    let text = |a: &str| format!(r#"{{"a":{a},"b":{{"c":[{{}}],"d":{{"a":1}}}},"d":2}}"#);
    let document = Document::parse(text(r#"{"x":[1,{"a\n":"\u00e9"}],"x":2}"#), &PARTLY).unwrap();
    assert_eq!(to_value(document.root()), json!({"b": {"d": {"a": 1}}, "d": 2}));
    for wrong in ["{", "[1", "{\"}", "\"\\x\"", "nul", "01", "\u{1}", "]"] {
        assert!(Document::parse(text(wrong), &PARTLY).is_none(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn finds_the_end_of_what_is_left_out(
        left_out in any_value(), strings in prop::collection::vec("[\"\\\\{}\\[\\]a]{0,70}", 0..20), kept in any_value(),
    ) {
        let left_out = json!([left_out, strings]);
        for text in [left_out.to_string(), serde_json::to_string_pretty(&left_out).unwrap()] {
            let whole = format!("{{\"a\":{text},\"d\":{kept}}}");
            let document = Document::parse(&*whole, &PARTLY).unwrap();
            let expected: Value = serde_json::from_str(&format!("{{\"d\":{kept}}}")).unwrap();
            prop_assert_eq!(to_value(document.root()), expected);
        }
    }
}

#[test]
fn leaves_the_rare_to_serde_json() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(read(&deep(127)).is_some());
    let many = json!((0..30).map(|n| (n.to_string(), json!(n))).collect::<Map<_, _>>()).to_string();
    let many = many.strip_prefix('{').and_then(|many| many.strip_suffix('}')).unwrap();
    assert!(read(&format!("{{{many},\"x\":1}}")).is_some());
    let twice =
        [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, &format!("{{{many},\"7\":1}}")].map(str::to_owned);
    let rare = [deep(128), "1e999".to_owned(), "\"\\ud800\"".to_owned()];
    for text in twice.iter().chain(&rare) {
        assert_eq!(read(text), None, "{text}");
    }
    let last: Value = serde_json::from_str(&twice[0]).unwrap();
    assert_eq!(to_value(Document::normalised(&last, &WHOLE).unwrap().root()), json!({"a": 2}));
}
