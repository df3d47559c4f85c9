//! Real jobs: compiling a small C project, and an HTTP server under wrk.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::loads::cpu_ns;

/// Why a job cannot be measured here.
pub(crate) fn missing(load: &str) -> Option<&'static str> {
    let has = |program: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|directory| directory.join(program).exists())
    };
    match load {
        "compile" if !has("cc") => Some("there is no cc"),
        "http" if !has("wrk") => Some("there is no wrk (Debian's package wrk)"),
        _ => None,
    }
}

/// Compiles and links `files` C files with a few headers each; nanoseconds of CPU time for one.
pub(crate) fn compile(files: u64) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let (mut declarations, mut main) = (String::new(), String::from("int main(void) { return 0"));
    for number in 0..files {
        let mut text = String::from(
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <errno.h>\n",
        );
        for function in 0..20 {
            writeln!(
                text,
                "int f{number}_{function}(int n) {{ char b[64]; snprintf(b, sizeof b, \"%d\", n); \
                 return n < 1 ? (int)strlen(b) : f{number}_{function}(n - 1) + atoi(b); }}"
            )
            .unwrap();
        }
        fs::write(directory.path().join(format!("{number}.c")), text).unwrap();
        writeln!(declarations, "int f{number}_0(int);").unwrap();
        write!(main, " + f{number}_0({number})").unwrap();
    }
    fs::write(directory.path().join("main.c"), format!("{declarations}{main}; }}\n")).unwrap();
    let cc = |arguments: &[String]| {
        assert!(Command::new("cc").args(arguments).current_dir(directory.path()).status().unwrap().success());
    };
    let before = cpu_ns(libc::RUSAGE_CHILDREN);
    let names: Vec<String> = (0..files).map(|number| number.to_string()).chain(["main".to_owned()]).collect();
    for name in &names {
        cc(&["-O1", "-c", &format!("{name}.c"), "-o", &format!("{name}.o")].map(str::to_owned));
    }
    let mut link: Vec<String> = names.iter().map(|name| format!("{name}.o")).collect();
    link.extend(["-o".to_owned(), "program".to_owned()]);
    cc(&link);
    (cpu_ns(libc::RUSAGE_CHILDREN) - before) / files as f64
}

/// Serves a small page to wrk for some seconds; nanoseconds of the server's CPU time for one request.
pub(crate) fn http(seconds: u64) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests: &'static AtomicU64 = Box::leak(Box::default());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(&stream, requests));
        }
    });
    let before = cpu_ns(libc::RUSAGE_SELF);
    let wrk = Command::new("wrk")
        .args(["-t", "1", "-c", "8", "-d", &seconds.to_string(), &url])
        .stdout(Stdio::null())
        .status();
    assert!(wrk.unwrap().success());
    (cpu_ns(libc::RUSAGE_SELF) - before) / requests.load(Relaxed) as f64
}

/// Requests have no body: each ends with an empty line.
fn answer(mut stream: &TcpStream, requests: &AtomicU64) {
    const PAGE: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nhello, world\n";
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            requests.fetch_add(1, Relaxed);
            if stream.write_all(PAGE).is_err() {
                return;
            }
        }
    }
}
