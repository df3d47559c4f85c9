//! Where in a chart's template a place of a rendered object comes from, as well as can be told: a template is no
//! YAML, but most of its lines look like the YAML that they become.
//!
//! Data in: the template's text, the object, a pointer into it. Data out: the bytes of a line. The way down is
//! that of the pointer: key by key, each deeper than the one above it, items by the name of the container or else
//! by counting dashes. Where the template makes a part by other means (`toYaml`, `include`), the last line that
//! was found stands for what is below it.

use std::ops::Range;

use crate::lint::report::{Located, ObjectRef};

/// One line of a template.
#[derive(Clone, Copy, Debug)]
struct Line<'t> {
    /// Offset of its first byte that is no blank.
    start: usize,
    /// Blanks before that.
    indent: usize,
    /// Without blanks around it.
    text: &'t str,
}

impl Line<'_> {
    /// Nothing, a comment, or a line that steers the template, at whatever indentation.
    fn is_aside(&self) -> bool {
        self.text.is_empty() || self.text.starts_with('#') || self.text.starts_with("{{")
    }

    fn is_item(&self) -> bool {
        self.text == "-" || self.text.starts_with("- ")
    }

    /// What it says behind the dash of an item, and how far that is indented.
    fn content(&self) -> (usize, &str) {
        match self.text.strip_prefix('-') {
            Some(rest) if self.is_item() => {
                let text = rest.trim_start();
                (self.indent + self.text.len() - text.len(), text)
            }
            _ => (self.indent, self.text),
        }
    }

    fn has_key(&self, key: &str) -> bool {
        let (_, text) = self.content();
        let text = text.trim_start_matches(['"', '\'']);
        text.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
    }

    /// The value, where the line is `key: value`.
    fn value(&self, key: &str) -> Option<&str> {
        if !self.has_key(key) {
            return None;
        }
        Some(self.content().1.split_once(':')?.1.trim().trim_matches(['"', '\'']))
    }

    fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// The line of `template` that a finding in what it rendered to is about.
pub(super) fn place(template: &str, located: &Located) -> Range<usize> {
    let lines: Vec<Line<'_>> = lines(template).collect();
    let document = document_of(&lines, &located.object);
    let mut best = document.iter().find(|line| line.value("kind").is_some()).or(document.first());
    let mut below = document;
    for token in located.finding.pointer.tokens() {
        let found = match token.parse::<usize>() {
            Ok(index) => item(below, index, located.finding.container.as_deref()),
            Err(_) => entry(below, token),
        };
        let Some((line, rest)) = found else { break };
        best = Some(line);
        below = rest;
    }
    best.map_or(0..0, Line::span)
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let body = line.trim_end();
        let text = body.trim_start();
        let indent = body.len() - text.len();
        let start = offset + indent;
        offset += line.len();
        Line { start, indent, text }
    })
}

/// The part of the template, between `---` lines, that has an object of this kind, best one of this name.
fn document_of<'l, 't>(lines: &'l [Line<'t>], object: &ObjectRef) -> &'l [Line<'t>] {
    let documents = || lines.split(|line| line.text == "---");
    let has = |document: &&[Line<'_>], key: &str, value: &str| {
        document.iter().any(|line| line.value(key).is_some_and(|found| found == value))
    };
    let of_kind = || documents().filter(|document| has(document, "kind", &object.kind));
    let named = of_kind().find(|document| has(document, "name", &object.name));
    named.or_else(|| of_kind().next()).unwrap_or(lines)
}

