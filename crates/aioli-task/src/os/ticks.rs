//! The processor's own counter, on x86-64 Linux.
#![expect(
    unsafe_code,
    reason = "the counter is read by an instruction, and prctl is a call of the system"
)]

use std::arch::x86_64::_rdtsc;
use std::fs;
use std::sync::OnceLock;

/// Where the kernel says what it keeps its own time by.
const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// That this thread can read the processor's counter.
///
/// # Invariants
///
/// The thread that has it may read the counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks(());

impl Ticks {
    /// The counter, where the kernel keeps its time by it: then it never stops, goes at the same speed
    /// always and shows the same on all cores, which the kernel checks.
    pub(crate) fn find() -> Option<Ticks> {
        static IS_TRUSTED: OnceLock<bool> = OnceLock::new();
        if cfg!(miri) {
            return None;
        }
        let is_trusted = || fs::read(SOURCE).is_ok_and(|name| name.trim_ascii() == b"tsc");
        (*IS_TRUSTED.get_or_init(is_trusted) && is_allowed()).then_some(Ticks(()))
    }

    #[inline(always)]
    pub(crate) fn read(self) -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and a thread that must not use it has no
        // `Ticks`, by the invariant.
        unsafe { _rdtsc() }
    }
}

/// Whether this thread may read the counter: a sandbox can make it a fault.
fn is_allowed() -> bool {
    let mut mode: libc::c_int = 0;
    // SAFETY: this option writes one `int` to where its argument points, which is one of ours.
    let asked = unsafe { libc::prctl(libc::PR_GET_TSC, &raw mut mode) };
    asked == 0 && mode == libc::PR_TSC_ENABLE
}
