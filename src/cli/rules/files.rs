//! Rule files from paths: files as they are, directories by the names of their files, standard input.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::rules::RuleFile;

/// The rule files of a command.
#[derive(Args)]
pub(super) struct RuleFiles {
    /// Rule files in order, directories (their .yaml and .yml files by name), `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl RuleFiles {
    /// Reads the files; one that cannot be read says so when the rules are loaded.
    pub(super) fn read(&self) -> anyhow::Result<Vec<RuleFile>> {
        let mut read = Vec::new();
        for path in &self.files {
            if path.is_dir() {
                for file in files_of(path)? {
                    read.push(read_file(&file));
                }
            } else {
                read.push(read_file(path));
            }
        }
        Ok(read)
    }
}

/// The rule files of a directory by name, as Falco takes them.
fn files_of(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("read {}", directory.display()))?.path();
        let is_rules = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_rules && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> RuleFile {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text).map(|_| text)
    } else {
        fs::read(path)
    };
    RuleFile {
        name: path.display().to_string(),
        text: text.map_err(|error| format!("cannot be read: {error}")),
    }
}
