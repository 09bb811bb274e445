//! What the tests of the other crates count: memory, descriptors, and time that was not theirs.
//!
//! *Should I depend on this crate?* No: it is for the tests here, and not published. A test binary
//! that uses any of it has the system's allocator, which counts.
//!
//! ```
//! let before = (aioli_tally::asked(), aioli_tally::held());
//! let bytes = vec![0_u8; 100];
//! assert_eq!(aioli_tally::asked() - before.0, 1);
//! assert_eq!(aioli_tally::held() - before.1, 100);
//! drop(bytes);
//! assert_eq!(aioli_tally::held(), before.1);
//! ```
//!
//! What a thread has asked for is not disturbed by tests that run beside it; what all hold, and
//! descriptors, are to be counted in a process of their own.
//!
//! *Out of scope*: who allocated what, and where. That is a profiler's.
#![expect(unsafe_code, reason = "implementing `GlobalAlloc` is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

static HELD_BY_ALL: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// How often this thread has asked for memory, or for more of it.
#[must_use]
pub fn asked() -> usize {
    ASKED.get()
}

/// How many bytes this thread has allocated, whether it has given them back or not.
#[must_use]
pub fn taken() -> usize {
    TAKEN.get()
}

/// How many bytes this thread has allocated and not given back; those that it has given back for
/// others count against it.
#[must_use]
pub fn held() -> isize {
    HELD.get()
}

/// How many bytes all threads have allocated and not given back.
#[must_use]
pub fn held_by_all() -> isize {
    HELD_BY_ALL.load(Ordering::Relaxed)
}

/// How many descriptors the process has open, on Linux.
///
/// # Panics
///
/// Where there is no `/proc`.
#[must_use]
pub fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("Linux lists them there");
    open.count()
}

/// Measures how long this thread takes for something, without the time in which it could have run
/// and others ran in its place. That is known on Linux.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let begin = Instant::now();
/// let watch = aioli_tally::OwnTime::begin();
/// std::thread::sleep(Duration::from_millis(20));
/// assert!(watch.taken() > Duration::from_millis(15), "who sleeps waits for no processor");
/// assert!(watch.taken() <= begin.elapsed());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OwnTime {
    begin: Instant,
    delayed: Duration,
}

impl OwnTime {
    /// Begins now.
    ///
    /// # Panics
    ///
    /// If the system does not tell its times in the form that is expected.
    #[must_use]
    pub fn begin() -> OwnTime {
        let (begin, delayed) = times();
        OwnTime { begin, delayed }
    }

    /// How long it has taken until now.
    ///
    /// # Panics
    ///
    /// As [`begin`](OwnTime::begin) does.
    #[must_use]
    pub fn taken(self) -> Duration {
        let (end, delayed) = times();
        // The two are measured by different clocks.
        (end - self.begin).saturating_sub(delayed - self.delayed)
    }
}

/// The time, and how long this thread has waited for a processor until then.
fn times() -> (Instant, Duration) {
    loop {
        let (before, now, after) = (delayed(), Instant::now(), delayed());
        if before == after {
            return (now, before);
        }
    }
}

fn delayed() -> Duration {
    let Ok(line) = std::fs::read_to_string("/proc/thread-self/schedstat") else {
        return Duration::ZERO;
    };
    let nanoseconds = line.split(' ').nth(1).map(str::parse);
    let nanoseconds = nanoseconds.expect("it is the second of three numbers");
    Duration::from_nanos(nanoseconds.expect("they are numbers"))
}

/// What a process holds that an operation may lose.
///
/// # Examples
///
/// ```
/// let before = aioli_tally::Holdings::now();
/// let lost = vec![0_u8; 100_000].leak();
/// assert!(before.check("a vector", 50_000).is_err());
/// assert!(before.check("a vector", 150_000).is_ok());
/// # let _ = lost;
///
/// let file = std::fs::File::open("/dev/null")?;
/// let lost = before.check("a file", 150_000).unwrap_err();
/// assert!(lost.contains("/dev/null"));
/// drop(file);
/// assert!(before.check("a file", 150_000).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    descriptors: usize,
    bytes: isize,
}

impl Holdings {
    /// What it holds now.
    ///
    /// # Panics
    ///
    /// As [`descriptors`] does.
    #[must_use]
    pub fn now() -> Holdings {
        Holdings {
            descriptors: descriptors(),
            bytes: held_by_all(),
        }
    }

    /// Looks that there are no more descriptors now than then, and no more than so many bytes more.
    ///
    /// # Errors
    ///
    /// Says what has been lost of `what`.
    ///
    /// # Panics
    ///
    /// As [`descriptors`] does.
    pub fn check(self, what: &str, bytes_max: isize) -> Result<(), String> {
        let now = Holdings::now();
        let bytes = now.bytes - self.bytes;
        if now.descriptors > self.descriptors {
            let (now, then) = (now.descriptors, self.descriptors);
            let open = open();
            return Err(format!(
                "{what}: {now} descriptors, {then} before: {open:?}"
            ));
        }
        match bytes > bytes_max {
            true => Err(format!("{what}: {bytes} bytes more")),
            false => Ok(()),
        }
    }
}

/// What the descriptors lead to.
fn open() -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.collect()
}

/// Polls a future up to `stage` times, with a `pass` of its loop after each that it is not ready at,
/// and drops it.
///
/// # Cancel safety
///
/// Dropping this drops the future.
///
/// # Examples
///
/// ```
/// let mut passes = 0;
/// let dropped = aioli_tally::drop_at(3, std::future::pending::<()>(), async || passes += 1);
/// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// assert!(std::pin::pin!(dropped).poll(&mut context).is_ready());
/// assert_eq!(passes, 3);
///
/// let dropped = aioli_tally::drop_at(3, async {}, async || unreachable!("it is ready"));
/// assert!(std::pin::pin!(dropped).poll(&mut context).is_ready());
/// ```
pub async fn drop_at<F: Future>(stage: usize, future: F, mut pass: impl AsyncFnMut()) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..stage {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        pass().await;
    }
}

fn note(asked: usize, bytes: isize) {
    HELD_BY_ALL.fetch_add(bytes, Ordering::Relaxed);
    // A thread that ends frees after its counters have gone.
    let _ = ASKED.try_with(|all| all.set(all.get() + asked));
    let _ = TAKEN.try_with(|all| all.set(all.get() + usize::try_from(bytes).unwrap_or(0)));
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every method hands its arguments to `System` unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.realloc(old, layout, size) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: as promised by the caller of this method.
        unsafe { System.dealloc(old, layout) }
    }
}
