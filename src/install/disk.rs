//! Changes of files that survive a crash: whole before or whole after, never half.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, XattrFlags};
use serde::{Deserialize, Serialize};

use super::error::InstallError;
use super::step::{Action, Observer, Step, Subject};

/// Mode and owner of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Permission bits.
    pub mode: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Ownership {
    /// As a file or directory on the disk has it.
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self { mode: metadata.mode() & 0o7777, uid: metadata.uid(), gid: metadata.gid() }
    }

    /// Whether a process of this user and these groups may read the file (and search the directory).
    ///
    /// `bits`: 4 read, 2 write, 1 search.
    pub fn permits(self, uid: u32, groups: &[u32], bits: u32) -> bool {
        let shift = if uid == self.uid {
            6
        } else if groups.contains(&self.gid) {
            3
        } else {
            0
        };
        uid == 0 || (self.mode >> shift) & bits == bits
    }
}

/// Makes the changes, and announces each.
pub(super) struct Disk<'o> {
    observer: &'o mut dyn Observer,
}

impl<'o> Disk<'o> {
    pub(super) fn new(observer: &'o mut dyn Observer) -> Self {
        Self { observer }
    }

    fn step(
        &mut self,
        action: Action,
        subject: Subject,
        path: &Path,
        change: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), InstallError> {
        let step = Step { action, subject };
        self.observer.before(step, path).and_then(|()| change()).map_err(|error| InstallError::Step {
            step,
            path: path.to_owned(),
            error,
        })
    }

    /// Puts a file in place: a dot-file in the same directory, synced, renamed, directory synced.
    ///
    /// Labels (SELinux, ACL, user attributes) of a file that stands there are kept where the filesystem lets
    /// us; the kubelet ignores dot-files.
    pub(super) fn write(
        &mut self,
        subject: Subject,
        path: &Path,
        bytes: &[u8],
        ownership: Ownership,
    ) -> Result<(), InstallError> {
        let temporary = temporary_of(path);
        let result = self.write_through(subject, path, &temporary, bytes, ownership);
        if result.is_err() {
            // The file in place is the old one or the new one; what is left over is the dot-file.
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn write_through(
        &mut self,
        subject: Subject,
        path: &Path,
        temporary: &Path,
        bytes: &[u8],
        ownership: Ownership,
    ) -> Result<(), InstallError> {
        // Left by a run that was killed: the lock is ours, so nobody else writes it.
        self.remove_leftover(subject, temporary)?;
        let mut file = None;
        self.step(Action::Create, subject, temporary, || {
            // Closed to others until it has its owner.
            let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
            file = Some(options);
            Ok(())
        })?;
        let mut file = file.expect("the step that opens it has succeeded");
        self.step(Action::Write, subject, temporary, || file.write_all(bytes))?;
        self.step(Action::Own, subject, temporary, || {
            own(&file, ownership)?;
            copy_labels(path, &file);
            Ok(())
        })?;
        self.step(Action::Sync, subject, temporary, || file.sync_all())?;
        self.step(Action::Rename, subject, path, || fs::rename(temporary, path))?;
        self.sync_directory(subject, path)
    }

    /// Removes the dot-file that a killed run may have left beside a file.
    pub(super) fn remove_leftover(&mut self, subject: Subject, temporary: &Path) -> Result<(), InstallError> {
        if fs::symlink_metadata(temporary).is_ok() {
            self.step(Action::Remove, subject, temporary, || fs::remove_file(temporary))?;
        }
        Ok(())
    }

    /// Removes a file, synced; one that is not there is no failure.
    pub(super) fn remove(&mut self, subject: Subject, path: &Path) -> Result<(), InstallError> {
        self.step(Action::Remove, subject, path, || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })?;
        self.sync_directory(subject, path)
    }

    /// Renames a finished directory into place.
    pub(super) fn rename(&mut self, subject: Subject, from: &Path, to: &Path) -> Result<(), InstallError> {
        self.sync_directory(subject, &from.join("-"))?;
        self.step(Action::Rename, subject, to, || fs::rename(from, to))?;
        self.sync_directory(subject, to)
    }

    /// Makes a directory and its missing parents, all with the same mode and owner. Returns those made, outermost first.
    pub(super) fn make_directories(
        &mut self,
        subject: Subject,
        path: &Path,
        ownership: Ownership,
    ) -> Result<Vec<PathBuf>, InstallError> {
        let missing = missing_directories(path);
        for directory in &missing {
            self.step(Action::MakeDirectory, subject, directory, || {
                fs::DirBuilder::new().mode(ownership.mode).create(directory)
            })?;
            self.step(Action::Own, subject, directory, || own(&File::open(directory)?, ownership))?;
            self.sync_directory(subject, directory)?;
        }
        Ok(missing)
    }

    fn sync_directory(&mut self, subject: Subject, path: &Path) -> Result<(), InstallError> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        self.step(Action::SyncDirectory, subject, directory, || File::open(directory)?.sync_all())
    }
}

