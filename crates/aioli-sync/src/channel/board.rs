//! What a sender announces to all receivers: the core of `watch` and `broadcast`.
//!
//! Ends are counted, and receivers that have seen everything stand in line for more. What is
//! announced, and what a receiver gets of it, is the [`News`].

use super::primitive::Ref;
use super::raw_lock::RawLock;
use super::waiting::{Waiting, WaitingOn};
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
pub(super) struct Reader<N: News> {
    pub(super) shared: Shared<N>,
    pub(super) seen: u64,
    /// The place in line of the stream.
    streaming: Option<WaitingOn<Shared<N>, Reading<N>>>,
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
    let reader = Reader::of(&shared, seen);
    (Announcer(shared), reader)
}

impl<N: News> Announcer<N> {
    /// A reader that has seen everything that is there now.
    pub(super) fn subscribe(&self) -> Reader<N> {
        let seen = self.0.with(|board, _| {
            board.receivers += 1;
            board.news.end()
        });
        Reader::of(&self.0, seen)
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
    /// An end of the board, which counts it already.
    fn of(shared: &Shared<N>, seen: u64) -> Reader<N> {
        Reader {
            shared: Ref::clone(shared),
            seen,
            streaming: None,
        }
    }

    /// Waits for what comes next.
    pub(super) fn next(&mut self) -> Next<'_, N> {
        // What the stream would get is what is received here.
        self.streaming = None;
        Next {
            waiting: Waiting::new(&self.shared, Reading::after(self.seen)),
            seen: &mut self.seen,
        }
    }

    /// Waits for what comes next, with a place in line that outlives the poll.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<N::Item> {
        let Reader {
            shared,
            seen,
            streaming,
        } = self;
        let waiting = streaming
            .get_or_insert_with(|| WaitingOn::new(Ref::clone(shared), Reading::after(*seen)));
        let (item, now_seen) = ready!(Pin::new(waiting).poll(cx));
        *streaming = None;
        *seen = now_seen;
        Poll::Ready(item)
    }
}

impl<N: News> Clone for Reader<N> {
    fn clone(&self) -> Reader<N> {
        self.shared.with(|board, _| board.receivers += 1);
        Reader::of(&self.shared, self.seen)
    }
}

impl<N: News> Drop for Reader<N> {
    fn drop(&mut self) {
        self.shared.with(|board, _| board.receivers -= 1);
    }
}

/// The future of [`Reader::next`].
pub(super) struct Next<'a, N: News + 'a> {
    waiting: Waiting<'a, Reading<N>>,
    seen: &'a mut u64,
}

impl<N: News> Next<'_, N> {
    pub(super) fn stage_name(&self) -> &'static str {
        self.waiting.stage_name()
    }
}

impl<N: News> Future for Next<'_, N> {
    type Output = N::Item;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<N::Item> {
        let (item, seen) = ready!(Pin::new(&mut self.waiting).poll(cx));
        *self.seen = seen;
        Poll::Ready(item)
    }
}

/// Waiting for what comes next.
pub(super) struct Reading<N> {
    seen: u64,
    news: PhantomData<fn() -> N>,
}

impl<N: News> Reading<N> {
    const fn after(seen: u64) -> Reading<N> {
        Reading {
            seen,
            news: PhantomData,
        }
    }

    /// What comes next, if it is there, and the number up to which everything is seen then.
    fn look(&mut self, board: &Board<N>) -> Option<(N::Item, u64)> {
        let item = board.news.next(&mut self.seen, board.senders == 0)?;
        Some((item, self.seen))
    }
}

impl<N: News> Wait for Reading<N> {
    type State = Board<N>;
    type Want = ();
    type Grant = ();
    type Output = (N::Item, u64);

    fn line(board: &mut Board<N>) -> &mut WaitList<(), ()> {
        &mut board.line
    }

    fn begin(&mut self, board: &mut Board<N>, _: &mut Wakers) -> Result<Self::Output, ()> {
        self.look(board).ok_or(())
    }

    fn finish(&mut self, (): (), board: &mut Board<N>, _: &mut Wakers) -> Self::Output {
        self.look(board)
            .expect("who is granted anything was told something or the end")
    }

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut Board<N>, _: &mut Wakers) {}
}
