//! Waits that end when they are over, and not some time later.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use crate::os;

/// As exact as it gets; zero would bring the default back.
const SLACK: u64 = 1;

/// This thread's waits end as exactly as the system can, until this is dropped.
///
/// Linux may end a wait by its *timer slack* later, usually 50 µs, to wake a processor once for
/// several threads. A loop with timers wants them on time: whatever installs itself as the source
/// of deadlines holds one of these on the loop's thread. Threads and processes that are started
/// from the thread meanwhile begin with its slack. Other systems have nothing of the kind.
///
/// # Examples
///
/// ```
/// use aioli_task::driver::ExactWaits;
/// use std::time::Duration;
///
/// let exact = ExactWaits::begin();
/// std::thread::sleep(Duration::from_millis(1)); // ends about 50 µs sooner than it would
/// drop(exact);
/// ```
#[must_use = "waits are exact only while this lives"]
pub struct ExactWaits {
    /// It is a setting of one thread.
    _stays: PhantomData<*const ()>,
}

thread_local! {
    /// How many of these live on this thread, and the slack that the first one has changed.
    static HELD: Cell<(usize, Option<u64>)> = const { Cell::new((0, None)) };
}

impl ExactWaits {
    /// Makes the waits of this thread exact, until the last of these on it is dropped.
    pub fn begin() -> ExactWaits {
        let (count, mut before) = HELD.get();
        if count == 0 {
            // `None`: it cannot be changed here, or need not be.
            before = os::timer_slack().filter(|slack| *slack > SLACK);
            if before.is_some() {
                os::set_timer_slack(SLACK);
            }
        }
        HELD.set((count + 1, before));
        ExactWaits {
            _stays: PhantomData,
        }
    }
}

impl Drop for ExactWaits {
    fn drop(&mut self) {
        let (count, before) = HELD.get();
        HELD.set((count - 1, before));
        if let (1, Some(before)) = (count, before) {
            os::set_timer_slack(before);
        }
    }
}

impl fmt::Debug for ExactWaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExactWaits").finish_non_exhaustive()
    }
}
