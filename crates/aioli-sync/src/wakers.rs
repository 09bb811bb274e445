//! The wakers that leave a critical section with it, and how many are woken.

use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Wakes everybody, in order, also when a waker panics; then the first panic goes on.
///
/// For authors of primitives and drivers: wakers are foreign code, and those who come after one
/// that panics would wait for ever.
///
/// # Panics
///
/// As the first waker did that panicked. What later ones panic with is dropped. An iterator that
/// panics is asked for no more, and its panic counts as one of these.
///
/// # Examples
///
/// ```
/// use std::task::Waker;
///
/// let mut waiting = vec![Waker::noop().clone(), Waker::noop().clone()];
/// aioli_sync::wake_all(waiting.drain(..));
/// assert!(waiting.is_empty());
/// ```
pub fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    let mut wakers = wakers.into_iter();
    let mut first = None;
    let is_waking = Cell::new(false);
    // Once for all, but for those behind a panic.
    let mut wake_more = || {
        for waker in wakers.by_ref() {
            is_waking.set(true);
            waker.wake();
            is_waking.set(false);
        }
    };
    while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut wake_more)) {
        first.get_or_insert(panic);
        if !is_waking.take() {
            break;
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// Wakers on their way out of a critical section.
#[derive(Default)]
pub(crate) struct Wakers {
    /// Nearly every section wakes nobody or one: only a crowd pays for an allocation.
    first: Option<Waker>,
    rest: Vec<Waker>,
    /// A waker that is no longer needed and whose drop is foreign code all the same.
    retired: Option<Waker>,
}

impl Wakers {
    /// Has `waker` invoked after the section.
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => push_more(&mut self.rest, waker),
        }
    }

    /// Has `waker` dropped after the section.
    #[inline]
    pub(crate) fn retire(&mut self, waker: Waker) {
        debug_assert!(
            self.retired.is_none(),
            "a section retires one waker at most"
        );
        self.retired = Some(waker);
    }

    /// Invokes everybody, in the order of their grants, and drops who is retired.
    // PERF: `mutex_hold`: most sections leave nothing or one waker, and where that is all it is not
    // even looked for more that would have to be dropped.
    #[inline]
    pub(crate) fn flush(mut self) {
        if !self.rest.is_empty() || self.retired.is_some() {
            return self.flush_all();
        }
        let first = self.first.take();
        // Nothing is left in there whose drop would do anything.
        mem::forget(self);
        if let Some(first) = first {
            first.wake();
        }
    }

    #[inline(never)]
    fn flush_all(self) {
        wake_all(self.first.into_iter().chain(self.rest));
    }
}

#[cold]
fn push_more(rest: &mut Vec<Waker>, waker: Waker) {
    rest.push(waker);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Planted {
        woken: Arc<AtomicUsize>,
        panic: Option<&'static str>,
    }

    impl Wake for Planted {
        fn wake(self: Arc<Self>) {
            self.woken.fetch_add(1, Ordering::Relaxed);
            if let Some(panic) = self.panic {
                std::panic::panic_any(panic);
            }
        }
    }

    /// Wakers that count, some of which panic.
    fn planted(
        panics: &[Option<&'static str>],
        woken: &Arc<AtomicUsize>,
    ) -> impl Iterator<Item = Waker> {
        let wakers = panics.iter().map(|&panic| {
            let woken = woken.clone();
            Waker::from(Arc::new(Planted { woken, panic }))
        });
        wakers.collect::<Vec<_>>().into_iter()
    }

    const PANICS: [Option<&str>; 5] = [None, Some("first"), None, Some("second"), None];

    #[test]
    fn who_comes_after_a_panic_is_woken_too() {
        let woken = Arc::new(AtomicUsize::new(0));
        let all = planted(&PANICS, &woken);
        let panic = catch_unwind(AssertUnwindSafe(|| wake_all(all))).unwrap_err();
        assert_eq!(woken.load(Ordering::Relaxed), PANICS.len());
        assert_eq!(panic.downcast_ref(), Some(&"first"));
    }

    #[test]
    fn an_iterator_that_panics_is_not_asked_again() {
        let woken = Arc::new(AtomicUsize::new(0));
        for panics in [&PANICS[..1], &PANICS[..2]] {
            woken.store(0, Ordering::Relaxed);
            let mut wakers = planted(panics, &woken);
            let mut asked = 0;
            let all = std::iter::from_fn(|| {
                asked += 1;
                let waker = wakers.next();
                Some(waker.unwrap_or_else(|| std::panic::panic_any("iterator")))
            });
            let panic = catch_unwind(AssertUnwindSafe(|| wake_all(all))).unwrap_err();
            assert_eq!(woken.load(Ordering::Relaxed), panics.len());
            assert_eq!(asked, panics.len() + 1);
            let first = panics.iter().find_map(|panic| *panic);
            assert_eq!(panic.downcast_ref(), Some(&first.unwrap_or("iterator")));
        }
    }

    #[test]
    fn a_section_wakes_all_whatever_the_first_one_does() {
        for panics in [&PANICS[..], &PANICS[1..], &PANICS[1..2]] {
            let woken = Arc::new(AtomicUsize::new(0));
            let mut wakers = Wakers::default();
            planted(panics, &woken).for_each(|waker| wakers.push(waker));
            let panic = catch_unwind(AssertUnwindSafe(|| wakers.flush())).unwrap_err();
            assert_eq!(woken.load(Ordering::Relaxed), panics.len());
            assert_eq!(panic.downcast_ref(), Some(&"first"));
        }
    }
}
