//! `--format text`: rustc's manner, with the source line, a caret, what is wrong, why, and the fix.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Snippet, renderer::DecorStyle};
use anstyle::{AnsiColor, Style};

use super::{FileError, FileReport, Located, Preparation, Renderer, Totals};
use crate::checks::{Check, Finding, Severity};
use crate::edit::{Applicability, Fix};

/// Writes each finding over its source line, and closing lines.
#[derive(Debug)]
pub struct Text {
    styled: bool,
    /// The first check with a finding: where to read on.
    first: Option<&'static str>,
}

impl Text {
    /// `styled`: whether to use colour.
    pub fn new(styled: bool) -> Self {
        Self { styled, first: None }
    }
}

impl Renderer for Text {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        let mut checks = report.findings.iter().map(|located| located.finding.check);
        self.first = self.first.or_else(|| checks.find(|check| Check::find(check).is_some()));
        match &report.prepared {
            Some(prepared) => out.write_all(prepared),
            None => out.write_all(file(report, self.styled).as_bytes()),
        }
    }

    fn preparation(&self) -> Preparation {
        let styled = self.styled;
        Box::new(move |report| Some(file(report, styled).into_bytes()))
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        let style = match totals.at_least(Severity::Info) + totals.errors.len() {
            _ if !self.styled => Style::new(),
            0 => Style::new().bold().fg_color(Some(AnsiColor::BrightGreen.into())),
            _ => Style::new().bold(),
        };
        writeln!(out, "{style}{}{style:#}", summary(totals))?;
        if let Some(fixable) = fixable(totals) {
            writeln!(out, "{fixable}")?;
        }
        match self.first {
            Some(check) => writeln!(out, "for what a check is about: `lithify checks {check}`"),
            None => Ok(()),
        }
    }
}

/// All of one file, each part with an empty line behind it.
fn file(report: &FileReport, styled: bool) -> String {
    let source = (!report.source.is_empty()).then_some(report.source.as_str());
    let errors = report.errors.iter().map(|broken| error(broken, source, styled));
    let findings = report.findings.iter().map(|located| finding(located, &report.source, styled));
    errors.chain(findings).fold(String::new(), |text, part| text + &part + "\n\n")
}

/// One finding over its source line; `source` is the text of its file. No final newline.
fn finding(located: &Located, source: &str, styled: bool) -> String {
    let finding = &located.finding;
    let excerpt = Excerpt::around(source, located);
    let (title, label, more) = parts(&finding.message);
    let mut snippet = Snippet::source(excerpt.text)
        .path(printable(&located.file))
        .line_start(excerpt.first_line)
        .annotation(AnnotationKind::Primary.span(excerpt.primary).label(label.map(printable)));
    for (span, (_, label)) in excerpt.related.iter().zip(&finding.related) {
        snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(printable(label)));
    }
    let mut group =
        Group::with_title(level(finding.severity).primary_title(printable(title)).id(finding.check))
            .element(snippet);
    if let Some(object) = object_line(located) {
        group = group.element(Level::NOTE.no_name().message(printable(&object).into_owned()));
    }
    for note in more.chain(finding.notes.iter().map(String::as_str)) {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    if let Some(help) = help(located) {
        group = group.element(Level::HELP.message(printable(&help).into_owned()));
    }
    renderer(styled).render(&[group])
}

/// One file that could not be judged; no final newline.
fn error(error: &FileError, source: Option<&str>, styled: bool) -> String {
    let title = Level::ERROR.primary_title(printable(&error.message));
    let line_start = source.and_then(|text| line_offset(text, error.line));
    let group = match (source, line_start) {
        (Some(text), Some(offset)) => {
            let line = &text[offset..line_end(text, offset)];
            let column = (error.column.max(1) - 1) as usize;
            let from = line.char_indices().nth(column).map_or(line.len(), |(index, _)| index);
            let to = line[from..].chars().next().map_or(from, |c| from + c.len_utf8());
            let snippet = Snippet::source(line)
                .path(printable(&error.file))
                .line_start(error.line as usize)
                .annotation(AnnotationKind::Primary.span(from..to));
            Group::with_title(title).element(snippet)
        }
        _ => Group::with_title(title).element(annotate_snippets::Origin::path(printable(&error.file))),
    };
    renderer(styled).render(&[group])
}

