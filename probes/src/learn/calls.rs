//! Which calls change files, and what of them.

use lithify::event::EventType;

use crate::kernel::alternative::Alternative;

/// What a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A file is opened for writing, or made.
    Opens,
    /// A directory is made.
    MakesDirectory,
    /// Names are made or removed, in the directory of each path.
    Names,
    /// The same, and both paths must be on one mount.
    Moves,
    /// What the path leads to, the last link followed.
    Target,
    /// What the path names, be it a link.
    Itself,
    /// The one or the other: AT_SYMLINK_NOFOLLOW in this argument tells; without a path, the descriptor's file.
    TargetUnless(u8),
    /// What a descriptor is of.
    Descriptor,
    /// A socket gets a name.
    Binds,
    /// Paths of the process mean others than the container's from here on.
    MovesRoot,
    /// Changes are made that no call shows.
    Hides,
}

/// Every call that is watched. Calls that write through a descriptor are not: the open that made it was.
const CALLS: &[(&str, Effect)] = &[
    ("open", Effect::Opens),
    ("openat", Effect::Opens),
    ("openat2", Effect::Opens),
    ("creat", Effect::Opens),
    ("open_by_handle_at", Effect::Opens),
    ("mkdir", Effect::MakesDirectory),
    ("mkdirat", Effect::MakesDirectory),
    ("rmdir", Effect::Names),
    ("unlink", Effect::Names),
    ("unlinkat", Effect::Names),
    ("mknod", Effect::Names),
    ("mknodat", Effect::Names),
    ("symlink", Effect::Names),
    ("symlinkat", Effect::Names),
    ("rename", Effect::Moves),
    ("renameat", Effect::Moves),
    ("renameat2", Effect::Moves),
    ("link", Effect::Moves),
    ("linkat", Effect::Moves),
    ("truncate", Effect::Target),
    ("chmod", Effect::Target),
    ("fchmodat", Effect::Target),
    ("fchmodat2", Effect::TargetUnless(3)),
    ("fchmod", Effect::Descriptor),
    ("chown", Effect::Target),
    ("lchown", Effect::Itself),
    ("fchownat", Effect::TargetUnless(4)),
    ("fchown", Effect::Descriptor),
    ("utime", Effect::Target),
    ("utimes", Effect::Target),
    ("futimesat", Effect::Target),
    ("utimensat", Effect::TargetUnless(3)),
    ("setxattr", Effect::Target),
    ("lsetxattr", Effect::Itself),
    ("fsetxattr", Effect::Descriptor),
    ("removexattr", Effect::Target),
    ("lremovexattr", Effect::Itself),
    ("fremovexattr", Effect::Descriptor),
    ("bind", Effect::Binds),
    ("chroot", Effect::MovesRoot),
    ("io_uring_setup", Effect::Hides),
];

/// What a call of this type changes.
pub(super) fn effect_of(event: EventType) -> Option<Effect> {
    CALLS.iter().find(|(name, _)| *name == event.name()).map(|(_, effect)| *effect)
}

/// All types that are watched, each with what the kernel tests before it sends one: it must be in a container, and an
/// open must be able to write.
pub(super) fn watched() -> Vec<(EventType, Vec<Alternative>)> {
    let all = CALLS.iter().filter_map(|(name, effect)| Some((EventType::from_name(name)?, *effect)));
    all.map(|(event, effect)| {
        let writes = effect == Effect::Opens;
        (event, vec![Alternative { container: Some(true), writes, ..Alternative::default() }])
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::event::shape_of;

    #[test]
    fn the_event_table_has_what_each_effect_asks_for() {
        assert_eq!(watched().len(), CALLS.len());
        for (name, effect) in CALLS {
            let shape = shape_of(EventType::from_name(name).unwrap());
            let paths = shape.paths.len();
            let fits = match effect {
                Effect::Moves => paths == 2,
                Effect::Descriptor => shape.fd.is_some(),
                Effect::TargetUnless(_)
                | Effect::MakesDirectory
                | Effect::Names
                | Effect::Target
                | Effect::Itself => paths == 1,
                Effect::Opens => *name == "open_by_handle_at" || paths == 1,
                Effect::Binds | Effect::MovesRoot | Effect::Hides => true,
            };
            assert!(fits, "{name}: {effect:?} with {paths} paths");
        }
    }
}
