//! Logs that grow, rotate and are truncated, while the probe runs and while it does not.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tempfile::TempDir;

use super::batch::Batch;
use super::channel::{Incoming, Received, channel};
use super::follow::{Follower, Keeper, OpenLog};
use super::loss::{Alarm, Losses, Lost};
use super::position::Reached;
use super::settings::{self, Start};
use super::stop::Stop;
use crate::log::Log;

/// An apiserver that writes a log, and what a follower has seen of it.
struct World {
    directory: TempDir,
    written: u64,
    ticks: u64,
    half: Option<String>,
    seen: Vec<u64>,
    losses: Arc<Mutex<Vec<String>>>,
    run: Run,
}

/// One life of the follower.
struct Run {
    follower: Follower,
    log: Option<OpenLog>,
    keeper: Keeper,
    reached: Reached,
    incoming: Incoming,
    counted: Arc<Losses>,
}

impl Run {
    fn new(directory: &TempDir, start: Start, said: &Arc<Mutex<Vec<String>>>) -> Self {
        let file = settings::File {
            path: directory.path().join("audit.log"),
            follow: true,
            start,
            state: Some(directory.path().join("state.json")),
        };
        let said = Arc::clone(said);
        let raise = move |alert: crate::alert::Alert| said.lock().unwrap().push(alert.output);
        let alarm = Alarm::new(raise, "vm".into(), Log::new(|_, _| {}));
        let counted = Arc::new(Losses::new("audit.log".to_owned(), alarm));
        let (sender, incoming) = channel();
        let batch = Batch::new(sender, Arc::clone(&counted), Arc::default(), 1000);
        let (reached, stop) = (Reached::default(), Arc::<Stop>::default());
        let keeper = Keeper::new(&file);
        let follower = Follower::new(file, batch, Arc::clone(&reached), stop);
        Self { follower, log: None, keeper, reached, incoming, counted }
    }
}

impl World {
    fn new(start: Start) -> Self {
        let directory = TempDir::new().unwrap();
        let losses = Arc::default();
        let run = Run::new(&directory, start, &losses);
        Self { directory, written: 0, ticks: 0, half: None, seen: Vec::new(), losses, run }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn append(&mut self, text: &str) {
        let log = OpenOptions::new().append(true).create(true).open(self.path("audit.log")).unwrap();
        (&log).write_all(text.as_bytes()).unwrap();
        self.touch(&log);
    }

    /// Files are written one after the other, whatever the resolution of the file system's clock.
    fn touch(&mut self, file: &File) {
        self.ticks += 1;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + self.ticks)).unwrap();
    }

    fn line(&mut self) -> String {
        self.written += 1;
        format!("{{\"auditID\":\"{}\",\"pad\":\"{}\"}}\n", self.written, "x".repeat(40))
    }

    fn write(&mut self, count: usize) {
        self.complete();
        let lines: String = (0..count).map(|_| self.line()).collect();
        self.append(&lines);
    }

    fn write_half(&mut self) {
        self.complete();
        let line = self.line();
        let (half, rest) = line.split_at(line.len() / 2);
        self.append(half);
        self.half = Some(rest.to_owned());
    }

    fn complete(&mut self) {
        if let Some(rest) = self.half.take() {
            self.append(&rest);
        }
    }

    /// As the apiserver does.
    fn rotate(&mut self) {
        self.complete();
        self.append("");
        let name = format!("audit-2026-11-24T10-00-{:06}.log", self.ticks);
        fs::rename(self.path("audit.log"), self.path(&name)).unwrap();
        self.append("");
    }

    /// As logrotate does: `audit.log.1` is the newest.
    fn shift(&mut self) {
        for number in (1..9).rev() {
            let _ = fs::rename(
                self.path(&format!("audit.log.{number}")),
                self.path(&format!("audit.log.{}", number + 1)),
            );
        }
    }

    fn logrotate(&mut self) {
        self.complete();
        self.append("");
        self.shift();
        fs::rename(self.path("audit.log"), self.path("audit.log.1")).unwrap();
        self.append("");
    }

    fn copy_and_truncate(&mut self) {
        self.complete();
        self.append("");
        self.shift();
        fs::copy(self.path("audit.log"), self.path("audit.log.1")).unwrap();
        let copy = File::open(self.path("audit.log.1")).unwrap();
        self.touch(&copy);
        let log = OpenOptions::new().write(true).open(self.path("audit.log")).unwrap();
        log.set_len(0).unwrap();
        self.touch(&log);
    }

    fn step(&mut self) {
        let run = &mut self.run;
        run.follower.step(&mut run.log, &mut run.keeper).unwrap();
        while let Received::Delivery(delivery) = run.incoming.receive(Duration::ZERO) {
            for event in &delivery.events {
                self.seen.push(event["auditID"].as_str().unwrap().parse().unwrap());
            }
            delivery.finish();
        }
    }

    fn restart(&mut self, start: Start) {
        self.run.keeper.save(&self.run.reached, &Log::new(|_, _| {}));
        self.run = Run::new(&self.directory, start, &self.losses);
    }

    fn assert_all_seen_once(&self) {
        assert_eq!(self.seen, (1..=self.written).collect::<Vec<_>>());
        assert_eq!(self.run.counted.in_all(), Lost::default());
    }
}

