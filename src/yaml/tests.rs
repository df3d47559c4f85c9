//! What the reader accepts, refuses and makes of it.

use serde_json::{Value, json};

use super::*;

fn value(source: &str) -> Value {
    let stream = Stream::parse(source.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let mut documents = stream.documents();
    let value = documents.next().map_or(Value::Null, |document| document.to_value());
    assert_eq!(documents.len(), 0, "one document only: {source}");
    value
}

fn refusal(source: &str) -> String {
    Stream::parse(source.as_bytes()).expect_err(source).to_string()
}

fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

#[test]
fn reads_scalars_as_yaml_1_1() {
    let cases = [
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("y", json!(true)),
        ("0644", json!(420)),
        ("0o644", json!(420)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("1e3", json!(1000)),
        ("089", json!(89)),
        ("1:30", json!("1:30")),
        ("2024-01-02", json!("2024-01-02")),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616_f64)),
        ("~", json!(null)),
        ("", json!(null)),
        ("'yes'", json!("yes")),
        ("!!str 12", json!("12")),
        ("!!int \"0x10\"", json!(16)),
        ("!!binary aGk=", json!("hi")),
        ("! 12", json!("12")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(&format!("a: {text}\n")), json!({"a": expected}), "{text}");
    }
}

#[test]
fn makes_keys_as_sigs_k8s_io_yaml() {
    assert_eq!(
        value("on: 1\nn: 2\n0644: 3\n1.5: 4\n1e6: 5\n1e3: 6\n"),
        json!({"true": 1, "false": 2, "420": 3, "1.5": 4, "1e+06": 5, "1000": 6})
    );
}

#[test]
fn reads_every_kind_of_scalar() {
    assert_eq!(value("a: b\n  c\n\n  d # comment\n"), json!({"a": "b c\nd"}));
    assert_eq!(value("a: 'it''s\n\n  so'\n"), json!({"a": "it's\nso"}));
    assert_eq!(value("a: \"\\u263a \\\n  \\x41\\t\"\n"), json!({"a": "\u{263a} A\t"}));
    assert_eq!(value("a: |\n  x\n   y\n\nb: 1\n"), json!({"a": "x\n y\n", "b": 1}));
    assert_eq!(value("a: |+\n  x\n\n\nb: 1\n"), json!({"a": "x\n\n\n", "b": 1}));
    assert_eq!(value("a: |2-\n    x\n"), json!({"a": "  x"}));
    assert_eq!(value("a: >\n  x\n  y\n\n  z\n"), json!({"a": "x y\nz\n"}));
    assert_eq!(value("a: |\n  no newline"), json!({"a": "no newline"}));
}

#[test]
fn reads_flow_and_json() {
    assert_eq!(value("{a: [1, {b: c}, d: e], f}\n"), json!({"a": [1, {"b": "c"}, {"d": "e"}], "f": null}));
    assert_eq!(value("{\"a\":[1,\n\t\"\\ud83d\\ude00\\/\"],}"), json!({"a": [1, "\u{1f600}/"]}));
}

#[test]
fn reads_sequences_under_and_beside_their_key() {
    let expected = json!({"a": [{"b": 1, "c": 2}, [3]], "d": null});
    assert_eq!(value("a:\n- b: 1\n  c: 2\n- - 3\nd:\n"), expected);
    assert_eq!(value("a:\n  - b: 1\n    c: 2\n  -   - 3\nd:\n"), expected);
}

#[test]
fn expands_aliases_and_merges() {
    assert_eq!(value("a: &x {k: 1}\nb: *x\n"), json!({"a": {"k": 1}, "b": {"k": 1}}));
    let merged = "a: &x {k: 1, l: 1}\nb:\n  k: 0\n  <<: *x\n  l: 2\n";
    // go-yaml v2 goes by the order of the text, so the merged key wins over the one before it.
    assert_eq!(value(merged)["b"], json!({"k": 1, "l": 2}));
    assert_eq!(value("&a k: *a\n"), json!({"k": "k"}));
    assert_eq!(value("a: &x\n  &y b: *y\nc: *x\n"), json!({"a": {"b": "b"}, "c": {"b": "b"}}));
}

#[test]
fn separates_documents() {
    let text = "# only a comment\n---\na: 1\n...\n---\n--- |\n text\n";
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let values: Vec<_> = stream.documents().map(|document| document.to_value()).collect();
    assert_eq!(values, [json!({"a": 1}), json!(null), json!("text\n")]);
    let spans: Vec<_> = stream.documents().map(|document| &text[document.span()]).collect();
    assert_eq!(spans, ["# only a comment\n---\na: 1\n", "\n---\n", "--- |\n text\n"]);
    assert_eq!(Stream::parse(b"# nothing\n").unwrap().documents().len(), 0);
}

