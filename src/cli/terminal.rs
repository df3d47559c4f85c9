//! Standard output and error: buffered results, colour, and whether somebody watches.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd as _;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// As much as a pipe holds.
const BUFFER: usize = 64 << 10;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a command writes: results through [`Write`] (standard output, buffered), the rest to standard error.
pub(crate) struct Terminal {
    out: BufWriter<Results>,
    choice: ColorChoice,
    styled: bool,
}

impl Terminal {
    pub(crate) fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let out = AutoStream::new(io::stdout(), choice);
        let styled = out.current_choice() != ColorChoice::Never;
        Self { out: BufWriter::with_capacity(BUFFER, Results::Filtered(out)), choice, styled }
    }

    /// From here on, results are written as they are: whoever makes them asks [`is_styled`](Self::is_styled).
    /// To look for escape codes in megabytes of findings costs more than to find these.
    pub(crate) fn write_unfiltered(&mut self) -> io::Result<()> {
        self.flush()?;
        let standard_output = io::stdout().as_fd().try_clone_to_owned()?;
        self.out = BufWriter::with_capacity(BUFFER, Results::AsTheyAre(standard_output.into()));
        Ok(())
    }

    /// Whether results may carry colour.
    pub(crate) fn is_styled(&self) -> bool {
        self.styled
    }

    /// Standard error, with colour stripped where it is not wanted.
    pub(crate) fn stderr(&self) -> AutoStream<io::Stderr> {
        AutoStream::new(io::stderr(), self.choice)
    }

    /// Whether somebody watches standard error, so that a line may be redrawn.
    pub(crate) fn is_watched() -> bool {
        io::stderr().is_terminal()
    }

    /// One line to standard error, after what was written before it. A closed standard error is no failure.
    pub(crate) fn note(&mut self, tone: Tone, message: impl Display) {
        let _ = self.flush();
        let _ = writeln!(self.stderr(), "{tone}: {message}");
    }

    /// An error with its causes, to standard error.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let _ = writeln!(self.stderr(), "{}: {error:#}", Tone::Error);
    }
}

/// Standard output.
enum Results {
    /// Without escape codes where they are not wanted.
    Filtered(AutoStream<io::Stdout>),
    AsTheyAre(File),
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Filtered(out) => out.write(bytes),
            Self::AsTheyAre(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Filtered(out) => out.flush(),
            Self::AsTheyAre(out) => out.flush(),
        }
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What a line on standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The operation failed.
    Error,
    /// It went on, but somebody should know.
    Warning,
    /// For orientation.
    Hint,
}

impl Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, color) = match self {
            Self::Error => ("error", AnsiColor::BrightRed),
            Self::Warning => ("warning", AnsiColor::Yellow),
            Self::Hint => ("note", AnsiColor::BrightGreen),
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        write!(f, "{style}{word}{style:#}")
    }
}
