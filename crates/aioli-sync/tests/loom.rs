//! The word in every order of its steps: `cargo xtask loom aioli-sync`.
//!
//! The models compile `word.rs` a second time, with loom's atomics in place of the standard
//! ones, and add the line as the permits keep it: so many who wait, behind a lock.
#![cfg(loom)]
#![expect(
    unsafe_code,
    reason = "what the permits protect is read and written as memory is, and loom says whether it may"
)]

#[allow(dead_code, reason = "the models do not need all of it")]
#[path = "../src/word.rs"]
mod word;

/// Loom's atomics, and an ordering that a model weakens to see that it fails.
mod primitive {
    pub(crate) use loom::sync::atomic::AtomicUsize;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The ordering that is replaced by `Relaxed`, by its number; zero is none.
    pub(crate) static WEAKENED: AtomicU32 = AtomicU32::new(0);

    pub(crate) fn order(number: u32, ordering: Ordering) -> Ordering {
        match WEAKENED.load(Ordering::Relaxed) {
            weakened if weakened == number => Ordering::Relaxed,
            _ => ordering,
        }
    }
}

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use primitive::{AtomicUsize, WEAKENED};
use std::panic::catch_unwind;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::Ordering::SeqCst;
use word::{Attempt, Word};

/// One permit, the value that it protects, and those who wait for it.
struct Lock {
    word: Word,
    line: Mutex<Line>,
    granted: Condvar,
    value: UnsafeCell<u32>,
}

#[derive(Default)]
struct Line {
    waiting: u32,
    grants: u32,
}

// SAFETY: whether the value is touched by one thread at a time is what the models are about;
// loom ends one that does it wrong before the memory is touched.
unsafe impl Sync for Lock {}
// SAFETY: as above.
unsafe impl Send for Lock {}

impl Lock {
    fn new() -> Arc<Lock> {
        Arc::new(Lock {
            word: Word::over(AtomicUsize::new(Word::open(1))),
            line: Mutex::new(Line::default()),
            granted: Condvar::new(),
            value: UnsafeCell::new(0),
        })
    }

    /// As a future does that is polled until it is ready.
    fn lock(&self) {
        if self.word.try_take(1) == Attempt::Done {
            return;
        }
        let mut line = self.line.lock().unwrap();
        let free = self.word.enter();
        if line.waiting == 0 && free == 1 {
            return self.word.leave(0, false);
        }
        line.waiting += 1;
        while line.grants == 0 {
            line = self.granted.wait(line).unwrap();
        }
        line.grants -= 1;
    }

    fn unlock(&self) {
        if self.word.try_release(1) == Attempt::Done {
            return;
        }
        let mut line = self.line.lock().unwrap();
        assert_eq!(self.word.enter(), 0, "the permit was out");
        if line.waiting == 0 {
            return self.word.leave(1, false);
        }
        line.waiting -= 1;
        line.grants += 1;
        self.granted.notify_all();
        self.word.leave(0, line.waiting > 0);
    }

    /// One look at the line, which closes and opens the word, as a dropped waiter does.
    fn look(&self) {
        let line = self.line.lock().unwrap();
        let free = self.word.enter();
        self.word.leave(free, line.waiting > 0);
    }

    fn add_one(&self) {
        // SAFETY: loom has just checked that nobody else uses it.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }
}

/// Runs a model in every order with at most three preemptions: without a bound it takes minutes.
fn model(steps: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(steps);
}

/// Two add under the lock, and one looks at the line: nobody is forgotten or let in too early.
fn two_add_and_one_looks() {
    model(|| {
        let lock = Lock::new();
        let adds = |lock: Arc<Lock>| {
            move || {
                lock.lock();
                lock.add_one();
                lock.unlock();
            }
        };
        let other = thread::spawn(adds(lock.clone()));
        let looks = lock.clone();
        let looker = thread::spawn(move || looks.look());
        adds(lock.clone())();
        other.join().unwrap();
        looker.join().unwrap();
        lock.lock();
        // SAFETY: loom has just checked that nobody writes.
        assert_eq!(lock.value.with(|value| unsafe { *value }), 2);
    });
}

/// A released permit is taken by a waiter in a section, and by a third thread without one.
fn try_lock_sees_what_was_done() {
    model(|| {
        let lock = Lock::new();
        let threads = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || {
                if lock.word.try_take(1) == Attempt::Done {
                    lock.add_one();
                    lock.unlock();
                }
            })
        });
        lock.look();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// One at a time: the weakened ordering is the process's.
static TURN: StdMutex<()> = StdMutex::new(());

#[test]
fn the_lock_excludes_and_forgets_nobody() {
    let _turn = TURN.lock();
    two_add_and_one_looks();
    try_lock_sees_what_was_done();
}

#[test]
fn every_ordering_is_needed() {
    let _turn = TURN.lock();
    for number in 1..=4 {
        WEAKENED.store(number, SeqCst);
        let found = catch_unwind(two_add_and_one_looks).is_err()
            || catch_unwind(try_lock_sees_what_was_done).is_err();
        WEAKENED.store(0, SeqCst);
        assert!(found, "ordering {number} is stronger than it need be");
    }
}