/// The closing line: `found 2 errors and 1 warning in 3 files`.
fn summary(totals: &Totals) -> String {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .filter(|severity| totals.count(*severity) > 0)
        .map(|severity| plural(totals.count(severity), &severity.to_string()))
        .chain((totals.count(Severity::Info) > 0).then(|| format!("{} info", totals.count(Severity::Info))))
        .collect();
    let (one, part) = if totals.is_live { ("live object", "kind") } else { ("file", "file") };
    let scope = plural(totals.files, one);
    let found = match counts.split_last() {
        None if totals.known > 0 => format!("no new findings in {scope}"),
        None => format!("no findings in {scope}"),
        Some((only, [])) => format!("found {only} in {scope}"),
        Some((last, others)) => format!("found {} and {last} in {scope}", others.join(", ")),
    };
    let mut text = found;
    if !totals.errors.is_empty() {
        text = format!("{text}; {} could not be judged", plural(totals.errors.len(), part));
    }
    for (count, word) in [(totals.exempted, "exempt"), (totals.known, "known from the baseline")] {
        if count > 0 {
            text = format!("{text}; {count} {word}");
        }
    }
    text
}

fn fixable(totals: &Totals) -> Option<String> {
    match totals.fixable {
        (0, 0) => None,
        // The fixer repairs files.
        _ if totals.is_live => None,
        (0, risky) => Some(format!("{risky} fixable with `lithify fix --unsafe`")),
        (safe, 0) => Some(format!("{safe} fixable with `lithify fix`")),
        (safe, risky) => Some(format!("{safe} fixable with `lithify fix`, {risky} more with `--unsafe`")),
    }
}

/// A finding's message in three: what is wrong, for the title; the value and what it must be, for the caret; what
/// follows from it, for notes. A message that is no such sentence is a title.
fn parts(message: &str) -> (&str, Option<&str>, impl Iterator<Item = &str>) {
    // Not behind a name or a path alone: that would leave a title which says nothing.
    let is_sentence = |title: &&str| title.contains(' ') && !title.ends_with(['"', ')']);
    let split = message.split_once(": ").filter(|(title, _)| is_sentence(title));
    let (title, rest) = split.unwrap_or((message, ""));
    let mut clauses = rest.split("; ").filter(|clause| !clause.is_empty());
    (title, clauses.next(), clauses)
}

fn renderer(styled: bool) -> annotate_snippets::Renderer {
    use annotate_snippets::Renderer;
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii)
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Info => Level::INFO,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    }
}

/// Text of a file for a terminal: what would move its cursor, colour it or turn the direction of a line is written
/// as an escape.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

fn object_line(located: &Located) -> Option<String> {
    let object = &located.object;
    if object.name.is_empty() {
        return None;
    }
    let namespace =
        if object.namespace.is_empty() { String::new() } else { format!("{}/", object.namespace) };
    let container =
        located.finding.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
    Some(format!("in {} {namespace}{}{container}", object.kind, object.name))
}

fn help(located: &Located) -> Option<String> {
    let fix = located.finding.fix.as_ref()?;
    Some(match fix.applicability {
        Applicability::DisplayOnly => fix.title.clone().into_owned(),
        Applicability::Safe => format!("{} (safe fix)", fix.title),
        Applicability::Unsafe if fix.reasons.is_empty() => {
            format!("{} (unsafe fix: may change behaviour)", fix.title)
        }
        Applicability::Unsafe => match reasons_beside(&located.finding, fix).as_str() {
            "" => format!("{} (unsafe fix)", fix.title),
            reasons => format!("{} (unsafe fix: {reasons})", fix.title),
        },
    })
}

/// The reasons of a fix that the finding does not give already.
fn reasons_beside(finding: &Finding, fix: &Fix) -> String {
    let is_new = |reason: &&str| {
        !finding.message.contains(*reason) && !finding.notes.iter().any(|note| note == reason)
    };
    fix.reasons.iter().map(String::as_str).filter(is_new).collect::<Vec<_>>().join("; ")
}

/// The part of a file from the first to the last line that a finding points at, with spans relative to it.
struct Excerpt<'s> {
    text: &'s str,
    first_line: usize,
    primary: Range<usize>,
    related: Vec<Range<usize>>,
}

