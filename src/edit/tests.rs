//! What the YAML sink writes, on small texts that one can read.

use serde_json::{Value, json};

use super::{FieldOp, yaml_sink};

fn set(at: &str, value: Value) -> FieldOp {
    FieldOp::Set { at: at.parse().unwrap(), value }
}

fn replace(at: &str, value: Value) -> FieldOp {
    FieldOp::Replace { at: at.parse().unwrap(), value }
}

fn insert(at: &str, value: Value) -> FieldOp {
    FieldOp::Insert { at: at.parse().unwrap(), value }
}

fn append(at: &str, value: Value) -> FieldOp {
    FieldOp::Append { at: at.parse().unwrap(), value }
}

fn remove(at: &str) -> FieldOp {
    FieldOp::Remove { at: at.parse().unwrap() }
}

fn edit_document(source: &str, document: usize, ops: &[FieldOp]) -> String {
    let edited = yaml_sink(source.as_bytes(), document, ops);
    String::from_utf8(edited.unwrap_or_else(|error| panic!("{error}\n{source}"))).unwrap()
}

#[track_caller]
fn check(source: &str, ops: &[FieldOp], expected: &str) {
    let edited = edit_document(source, 0, ops);
    assert!(edited == expected, "{source}\n--- became ---\n{edited}\n--- instead of ---\n{expected}");
}

fn refusal(source: &str, ops: &[FieldOp]) -> String {
    yaml_sink(source.as_bytes(), 0, ops).expect_err(source).to_string()
}

#[test]
fn adds_a_key_after_the_last_one_and_before_comments_of_what_follows() {
    check(
        "spec:\n  a: 1 # one\n  # about b\n  b:\n    c: x\n      # deeper\n  # about other\nother: 2\n",
        &[set("/spec/d", json!(true))],
        "spec:\n  a: 1 # one\n  # about b\n  b:\n    c: x\n      # deeper\n  d: true\n  # about other\nother: 2\n",
    );
}

#[test]
fn appends_items_in_the_manner_of_the_sequence() {
    check(
        "a:\n- x # c\n# about b\nb:\n  - y\n\n  # last\n",
        &[append("/a", json!("z")), append("/b", json!({"k": 1, "l": [2]}))],
        "a:\n- x # c\n- z\n# about b\nb:\n  - y\n  - k: 1\n    l:\n      - 2\n\n  # last\n",
    );
    check(
        "-   name: a\n    x: 1\n",
        &[append("", json!({"name": "b", "x": 2}))],
        "-   name: a\n    x: 1\n-   name: b\n    x: 2\n",
    );
    check("- \"a\"\n- \"b\"\n", &[append("", json!("c"))], "- \"a\"\n- \"b\"\n- \"c\"\n");
    check("- - a\n  - b\n", &[append("/0", json!("c"))], "- - a\n  - b\n  - c\n");
}

#[test]
fn inserts_items_above_the_comments_of_the_next() {
    let source = "args: # flags\n# about a\n- a\n  # more of a\n# about b\n- b\n";
    check(
        source,
        &[insert("/args/0", json!("new"))],
        "args: # flags\n- new\n# about a\n- a\n  # more of a\n# about b\n- b\n",
    );
    check(
        source,
        &[insert("/args/1", json!("new"))],
        "args: # flags\n# about a\n- a\n  # more of a\n- new\n# about b\n- b\n",
    );
    check("- - a\n  - b\n", &[insert("/0/0", json!("x"))], "- - x\n  - a\n  - b\n");
    check("- a\n", &[insert("/0", json!("x"))], "- x\n- a\n");
}

