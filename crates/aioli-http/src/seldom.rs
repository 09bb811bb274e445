//! A value that few have: a pointer, for those who have none.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use http::HeaderMap;

/// What can be looked at though it is not there.
pub(crate) trait Blank: Default + 'static {
    /// The value of all who have none: as [`Default`].
    fn blank() -> &'static Self;
}

/// A value that is in a box once it is changed, and is the default until then.
///
/// What holds one is handed from function to function, which costs nothing of what is not there.
#[derive(Clone)]
pub(crate) struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    /// The default.
    pub(crate) const NONE: Seldom<T> = Seldom(None);
}

impl<T: Blank> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => T::blank(),
        }
    }
}

impl<T: Blank> DerefMut for Seldom<T> {
    /// Makes room for the value, if there is none yet.
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl Blank for HeaderMap {
    fn blank() -> &'static HeaderMap {
        static BLANK: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        &BLANK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_once_it_is_changed() {
        let mut headers = Seldom::<HeaderMap>::NONE;
        assert!(headers.is_empty() && headers.0.is_none());
        headers.insert("a", http::HeaderValue::from_static("b"));
        let other = headers.clone();
        headers.clear();
        assert_eq!((headers.len(), other.len()), (0, 1));
        assert!(
            Seldom::<HeaderMap>::NONE.is_empty(),
            "the blank one is blank"
        );
    }
}
