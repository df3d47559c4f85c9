//! `-V`, `-L`, `-l`: what rule files say, without running them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use lithify::nearest::nearest;
use lithify::rules::Load;
use lithify_probe::config::{Config, read_rule_files};

use super::print;

/// `-V`: validates files as one set, in order; exit status 1 for bad ones, as Falco.
pub(super) fn validate(files: &[PathBuf], config: &Config) -> anyhow::Result<ExitCode> {
    let load = Load::new(&read_rule_files(files, false).files, &config.extras);
    if config.outputs.format.json {
        print(&format!("{}\n", load.to_json()))?;
    } else {
        print(&load.to_text())?;
    }
    Ok(if load.is_successful() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `-L`, or `-l` with a rule's name: what rules there are; with json_output everything about them.
pub(super) fn describe(name: Option<&str>, config: &Config, typed: bool) -> anyhow::Result<ExitCode> {
    let load = Load::new(&read_rule_files(&config.rules_files, !typed).files, &config.extras);
    if !load.is_successful() {
        bail!("{}", load.to_text().trim_end());
    }
    let names: Vec<&str> = match name {
        None => load.rule_names().collect(),
        Some(name) if load.rule_names().any(|known| known == name) => vec![name],
        Some(name) => {
            let near = nearest(name, load.rule_names()).map(|near| format!("; did you mean `{near}`?"));
            bail!("there is no rule `{name}`{}", near.unwrap_or_default());
        }
    };
    let rules: Vec<_> = names.into_iter().filter_map(|name| load.describe(name)).collect();
    if config.outputs.format.json {
        let all = if name.is_none() { load.describe_all() } else { serde_json::json!({"rules": rules}) };
        print(&format!("{all}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = row("Rule", "Description");
    out.push_str(&row("----", "-----------"));
    for rule in &rules {
        let text = |key: &str| rule["info"][key].as_str().unwrap_or_default();
        out.push_str(&row(text("name"), text("description")));
        out.push('\n');
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// Columns of a rule's name, and of a line in all, as in Falco.
const NAME_WIDTH: usize = 50;
const WIDTH: usize = 110;

fn row(name: &str, description: &str) -> String {
    let mut out = format!("{name:NAME_WIDTH$} ");
    let mut column = NAME_WIDTH + 1;
    for (index, word) in description.split_whitespace().enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(NAME_WIDTH + 1));
            column = NAME_WIDTH + 1;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}
