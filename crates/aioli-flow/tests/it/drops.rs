//! What is left to the loop when foreign code drops a scope half-way.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use aioli_flow::{AsyncClose, Stack, TaskGroup, TryClose, finally, generator, try_with, with};
use aioli_task::{Stop, spawn, testing, yield_now};
use aioli_time::sleep;
use futures::future::select;

use crate::{Conn, Log, at, caught, check, run, virtual_clock};

#[test]
fn a_resource_dropped_in_its_body_is_closed_by_the_loop() {
    let body = |log: Log| async move {
        let user = with(Conn(log.clone()), async |_| sleep(9).await);
        select(pin!(user), pin!(sleep(1))).await;
        log.put("select over");
        sleep(9).await;
    };
    // `select` gives the loser back: it is dropped at the end of that statement.
    check(body, "select over,closing,closed", "()");
}

#[test]
fn a_closing_dropped_half_way_is_finished_by_the_loop() {
    let body = |log: Log| async move {
        {
            let user = with(Conn(log.clone()), async |_| ());
            select(pin!(user), pin!(sleep(0.1))).await;
            log.put("select over");
        }
        sleep(9).await;
    };
    check(body, "closing,select over,closed", "()");
}

#[test]
fn the_end_of_run_waits_for_what_was_left_to_it() {
    let body = |log: Log| async move {
        drop(with(Conn(log), async |_| ()));
        assert_eq!(testing::counts().orphans, 1);
    };
    check(body, "closing,closed", "()");
}

#[test]
fn a_raw_drop_of_the_task_leaves_its_resources_to_the_loop() {
    let body = |log: Log| async move {
        let task = spawn(with(Conn(log.clone()), async |_| sleep(9).await));
        yield_now().await;
        assert!(testing::drop_future(&task.handle()));
        log.put("dropped");
        sleep(9).await;
        task.outcome().await.is_err()
    };
    check(body, "dropped,closing,closed", "true");
}

#[test]
fn a_request_that_meets_a_closing_waits_for_it() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            with(Conn(own.clone()), async |_| sleep(1).await).await;
            own.put("no suspension since");
            sleep(1).await;
            own.put("never");
        });
        sleep(1.2).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(
        body,
        "closing,closed,no suspension since",
        "(Err(\"cancelled\"), \"1.5\")",
    );
}

#[test]
fn a_panic_of_the_body_closes_first() {
    let body = |log: Log| async move {
        let user = with(Conn(log), async |_| {
            sleep(1).await;
            std::panic::panic_any("planned")
        });
        match spawn(user).outcome().await {
            Err(Stop::Panicked(panic)) => panic.message().to_owned(),
            _ => unreachable!("it panics"),
        }
    };
    check(body, "closing,closed", "\"planned\"");
}

#[test]
fn a_panic_in_a_drop_of_the_body_closes_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any("in drop")
        }
    }
    let body = |log: Log| async move {
        let task = spawn(with(Conn(log), async |_| {
            let _bomb = Bomb;
            sleep(9).await;
        }));
        sleep(1).await;
        task.cancel();
        match task.outcome().await {
            Err(Stop::Panicked(panic)) => panic.message().to_owned(),
            _ => unreachable!("it panics"),
        }
    };
    check(body, "closing,closed", "\"in drop\"");
}

#[test]
fn a_lost_borrowing_clean_up_is_reported_in_debug_mode() {
    for (debug, expected) in [(false, 0), (true, 1)] {
        let reports = Rc::new(RefCell::new(Vec::new()));
        let seen = reports.clone();
        let on_error =
            move |report: &aioli_task::Report| seen.borrow_mut().push(report.to_string());
        let mut runner = virtual_clock().debug(debug).on_error(on_error).build();
        let out = runner.run(async {
            drop(finally(sleep(9), async {})); // It has not begun.
            assert!(futures::poll!(pin!(finally(sleep(9), async {}))).is_pending());
            finally(sleep(1), async {}).await;
        });
        out.expect("main is not stopped");
        let lost = reports
            .borrow()
            .iter()
            .filter(|report| report.contains("finally"))
            .count();
        assert_eq!(lost, expected, "{reports:?}");
    }
}

