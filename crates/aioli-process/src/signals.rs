//! Signals that this process is sent: as a stream, or as callbacks on the loop.

use aioli_task::{
    LoopHandle,
    driver::Home,
    interrupt::{self, SignalRegistration},
};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::{
    os,
    signal_name::{SIGKILL, SIGSTOP, signal_name},
};

/// Signals are numbered from 1 to 64 on the systems we know; each has a bit.
const SIGNAL_MAX: i32 = 64;

/// Receives signals from now on: a [`Stream`] of their numbers that does not end.
///
/// While it lives these signals do not do what they otherwise would; when it is dropped that
/// comes back.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number that is no signal, and for
/// `SIGKILL` and `SIGSTOP`, which cannot be received;
/// [`Unsupported`](io::ErrorKind::Unsupported) on Windows.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{SIGUSR1, SIGUSR2, shell, signals};
///
/// let mut signals = signals([SIGUSR1, SIGUSR2])?;
/// shell(format!("kill -USR1 {}", std::process::id())).status().await?;
/// assert_eq!(signals.next().await, Some(SIGUSR1));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.loop.add_signal_handler")]
#[doc(alias = "trio.open_signal_receiver")]
pub fn signals(signals: impl IntoIterator<Item = i32>) -> io::Result<Signals> {
    let arrived = Arc::new(Arrived::default());
    let mut receivers = Vec::new();
    for signal in signals {
        check(signal)?;
        let own = Arc::clone(&arrived);
        let callback = Arc::new(move |signal| own.add(signal));
        let registration = interrupt::on_signal(signal, callback)?;
        let disposition = os::disposition(signal);
        receivers.push(Receiver {
            signal,
            disposition,
            registration,
        });
    }
    Ok(Signals {
        arrived,
        receivers,
        last: 0,
    })
}

/// The signals that arrive: a [`Stream`] of their numbers.
///
/// A signal that arrives several times before it is taken is there once; different signals are
/// taken in turn, so that none keeps another waiting.
///
/// When it is dropped, a signal that has arrived and has not been taken is sent again, to
/// whoever is in charge now, unless others have received it too.
///
/// Made by [`signals`].
#[must_use = "dropping it stops receiving"]
pub struct Signals {
    arrived: Arc<Arrived>,
    receivers: Vec<Receiver>,
    /// The signal that was taken last; the search goes on behind it.
    last: i32,
}

#[derive(Debug)]
struct Receiver {
    signal: i32,
    /// What the signal leads to while we, or others like us, receive it.
    disposition: usize,
    registration: SignalRegistration,
}

/// The signals that have arrived and who waits for them.
#[derive(Debug, Default)]
struct Arrived {
    bits: AtomicU64,
    waiting: Mutex<Option<Waker>>,
}

impl Signals {
    /// The next signal. It is never `None`: the `Option` is there for `while let`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a signal stays until it is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{SIGUSR2, shell, signals};
    ///
    /// let mut signals = signals([SIGUSR2])?;
    /// shell(format!("kill -USR2 {}", std::process::id())).status().await?;
    /// assert_eq!(signals.next().await, Some(SIGUSR2));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn next(&mut self) -> Option<i32> {
        poll_fn(|cx| self.poll_signal(cx)).await
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<Option<i32>> {
        if let Some(signal) = self.arrived.take(self.last) {
            self.last = signal;
            return Poll::Ready(Some(signal));
        }
        let new = cx.waker().clone();
        let old = self.arrived.waiting().replace(new);
        drop(old);
        // One may have arrived between the look and the waker.
        match self.arrived.take(self.last) {
            Some(signal) => {
                self.last = signal;
                Poll::Ready(Some(signal))
            }
            None => Poll::Pending,
        }
    }
}

