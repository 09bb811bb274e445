//! Signals: the registry that everything shares, and what Ctrl-C does to `run`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::cancel::{Reason, ReasonKind};
use crate::event_loop::Shared;
use crate::os;
use crate::task::TaskHandle;

/// How long a loop may go without a turn after a second Ctrl-C before the process is ended.
const GRACE: Duration = Duration::from_secs(1);

/// Calls `callback` for each delivery of a signal, on the signal thread and never in the handler.
///
/// A signal that arrives many times before the thread gets to it may be seen fewer times. Several
/// registrations of one signal are all called, in order; when the last one is dropped, the
/// disposition from before the first comes back.
///
/// # Errors
///
/// What the system says: `InvalidInput` for a signal that cannot be handled, `Unsupported` on
/// systems without Unix signals.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// let twelve = 12; // SIGUSR2 on Linux
/// let registration = aioli_task::interrupt::on_signal(twelve, Arc::new(|_| {}));
/// # #[cfg(unix)]
/// assert!(registration.is_ok());
/// ```
#[doc(alias = "asyncio.loop.add_signal_handler")]
pub fn on_signal(
    signal: i32,
    callback: Arc<dyn Fn(i32) + Send + Sync>,
) -> io::Result<SignalRegistration> {
    os::register(signal, callback).map(|registration| SignalRegistration {
        _registration: registration,
    })
}

/// A registered callback; dropping it takes the callback back.
#[must_use = "dropping it takes the callback back"]
pub struct SignalRegistration {
    /// Held for its `Drop`.
    _registration: os::Registration,
}

impl fmt::Debug for SignalRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalRegistration").finish_non_exhaustive()
    }
}

/// Lets Ctrl-C cancel `main`, if this is the main thread and nobody else handles the signal.
///
/// The first one cancels main. A second one, or one that finds main ended, makes the loop drop
/// main at its next turn; if the loop does not turn within a grace time, or at a third, the
/// process ends by the signal. While the program has a callback of its own for SIGINT, only that
/// one is called.
pub(crate) fn install(main: TaskHandle, shared: Arc<Shared>) -> Option<SignalRegistration> {
    if !os::is_interrupt_free() {
        return None;
    }
    let count = AtomicU32::new(0);
    let callback = move |_| {
        // A program that handles the signal itself has taken it over, as in asyncio.
        if os::registrations(os::SIGINT) > 1 {
            return;
        }
        let before = count.fetch_add(1, Ordering::SeqCst);
        let reason = || Arc::new(Reason::new(ReasonKind::Interrupt));
        if before == 0 && main.request(reason()) {
            return;
        }
        if before >= 2 {
            os::end_by_interrupt();
        }
        shared.drop_main.store(true, Ordering::SeqCst);
        shared.mailbox.unpark();
        end_unless_turning(shared.clone());
    };
    // Where the handler cannot be installed, the run goes on without it.
    on_signal(os::SIGINT, Arc::new(callback)).ok()
}

/// Ends the process by the signal if the loop does not turn within the grace time.
fn end_unless_turning(shared: Arc<Shared>) {
    let turns = shared.turns.load(Ordering::SeqCst);
    let watch = move || {
        thread::sleep(GRACE);
        if shared.turns.load(Ordering::SeqCst) == turns && !shared.mailbox.is_closed() {
            os::end_by_interrupt();
        }
    };
    let started = thread::Builder::new()
        .name("aioli-interrupt".to_owned())
        .spawn(watch);
    if started.is_err() {
        os::end_by_interrupt();
    }
}

/// Ends the process as Ctrl-C does by default.
pub(crate) fn end_process() -> ! {
    os::end_by_interrupt()
}
