//! Words of the venue's closed lists.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::Error as WordError;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer as _};

/// A word of one of the venue's closed lists, or one that this version does not know: the venue adds words without notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<T> {
    /// A word of the list.
    Known(T),
    /// Any other word, at most 300 characters of it.
    Unknown(String),
}

impl<T> Word<T> {
    /// What the word means; `None` when this version does not know it.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(meaning) => Some(meaning),
            Self::Unknown(_) => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let meaning = T::deserialize(text.as_ref().into_deserializer());
        Ok(meaning.map_or_else(
            |_: WordError| Self::Unknown(crate::error::shorten(&text)),
            Self::Known,
        ))
    }
}

#[cfg(test)]
mod tests {
    use autotrader_domain::BookSide;

    use super::*;
    use crate::parse::decode::decode;

    #[test]
    fn a_new_word_is_kept_and_another_type_is_an_error() {
        let read = |json: &str| decode::<Word<BookSide>>("$", json.as_bytes());
        assert_eq!(read("\"ask\""), Ok(Word::Known(BookSide::Ask)));
        assert_eq!(read("\"sideways\""), Ok(Word::Unknown("sideways".to_owned())));
        assert_eq!(read("\"sideways\"").unwrap().known(), None);
        for wrong in ["1", "null", "[\"ask\"]", "{\"ask\":null}"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.starts_with("unexpected answer at $:"), "{error}");
        }
    }
}
