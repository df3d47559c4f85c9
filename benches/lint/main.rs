//! What linting a fleet's repository costs, beside the peers on PATH: `cargo bench --bench lint`.
//!
//! Measured are CPU time, wall time and peak memory of whole processes (wait4), as the least of several rounds
//! that alternate between all candidates, so that what else the machine does weighs on all alike. What counts
//! are the ratios within one run. `ROUNDS=9` for more; `LINT_BENCH_TREES=DIR` keeps the trees for a profiler.
#![expect(unsafe_code, reason = "wait4 has the peak memory of one child, and no safe wrapper")]
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

mod generator;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DEPLOYMENTS: usize = 10_000;
const MIXED: usize = 1_000;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let own = std::env::var_os("LINT_BENCH_TREES").map(PathBuf::from);
    let root = own.clone().unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint-bench"));
    let (deployments, few, mixed) = (root.join("deployments"), root.join("few"), root.join("mixed"));
    if !root.is_dir() {
        generator::deployments(&deployments, DEPLOYMENTS);
        generator::deployments(&few, DEPLOYMENTS / 10);
        generator::mixed(&mixed, MIXED);
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);

    let mut candidates = vec![
        Candidate::lint("lithify, json", &["--format", "json"], &deployments),
        Candidate::lint("lithify, text", &["--format", "text"], &deployments),
        Candidate::lint("lithify, sarif", &["--format", "sarif"], &deployments),
        Candidate::lint("lithify, json, a tenth", &["--format", "json"], &few),
        // What helm and kubectl take to render is not ours to cut.
        Candidate::lint("lithify, mixed tree", &["--format", "json", "--no-render"], &mixed),
    ];
    for (beside, format) in ["json", "text"].into_iter().enumerate() {
        let fix = |name: &str, more: &[&str], tree: &Path| {
            let name = format!("lithify fix{name}, {format}");
            Candidate { beside, ..Candidate::fix(&name, &[&["--format", format], more].concat(), tree) }
        };
        candidates.push(fix("", &[], &deployments));
        candidates.push(fix(" --unsafe --diff", &["--unsafe", "--diff"], &deployments));
        let written = root.join("written");
        let fresh = Some((deployments.clone(), written.clone()));
        candidates.push(Candidate { fresh, ..fix(" --unsafe", &["--unsafe"], &written) });
    }
    candidates.extend(peers(&deployments));
    let best = compare(&mut candidates, rounds);
    println!(
        "{:34} {:>8} {:>8} {:>6} {:>7} {:>9} {:>10}",
        "", "CPU s", "wall s", "busy", "MB", "x lint CPU", "x its wall"
    );
    for (candidate, cost) in candidates.iter().zip(&best) {
        let lint = best[candidate.beside];
        let ratio = |own: Duration, lint: Duration| own.as_secs_f64() / lint.as_secs_f64();
        println!(
            "{:34} {:8.3} {:8.3} {:6.2} {:7.1} {:10.2} {:10.2}",
            candidate.name,
            cost.cpu.as_secs_f64(),
            cost.wall.as_secs_f64(),
            ratio(cost.cpu, cost.wall),
            cost.peak_bytes as f64 / 1e6,
            ratio(cost.cpu, lint.cpu),
            ratio(cost.wall, lint.wall),
        );
    }
    if own.is_none() {
        fs::remove_dir_all(&root).unwrap();
    }
}

/// A command to measure.
struct Candidate {
    name: String,
    command: Command,
    /// Which candidate it is compared with: the linting of the same tree, in the same format.
    beside: usize,
    /// A tree to copy before each round, and where to: it is written in.
    fresh: Option<(PathBuf, PathBuf)>,
}

impl Candidate {
    fn new(name: &str, command: Command) -> Self {
        Self { name: name.to_owned(), command, beside: 0, fresh: None }
    }

    fn lint(name: &str, arguments: &[&str], tree: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
        command.args(["lint", "--level", "strict"]).args(arguments).arg(tree);
        Self::new(name, command)
    }

    /// Without `--unsafe` there is nothing in this tree that may be written, with it there is something in every file.
    fn fix(name: &str, arguments: &[&str], tree: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
        command.args(["fix", "--level", "strict"]).args(arguments).arg(tree);
        Self::new(name, command)
    }

    fn peer(name: &str, shell: &str, tree: &Path) -> Option<Self> {
        let program = shell.split(' ').find(|word| !word.contains('/') && *word != "xargs")?;
        let path = std::env::var_os("PATH")?;
        let is_there = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
        if !is_there {
            println!("{name}: not on PATH");
            return None;
        }
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {shell}"), "sh"]).arg(tree);
        Some(Self::new(name, command))
    }
}

/// The fastest linters of manifests, each with the two checks that all of them have.
fn peers(tree: &Path) -> Vec<Candidate> {
    let peers = [
        (
            "kube-linter, two checks",
            "kube-linter lint --do-not-auto-add-defaults --include no-read-only-root-fs,privileged-container \
             --format json \"$1\"",
        ),
        (
            "polaris, two checks",
            "polaris audit --audit-path \"$1\" --checks notReadOnlyRootFilesystem,runAsPrivileged \
             --format json --disallow-exemptions",
        ),
        ("kube-score", "kube-score score -o json \"$1\"/*/*.yaml"),
    ];
    peers.iter().filter_map(|(name, shell)| Candidate::peer(name, shell, tree)).collect()
}

/// The least that a candidate took.
#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
    peak_bytes: u64,
}

fn compare(candidates: &mut [Candidate], rounds: usize) -> Vec<Cost> {
    let mut best: Vec<Option<Cost>> = vec![None; candidates.len()];
    for _ in 0..rounds {
        for (candidate, best) in candidates.iter_mut().zip(&mut best) {
            if let Some((from, to)) = &candidate.fresh {
                copy_tree(from, to);
            }
            let cost = measure(&mut candidate.command);
            *best = Some(best.map_or(cost, |best| Cost {
                cpu: best.cpu.min(cost.cpu),
                wall: best.wall.min(cost.wall),
                peak_bytes: best.peak_bytes.min(cost.peak_bytes),
            }));
        }
    }
    best.into_iter().flatten().collect()
}

/// The tree in the place of what a round before has written there.
fn copy_tree(from: &Path, to: &Path) {
    _ = fs::remove_dir_all(to);
    for directory in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(directory.file_name());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(directory.path()).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[expect(clippy::zombie_processes, reason = "wait4 waits for it")]
fn measure(command: &mut Command) -> Cost {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid, both pointers outlive the call, and nobody else waits for the child.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        usage
    };
    assert!(libc::WIFEXITED(status), "the candidate was killed");
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Cost {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        wall: begun.elapsed(),
        peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
    }
}
