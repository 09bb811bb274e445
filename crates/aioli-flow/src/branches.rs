//! Many branches of one type, of which only the woken ones are polled.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::branch::{Branch, Left, Others, Why};
use crate::woken::Woken;

/// The running branches, by index. Each is boxed, so that it can be pinned, and freed when it ends.
pub(crate) struct Branches<F> {
    running: Vec<Option<Pin<Box<Branch<F>>>>>,
    n_running: usize,
    woken: Woken,
    /// Set when the branches have been asked to end; those that are added later are asked too.
    asked: Option<Why>,
}

impl<F: Future> Branches<F> {
    pub(crate) fn new(futures: impl IntoIterator<Item = F>) -> Branches<F> {
        let mut branches = Branches {
            running: Vec::new(),
            n_running: 0,
            woken: Woken::new(),
            asked: None,
        };
        for future in futures {
            branches.push(future);
        }
        branches
    }

    /// Adds a branch, to be polled first when its turn comes.
    pub(crate) fn push(&mut self, future: F) {
        let mut branch = Box::pin(Branch::new(future));
        if let Some(why) = &self.asked {
            branch.as_mut().ask(why);
        }
        self.woken.add(self.running.len());
        self.running.push(Some(branch));
        self.n_running += 1;
    }

    /// How many branches there have been.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks all running branches to end.
    pub(crate) fn ask(&mut self, why: Why) {
        for branch in self.running.iter_mut().flatten() {
            branch.as_mut().ask(&why);
        }
        self.asked.get_or_insert(why);
    }

    /// Polls the branches that have been woken, and hands on how some of them ended. Ready when no
    /// branch runs any more.
    ///
    /// When `on_end` wants the others asked, they are, for the reason `why` gives, and those that
    /// have nothing to clean up are gone when this returns.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut on_end: impl FnMut(usize, Left<F::Output>) -> Others,
        why: impl Fn() -> Why,
    ) -> Poll<()> {
        self.woken.set_parent(cx.waker());
        let was_asked = self.is_asked();
        self.poll_batch(&mut on_end, &why);
        if self.is_asked() && !was_asked {
            self.poll_batch(&mut on_end, &why);
        }
        if self.n_running == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_batch(
        &mut self,
        on_end: &mut impl FnMut(usize, Left<F::Output>) -> Others,
        why: &impl Fn() -> Why,
    ) {
        for _ in 0..self.woken.len() {
            let Some((index, waker)) = self.woken.pop() else {
                break;
            };
            let Some(branch) = &mut self.running[index] else {
                continue;
            };
            let Poll::Ready(left) = branch.as_mut().poll(&mut Context::from_waker(&waker)) else {
                continue;
            };
            self.running[index] = None;
            self.n_running -= 1;
            if on_end(index, left) == Others::Ask && !self.is_asked() {
                self.ask(why());
            }
        }
    }
}

impl<F> std::fmt::Debug for Branches<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Branches")
            .field("running", &self.n_running)
            .finish_non_exhaustive()
    }
}
