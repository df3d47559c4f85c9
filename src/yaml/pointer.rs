//! RFC 6901 JSON Pointers, the one way to name a place inside a document.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A place inside a document, as unescaped RFC 6901 reference tokens; empty is the whole document.
///
/// Tokens that a program knows (the API's field names, small indices) are not copied: a lint of a whole fleet
/// makes hundreds of thousands of pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(Vec<Cow<'static, str>>);

/// The indices that most sequences have.
const INDICES: [&str; 16] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];

/// A pointer text that RFC 6901 does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Text that is neither empty nor begins with a slash.
    #[error("a JSON pointer is empty or begins with `/`, found `{0}`")]
    NoLeadingSlash(String),
    /// A tilde that begins neither `~0` nor `~1`.
    #[error("`~` in a JSON pointer is followed by 0 or 1, found `{0}`")]
    BadEscape(String),
}

impl Pointer {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// This place's child under an unescaped token: a mapping's key, or `-`.
    pub fn join(&self, token: impl AsRef<str>) -> Self {
        self.with(Cow::Owned(token.as_ref().to_owned()))
    }

    fn with(&self, token: Cow<'static, str>) -> Self {
        let mut tokens = Vec::with_capacity(self.0.len() + 1);
        tokens.extend_from_slice(&self.0);
        tokens.push(token);
        Self(tokens)
    }

    /// The place that `below` names from this one.
    pub fn concat(&self, below: &Self) -> Self {
        Self(self.0.iter().chain(&below.0).cloned().collect())
    }

    /// A sequence index as a token.
    pub fn index(index: usize) -> Cow<'static, str> {
        INDICES.get(index).map_or_else(|| Cow::Owned(index.to_string()), |known| Cow::Borrowed(*known))
    }

    /// This sequence's item.
    pub fn item(&self, index: usize) -> Self {
        self.with(Self::index(index))
    }

    /// The place that holds this one; `None` for the whole document.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    /// The last token, unescaped; `None` for the whole document.
    pub fn last(&self) -> Option<&str> {
        self.0.last().map(AsRef::as_ref)
    }

    /// The unescaped tokens, outermost first.
    pub fn tokens(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The value at this place, if there is one. `-` and indices with leading zeros name nothing.
    pub fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.tokens().try_fold(value, |value, token| match value {
            Value::Object(entries) => entries.get(token),
            Value::Array(items) => items.get(parse_index(token)?),
            _ => None,
        })
    }
}

impl<T: Into<Cow<'static, str>>> FromIterator<T> for Pointer {
    fn from_iter<I: IntoIterator<Item = T>>(tokens: I) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }
}

/// A sequence index as RFC 6901 spells it: digits without leading zeros.
pub(crate) fn parse_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    canonical.then(|| token.parse().ok()).flatten()
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.0 {
            f.write_str("/")?;
            if token.contains(['~', '/']) {
                f.write_str(&token.replace('~', "~0").replace('/', "~1"))?;
            } else {
                f.write_str(token)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        let tokens = text.strip_prefix('/').ok_or_else(|| PointerError::NoLeadingSlash(text.to_owned()))?;
        tokens.split('/').map(|token| unescape(token).map(Cow::Owned)).collect::<Result<_, _>>().map(Self)
    }
}

fn unescape(token: &str) -> Result<String, PointerError> {
    let mut plain = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::BadEscape(token.to_owned())),
            },
            c => c,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn round_trips_escaped_tokens() {
        let pointer = Pointer::root().join("metadata").join("annotations").join("lithify.dev/a~b");
        assert_eq!(pointer.to_string(), "/metadata/annotations/lithify.dev~1a~0b");
        assert_eq!(pointer.to_string().parse(), Ok(pointer));
    }

    #[test]
    fn finds_nested_values() {
        let value = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let find = |text: &str| text.parse::<Pointer>().unwrap().get(&value).cloned();
        assert_eq!(find("/spec/containers/1/name"), Some(json!("b")));
        assert_eq!(find("/spec/containers/01/name"), None);
        assert_eq!(find("/spec/containers/-"), None);
    }

    #[test]
    fn refuses_what_the_rfc_refuses() {
        assert!("spec".parse::<Pointer>().is_err());
        assert!("/a~2".parse::<Pointer>().is_err());
    }
}
