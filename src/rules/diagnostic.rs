//! What loading rules has to say: each with its place, and what was probably meant.

use serde_json::{Value as Json, json};

use super::code::{Code, Level};
use super::source_text::{Sources, Spot};

/// A step on the way from a file to the place: the rule, the key, the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Falco's word for it: `rule`, `macro condition`, `list item`, ….
    pub item_type: &'static str,
    /// The rule's name, the key's, or nothing.
    pub item_name: String,
    /// Where it stands.
    pub spot: Spot,
}

/// The way from a file to a place in it, outermost first; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<Location>);

impl Context {
    /// A file as a whole.
    pub(super) fn file(file: usize) -> Self {
        let spot = Spot { file, bytes: 0..0 };
        Self(vec![Location { item_type: "rules content", item_name: String::new(), spot }])
    }

    /// One step further.
    pub(super) fn join(&self, item_type: &'static str, item_name: impl Into<String>, spot: Spot) -> Self {
        let mut steps = self.0.clone();
        steps.push(Location { item_type, item_name: item_name.into(), spot });
        Self(steps)
    }

    /// The last step.
    ///
    /// # Panics
    /// Never: a context begins with its file.
    pub fn last(&self) -> &Location {
        self.0.last().expect("a context begins with its file")
    }

    /// Where it ends.
    pub fn spot(&self) -> &Spot {
        &self.last().spot
    }

    /// Every step.
    pub fn locations(&self) -> &[Location] {
        &self.0
    }
}

/// One thing to say about rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of thing.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub context: Context,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<(Spot, String)>,
}

impl Diagnostic {
    pub(super) fn new(code: Code, message: impl Into<String>, context: Context) -> Self {
        Self { code, message: message.into(), context, suggestion: None, related: Vec::new() }
    }

    pub(super) fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    pub(super) fn relate(mut self, spot: &Spot, label: impl Into<String>) -> Self {
        self.related.push((spot.clone(), label.into()));
        self
    }
}

/// What there is to say about one file.
#[derive(Clone, Debug)]
pub struct FileResult {
    /// The file's path as given.
    pub name: String,
    /// Errors, warnings and notices, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl FileResult {
    /// Whether there is no error.
    pub fn is_successful(&self) -> bool {
        self.at_level(Level::Error).next().is_none()
    }

    /// What is exactly this bad.
    pub fn at_level(&self, level: Level) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(move |diagnostic| diagnostic.code.level() == level)
    }

    /// Whether the file has no key that Falco's schema does not know.
    pub fn fits_schema(&self) -> bool {
        !self.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::UnknownKey)
    }

    /// An element of Falco's `falco_load_results`, with `suggestion`, `related` and `notices` beside.
    ///
    /// Unlike Falco's, lines and columns count from 1, and a place inside a condition is one of its file.
    pub fn to_json(&self, sources: &Sources) -> Json {
        let list = |level| -> Vec<Json> {
            self.at_level(level).map(|diagnostic| diagnostic_json(diagnostic, sources)).collect()
        };
        json!({
            "name": self.name,
            "successful": self.is_successful(),
            "errors": list(Level::Error),
            "warnings": list(Level::Warning),
            "notices": list(Level::Notice),
        })
    }

    /// The file's line and what follows it: Falco's first line, then each diagnostic over its source line.
    pub fn to_text(&self, sources: &Sources) -> String {
        let verdict = match (self.is_successful(), self.at_level(Level::Warning).next()) {
            (true, None) => "Ok",
            (true, Some(_)) => "Ok, with warnings",
            (false, _) => "Invalid",
        };
        let mut text = format!("{}: {verdict}\n", self.name);
        for diagnostic in &self.diagnostics {
            text.push_str(&diagnostic_text(diagnostic, sources));
        }
        text
    }
}

