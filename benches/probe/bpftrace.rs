//! bpftrace on the same calls, for comparison.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use lithify::event::EventType;

/// A running bpftrace that counts calls, and of opens those whose path begins as the one that rules ask most for.
pub(crate) struct Bpftrace {
    child: Child,
    _out: BufReader<ChildStdout>,
}

/// Calls whose path is their second argument at entry.
const OPENS: [&str; 3] = ["open", "openat", "openat2"];

impl Bpftrace {
    /// Starts it and waits until it is attached; `None` where there is none.
    pub(crate) fn start(events: &[EventType]) -> Option<Self> {
        let mut program = String::new();
        for event in events.iter().filter(|event| event.is_syscall()) {
            let name = event.name();
            let (when, filter) = if OPENS.contains(&name) {
                ("enter", " /strncmp(str(args->filename), \"/etc/\", 5) == 0/ ")
            } else {
                ("exit", " ")
            };
            program.extend([
                "tracepoint:syscalls:sys_",
                when,
                "_",
                name,
                filter,
                "{ @[probe] = count(); }\n",
            ]);
        }
        // Probes are attached in their order: when this one comes, the others are there.
        program += "interval:ms:100 { printf(\"attached\\n\"); }\n";
        // It looks for a mounted tracefs, which may be there, and wants to raise a limit that newer kernels do not have.
        let script =
            "mount -t tracefs tracefs /sys/kernel/tracing; ulimit -l 8192 && exec bpftrace -q -e \"$1\"";
        let mut child = Command::new("unshare")
            .args(["-m", "sh", "-c", script, "sh", &program])
            .env("BPFTRACE_STRLEN", "64")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut out = BufReader::new(child.stdout.take()?);
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            if out.read_line(&mut line).ok()? == 0 {
                return None;
            }
        }
        Some(Self { child, _out: out })
    }
}

impl Drop for Bpftrace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
