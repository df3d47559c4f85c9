//! `lithify-probe learn` at work on one container.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use lithify::profile::{WriteProfile, read};
use rustix::process::{Pid, Signal, kill_process};

/// The file of a profile of our image.
pub(crate) const FILE: &str = "image_localhost-app.yaml";

/// The running program.
pub(crate) struct Learning {
    child: Child,
    log: BufReader<ChildStderr>,
    output: PathBuf,
}

impl Learning {
    /// Starts it for the container of an id; it watches when this returns.
    pub(crate) fn start(directory: &Path, id: &str) -> Self {
        let output = directory.join("profiles");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
        command.args(["learn", "--container", &id[..12], "--image", "localhost/app"]);
        // Nobody answers there.
        command.args(["--cri", "/nowhere.sock", "--min-starts", "1", "--min-time", "0s", "--output"]);
        let mut child = command.arg(&output).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut learning = Self { child, log, output };
        learning.wait_for("learning where containers write");
        learning
    }

    fn wait_for(&mut self, part: &str) {
        let mut said = String::new();
        while !said.contains(part) {
            let read = self.log.read_line(&mut said).unwrap();
            assert_ne!(read, 0, "the log ended without `{part}`: {said}");
        }
    }

    /// Ends it; what it wrote down.
    pub(crate) fn end(mut self) -> WriteProfile {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.wait_for(FILE);
        assert!(self.child.wait().unwrap().success());
        read(&fs::read(self.output.join(FILE)).unwrap()).unwrap().remove(0)
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
