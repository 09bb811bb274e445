//! Random operations against the obvious model: meetings, tokens, notifications, news.

use super::kind::{
    Barrier, BarrierPhase, BarrierWait, Borrowed, Broken, CapacityLimiter, Lagging, Notified,
    Notify, RecvError, broadcast, watch,
};
use proptest::collection::vec;
use proptest::prelude::any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What a party that waits is owed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Due {
    Nothing,
    Pass(usize),
    Broken,
}

/// The table of states of a barrier, and those who wait at it.
struct Table<'b> {
    barrier: &'b Barrier,
    phase: BarrierPhase,
    waits: Vec<(Due, BarrierWait<'b>)>,
}

impl Table<'_> {
    fn waiting(&self) -> usize {
        let waits = self.waits.iter();
        waits.filter(|(due, _)| *due == Due::Nothing).count()
    }

    fn leaving(&self) -> usize {
        let waits = self.waits.iter();
        waits.filter(|(due, _)| matches!(due, Due::Pass(_))).count()
    }

    /// Gives all who wait `due` what follows from the number of their turn.
    fn release(&mut self, n: usize, due: impl Fn(usize) -> Due) {
        let waiting = self.waits.iter_mut().filter(|(is, _)| *is == Due::Nothing);
        for (at, (is, _)) in waiting.take(n).enumerate() {
            *is = due(at);
        }
    }

    /// Somebody has left: perhaps the last.
    fn left(&mut self, parties: usize) {
        if self.phase == BarrierPhase::Draining && self.leaving() == 0 {
            self.fill(parties);
        }
    }

    fn fill(&mut self, parties: usize) {
        self.phase = BarrierPhase::Filling;
        if self.waiting() >= parties {
            self.release(parties, Due::Pass);
            self.phase = BarrierPhase::Draining;
        }
    }

    fn break_passes(&mut self) {
        for (due, _) in &mut self.waits {
            if matches!(due, Due::Pass(_)) {
                *due = Due::Broken;
            }
        }
    }

    fn step(&mut self, parties: usize, op: u8, pick: usize) {
        match op {
            0..=2 => self.arrive(parties),
            3 | 4 if !self.waits.is_empty() => {
                let pick = pick % self.waits.len();
                let polled = poll(&mut self.waits[pick].1);
                match self.waits[pick].0 {
                    Due::Nothing => return assert_eq!(polled, Poll::Pending),
                    Due::Pass(index) => assert_eq!(polled, Poll::Ready(Ok(index))),
                    Due::Broken => assert_eq!(polled, Poll::Ready(Err(Broken))),
                }
                drop(self.waits.remove(pick));
                self.left(parties);
            }
            5 if !self.waits.is_empty() => {
                drop(self.waits.remove(pick % self.waits.len()));
                self.left(parties);
            }
            6 => {
                self.barrier.reset();
                if self.phase == BarrierPhase::Filling {
                    self.release(usize::MAX, |_| Due::Broken);
                }
                self.break_passes();
                self.fill(parties);
            }
            7 => {
                self.barrier.abort();
                self.break_passes();
                self.release(usize::MAX, |_| Due::Broken);
                self.phase = BarrierPhase::Broken;
            }
            _ => {}
        }
    }

    fn arrive(&mut self, parties: usize) {
        let mut wait = self.barrier.wait();
        let polled = poll(&mut wait);
        if self.phase == BarrierPhase::Broken {
            return assert_eq!(polled, Poll::Ready(Err(Broken)));
        }
        if self.phase == BarrierPhase::Filling && self.waiting() + 1 == parties {
            assert_eq!(polled, Poll::Ready(Ok(parties - 1)));
            self.release(parties, Due::Pass);
            if parties > 1 {
                self.phase = BarrierPhase::Draining;
            }
            return;
        }
        assert_eq!(polled, Poll::Pending);
        self.waits.push((Due::Nothing, wait));
    }
}

