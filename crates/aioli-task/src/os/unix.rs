//! Unix signals: a handler that writes to a pipe, and a thread that reads from it.
//!
//! The handler does the one thing it may: it writes the signal's number to a pipe. A thread reads
//! the pipe and calls the callbacks, so they may do what they like. The former disposition comes
//! back when the last registration of a signal is dropped.
#![expect(
    unsafe_code,
    reason = "sigaction, pipe and write are calls of the system"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use libc::c_int;

/// What is called on the signal thread.
type Callback = Arc<dyn Fn(i32) + Send + Sync>;

struct Entry {
    /// The disposition before the first registration.
    former: libc::sigaction,
    callbacks: Vec<(u64, Callback)>,
}

#[derive(Default)]
struct Registry {
    is_running: bool,
    signals: HashMap<i32, Entry>,
}

/// The end of the pipe that the handler writes to; −1 until there is one. Never closed again, so
/// that a handler can never write to somebody else's descriptor.
static PIPE: AtomicI32 = AtomicI32::new(-1);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn registry() -> MutexGuard<'static, Option<Registry>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn handler(signal: c_int) {
    let byte = signal as u8;
    // SAFETY: the location is this thread's own `errno`.
    let errno = unsafe { errno_location() };
    // SAFETY: as above; reading it is async-signal-safe.
    let saved = unsafe { errno.read() };
    // SAFETY: `write` is async-signal-safe; the buffer is a live byte. A full pipe drops the
    // byte, which only coalesces a signal that is pending many times over.
    unsafe { libc::write(PIPE.load(Ordering::Relaxed), ptr::from_ref(&byte).cast(), 1) };
    // SAFETY: the interrupted code must find its `errno` unchanged.
    unsafe { errno.write(saved) };
}

/// Where this thread's `errno` is.
///
/// # Safety
///
/// None; the functions behind it are foreign.
unsafe fn errno_location() -> *mut c_int {
    #[cfg(any(target_os = "linux", target_os = "emscripten"))]
    // SAFETY: always callable; returns the calling thread's own location.
    return unsafe { libc::__errno_location() };
    #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    // SAFETY: always callable; returns the calling thread's own location.
    return unsafe { libc::__error() };
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    // SAFETY: always callable; returns the calling thread's own location.
    return unsafe { libc::__errno() };
}

/// Starts the signal thread, once.
fn start(registry: &mut Registry) -> io::Result<()> {
    if registry.is_running {
        return Ok(());
    }
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors that the call writes.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for end in ends {
        // SAFETY: a fresh descriptor of ours; the flag keeps it out of child processes.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: ours; a handler must never block on a full pipe.
    unsafe { libc::fcntl(ends[1], libc::F_SETFL, libc::O_NONBLOCK) };
    // SAFETY: the call above has given us this descriptor, and nobody else owns it.
    let reader = File::from(unsafe { OwnedFd::from_raw_fd(ends[0]) });
    PIPE.store(ends[1], Ordering::Relaxed);
    thread::Builder::new()
        .name("aioli-signals".to_owned())
        .spawn(move || dispatch(reader))?;
    registry.is_running = true;
    Ok(())
}

fn dispatch(mut pipe: File) {
    let mut bytes = [0; 64];
    loop {
        let count = match pipe.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        for &byte in &bytes[..count] {
            deliver(i32::from(byte));
        }
    }
}

/// Calls the callbacks of a signal. One that arrived before the last of them was taken back goes
/// to the disposition that has come back since.
fn deliver(signal: i32) {
    let guard = registry();
    let entry = guard
        .as_ref()
        .and_then(|registry| registry.signals.get(&signal));
    let Some(entry) = entry else {
        drop(guard);
        let own = libc::pid_t::try_from(process::id()).expect("process ids fit their own type");
        // SAFETY: sends a signal to this process; no preconditions.
        unsafe { libc::kill(own, signal) };
        return;
    };
    let callbacks: Vec<Callback> = entry
        .callbacks
        .iter()
        .map(|(_, call)| call.clone())
        .collect();
    drop(guard);
    callbacks.iter().for_each(|call| call(signal));
}

/// How many callbacks a signal has.
pub(crate) fn registrations(signal: i32) -> usize {
    let guard = registry();
    let entry = guard
        .as_ref()
        .and_then(|registry| registry.signals.get(&signal));
    entry.map_or(0, |entry| entry.callbacks.len())
}

/// The registration of one callback.
#[derive(Debug)]
pub(crate) struct Registration {
    signal: i32,
    id: u64,
}

pub(crate) fn register(signal: i32, callback: Callback) -> io::Result<Registration> {
    let mut guard = registry();
    let registry = guard.get_or_insert_default();
    start(registry)?;
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    if let Some(entry) = registry.signals.get_mut(&signal) {
        entry.callbacks.push((id, callback));
        return Ok(Registration { signal, id });
    }
    let former = install(signal)?;
    registry.signals.insert(
        signal,
        Entry {
            former,
            callbacks: vec![(id, callback)],
        },
    );
    Ok(Registration { signal, id })
}

/// Installs the handler; returns the former disposition.
fn install(signal: i32) -> io::Result<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let mut former = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero bytes are a valid `sigaction`: default handler, empty mask, no flags.
    let new = unsafe { action.assume_init_mut() };
    new.sa_sigaction = handler as *const () as usize;
    new.sa_flags = libc::SA_RESTART;
    // SAFETY: both pointers are to live values of the right type, and the handler is
    // async-signal-safe.
    if unsafe { libc::sigaction(signal, action.as_ptr(), former.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded and filled it in.
    Ok(unsafe { former.assume_init() })
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut guard = registry();
        let Some(registry) = guard.as_mut() else {
            return;
        };
        let Some(entry) = registry.signals.get_mut(&self.signal) else {
            return;
        };
        let at = entry.callbacks.iter().position(|(id, _)| *id == self.id);
        let removed = at.map(|at| entry.callbacks.remove(at));
        if entry.callbacks.is_empty()
            && let Some(entry) = registry.signals.remove(&self.signal)
        {
            // SAFETY: the disposition was given by the system itself for this signal.
            unsafe { libc::sigaction(self.signal, &raw const entry.former, ptr::null_mut()) };
        }
        drop(guard);
        drop(removed);
    }
}

/// Whether Ctrl-C may be taken over: on the main thread, and only if nobody else has.
pub(crate) fn is_interrupt_free() -> bool {
    if !is_main_thread() {
        return false;
    }
    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action only asks; the pointer is to a live value of the right type.
    let asked = unsafe { libc::sigaction(super::SIGINT, ptr::null(), current.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a valid `sigaction`, so it is initialised in any case.
    let current = unsafe { current.assume_init() };
    asked == 0 && current.sa_sigaction == libc::SIG_DFL
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_main_thread() -> bool {
    // SAFETY: both calls have no preconditions.
    let thread = unsafe { libc::gettid() };
    u32::try_from(thread) == Ok(process::id())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_main_thread() -> bool {
    // SAFETY: the call has no preconditions.
    unsafe { libc::pthread_main_np() == 1 }
}

/// Ends the process by the signal itself, so that its parent sees why.
pub(crate) fn end_by_interrupt() -> ! {
    // SAFETY: restores the default disposition, which has no preconditions.
    unsafe { libc::signal(super::SIGINT, libc::SIG_DFL) };
    // SAFETY: sends a signal to this process; no preconditions.
    unsafe { libc::raise(super::SIGINT) };
    // The signal may be blocked in this thread.
    process::exit(130)
}