#[test]
fn removes_lines_with_their_comments() {
    check(
        "a: 1\n# about b\nb: # here\n  c: 1\n  # inside\n# about d\nd: 2\n",
        &[remove("/b")],
        "a: 1\n# about d\nd: 2\n",
    );
    check("# file\na: 1\nb: 2\n", &[remove("/a")], "# file\nb: 2\n");
    check(
        "- name: a # x\n  # about image\n  image: b\n",
        &[remove("/0/name")],
        "- # about image\n  image: b\n",
    );
    check("- name: a\n  image: b\n", &[remove("/0/name")], "- image: b\n");
    check("a:\n- x\n- y", &[remove("/a/1")], "a:\n- x");
    check("a:\n- x\n- y\n", &[remove("/a/0")], "a:\n- y\n");
    check("a:\n- x # c\nb: 1\n", &[remove("/a/0")], "a: []\nb: 1\n");
    check("a:\n  b: 1\n", &[remove("/a/b")], "a: {}\n");
    check("- a: 1\n- b\n", &[remove("/0/a")], "- {}\n- b\n");
}

#[test]
fn replaces_values_and_keeps_the_comment_on_their_line() {
    check("a: 'x' # c\nb: 1\n", &[set("/a", json!("yes"))], "a: 'yes' # c\nb: 1\n");
    check("a: x # c\n", &[set("/a", json!("yes"))], "a: \"yes\" # c\n");
    check("a: null # c\nb: 1\n", &[set("/a", json!({"k": 1, "l": 2}))], "a: # c\n  k: 1\n  l: 2\nb: 1\n");
    check("a: # c\nb: 1\n", &[set("/a", json!([1, "two"]))], "a: # c\n- 1\n- two\nb: 1\n");
    check("a:\nb: 1\n", &[set("/a", json!(2))], "a: 2\nb: 1\n");
    check("a: # c\n  # d\n  k: 1 # e\n# f\nb: 1\n", &[set("/a", json!("v"))], "a: v # c\n  # d\n# f\nb: 1\n");
    check("a: |\n  text\n\nb: 1\n", &[set("/a", json!("v"))], "a: v\n\nb: 1\n");
    check("a: x\n", &[set("/a", json!("one\ntwo\n"))], "a: |\n  one\n  two\n");
    check("a: {k: 1}\n", &[set("/a", json!([{"x": 1}]))], "a:\n- x: 1\n");
    check("- a\n-\n- c\n", &[replace("/1", json!({"k": 1, "l": 2}))], "- a\n- k: 1\n  l: 2\n- c\n");
    check("- a # c\n", &[replace("/0", json!([1, 2]))], "- - 1 # c\n  - 2\n");
    check("? a\n? b\n", &[set("/a", json!(1)), set("/b", json!([2]))], "? a\n: 1\n? b\n:\n- 2\n");
}

#[test]
fn changes_only_what_differs_inside_a_replaced_value() {
    check(
        "a: # c\n  k: 1 # one\n  l: [x]\n  m: 3\n",
        &[set("/a", json!({"k": 1, "l": ["x", "z"], "o": 4}))],
        "a: # c\n  k: 1 # one\n  l: [x, z]\n  o: 4\n",
    );
    check(
        "- a # 1\n- b # 2\n- c # 3\n",
        &[replace("", json!(["a", "x", "z", "c"]))],
        "- a # 1\n- x # 2\n- z\n- c # 3\n",
    );
    let source = "a: {k: 1, l: [2]} # c\n";
    check(source, &[set("/a", json!({"l": [2], "k": 1}))], source);
}

#[test]
fn reaches_into_what_earlier_operations_made() {
    check(
        "spec: {}\n",
        &[
            set("/spec/securityContext", json!({})),
            set("/spec/securityContext/drop", json!([])),
            append("/spec/securityContext/drop", json!("ALL")),
            insert("/spec/securityContext/drop/0", json!("KILL")),
            remove("/spec/securityContext/drop/0"),
        ],
        "spec:\n  securityContext:\n    drop:\n    - ALL\n",
    );
    check(
        "- a\n- b\n- c\n",
        &[remove("/0"), insert("/1", json!("x")), replace("/0", json!("B")), append("", json!("d"))],
        "- B\n- x\n- c\n- d\n",
    );
    check("a: 1\nb: 2\n", &[remove("/a"), set("/a", json!(3))], "a: 3\nb: 2\n");
    check("a: 1\n", &[set("/b", json!(1)), remove("/b")], "a: 1\n");
}