#[test]
fn a_stack_closes_in_the_reverse_order_on_every_way_out() {
    struct Part(Log, u32);
    impl AsyncClose for Part {
        async fn aclose(self) {
            sleep(1).await;
            self.0.put(format!("{}", self.1));
        }
    }
    fn fill(stack: &mut Stack, log: &Log) {
        let first = stack.push(Part(log.clone(), 1));
        stack.push(Part(log.clone(), 2));
        let own = log.clone();
        stack.defer(async move { own.put("deferred") });
        stack[&first].1 = 7;
        assert_eq!((stack[&first].1, stack.len()), (7, 3));
    }
    let body = |log: Log| async move {
        with(Stack::new(), async |stack| fill(stack, &log)).await;
        let own = log.clone();
        let task = spawn(with(Stack::new(), async move |stack: &mut Stack| {
            fill(stack, &own);
            sleep(9).await;
        }));
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        let mut stack = Stack::new();
        fill(&mut stack, &log);
        let all = stack.pop_all();
        assert!(stack.is_empty());
        drop((stack, all));
        (out, at())
    };
    let log = "deferred,2,7,deferred,2,7,deferred,2,7";
    check(body, log, "(Err(\"cancelled\"), \"5.0\")");
}

#[test]
fn a_failure_of_closing_is_told() {
    struct Disk(Log);
    impl TryClose for Disk {
        type Error = &'static str;
        async fn try_close(self) -> Result<(), &'static str> {
            sleep(1).await;
            self.0.put("closed");
            Err("full")
        }
    }
    let body = |log: Log| async move {
        let out = try_with(Disk(log.clone()), async |_| 7).await;
        let task = spawn(try_with(Disk(log.clone()), async |_| sleep(9).await));
        sleep(1).await;
        task.cancel();
        let cancelled = caught(task).await.is_err();
        drop(try_with(Disk(log), async |_| ()));
        (out, cancelled, at())
    };
    check(
        body,
        "closed,closed,closed",
        "(Err(\"full\"), true, \"3.0\")",
    );
}

#[test]
fn with_gives_the_value_of_its_body_which_may_borrow() {
    run(async {
        let log = Log::default();
        let text = String::from("borrowed");
        let length = with(Conn(log.clone()), async |conn| {
            conn.0.put("used");
            text.len()
        })
        .await;
        assert_eq!((length, log.all().as_str()), (8, "used,closing,closed"));
    });
}

/// Debug mode reports each clean-up that is left to the loop, with the place where the guard was
/// made: whoever reads it looks for that line.
#[test]
fn a_report_of_what_is_left_to_the_loop_names_where_the_guard_was_made() {
    let places = Rc::new(RefCell::new(Vec::new()));
    let seen = places.clone();
    let mut runner = virtual_clock()
        .debug(true)
        .on_error(move |report| {
            let place = report.location().expect("a clean-up has a place");
            seen.borrow_mut().push((place.file(), place.line()));
        })
        .build();
    let main = async {
        let log = Log::default();
        let first = line!() + 1;
        drop(with(Conn(log.clone()), async |_| ()));
        let mut stack = Stack::new();
        let mut items = generator(async |y| y.put(1).await);
        let group = TaskGroup::scope(async |tg| {
            tg.spawn(sleep(1));
            sleep(9).await;
            Ok(())
        });
        assert_eq!(items.next().await, Some(1));
        stack.push(Conn(log));
        select(Box::pin(group), pin!(sleep(0.5))).await;
        drop(items);
        drop(stack);
        sleep(1).await;
        first
    };
    let first = runner.run(main).expect("main is not stopped");
    drop(runner);
    let lines = [0, 3, 2, 1].map(|after| (file!(), first + after));
    assert_eq!(*places.borrow(), lines);
}