/// The entry of a key in the mapping that begins with the first line, and what is below it.
fn entry<'l, 't>(lines: &'l [Line<'t>], key: &str) -> Option<(&'l Line<'t>, &'l [Line<'t>])> {
    let level = lines.iter().filter(|line| !line.is_aside()).map(|line| line.content().0).min()?;
    // In a document the keys of the root stand at the level of the whole; a template may indent what it includes.
    let at = lines.iter().position(|line| line.content().0 == level && line.has_key(key));
    let at = at.or_else(|| lines.iter().position(|line| line.has_key(key)))?;
    let line = &lines[at];
    let depth = line.content().0;
    let ends = |next: &Line<'_>| {
        !next.is_aside() && (next.indent < depth || (next.indent == depth && !next.is_item()))
    };
    let rest = &lines[at + 1..];
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    Some((line, &rest[..end]))
}

/// The item of the sequence, by the container's name where it stands in the template, and its lines.
fn item<'l, 't>(
    lines: &'l [Line<'t>],
    index: usize,
    name: Option<&str>,
) -> Option<(&'l Line<'t>, &'l [Line<'t>])> {
    let first = lines.iter().find(|line| line.is_item())?.indent;
    let starts: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.is_item() && line.indent == first)
        .map(|(at, _)| at)
        .collect();
    let of = |place: usize| {
        let end = starts.get(place + 1).copied().unwrap_or(lines.len());
        &lines[starts[place]..end]
    };
    let is_named = |place: &usize| name.is_some() && of(*place).iter().any(|line| line.value("name") == name);
    let place = (0..starts.len()).find(is_named).or((index < starts.len()).then_some(index))?;
    Some((&lines[starts[place]], of(place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    const TEMPLATE: &str = r#"{{- if .Values.enabled }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports: []
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  {{- with .Values.replicas }}
  replicas: {{ . }}
  {{- end }}
  template:
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "nginx"
          securityContext:
            {{- toYaml .Values.securityContext | nindent 12 }}
        - image: sidecar
          name: proxy
          securityContext:
            privileged: true
      hostNetwork: true
{{- end }}
"#;

    fn line(pointer: &str, container: Option<&str>) -> &'static str {
        let mut located = sample::located();
        located.object = ObjectRef { kind: "Deployment".to_owned(), ..ObjectRef::default() }.into();
        located.finding.pointer = pointer.parse().unwrap();
        located.finding.container = container.map(str::to_owned);
        &TEMPLATE[place(TEMPLATE, &located)]
    }

    #[test]
    fn follows_a_pointer_down_the_lines() {
        assert_eq!(line("/spec/template/spec/hostNetwork", None), "hostNetwork: true");
        let privileged = "/spec/template/spec/containers/1/securityContext/privileged";
        assert_eq!(line(privileged, Some("proxy")), "privileged: true");
        assert_eq!(line("/spec/template/spec/containers/1/ports/0", None), "- image: sidecar");
    }

    #[test]
    fn stops_at_what_the_template_makes_by_other_means() {
        let privileged = "/spec/template/spec/containers/0/securityContext/privileged";
        assert_eq!(line(privileged, Some("web")), "securityContext:");
        assert_eq!(line("/spec/template/spec/volumes/0", None), "spec:");
        assert_eq!(line("", None), "kind: Deployment");
    }

    proptest::proptest! {
        #[test]
        fn survives_lines_of_anything(
            text in "((  )?(- )?(kind|spec|name|a)?(: )?(\\{\\{ x \\}\\}|Pod|é|---|#)?\n){0,12}",
            pointer in "(/(spec|a|0|1|name)){0,4}",
        ) {
            let mut located = sample::located();
            located.finding.pointer = pointer.parse().unwrap();
            proptest::prop_assert!(text.get(place(&text, &located)).is_some());
        }
    }

    #[test]
    fn survives_templates_of_anything() {
        let mut located = sample::located();
        for text in
            ["", "\n", "{{ include \"x\" . }}", "- - -\n-\n", "---\n---", "kind: Pod", "é: {{ \"é\" }}\n- é"]
        {
            for pointer in ["", "/a", "/0/0/0", "/spec/containers/0"] {
                located.finding.pointer = pointer.parse().unwrap();
                assert!(text.get(place(text, &located)).is_some());
            }
        }
    }
}
