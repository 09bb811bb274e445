//! Linux: by how much the kernel may put off the end of a thread's wait, and what cores there are.
#![expect(
    unsafe_code,
    reason = "prctl and sched_getaffinity are calls of the system"
)]

mod quota;

use std::fs;
use std::mem::{MaybeUninit, size_of};
use std::path::Path;
use std::thread;

use super::machine::Machine;

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

/// The cores that this thread may run on, and the quota of the process.
pub(crate) fn machine() -> Machine {
    Machine {
        cores: cores(),
        quota: quota::quota(read),
    }
}

/// The text of a file, in which what is no UTF-8 has been replaced.
fn read(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn cores() -> usize {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the system writes at most the stated number of bytes to the set.
    let got = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if got != 0 {
        // More cores than a set has room for.
        return thread::available_parallelism().map_or(1, |cores| cores.get());
    }
    // SAFETY: all bytes are initialised, by zeros or by the system, and any are a valid set.
    let set = unsafe { set.assume_init() };
    // SAFETY: only reads the set.
    let allowed = unsafe { libc::CPU_COUNT(&set) };
    allowed.unsigned_abs() as usize
}
