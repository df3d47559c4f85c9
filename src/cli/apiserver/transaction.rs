//! What patch and rollback share: state, lock, waiting and its display, and how failures are told.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::policy;
use crate::cli::terminal::Tone;
use crate::cli::{Outcome, Terminal};
use crate::install::{
    DEFAULT_STATE_DIR, DEFAULT_TIMEOUT, Direction, Health, InstallError, Node, Phase, Places, Progress,
    Recovery, RolledBack, State, Transaction, Unobserved,
};

/// How a change of the node is carried out.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Carrying it out")]
pub(super) struct NodeArgs {
    /// Where backups, the lock and the note of what is under way are kept
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    state_dir: PathBuf,

    /// Seconds to wait until the kube-apiserver is back, before what was there is restored
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,

    /// Do not wait: change the files and leave the rest to you
    #[arg(long, conflicts_with = "timeout")]
    pub(super) no_wait: bool,
}

impl NodeArgs {
    /// The option that finds the same state again, where it is not the default.
    pub(super) fn state_option(&self) -> String {
        if self.state_dir.as_os_str() == DEFAULT_STATE_DIR {
            return String::new();
        }
        format!(" --state-dir {}", self.state_dir.display())
    }

    pub(super) fn state(&self) -> anyhow::Result<State> {
        Ok(State::at(std::path::absolute(&self.state_dir)?))
    }

    /// Runs `work` with the lock held, and with somebody to wait for unless that is not wanted.
    pub(super) fn with_transaction<T>(
        &self,
        state: &State,
        command: &str,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, InstallError>,
    ) -> Result<T, InstallError> {
        let lock = state.lock(command, &mut Unobserved)?;
        let mut line = StatusLine::default();
        let mut progress = |progress: &Progress| line.show(progress);
        let mut node = Node::new(Places::default(), Duration::from_secs(self.timeout), &mut progress);
        let health: Option<&mut dyn Health> = if self.no_wait { None } else { Some(&mut node) };
        let mut observer = Unobserved;
        let result = work(&mut Transaction::new(state, &lock, &mut observer, health, &policy::judge));
        line.clear();
        result
    }
}

/// One line that is redrawn on a terminal; elsewhere one line for each phase.
#[derive(Default)]
struct StatusLine {
    drawn: bool,
    phase: Option<Phase>,
    last: Option<Instant>,
}

/// On a terminal the seconds move; a word that stays is drawn again this often.
const REDRAW: Duration = Duration::from_millis(500);

impl StatusLine {
    fn show(&mut self, progress: &Progress) {
        let Progress { elapsed, timeout, phase, detail } = progress;
        let mut stderr = std::io::stderr();
        if self.phase.is_none() && Terminal::is_watched() {
            let _ = writeln!(
                stderr,
                "the kubelet restarts the kube-apiserver, which usually takes 15 to 45 s (interrupting is safe: \
                 the next run, or `lithify apiserver rollback`, completes the job)"
            );
        }
        if Terminal::is_watched() {
            let is_due = self.phase != Some(*phase) || self.last.is_none_or(|last| last.elapsed() >= REDRAW);
            if is_due {
                let text = format!("[{} s of {} s] {phase} ({detail})", elapsed.as_secs(), timeout.as_secs());
                let fitting: String = text.chars().take(columns().saturating_sub(1)).collect();
                let _ = write!(stderr, "\r\x1b[K{fitting}");
                let _ = stderr.flush();
                self.drawn = true;
                self.last = Some(Instant::now());
            }
        } else if self.phase != Some(*phase) {
            let _ = writeln!(stderr, "[{} s] {phase} ({detail})", elapsed.as_secs());
        }
        self.phase = Some(*phase);
    }

    fn clear(&mut self) {
        if self.drawn {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
        }
    }
}

/// The terminal's width, so that the line does not wrap and can be redrawn.
fn columns() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

/// Completes a run that was interrupted, if there is one, and says so. Whether it has been undone.
pub(super) fn recover(
    args: &NodeArgs,
    state: &State,
    command: &str,
    wanted: Direction,
    terminal: &mut Terminal,
) -> Result<bool, InstallError> {
    let recovery = args.with_transaction(state, command, |transaction| transaction.recover(wanted))?;
    let message = match &recovery {
        Recovery::Nothing => return Ok(false),
        Recovery::Finished { backup, .. } => {
            format!("an interrupted run was completed: its manifest was in place (backup set {backup})")
        }
        Recovery::Undone(restored) => {
            let set = &restored.set.metadata.id;
            format!("an interrupted run was undone: backup set {set} is back")
        }
        Recovery::Superseded { backup } => format!(
            "an interrupted run was left as it is, since the manifest has been written by somebody else after \
             it (backup set {backup})"
        ),
    };
    terminal.note(Tone::Hint, message);
    let Recovery::Undone(restored) = recovery else { return Ok(false) };
    if let Some(Err(unhealthy)) = restored.health {
        terminal.note(Tone::Warning, format!("the kube-apiserver does not come up with it: {unhealthy}"));
    }
    Ok(true)
}

/// Tells a failed change, with all that a reader needs; other failures are the caller's.
pub(super) fn told(error: InstallError, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let InstallError::RolledBack(rolled_back) = error else { return Err(error.into()) };
    let RolledBack { cause, backup, failed_files, health, left } = *rolled_back;
    terminal.note(Tone::Error, cause);
    match health {
        Some(Ok(healthy)) => {
            let seconds = healthy.waited.as_secs();
            let message = format!("restored: what was there before is back, and healthy after {seconds} s");
            terminal.note(Tone::Hint, message);
        }
        Some(Err(unhealthy)) => terminal.note(
            Tone::Error,
            format!("what was there before is back, but the kube-apiserver is not: {unhealthy}"),
        ),
        None => terminal.note(Tone::Hint, "restored: what was there before is back"),
    }
    if let Some(path) = failed_files {
        let message = format!("the files that failed are kept in {} for a look", path.display());
        terminal.note(Tone::Hint, message);
    }
    for path in left {
        terminal.note(Tone::Hint, format!("{} did not exist before and was left", path.display()));
    }
    terminal.note(Tone::Hint, format!("the backup set is {backup}"));
    Ok(Outcome::Failed)
}
