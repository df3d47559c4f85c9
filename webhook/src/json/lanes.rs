//! Which of sixteen bytes are of a kind, as a bit each: by the vector instructions that every x86-64 has, or by
//! arithmetic.

/// Bytes that are looked at together.
pub(super) const LANES: usize = 16;

/// What is asked of each byte.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// It is this one.
    Is(u8),
    /// It ends what can be read of a string without thinking: a quote, a backslash or a control character.
    EndsPlain,
}

/// The bytes of the kind, the first one in the lowest bit.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "the compiler does not know that no x86-64 is without SSE2")]
pub(super) fn find(block: &[u8; LANES], kind: Kind) -> u16 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { find_by_vectors(block, kind) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn find_by_vectors(block: &[u8; LANES], kind: Kind) -> u16 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let all = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let is = |bytes: __m128i, byte: u8| _mm_cmpeq_epi8(bytes, all(byte));
    let (words, _) = block.as_chunks::<8>();
    let bytes = _mm_set_epi64x(i64::from_le_bytes(words[1]), i64::from_le_bytes(words[0]));
    let found = match kind {
        Kind::Is(byte) => is(bytes, byte),
        Kind::EndsPlain => {
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, all(0x1f)), bytes);
            _mm_or_si128(control, _mm_or_si128(is(bytes, b'"'), is(bytes, b'\\')))
        }
    };
    let [low, high, ..] = _mm_movemask_epi8(found).to_le_bytes();
    u16::from_le_bytes([low, high])
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) use find_one_by_one as find;

/// [`find`] anywhere.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn find_one_by_one(block: &[u8; LANES], kind: Kind) -> u16 {
    let is = |byte: &u8| match kind {
        Kind::Is(wanted) => *byte == wanted,
        Kind::EndsPlain => matches!(byte, b'"' | b'\\' | 0..0x20),
    };
    block.iter().rev().fold(0, |bits, byte| bits << 1 | u16::from(is(byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_machines_find_the_same(block in prop::array::uniform16(prop_oneof![any::<u8>(), b' '..=b'"', Just(b'\\')]), byte in b' '..=b'"') {
            for kind in [Kind::Is(byte), Kind::Is(b'\\'), Kind::EndsPlain] {
                prop_assert_eq!(find(&block, kind), find_one_by_one(&block, kind));
            }
        }
    }
}
