//! Files: opening, naming, permissions.

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::{Trace, identity};

pub(crate) const CASES: &[Case] = &[
    ("open", open),
    ("openat", openat),
    ("openat2", openat2),
    ("open_by_handle_at", open_by_handle_at),
    ("creat", creat),
    ("close", close),
    ("link", link),
    ("linkat", linkat),
    ("symlink", symlink),
    ("symlinkat", symlinkat),
    ("rename", rename),
    ("renameat", renameat),
    ("renameat2", renameat2),
    ("unlink", unlink),
    ("unlinkat", unlinkat),
    ("mkdir", mkdir),
    ("mkdirat", mkdirat),
    ("rmdir", rmdir),
    ("chmod", chmod),
    ("fchmod", fchmod),
    ("fchmodat", fchmodat),
    ("chown", chown),
    ("lchown", lchown),
    ("fchown", fchown),
    ("fchownat", fchownat),
    ("truncate", truncate),
    ("ftruncate", ftruncate),
    ("mknod", mknod),
    ("mknodat", mknodat),
    ("mount", mount),
    ("umount2", umount2),
    ("chdir", chdir),
    ("fchdir", fchdir),
    ("chroot", chroot),
    ("memfd_create", memfd_create),
    ("dup", dup),
    ("dup2", dup2),
    ("dup3", dup3),
    ("fcntl", fcntl),
    ("read", read),
    ("write", write),
];

fn open(t: &mut Trace) {
    let path = t.path("made");
    let text = t.text(&path);
    let fd = call!(libc::SYS_open, text, libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC, 0o640);
    let (dev, ino) = identity(fd);
    t.expect("open", fd, json!({
        "fd.num": fd, "fd.name": path, "fd.nameraw": path, "fd.type": "file", "fd.typechar": "f", "fd.filename": "made",
        "evt.arg.fd": format!("<f>{path}"), "evt.arg.name": path, "evt.arg.flags": "O_CREAT|O_RDWR|O_CLOEXEC|O_F_CREATED",
        "evt.arg.mode": "0640", "evt.arg.dev": dev, "evt.arg.ino": ino, "evt.is_open_read": true,
        "evt.is_open_write": true, "evt.is_open_create": true, "evt.is_open_exec": false,
    }));
    let text = t.text("gone/../nothing");
    let result = call!(libc::SYS_open, text, libc::O_RDONLY, 0);
    t.expect("open", result, json!({
        "evt.res": "ENOENT", "fd.num": -1, "fd.typechar": "f", "fd.name": t.path("nothing"),
        "fd.nameraw": "gone/../nothing", "evt.arg.fd": "ENOENT", "evt.arg.flags": "O_RDONLY", "evt.is_open_write": false,
        "evt.is_open_create": false,
    }));
}

fn openat(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let dir = t.open("d", libc::O_RDONLY | libc::O_DIRECTORY);
    let name = t.text("f");
    let fd = call!(libc::SYS_openat, dir, name, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, 0o755);
    let (dev, ino) = identity(fd);
    t.expect("openat", fd, json!({
        "fd.name": t.path("d/f"), "fd.nameraw": "f", "fd.directory": t.path("d"), "evt.arg.dirfd": dir.to_string(),
        "evt.arg.name": t.path("d/f"), "evt.arg.flags": "O_TRUNC|O_CREAT|O_WRONLY|O_F_CREATED", "evt.arg.mode": "0755",
        "evt.arg.dev": dev, "evt.arg.ino": ino, "evt.is_open_exec": true, "evt.is_open_read": false,
    }));
    let dir = call!(libc::SYS_openat, libc::AT_FDCWD, t.text("d"), libc::O_RDONLY | libc::O_DIRECTORY, 0);
    t.expect(
        "openat",
        dir,
        json!({
            "fd.type": "directory", "fd.typechar": "d", "fd.name": t.path("d"), "evt.arg.dirfd": "-100",
            "evt.arg.flags": "O_DIRECTORY|O_RDONLY",
        }),
    );
    let result = call!(libc::SYS_openat, 99, name, libc::O_RDONLY, 0);
    t.expect(
        "openat",
        result,
        json!({"evt.res": "EBADF", "evt.arg.dirfd": "99", "fd.nameraw": "f", "fd.num": -1}),
    );
}

