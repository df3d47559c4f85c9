//! What the image holds, from the layers of the overlay that is the container's root.
//!
//! A container's own layer, the upper one, is left out, so the answer is the image's whatever the container has written
//! meanwhile. What an upper layer of the image removed (a whiteout) is not there. Directories that one made opaque are
//! told only to CAP_SYS_ADMIN: the files below them count, which errs towards copying.

use std::collections::HashSet;
use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat, openat2, statx,
};
use rustix::io::Errno;

use super::tree::Owner;

/// The image's layers, the uppermost first.
#[derive(Debug)]
pub(super) struct Layers(Vec<OwnedFd>);

/// A directory of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InImage {
    /// It has entries.
    pub(super) is_populated: bool,
    pub(super) owner: Owner,
}

impl Layers {
    /// The layers that a mount is made of; `None` if it is no overlay, or they cannot be reached.
    ///
    /// `mountinfo`: of a process of the container. `mount`: its number. `roots`: where the host's files may be.
    pub(super) fn of(mountinfo: &str, mount: u64, roots: &[PathBuf]) -> Option<Self> {
        let paths = lower_layers(mountinfo, mount)?;
        let open = |layer: &PathBuf| {
            let below = layer.strip_prefix("/").ok()?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            roots.iter().find_map(|root| openat(CWD, root.join(below), flags, Mode::empty()).ok())
        };
        paths.iter().map(open).collect::<Option<Vec<_>>>().map(Self)
    }

    /// A directory of the image, without links in its path; `Some(None)` if it has none of that name, `None` if that
    /// cannot be told.
    #[expect(clippy::option_option, reason = "not there is not the same as not known")]
    pub(super) fn directory(&self, directory: &str) -> Option<Option<InImage>> {
        let mut found: Option<InImage> = None;
        let mut hidden = HashSet::new();
        for layer in &self.0 {
            match step(layer, directory)? {
                Step::Absent => {}
                Step::Hides => break,
                Step::Directory(inner, owner) => {
                    let is_populated = entries(&inner, &mut hidden)?;
                    let before = found.get_or_insert(InImage { is_populated: false, owner });
                    before.is_populated |= is_populated;
                }
            }
        }
        Some(found)
    }
}

enum Step {
    Absent,
    /// What is below is not seen: something else stands there.
    Hides,
    Directory(OwnedFd, Owner),
}

/// Goes down a path in one layer; `None` if it cannot be looked at.
fn step(layer: &OwnedFd, directory: &str) -> Option<Step> {
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let mut at = openat2(layer, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), how).ok()?;
    for part in directory.split('/').filter(|part| !part.is_empty()) {
        at = match openat2(
            &at,
            part,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::empty(),
        ) {
            Ok(inner) => inner,
            Err(Errno::NOENT) => return Some(Step::Absent),
            Err(_) => return None,
        };
        let about = statx(&at, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE).ok()?;
        if FileType::from_raw_mode(about.stx_mode.into()) != FileType::Directory {
            return Some(Step::Hides);
        }
    }
    let stat = rustix::fs::fstat(&at).ok()?;
    let owner = Owner { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Some(Step::Directory(openat(&at, ".", flags, Mode::empty()).ok()?, owner))
}

/// Whether a layer adds an entry that no layer above it removed.
fn entries(directory: &OwnedFd, hidden: &mut HashSet<CString>) -> Option<bool> {
    let mut any = false;
    let mut entries = Dir::read_from(directory).ok()?;
    while let Some(entry) = entries.read() {
        let entry = entry.ok()?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let about = statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE).ok()?;
        let is_device = FileType::from_raw_mode(about.stx_mode.into()) == FileType::CharacterDevice;
        if is_device && (about.stx_rdev_major, about.stx_rdev_minor) == (0, 0) {
            hidden.insert(name.to_owned());
        } else if !hidden.contains(name) {
            any = true;
        }
    }
    Some(any)
}

/// The lower layers of a mount, as the kernel shows its options.
fn lower_layers(mountinfo: &str, mount: u64) -> Option<Vec<PathBuf>> {
    let is_it = |line: &&str| line.split(' ').next().and_then(|number| number.parse().ok()) == Some(mount);
    let line = mountinfo.lines().find(is_it)?;
    let (_, behind) = line.split_once(" - ")?;
    let mut fields = behind.split(' ');
    if fields.next() != Some("overlay") {
        return None;
    }
    let options = fields.nth(1)?;
    let mut layers = Vec::new();
    for option in options.split(',') {
        let Some(paths) = option.strip_prefix("lowerdir+=").or_else(|| option.strip_prefix("lowerdir="))
        else {
            continue;
        };
        layers.extend(split_layers(&unescaped(paths)));
    }
    let all_absolute = !layers.is_empty() && layers.iter().all(|layer| layer.is_absolute());
    all_absolute.then_some(layers)
}

