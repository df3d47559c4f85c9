//! The changes that one event tells.

use super::calls::Effect;
use crate::kernel::layout::{
    FileInfo, PIECE_CWD, PIECE_DIRECTORY, PIECE_FILE, PIECE_PATH, PIECE_SOCKADDR, SLOT_NONE, SLOT_RESULT,
};
use crate::syscall::event::SyscallEvent;

/// Something that a call changed, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) what: What,
}

/// Where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As the kernel's half walked it, all links followed.
    Known { path: Vec<u8>, on_root: bool },
    /// As the call gave it, behind the directory that it is relative to: absolute, with links and `..`.
    Given(Vec<u8>),
    /// The call's path could not be read, or what it is relative to.
    Untold,
}

/// What.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A name in the place's directory.
    Entry,
    /// The same, and it is a directory's.
    NewDirectory,
    /// The file or directory itself; `follows`: a link is followed.
    Object { is_directory: bool, follows: bool },
}

const FILE: What = What::Object { is_directory: false, follows: true };

const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const FMODE_WRITE: u32 = 2;
const FMODE_CREATED: u32 = 1 << 20;
const O_TRUNC: u64 = 0o1_000;
const O_NOFOLLOW: u64 = 0o400_000;
const AT_SYMLINK_NOFOLLOW: i64 = 0x100;
const AF_UNIX: [u8; 2] = 1_u16.to_ne_bytes();

/// What a call changed (it succeeded), or would have changed (it was refused).
pub(super) fn changes(event: &SyscallEvent<'_>, effect: Effect) -> Vec<Change> {
    let paths = &event.shape().paths;
    let given =
        |index: usize, what| paths.get(index).map(|(at, _)| Change { place: given(event, *at), what });
    match effect {
        Effect::Opens if event.result() >= 0 => opened(event).into_iter().collect(),
        Effect::Opens => {
            let follows = event.open_flags().is_none_or(|flags| flags & O_NOFOLLOW == 0);
            given(0, What::Object { is_directory: false, follows }).into_iter().collect()
        }
        Effect::MakesDirectory => given(0, What::NewDirectory).into_iter().collect(),
        Effect::Names => given(0, What::Entry).into_iter().collect(),
        Effect::Moves => [given(0, What::Entry), given(1, What::Entry)].into_iter().flatten().collect(),
        Effect::Target => given(0, FILE).into_iter().collect(),
        Effect::Itself => {
            given(0, What::Object { is_directory: false, follows: false }).into_iter().collect()
        }
        Effect::TargetUnless(flags) => {
            if let Some(change) =
                descriptor(event).filter(|_| paths.iter().all(|(at, _)| event.given(*at).is_none()))
            {
                return vec![change];
            }
            let follows = event.slot(flags) & AT_SYMLINK_NOFOLLOW == 0;
            given(0, What::Object { is_directory: false, follows }).into_iter().collect()
        }
        Effect::Descriptor => vec![descriptor(event).unwrap_or(Change { place: Place::Untold, what: FILE })],
        Effect::Binds => bound(event).into_iter().collect(),
        Effect::MovesRoot | Effect::Hides => Vec::new(),
    }
}

fn given(event: &SyscallEvent<'_>, at: u8) -> Place {
    event.given(at).map_or(Place::Untold, |path| behind(event.record.text(PIECE_DIRECTORY, at), path))
}

fn behind(directory: Option<&[u8]>, path: &[u8]) -> Place {
    match directory {
        _ if path.starts_with(b"/") => Place::Given(path.to_vec()),
        Some(directory) if directory.starts_with(b"/") => Place::Given([directory, b"/", path].concat()),
        _ => Place::Untold,
    }
}

/// What an open that succeeded returned. Devices, pipes and sockets are written to on a read-only root too.
fn opened(event: &SyscallEvent<'_>) -> Option<Change> {
    let Some((place, info)) = file(event, SLOT_RESULT) else {
        return Some(Change { place: Place::Untold, what: FILE });
    };
    let empties = event.open_flags().is_some_and(|flags| flags & O_TRUNC != 0);
    let changes = info.f_mode & (FMODE_WRITE | FMODE_CREATED) != 0 || empties;
    (info.mode & S_IFMT == S_IFREG && changes).then_some(Change { place, what: FILE })
}

fn descriptor(event: &SyscallEvent<'_>) -> Option<Change> {
    let (place, info) = file(event, event.shape().fd?)?;
    let is_directory = info.mode & S_IFMT == S_IFDIR;
    Some(Change { place, what: What::Object { is_directory, follows: true } })
}

fn file(event: &SyscallEvent<'_>, slot: u8) -> Option<(Place, FileInfo)> {
    let info: FileInfo = event.record.structure(PIECE_FILE, slot)?;
    let path = event.record.text(PIECE_PATH, slot).unwrap_or_default();
    let place = if path.starts_with(b"/") {
        Place::Known { path: path.to_vec(), on_root: info.root_mount == 1 }
    } else {
        // A memfd, a pipe: no place.
        Place::Known { path: Vec::new(), on_root: false }
    };
    Some((place, info))
}

/// A socket's name, unless it is none of the file system.
fn bound(event: &SyscallEvent<'_>) -> Option<Change> {
    let address = event.record.piece(PIECE_SOCKADDR, 1)?;
    let name = address.strip_prefix(&AF_UNIX)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = &name[..end];
    (!name.is_empty())
        .then(|| Change { place: behind(event.record.text(PIECE_CWD, SLOT_NONE), name), what: What::Entry })
}
