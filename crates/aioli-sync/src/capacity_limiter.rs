//! A limit that can be changed while it is in use, and that knows who has borrowed.

use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::error::AlreadyBorrowing;
use crate::stats::CapacityLimiterStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::fmt;

/// So many tokens, which are borrowed and given back; their number may change at any time.
///
/// What a [`Semaphore`](super::Semaphore) does not do: the total can be lowered, even below
/// what is borrowed, and then nothing is taken away but nothing is lent until enough came back.
/// And a token can be borrowed in the name of somebody, who can then not borrow a second one,
/// which is how a pool of workers notices that it waits for itself.
///
/// Tokens are lent strictly in the order in which they were asked for.
///
/// # Examples
///
/// ```
/// use aioli_sync::CapacityLimiter;
///
/// # futures::executor::block_on(async {
/// let limiter = CapacityLimiter::new(2);
/// let (first, _second) = (limiter.acquire().await, limiter.acquire().await);
/// limiter.set_total(1); // nothing is taken away …
/// drop(first);
/// assert!(limiter.try_acquire().is_none()); // … but one came back, and one is still out
/// # });
/// ```
#[doc(alias = "anyio.CapacityLimiter")]
pub struct CapacityLimiter {
    state: RawLock<State>,
}

/// # Invariants
///
/// Outside a critical section:
/// 1. If somebody is in line, `borrowed >= total`.
/// 2. `named` are those who borrow, were granted or wait for a token in their name, each once.
struct State {
    total: usize,
    /// Tokens that are out or have just been granted.
    borrowed: usize,
    named: Vec<u64>,
    line: WaitList<(), ()>,
}

impl State {
    /// Lends a token to the one who asks, if one is there.
    fn try_lend(&mut self) -> bool {
        let is_there = self.borrowed < self.total;
        if is_there {
            self.borrowed += 1;
        }
        is_there
    }

    /// Takes one back, and lends it on.
    fn take_back(&mut self, wakers: &mut Wakers) {
        self.borrowed -= 1;
        self.serve(wakers);
    }

    fn serve(&mut self, wakers: &mut Wakers) {
        while self.borrowed < self.total && self.line.grant_first((), wakers) {
            self.borrowed += 1;
        }
    }

    fn forget(&mut self, borrower: Option<u64>) {
        if let Some(borrower) = borrower {
            self.named.retain(|&named| named != borrower);
        }
    }
}

impl CapacityLimiter {
    /// Creates a limiter with `total` tokens; `usize::MAX` of them are no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// static WORKERS: aioli_sync::CapacityLimiter = aioli_sync::CapacityLimiter::new(40);
    /// assert_eq!(WORKERS.stats().total, 40);
    /// ```
    #[must_use]
    pub const fn new(total: usize) -> CapacityLimiter {
        CapacityLimiter {
            state: RawLock::new(State {
                total,
                borrowed: 0,
                named: Vec::new(),
                line: WaitList::new(),
            }),
        }
    }

