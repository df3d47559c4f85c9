//! Tokens of JSON. Each function begins at a place in the text and says where the token ends; `None` where the token
//! is no JSON.

/// Where a string's closing quote is.
pub(super) struct Text {
    pub(super) end: usize,
    pub(super) has_escapes: bool,
}

/// Bytes that are looked at together.
const WORD: usize = size_of::<u64>();
const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES << 7;

/// The string whose first character, or closing quote, is at `at`. Whether its escapes are ones is left open.
pub(super) fn string(bytes: &[u8], mut at: usize) -> Option<Text> {
    let mut has_escapes = false;
    loop {
        at += plain(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(Text { end: at, has_escapes }),
            b'\\' => {
                has_escapes = true;
                at += 2;
            }
            _ => return None, // a control character
        }
    }
}

/// How many bytes there are before the next quote, backslash or control character.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return index * WORD + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * WORD + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The high bit of each quote, backslash and control character. Above the lowest such byte there may be others too
/// many: borrows wander upwards.
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zero(word ^ (ONES * u64::from(b'"')));
    let backslashes = zero(word ^ (ONES * u64::from(b'\\')));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH
}

/// Bytes that [`skip`] looks at together.
const BLOCK: usize = 64;

/// The place after the mapping or sequence that begins at `at`, of which only strings and brackets are looked at: it
/// ends where as many brackets have been closed as opened.
pub(super) fn skip(bytes: &[u8], at: usize) -> Option<usize> {
    let (blocks, rest) = bytes.get(at..)?.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    // Whether the block begins in a string, and with a character that a backslash has escaped.
    let (mut in_string, mut is_escaped) = (0, false);
    let mut depth = 0;
    for (index, block) in blocks.iter().chain([&last]).enumerate() {
        let mut quotes = places(block, |byte| byte == b'"');
        if is_escaped || has_backslash(block) {
            quotes &= !escaped(places(block, |byte| byte == b'\\'), &mut is_escaped);
        }
        let strings = inside(quotes) ^ in_string;
        in_string = if strings >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        // Square brackets are curly ones less one bit.
        let opened = places(block, |byte| byte | 0x20 == b'{') & !strings;
        let mut closed = places(block, |byte| byte | 0x20 == b'}') & !strings;
        if depth > closed.count_ones() {
            depth = depth + opened.count_ones() - closed.count_ones();
            continue;
        }
        let mut before = depth;
        while closed != 0 {
            let place = closed.trailing_zeros();
            let opened = (opened & ((1 << place) - 1)).count_ones();
            before = before.wrapping_sub(1);
            if before.wrapping_add(opened) == 0 {
                return Some(at + index * BLOCK + place as usize + 1);
            }
            closed &= closed - 1;
        }
        depth = before.wrapping_add(opened.count_ones());
    }
    None
}

/// Whether there is one, asked without a branch a byte.
#[inline]
fn has_backslash(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(0, |found, byte| found | u8::from(*byte == b'\\')) != 0
}

/// One bit for each byte of the block that is one of those.
#[inline]
fn places(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
    /// Moves the lowest bit of each byte of a word into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags: [u8; BLOCK] = std::array::from_fn(|index| u8::from(is(block[index])));
    let (words, _) = flags.as_chunks::<WORD>();
    words
        .iter()
        .rev()
        .fold(0, |bits, word| (bits << 8) | (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56))
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