#[test]
fn keeps_flow_collections_flow() {
    check("a: {k: 1}\n", &[set("/a/l", json!({"m": ["x,y", "z"]}))], "a: {k: 1, l: {m: [\"x,y\", z]}}\n");
    check("a: [ x, y ]\n", &[append("/a", json!("z"))], "a: [ x, y, z ]\n");
    check("a: [x, y, ]\n", &[append("/a", json!("z"))], "a: [x, y, z, ]\n");
    check("a: [x, y, z]\n", &[remove("/a/0"), remove("/a/1")], "a: [y]\n");
    check("a: [x, y]\n", &[remove("/a/0"), remove("/a/0")], "a: []\n");
    check("a: [x, y]\n", &[insert("/a/0", json!(1)), insert("/a/2", json!(2))], "a: [1, x, 2, y]\n");
    check("a: {k: , l}\n", &[set("/a/k", json!(1)), set("/a/l", json!(2))], "a: {k: 1 , l: 2}\n");
    check("a: [k: 1, x]\n", &[set("/a/0/l", json!(2))], "a: [{k: 1, l: 2}, x]\n");
    check(
        "a: [\n  x, # one\n  y # two\n]\n",
        &[append("/a", json!("z")), insert("/a/1", json!("w"))],
        "a: [\n  x, # one\n  w,\n  y, # two\n  z\n]\n",
    );
    check("a: [\n  x, # one\n  y # two\n]\n", &[remove("/a/1")], "a: [\n  x # one\n   # two\n]\n");
    check("a: [x, y]\n", &[remove("/a/1"), append("/a", json!("z"))], "a: [x, z]\n");
}