    /// Waits for a token.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line. A token that had just been granted
    /// goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let limiter = aioli_sync::CapacityLimiter::new(1);
    /// let token = limiter.acquire().await;
    /// assert_eq!(limiter.stats().borrowed, 1);
    /// # drop(token);
    /// # });
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.acquire")]
    pub async fn acquire(&self) -> Borrowed<'_> {
        let borrowed = self.borrow(None).await;
        borrowed.expect("nobody without a name borrows twice")
    }

    /// Waits for a token in the name of `borrower`, a number that the caller gives a meaning.
    ///
    /// # Errors
    ///
    /// [`AlreadyBorrowing`], at once, if a token is out in that name or waited for.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{AlreadyBorrowing, CapacityLimiter};
    ///
    /// # futures::executor::block_on(async {
    /// let limiter = CapacityLimiter::new(5);
    /// let token = limiter.acquire_on_behalf_of(7).await?;
    /// assert_eq!(limiter.acquire_on_behalf_of(7).await.unwrap_err(), AlreadyBorrowing);
    /// drop(token);
    /// assert!(limiter.acquire_on_behalf_of(7).await.is_ok());
    /// # Ok::<(), AlreadyBorrowing>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.acquire_on_behalf_of")]
    pub async fn acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<Borrowed<'_>, AlreadyBorrowing> {
        self.borrow(Some(borrower)).await
    }

    async fn borrow(&self, borrower: Option<u64>) -> Result<Borrowed<'_>, AlreadyBorrowing> {
        Waiting::new(&self.state, Borrowing(borrower)).await?;
        // No await lies between the token and its guard.
        Ok(Borrowed {
            limiter: self,
            borrower,
        })
    }

    /// Takes a token if one is free and nobody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let limiter = aioli_sync::CapacityLimiter::new(1);
    /// let token = limiter.try_acquire();
    /// assert!(token.is_some());
    /// assert!(limiter.try_acquire().is_none());
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.acquire_nowait")]
    pub fn try_acquire(&self) -> Option<Borrowed<'_>> {
        let is_ours = self.state.with(|state, _| state.try_lend());
        is_ours.then(|| Borrowed {
            limiter: self,
            borrower: None,
        })
    }

    /// Changes the number of tokens. More of them go to those in line at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let limiter = aioli_sync::CapacityLimiter::new(0);
    /// limiter.set_total(3);
    /// assert_eq!(limiter.available(), 3);
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.total_tokens")]
    pub fn set_total(&self, total: usize) {
        self.state.with(|state, wakers| {
            state.total = total;
            state.serve(wakers);
        });
    }

    /// How many tokens could be borrowed now.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::CapacityLimiter::new(2).available(), 2);
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.available_tokens")]
    #[must_use]
    pub fn available(&self) -> usize {
        let stats = self.stats();
        stats.total.saturating_sub(stats.borrowed)
    }

    /// A look at the tokens and at the line.
    ///
    /// # Examples
    ///
    /// ```
    /// let stats = aioli_sync::CapacityLimiter::new(2).stats();
    /// assert_eq!((stats.total, stats.borrowed, stats.waiting), (2, 0, 0));
    /// ```
    #[doc(alias = "anyio.CapacityLimiter.statistics")]
    #[must_use]
    pub fn stats(&self) -> CapacityLimiterStats {
        self.state.read(|state| CapacityLimiterStats {
            total: state.total,
            borrowed: state.borrowed,
            waiting: state.line.len(),
        })
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stats(), f)
    }
}

/// Waiting for a token, in somebody's name or in nobody's.
struct Borrowing(Option<u64>);

impl Wait for Borrowing {
    type State = State;
    type Want = ();
    type Grant = ();
    type Output = Result<(), AlreadyBorrowing>;

    fn line(state: &mut State) -> &mut WaitList<(), ()> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State, _: &mut Wakers) -> Result<Self::Output, ()> {
        if let Some(borrower) = self.0 {
            if state.named.contains(&borrower) {
                return Ok(Err(AlreadyBorrowing));
            }
            state.named.push(borrower);
        }
        if state.try_lend() {
            Ok(Ok(()))
        } else {
            Err(())
        }
    }

    fn finish(&mut self, (): (), _: &mut State, _: &mut Wakers) -> Self::Output {
        Ok(())
    }

    fn abandon(&self, departed: Departed<()>, state: &mut State, wakers: &mut Wakers) {
        state.forget(self.0);
        if let Departed::Granted(()) = departed {
            state.take_back(wakers);
        }
    }
}

/// A token of a [`CapacityLimiter`], given back when dropped.
#[must_use = "a token that is dropped at once limits nothing"]
pub struct Borrowed<'a> {
    limiter: &'a CapacityLimiter,
    borrower: Option<u64>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.limiter.state.with(|state, wakers| {
            state.forget(self.borrower);
            state.take_back(wakers);
        });
    }
}

impl fmt::Debug for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Borrowed").field(&self.borrower).finish()
    }
}
