//! One record of the ring buffer: a header and the pieces that were captured.

use super::layout::{Bytes, Header, Piece};

/// A record that is not as the kernel's half writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It ends before its header does.
    #[error("record of {0} bytes, shorter than its header")]
    Short(usize),
    /// A piece says it is longer than what is left.
    #[error("piece at byte {0} is longer than its record")]
    Piece(usize),
}

/// A record, borrowed from the ring buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'r> {
    pub(crate) header: Header,
    pieces: &'r [u8],
}

/// One captured piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceOf<'r> {
    pub(crate) kind: u8,
    pub(crate) slot: u8,
    pub(crate) bytes: &'r [u8],
}

impl<'r> Record<'r> {
    /// Reads a record and checks that its pieces fill it exactly.
    ///
    /// # Errors
    /// [`RecordError`] if they do not.
    pub(crate) fn parse(bytes: &'r [u8]) -> Result<Self, RecordError> {
        let header = Header::read(bytes).ok_or(RecordError::Short(bytes.len()))?;
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let pieces = bytes.get(Header::SIZE..length).ok_or(RecordError::Short(bytes.len()))?;
        let record = Self { header, pieces };
        let mut rest = pieces;
        while !rest.is_empty() {
            rest = next_piece(rest).ok_or(RecordError::Piece(length - rest.len()))?.1;
        }
        Ok(record)
    }

    /// The pieces in the order of capture.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = PieceOf<'r>> + use<'r> {
        let mut rest = self.pieces;
        std::iter::from_fn(move || {
            let (piece, behind) = next_piece(rest)?;
            rest = behind;
            Some(piece)
        })
    }

    /// The bytes of the piece of this kind and slot.
    pub(crate) fn piece(&self, kind: u8, slot: u8) -> Option<&'r [u8]> {
        self.pieces().find(|piece| piece.kind == kind && piece.slot == slot).map(|piece| piece.bytes)
    }

    /// A piece that is a text, without the zero that ends it.
    pub(crate) fn text(&self, kind: u8, slot: u8) -> Option<&'r [u8]> {
        self.piece(kind, slot).map(|bytes| bytes.strip_suffix(&[0]).unwrap_or(bytes))
    }

    /// A piece that is a structure.
    pub(crate) fn structure<T: Bytes>(&self, kind: u8, slot: u8) -> Option<T> {
        T::read(self.piece(kind, slot)?)
    }

    /// The thread's name.
    pub(crate) fn comm(&self) -> &[u8] {
        until_zero(&self.header.comm)
    }
}

/// What stands before the first zero.
pub(crate) fn until_zero(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

fn next_piece(bytes: &[u8]) -> Option<(PieceOf<'_>, &[u8])> {
    let head = Piece::read(bytes)?;
    let (bytes, rest) = bytes[Piece::SIZE..].split_at_checked(usize::from(head.length))?;
    Some((PieceOf { kind: head.kind, slot: head.slot, bytes }, rest))
}

/// A record as the kernel's half writes it.
#[cfg(test)]
pub(crate) fn bytes_of(mut header: Header, pieces: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut rest = Vec::new();
    for (kind, slot, data) in pieces {
        rest.extend([*kind, *slot]);
        rest.extend(u16::try_from(data.len()).unwrap().to_ne_bytes());
        rest.extend(*data);
    }
    header.length = u32::try_from(Header::SIZE + rest.len()).unwrap();
    [header.bytes(), &rest].concat()
}

#[cfg(test)]
mod tests {
    use super::super::layout::{PIECE_CWD, PIECE_STRING, SLOT_NONE};
    use super::*;

    fn record(pieces: &[(u8, u8, &[u8])]) -> Vec<u8> {
        bytes_of(Header::zeroed(), pieces)
    }

    #[test]
    fn pieces_come_in_order_and_by_slot() {
        let bytes = record(&[(PIECE_STRING, 1, b"/etc/passwd\0"), (PIECE_CWD, SLOT_NONE, b"/root\0")]);
        let record = Record::parse(&bytes).unwrap();
        assert_eq!(record.text(PIECE_STRING, 1), Some(&b"/etc/passwd"[..]));
        assert_eq!(record.text(PIECE_CWD, SLOT_NONE), Some(&b"/root"[..]));
        assert_eq!(record.text(PIECE_STRING, 0), None);
        assert_eq!(record.pieces().count(), 2);
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let mut bytes = record(&[(PIECE_STRING, 1, b"/etc/passwd\0")]);
        assert_eq!(Record::parse(&bytes[..40]).unwrap_err(), RecordError::Short(40));
        let at = Header::SIZE + 2;
        bytes[at..at + 2].copy_from_slice(&200_u16.to_ne_bytes());
        assert_eq!(Record::parse(&bytes).unwrap_err(), RecordError::Piece(Header::SIZE));
    }
}
