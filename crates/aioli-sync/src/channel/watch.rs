//! A channel of which only the latest value matters.
//!
//! Receivers see that the value has changed, and get what it is by then: a slow one skips what
//! was in between, and nobody waits to send. Values are shared and not copied, in an [`Arc`], so
//! that neither their `Clone` nor their `Drop` runs in a critical section.

use crate::error::RecvError;
use crate::raw_lock::{RawLock, Wakers};
use crate::wait_list::{Departed, WaitList};
use crate::waiting::{Wait, Waiting};
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Creates a channel with its first value, which the receiver has seen.
///
/// # Examples
///
/// ```
/// use aioli_sync::watch;
///
/// # futures::executor::block_on(async {
/// let (level, mut dial) = watch::channel(0);
/// level.send(1);
/// level.send(2);
/// assert_eq!(*dial.changed().await?, 2);
/// drop(level);
/// assert!(dial.changed().await.is_err());
/// # Ok::<(), aioli_sync::RecvError>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(RawLock::new(State {
        value: Arc::new(value),
        version: 0,
        senders: 1,
        receivers: 1,
        line: WaitList::new(),
    }));
    let sender = Sender {
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { shared, seen: 0 })
}

/// # Invariants
///
/// Outside a critical section those in line have seen `version`, and there is a sender.
struct State<T> {
    value: Arc<T>,
    /// How often the value was sent.
    version: u64,
    senders: usize,
    receivers: usize,
    line: WaitList<(), ()>,
}

impl<T> State<T> {
    fn stats(&self) -> WatchStats {
        WatchStats {
            senders: self.senders,
            receivers: self.receivers,
            waiting: self.line.len(),
        }
    }

    /// The value if it is newer than `seen`, the end if there will be no newer one.
    fn newer_than(&self, seen: &mut u64) -> Option<Result<Arc<T>, RecvError>> {
        if mem::replace(seen, self.version) != self.version {
            Some(Ok(Arc::clone(&self.value)))
        } else if self.senders == 0 {
            Some(Err(RecvError::End))
        } else {
            None
        }
    }
}

/// A look at a channel, from [`Sender::stats`] or [`Receiver::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchStats {
    /// Senders that are there.
    pub senders: usize,
    /// Receivers that are there.
    pub receivers: usize,
    /// Receivers that wait for a change.
    pub waiting: usize,
}

/// An end that sends. When the last is dropped, the channel ends.
pub struct Sender<T> {
    shared: Arc<RawLock<State<T>>>,
}

impl<T> Sender<T> {
    /// Replaces the value and wakes everybody who waits for that.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel('a');
    /// tx.send('b');
    /// assert_eq!(*rx.latest(), 'b');
    /// ```
    pub fn send(&self, value: T) {
        let value = Arc::new(value);
        let old = self.shared.with(|state, wakers| {
            state.version += 1;
            state.line.grant_all(|| (), wakers);
            mem::replace(&mut state.value, value)
        });
        // Dropped outside the lock: its `Drop` is foreign code.
        drop(old);
    }

    /// A receiver that has seen the value that is there now.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = aioli_sync::watch::channel(1);
    /// assert!(!tx.subscribe().has_changed());
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        let seen = self.shared.with(|state, _| {
            state.receivers += 1;
            state.version
        });
        Receiver {
            shared: Arc::clone(&self.shared),
            seen,
        }
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel(1);
    /// drop(rx);
    /// assert_eq!(tx.stats().receivers, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> WatchStats {
        self.shared.read(State::stats)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.with(|state, _| state.senders += 1);
        Sender {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.with(|state, wakers| {
            state.senders -= 1;
            if state.senders == 0 {
                state.line.grant_all(|| (), wakers);
            }
        });
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.stats()).finish()
    }
}

/// An end that receives; each remembers which value it has seen.
pub struct Receiver<T> {
    shared: Arc<RawLock<State<T>>>,
    seen: u64,
}

impl<T> Receiver<T> {
    /// Waits until the value is one that we have not seen, and returns it.
    ///
    /// # Errors
    ///
    /// [`RecvError::End`], if it was seen and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// A value counts as seen only when the future completes.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, mut rx) = aioli_sync::watch::channel("off");
    /// tx.send("on");
    /// assert_eq!(*rx.changed().await?, "on");
    /// # Ok::<(), aioli_sync::RecvError>(())
    /// # }).unwrap();
    /// ```
    pub fn changed(&mut self) -> Changed<'_, T> {
        let changing = Changing {
            seen: &mut self.seen,
            value: PhantomData,
        };
        Changed(Waiting::new(&self.shared, changing))
    }

    /// The value that is there now, which does not make it seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = aioli_sync::watch::channel(7);
    /// assert_eq!(*rx.latest(), 7);
    /// ```
    #[must_use]
    pub fn latest(&self) -> Arc<T> {
        self.shared.read(|state| Arc::clone(&state.value))
    }

    /// Whether the value is one that we have not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel(1);
    /// tx.send(1);
    /// assert!(rx.has_changed(), "it was sent, equal or not");
    /// ```
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.shared.read(|state| state.version != self.seen)
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = aioli_sync::watch::channel(1);
    /// assert_eq!(rx.stats().senders, 1);
    /// ```
    #[must_use]
    pub fn stats(&self) -> WatchStats {
        self.shared.read(State::stats)
    }
}

impl<T> Clone for Receiver<T> {
    /// Another receiver, which has seen what this one has.
    fn clone(&self) -> Receiver<T> {
        self.shared.with(|state, _| state.receivers += 1);
        Receiver {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.with(|state, _| state.receivers -= 1);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stats()).finish()
    }
}

/// Waiting for a value that is newer than the one seen.
struct Changing<'a, T> {
    seen: &'a mut u64,
    value: PhantomData<fn() -> T>,
}

impl<T> Wait for Changing<'_, T> {
    type State = State<T>;
    type Want = ();
    type Grant = ();
    type Output = Result<Arc<T>, RecvError>;

    fn line(state: &mut State<T>) -> &mut WaitList<(), ()> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State<T>, _: &mut Wakers) -> Result<Self::Output, ()> {
        state.newer_than(self.seen).ok_or(())
    }

    fn finish(&mut self, (): (), state: &mut State<T>, _: &mut Wakers) -> Self::Output {
        let newer = state.newer_than(self.seen);
        newer.expect("who is granted anything was sent a value or the end")
    }

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut State<T>, _: &mut Wakers) {}
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Changed<'a, T: 'a>(Waiting<'a, Changing<'a, T>>);

impl<T> Future for Changed<'_, T> {
    type Output = Result<Arc<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changed")
            .field(&self.0.stage_name())
            .finish()
    }
}
