//! The first file system of a guest: an archive in the "newc" format of cpio, which the kernel unpacks.
//!
//! Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// An archive that is being written.
#[derive(Default)]
pub(crate) struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
    names: BTreeSet<PathBuf>,
}

impl Initramfs {
    /// Adds a directory and those above it.
    pub(crate) fn directory(&mut self, path: &Path) {
        let above: Vec<_> = path.ancestors().filter(|one| one.parent().is_some()).collect();
        for one in above.into_iter().rev() {
            if self.names.insert(one.to_owned()) {
                self.entry(one, DIRECTORY, &[]);
            }
        }
    }

    /// Adds a file of this machine under `path`, with the libraries that it is linked to.
    ///
    /// # Errors
    /// It, or a library of it, cannot be read.
    pub(crate) fn program(&mut self, path: &Path, source: &Path) -> io::Result<()> {
        self.file(path, source)?;
        let listed = Command::new("ldd").arg(source).output()?;
        // A line is `name => /path (address)` or `/path (address)`; a static program has none.
        for library in
            String::from_utf8_lossy(&listed.stdout).split_whitespace().filter(|word| word.starts_with('/'))
        {
            self.file(Path::new(library), Path::new(library))?;
        }
        Ok(())
    }

    /// Adds a file of this machine under `path`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn file(&mut self, path: &Path, source: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            self.directory(directory);
        }
        if self.names.insert(path.to_owned()) {
            self.entry(path, PROGRAM, &std::fs::read(source)?);
        }
        Ok(())
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry(Path::new("TRAILER!!!"), 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &Path, mode: u32, data: &[u8]) {
        self.entries += 1;
        let name = path.strip_prefix("/").unwrap_or(path).to_str().expect("our paths are text");
        let size = |length: usize| u32::try_from(length).expect("files are smaller than 4 GiB");
        let links = 1;
        // Inode, mode, user, group, links, time, size, device, device that it stands for, name's length, checksum.
        let fields =
            [self.entries, mode, 0, 0, links, 0, size(data.len()), 0, 0, 0, 0, size(name.len() + 1), 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