#[test]
fn finds_nodes_and_their_places() {
    let text = "spec:\n  containers:\n  - name: a # first\n    image: ü\n  - name: b\n";
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let document = stream.documents().next().unwrap();
    let (node, exact) = document.locate(&pointer("/spec/containers/1/name"));
    assert_eq!((node.as_str().as_deref(), exact, node.position().line), (Some("b"), true, 5));
    let (node, exact) = document.locate(&pointer("/spec/containers/0/securityContext"));
    assert_eq!((node.position(), exact), (Position { line: 3, column: 5 }, false));
    assert_eq!(stream.comment(3), Some("# first"));
    assert_eq!(stream.comment(4), None);
    let entry = node.get_entry("image").unwrap();
    assert_eq!((&text[entry.0.span()], &text[entry.1.span()]), ("image", "ü"));
}

#[test]
fn keeps_the_last_of_duplicate_keys_when_lenient() {
    let text = "a: 1\nb: 2\n'a': 3\n";
    assert_eq!(
        refusal(text),
        "line 3, column 1: duplicate key `a`, first set at line 1, column 1; remove one of them"
    );
    let stream = Stream::parse_lenient(text.as_bytes()).unwrap();
    assert_eq!(stream.documents().next().unwrap().to_value(), json!({"a": 3, "b": 2}));
    let places: Vec<_> = stream
        .duplicates()
        .map(|duplicate| (duplicate.key, duplicate.first.position().line, duplicate.second.position().line))
        .collect();
    assert_eq!(places, [("a", 1, 3)]);
}

#[test]
fn says_where_and_why_it_refuses() {
    let cases = [
        ("a:\n\tb: 1\n", "line 2, column 1: tab used as indentation"),
        ("a: \u{7}\n", "line 1, column 4: control character U+0007"),
        ("a: *x\n", "line 1, column 4: alias `*x` names no anchor"),
        ("a: &x [*x]\n", "line 1, column 8: alias `*x` stands inside its own anchor"),
        ("a: .inf\n", "line 1, column 4: `.inf` is a number that JSON cannot express"),
        ("~: 1\n", "line 1, column 1: null as a key"),
        ("? [a]\n: 1\n", "line 1, column 3: a mapping or sequence as a key"),
        ("{a: 1}: 2\n", "line 1, column 7: a mapping or sequence as a key"),
        ("a: [1, 2\nb: 3\n", "line 2, column 2: expected `,` or `]`"),
        ("a: [1, 2\n", "line 1, column 4: expected the `]`"),
        ("a: {{x}}\n", "line 1, column 4: `{{` begins a template"),
        ("{{- if .x }}\na: 1\n", "line 1, column 1: `{{` begins a template"),
        ("a: b: c\n", "line 1, column 5: a mapping value is not allowed here"),
        ("a: 1\n  b: 2\n", "line 2, column 4: a mapping value is not allowed here"),
        ("a: \"x\n", "line 1, column 4: this quote is never closed"),
        ("a: @x\n", "line 1, column 4: `@` cannot begin a value"),
        ("%YAML 1.2\n---\na: 1\n", "line 1, column 1: Kubernetes reads YAML 1.1 only"),
        ("a: !!int x\n", "line 1, column 10: `x` is no !!int"),
        ("<<: 1\n", "line 1, column 5: the merge key"),
        ("- a\nb: c\n", "line 2, column 1: expected `- ` and an item"),
    ];
    for (text, expected) in cases {
        let refused = refusal(text);
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    assert!(Stream::parse(b"a: \xff").unwrap_err().to_string().contains("column 4: invalid UTF-8"));
    assert!(Stream::parse(b"\xff\xfea\0").unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn refuses_deep_nesting_and_alias_bombs() {
    let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(Stream::parse(deep.as_bytes()).is_ok());
    for opening in ["[", "- ", "{a: ", "{? "] {
        assert!(Stream::parse(opening.repeat(200_000).as_bytes()).is_err(), "{opening}");
    }
    assert!(refusal(&format!("[{deep}]")).contains("nested more than 512"));
    let brackets = ("[".repeat(200), "]".repeat(200));
    let mut laughs = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned()];
    let mut chain = vec![format!("a0: &a0 {}{}\n", brackets.0, brackets.1)];
    for n in 1..60 {
        laughs.push(format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(9)));
        chain.push(format!("a{n}: &a{n} {}*a{}{}\n", brackets.0, n - 1, brackets.1));
    }
    assert!(refusal(&laughs.concat()).contains("alias bomb"));
    assert!(refusal(&chain.concat()).contains("nested more than 512"));
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(200));
    assert!(refusal(&text).contains("alias bomb"));
}
