//! Paths as rules see them: absolute, without `.`, `..` and doubled slashes, links not followed.

/// Joins a path to the directory that it is relative to, and normalises it.
///
/// An absolute `path` stands alone. The result begins with `/` unless nothing tells where `path` is, and is never
/// above the root.
pub(crate) fn join(directory: Option<&[u8]>, path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(directory.map_or(0, <[u8]>::len) + path.len() + 1);
    let base = if path.starts_with(b"/") { None } else { directory };
    for part in base.unwrap_or_default().split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                let end = out.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(end);
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

/// The directory of a path: what stands before the last slash, `/` for the root's own entries.
pub(crate) fn directory(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..slash.max(1)])
}

/// What stands behind the last slash.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(directory: &str, path: &str) -> String {
        String::from_utf8(join(Some(directory.as_bytes()), path.as_bytes())).unwrap()
    }

    #[test]
    fn joins_and_normalises() {
        assert_eq!(joined("/home/u", "x"), "/home/u/x");
        assert_eq!(joined("/home/u", "/etc/passwd"), "/etc/passwd");
        assert_eq!(joined("/home/u", "../../etc/./passwd"), "/etc/passwd");
        assert_eq!(joined("/", "x//y/"), "/x/y");
        assert_eq!(joined("/a", "../../.."), "/");
        assert_eq!(joined("/a", ""), "/a");
    }

    #[test]
    fn splits_directory_and_name() {
        assert_eq!(directory(b"/etc/passwd"), Some(&b"/etc"[..]));
        assert_eq!(directory(b"/etc"), Some(&b"/"[..]));
        assert_eq!(directory(b"memfd:x"), None);
        assert_eq!(file_name(b"/etc/passwd"), b"passwd");
    }
}
