//! Linux: by how much the kernel may put off the end of a thread's wait, and what cores there are.
#![expect(
    unsafe_code,
    reason = "prctl, sysconf and sched_getaffinity are calls of the system"
)]

use std::mem::{MaybeUninit, size_of};
use std::thread;

/// How late this thread's waits may end, in nanoseconds, so that the kernel can end several at
/// once.
pub(crate) fn timer_slack() -> Option<u64> {
    if cfg!(miri) {
        return None;
    }
    // SAFETY: `prctl` needs what its option asks for, and this one takes no argument: it returns a
    // number of this thread.
    let slack = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
    u64::try_from(slack).ok()
}

/// Sets what [`timer_slack`] returns.
pub(crate) fn set_timer_slack(nanoseconds: u64) {
    let slack = nanoseconds as libc::c_ulong;
    // It cannot fail but in a sandbox that forbids it, and then waits are as late as before.
    // SAFETY: `prctl` needs what its option asks for, and this one takes an `unsigned long`, no
    // pointer: it sets a number of this thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack) };
}

/// Whether other threads run while one does, and the time of this one is not taken from them: there
/// are several cores, of which this thread may have only one, and no quota.
pub(crate) fn has_core_to_spare() -> bool {
    // SAFETY: takes a number, and answers one that it does not know by an error.
    let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    cores > 1 && !has_quota()
}

/// Whether the process may use less time than the cores have that this thread may run on: std
/// counts these, and looks into the files of the control groups as well.
fn has_quota() -> bool {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the system writes at most the stated number of bytes to the set.
    let got = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if got != 0 {
        return false; // more cores than a set has room for
    }
    // SAFETY: all bytes are initialised, by zeros or by the system, and any are a valid set.
    let set = unsafe { set.assume_init() };
    // SAFETY: only reads the set.
    let allowed = unsafe { libc::CPU_COUNT(&set) };
    let usable = thread::available_parallelism().map_or(usize::MAX, |cores| cores.get());
    usable < allowed as usize
}
