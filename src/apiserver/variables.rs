//! `$(VAR)` in a container's command, expanded as the kubelet does.

use std::collections::HashMap;

use serde_json::Value;

/// What is known, from the manifest alone, about a container's environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    known: HashMap<String, String>,
    /// Variables whose value comes from elsewhere: `valueFrom`, or a value that refers to such a one.
    unknown: Vec<String>,
    /// `envFrom`: any name may be defined.
    open: bool,
}

/// A text after expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// What the process gets.
    Known(String),
    /// The name of a variable whose value the manifest does not tell.
    Unknown(String),
}

impl Environment {
    pub(crate) fn of(container: &Value) -> Self {
        let open = container["envFrom"].as_array().is_some_and(|sources| !sources.is_empty());
        let mut environment = Self { open, ..Self::default() };
        for variable in container["env"].as_array().into_iter().flatten() {
            let Some(name) = variable["name"].as_str() else { continue };
            environment.define(name, variable);
        }
        environment
    }

    fn define(&mut self, name: &str, variable: &Value) {
        let from_elsewhere = variable.get("valueFrom").is_some_and(|source| !source.is_null());
        let value = variable["value"].as_str().unwrap_or_default();
        let expanded = if from_elsewhere { Expanded::Unknown(name.to_owned()) } else { self.expand(value) };
        self.unknown.retain(|other| other != name);
        self.known.remove(name);
        match expanded {
            Expanded::Known(value) => drop(self.known.insert(name.to_owned(), value)),
            Expanded::Unknown(_) => self.unknown.push(name.to_owned()),
        }
    }

    /// Expands `$(VAR)`; `$$` is a dollar sign; what is not defined stays as it is written.
    ///
    /// Source: Kubernetes "Define a Command and Arguments for a Container".
    pub(crate) fn expand(&self, text: &str) -> Expanded {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
                match self.known.get(name) {
                    Some(value) => out.push_str(value),
                    None if self.open || self.unknown.iter().any(|other| other == name) => {
                        return Expanded::Unknown(name.to_owned());
                    }
                    None => out.extend(["$(", name, ")"]),
                }
                rest = after;
            } else {
                out.push('$');
            }
        }
        out.push_str(rest);
        Expanded::Known(out)
    }
}

/// The text to write into a command so that the process gets `value`.
pub(crate) fn escape(value: &str) -> String {
    value.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(text: &str) -> Expanded {
        Expanded::Known(text.to_owned())
    }

    #[test]
    fn expands_as_the_kubelet_does() {
        let env =
            json!([{"name": "DIR", "value": "/var/log"}, {"name": "FILE", "value": "$(DIR)/audit.log"}]);
        let environment = Environment::of(&json!({"env": env}));
        assert_eq!(
            environment.expand("--audit-log-path=$(FILE)"),
            known("--audit-log-path=/var/log/audit.log")
        );
        assert_eq!(environment.expand("$$(DIR) $(NONE) $x a$"), known("$(DIR) $(NONE) $x a$"));
    }

    #[test]
    fn knows_what_the_manifest_does_not_tell() {
        let env = json!([{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]);
        let environment = Environment::of(&json!({"env": env}));
        assert_eq!(environment.expand("$(IP)"), Expanded::Unknown("IP".to_owned()));
        let environment = Environment::of(&json!({"envFrom": [{"configMapRef": {"name": "x"}}]}));
        assert_eq!(environment.expand("$(ANY)"), Expanded::Unknown("ANY".to_owned()));
    }

    #[test]
    fn what_is_escaped_expands_to_itself() {
        let environment = Environment::of(&json!({"env": [{"name": "A", "value": "b"}]}));
        for text in ["plain", "$", "$$", "$(A)", "a$b", "$$(A)$"] {
            assert_eq!(environment.expand(&escape(text)), known(text));
        }
    }
}