impl Arrived {
    fn add(&self, signal: i32) {
        // ORDERING: the lock of `waiting` orders this before the waker is looked for, and
        // `poll_signal` looks for the bit after it has left its waker there.
        self.bits.fetch_or(bit(signal), Ordering::AcqRel);
        let waker = self.waiting().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the first signal behind `last`, going round.
    fn take(&self, last: i32) -> Option<i32> {
        // ORDERING: pairs with the one in `add`.
        let bits = self.bits.load(Ordering::Acquire);
        if bits == 0 {
            return None;
        }
        let distance = bits.rotate_right(last.unsigned_abs() % 64).trailing_zeros();
        let signal = (last + distance.cast_signed()) % 64 + 1;
        // ORDERING: as above; nobody else takes, so the bit is still set.
        self.bits.fetch_and(!bit(signal), Ordering::AcqRel);
        Some(signal)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signal `n` has bit `n - 1`.
fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

fn check(signal: i32) -> io::Result<()> {
    let reason = match signal {
        SIGKILL | SIGSTOP => {
            format!(
                "{} cannot be received",
                signal_name(signal).unwrap_or_default()
            )
        }
        1..=SIGNAL_MAX => return Ok(()),
        _ => format!("{signal} is not a signal"),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

impl Stream for Signals {
    type Item = i32;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<i32>> {
        self.poll_signal(cx)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for Receiver {
            signal,
            disposition,
            registration,
        } in self.receivers.drain(..)
        {
            drop(registration);
            // ORDERING: pairs with the one in `add`.
            let untaken = self.arrived.bits.load(Ordering::Acquire) & bit(signal) != 0;
            if untaken && os::disposition(signal) != disposition {
                os::raise(signal);
            }
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = self.receivers.iter().map(|receiver| receiver.signal);
        f.debug_list().entries(signals).finish()
    }
}

/// Calls `f` for each arrival of a signal, on this thread's loop.
///
/// While the handler lives the signal does not do what it otherwise would; when it is dropped
/// or removed that comes back. On a thread without a loop, `f` is called on the thread that
/// receives signals.
///
/// # Errors
///
/// As [`signals`].
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{SIGHUP, on_signal};
///
/// let mut handler = on_signal(SIGHUP, || println!("reading the configuration again"))?;
/// assert!(handler.remove());
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.loop.add_signal_handler")]
pub fn on_signal(signal: i32, f: impl FnMut() + Send + 'static) -> io::Result<SignalHandler> {
    check(signal)?;
    let f = Arc::new(Mutex::new(f));
    let home = Home::try_current().map(|_| LoopHandle::current());
    let callback: Arc<dyn Fn(i32) + Send + Sync> = match home {
        None => Arc::new(move |_| call(&f)),
        Some(home) => Arc::new(move |_| {
            let f = Arc::clone(&f);
            // A loop that has ended has nobody left to call.
            let _ = home.call_soon(move || call(&f));
        }),
    };
    let registration = Some(interrupt::on_signal(signal, callback)?);
    Ok(SignalHandler {
        signal,
        registration,
    })
}

fn call(f: &Mutex<impl FnMut()>) {
    // A call that has panicked is no reason for the next one to.
    let mut f = f.lock().unwrap_or_else(PoisonError::into_inner);
    f();
}

/// A function that is called when a signal arrives, until this is dropped.
///
/// Made by [`on_signal`].
#[must_use = "dropping it removes the handler"]
pub struct SignalHandler {
    signal: i32,
    registration: Option<SignalRegistration>,
}

impl SignalHandler {
    /// Removes the handler, and tells whether it was still there.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let mut handler = aioli_process::on_signal(aioli_process::SIGHUP, || {})?;
    /// assert!(handler.remove());
    /// assert!(!handler.remove());
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.loop.remove_signal_handler")]
    pub fn remove(&mut self) -> bool {
        self.registration.take().is_some()
    }
}

impl fmt::Debug for SignalHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHandler")
            .field("signal", &self.signal)
            .field("installed", &self.registration.is_some())
            .finish()
    }
}