fn openat2(t: &mut Trace) {
    let path = t.path("f");
    let text = t.text(&path);
    let mode = 0o600_u64;
    let flags = (libc::O_RDWR | libc::O_CREAT) as u64;
    let how = [flags, mode, 8 | 4];
    let result = call!(libc::SYS_openat2, libc::AT_FDCWD, text, how.as_ptr(), 24);
    // RESOLVE_BENEATH refuses absolute paths.
    t.expect(
        "openat2",
        result,
        json!({
            "evt.res": "EXDEV", "evt.arg.flags": "O_CREAT|O_RDWR", "evt.arg.mode": "0600",
            "evt.arg.resolve": "RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH", "fd.name": path,
        }),
    );
    let how = [flags, mode, 4];
    let fd = call!(libc::SYS_openat2, libc::AT_FDCWD, text, how.as_ptr(), 24);
    let (_, ino) = identity(fd);
    t.expect("openat2", fd, json!({
        "evt.arg.resolve": "RESOLVE_NO_SYMLINKS", "evt.arg.ino": ino, "evt.arg.flags": "O_CREAT|O_RDWR|O_F_CREATED",
        "fd.name": path, "fd.num": fd,
    }));
}

fn open_by_handle_at(t: &mut Trace) {
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        handle: [u8; 128],
    }
    let fd = t.file("f");
    let mut handle = Handle { bytes: 128, kind: 0, handle: [0; 128] };
    let mut mount = 0_i32;
    let empty = t.text("");
    let named =
        call!(libc::SYS_name_to_handle_at, fd, empty, &raw mut handle, &raw mut mount, libc::AT_EMPTY_PATH);
    assert_eq!(named, 0);
    let opened = call!(libc::SYS_open_by_handle_at, fd, &raw mut handle, libc::O_RDONLY);
    let (dev, ino) = identity(opened);
    t.expect("open_by_handle_at", opened, json!({
        "evt.arg.mountfd": fd.to_string(), "evt.arg.path": t.path("f"), "evt.arg.flags": "O_RDONLY", "evt.arg.dev": dev,
        "evt.arg.ino": ino, "fd.name": t.path("f"), "fd.num": opened,
    }));
    let result = call!(libc::SYS_open_by_handle_at, -1, &raw mut handle, libc::O_WRONLY);
    t.expect(
        "open_by_handle_at",
        result,
        json!({"evt.res": "EBADF", "evt.arg.mountfd": "-1", "evt.arg.flags": "O_WRONLY"}),
    );
}

fn creat(t: &mut Trace) {
    let path = t.path("f");
    let text = t.text(&path);
    let fd = call!(libc::SYS_creat, text, 0o711);
    let (dev, ino) = identity(fd);
    t.expect("creat", fd, json!({
        "fd.name": path, "evt.arg.name": path, "evt.arg.mode": "0711", "evt.arg.dev": dev, "evt.arg.ino": ino,
        "evt.is_open_exec": true, "evt.is_open_create": true,
    }));
    let result = call!(libc::SYS_creat, t.text("/"), 0o600);
    t.expect(
        "creat",
        result,
        json!({"evt.res": "EISDIR", "fd.name": "/", "fd.num": -1, "evt.is_open_create": false}),
    );
}

fn close(t: &mut Trace) {
    let fd = t.file("f");
    let result = call!(libc::SYS_close, fd);
    t.expect("close", result, json!({"fd.num": fd, "evt.arg.res": "0"}));
    let result = call!(libc::SYS_close, 999);
    t.expect("close", result, json!({"fd.num": 999, "evt.res": "EBADF", "evt.arg.res": "EBADF"}));
}

