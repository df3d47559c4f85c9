//! What is wrong with a configuration, and where.

use std::fmt;

/// A byte of one of the texts that a configuration is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) at: usize,
}

/// The texts that a configuration is made of: files, and options of the command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    texts: Vec<(String, String)>,
}

impl Sources {
    /// Adds a text under the name that errors give it.
    pub(super) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.texts.push((name.into(), text.into()));
        self.texts.len() - 1
    }

    /// A thing to say about a place.
    pub(super) fn problem(&self, place: Place, message: impl Into<String>) -> Problem {
        let (name, text) = &self.texts[place.source];
        let mut at = place.at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default().trim_end();
        Problem {
            file: name.clone(),
            line: text[..at].matches('\n').count() + 1,
            column: text[start..at].chars().count() + 1,
            source: line.to_owned(),
            message: message.into(),
            help: None,
            is_error: true,
        }
    }
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as given, or the option.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line as it stands there.
    pub source: String,
    /// What was expected and found.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// It keeps the configuration from being used.
    pub is_error: bool,
}

/// Longer lines are cut around the place.
const SHOWN: usize = 160;

impl Problem {
    pub(super) fn help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into);
        self
    }

    /// `file:line:column: message; help`, for a log.
    pub fn one_line(&self) -> String {
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}:{}:{}: {}{help}", self.file, self.line, self.column, self.message)
    }
}

impl fmt::Display for Problem {
    /// The message over its source line, as rule files' errors are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = " ".repeat(self.line.to_string().len());
        let level = if self.is_error { "error" } else { "warning" };
        writeln!(f, "{level}: {}", self.message)?;
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        if !self.source.trim().is_empty() {
            let before = self.source.chars().take(self.column - 1).count();
            let skipped = before.saturating_sub(SHOWN / 2);
            let shown: String = self.source.chars().skip(skipped).take(SHOWN).collect();
            let caret = " ".repeat(before - skipped);
            writeln!(f, "{margin} |\n{} | {}", self.line, shown.replace('\t', " "))?;
            writeln!(f, "{margin} | {caret}^")?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// A configuration that cannot be used, with everything that is wrong or odd in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| problem.fmt(f))
    }
}
