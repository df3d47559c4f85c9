//! Any condition: read or refused; what is read is printed, and reads back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::rules::condition;

fuzz_target!(|text: &str| {
    let Ok(tree) = condition::parse(text) else { return };
    tree.to_json();
    let printed = tree.to_string();
    // A condition at the limit of depth may get parentheses that exceed it.
    let again = condition::parse_with_depth(&printed, u32::MAX);
    assert_eq!(again.as_ref(), Ok(&tree), "{printed}");
});