impl<'s> Excerpt<'s> {
    fn around(source: &'s str, located: &Located) -> Self {
        let primary = first_line_of(source, &located.span);
        let related: Vec<_> =
            located.related.iter().map(|place| first_line_of(source, &place.span)).collect();
        let lowest = related.iter().map(|span| span.start).fold(primary.start, usize::min);
        let highest = related.iter().map(|span| span.end).fold(primary.end, usize::max);
        let from = source[..lowest].rfind('\n').map_or(0, |newline| newline + 1);
        let to = line_end(source, highest);
        let shift = |span: Range<usize>| span.start - from..span.end - from;
        let lines_before = source[from..primary.start].bytes().filter(|byte| *byte == b'\n').count();
        Self {
            text: &source[from..to],
            first_line: (located.position.line as usize).saturating_sub(lines_before).max(1),
            primary: shift(primary),
            related: related.into_iter().map(shift).collect(),
        }
    }
}

/// A node may span many lines; pointing at its first one is enough, and legible.
fn first_line_of(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = span.start.min(source.len());
    start..span.end.clamp(start, line_end(source, start))
}

fn line_end(source: &str, from: usize) -> usize {
    let end = source[from..].find('\n').map_or(source.len(), |newline| from + newline);
    if source[from..end].ends_with('\r') { end - 1 } else { end }
}

fn line_offset(text: &str, line: u32) -> Option<usize> {
    match line {
        0 => None,
        1 => Some(0),
        line => text.match_indices('\n').nth(line as usize - 2).map(|(index, _)| index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    #[test]
    fn shows_the_line_the_reason_and_the_fix() {
        let text = finding(&sample::located(), sample::SOURCE, false);
        let expected = "\
error[privileged]: container is privileged
 --> pod.yaml:4:5
  |
1 | kind: Pod
  | --------- of this object
...
4 |   - name: web
  |     ^^^^^^^^^
  |
  = in Pod p, container web
  = note: it can do all that the host's root can
  = help: set privileged to false (unsafe fix: may change behaviour)";
        assert_eq!(text, expected);
    }

    fn broken(line: u32, column: u32) -> FileError {
        FileError { file: "a.yaml".to_owned(), line, column, message: "tab in indentation".to_owned() }
    }

    #[test]
    fn points_at_the_character_that_cannot_be_parsed() {
        let text = error(&broken(2, 4), Some("a:\n  é\tb: 1\n"), false);
        assert!(text.contains("--> a.yaml:2:4") && text.contains("2 |   é"), "{text}");
    }

    #[test]
    fn survives_positions_outside_of_the_source() {
        assert!(error(&broken(9, 9), Some("a: 1\n"), false).contains("a.yaml"));
    }

    #[test]
    fn says_the_value_at_the_caret_and_the_rest_below() {
        let mut located = sample::located();
        located.finding.message =
            "container \"web\" is privileged: privileged is true; it is void".to_owned();
        let text = finding(&located, sample::SOURCE, false);
        for part in [
            "error[privileged]: container \"web\" is privileged\n",
            "^^^^^^^^^ privileged is true\n",
            "= note: it is void\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let message = "container \"web\": securityContext is a list";
        assert_eq!(parts(message).0, message);
        assert_eq!(parts("rules[0].verbs: a; b").0, "rules[0].verbs: a; b");
    }

    #[test]
    fn tells_what_can_be_fixed_and_where_to_read_on() {
        let text = sample::rendered(&mut Text::new(false));
        let closing = "found 1 error in 3 files; 1 file could not be judged\n\
            1 fixable with `lithify fix --unsafe`\n\
            for what a check is about: `lithify checks privileged`\n";
        assert!(text.ends_with(closing), "{text}");
        let totals = Totals { fixable: (2, 3), ..Totals::default() };
        assert_eq!(fixable(&totals).unwrap(), "2 fixable with `lithify fix`, 3 more with `--unsafe`");
    }

    #[test]
    fn counts_by_severity() {
        let mut totals = Totals { files: 1, ..Totals::default() };
        assert_eq!(summary(&totals), "no findings in 1 file");
        totals.findings.insert(Severity::Error, 2);
        assert_eq!(summary(&totals), "found 2 errors in 1 file");
        totals.findings.insert(Severity::Warning, 1);
        assert_eq!(summary(&totals), "found 2 errors and 1 warning in 1 file");
        let broken = broken(1, 1);
        let totals = Totals { files: 2, errors: vec![broken], ..Totals::default() };
        assert_eq!(summary(&totals), "no findings in 2 files; 1 file could not be judged");
    }
}
