//! A counter of permits with a fair line: the core of semaphores and locks.
//!
//! Permits are granted in order of arrival. Whoever wants more than there are holds up
//! those behind it, however few they want: otherwise small requests could starve it.
//!
//! As long as nobody is in line a permit is taken and released in one atomic step on the
//! [`Word`]. Everything else happens under the lock of the line, in a [`Section`].

use super::primitive::AtomicUsize;
use super::raw_lock::RawLock;
use super::waiting::Waiting;
use super::word::{self, Attempt, Word};
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;

/// Free permits, and who waits for some.
///
/// # Invariants
///
/// Outside a critical section of `line`:
/// 1. The first in line, if any, wants more than is free.
/// 2. The word is closed if somebody is in line.
pub(crate) struct Permits {
    word: Word,
    line: RawLock<Line>,
}

type Line = WaitList<usize, usize>;

impl Permits {
    pub(crate) const fn new(free: usize) -> Permits {
        Permits {
            word: Word::over(AtomicUsize::new(Word::open(free))),
            line: RawLock::new(WaitList::new()),
        }
    }

    /// How many permits are free and how many operations are in line.
    pub(crate) fn look(&self) -> (usize, usize) {
        self.line.read(|line| (self.word.free(), line.len()))
    }

    /// Takes `n` permits if nobody is before us and there are enough.
    #[inline]
    pub(crate) fn try_take(&self, n: usize) -> bool {
        match self.word.try_take(n) {
            Attempt::Done => true,
            Attempt::TooFew => false,
            Attempt::Closed => self.try_take_behind_line(n),
        }
    }

    #[cold]
    fn try_take_behind_line(&self, n: usize) -> bool {
        self.line.with(|line, _| {
            let mut section = Section::enter(&self.word, line);
            let is_ours = section.try_take(n);
            section.leave();
            is_ours
        })
    }

    /// Adds `n` permits, which go to those in line first.
    ///
    /// # Panics
    ///
    /// If there would be more permits than can be counted.
    #[inline]
    pub(crate) fn release(&self, n: usize) {
        if self.word.try_release(n) == Attempt::Closed {
            self.release_to_line(n);
        }
    }

    #[inline(never)]
    fn release_to_line(&self, n: usize) {
        self.line.with(|line, wakers| {
            let mut section = Section::enter(&self.word, line);
            section.release(n, wakers);
            section.leave();
        });
    }

    /// A wait for `n` permits.
    #[inline]
    pub(crate) const fn acquire(&self, n: usize) -> Waiting<'_, Acquiring<'_>> {
        let word = &self.word;
        Waiting::new(&self.line, Acquiring { word, n })
    }
}

/// A critical section of the line, in which the word is closed and `free` stands for it.
///
/// A section that is not left, because a waiter queues in it, leaves the word closed.
struct Section<'a> {
    word: &'a Word,
    free: usize,
    line: &'a mut Line,
}

impl<'a> Section<'a> {
    fn enter(word: &'a Word, line: &'a mut Line) -> Section<'a> {
        let free = word.enter();
        Section { word, free, line }
    }

    fn leave(self) {
        self.word.leave(self.free, self.line.len() > 0);
    }

    fn try_take(&mut self, n: usize) -> bool {
        let is_ours = self.line.len() == 0 && n <= self.free;
        if is_ours {
            self.free -= n;
        }
        is_ours
    }

    /// Adds `n` permits, and grants to the first in line for as long as there is enough for it.
    // PERF: `mutex_hold`: left to itself the compiler makes a call of it, with all in memory.
    #[inline(always)]
    fn release(&mut self, n: usize, wakers: &mut Wakers) {
        self.free = word::sum(self.free, n);
        let Section { free, line, .. } = self;
        let mut take = |&n: &usize| {
            *free = free.checked_sub(n)?;
            Some(n)
        };
        while line.grant_first_if(&mut take, wakers) {}
    }
}

/// Waiting for `n` permits.
pub(crate) struct Acquiring<'a> {
    word: &'a Word,
    n: usize,
}

impl Acquiring<'_> {
    /// How many permits are waited for.
    pub(crate) fn count(&self) -> usize {
        self.n
    }
}

impl Wait for Acquiring<'_> {
    type State = Line;
    type Want = usize;
    type Grant = usize;
    type Output = ();

    const BEGINS_UNLOCKED: bool = true;

    #[inline]
    fn line(line: &mut Line) -> &mut Line {
        line
    }

    #[inline]
    fn begin_unlocked(&mut self) -> Option<()> {
        (self.word.try_take(self.n) == Attempt::Done).then_some(())
    }

    #[inline]
    fn begin(&mut self, line: &mut Line, _: &mut Wakers) -> Result<(), usize> {
        if line.len() > 0 {
            // The word is closed, and stays so.
            return Err(self.n);
        }
        let mut section = Section::enter(self.word, line);
        if section.try_take(self.n) {
            section.leave();
            Ok(())
        } else {
            // The word stays closed for the waiter that is about to queue.
            Err(self.n)
        }
    }

    #[inline]
    fn finish(&mut self, granted: usize, _: &mut Line, _: &mut Wakers) {
        debug_assert_eq!(granted, self.n, "a waiter is granted what it wants");
    }

    fn abandon(&self, departed: Departed<usize>, line: &mut Line, wakers: &mut Wakers) {
        let mut section = Section::enter(self.word, line);
        let returned = match departed {
            Departed::Granted(n) => n,
            // A large request at the head may have been all that held the others up.
            Departed::Waiting => 0,
        };
        section.release(returned, wakers);
        section.leave();
    }
}
