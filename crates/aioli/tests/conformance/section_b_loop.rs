//! Section B: callbacks, timers, the order of the loop.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use aioli_flow::promise;
use aioli_task::{
    ContextVar, LoopClosed, LoopHandle, Runner, call_soon, now, spawn, time, yield_now,
};
use aioli_time::{call_at, call_later, sleep, stats};

use crate::support::{
    Log, builder, cancelled, in_any_order, in_order, message, passes, reports, settle,
};

#[test]
fn c027_callback_is_called_once() {
    in_any_order(async || {
        let log = Log::default();
        let (noting, arguments) = (log.clone(), ("hello", 42));
        let handle = call_soon(move || noting.put(format!("{arguments:?}")));
        assert!(handle.is_pending() && log.is_empty());
        settle().await;
        assert_eq!(log.names(), ["(\"hello\", 42)"]);
        assert!(!handle.is_pending() && !handle.cancel());
    });
}

#[test]
fn c028_timers_of_equal_deadline_run_as_they_were_registered() {
    in_any_order(async || {
        let log = Log::default();
        let (promise, promised) = promise();
        let (first, third, far) = (log.clone(), log.clone(), log.clone());
        call_later(0.05, move || first.put(10));
        let second = call_later(0.05, || panic!("it is cancelled at once"));
        assert!(second.cancel());
        call_later(0.05, move || {
            third.put(1);
            promise.set(()).expect("somebody waits");
        });
        let thousand = call_later(1000, move || far.put("far"));
        promised.await;
        assert_eq!(log.timed(), ["10 at 0.05", "1 at 0.05"]);
        assert!(thousand.cancel());
    });
}

#[test]
fn c031_cancelled_timer_at_the_head_does_not_wake_the_loop() {
    let turns = Rc::new(Cell::new(0));
    let counting = turns.clone();
    let mut runner = builder()
        .pass_hook(move |_| counting.set(counting.get() + 1))
        .build();
    let waited = runner.run(async {
        let head = call_later(5, || panic!("it is cancelled"));
        let next = spawn(sleep(10));
        passes(2).await;
        head.cancel();
        let before = turns.get();
        next.await;
        (time(), turns.get() - before)
    });
    // One pass for the timer, one for the task that waits for it.
    assert_eq!(waited.unwrap(), (10.0, 2));
}

