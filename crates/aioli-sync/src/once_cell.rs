//! A value that is computed once, by whoever needs it first.

use super::lock::Lock;
use super::primitive::OnceValue;
use std::convert::Infallible;
use std::fmt;

/// A cell that is filled once, by an async function, however many tasks ask at once.
///
/// # Examples
///
/// ```
/// use aioli_sync::OnceCell;
/// use futures::{executor::block_on, join};
/// use std::cell::Cell;
///
/// let calls = Cell::new(0);
/// let config = OnceCell::new();
/// let load = async || {
///     calls.set(calls.get() + 1);
///     String::from("loaded")
/// };
/// let (a, b) = block_on(async { join!(config.get_or_init(load), config.get_or_init(load)) });
/// assert_eq!((a.as_str(), b.as_str(), calls.get()), ("loaded", "loaded", 1));
/// ```
pub struct OnceCell<T> {
    value: OnceValue<T>,
    /// Held by the one that computes.
    turn: Lock<()>,
}

impl<T> OnceCell<T> {
    /// Creates an empty cell.
    ///
    /// # Examples
    ///
    /// ```
    /// static NAME: aioli_sync::OnceCell<String> = aioli_sync::OnceCell::new();
    /// assert_eq!(NAME.get(), None);
    /// ```
    #[must_use]
    pub const fn new() -> OnceCell<T> {
        OnceCell {
            value: OnceValue::new(),
            turn: Lock::new(()),
        }
    }

    /// The value, if the cell has been filled.
    ///
    /// # Examples
    ///
    /// ```
    /// let cell = aioli_sync::OnceCell::new();
    /// assert_eq!(cell.get(), None);
    /// cell.set(1).unwrap();
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Fills the cell, even while somebody computes a value for it, who then finds this one.
    ///
    /// # Errors
    ///
    /// The value, if the cell had been filled before.
    ///
    /// # Examples
    ///
    /// ```
    /// let cell = aioli_sync::OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// ```
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)
    }

    /// The value, which `init` computes if nobody has yet; one `init` runs at a time.
    ///
    /// # Cancel safety
    ///
    /// If the one that computes is cancelled or panics, its work is lost and the next in
    /// line computes instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let cell = aioli_sync::OnceCell::new();
    /// assert_eq!(*cell.get_or_init(async || 6 * 7).await, 42);
    /// assert_eq!(*cell.get_or_init(async || unreachable!()).await, 42);
    /// # });
    /// ```
    pub async fn get_or_init(&self, init: impl AsyncFnOnce() -> T) -> &T {
        let init = async || Ok::<T, Infallible>(init().await);
        match self.get_or_try_init(init).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`get_or_init`](Self::get_or_init), for an `init` that may fail.
    ///
    /// # Errors
    ///
    /// The error of our own `init`; the next in line then tries with its own.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let port = aioli_sync::OnceCell::new();
    /// assert!(port.get_or_try_init(async || "http".parse::<u16>()).await.is_err());
    /// assert_eq!(port.get_or_try_init(async || "80".parse::<u16>()).await, Ok(&80));
    /// # });
    /// ```
    pub async fn get_or_try_init<E>(
        &self,
        init: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let _turn = self.turn.lock().await;
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let value = init().await?;
        Ok(self.value.get_or_init(|| value))
    }

    /// Takes the value out of its cell.
    ///
    /// # Examples
    ///
    /// ```
    /// let cell = aioli_sync::OnceCell::new();
    /// cell.set("value").unwrap();
    /// assert_eq!(cell.into_inner(), Some("value"));
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        OnceCell::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}