/// The dot-file that a file is written to first: one fixed name, so that a later run finds what a killed one left.
pub(super) fn temporary_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lithify-tmp"))
}

/// The directories that do not exist on the way to `path`, itself included, outermost first.
pub(super) fn missing_directories(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|directory| fs::symlink_metadata(directory).is_err())
        .filter(|directory| !directory.as_os_str().is_empty())
        .map(Path::to_owned)
        .collect();
    missing.reverse();
    missing
}

fn own(file: &File, wanted: Ownership) -> io::Result<()> {
    let present = Ownership::of(&file.metadata()?);
    if (present.uid, present.gid) != (wanted.uid, wanted.gid) {
        let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
        rustix::fs::fchown(file, Some(uid), Some(gid))?;
    }
    file.set_permissions(Permissions::from_mode(wanted.mode))
}

/// Labels are best effort: not every filesystem has them, and not everyone may set them.
fn copy_labels(from: &Path, to: &File) {
    let Ok(from) = File::open(from) else { return };
    let mut names = vec![0; 4096];
    let Ok(length) = rustix::fs::flistxattr(&from, names.as_mut_slice()) else { return };
    let labels = names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    // security.ima and security.evm hash the content and are the kernel's to write.
    let ours = |name: &&str| {
        *name == "security.selinux" || *name == "system.posix_acl_access" || name.starts_with("user.")
    };
    for name in labels.filter(ours) {
        let mut value = vec![0; 65536];
        if let Ok(length) = rustix::fs::fgetxattr(&from, name, value.as_mut_slice()) {
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::step::{Role, Unobserved};

    const MANIFEST: Subject = Subject::File(Role::Manifest);

    /// The caller's own user, so that the tests need no root.
    fn mine(mode: u32, directory: &Path) -> Ownership {
        Ownership { mode, ..Ownership::of(&fs::metadata(directory).unwrap()) }
    }

    #[derive(Default)]
    struct Recorder(Vec<(Action, PathBuf)>);

    impl Observer for Recorder {
        fn before(&mut self, step: Step, path: &Path) -> io::Result<()> {
            self.0.push((step.action, path.to_owned()));
            Ok(())
        }
    }

    #[test]
    fn syncs_bytes_before_and_the_directory_after_the_rename() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        let mut recorder = Recorder::default();
        let ownership = mine(0o600, directory.path());
        Disk::new(&mut recorder).write(MANIFEST, &path, b"new", ownership).unwrap();
        let actions: Vec<Action> = recorder.0.iter().map(|(action, _)| *action).collect();
        let expected =
            [Action::Create, Action::Write, Action::Own, Action::Sync, Action::Rename, Action::SyncDirectory];
        assert_eq!(actions, expected);
        assert!(recorder.0[0].1.file_name().unwrap().to_string_lossy().starts_with('.'));
    }

    #[test]
    fn replaces_content_and_mode_and_leaves_nothing_beside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        let ownership = mine(0o640, directory.path());
        Disk::new(&mut Unobserved).write(MANIFEST, &path, b"new", ownership).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(Ownership::of(&fs::metadata(&path).unwrap()), ownership);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_killed_runs_leftover_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(temporary_of(&path), "half").unwrap();
        Disk::new(&mut Unobserved).write(MANIFEST, &path, b"new", mine(0o600, directory.path())).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn keeps_user_attributes_where_the_filesystem_has_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        if rustix::fs::setxattr(&path, "user.origin", b"kubeadm", XattrFlags::empty()).is_err() {
            return; // this filesystem has none
        }
        Disk::new(&mut Unobserved).write(MANIFEST, &path, b"new", mine(0o600, directory.path())).unwrap();
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&path, "user.origin", &mut value).unwrap();
        assert_eq!(&value[..length], b"kubeadm");
    }

    #[test]
    fn makes_every_missing_directory_with_the_asked_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let ownership = mine(0o700, directory.path());
        let made = Disk::new(&mut Unobserved).make_directories(Subject::State, &path, ownership).unwrap();
        assert_eq!(made, [directory.path().join("a"), path.clone()]);
        assert_eq!(Ownership::of(&fs::metadata(&path).unwrap()), ownership);
    }

    #[test]
    fn permission_follows_user_then_group_then_others() {
        let ownership = Ownership { mode: 0o640, uid: 10, gid: 20 };
        assert!(ownership.permits(10, &[], 6));
        assert!(ownership.permits(11, &[20], 4) && !ownership.permits(11, &[20], 2));
        assert!(!ownership.permits(11, &[21], 4) && ownership.permits(0, &[], 6));
    }
}
