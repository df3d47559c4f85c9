//! What stands above the findings: coverage, severities, groups to filter by, and what was not judged.

use std::io::{self, Write};

use jiff::civil::Date;

use super::super::{Coverage, Totals, about};
use super::escape::{Encoded, Escaped, Grouped};
use super::groups::{Counts, Groups};
use crate::checks::Severity;

/// Units of a bar's length.
const BAR: usize = 1000;

pub(super) fn write(totals: &Totals, groups: &Groups, date: Date, out: &mut dyn Write) -> io::Result<()> {
    let findings: usize = totals.findings.values().sum();
    write!(
        out,
        "<main id=\"summary\">\n<header>\n<h1>{}</h1>\n<p>{} {}, {} {} · {date} · Lithify {}</p>\n</header>\n",
        headline(totals, findings),
        Grouped(totals.files),
        plural(totals.files, "file"),
        Grouped(totals.objects),
        plural(totals.objects, "object"),
        env!("CARGO_PKG_VERSION"),
    )?;
    if !totals.errors.is_empty() {
        let count = totals.errors.len();
        writeln!(
            out,
            "<p class=\"alarm\"><a href=\"#unjudged\">{} {} could not be judged</a></p>",
            Grouped(count),
            plural(count, "file"),
        )?;
    }
    out.write_all(b"<div class=\"hero\">\n")?;
    write_coverage(&totals.coverage, out)?;
    write_severities(totals, out)?;
    out.write_all(b"</div>\n")?;
    if findings > 0 {
        out.write_all(b"<div class=\"columns\">\n<aside class=\"groups\">\n")?;
        write_checks(groups, out)?;
        write_namespaces(groups, out)?;
        write_files(groups, out)?;
        out.write_all(b"</aside>\n")?;
        write_list(groups, findings, out)?;
        out.write_all(b"</div>\n")?;
    }
    write_allowed(totals, groups, out)?;
    write_unjudged(totals, out)?;
    out.write_all(b"</main>\n")
}

fn headline(totals: &Totals, findings: usize) -> String {
    match (totals.files, findings) {
        (0, _) => "Nothing was judged".to_owned(),
        (_, 0) if !totals.errors.is_empty() => "No findings in what could be judged".to_owned(),
        (_, 0) => "No findings".to_owned(),
        (_, 1) => "1 finding".to_owned(),
        _ => format!("{} findings", Grouped(findings)),
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// Rounded down, so that 100 % means all.
fn percent(part: usize, whole: usize) -> usize {
    (part * 100).checked_div(whole).unwrap_or_default()
}

/// The containers that lack a read-only root and are not exempt.
fn in_need(coverage: &Coverage) -> usize {
    coverage.containers - coverage.read_only - coverage.exempt - coverage.void
}

fn write_coverage(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    if coverage.containers == 0 {
        return Ok(());
    }
    let parts = coverage_parts(coverage);
    let words = ["read-only", "read-only in name only: privileged", "exempt", "need it"];
    write!(
        out,
        "<section class=\"cover\"><h2>Read-only root filesystems</h2>\n<p><b>{} %</b> of {} {}</p>\n{}\n<ul>\n",
        percent(coverage.read_only, coverage.containers),
        Grouped(coverage.containers),
        plural(coverage.containers, "container"),
        bar(&parts, coverage.containers),
    )?;
    for ((class, count), word) in parts.into_iter().zip(words).filter(|((_, count), _)| *count > 0) {
        writeln!(out, "<li class=\"{class}\"><b>{}</b> {word}", Grouped(count))?;
    }
    out.write_all(b"</ul></section>\n")
}

fn coverage_parts(coverage: &Coverage) -> [(&'static str, usize); 4] {
    [
        ("ro", coverage.read_only),
        ("void", coverage.void),
        ("exempt", coverage.exempt),
        ("need", in_need(coverage)),
    ]
}

fn write_severities(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<section class=\"cards\" aria-label=\"By severity\">\n")?;
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let count = totals.count(severity);
        let word = if severity == Severity::Info {
            severity.to_string()
        } else {
            plural(count, &severity.to_string())
        };
        writeln!(
            out,
            "<a class=\"{}\" href=\"#severity={severity}\" data-key=\"{severity}\"><b>{}</b> {word}</a>",
            super::class(severity),
            Grouped(count),
        )?;
    }
    let (safe, risky) = totals.fixable;
    if safe + risky > 0 {
        let risky = match risky {
            0 => String::new(),
            _ => format!("<small>{} more with <code>--unsafe</code></small>", Grouped(risky)),
        };
        writeln!(out, "<p><b>{}</b> repaired by <code>lithify fix</code> {risky}</p>", Grouped(safe))?;
    }
    out.write_all(b"</section>\n")
}

fn open_group(title: &str, filter: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section><h2>{title}</h2><div><table data-filter=\"{filter}\"><thead><tr><th scope=\"col\">\
         <th scope=\"col\">findings{}</thead>",
        if filter == "namespace" { "<th scope=\"col\">read-only" } else { "" }
    )
}

fn write_checks(groups: &Groups, out: &mut dyn Write) -> io::Result<()> {
    open_group("By check", "check", out)?;
    let checks = groups.checks();
    let most = checks.first().map_or(1, |(_, counts)| counts.sum());
    for (check, counts) in checks {
        group_row("check", check, check, &about(check), (counts, most), out)?;
    }
    out.write_all(b"</table></div></section>\n")
}