/// `/a:/b`; a backslash makes the colon behind it a part of the path.
fn split_layers(paths: &[u8]) -> Vec<PathBuf> {
    let mut layers = vec![Vec::new()];
    let mut bytes = paths.iter();
    while let Some(byte) = bytes.next() {
        let last = layers.last_mut().expect("there is always one");
        match byte {
            b'\\' => last.extend(bytes.next()),
            b':' => layers.push(Vec::new()),
            byte => last.push(*byte),
        }
    }
    let named = layers.into_iter().filter(|layer| !layer.is_empty());
    named.map(|layer| PathBuf::from(OsString::from_vec(layer))).collect()
}

/// The kernel writes blanks and the like as three octal digits.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = (*first == b'\\').then(|| behind.get(..3)).flatten();
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[3..] } else { behind };
    }
    out
}

/// Where the host's files may be: here, or behind its first process.
pub(super) fn host_roots(proc: &Path, host_root: &Path) -> Vec<PathBuf> {
    vec![host_root.to_owned(), proc.join("1/root")]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LINE: &str = "69 46 0:39 / / rw,relatime - overlay overlay rw,lowerdir=LOWER,upperdir=/u,workdir=/w\n70 69 0:42 / /proc rw - proc proc rw\n";

    fn layers_of(lower: &str) -> Vec<String> {
        let paths = lower_layers(&LINE.replace("LOWER", lower), 69).unwrap_or_default();
        paths.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn reads_the_layers_that_the_kernel_shows() {
        assert_eq!(layers_of("/a:/b"), ["/a", "/b"]);
        assert_eq!(layers_of("/a,lowerdir+=/b"), ["/a", "/b"]);
        assert_eq!(layers_of(r"/a\040c\134:d:/b"), ["/a c:d", "/b"]);
        assert_eq!(layers_of("/a::/data"), ["/a", "/data"]);
        // Relative to where the runtime was when it mounted.
        assert_eq!(layers_of("l/A:l/B"), [] as [&str; 0]);
        assert_eq!(lower_layers("1 1 0:1 / / rw - ext4 /dev/vda rw\n", 1), None);
    }

    #[test]
    fn merges_the_layers_as_the_overlay_does() {
        let host = tempfile::tempdir().unwrap();
        for directory in ["top/empty", "top/both", "base/both", "base/only", "base/file", "base/link/x"] {
            fs::create_dir_all(host.path().join(directory)).unwrap();
        }
        fs::write(host.path().join("base/both/f"), "").unwrap();
        fs::write(host.path().join("top/file"), "").unwrap();
        std::os::unix::fs::symlink("only", host.path().join("top/link")).unwrap();
        let layers = Layers::of(&LINE.replace("LOWER", "/top:/base"), 69, &[host.path().to_owned()]).unwrap();
        let populated = |directory| layers.directory(directory).unwrap().map(|found| found.is_populated);
        assert_eq!(populated("/empty"), Some(false));
        assert_eq!(populated("/both"), Some(true));
        assert_eq!(populated("/only"), Some(false));
        assert_eq!(populated("/absent"), None);
        // A file or a link above hides the directory below.
        assert_eq!((populated("/file"), populated("/link/x")), (None, None));
        assert_eq!(populated("/"), Some(true));
    }

    #[test]
    fn what_a_layer_removed_is_not_there() {
        let host = tempfile::tempdir().unwrap();
        for directory in ["top/d", "base/d"] {
            fs::create_dir_all(host.path().join(directory)).unwrap();
        }
        fs::write(host.path().join("base/d/f"), "").unwrap();
        let whiteout = host.path().join("top/d/f");
        if rustix::fs::mknodat(CWD, whiteout, FileType::CharacterDevice, Mode::empty(), 0).is_err() {
            // Kernels allow it to everybody; some sandboxes to nobody.
            return;
        }
        let layers = Layers::of(&LINE.replace("LOWER", "/top:/base"), 69, &[host.path().to_owned()]).unwrap();
        assert_eq!(layers.directory("/d").unwrap().map(|found| found.is_populated), Some(false));
    }

    #[test]
    fn layers_out_of_reach_are_not_guessed() {
        assert!(Layers::of(&LINE.replace("LOWER", "/nowhere/at/all"), 69, &[PathBuf::from("/")]).is_none());
    }
}
