//! What a sender announces to all receivers: the core of `watch` and `broadcast`.
//!
//! Ends are counted, and receivers that have seen everything stand in line for more. What is
//! announced, and what a receiver gets of it, is the [`News`].

use super::primitive::Ref;
use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::marker::PhantomData;

/// What is announced.
pub(super) trait News {
    /// What a receiver gets.
    type Item;

    /// What a receiver gets that has seen everything up to the number `seen`, which then moves
    /// on. `None` if there is nothing more yet; `is_over` says that there will never be.
    fn next(&self, seen: &mut u64, is_over: bool) -> Option<Self::Item>;

    /// The number up to which everything has been announced.
    fn end(&self) -> u64;
}

/// The news, and who is there.
///
/// # Invariants
///
/// Outside a critical section those in line have seen everything, and there is a sender.
pub(super) struct Board<N> {
    pub(super) news: N,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    line: WaitList<(), ()>,
}

impl<N> Board<N> {
    /// How many receivers wait.
    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Something has been announced: everybody in line looks.
    pub(super) fn announce(&mut self, wakers: &mut Wakers) {
        self.line.grant_all(|| (), wakers);
    }
}

/// What all ends lead to.
pub(super) type Shared<N> = Ref<RawLock<Board<N>>>;

/// An end that announces, counted.
pub(super) struct Announcer<N>(pub(super) Shared<N>);

/// An end that is told, counted, with the number up to which it has seen everything.
pub(super) struct Reader<N> {
    pub(super) shared: Shared<N>,
    pub(super) seen: u64,
}

/// The first two ends of a board; the reader has seen everything that is there.
pub(super) fn open<N: News>(news: N) -> (Announcer<N>, Reader<N>) {
    let seen = news.end();
    let shared = Ref::new(RawLock::new(Board {
        news,
        senders: 1,
        receivers: 1,
        line: WaitList::new(),
    }));
    let reader = Reader {
        shared: Ref::clone(&shared),
        seen,
    };
    (Announcer(shared), reader)
}

impl<N: News> Announcer<N> {
    /// A reader that has seen everything that is there now.
    pub(super) fn subscribe(&self) -> Reader<N> {
        let seen = self.0.with(|board, _| {
            board.receivers += 1;
            board.news.end()
        });
        Reader {
            shared: Ref::clone(&self.0),
            seen,
        }
    }
}

impl<N> Clone for Announcer<N> {
    fn clone(&self) -> Announcer<N> {
        self.0.with(|board, _| board.senders += 1);
        Announcer(Ref::clone(&self.0))
    }
}

impl<N> Drop for Announcer<N> {
    fn drop(&mut self) {
        self.0.with(|board, wakers| {
            board.senders -= 1;
            if board.senders == 0 {
                board.announce(wakers);
            }
        });
    }
}

impl<N: News> Reader<N> {
    /// Waits for what comes next.
    pub(super) fn next(&mut self) -> Waiting<'_, Reading<'_, N>> {
        let reading = Reading {
            seen: &mut self.seen,
            news: PhantomData,
        };
        Waiting::new(&self.shared, reading)
    }
}

impl<N> Clone for Reader<N> {
    fn clone(&self) -> Reader<N> {
        self.shared.with(|board, _| board.receivers += 1);
        Reader {
            shared: Ref::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<N> Drop for Reader<N> {
    fn drop(&mut self) {
        self.shared.with(|board, _| board.receivers -= 1);
    }
}

/// Waiting for what comes next.
pub(super) struct Reading<'a, N> {
    seen: &'a mut u64,
    news: PhantomData<fn() -> N>,
}

impl<N: News> Wait for Reading<'_, N> {
    type State = Board<N>;
    type Want = ();
    type Grant = ();
    type Output = N::Item;

    fn line(board: &mut Board<N>) -> &mut WaitList<(), ()> {
        &mut board.line
    }

    fn begin(&mut self, board: &mut Board<N>, _: &mut Wakers) -> Result<N::Item, ()> {
        board.news.next(self.seen, board.senders == 0).ok_or(())
    }

    fn finish(&mut self, (): (), board: &mut Board<N>, _: &mut Wakers) -> N::Item {
        let next = board.news.next(self.seen, board.senders == 0);
        next.expect("who is granted anything was told something or the end")
    }

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut Board<N>, _: &mut Wakers) {}
}