#[test]
fn writes_json_into_json() {
    check(
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": []\n  }\n}\n",
        &[set("/b/d", json!("yes")), append("/b/c", json!({"k": null})), set("/e", json!({}))],
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [\n      {\n        \"k\": null\n      }\n    ],\n    \"d\": \"yes\"\n  },\n  \"e\": {}\n}\n",
    );
    check(
        "{\"a\":1,\"b\":[1,2]}",
        &[set("/c", json!("x")), append("/b", json!(3))],
        "{\"a\":1,\"b\":[1,2,3],\"c\":\"x\"}",
    );
    check("{\"a\": 1, \"b\": 2}", &[remove("/b")], "{\"a\": 1}");
    check("{\n\t\"a\": 1,\n\t\"b\": 2\n}\n", &[remove("/a")], "{\n\t\"b\": 2\n}\n");
    check("{}", &[set("/a", json!(1))], "{\"a\": 1}");
    check("{\n  \"a\": 1\n}\n", &[replace("", json!({"x": [1]}))], "{\n  \"x\": [\n    1\n  ]\n}\n");
}

#[test]
fn keeps_line_ends_byte_order_mark_and_a_missing_final_newline() {
    check(
        "a:\r\n  b: 1\r\nc: 2",
        &[set("/a/d", json!([1])), set("/e", json!(3))],
        "a:\r\n  b: 1\r\n  d:\r\n  - 1\r\nc: 2\r\ne: 3",
    );
    check("\u{feff}a: 1\n", &[set("/b", json!(2)), remove("/a")], "\u{feff}b: 2\n");
    check("\u{feff}- a", &[insert("/0", json!(0)), append("", json!(1))], "\u{feff}- 0\n- a\n- 1");
}

#[test]
fn keeps_what_block_scalars_mean() {
    check("a: |\n  x\n\n# c\nb: 1\n", &[set("/b", json!(2))], "a: |\n  x\n\n# c\nb: 2\n");
    check(
        "s:\n  a: |+\n    x\n\n\nb: 1\n",
        &[set("/s/c", json!(2))],
        "s:\n  a: |+\n    x\n\n\n  c: 2\nb: 1\n",
    );
    check("s:\n  a: |\n    x\n\n\nb: 1\n", &[set("/s/c", json!(2))], "s:\n  a: |\n    x\n  c: 2\n\n\nb: 1\n");
    // The value had no final line break, since the file had none.
    check("a: |\n  x", &[set("/b", json!(2))], "a: |-\n  x\nb: 2");
    check("a: >2+ # c\n  x", &[set("/b", json!(2))], "a: >2- # c\n  x\nb: 2");
    check("a: 1", &[set("/b", json!("x\ny\n"))], "a: 1\nb: |\n  x\n  y\n");
}

#[test]
fn keeps_other_documents() {
    let source = "# first\na: 1\n---\n# second\nb:\n- 1\n...\n---\nc: 1\n";
    assert_eq!(
        edit_document(source, 1, &[append("/b", json!(2)), set("/d", json!(3))]),
        "# first\na: 1\n---\n# second\nb:\n- 1\n- 2\nd: 3\n...\n---\nc: 1\n"
    );
    assert_eq!(
        edit_document("---\n---\na: 1\n", 0, &[replace("", json!({"k": 1}))]),
        "---\nk: 1\n---\na: 1\n"
    );
    assert_eq!(edit_document("--- 1 # c\n", 0, &[replace("", json!([1, 2]))]), "--- # c\n- 1\n- 2\n");
    assert_eq!(edit_document("--- {a: 1}\n", 0, &[remove("/a")]), "--- {}\n");
    assert!(yaml_sink(b"a: 1\n", 1, &[]).unwrap_err().to_string().contains("no document 1 among 1"));
}

#[test]
fn indents_as_the_document_does() {
    check(
        "a:\n    b: 1\n    c:\n        d: 2\n",
        &[set("/e", json!({"f": {"g": [1]}}))],
        "a:\n    b: 1\n    c:\n        d: 2\ne:\n    f:\n        g:\n        - 1\n",
    );
    check("a:\n  - 1\nb:\n  c: 1\n", &[set("/b/d", json!([1]))], "a:\n  - 1\nb:\n  c: 1\n  d:\n    - 1\n");
}

#[test]
fn refuses_to_change_what_an_alias_repeats() {
    let source = "a: &x\n  k: 1\nb: *x\n";
    let expected = "belongs to the anchor `&x` (line 2, column 3) that the alias at line 3, column 4 repeats";
    assert!(refusal(source, &[set("/a/k", json!(2))]).contains(expected));
    assert!(refusal(source, &[set("/b/k", json!(2))]).contains(expected));
    assert!(refusal(source, &[remove("/a")]).contains(expected));
    check(source, &[set("/b", json!(2))], "a: &x\n  k: 1\nb: 2\n");
    check(source, &[set("/c", json!(2))], "a: &x\n  k: 1\nb: *x\nc: 2\n");
    check("a:\n  p: &x 1\n  q: *x\nb: 2\n", &[remove("/a")], "b: 2\n");
}

#[test]
fn refuses_to_shadow_merged_keys() {
    let source = "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n";
    for ops in [set("/b/k", json!(2)), remove("/b/k")] {
        assert!(refusal(source, &[ops]).contains("is also set by the merge key at line 3, column 3"));
    }
    check(
        source,
        &[set("/b/l", json!(3)), set("/b/m", json!(4))],
        "a: &x {k: 1}\nb:\n  <<: *x\n  l: 3\n  m: 4\n",
    );
}

#[test]
fn refuses_what_does_not_fit_the_object() {
    assert!(refusal("a: 1\n", &[set("/b/c", json!(1))]).contains("its parent is no mapping"));
    assert!(refusal("a: 1\n", &[append("/a", json!(1))]).contains("it is no sequence"));
    assert!(refusal("a: [1]\n", &[remove("/a/1")]).contains("operation 0 cannot be applied at `/a/1`"));
}