fn write_namespaces(groups: &Groups, out: &mut dyn Write) -> io::Result<()> {
    open_group("By namespace", "namespace", out)?;
    let namespaces = groups.namespaces();
    let most = namespaces.first().map_or(1, |(_, namespace)| namespace.findings.sum());
    for (name, namespace) in namespaces {
        let shown = if name.is_empty() { "none given" } else { name };
        group_row("namespace", name, shown, "", (namespace.findings, most), out)?;
        let coverage = &namespace.coverage;
        let share = match coverage.containers {
            0 => String::new(),
            all => {
                let percent = percent(coverage.read_only, all);
                format!(
                    "<small>{percent} % of {}</small> {}",
                    Grouped(all),
                    bar(&coverage_parts(coverage), all)
                )
            }
        };
        writeln!(out, "<td>{share}")?;
    }
    out.write_all(b"</table></div></section>\n")
}

fn write_files(groups: &Groups, out: &mut dyn Write) -> io::Result<()> {
    open_group("Worst files", "file", out)?;
    let most = groups.files.first().map_or(1, |(_, counts)| counts.sum());
    for (file, counts) in &groups.files {
        group_row("file", file, file, "", (*counts, most), out)?;
    }
    out.write_all(b"</table></div></section>\n")
}

/// A row that filters by its key; `page.js` keeps its number and bar.
fn group_row(
    filter: &str,
    key: &str,
    shown: &str,
    title: &str,
    (counts, most): (Counts, usize),
    out: &mut dyn Write,
) -> io::Result<()> {
    let parts = [("e", counts.errors), ("w", counts.warnings), ("i", counts.infos)];
    writeln!(
        out,
        "<tr data-key=\"{}\"><th scope=\"row\" title=\"{}\"><a href=\"#{filter}={}\">{}</a><td><b>{}</b> {}",
        Escaped(key),
        Escaped(title),
        Encoded(key),
        Escaped(shown),
        Grouped(counts.sum()),
        bar(&parts, most),
    )
}

/// A bar of coloured parts, `whole` long. The numbers stand beside it, so it says nothing to a screen reader.
fn bar(parts: &[(&str, usize)], whole: usize) -> String {
    use std::fmt::Write as _;
    let mut svg = format!("<svg viewBox=\"0 0 {BAR} 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    let mut before = 0;
    for (class, count) in parts {
        let place = |count: usize| (count * BAR).checked_div(whole).unwrap_or_default();
        let (from, to) = (place(before), place(before + count));
        before += count;
        let _ = write!(svg, "<rect class=\"{class}\" x=\"{from}\" width=\"{}\" height=\"1\"/>", to - from);
    }
    svg + "</svg>"
}

/// The form and the place of the list, which are the script's.
fn write_list(groups: &Groups, findings: usize, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section id=\"findings\" aria-label=\"Findings\">\n<form role=\"search\" hidden>\n\
         <label>Text <input type=\"search\" name=\"text\" placeholder=\"object, container, message, file\" \
         autocomplete=\"off\"></label>\n<label>Severity <select name=\"severity\"><option value=\"\">any\
         <option>error<option>warning<option>info</select></label>\n<label>Check <select name=\"check\">\
         <option value=\"\">any"
    )?;
    for check in groups.checks.keys() {
        write!(out, "<option>{check}")?;
    }
    out.write_all(b"</select></label>\n<button type=\"reset\">Show all</button>\n</form>\n")?;
    writeln!(
        out,
        "<p class=\"chips\"></p>\n<p role=\"status\">The list of {} {} needs JavaScript, which this viewer \
         forbids: save the file and open it in a browser.</p>\n<div id=\"list\"></div>\n\
         <button id=\"more\" hidden>Show more</button>\n</section>",
        Grouped(findings),
        plural(findings, "finding"),
    )
}

fn write_allowed(totals: &Totals, groups: &Groups, out: &mut dyn Write) -> io::Result<()> {
    if totals.known > 0 {
        let count = totals.known;
        writeln!(
            out,
            "<p class=\"note\">{} {} known from the baseline {} not shown.</p>",
            Grouped(count),
            plural(count, "finding"),
            if count == 1 { "is" } else { "are" },
        )?;
    }
    if groups.allowed.is_empty() {
        return Ok(());
    }
    let count = totals.exempted;
    writeln!(
        out,
        "<details class=\"note\"><summary>{} {} exempt</summary><table class=\"list\"><thead><tr>\
         <th scope=\"col\">Check<th scope=\"col\">Findings<th scope=\"col\">Allowed by<th scope=\"col\">Reason</thead>",
        Grouped(count),
        if count == 1 { "finding is" } else { "findings are" },
    )?;
    for ((check, by, reason), count) in &groups.allowed {
        writeln!(out, "<tr><th scope=\"row\">{check}<td>{}<td>{by}<td>{}", Grouped(*count), Escaped(reason))?;
    }
    out.write_all(b"</table></details>\n")
}

fn write_unjudged(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    if !totals.errors.is_empty() {
        out.write_all(
            b"<section class=\"note\" id=\"unjudged\"><h2>Could not be judged</h2><table class=\"list\"><thead>\
              <tr><th scope=\"col\">Place<th scope=\"col\">Reason</thead>\n",
        )?;
        for error in &totals.errors {
            let place =
                if error.line == 0 { String::new() } else { format!(":{}:{}", error.line, error.column) };
            writeln!(
                out,
                "<tr><th scope=\"row\">{}{place}<td>{}",
                Escaped(&error.file),
                Escaped(&error.message)
            )?;
        }
        out.write_all(b"</table></section>\n")?;
    }
    if totals.skipped.is_empty() {
        return Ok(());
    }
    out.write_all(b"<p class=\"note\">Left out:")?;
    for (index, (skip, count)) in totals.skipped.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let of = if skip.of.is_empty() { "" } else { " of " };
        write!(out, "{comma} {} {}{of}{}", Grouped(*count), skip.reason, Escaped(&skip.of))?;
    }
    out.write_all(b".</p>\n")
}
