//! The tree of a condition as JSON, for editors and other tools.

use serde_json::{Value as Json, json};

use super::{Argument, Expr, Literal, Operand, Place, Right};

impl Expr {
    /// The tree: `{"node": "and"|"or"|"not"|"macro"|"check", "offset": …, …}`, offsets in bytes.
    pub fn to_json(&self) -> Json {
        match self {
            Self::And(place, children) => several("and", *place, children),
            Self::Or(place, children) => several("or", *place, children),
            Self::Not(place, child) => json!({"node": "not", "offset": place.0, "child": child.to_json()}),
            Self::Macro(place, name) => json!({"node": "macro", "offset": place.0, "name": name}),
            Self::Check(check) => {
                let mut json = json!({
                    "node": "check",
                    "offset": check.place.0,
                    "left": operand(&check.left),
                    "operator": check.operator.name(),
                });
                if let Some(quantifier) = check.quantifier {
                    json["quantifier"] = quantifier.name().into();
                }
                if let Some(right) = &check.right {
                    json["right"] = right_side(right);
                }
                json
            }
        }
    }
}

fn several(node: &str, place: Place, children: &[Expr]) -> Json {
    let children: Vec<Json> = children.iter().map(Expr::to_json).collect();
    json!({"node": node, "offset": place.0, "children": children})
}

fn right_side(right: &Right) -> Json {
    match right {
        Right::Value(literal) => value(literal),
        Right::List(place, items) => {
            let items: Vec<Json> = items.iter().map(value).collect();
            json!({"node": "list", "offset": place.0, "items": items})
        }
        Right::Operand(right) => operand(right),
    }
}

fn value(literal: &Literal) -> Json {
    json!({"node": "value", "offset": literal.place.0, "value": literal.text(), "quoted": literal.is_quoted})
}

fn operand(operand: &Operand) -> Json {
    let (mut json, argument) = match operand {
        Operand::Field(place, name, argument) => {
            (json!({"node": "field", "offset": place.0, "name": name}), argument)
        }
        Operand::Call(place, function, arguments, argument) => {
            let arguments: Vec<Json> = arguments.iter().map(call_argument).collect();
            let name = function.name();
            (json!({"node": "call", "offset": place.0, "function": name, "arguments": arguments}), argument)
        }
    };
    if let Some(argument) = argument {
        json["argument"] = argument.as_str().into();
    }
    json
}

fn call_argument(argument: &Argument) -> Json {
    match argument {
        Argument::Number(place, number) => json!({"node": "number", "offset": place.0, "value": number}),
        Argument::Text(literal) => value(literal),
        Argument::List(place, items) => {
            let items: Vec<Json> = items.iter().map(call_argument).collect();
            json!({"node": "list", "offset": place.0, "items": items})
        }
        Argument::Operand(inner) => operand(inner),
    }
}
