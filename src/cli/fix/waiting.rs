//! Files on their way from the thread that repaired them to the disk and the terminal, in their order.

use std::io;

use super::{FixedFile, Printer, Show, Shown, Totals};
use crate::cli::replace::{self, Prepared};
use crate::lint::report::FileError;

/// What is left of a file once it is repaired and shown, which is all that is kept until it is written.
pub(super) struct Told {
    file: String,
    pub(super) counts: Totals,
    pub(super) shown: Shown,
    /// The new text, on its way to the disk.
    prepared: Option<Prepared>,
}

impl Told {
    pub(super) fn of(file: FixedFile, show: &dyn Show) -> Self {
        Self { counts: Totals::of(&file), shown: show.file(&file), file: file.file, prepared: None }
    }

    /// With the new text that is to take the file's place.
    pub(super) fn with(self, prepared: Option<Prepared>) -> Self {
        Self { prepared, ..self }
    }

    /// A file that is as it was, since it could not be written: what remains of it is not said then.
    pub(super) fn unwritten(file: String, error: &io::Error, show: &dyn Show) -> Self {
        let message = format!("cannot be written, and is as it was: {error}");
        let errors = vec![FileError { file: file.clone(), line: 0, column: 0, message }];
        Self::of(FixedFile { file, errors, ..FixedFile::default() }, show)
    }
}

/// Files whose new texts are brought to the disk together: waiting for it was three quarters of the time, and each time
/// it waits for what everybody else on the machine writes.
const TOGETHER: usize = 1024;

/// Files in their order, from the first whose new text is not yet in its place.
pub(super) struct Waiting<'w, 'p> {
    told: Vec<Told>,
    printer: &'w mut Printer<'p>,
}

impl<'w, 'p> Waiting<'w, 'p> {
    pub(super) fn new(printer: &'w mut Printer<'p>) -> Self {
        Self { told: Vec::new(), printer }
    }

    pub(super) fn take(&mut self, told: Told) -> io::Result<()> {
        if self.told.is_empty() && told.prepared.is_none() {
            return self.printer.take(told);
        }
        self.told.push(told);
        if self.told.len() < TOGETHER { Ok(()) } else { self.finish() }
    }

    /// Replaces files by what is prepared; one that cannot be written is as it was.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let prepared: Vec<&Prepared> = self.told.iter().filter_map(|told| told.prepared.as_ref()).collect();
        let synced = replace::sync(&prepared);
        for mut told in self.told.drain(..) {
            let committed = match (told.prepared.take(), &synced) {
                (None, _) => Ok(()),
                (Some(prepared), Ok(())) => prepared.commit(),
                (Some(_), Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            if let Err(error) = committed {
                told = Told::unwritten(told.file, &error, self.printer.show);
            }
            self.printer.take(told)?;
        }
        Ok(())
    }
}
