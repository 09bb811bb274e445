//! Parkers and deadline sources that install themselves, from the home thread and from others.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use aioli_task::driver::{DeadlineSource, Home, Park, set_local, with_local};
use aioli_task::{LoopHandle, Runner, to_thread, yield_now};

#[derive(Default)]
pub(crate) struct Counting {
    token: Mutex<bool>,
    changed: Condvar,
    pub(crate) parks: AtomicUsize,
    pub(crate) polls: AtomicUsize,
    closed: AtomicBool,
}

impl Park for Counting {
    fn poll(&self) {
        self.polls.fetch_add(1, Ordering::SeqCst);
    }

    fn park(&self, timeout: Option<Duration>) {
        self.parks.fetch_add(1, Ordering::SeqCst);
        let token = self.token.lock().unwrap();
        let timeout = timeout.unwrap_or(Duration::MAX);
        let waited = self
            .changed
            .wait_timeout_while(token, timeout, |token| !*token);
        *waited.unwrap().0 = false;
    }

    fn unpark(&self) {
        *self.token.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_is_kept_for_the_thread_is_one_of_its_type_a_loop_and_goes_with_it() {
    struct Kept(#[expect(dead_code, reason = "counted")] Arc<()>, u32);
    let alive = Arc::new(());
    assert!(!set_local(Kept(alive.clone(), 0)), "no loop runs here");
    let mut runners = [Runner::new(), Runner::new()];
    for (n, runner) in (1..).zip(&mut runners) {
        let alive = alive.clone();
        let ran = runner.run(async move {
            assert!(set_local("of another type"));
            assert!(set_local(Kept(alive.clone(), n)));
            assert!(!set_local(Kept(alive, 9)));
        });
        ran.expect("main is not stopped");
    }
    for (n, runner) in (1..).zip(&mut runners) {
        let kept = runner.run(async { with_local(|kept: &Kept| kept.1) });
        assert_eq!(kept.expect("main is not stopped"), Some(n));
    }
    assert_eq!(Arc::strong_count(&alive), 3);
    drop(runners);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_parker_may_be_exchanged_while_the_loop_waits_in_another() {
    let new = Arc::new(Counting::default());
    let parker = new.clone();
    aioli_task::run(async move {
        let (home, handle) = (Home::current(), LoopHandle::current());
        let answer = to_thread(move || {
            home.set_parker(parker.clone());
            while parker.parks.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            handle.submit(|| async { 3 }).unwrap().wait().unwrap()
        });
        assert_eq!(answer.await, 3);
    });
    assert!(new.parks.load(Ordering::SeqCst) > 0);
    assert!(new.closed.load(Ordering::SeqCst));
}

#[test]
fn a_spinning_loop_finds_what_arrives_without_parking() {
    let parker = Arc::new(Counting::default());
    let installed = parker.clone();
    let mut runner = Runner::builder().force_spin(3600).build();
    let answer = runner.run(async move {
        Home::current().set_parker(installed);
        let timer = Arc::new(OneTimer::default());
        Home::current().set_deadline_source(timer.clone());
        wait_on(timer, Duration::from_millis(1)).await;
        to_thread(|| 3).await
    });
    assert_eq!(answer.unwrap(), 3);
    assert_eq!(parker.parks.load(Ordering::SeqCst), 0);
    assert!(parker.polls.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_spinning_loop_parks_in_the_end() {
    let parker = Arc::new(Counting::default());
    let (installed, seen) = (parker.clone(), parker.clone());
    let mut runner = Runner::builder()
        .force_spin(Duration::from_micros(1))
        .build();
    runner
        .run(async move {
            Home::current().set_parker(installed);
            let parked = move || {
                while seen.parks.load(Ordering::SeqCst) == 0 {
                    std::thread::yield_now();
                }
            };
            to_thread(parked).await;
        })
        .unwrap();
    assert!(parker.parks.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_loop_for_which_nothing_comes_in_time_spins_no_more() {
    let parker = Arc::new(Counting::default());
    let (installed, seen) = (parker.clone(), parker.clone());
    let mut runner = Runner::builder()
        .force_spin(Duration::from_micros(1))
        .build();
    let polls = runner.run(async move {
        Home::current().set_parker(installed);
        let mut polls = Vec::new();
        for _ in 0..40 {
            let (seen, before) = (seen.clone(), seen.parks.load(Ordering::SeqCst));
            let looked = seen.polls.load(Ordering::SeqCst);
            // Long after the loop has gone to sleep.
            let late = move || {
                while seen.parks.load(Ordering::SeqCst) == before {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_micros(500));
                seen
            };
            let seen = to_thread(late).await;
            polls.push(seen.polls.load(Ordering::SeqCst) - looked);
        }
        polls
    });
    let polls = polls.unwrap();
    assert_eq!(polls[39], 0, "{polls:?}");
    assert!(polls[0] > 0, "{polls:?}");
}

#[test]
fn a_busy_loop_polls_its_parker_now_and_then() {
    let parker = Arc::new(Counting::default());
    let installed = parker.clone();
    aioli_task::run(async move {
        Home::current().set_parker(installed.clone());
        let before = installed.polls.load(Ordering::SeqCst);
        for _ in 0..610 {
            yield_now().await;
        }
        let polls = installed.polls.load(Ordering::SeqCst) - before;
        assert!((9..=11).contains(&polls), "{polls} times in 610 passes");
    });
}

/// One deadline.
#[derive(Default)]
struct OneTimer(Mutex<Option<(Instant, Waker)>>);

impl DeadlineSource for OneTimer {
    fn next_deadline(&self) -> Option<Instant> {
        self.0
            .lock()
            .unwrap()
            .as_ref()
            .map(|(deadline, _)| *deadline)
    }

    fn expire(&self, now: Instant) {
        let due = self
            .0
            .lock()
            .unwrap()
            .take_if(|(deadline, _)| *deadline <= now);
        if let Some((_, waker)) = due {
            waker.wake();
        }
    }
}

async fn wait_on(timer: Arc<OneTimer>, time: Duration) {
    let deadline = Home::current().now() + time;
    std::future::poll_fn(|cx| {
        if Home::current().now() >= deadline {
            return std::task::Poll::Ready(());
        }
        *timer.0.lock().unwrap() = Some((deadline, cx.waker().clone()));
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn a_virtual_clock_jumps_to_the_deadline() {
    let mut runner = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .build();
    let real = Instant::now();
    let elapsed = runner.run(async {
        let timer = Arc::new(OneTimer::default());
        Home::current().set_deadline_source(timer.clone());
        wait_on(timer, Duration::from_secs(3600)).await;
        aioli_task::time()
    });
    assert_eq!(elapsed.unwrap(), 3600.0);
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_real_clock_is_never_early() {
    aioli_task::run(async {
        let timer = Arc::new(OneTimer::default());
        Home::current().set_deadline_source(timer.clone());
        let before = Instant::now();
        wait_on(timer, Duration::from_millis(5)).await;
        assert!(before.elapsed() >= Duration::from_millis(5));
    });
}

#[test]
fn slots_are_dropped_after_the_last_task_the_last_installed_first() {
    struct Notes(&'static str, Arc<Mutex<Vec<&'static str>>>);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    struct First(#[expect(dead_code)] Notes);
    struct Second(#[expect(dead_code)] Notes);
    let order = Arc::new(Mutex::new(Vec::new()));
    let o = order.clone();
    aioli_task::run(async move {
        let home = Home::current();
        home.slot(|| First(Notes("first", o.clone())));
        home.slot(|| Second(Notes("second", o.clone())));
        let failed = home.try_slot::<u8, &str>(|| Err("no"));
        assert_eq!(failed.map(|_| ()), Err("no"));
        let task = Notes("task", o);
        aioli_task::spawn(async move {
            let _task = task;
            std::future::pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(*order.lock().unwrap(), ["task", "second", "first"]);
}
