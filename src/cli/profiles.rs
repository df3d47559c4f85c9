//! Write-path profiles from files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;

use crate::profile::{self, Profiles, WriteProfile};

/// The profiles in the files that the globs match, relative to a directory, each file once.
///
/// # Errors
/// A file that cannot be read or holds something else; a path without wildcards that is not there.
pub(super) fn of_globs(directory: &Path, globs: &[String]) -> anyhow::Result<Profiles> {
    let mut files = Vec::new();
    for glob in globs {
        expand(directory, glob, &mut files)?;
    }
    files.sort();
    files.dedup();
    let read: Vec<_> = files.iter().map(|file| read_file(file)).collect::<anyhow::Result<_>>()?;
    Ok(Profiles::new(read.into_iter().flatten().collect()))
}

/// The profiles of one file.
///
/// # Errors
/// With file, line, column and field.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<WriteProfile>> {
    let bytes = fs::read(path).with_context(|| format!("read profile {}", path.display()))?;
    read_bytes(&path.display().to_string(), &bytes)
}

/// The profiles in what was read from a file of this name.
///
/// # Errors
/// With file, line, column and field.
pub(super) fn read_bytes(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<WriteProfile>> {
    profile::read(bytes).map_err(|error| {
        let place = error.position;
        anyhow::anyhow!("{name}:{}:{}: {}", place.line, place.column, error.message)
    })
}

fn expand(directory: &Path, pattern: &str, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let is_wild = |part: &str| part.contains(['*', '?', '[', '{']);
    let fixed: PathBuf =
        Path::new(pattern).iter().take_while(|part| !is_wild(&part.to_string_lossy())).collect();
    let root = directory.join(&fixed);
    if !is_wild(pattern) {
        anyhow::ensure!(
            !root.is_dir(),
            "writable.profiles: {pattern} is a directory, expected files: {pattern}/*.yaml"
        );
        files.push(root);
        return Ok(());
    }
    let glob = matcher(&directory.join(pattern).to_string_lossy())?;
    // A directory that is not there yet has no profiles yet.
    let walk = WalkBuilder::new(if root.as_os_str().is_empty() { Path::new(".") } else { &root })
        .standard_filters(false)
        .follow_links(true)
        .build();
    for entry in walk.flatten() {
        let path = entry.path().strip_prefix(".").unwrap_or(entry.path());
        if path.is_file() && glob.is_match(path) {
            files.push(path.to_owned());
        }
    }
    Ok(())
}

fn matcher(pattern: &str) -> anyhow::Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.with_context(|| format!("writable.profiles: {pattern}"))?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str =
        "apiVersion: lithify.dev/v1alpha1\nkind: WriteProfile\nmetadata: {name: a}\nspec: {image: nginx}\n";

    #[test]
    fn reads_what_the_globs_match_each_file_once() {
        let directory = tempfile::tempdir().unwrap();
        let profiles = directory.path().join("profiles/deep");
        fs::create_dir_all(&profiles).unwrap();
        fs::write(directory.path().join("profiles/a.yaml"), PROFILE).unwrap();
        fs::write(profiles.join("b.yaml"), PROFILE).unwrap();
        let count = |globs: &[&str]| {
            let globs: Vec<_> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            of_globs(directory.path(), &globs).map(|profiles| profiles.iter().count())
        };
        assert_eq!(count(&["profiles/*.yaml", "profiles/a.yaml"]).unwrap(), 1);
        assert_eq!(count(&["profiles/**/*.yaml"]).unwrap(), 2);
        assert_eq!(count(&["none/*.yaml"]).unwrap(), 0);
        assert!(count(&["profiles/c.yaml"]).is_err());
        let error = count(&["profiles"]).unwrap_err().to_string();
        assert_eq!(error, "writable.profiles: profiles is a directory, expected files: profiles/*.yaml");
    }

    #[test]
    fn names_file_line_and_field() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(&path, PROFILE.replace("image: nginx", "imag: nginx")).unwrap();
        let error = read_file(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("a.yaml:4:14: spec.imag: unknown key `imag`; did you mean `image`?"),
            "{error}"
        );
    }
}
