//! Tokens of JSON. Each function begins at a place in the text and says where the token ends; `None` where the token
//! is no JSON.

use super::lanes::{Kind, LANES, find};

/// Where the quote is that closes a string in which a quote, backslash or control character is at `at`. Whether
/// its escapes are ones is left open.
pub(super) fn closing_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => return None, // a control character
        }
        at += plain(bytes.get(at..)?);
    }
}

/// How many bytes there are before the next quote, backslash or control character.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<LANES>();
    for (index, block) in blocks.iter().enumerate() {
        let found = find(block, Kind::EndsPlain);
        if found != 0 {
            return index * LANES + found.trailing_zeros() as usize;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    blocks.len() * LANES + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Bytes that [`skip`] looks at together.
const BLOCK: usize = 64;

/// The place after the mapping or sequence that begins at `at`, of which only strings and brackets of its own kind are
/// looked at: it ends where as many of them have been closed as opened.
pub(super) fn skip(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    match rest.first()? {
        b'{' => skipped::<b'{', b'}'>(rest),
        _ => skipped::<b'[', b']'>(rest),
    }
    .map(|length| at + length)
}

fn skipped<const OPEN: u8, const CLOSE: u8>(bytes: &[u8]) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    // Whether the block begins in a string, and with a character that a backslash has escaped.
    let (mut in_string, mut is_escaped) = (0, false);
    let mut depth = 0_u32;
    for (index, block) in blocks.iter().chain([&last]).enumerate() {
        let mut quotes = places(block, b'"');
        let backslashes = places(block, b'\\');
        if is_escaped || backslashes != 0 {
            quotes &= !escaped(backslashes, &mut is_escaped);
        }
        let brackets = [OPEN, CLOSE].map(|bracket| places(block, bracket));
        if brackets == [0, 0] {
            // Whether it ends in a string is whether there is an odd number of quotes.
            in_string ^= if quotes.count_ones() % 2 == 1 { u64::MAX } else { 0 };
            continue;
        }
        let strings = inside(quotes) ^ in_string;
        in_string = if strings >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        let [opened, mut closed] = brackets.map(|bracket| bracket & !strings);
        let mut before = depth;
        while closed != 0 {
            let place = closed.trailing_zeros();
            let opened = (opened & ((1 << place) - 1)).count_ones();
            before = before.wrapping_sub(1);
            if before.wrapping_add(opened) == 0 {
                return Some(index * BLOCK + place as usize + 1);
            }
            closed &= closed - 1;
        }
        depth = before.wrapping_add(opened.count_ones());
    }
    None
}

/// One bit for each byte of the block that is this one.
#[inline]
fn places(block: &[u8; BLOCK], byte: u8) -> u64 {
    let (lanes, _) = block.as_chunks::<LANES>();
    lanes.iter().rev().fold(0, |bits, lanes| bits << LANES | u64::from(find(lanes, Kind::Is(byte))))
}

/// The characters that a backslash has escaped.
#[inline]
fn escaped(mut backslashes: u64, is_escaped: &mut bool) -> u64 {
    let mut escaped = u64::from(*is_escaped);
    backslashes &= !escaped;
    *is_escaped = false;
    while backslashes != 0 {
        let place = backslashes.trailing_zeros();
        backslashes &= backslashes - 1;
        let next = 2_u64.wrapping_shl(place);
        if place as usize == BLOCK - 1 {
            *is_escaped = true;
        } else {
            escaped |= next;
            backslashes &= !next;
        }
    }
    escaped
}

/// The places from each first quote up to its second.
#[inline]
fn inside(quotes: u64) -> u64 {
    let mut inside = quotes;
    for distance in [1, 2, 4, 8, 16, 32] {
        inside ^= inside << distance;
    }
    inside
}

/// Where the number at `at` ends, and whether it is an integer that any integer type holds.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    /// As many digits as fit an `i64`.
    const SMALL: usize = 18;
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
    };
    let first = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = digits(first);
    if end == first || (bytes[first] == b'0' && end > first + 1) {
        return None;
    }
    let mut is_small = first == at && end - first <= SMALL;
    if bytes.get(end) == Some(&b'.') {
        is_small = false;
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return None;
        }
        end = fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        is_small = false;
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return None;
        }
        end = exponent;
    }
    Some((end, is_small))
}

/// The place of the next byte that is no white space.
#[inline]
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}
