//! What scopes, combinators and their clean-up do, by event.
//!
//! Everything but the foreign executors runs on the virtual clock. Where order does not matter, a
//! case runs in FIFO order and in several shuffled ones.

mod auto_traits;
mod cancel;
mod cancel_scope;
mod drops;
mod everywhere;
mod everywhere_more;
mod foreign;
mod gather;
mod generator;
mod group;
mod group_end;
mod holes;
mod planted;
mod promise;
mod race;
mod scope_model;
mod timeout;
mod wait;
mod wide;

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use aioli_flow::AsyncClose;
use aioli_task::{Cancelled, Runner, RunnerBuilder, catch};
use aioli_time::sleep;

/// A runner on the virtual clock; a program that hangs panics.
fn virtual_clock() -> RunnerBuilder {
    Runner::builder().virtual_clock().panic_when_idle(true)
}

/// Runs `main` in FIFO order.
#[track_caller]
fn run<F: Future>(main: F) -> F::Output {
    virtual_clock()
        .build()
        .run(main)
        .expect("main is not stopped")
}

/// Runs `main` in FIFO order and in five shuffled ones; all give the same result.
#[track_caller]
fn run_any_order<F: Future<Output: PartialEq + Debug>>(main: impl Fn() -> F) -> F::Output {
    let expected = run(main());
    for seed in 1..=5 {
        let mut runner = virtual_clock().shuffle(seed).build();
        let result = runner.run(main()).expect("main is not stopped");
        assert_eq!(result, expected, "with seed {seed}");
    }
    expected
}

/// A log that tasks share.
#[derive(Clone, Default, Debug)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn put(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    /// All entries so far, separated by commas.
    fn all(&self) -> String {
        self.0.borrow().join(",")
    }
}

/// Runs a case in FIFO order, and checks its log and its result.
#[track_caller]
fn check<F: Future<Output: Debug>>(body: impl Fn(Log) -> F, log: &str, result: &str) {
    let seen = Log::default();
    let out = run(body(seen.clone()));
    assert_eq!(
        (seen.all().as_str(), format!("{out:?}").as_str()),
        (log, result)
    );
}

/// Logs its clean-up, which takes half a second.
struct Conn(Log);

impl AsyncClose for Conn {
    async fn aclose(self) {
        self.0.put("closing");
        sleep(0.5).await;
        self.0.put("closed");
    }
}

/// Whether a future was cancelled: `catch` without the value of the cancellation.
async fn caught<F: Future>(f: F) -> Result<F::Output, &'static str> {
    catch(f).await.map_err(|_: Cancelled| "cancelled")
}

/// Seconds on the loop's clock, with one digit.
fn at() -> String {
    format!("{:.1}", aioli_task::time())
}

/// Lets what is ready run, for so many passes.
async fn passes(n: usize) {
    for _ in 0..n {
        sleep(0).await;
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
