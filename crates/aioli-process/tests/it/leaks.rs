//! Each operation dropped at each stage, a thousand times: nothing is left.
//!
//! That is: no process, no descriptor and no byte.
//!
//! Alone in a process, since these are counted, and with each driver.

use crate::{cancel::n_children, poll_once};
use aioli_flow::AsyncClose;
use aioli_process::{Command, Process, SIGUSR2, Stdio, signals};
use aioli_tally::Holdings;
use std::{
    env,
    pin::pin,
    time::{Duration, Instant},
};

const TIMES: usize = 1000;
/// The most polls before the drop.
const STAGES: usize = 4;
/// What tables and slabs may have grown by; the smallest object that is lost each time is more.
const BYTES_MAX: isize = 15 * TIMES as isize;
const LONG: Duration = Duration::from_secs(20);

/// Polls up to `stage` times, with passes of the loop between, and drops it.
async fn drop_at<F: Future>(stage: usize, future: F) {
    aioli_tally::drop_at(stage, future, async || aioli_task::yield_now().await).await;
}

/// Lets the loop and the pool go on with what nobody waits for. Returns whether it has settled.
async fn settle(is_settled: impl Fn() -> bool) -> bool {
    let end = Instant::now() + LONG;
    while !is_settled() {
        if Instant::now() >= end {
            return false;
        }
        aioli_task::to_thread(|| ()).await;
        aioli_task::yield_now().await;
    }
    true
}

/// Runs `operation` to each stage, again and again, and counts what is left.
async fn check(what: &str, n_others: usize, mut operation: impl AsyncFnMut(usize)) {
    let is_alone = || n_children("") == n_others;
    let mut run = async |times: usize| {
        for time in 0..times {
            operation(time % STAGES).await;
            if time % 16 == 15 {
                settle(is_alone).await;
            }
        }
        settle(is_alone).await;
    };
    // What is there once for all.
    run(64).await;
    let before = Holdings::now();
    run(TIMES).await;
    // One that was dropped while a thread started it is there, and gone, later than the others.
    if !settle(|| is_alone() && before.check(what, BYTES_MAX).is_ok()).await {
        let left = before.check(what, BYTES_MAX);
        panic!("{what}: {} processes, {left:?}", n_children(""));
    }
}

#[test]
fn an_operation_that_is_dropped_leaves_nothing() {
    const TEST: &str = "leaks::an_operation_that_is_dropped_leaves_nothing";
    const CHILD: &str = "AIOLI_TEST_LEAKS";
    const DRIVER: &str = "AIOLI_DRIVER";
    if env::var_os(CHILD).is_some() {
        aioli_task::run(async {
            // The loop's poller is made when something first waits for it, which a process that is
            // dropped may not do.
            Command::new("cat").output().await.unwrap();
            Box::pin(starting()).await;
            Box::pin(running()).await;
        });
        return;
    }
    let forced = env::var(DRIVER).ok().filter(|it| !it.is_empty());
    let drivers = forced.map_or(vec!["epoll".into(), "uring".into(), "poll".into()], |it| {
        vec![it]
    });
    for driver in drivers {
        let mut child = std::process::Command::new(env::current_exe().unwrap());
        child.args(["--exact", TEST, "--nocapture"]).env(CHILD, "");
        let output = child.env(DRIVER, &driver).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        // The system may refuse a driver, which is then no driver to count with.
        let is_refused = text.contains(&format!("{DRIVER}={driver}: "));
        assert!(output.status.success() || is_refused, "{driver}: {text}");
    }
}

async fn sleeper() -> Process {
    let command = Command::new("sleep").arg("1000");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().await.unwrap()
}

/// What has a process of its own each time.
async fn starting() {
    check("spawn", 0, async |stage| drop_at(stage, sleeper()).await).await;
    check("status", 0, async |stage| {
        drop_at(stage, Command::new("true").status()).await;
    })
    .await;
    check("output", 0, async |stage| {
        drop_at(stage, Command::new("true").output()).await;
    })
    .await;
    check("communicate", 0, async |stage| {
        let mut process = sleeper().await;
        drop_at(stage, process.communicate(vec![0; 1_000_000])).await;
    })
    .await;
    check("aclose", 0, async |stage| {
        let process = sleeper().await;
        drop_at(stage, process.aclose()).await;
    })
    .await;
}

/// What may be asked of one process again and again, and of none.
async fn running() {
    let mut process = sleeper().await;
    let (mut stdin, mut stdout) = (process.stdin.take(), process.stdout.take());
    let (stdin, stdout) = (stdin.as_mut().unwrap(), stdout.as_mut().unwrap());
    check("wait", 1, async |stage| {
        drop_at(stage, process.wait()).await;
    })
    .await;
    check("read", 1, async |stage| {
        drop_at(stage, stdout.read(&mut [0; 16])).await;
        drop_at(stage, stdout.read_to_end()).await;
    })
    .await;
    // Until the pipe is full it is written to.
    while poll_once(pin!(stdin.write(&[0; 65536]))).is_ready() {}
    check("write", 1, async |stage| {
        drop_at(stage, stdin.write(&[0; 16])).await;
    })
    .await;
    check("signals", 1, async |stage| {
        let mut arrivals = signals([SIGUSR2]).unwrap();
        drop_at(stage, arrivals.next()).await;
    })
    .await;
}
