//! Parts of the data that are read when they are first asked for.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::parse;

/// A part of a data file of which most runs need nothing: the keys of one action type of forty.
///
/// A build with debug assertions reads it at once, so that a mistake in the data is found by whoever touches the file.
pub struct Later<T> {
    /// Nothing for a part that is absent, whose value is there from the beginning.
    text: Option<Box<RawValue>>,
    value: OnceLock<T>,
}

impl<T: DeserializeOwned> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let text = || self.text.as_deref().map_or("null", RawValue::get);
        self.value.get_or_init(|| parse("a part of it", text()))
    }
}

impl<'l, T: DeserializeOwned> IntoIterator for &'l Later<T>
where
    &'l T: IntoIterator,
{
    type Item = <&'l T as IntoIterator>::Item;
    type IntoIter = <&'l T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (**self).into_iter()
    }
}

impl<T: Default> Default for Later<T> {
    fn default() -> Self {
        Self {
            text: None,
            value: OnceLock::from(T::default()),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Later<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if cfg!(debug_assertions) {
            serde_json::from_str::<T>(text.get()).map_err(D::Error::custom)?;
        }
        Ok(Self {
            text: Some(text),
            value: OnceLock::new(),
        })
    }
}

impl<T> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").field("text", &self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_stands_there_and_a_mistake_is_found_at_once() {
        let list: Later<Vec<u8>> = serde_json::from_str("[1, 2]").expect("it fits");
        assert_eq!(*list, [1, 2]);
        assert!(Later::<Vec<u8>>::default().is_empty());
        assert!(serde_json::from_str::<Later<Vec<u8>>>("[true]").is_err());
    }
}
