//! `call_later` and `call_at`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aioli_task::driver::Home;
use aioli_task::{ContextVar, now, spawn, yield_now};
use aioli_time::{call_at, call_later, sleep, stats};

use crate::{Log, run};

fn put(log: &Log, entry: &'static str) -> impl FnOnce() + 'static {
    let log = log.clone();
    move || log.put(entry)
}

#[test]
fn equal_deadlines_run_in_the_order_of_setting_and_cancelled_ones_never() {
    let log = Log::default();
    run(async {
        let begin = now();
        call_later(0.05, put(&log, "first"));
        let cancelled = call_later(0.05, put(&log, "cancelled"));
        let far = call_later(1000, put(&log, "far"));
        call_at(begin + Duration::from_millis(50), put(&log, "last"));
        assert!(cancelled.is_pending());
        assert!(cancelled.cancel());
        assert!(!cancelled.cancel());
        assert!(!cancelled.is_pending());
        sleep(0.1).await;
        assert_eq!(far.when(), Some(begin + Duration::from_secs(1000)));
        assert!(far.is_pending());
    });
    log.check(&["\"first\"", "\"last\""]);
}

#[test]
fn callbacks_and_sleeping_tasks_are_due_in_one_order() {
    let log = Log::default();
    run(async {
        call_later(1, put(&log, "callback 1"));
        let task = spawn({
            let log = log.clone();
            async move {
                sleep(1).await;
                log.put("task");
            }
        });
        yield_now().await;
        call_later(1, put(&log, "callback 2"));
        task.await;
        yield_now().await;
    });
    log.check(&["\"callback 1\"", "\"task\"", "\"callback 2\""]);
}

#[test]
fn a_callback_can_be_taken_back_after_its_timer_fired() {
    let log = Log::default();
    run(async {
        let slot = Rc::new(Cell::new(None::<aioli_time::TimerHandle>));
        let (inner, own) = (slot.clone(), log.clone());
        call_later(1, move || {
            own.put("first");
            let next = inner.take().expect("the handle was put there");
            assert!(next.cancel());
        });
        slot.set(Some(call_later(1, put(&log, "second"))));
        sleep(2).await;
    });
    log.check(&["\"first\""]);
}

#[test]
fn a_callback_of_the_past_or_of_no_delay_runs_in_the_next_pass() {
    let log = Log::default();
    run(async {
        sleep(1).await;
        call_later(0, put(&log, "now"));
        call_at(now() - Duration::from_secs(1), put(&log, "past"));
        log.check(&[]);
        yield_now().await;
        yield_now().await;
    });
    // The past comes before now.
    log.check(&["\"past\"", "\"now\""]);
}

#[test]
fn a_callback_that_is_never_due_needs_no_timer() {
    run(async {
        let never = call_later(f64::INFINITY, || unreachable!("never"));
        assert_eq!((never.when(), stats().pending), (None, 0));
        assert!(never.cancel());
    });
}

#[test]
fn what_is_left_is_dropped_when_the_loop_ends() {
    struct Dropped(Log);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.put("dropped");
        }
    }
    let log = Log::default();
    let handle = run(async {
        let guard = Dropped(log.clone());
        call_later(1000, move || {
            let _guard = guard;
            unreachable!("the loop ends before");
        })
    });
    log.check(&["\"dropped\""]);
    drop(handle);
}

#[test]
fn cancelling_drops_the_callback_and_removes_the_timer() {
    run(async {
        let shared = Rc::new(());
        let own = shared.clone();
        let handle = call_later(5, move || drop(own));
        assert_eq!((Rc::strong_count(&shared), stats().pending), (2, 1));
        handle.cancel();
        assert_eq!((Rc::strong_count(&shared), stats().pending), (1, 0));
    });
}

#[test]
fn a_callback_is_cancelled_from_another_thread() {
    run(async {
        let handle = call_later(5, || unreachable!("cancelled"));
        let handle = std::thread::spawn(move || {
            assert!(handle.cancel());
            handle
        });
        let handle = handle.join().expect("the thread does not panic");
        assert!(!handle.is_pending());
        sleep(6).await;
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn there_must_be_a_loop() {
    let refused = std::thread::spawn(|| std::panic::catch_unwind(|| call_later(1, || ())).is_err());
    assert!(refused.join().expect("the panic is caught"));
}

#[test]
fn a_callback_sees_the_context_it_was_set_in() {
    static USER: ContextVar<u32> = ContextVar::new();
    let log = Log::default();
    run(async {
        USER.set(1);
        let own = log.clone();
        call_later(1, move || own.put(USER.get()));
        USER.set(2);
        sleep(2).await;
        assert_eq!(USER.get(), Some(2));
    });
    log.check(&["Some(1)"]);
}

#[test]
fn a_callback_that_is_set_while_the_loop_ends_is_dropped() {
    /// Sets a callback that holds the value, when the loop drops its slots.
    struct Late(Arc<()>);
    impl Drop for Late {
        fn drop(&mut self) {
            let held = self.0.clone();
            call_later(1, move || drop(held));
        }
    }
    let held = Arc::new(());
    run(async {
        let _late = Home::current().slot(|| Late(held.clone()));
        sleep(1).await;
    });
    assert_eq!(Arc::strong_count(&held), 1);
}