#[test]
fn c032_cancelled_timers_are_dropped_at_once() {
    in_any_order(async || {
        let far = call_later(1e6, || ());
        for count in [50, 500] {
            let many: Vec<_> = (0..count)
                .map(|_| call_later(100, || panic!("never")))
                .collect();
            assert_eq!(stats().pending, count + 1);
            for (index, timer) in many.iter().enumerate() {
                timer.cancel();
                assert_eq!(stats().pending, count - index);
            }
        }
        far.cancel();
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn c033_no_timer_fires_early() {
    // On the real clock: a virtual one has nothing to round.
    aioli_task::run(async {
        let log = Rc::new(Cell::new(0));
        for _ in 0..8 {
            let (counting, begin) = (log.clone(), now());
            call_later(0.007, move || {
                assert!(now() - begin >= Duration::from_millis(7), "too early");
                counting.set(counting.get() + 1);
            });
        }
        sleep(0.008).await;
        assert_eq!(log.get(), 8, "a callback that panics does not count");
    });
}

#[test]
fn c034_tiny_delays_do_not_make_the_loop_spin() {
    let turns = Rc::new(Cell::new(0));
    let counting = turns.clone();
    let mut runner = builder()
        .pass_hook(move |_| counting.set(counting.get() + 1))
        .build();
    let slept = runner.run(async {
        for delay in [1e-2, 1e-4, 1e-6, 1e-8, 1e-10] {
            sleep(delay).await;
        }
        time()
    });
    assert_eq!(slept.unwrap(), 0.01010101);
    assert!(turns.get() <= 12, "{} passes", turns.get());
}

#[test]
fn c035_submissions_from_a_thread() {
    let mut runner = Runner::new();
    let handle = runner.run(async { LoopHandle::current() }).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (noting, home) = (log.clone(), handle.clone());
    let early = thread::spawn(move || home.call_soon(move || noting.lock().unwrap().push("hello")));
    early.join().unwrap().unwrap();
    let noting = log.clone();
    runner
        .run(async move {
            let late = noting.clone();
            call_soon(move || late.lock().unwrap().push("world"));
            yield_now().await;
            yield_now().await;
            // An idle loop is woken.
            let (promise, promised) = promise();
            let waker = thread::spawn(move || {
                handle.call_soon(move || promise.set("woken").expect("main waits"))
            });
            let woken = promised.await;
            noting.lock().unwrap().push(woken);
            waker.join().unwrap().unwrap();
        })
        .unwrap();
    assert_eq!(*log.lock().unwrap(), ["hello", "world", "woken"]);
}

#[test]
fn c038_callbacks_belong_to_the_thread_of_the_loop() {
    in_order(async || {
        let moment = now();
        let foreign = thread::spawn(move || {
            let refused = |call: &dyn Fn()| {
                let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("it is refused");
                message(&*panic).to_owned()
            };
            [
                refused(&|| drop(call_soon(|| ()))),
                refused(&|| drop(call_later(1, || ()))),
                refused(&|| drop(call_at(moment, || ()))),
            ]
        });
        for text in foreign.join().unwrap() {
            assert!(text.contains("on this thread"), "{text}");
        }
    });
}

#[test]
fn c039_sleep_of_nothing_lets_a_queued_callback_run_first() {
    in_any_order(async || {
        let called = Rc::new(Cell::new(false));
        let flag = called.clone();
        call_soon(move || flag.set(true));
        sleep(0).await;
        assert!(called.get());
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c040_sleep_of_not_a_number() {
    in_order(async || {
        let refused = catch_unwind(|| sleep(f64::NAN)).expect_err("it is refused");
        assert!(message(&*refused).contains("NaN"));
    });
}

#[test]
fn c041_cancelled_sleep_leaves_no_timer() {
    in_any_order(async || {
        let task = spawn(sleep(10));
        settle().await;
        assert_eq!(stats().pending, 1);
        task.cancel();
        cancelled(task).await;
        assert_eq!((stats().pending, time()), (0, 0.0));
    });
}

#[test]
fn c042_clock_advances_by_exactly_what_was_slept() {
    in_any_order(async || {
        let start = now();
        let task = spawn(async {
            sleep(0.05).await;
            sleep(0.05).await;
            "yeah"
        });
        assert_eq!((task.await, time()), ("yeah", 0.1));
        assert_eq!(now() - start, Duration::from_millis(100));
    });
}

#[test]
fn c043_hundred_submissions_from_a_thread_in_their_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let noting = log.clone();
    Runner::new()
        .run(async move {
            let home = LoopHandle::current();
            let (promise, promised) = promise();
            let thread = thread::spawn(move || {
                for number in 0..100 {
                    let noting = noting.clone();
                    home.call_soon(move || noting.lock().unwrap().push(number))
                        .unwrap();
                }
                home.call_soon(move || promise.set(()).expect("main waits"))
                    .unwrap();
            });
            promised.await;
            thread.join().unwrap();
        })
        .unwrap();
    assert_eq!(*log.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn c044_idempotent_submissions_run_once() {
    // Each submission with a key, in the order in which it ran.
    let check = |submitted: &[(u32, bool)], expected: &[u32]| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let noting = log.clone();
        let submitted = submitted.to_vec();
        let ended = Runner::new().run(async move {
            let home = LoopHandle::current();
            let thread = thread::spawn(move || {
                let note = |number| {
                    let noting = noting.clone();
                    move || noting.lock().unwrap().push(number)
                };
                for (number, once) in submitted {
                    match once {
                        true => drop(home.call_soon_once(number, note(number)).unwrap()),
                        false => home.call_soon(note(number)).unwrap(),
                    }
                }
            });
            // The loop does not turn before all are in.
            thread.join().unwrap();
            yield_now().await;
            yield_now().await;
        });
        ended.unwrap();
        assert_eq!(*log.lock().unwrap(), expected);
    };
    let (plainly, once) = (false, true);
    let few = [
        (1, plainly),
        (1, once),
        (1, once),
        (1, once),
        (2, once),
        (2, once),
    ];
    check(&few, &[1, 1, 2]);
    let hundred: Vec<_> = (0..100).collect();
    let thrice = [&hundred[..], &hundred, &hundred].concat();
    let thrice: Vec<_> = thrice.into_iter().map(|number| (number, once)).collect();
    check(&thrice, &hundred);
}

#[test]
fn c044_idempotent_submission_while_its_call_runs_is_another_one() {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let ended = Runner::new().run(async move {
        let home = LoopHandle::current();
        let (again, twice) = (home.clone(), count.clone());
        let first = home.call_soon_once("key", move || {
            count.fetch_add(1, Ordering::Relaxed);
            let taken = again.call_soon_once("key", move || {
                twice.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(taken, Ok(true));
        });
        assert_eq!(first, Ok(true));
        assert_eq!(home.call_soon_once("key", || unreachable!()), Ok(false));
        assert_eq!(home.call_soon_once(String::from("key"), || ()), Ok(true));
        for _ in 0..4 {
            yield_now().await;
        }
        home
    });
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    let home = ended.unwrap();
    assert_eq!(home.call_soon_once("key", || ()), Err(LoopClosed));
}

#[test]
fn c045_callback_that_submits_itself_again_starves_nobody() {
    fn again(home: LoopHandle, left: mpsc::Receiver<()>) {
        if left.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let next = home.clone();
            let _ = home.call_soon(move || again(next, left));
        }
    }
    let (stop, left) = mpsc::channel();
    let rounds = Runner::new().run(async move {
        let home = LoopHandle::current();
        let next = home.clone();
        home.call_soon(move || again(next, left)).unwrap();
        let mut rounds = 0;
        for _ in 0..100 {
            yield_now().await;
            rounds += 1;
        }
        stop.send(()).expect("it still submits itself");
        rounds
    });
    assert_eq!(rounds.unwrap(), 100);
}

#[test]
fn c046_callback_that_panics_is_reported_and_the_loop_goes_on() {
    let reported = reports(None, async || {
        let called = Rc::new(Cell::new(false));
        let flag = called.clone();
        call_soon(|| panic!("zero"));
        call_soon(move || flag.set(true));
        call_later(1, || panic!("one"));
        sleep(2).await;
        assert!(called.get());
    });
    assert_eq!(
        reported,
        ["panic in a callback: zero", "panic in a callback: one"]
    );
}

#[test]
fn c047_error_handler_that_panics() {
    let calls = Rc::new(Cell::new(0));
    let counting = calls.clone();
    let mut runner = builder()
        .on_error(move |_| {
            counting.set(counting.get() + 1);
            panic!("broken handler");
        })
        .build();
    let ended = runner.run(async {
        call_soon(|| panic!("first"));
        call_soon(|| panic!("second"));
        sleep(1).await;
        "goes on"
    });
    assert_eq!((ended.unwrap(), calls.get()), ("goes on", 2));
}

#[test]
fn c048_error_handler_runs_in_the_context_of_the_failing_task() {
    static NAME: ContextVar<&str> = ContextVar::new();
    let seen = Rc::new(Cell::new(None));
    let looking = seen.clone();
    let mut runner = builder().on_error(move |_| looking.set(NAME.get())).build();
    runner
        .run(async {
            drop(spawn(async {
                NAME.set("the task's");
                yield_now().await;
                panic!("nobody awaits it");
            }));
            settle().await;
        })
        .unwrap();
    assert_eq!(seen.get(), Some("the task's"));
}

#[test]
fn c049_debug_mode_reports_what_takes_long() {
    let seen = Rc::new(std::cell::RefCell::new(Vec::<String>::new()));
    let log = seen.clone();
    let mut runner = Runner::builder()
        .debug(true)
        .slow_poll(Duration::from_millis(2))
        .on_error(move |report| log.borrow_mut().push(report.message().to_owned()))
        .build();
    let told = |what: &str| seen.borrow().iter().any(|message| message.contains(what));
    let ended = runner.run(async {
        let block = || thread::sleep(Duration::from_millis(10));
        // The watcher samples, so it may miss one.
        while !(told("a callback has run") && told("without a pause")) {
            call_soon(block);
            spawn(async move { block() }).await;
            yield_now().await;
        }
    });
    ended.expect("nobody cancels it");
}
