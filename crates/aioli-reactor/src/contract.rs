//! The contract every driver keeps, in prose.
//!
//! A *driver* tells which of the registered sources (sockets, pipes, process descriptors) have
//! become ready. [`Driver`](crate::driver::Driver) is the closed set of them; the
//! [`Reactor`](crate::reactor::Reactor) owns one and turns its events into wake-ups. Nothing above
//! the reactor knows which driver runs.
//!
//! ```text
//!              register            arm              wait
//!   (unknown) ──────────▶ (known) ─────▶ (watched) ──────▶ (reported)
//!                             ▲                                │
//!                             └────── oneshot drivers ◀────────┘
//!                                     edge drivers stay watched for ever
//! ```
//!
//! # What a driver promises
//!
//! 1. **No event is lost.** Once a source is watched for an interest (for an edge driver: from
//!    `register` on; for a oneshot driver: from `arm` on), a change to ready that happens after
//!    a system call on it returned `WouldBlock`, or that was already there when it came to be
//!    watched, is reported by some later `wait`.
//! 2. **False reports are allowed.** A source may be reported ready when it is not. Callers
//!    always try the operation, and take `WouldBlock` as the truth.
//! 3. **Closed is ready.** An error or a hang-up is reported as readable and writable, so that
//!    whoever waits makes the system call that tells what happened.
//! 4. **`wait` is for one thread at a time**, the home thread of the loop. All else may be
//!    called from any thread, also while another one is inside `wait`, and takes effect on it.
//! 5. **`notify` ends a `wait`**: the one that is running, else the next one. Several may count
//!    as one. A `wait` with a timeout of zero may use it up; the reactor keeps the token itself.
//! 6. **`wait` reports at most [`EVENTS_MAX`] events** and leaves the others for its next call.
//!    It never returns later than its timeout asks by more than the system's timer slack, and
//!    an interruption by a signal counts as a return without events.
//! 7. **Tokens are opaque** and come back unchanged. Their two highest bits are never set.
//! 8. **`deregister` comes before close.** The reactor guarantees the order, a driver may rely
//!    on it. Events of a source that are on their way are still reported and find no source
//!    under their token, because a token is not used twice in a row. When it returns, the
//!    driver holds the file open no more, so that closing the descriptor ends a connection and
//!    frees a port. On another thread than the home thread this may come later, namely when the
//!    home thread does not come back to `wait` for long.
//! 9. **By level what stays is told again.** A driver that can `watch` reports, from then on and until
//!    it is told otherwise, by each `wait` a source that has something to read, and nothing of its
//!    writing. `watch` is a new look as well: what is ready when it watches by edge again is
//!    reported by a later `wait`. The others say that they cannot, and watch as before. Why
//!    nothing is lost between the two is in [`readiness`](crate::readiness), when it pays in
//!    [`probing`](crate::probing).
//! 10. **`close` comes last**, on the home thread: afterwards there is no `wait`, no file is
//!     held, and what is deregistered was so before.
//!
//! # What the mirrored files hold
//!
//! Each driver is a folder with the same two files: `driver.rs`, the mechanism without unsafe
//! code, and `raw.rs`, the system calls or the unsafe functions that it stands on.

/// Most events one `wait` reports: bounds how long tasks are kept from running by their I/O, and the
/// loop from looking again. Who is left for the next one is not in [`order`](crate::order) with the
/// others. The unit tests have fewer, as they have to do with the descriptors that everybody may open.
pub(crate) const EVENTS_MAX: usize = if cfg!(test) { 256 } else { 1024 };