/// A call with two paths relative to the working directory.
fn two_paths(t: &mut Trace, event: &str, number: libc::c_long) {
    t.file("old");
    let (old, new) = (t.text("old"), t.text("./new"));
    let result = call!(number, old, new);
    t.expect(event, result, json!({
        "evt.arg.oldpath": t.path("old"), "evt.arg.newpath": t.path("new"), "fs.path.source": t.path("old"),
        "fs.path.sourceraw": "old", "fs.path.target": t.path("new"), "fs.path.targetraw": "./new",
    }));
    let result = call!(number, t.text("absent"), new);
    t.expect(
        event,
        result,
        json!({"evt.res": "ENOENT", "evt.arg.oldpath": t.path("absent"), "evt.arg.newpath": t.path("new")}),
    );
}

fn link(t: &mut Trace) {
    two_paths(t, "link", libc::SYS_link);
}

fn rename(t: &mut Trace) {
    two_paths(t, "rename", libc::SYS_rename);
}

fn linkat(t: &mut Trace) {
    t.file("old");
    std::fs::create_dir(t.path("d")).unwrap();
    let dir = t.open("d", libc::O_RDONLY);
    let (old, new) = (t.text("old"), t.text("new"));
    let result = call!(libc::SYS_linkat, libc::AT_FDCWD, old, dir, new, libc::AT_SYMLINK_FOLLOW);
    t.expect(
        "linkat",
        result,
        json!({
            "evt.arg.olddir": "-100", "evt.arg.oldpath": t.path("old"), "evt.arg.newdir": dir.to_string(),
            "evt.arg.newpath": t.path("d/new"), "evt.arg.flags": "AT_SYMLINK_FOLLOW",
        }),
    );
    let result = call!(libc::SYS_linkat, libc::AT_FDCWD, old, dir, new, 0);
    t.expect(
        "linkat",
        result,
        json!({"evt.res": "EEXIST", "evt.arg.newpath": t.path("d/new"), "evt.arg.flags": "0"}),
    );
}

fn symlink(t: &mut Trace) {
    let target = t.text("/etc");
    let result = call!(libc::SYS_symlink, target, t.text("s"));
    t.expect("symlink", result, json!({"evt.arg.target": "/etc", "evt.arg.linkpath": t.path("s"), "fs.path.target": t.path("s"), "fs.path.targetraw": "s"}));
    let result = call!(libc::SYS_symlink, target, t.text("s"));
    t.expect(
        "symlink",
        result,
        json!({"evt.res": "EEXIST", "evt.arg.target": "/etc", "evt.arg.linkpath": t.path("s")}),
    );
}

fn symlinkat(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let dir = t.open("d", libc::O_RDONLY);
    let target = t.text("../x");
    let result = call!(libc::SYS_symlinkat, target, dir, t.text("s"));
    t.expect("symlinkat", result, json!({"evt.arg.target": "../x", "evt.arg.linkdirfd": dir.to_string(), "evt.arg.linkpath": t.path("d/s")}));
    let result = call!(libc::SYS_symlinkat, target, -7, t.text("s"));
    t.expect("symlinkat", result, json!({"evt.res": "EBADF", "evt.arg.linkdirfd": "-7"}));
}

fn renameat(t: &mut Trace) {
    t.file("old");
    let (old, new) = (t.text("old"), t.text("new"));
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_renameat, dir, old, libc::AT_FDCWD, new);
    t.expect(
        "renameat",
        result,
        json!({
            "evt.arg.olddirfd": dir.to_string(), "evt.arg.oldpath": t.path("old"), "evt.arg.newdirfd": "-100",
            "evt.arg.newpath": t.path("new"),
        }),
    );
    let result = call!(libc::SYS_renameat, dir, old, libc::AT_FDCWD, new);
    t.expect("renameat", result, json!({"evt.res": "ENOENT", "evt.arg.oldpath": t.path("old")}));
}

