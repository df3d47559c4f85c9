//! The program itself, with a certificate from files.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes, also where the machine is busy.
const LONG: Duration = Duration::from_mins(2);

pub(crate) struct Program {
    directory: TempDir,
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
    log: Receiver<Value>,
}

/// A certificate for localhost, and its key.
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { chain: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }
}

impl Program {
    /// Starts it with a certificate and more arguments, and waits until it listens.
    pub(crate) fn start(pair: &Pair, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
        std::fs::write(&files[0], &pair.chain).unwrap();
        std::fs::write(&files[1], &pair.key).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_lithify-webhook"))
            .args(["serve", "--listen", "127.0.0.1:0", "--without-cluster"])
            .args(["--tls-cert".as_ref(), files[0].as_os_str(), "--tls-key".as_ref(), files[1].as_os_str()])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (said, log) = channel();
        // What it says must be read, or lines would be lost; whether anybody listens is the test's affair.
        std::thread::spawn(move || {
            for line in lines {
                let _ = said.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut program = Self { directory, process, address: ([127, 0, 0, 1], 0).into(), log };
        program.address = program.wait_for("listening")["address"].as_str().unwrap().parse().unwrap();
        program
    }

    /// The next line of its log with this message.
    pub(crate) fn wait_for(&self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(LONG);
            let line = line.unwrap_or_else(|error| panic!("no `{message}` in its log: {error}"));
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Exchanges one of its files as a whole, as an editor does.
    pub(crate) fn exchange(&self, name: &str, text: &str) {
        let new: PathBuf = self.directory.path().join(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.directory.path().join(name)).unwrap();
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
    }

    /// The most memory that it ever had, in KiB.
    pub(crate) fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
