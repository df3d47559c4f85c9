//! Room for values that an event computes while it is looked at.

use std::cell::OnceCell;

/// Keeps computed bytes as long as the event lives, each once.
///
/// A list whose links are filled once and never moved: borrowed values stay valid while others are added.
#[derive(Default)]
pub(crate) struct Arena {
    first: OnceCell<Box<Link>>,
}

struct Link {
    key: u32,
    bytes: Option<Box<[u8]>>,
    next: OnceCell<Box<Link>>,
}

impl Arena {
    /// The bytes under `key`, computed if they are not there yet; `None` is remembered as well.
    pub(crate) fn get(&self, key: u32, compute: impl FnOnce() -> Option<Vec<u8>>) -> Option<&[u8]> {
        let mut place = &self.first;
        while let Some(link) = place.get() {
            if link.key == key {
                return link.bytes.as_deref();
            }
            place = &link.next;
        }
        let bytes = compute().map(Vec::into_boxed_slice);
        // Computing may have asked for other values, which then stand here.
        while let Some(link) = place.get() {
            place = &link.next;
        }
        place.get_or_init(|| Box::new(Link { key, bytes, next: OnceCell::new() })).bytes.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_once_and_keeps_what_was_borrowed() {
        let arena = Arena::default();
        let first = arena.get(1, || Some(b"one".to_vec()));
        let nested = arena.get(2, || arena.get(1, || unreachable!()).map(<[u8]>::to_vec));
        assert_eq!((first, nested), (Some(&b"one"[..]), Some(&b"one"[..])));
        assert_eq!(arena.get(3, || None), None);
        assert_eq!(arena.get(3, || unreachable!()), None);
        assert_eq!(arena.get(4, || arena.get(5, || Some(vec![5])).map(<[u8]>::to_vec)), Some(&[5][..]));
    }
}