fn renameat2(t: &mut Trace) {
    t.file("a");
    t.file("b");
    let (a, b) = (t.text("a"), t.text("b"));
    let result = call!(libc::SYS_renameat2, libc::AT_FDCWD, a, libc::AT_FDCWD, b, 2);
    t.expect("renameat2", result, json!({"evt.arg.oldpath": t.path("a"), "evt.arg.newpath": t.path("b"), "evt.arg.flags": "RENAME_EXCHANGE"}));
    let result = call!(libc::SYS_renameat2, libc::AT_FDCWD, a, libc::AT_FDCWD, b, 1);
    t.expect("renameat2", result, json!({"evt.res": "EEXIST", "evt.arg.flags": "RENAME_NOREPLACE"}));
}

fn unlink(t: &mut Trace) {
    t.file("f");
    let name = t.text("f");
    let result = call!(libc::SYS_unlink, name);
    t.expect(
        "unlink",
        result,
        json!({"evt.arg.path": t.path("f"), "fs.path.name": t.path("f"), "fs.path.nameraw": "f"}),
    );
    let result = call!(libc::SYS_unlink, name);
    t.expect("unlink", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("f")}));
}

fn unlinkat(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let dir = t.open(".", libc::O_RDONLY);
    let name = t.text("d");
    let result = call!(libc::SYS_unlinkat, dir, name, 0);
    t.expect("unlinkat", result, json!({"evt.res": "EISDIR", "evt.arg.dirfd": dir.to_string(), "evt.arg.name": t.path("d"), "evt.arg.flags": "0"}));
    let result = call!(libc::SYS_unlinkat, dir, name, libc::AT_REMOVEDIR);
    t.expect("unlinkat", result, json!({"evt.arg.name": t.path("d"), "evt.arg.flags": "AT_REMOVEDIR"}));
}

fn mkdir(t: &mut Trace) {
    let name = t.text("d");
    let result = call!(libc::SYS_mkdir, name, 0o750);
    t.expect("mkdir", result, json!({"evt.arg.path": t.path("d"), "evt.arg.mode": "0750"}));
    let result = call!(libc::SYS_mkdir, name, 0o750);
    t.expect("mkdir", result, json!({"evt.res": "EEXIST", "evt.arg.path": t.path("d")}));
}

fn mkdirat(t: &mut Trace) {
    let dir = t.open(".", libc::O_RDONLY);
    let name = t.text("d");
    let result = call!(libc::SYS_mkdirat, dir, name, 0o700);
    t.expect(
        "mkdirat",
        result,
        json!({"evt.arg.dirfd": dir.to_string(), "evt.arg.path": t.path("d"), "evt.arg.mode": "0700"}),
    );
    let result = call!(libc::SYS_mkdirat, dir, t.text("x/y"), 0o700);
    t.expect("mkdirat", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("x/y")}));
}

fn rmdir(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let name = t.text("d");
    let result = call!(libc::SYS_rmdir, name);
    t.expect("rmdir", result, json!({"evt.arg.path": t.path("d")}));
    let result = call!(libc::SYS_rmdir, name);
    t.expect("rmdir", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("d")}));
}

fn chmod(t: &mut Trace) {
    t.file("f");
    let result = call!(libc::SYS_chmod, t.text("f"), 0o4_700);
    t.expect(
        "chmod",
        result,
        json!({"evt.arg.filename": t.path("f"), "evt.arg.mode": "S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID"}),
    );
    let result = call!(libc::SYS_chmod, t.text("absent"), 0);
    t.expect("chmod", result, json!({"evt.res": "ENOENT", "evt.arg.mode": "0"}));
}

