//! The virtual clock: steps by hand, rates, patience, and who waits until nothing can run.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use aioli_task::driver::{DeadlineSource, Home, Park};
use aioli_task::testing::{advance, set_rate, wait_all_tasks_blocked};
use aioli_task::{LoopHandle, Runner, now, spawn, time, yield_now};

/// One timer, which is all these tests need.
#[derive(Default)]
struct Alarm(Mutex<Option<(Instant, Waker)>>);

impl DeadlineSource for Alarm {
    fn next_deadline(&self) -> Option<Instant> {
        self.0.lock().unwrap().as_ref().map(|(at, _)| *at)
    }

    fn expire(&self, now: Instant) {
        let due = self.0.lock().unwrap().take_if(|(at, _)| *at <= now);
        if let Some((_, waker)) = due {
            waker.wake();
        }
    }
}

/// Waits on the loop's clock.
async fn alarm(length: Duration) {
    let home = Home::current();
    let alarm = home.slot(Alarm::default);
    home.set_deadline_source(alarm.clone());
    let end = now() + length;
    std::future::poll_fn(|cx| {
        if now() >= end {
            return Poll::Ready(());
        }
        *alarm.0.lock().unwrap() = Some((end, cx.waker().clone()));
        Poll::Pending
    })
    .await;
}

#[test]
fn steps_by_hand_are_the_only_ones_without_jumps() {
    let mut runner = Runner::builder().autojump(f64::INFINITY).build();
    let ended = runner.run(async {
        let task = spawn(alarm(Duration::from_secs(60)));
        wait_all_tasks_blocked().await;
        advance(59);
        wait_all_tasks_blocked().await;
        assert!(!task.is_done());
        assert_eq!(time(), 59.0);
        advance(1);
        task.await;
        assert_eq!(time(), 60.0);
        advance(-5); // a negative length is none
        assert_eq!(time(), 60.0);
    });
    ended.unwrap();
}

#[test]
fn a_rate_moves_the_clock_with_the_real_one() {
    let mut runner = Runner::builder()
        .autojump(f64::INFINITY)
        .rate(3600.0)
        .build();
    let begin = Instant::now();
    let ended = runner.run(async {
        alarm(Duration::from_secs(18)).await;
        assert!(time() >= 18.0);
        set_rate(0.0);
        let stopped = time();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(time(), stopped);
    });
    ended.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(5));
}

#[test]
#[should_panic(expected = "forwards")]
fn a_rate_is_not_negative() {
    let _ = Runner::builder().rate(-1.0);
}

#[test]
#[should_panic(expected = "no loop with a virtual clock")]
fn the_real_clock_is_not_moved() {
    Runner::new()
        .run(async { advance(1) })
        .unwrap_or_else(|stop| stop.resume());
}

/// A parker that counts, and reports an event on its third look.
#[derive(Default)]
struct Slow {
    looks: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Slow {
    fn look(&self) {
        if self.looks.fetch_add(1, Ordering::SeqCst) == 2
            && let Some(waker) = self.waker.lock().unwrap().take()
        {
            waker.wake();
        }
    }
}

impl Park for Slow {
    fn poll(&self) {
        self.look();
    }

    fn park(&self, timeout: Option<Duration>) {
        self.look();
        if self.waker.lock().unwrap().is_some() {
            std::thread::sleep(timeout.unwrap_or_default().min(Duration::from_millis(1)));
        }
    }

    fn unpark(&self) {}
}

#[test]
fn with_patience_an_event_comes_before_the_jump() {
    let mut runner = Runner::builder().autojump(60).build();
    let ended = runner.run(async {
        let parker = Arc::new(Slow::default());
        Home::current().set_parker(parker.clone());
        let task = spawn(alarm(Duration::from_secs(5)));
        let mut is_first = true;
        std::future::poll_fn(|cx| {
            if std::mem::take(&mut is_first) {
                *parker.waker.lock().unwrap() = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(time(), 0.0, "nothing has jumped");
        assert!(!task.is_done());
        task.stop().await;
    });
    ended.unwrap();
}

#[test]
fn after_its_patience_the_clock_jumps() {
    let mut runner = Runner::builder().autojump(0.002).build();
    let begin = Instant::now();
    let ended = runner.run(async {
        alarm(Duration::from_secs(3600)).await;
        assert_eq!(time(), 3600.0);
    });
    ended.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(2));
}

#[test]
fn all_blocked_comes_before_the_jump_and_after_what_can_run() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let noting = log.clone();
    let mut runner = Runner::builder().virtual_clock().build();
    let ended = runner.run(async move {
        let busy = noting.clone();
        let task = spawn(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            busy.borrow_mut().push("busy is done");
        });
        let sleeper = spawn(alarm(Duration::from_secs(1)));
        wait_all_tasks_blocked().await;
        noting.borrow_mut().push("blocked");
        assert_eq!(time(), 0.0);
        assert!(!sleeper.is_done());
        sleeper.await;
        task.await;
    });
    ended.unwrap();
    assert_eq!(*log.borrow(), ["busy is done", "blocked"]);
}

#[test]
fn a_wait_for_quiet_can_be_cancelled_and_works_on_the_real_clock() {
    aioli_task::run(async {
        let waiting = spawn(wait_all_tasks_blocked());
        yield_now().await;
        waiting.cancel();
        assert!(waiting.outcome().await.is_err());
        wait_all_tasks_blocked().await;
    });
}

#[test]
fn a_cushion_waits_for_other_threads_on_every_clock() {
    let cushion = Duration::from_millis(30);
    for builder in [Runner::builder(), Runner::builder().virtual_clock()] {
        let ended = builder.build().run(async {
            let log = Rc::new(RefCell::new(Vec::new()));
            let (home, begin) = (LoopHandle::current(), Instant::now());
            // A chain of calls, each a while after the last: the loop is never idle for long.
            let echo = std::thread::spawn(move || {
                for _ in 0..5 {
                    std::thread::sleep(Duration::from_millis(2));
                    home.call_soon(|| ()).expect("the loop runs");
                }
            });
            let waits = [cushion, Duration::ZERO, 2 * cushion].map(|length| {
                let log = log.clone();
                spawn(async move {
                    wait_all_tasks_blocked().cushion(length).await;
                    log.borrow_mut().push((length, Instant::now()));
                })
            });
            let sleeper = spawn(alarm(Duration::from_secs(3600)));
            for wait in waits {
                wait.await;
            }
            echo.join().unwrap();
            let log = log.take();
            let lengths: Vec<_> = log.iter().map(|(length, _)| *length).collect();
            assert_eq!(lengths, [Duration::ZERO, cushion, 2 * cushion]);
            assert!(log[1].1 >= begin + cushion);
            assert!(log[2].1 >= begin + 2 * cushion);
            assert!(!sleeper.is_done(), "quiet comes before the jump");
            sleeper.stop().await;
        });
        ended.unwrap();
    }
}
