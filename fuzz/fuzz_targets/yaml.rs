//! Any bytes: parsing neither panics nor loops, and an edit makes what it says or refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::edit::{FieldOp, apply, yaml_sink};
use lithify::yaml::{Kind, Node, Pointer, Stream};
use serde_json::json;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, source)) = input.split_first() else { return };
    let _ = Stream::parse_lenient(source);
    let Ok(stream) = Stream::parse(source) else { return };
    let Some(root) = stream.document(0).and_then(|document| document.root()) else { return };
    assert_eq!(yaml_sink(source, 0, &[]).ok().as_deref(), Some(source), "no operation, no change");
    let mut value = root.to_value();
    let op = operation(root, choice);
    let Ok(edited) = yaml_sink(source, 0, std::slice::from_ref(&op)) else { return };
    apply(&[op], &mut value).expect("what the sink takes can be applied");
    let again = Stream::parse(&edited).expect("an edited document is YAML");
    assert_eq!(again.document(0).map(|document| document.to_value()), Some(value));
});

/// Walks down by the bits of `choice`, and changes what it comes to.
fn operation(root: Node<'_>, choice: u8) -> FieldOp {
    let mut at = Pointer::root();
    let mut node = root;
    for bit in 0..3 {
        if choice & (1 << bit) == 0 {
            break;
        }
        let next = match node.kind() {
            Kind::Mapping => node.entries().last().and_then(|(key, value)| Some((key.key()?.into_owned(), value))),
            Kind::Sequence => node.items().enumerate().last().map(|(index, item)| (index.to_string(), item)),
            Kind::Scalar => None,
        };
        let Some((token, child)) = next else { break };
        at = at.join(token);
        node = child;
    }
    let value = [json!("yes"), json!({"a": ["b", null]}), json!("two\nlines\n"), json!(7)][usize::from(choice >> 6)].clone();
    let is_root = at.parent().is_none();
    match (choice >> 3 & 7, node.kind()) {
        (0..=2, Kind::Mapping) => FieldOp::Set { at: at.join("fuzzed"), value },
        (0..=2, Kind::Sequence) => FieldOp::Append { at, value },
        (3, Kind::Sequence) => FieldOp::Insert { at: at.item(0), value },
        (4..=5, _) if !is_root => FieldOp::Remove { at },
        _ => FieldOp::Replace { at, value },
    }
}