proptest::proptest! {
    #[test]
    fn barrier_is_its_table_of_states(
        parties in 1usize..5,
        ops in vec((0u8..8, any::<usize>()), 0..120),
    ) {
        let barrier = Barrier::new(parties);
        let mut table = Table {
            barrier: &barrier,
            phase: BarrierPhase::Filling,
            waits: Vec::new(),
        };
        for (op, pick) in ops {
            table.step(parties, op, pick);
            let stats = barrier.stats();
            assert_eq!(stats.phase, table.phase);
            assert_eq!((stats.waiting, stats.leaving), (table.waiting(), table.leaving()));
        }
    }

    #[test]
    fn limiter_is_two_numbers_and_a_line(
        total in 0usize..4,
        ops in vec((0u8..5, any::<usize>()), 0..120),
    ) {
        let limiter = CapacityLimiter::new(total);
        let (mut total, mut held) = (total, Vec::<Borrowed<'_>>::new());
        let mut waits = Vec::<(bool, Pin<Box<dyn Future<Output = Borrowed<'_>> + '_>>)>::new();
        for (op, pick) in ops {
            let lent = |waits: &[(bool, _)]| waits.iter().filter(|(lent, _)| *lent).count();
            let is_free = held.len() + lent(&waits) < total;
            match op {
                0 => {
                    let mut acquire: Pin<Box<dyn Future<Output = _>>> = Box::pin(limiter.acquire());
                    match poll(&mut acquire) {
                        Poll::Ready(token) => {
                            assert!(is_free && waits.iter().all(|(lent, _)| *lent));
                            held.push(token);
                        }
                        Poll::Pending => waits.push((false, acquire)),
                    }
                }
                1 if !waits.is_empty() => {
                    let pick = pick % waits.len();
                    let polled = poll(&mut waits[pick].1);
                    assert_eq!(polled.is_ready(), waits[pick].0);
                    if let Poll::Ready(token) = polled {
                        drop(waits.remove(pick));
                        held.push(token);
                    }
                }
                2 if !waits.is_empty() => drop(waits.remove(pick % waits.len())),
                3 if !held.is_empty() => drop(held.swap_remove(pick % held.len())),
                4 => {
                    total = pick % 4;
                    limiter.set_total(total);
                }
                _ => {}
            }
            while held.len() + lent(&waits) < total
                && let Some((lent, _)) = waits.iter_mut().find(|(lent, _)| !lent)
            {
                *lent = true;
            }
            let stats = limiter.stats();
            assert_eq!(stats.borrowed, held.len() + lent(&waits));
            assert_eq!(stats.waiting, waits.len() - lent(&waits));
        }
    }

    #[test]
    fn notify_is_a_permit_and_a_line(ops in vec((0u8..6, any::<usize>()), 0..120)) {
        let notify = Notify::new();
        let mut permit = false;
        // Each with whether it is in line, and what told it: one, or all.
        let mut waits = Vec::<(bool, Option<bool>, Notified<'_>)>::new();
        for (op, pick) in ops {
            match op {
                0 => waits.push((false, None, notify.notified())),
                1 | 2 if !waits.is_empty() => {
                    let pick = pick % waits.len();
                    let (queued, told, wait) = &mut waits[pick];
                    let is_due = told.is_some() || (!*queued && permit);
                    assert_eq!(poll(wait).is_ready(), is_due);
                    permit &= told.is_some() || *queued;
                    let was_queued = std::mem::replace(queued, true);
                    if is_due {
                        drop(waits.remove(pick));
                    } else if !was_queued {
                        let last = waits.remove(pick);
                        waits.push(last);
                    }
                }
                3 if !waits.is_empty() => {
                    let (queued, told, wait) = waits.remove(pick % waits.len());
                    drop(wait);
                    if queued && told == Some(false) {
                        tell_one(&mut waits, &mut permit);
                    }
                }
                4 => {
                    notify.notify_one();
                    tell_one(&mut waits, &mut permit);
                }
                5 => {
                    notify.notify_waiters();
                    for (_, told, _) in &mut waits {
                        told.get_or_insert(true);
                    }
                }
                _ => {}
            }
            let in_line = waits.iter().filter(|(queued, told, _)| *queued && told.is_none());
            let stats = notify.stats();
            assert_eq!((stats.permit, stats.waiting), (permit, in_line.count()));
        }
    }

    #[test]
    fn watch_is_a_value_and_its_number(ops in vec((0u8..4, 0usize..3), 0..80)) {
        let (tx, rx) = watch::channel(0u32);
        let mut ends = [(0, rx.clone()), (0, rx.clone()), (0, rx)];
        let mut now = 0;
        for (op, pick) in ops {
            let (seen, rx) = &mut ends[pick];
            match op {
                0 => {
                    now += 1;
                    tx.send(now);
                }
                1 | 2 => {
                    let polled = poll(&mut rx.changed()).map(|value| value.map(|value| *value));
                    let is_new = *seen != now;
                    assert_eq!(polled, if is_new { Poll::Ready(Ok(now)) } else { Poll::Pending });
                    *seen = now;
                }
                _ => *seen = subscribe(&tx, rx, now),
            }
            assert_eq!((*rx.latest(), rx.has_changed()), (now, *seen != now));
            assert_eq!(tx.stats().waiting, 0, "who was dropped waits for nothing");
        }
        drop(tx);
        for (seen, rx) in &mut ends {
            let is_new = *seen != now;
            let polled = poll(&mut rx.changed()).map(|value| value.map(|value| *value));
            assert_eq!(polled, Poll::Ready(if is_new { Ok(now) } else { Err(RecvError::End) }));
        }
    }

    #[test]
    fn broadcast_is_a_window_over_what_was_sent(
        capacity in 1usize..4,
        ops in vec((0u8..4, 0usize..3), 0..80),
    ) {
        let (tx, rx) = broadcast::channel(capacity);
        let mut ends = [(0, rx.clone()), (0, rx.clone()), (0, rx)];
        let (mut kept, mut first) = (VecDeque::new(), 0u64);
        for (serial, (op, pick)) in (0u32..).zip(ops) {
            let (seen, rx) = &mut ends[pick];
            let end = first + kept.len() as u64;
            match op {
                0 | 1 => {
                    tx.send(serial).expect("there are receivers");
                    kept.push_back(serial);
                    if kept.len() > capacity {
                        kept.pop_front();
                        first += 1;
                    }
                }
                _ => {
                    let polled = poll(&mut rx.recv()).map(|item| item.map(|item| *item));
                    if *seen < first {
                        assert_eq!(polled, Poll::Ready(Err(Lagging::Missed(first - *seen))));
                        *seen = first;
                    } else if *seen < end {
                        let at = usize::try_from(*seen - first).expect("it is small");
                        assert_eq!(polled, Poll::Ready(Ok(kept[at])));
                        *seen += 1;
                    } else {
                        assert_eq!(polled, Poll::Pending);
                    }
                }
            }
            assert_eq!(tx.stats().len, kept.len());
        }
    }
}

/// Replaces an end by one that has seen everything.
fn subscribe(tx: &watch::Sender<u32>, rx: &mut watch::Receiver<u32>, now: u32) -> u32 {
    *rx = tx.subscribe();
    assert_eq!(tx.stats().receivers, 3);
    now
}

/// Tells the first in line, or leaves the permit.
fn tell_one(waits: &mut [(bool, Option<bool>, Notified<'_>)], permit: &mut bool) {
    let mut in_line = waits
        .iter_mut()
        .filter(|(queued, told, _)| *queued && told.is_none());
    match in_line.next() {
        Some((_, told, _)) => *told = Some(false),
        None => *permit = true,
    }
}
