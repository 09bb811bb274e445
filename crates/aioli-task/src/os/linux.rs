//! Linux: by how much the kernel may put off the end of a thread's wait.
#![expect(unsafe_code, reason = "prctl is a call of the system")]

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
