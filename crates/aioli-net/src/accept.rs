//! Accepting, with no attempt that is known to fail.
//!
//! By edge who has accepted one connection has to find out whether there is another. An accept that
//! finds none is dear: Linux makes the descriptor, the file and the socket before it looks. So the
//! first attempts after a success ask first, which costs a tenth of it; and when they have found
//! something each time, many have come at once, and asking would only be one call more.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use socket2::{SockAddr, SockRef, Socket};

use crate::os;

/// So many connections in a row are asked about, and those that follow are not.
const ASKED: u8 = 2;

/// How many connections of a listener have been accepted since it had none. Nothing but the number
/// of system calls depends on it, so it is kept without ordering.
#[derive(Debug)]
pub(crate) struct Streak(AtomicU8);

impl Streak {
    /// Of a listener that has not been reported ready: nobody may be there yet.
    pub(crate) fn new() -> Streak {
        Streak(AtomicU8::new(1))
    }

    /// Accepts a connection, whose socket is non-blocking and closed on exec.
    pub(crate) fn accept(&self, listener: SockRef<'_>) -> io::Result<(Socket, SockAddr)> {
        self.attempt(|| os::has_connection(&listener), || os::accept(&listener))
    }

    /// Connections that have been reset while they were in the queue are passed over.
    fn attempt<T>(
        &self,
        has_connection: impl Fn() -> bool,
        accept: impl Fn() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let streak = self.0.load(Ordering::Relaxed);
            if (1..=ASKED).contains(&streak) && !has_connection() {
                self.0.store(0, Ordering::Relaxed);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let accepted = accept();
            match &accepted {
                Ok(_) => self.0.store((streak + 1).min(ASKED + 1), Ordering::Relaxed),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.0.store(0, Ordering::Relaxed);
                }
                Err(_) => {}
            }
            return accepted;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// A listener that writes down what it is called for.
    #[derive(Default)]
    struct Queue {
        waiting: Cell<usize>,
        aborted: Cell<usize>,
        calls: RefCell<String>,
    }

    impl Queue {
        fn has_connection(&self) -> bool {
            self.calls.borrow_mut().push('?');
            self.waiting.get() > 0
        }

        fn accept(&self) -> io::Result<()> {
            self.calls.borrow_mut().push('a');
            if let Some(left) = self.aborted.get().checked_sub(1) {
                self.aborted.set(left);
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let left = self.waiting.get().checked_sub(1);
            self.waiting.set(left.ok_or(io::ErrorKind::WouldBlock)?);
            Ok(())
        }

        /// Accepts what there is, as who is woken by a report: how many, and by which calls.
        fn drain(&self, streak: &Streak) -> (usize, String) {
            let mut n = 0;
            while streak
                .attempt(|| self.has_connection(), || self.accept())
                .is_ok()
            {
                n += 1;
            }
            (n, self.calls.take())
        }
    }

    #[test]
    fn all_are_accepted_and_few_attempts_fail() {
        let queue = Queue::default();
        let streak = Streak::new();
        assert_eq!(queue.drain(&streak), (0, "?".to_owned()), "a fresh one");
        for (waiting, calls) in [
            (1, "a?"),
            (1, "a?"),
            (2, "a?a?"),
            (3, "a?a?aa"),
            (0, "a"),
            (6, "a?a?aaaaa"),
            (1, "a?"),
        ] {
            queue.waiting.set(waiting);
            assert_eq!(queue.drain(&streak), (waiting, calls.to_owned()));
        }
    }

    #[test]
    fn what_was_reset_in_the_queue_is_passed_over() {
        let queue = Queue::default();
        let streak = Streak::new();
        queue.waiting.set(1);
        queue.aborted.set(2);
        assert_eq!(queue.drain(&streak), (1, "?a?a?a?".to_owned()));
    }

    #[test]
    fn an_error_is_told_and_changes_nothing() {
        let streak = Streak::new();
        let full = || Err::<(), _>(io::Error::from(io::ErrorKind::OutOfMemory));
        for _ in 0..3 {
            let error = streak.attempt(|| true, full).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        }
        let queue = Queue::default();
        assert_eq!(queue.drain(&streak), (0, "?".to_owned()));
    }
}
