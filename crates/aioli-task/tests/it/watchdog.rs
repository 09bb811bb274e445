//! Polls that last too long are told of, with their place in the source.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use aioli_task::{Report, Runner, RunnerBuilder, call_soon, spawn, yield_now};

/// Runs `block` until a report has come that says `what`, and returns it.
///
/// On a machine that has much else to do other polls last as long, and are told of too.
fn report_of(what: &str, builder: RunnerBuilder, block: impl Fn() + Copy + 'static) -> Report {
    let seen = Rc::new(RefCell::new(Vec::<Report>::new()));
    let log = seen.clone();
    let builder = builder.on_error(move |report| log.borrow_mut().push(report.clone()));
    let mut runner = builder.build();
    let find = || {
        let seen = seen.borrow();
        let mut found = seen.iter().filter(|report| report.message().contains(what));
        found.next().cloned()
    };
    let report = runner.run(async {
        let begin = Instant::now();
        loop {
            if let Some(report) = find() {
                return report;
            }
            block();
            yield_now().await;
            let in_time = begin.elapsed() < Duration::from_secs(60);
            assert!(in_time, "nobody told, but {seen:?}");
        }
    });
    report.unwrap()
}

fn watched() -> RunnerBuilder {
    Runner::builder().slow_poll(Duration::from_millis(5))
}

#[test]
fn a_slow_poll_is_told_of_with_its_place() {
    let what = "its future is it::watchdog::a_slow_poll_is_told_of";
    let report = report_of(what, watched(), || {
        drop(spawn(async { sleep(Duration::from_millis(20)) }));
    });
    assert!(
        report.message().contains("has run without a pause"),
        "{report}"
    );
    let location = report.location().unwrap();
    assert!(location.file().ends_with("watchdog.rs"), "{report}");
    assert!(report.task_name().unwrap().starts_with("Task-"));
}

#[test]
fn a_slow_callback_is_told_of() {
    let report = report_of("a callback has run", watched(), || {
        call_soon(|| sleep(Duration::from_millis(20)));
    });
    assert!(report.message().contains("without a pause"), "{report}");
    assert_eq!(report.location(), None);
}

#[test]
fn debug_mode_watches_with_a_tenth_of_a_second() {
    let what = "its future is it::watchdog::debug_mode_watches";
    let report = report_of(what, Runner::builder().debug(true), || {
        drop(spawn(async { sleep(Duration::from_millis(150)) }));
    });
    assert!(report.message().contains("a task has run"), "{report}");
}

#[test]
fn what_is_quick_is_not_told_of() {
    let seen = Rc::new(RefCell::new(0));
    let log = seen.clone();
    let builder = Runner::builder().slow_poll(3600);
    let mut runner = builder.on_error(move |_| *log.borrow_mut() += 1).build();
    runner
        .run(async {
            for _ in 0..10_000 {
                yield_now().await;
            }
        })
        .unwrap();
    assert_eq!(*seen.borrow(), 0);
}