fn diagnostic_json(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let position = |spot: &Spot| {
        let position = sources.position(spot);
        json!({
            "name": sources.name(spot.file),
            "line": position.line,
            "column": position.column,
            "offset": spot.bytes.start,
        })
    };
    let locations: Vec<Json> = diagnostic
        .context
        .locations()
        .iter()
        .map(|step| {
            json!({"item_type": step.item_type, "item_name": step.item_name, "position": position(&step.spot)})
        })
        .collect();
    let spot = diagnostic.context.spot();
    let mut json = json!({
        "code": diagnostic.code.name(),
        "codedesc": diagnostic.code.summary(),
        "message": diagnostic.message,
        "context": {"locations": locations, "snippet": snippet(spot, sources)},
    });
    if let Some(suggestion) = &diagnostic.suggestion {
        json["suggestion"] = suggestion.as_str().into();
    }
    if !diagnostic.related.is_empty() {
        let related = diagnostic.related.iter();
        json["related"] =
            related.map(|(spot, label)| json!({"message": label, "position": position(spot)})).collect();
    }
    json
}

/// Lines longer than this are cut around the place.
const SNIPPET_WIDTH: usize = 160;

/// The source line of a spot and a caret below it.
fn snippet(spot: &Spot, sources: &Sources) -> String {
    let (line, caret) = excerpt(spot, sources);
    format!("{line}\n{}^\n", " ".repeat(caret))
}

/// The source line of a spot, cut where it is long, and the column of the spot in it, from 0.
fn excerpt(spot: &Spot, sources: &Sources) -> (String, usize) {
    let (line, at) = sources.line(spot);
    let before: Vec<char> = line[..at].chars().collect();
    let after = line[at..].chars();
    let half = SNIPPET_WIDTH / 2;
    let kept = before.len().min(half);
    let mut shown: String = if before.len() > half { "...".to_owned() } else { String::new() };
    shown.extend(&before[before.len() - kept..]);
    let caret = shown.chars().count();
    let rest: String = after.clone().take(half).collect();
    shown.push_str(&rest);
    if after.count() > half {
        shown.push_str("...");
    }
    (shown.replace('\t', " "), caret)
}

fn diagnostic_text(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.code.level() {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "note",
    };
    let mut text = match diagnostic.code {
        Code::Notice => format!("{level}: {}\n", diagnostic.message),
        code => format!("{level}[{}]: {}\n", code.name(), diagnostic.message),
    };
    text.push_str(&source_block(diagnostic.context.spot(), "-->", sources));
    let steps: Vec<String> =
        diagnostic.context.locations().iter().skip(1).filter_map(step_in_words).collect();
    let margin = margin(diagnostic.context.spot(), sources);
    if !steps.is_empty() {
        text.push_str(&[&margin, " = in ", &steps.join(", "), "\n"].concat());
    }
    if let Some(suggestion) = &diagnostic.suggestion {
        text.push_str(&[&margin, " = help: ", suggestion, "\n"].concat());
    }
    for (spot, label) in &diagnostic.related {
        text.push_str(&[&margin, " = note: ", label, "\n"].concat());
        text.push_str(&source_block(spot, ":::", sources));
    }
    text
}

fn step_in_words(step: &Location) -> Option<String> {
    match (step.item_type, step.item_name.as_str()) {
        ("rules content item" | "condition expression" | "rule output expression", _) => None,
        (what, "") => Some(what.to_owned()),
        (what, name) => Some(format!("{what} '{name}'")),
    }
}

fn margin(spot: &Spot, sources: &Sources) -> String {
    " ".repeat(sources.position(spot).line.to_string().len())
}

fn source_block(spot: &Spot, arrow: &str, sources: &Sources) -> String {
    let (line, caret) = excerpt(spot, sources);
    let margin = margin(spot, sources);
    let number = sources.position(spot).line;
    let at = sources.link(spot);
    if line.trim().is_empty() {
        return format!("{margin}{arrow} {at}\n");
    }
    let caret = " ".repeat(caret);
    format!("{margin}{arrow} {at}\n{margin} |\n{number} | {line}\n{margin} | {caret}^\n")
}
