//! A plain wheel of milliseconds.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How many milliseconds are told apart; later ones share a slot.
const SLOTS: usize = 4096;
/// No timer.
const NONE: u32 = u32::MAX;

struct Timer {
    tick: u64,
    waker: Option<Waker>,
    previous: u32,
    next: u32,
}

struct Wheel {
    began: Instant,
    /// The next tick to look at.
    tick: u64,
    slots: Vec<u32>,
    timers: Vec<Timer>,
    free: Vec<u32>,
    live: usize,
}

thread_local! {
    static WHEEL: RefCell<Wheel> = RefCell::new(Wheel {
        began: Instant::now(),
        tick: 0,
        slots: vec![NONE; SLOTS],
        timers: Vec::new(),
        free: Vec::new(),
        live: 0,
    });
}

/// Waits for some time from its first poll on.
pub(crate) struct Sleep {
    length: Duration,
    timer: u32,
}

/// Returns a future that is ready after `length`.
pub(crate) fn sleep(length: Duration) -> Sleep {
    Sleep {
        length,
        timer: NONE,
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        WHEEL.with_borrow_mut(|wheel| {
            if self.timer == NONE {
                let end = wheel.began.elapsed() + self.length;
                let tick = end.as_nanos().div_ceil(1_000_000) as u64;
                self.timer = wheel.insert(tick, cx.waker().clone());
                return Poll::Pending;
            }
            match &wheel.timers[self.timer as usize].waker {
                Some(_) => Poll::Pending,
                None => Poll::Ready(()),
            }
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.timer != NONE {
            WHEEL.with_borrow_mut(|wheel| wheel.remove(self.timer));
        }
    }
}

impl Wheel {
    fn insert(&mut self, tick: u64, waker: Waker) -> u32 {
        let slot = tick as usize % SLOTS;
        let timer = Timer {
            tick,
            waker: Some(waker),
            previous: NONE,
            next: self.slots[slot],
        };
        let head = timer.next;
        let index = match self.free.pop() {
            Some(index) => {
                self.timers[index as usize] = timer;
                index
            }
            None => {
                self.timers.push(timer);
                self.timers.len() as u32 - 1
            }
        };
        if head != NONE {
            self.timers[head as usize].previous = index;
        }
        self.slots[slot] = index;
        self.live += 1;
        index
    }

    fn remove(&mut self, index: u32) {
        if self.timers[index as usize].waker.take().is_some() {
            self.unlink(index);
        }
        self.free.push(index);
    }

    fn unlink(&mut self, index: u32) {
        let Timer {
            tick,
            previous,
            next,
            ..
        } = self.timers[index as usize];
        match previous {
            NONE => self.slots[tick as usize % SLOTS] = next,
            previous => self.timers[previous as usize].next = next,
        }
        if next != NONE {
            self.timers[next as usize].previous = previous;
        }
        self.live -= 1;
    }

    /// Wakes whose time has come and returns whether there was anybody.
    fn expire(&mut self) -> bool {
        let now = self.began.elapsed().as_millis() as u64;
        let mut found = false;
        while self.tick <= now {
            let mut index = self.slots[self.tick as usize % SLOTS];
            while index != NONE {
                let timer = &mut self.timers[index as usize];
                let next = timer.next;
                if timer.tick <= now {
                    let waker = timer.waker.take();
                    self.unlink(index);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    found = true;
                }
                index = next;
            }
            self.tick += 1;
        }
        found
    }
}

/// Waits for the next tick at which there is something to do.
pub(crate) fn park() {
    WHEEL.with_borrow_mut(|wheel| {
        assert!(wheel.live > 0, "all tasks wait, and for nothing");
        while !wheel.expire() {
            let next = Duration::from_millis(wheel.tick);
            thread::sleep(next.saturating_sub(wheel.began.elapsed()));
        }
    });
}
