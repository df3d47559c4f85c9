//! The table of keys as a document.

use std::fmt::Write as _;

use super::keys::{Effect, KEYS, Kind};

/// Every key with its type, default and meaning, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Configuration of lithify-probe\n\n\
         The keys of falco.yaml, and `otlp_output`. Written from the table in `probes/src/config/keys.rs`.\n\n\
         - Keys may be set on the command line: `-o engine.kind=nodriver`, `-o 'rules[].disable.tag=network'`.\n\
         - `${NAME}` in a value is the environment variable; `$${NAME}` stands for itself.\n\
         - A key marked *no meaning here* is known from Falco and warned of once; `--strict` makes it an error, as \
           it does with unknown keys.\n\n\
         | key | value | default | meaning |\n|:----|:------|:--------|:--------|\n",
    );
    for key in KEYS {
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let meaning = match key.effect {
            Effect::Works => key.meaning.to_owned(),
            Effect::Met => format!("{} (nothing to set)", key.meaning),
            Effect::Idle => format!("*no meaning here*: {}", key.meaning),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(out, "| `{}` | {} | {default} | {meaning} |", key.path, value(key.kind));
    }
    out
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true, false".to_owned(),
        Kind::Integer(least, i64::MAX) => format!("number from {least}"),
        Kind::Integer(least, most) => format!("{least} to {most}"),
        Kind::Number => "number".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::OneOf(words) => words.join(", "),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Words(words) => format!("list of {}", words.join(", ")),
        Kind::Any => "see there".to_owned(),
    }
}