fn fchmod(t: &mut Trace) {
    let fd = t.file("f");
    let result = call!(libc::SYS_fchmod, fd, 0o644);
    t.expect("fchmod", result, json!({"fd.num": fd, "fd.name": t.path("f"), "evt.arg.fd": format!("<f>{}", t.path("f")), "evt.arg.mode": "S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR"}));
    let result = call!(libc::SYS_fchmod, 999, 0o644);
    t.expect("fchmod", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn fchmodat(t: &mut Trace) {
    t.file("f");
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_fchmodat, dir, t.text("f"), 0o1);
    t.expect(
        "fchmodat",
        result,
        json!({"evt.arg.dirfd": dir.to_string(), "evt.arg.filename": t.path("f"), "evt.arg.mode": "S_IXOTH"}),
    );
    let result = call!(libc::SYS_fchmodat, dir, t.text("absent"), 0o1);
    t.expect("fchmodat", result, json!({"evt.res": "ENOENT", "evt.arg.filename": t.path("absent")}));
}

/// A call that takes a path, a user and a group.
fn own_by_path(t: &mut Trace, event: &str, number: libc::c_long) {
    t.file("f");
    let result = call!(number, t.text("f"), 33, 7);
    t.expect(event, result, json!({"evt.arg.path": t.path("f"), "evt.arg.gid": "7", "evt.args": format!("res=0 path=f({}) uid=33(www-data) gid=7", t.path("f"))}));
    let result = call!(number, t.text("absent"), -1, 0);
    t.expect(
        event,
        result,
        json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent"), "evt.arg.uid": u32::MAX.to_string()}),
    );
}

fn chown(t: &mut Trace) {
    own_by_path(t, "chown", libc::SYS_chown);
}

fn lchown(t: &mut Trace) {
    own_by_path(t, "lchown", libc::SYS_lchown);
}

fn fchown(t: &mut Trace) {
    let fd = t.file("f");
    let result = call!(libc::SYS_fchown, fd, 0, 0);
    t.expect("fchown", result, json!({"fd.name": t.path("f"), "evt.arg.uid": "root", "evt.arg.gid": "0"}));
    let result = call!(libc::SYS_fchown, 999, 0, 0);
    t.expect("fchown", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn fchownat(t: &mut Trace) {
    t.file("f");
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_fchownat, dir, t.text("f"), 0, 0, libc::AT_SYMLINK_NOFOLLOW);
    t.expect("fchownat", result, json!({"evt.arg.dirfd": dir.to_string(), "evt.arg.pathname": t.path("f"), "evt.arg.uid": "root", "evt.arg.flags": "AT_SYMLINK_NOFOLLOW"}));
    let result = call!(libc::SYS_fchownat, dir, t.text("absent"), 0, 0, 0);
    t.expect("fchownat", result, json!({"evt.res": "ENOENT", "evt.arg.pathname": t.path("absent")}));
}

fn truncate(t: &mut Trace) {
    t.file("f");
    let result = call!(libc::SYS_truncate, t.text("f"), 4096);
    t.expect("truncate", result, json!({"evt.arg.path": t.path("f"), "evt.arg.length": "4096"}));
    let result = call!(libc::SYS_truncate, t.text("."), 0);
    t.expect(
        "truncate",
        result,
        json!({"evt.res": "EISDIR", "evt.arg.path": t.path("")[..t.path("").len() - 1]}),
    );
}

fn ftruncate(t: &mut Trace) {
    t.file("f");
    let fd = t.open("f", libc::O_RDWR);
    let result = call!(libc::SYS_ftruncate, fd, 5);
    t.expect("ftruncate", result, json!({"fd.num": fd, "fd.name": t.path("f"), "evt.arg.length": "5"}));
    let fd = t.open("f", libc::O_RDONLY);
    let result = call!(libc::SYS_ftruncate, fd, 5);
    t.expect("ftruncate", result, json!({"evt.res": "EINVAL", "fd.num": fd}));
}

fn mknod(t: &mut Trace) {
    let device = libc::makedev(1, 3);
    let result = call!(libc::SYS_mknod, t.text("null"), libc::S_IFCHR | 0o600, device);
    t.expect("mknod", result, json!({"evt.arg.path": t.path("null"), "evt.arg.mode": "S_IWUSR|S_IRUSR", "evt.arg.dev": device.to_string()}));
    let result = call!(libc::SYS_mknod, t.text("null"), libc::S_IFIFO, 0);
    t.expect("mknod", result, json!({"evt.res": "EEXIST", "evt.arg.path": t.path("null")}));
}

fn mknodat(t: &mut Trace) {
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_mknodat, dir, t.text("fifo"), libc::S_IFIFO | 0o600, 0);
    t.expect(
        "mknodat",
        result,
        json!({"evt.arg.dirfd": dir.to_string(), "evt.arg.path": t.path("fifo"), "evt.arg.dev": "0"}),
    );
    let result = call!(libc::SYS_mknodat, dir, t.text("fifo"), libc::S_IFIFO | 0o600, 0);
    t.expect("mknodat", result, json!({"evt.res": "EEXIST", "evt.arg.path": t.path("fifo")}));
}

/// Mounts nobody else sees.
pub(crate) fn unshare_mounts(t: &mut Trace) {
    assert_eq!(call!(libc::SYS_unshare, libc::CLONE_NEWNS), 0);
    assert_eq!(call!(libc::SYS_mount, t.text("none"), t.text("/"), 0, libc::MS_REC | libc::MS_PRIVATE, 0), 0);
}

fn mount(t: &mut Trace) {
    unshare_mounts(t);
    std::fs::create_dir(t.path("m")).unwrap();
    let result = call!(
        libc::SYS_mount,
        t.text("scratch"),
        t.text("m"),
        t.text("tmpfs"),
        libc::MS_NOSUID | libc::MS_NODEV,
        0
    );
    t.expect("mount", result, json!({"evt.arg.dev": "scratch", "evt.arg.dir": t.path("m"), "evt.arg.type": "tmpfs", "evt.arg.flags": "NOSUID|NODEV"}));
    let result = call!(libc::SYS_mount, t.text("x"), t.text("absent"), t.text("tmpfs"), 0, 0);
    t.expect(
        "mount",
        result,
        json!({"evt.res": "ENOENT", "evt.arg.dir": t.path("absent"), "evt.arg.flags": "0"}),
    );
    assert_eq!(call!(libc::SYS_umount2, t.text("m"), 0), 0);
}

fn umount2(t: &mut Trace) {
    unshare_mounts(t);
    std::fs::create_dir(t.path("m")).unwrap();
    assert_eq!(call!(libc::SYS_mount, t.text("scratch"), t.text("m"), t.text("tmpfs"), 0, 0), 0);
    let result = call!(libc::SYS_umount2, t.text("m"), libc::MNT_DETACH);
    t.expect("umount2", result, json!({"evt.arg.name": t.path("m"), "evt.arg.flags": "DETACH"}));
    let result = call!(libc::SYS_umount2, t.text("m"), 0);
    t.expect(
        "umount2",
        result,
        json!({"evt.res": "EINVAL", "evt.arg.name": t.path("m"), "evt.arg.flags": "0"}),
    );
}

fn chdir(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let result = call!(libc::SYS_chdir, t.text("d"));
    // The call has returned: the working directory is the new one.
    t.expect("chdir", result, json!({"evt.arg.path": "d", "proc.cwd": t.path("d")}));
    let result = call!(libc::SYS_chdir, t.text("absent"));
    t.expect("chdir", result, json!({"evt.res": "ENOENT", "proc.cwd": t.path("d")}));
}

fn fchdir(t: &mut Trace) {
    std::fs::create_dir(t.path("d")).unwrap();
    let dir = t.open("d", libc::O_RDONLY);
    let result = call!(libc::SYS_fchdir, dir);
    t.expect(
        "fchdir",
        result,
        json!({"fd.num": dir, "fd.name": t.path("d"), "fd.type": "directory", "proc.cwd": t.path("d")}),
    );
    let result = call!(libc::SYS_fchdir, 999);
    t.expect("fchdir", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn chroot(t: &mut Trace) {
    let result = call!(libc::SYS_chroot, t.text("absent"));
    t.expect("chroot", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
    let result = call!(libc::SYS_chroot, t.text("/"));
    t.expect("chroot", result, json!({"evt.arg.path": "/"}));
}

fn memfd_create(t: &mut Trace) {
    let fd = call!(libc::SYS_memfd_create, t.text("payload"), libc::MFD_CLOEXEC);
    t.expect("memfd_create", fd, json!({
        "fd.num": fd, "fd.type": "memfd", "fd.typechar": "m", "fd.name": "memfd:payload", "evt.arg.name": "payload",
        "evt.arg.flags": "MFD_CLOEXEC",
    }));
    let result = call!(libc::SYS_memfd_create, t.text("x"), 0x8000_0000_u32);
    t.expect("memfd_create", result, json!({"evt.res": "EINVAL", "evt.arg.name": "x", "fd.num": -1}));
}

fn dup(t: &mut Trace) {
    let fd = t.file("f");
    let new = call!(libc::SYS_dup, fd);
    t.expect(
        "dup",
        new,
        json!({"fd.num": new, "fd.name": t.path("f"), "fd.type": "file", "evt.arg.oldfd": fd.to_string()}),
    );
    let result = call!(libc::SYS_dup, 999);
    t.expect("dup", result, json!({"evt.res": "EBADF", "evt.arg.oldfd": "999", "fd.num": -1}));
}

fn dup2(t: &mut Trace) {
    let fd = t.file("f");
    let new = call!(libc::SYS_dup2, fd, 77);
    t.expect(
        "dup2",
        new,
        json!({"fd.num": 77, "fd.name": t.path("f"), "evt.arg.newfd": "77", "evt.arg.oldfd": fd.to_string()}),
    );
    let result = call!(libc::SYS_dup2, 999, 78);
    t.expect("dup2", result, json!({"evt.res": "EBADF", "evt.arg.oldfd": "999", "evt.arg.newfd": "78"}));
}

fn dup3(t: &mut Trace) {
    let fd = t.file("f");
    let new = call!(libc::SYS_dup3, fd, 77, libc::O_CLOEXEC);
    t.expect("dup3", new, json!({"fd.num": 77, "fd.name": t.path("f"), "evt.arg.flags": "O_CLOEXEC"}));
    let result = call!(libc::SYS_dup3, fd, fd, 0);
    t.expect("dup3", result, json!({"evt.res": "EINVAL", "evt.arg.newfd": fd.to_string()}));
}

fn fcntl(t: &mut Trace) {
    let fd = t.file("f");
    let result = call!(libc::SYS_fcntl, fd, libc::F_GETFD, 0);
    t.expect("fcntl", result, json!({"fd.num": fd, "evt.arg.cmd": "F_GETFD"}));
    let result = call!(libc::SYS_fcntl, 999, libc::F_SETFD, 0);
    t.expect("fcntl", result, json!({"evt.res": "EBADF", "fd.num": 999, "evt.arg.cmd": "F_SETFD"}));
}

fn read(t: &mut Trace) {
    std::fs::write(t.path("f"), "hello\nworld").unwrap();
    let fd = t.open("f", libc::O_RDONLY);
    let mut buffer = [0_u8; 64];
    let result = call!(libc::SYS_read, fd, buffer.as_mut_ptr(), 64);
    t.expect("read", result, json!({"fd.name": t.path("f"), "evt.buffer": "hello.world", "evt.buflen": 11, "evt.arg.size": "64", "evt.is_io_read": true}));
    let result = call!(libc::SYS_read, fd, 1, 64);
    t.expect("read", result, json!({"fd.num": fd, "evt.rawres": 0}));
    let result = call!(libc::SYS_read, 999, buffer.as_mut_ptr(), 64);
    t.expect("read", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn write(t: &mut Trace) {
    t.file("f");
    let fd = t.open("f", libc::O_WRONLY);
    let long = "x".repeat(200);
    let text = t.text(&long);
    let result = call!(libc::SYS_write, fd, text, 200);
    t.expect("write", result, json!({"fd.name": t.path("f"), "evt.buffer": "x".repeat(80), "evt.buflen": 200, "evt.is_io_write": true}));
    let result = call!(libc::SYS_write, 999, text, 3);
    t.expect("write", result, json!({"evt.res": "EBADF", "fd.num": 999, "evt.buffer": "xxx"}));
}
