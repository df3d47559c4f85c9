//! Making calls and saying what must be reported of them.

use std::ffi::CString;
use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

/// What a child does and expects.
pub(crate) struct Trace {
    directory: PathBuf,
    texts: Vec<CString>,
}

/// An argument of a call.
pub(crate) trait Argument {
    fn value(&self) -> u64;
}

macro_rules! numbers {
    ($($kind:ty)*) => { $(impl Argument for $kind { fn value(&self) -> u64 { *self as u64 } })* };
}
numbers!(i32 u32 i64 u64 usize);

impl<T> Argument for *const T {
    fn value(&self) -> u64 {
        *self as u64
    }
}

impl<T> Argument for *mut T {
    fn value(&self) -> u64 {
        *self as u64
    }
}

/// Makes a call with up to six arguments: the result, or the negative error number.
#[macro_export]
macro_rules! call {
    ($number:expr $(, $argument:expr)* $(,)?) => {{
        let mut arguments = [0_u64; 6];
        let given: &[u64] = &[$($crate::call::Argument::value(&$argument)),*];
        arguments[..given.len()].copy_from_slice(given);
        $crate::call::raw($number, arguments)
    }};
}

/// Makes a call: the result, or the negative error number.
pub(crate) fn raw(number: libc::c_long, a: [u64; 6]) -> i64 {
    // SAFETY: each case passes what its call takes; memory behind pointers lives in the case.
    let result = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) };
    if result >= 0 {
        return result;
    }
    -i64::from(std::io::Error::last_os_error().raw_os_error().expect("the C library has set it"))
}

impl Trace {
    /// Runs a case in a directory of its own that is empty and goes away.
    pub(crate) fn run(act: fn(&mut Self)) {
        let directory = std::env::temp_dir().join(format!("lithify-trigger-{}", std::process::id()));
        // What is there is of a process that was killed and had the same number.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).expect("a new directory");
        let directory = directory.canonicalize().expect("it is there");
        std::env::set_current_dir(&directory).expect("it is ours");
        let mut trace = Self { directory: directory.clone(), texts: Vec::new() };
        act(&mut trace);
        let _ = std::fs::remove_dir_all(directory);
    }

    /// Path of a name in the directory of this case.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().expect("we named it").to_owned()
    }

    /// A text that lives as long as the case.
    pub(crate) fn text(&mut self, text: &str) -> *const libc::c_char {
        self.texts.push(CString::new(text).expect("no zero in it"));
        self.texts.last().expect("just pushed").as_ptr()
    }

    /// Makes a file and opens it for reading.
    pub(crate) fn file(&mut self, name: &str) -> i32 {
        std::fs::write(self.path(name), name).expect("a file in our directory");
        self.open(name, libc::O_RDONLY)
    }

    /// Opens something in the directory of this case.
    pub(crate) fn open(&mut self, name: &str, flags: i32) -> i32 {
        let path = self.path(name);
        let path = self.text(&path);
        // SAFETY: `path` is a text that lives as long as `self`.
        unsafe { libc::open(path, flags) }
    }

    /// An event must have come with these fields and the result, in words too.
    pub(crate) fn expect(&self, event: &str, result: i64, fields: Json) {
        let mut all = Map::new();
        all.insert("evt.type".to_owned(), json!(event));
        all.insert("evt.rawres".to_owned(), json!(result));
        all.insert("evt.failed".to_owned(), json!(result < 0));
        if result >= 0 {
            all.insert("evt.res".to_owned(), json!("SUCCESS"));
        }
        all.insert("proc.pid".to_owned(), json!(std::process::id()));
        all.insert("user.uid".to_owned(), json!(0));
        self.expect_fields(all, fields);
    }

    /// The same for an event that has no result, or another process.
    pub(crate) fn expect_fields(&self, mut all: Map<String, Json>, fields: Json) {
        let Json::Object(fields) = fields else { panic!("fields are an object") };
        all.extend(fields);
        println!("{}", Json::Object(all));
    }
}

/// Device and inode of an open file, as `evt.arg.dev` and `evt.arg.ino` have them.
pub(crate) fn identity(fd: i64) -> (String, String) {
    let stat = rustix::fs::fstat(borrow(fd)).expect("an open file");
    (stat.st_dev.to_string(), stat.st_ino.to_string())
}

/// A descriptor for the safe calls.
pub(crate) fn borrow(fd: i64) -> std::os::fd::BorrowedFd<'static> {
    // SAFETY: each case keeps its descriptors open until it ends.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(i32::try_from(fd).expect("a descriptor")) }
}