#[test]
fn begins_where_it_is_told_to() {
    let mut old = World::new(Start::End);
    old.write(3);
    old.step();
    old.write(2);
    old.step();
    assert_eq!(old.seen, [4, 5]);
    let mut half = World::new(Start::End);
    half.write_half();
    half.step();
    half.write(1);
    half.step();
    assert_eq!(half.seen, [2]);
    let mut later = World::new(Start::End);
    later.step();
    later.write(2);
    later.step();
    later.assert_all_seen_once();
}

#[test]
fn a_log_that_rotated_while_the_probe_was_down_is_read_to_its_end() {
    for rotate in [World::rotate, World::logrotate, World::copy_and_truncate] {
        let mut world = World::new(Start::Beginning);
        world.write(30);
        world.step();
        world.write(2);
        for _ in 0..3 {
            rotate(&mut world);
            world.write(40);
        }
        world.restart(Start::End);
        world.step();
        world.assert_all_seen_once();
    }
}

#[test]
fn events_that_were_not_judged_are_read_again() {
    let mut world = World::new(Start::Beginning);
    world.write(3);
    world.step();
    world.write(2);
    let run = &mut world.run;
    run.follower.step(&mut run.log, &mut run.keeper).unwrap();
    // Received, but dropped without `finish`.
    assert!(matches!(run.incoming.receive(Duration::ZERO), Received::Delivery(_)));
    world.restart(Start::End);
    world.step();
    world.assert_all_seen_once();
}

#[test]
fn a_log_that_is_gone_is_an_alert_and_what_follows_is_read() {
    let mut world = World::new(Start::Beginning);
    world.write(3);
    world.step();
    world.write(1);
    world.rotate();
    let rotated = fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let rotated: Vec<PathBuf> =
        rotated.filter(|path| path.to_string_lossy().contains("audit-2026")).collect();
    fs::rename(&rotated[0], rotated[0].with_extension("log.gz")).unwrap();
    world.write(2);
    world.restart(Start::End);
    world.step();
    assert_eq!(world.seen, [1, 2, 3, 5, 6]);
    assert!(world.losses.lock().unwrap()[0].contains("1 logs gone before their end was read"));
}

#[test]
fn a_state_file_that_is_none_is_an_alert_and_the_log_is_read_from_its_beginning() {
    let mut world = World::new(Start::End);
    fs::write(world.path("state.json"), "{\"version\":").unwrap();
    world.write(2);
    world.step();
    assert_eq!(world.seen, [1, 2]);
    assert_eq!(world.losses.lock().unwrap().len(), 1);
}

#[test]
fn lines_that_are_no_events_are_counted_and_the_rest_is_read() {
    let mut world = World::new(Start::Beginning);
    world.write(1);
    world.append(&format!("not json\n\n{}\n17\n", "y".repeat(5000)));
    world.write(1);
    world.step();
    assert_eq!(world.seen, [1, 2]);
    let lost = world.run.counted.in_all();
    assert_eq!((lost.malformed, lost.oversized), (2, 1));
}

/// File systems give a freed inode away again at once.
#[test]
fn a_new_log_with_the_inode_of_a_deleted_one_is_new() {
    let mut world = World::new(Start::Beginning);
    world.write(1);
    world.step();
    (0..8).for_each(|_| world.logrotate());
    world.write(1);
    world.step();
    world.write(2);
    world.copy_and_truncate();
    world.logrotate();
    world.write(1);
    world.rotate();
    world.step();
    world.assert_all_seen_once();
}

#[derive(Clone, Debug)]
enum Op {
    Write(usize),
    Half,
    Rotate,
    Logrotate,
    CopyAndTruncate,
    Step,
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (1..30_usize).prop_map(Op::Write),
        1 => Just(Op::Half),
        1 => Just(Op::Rotate),
        1 => Just(Op::Logrotate),
        1 => Just(Op::CopyAndTruncate),
        3 => Just(Op::Step),
        1 => Just(Op::Restart),
    ]
}

proptest! {
    // Each position is synced to the disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_event_is_read_once_and_in_order(ops in proptest::collection::vec(op(), 0..30)) {
        let mut world = World::new(Start::Beginning);
        world.write(1);
        world.step();
        for op in ops {
            match op {
                Op::Write(count) => world.write(count),
                Op::Half => world.write_half(),
                Op::Rotate => world.rotate(),
                Op::Logrotate => world.logrotate(),
                Op::CopyAndTruncate => {
                    // A log of which nothing has been read cannot be told from its successor.
                    world.write(1);
                    world.step();
                    world.write(2);
                    world.copy_and_truncate();
                }
                Op::Step => world.step(),
                Op::Restart => world.restart(Start::End),
            }
        }
        world.complete();
        world.step();
        world.assert_all_seen_once();
    }
}
