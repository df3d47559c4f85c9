//! Whom to answer, of a review that is wrong or broken off: the apiserver writes the uid first.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// The uid of the request, if the text has it before it breaks off.
pub(super) fn uid_of(body: &[u8]) -> Option<String> {
    let mut found = None;
    let seed = Search { path: &["request", "uid"], found: &mut found };
    // Whatever is wrong, what was found before it counts.
    let _ = seed.deserialize(&mut serde_json::Deserializer::from_slice(body));
    found.filter(|uid| !uid.is_empty())
}

struct Search<'f> {
    path: &'static [&'static str],
    found: &'f mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return Ok(()) };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key != *wanted {
                map.next_value::<IgnoredAny>()?;
            } else if rest.is_empty() {
                *self.found = Some(map.next_value()?);
                return Err(A::Error::custom("found"));
            } else {
                map.next_value_seed(Search { path: rest, found: &mut *self.found })?;
            }
        }
        Ok(())
    }
}
