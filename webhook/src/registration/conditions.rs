//! `matchConditions` in CEL: what the apiserver lets through before it calls anybody.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Mirror pods of the node that asks, objects that are being deleted, and exempt users.
///
/// Only CREATE and UPDATE are ever matched, so that there is an object. An expression that failed would refuse
/// the request: each asks before it reads.
pub(super) fn match_conditions(exempt_users: &[String]) -> Value {
    let mut conditions = vec![
        json!({
            "name": "not-a-mirror-pod-of-its-node",
            "expression": "!(request.kind.kind == 'Pod' && has(object.metadata.annotations) \
                && 'kubernetes.io/config.mirror' in object.metadata.annotations \
                && has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups \
                && has(object.spec.nodeName) && request.userInfo.username == 'system:node:' + object.spec.nodeName)",
        }),
        json!({
            "name": "not-being-deleted",
            "expression": "oldObject == null || !has(oldObject.metadata.deletionTimestamp)",
        }),
    ];
    if !exempt_users.is_empty() {
        let users: Vec<String> = exempt_users.iter().map(|user| string(user)).collect();
        conditions.push(json!({
            "name": "not-an-exempt-user",
            "expression": format!("!(request.userInfo.username in [{}])", users.join(", ")),
        }));
    }
    Value::Array(conditions)
}

/// A string literal of CEL.
fn string(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_whatever_users_are_called() {
        assert_eq!(string(r"a'b\c"), r"'a\'b\\c'");
        let conditions = match_conditions(&["a".to_owned(), "b'".to_owned()]);
        let expression = &conditions[2]["expression"];
        assert_eq!(expression, r"!(request.userInfo.username in ['a', 'b\''])");
        assert_eq!(match_conditions(&[]).as_array().unwrap().len(), 2);
    }
}
