//! JSON values out of a text, one at a time: one a line, one over many lines, or several on a line.

use std::io::{self, BufRead};

/// A longer value is no event: the apiserver accepts requests of some megabytes.
const MAX_BYTES: usize = 64 << 20;

/// Deeper values are refused by the reader of JSON too.
const MAX_DEPTH: usize = 128;

/// Cuts a text into values, in the memory of the longest one.
pub(super) struct Values<R> {
    reader: R,
    /// Lines that have been read.
    line: u64,
    /// The line after the last value, if it has been read already.
    next: Option<Vec<u8>>,
}

/// Bytes that may be a value, or why they are none.
pub(super) enum Cut {
    /// Where it begins, and its bytes.
    Value(u64, Vec<u8>),
    /// A line, and what is wrong there.
    Broken(u64, &'static str),
}

/// How deep a scan is inside a value.
#[derive(Default)]
struct Scan {
    /// The open brackets, innermost last.
    open: Vec<u8>,
    /// The last byte that is no blank.
    last: u8,
    is_too_deep: bool,
    is_unbalanced: bool,
    ends_in_text: bool,
}

impl Scan {
    /// Goes over one more line.
    fn line(&mut self, line: &[u8]) {
        let (mut is_text, mut is_escaped) = (false, false);
        for byte in line {
            if is_text {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' => is_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => is_text = true,
                b'{' | b'[' if self.open.len() == MAX_DEPTH => self.is_too_deep = true,
                b'{' | b'[' => self.open.push(*byte),
                b'}' => self.close(b'{'),
                b']' => self.close(b'['),
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                self.last = *byte;
            }
        }
        // A text of JSON ends on its line.
        self.ends_in_text = is_text;
    }

    fn close(&mut self, opened: u8) {
        if self.open.pop() != Some(opened) {
            self.is_unbalanced = true;
        }
    }

    /// Whether a line that begins with `{` cannot go on here: an object's next member begins with its name.
    fn refuses_object(&self) -> bool {
        self.open.last() == Some(&b'{') && self.last != b':'
    }

    fn fault(&self) -> Option<&'static str> {
        if self.is_too_deep {
            Some("nested deeper than 128: no event")
        } else if self.ends_in_text {
            Some("the line ends inside a text: the value is cut off")
        } else if self.is_unbalanced {
            Some("a bracket closes that none has opened")
        } else {
            None
        }
    }
}

impl<R: BufRead> Values<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, line: 0, next: None }
    }

    /// The next value; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Cut>> {
        let first = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(Line::TooLong) => {
                    return Ok(Some(Cut::Broken(self.line, "longer than 64 MiB: no event")));
                }
                Some(Line::Whole(line)) if line.trim_ascii().is_empty() => {}
                Some(Line::Whole(line)) => break line,
            }
        };
        let start = self.line;
        let mut scan = Scan::default();
        let mut value = first;
        scan.line(&value);
        loop {
            if let Some(fault) = scan.fault() {
                return Ok(Some(Cut::Broken(start, fault)));
            }
            if scan.open.is_empty() {
                return Ok(Some(Cut::Value(start, value)));
            }
            match self.next_line()? {
                None => return Ok(Some(Cut::Broken(start, "the value is cut off: the text ends inside it"))),
                Some(Line::TooLong) => {
                    return Ok(Some(Cut::Broken(self.line, "longer than 64 MiB: no event")));
                }
                Some(Line::Whole(line)) => {
                    if line.trim_ascii_start().starts_with(b"{") && scan.refuses_object() {
                        self.next = Some(line);
                        return Ok(Some(Cut::Broken(start, "the value is cut off: another one begins")));
                    }
                    if value.len() + line.len() > MAX_BYTES {
                        return Ok(Some(Cut::Broken(start, "longer than 64 MiB: no event")));
                    }
                    scan.line(&line);
                    value.extend(line);
                }
            }
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.next.take() {
            return Ok(Some(Line::Whole(line)));
        }
        let mut line = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let read = io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.len() > MAX_BYTES {
            self.skip_line()?;
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(Line::Whole(line)))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.reader.fill_buf()?;
            let (end, is_found) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (bytes.len(), bytes.is_empty()),
            };
            self.reader.consume(end);
            if is_found {
                return Ok(());
            }
        }
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}
