//! Without a loop of ours on the thread: under tokio, smol and `futures::executor`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_task::Runner;
use aioli_time::{MissedTicks, Sleep, interval, sleep, sleep_until};
use futures::future::join_all;

use crate::{bell, ms};

/// Sleeps and ticks for 20 ms at least; true when nothing ended early.
async fn scenario() -> bool {
    let begin = Instant::now();
    sleep(ms(5)).await;
    sleep(0).await;
    sleep_until(Instant::now() + ms(5)).await;
    let slept = begin.elapsed() >= ms(10);
    let mut ticks = interval(ms(5)).missed_ticks(MissedTicks::Burst);
    for _ in 0..3 {
        ticks.next().await;
    }
    join_all((0..100).map(|n| sleep(Duration::from_micros(n)))).await;
    slept && begin.elapsed() >= ms(20)
}

#[test]
fn under_tokio_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build();
    let runtime = runtime.expect("tokio starts");
    let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(scenario())).collect();
    for task in tasks {
        assert!(runtime.block_on(task).expect("the task does not panic"));
    }
}

#[test]
fn under_smol() {
    assert!(smol::block_on(smol::spawn(scenario())));
}

#[test]
fn under_the_futures_executor() {
    assert!(futures::executor::block_on(scenario()));
}

#[test]
fn an_earlier_deadline_wakes_the_background_loop() {
    futures::executor::block_on(async {
        let mut far = Box::pin(sleep(3600));
        assert!(futures::poll!(far.as_mut()).is_pending());
        let begin = Instant::now();
        sleep(ms(5)).await;
        assert!(begin.elapsed() < Duration::from_secs(60));
    });
}

#[test]
fn a_sleep_whose_loop_has_ended_goes_on_where_it_is_polled() {
    let (waker, rung) = bell();
    let mut cx = Context::from_waker(&waker);
    let mut nap: Sleep = sleep(3600);
    let mut runner = Runner::builder().virtual_clock().build();
    runner
        .run(async {
            assert!(Pin::new(&mut nap).poll(&mut cx).is_pending());
            sleep(3600.0 - 0.02).await;
        })
        .expect("main is not stopped");
    drop(runner);
    rung.recv_timeout(Duration::from_secs(60))
        .expect("the end of the loop wakes the sleep");
    let begin = Instant::now();
    assert!(
        Pin::new(&mut nap).poll(&mut cx).is_pending(),
        "20 ms are left"
    );
    rung.recv_timeout(Duration::from_secs(60))
        .expect("the background loop wakes the sleep");
    assert!(begin.elapsed() >= ms(20));
    assert_eq!(Pin::new(&mut nap).poll(&mut cx), Poll::Ready(()));
}

#[test]
fn a_sleep_that_began_here_may_be_polled_and_dropped_on_another_thread() {
    let mut runner = Runner::new();
    let done = runner.run(async {
        let mut nap = sleep(ms(20));
        assert!(futures::poll!(&mut nap).is_pending());
        let on_thread = std::thread::spawn(move || futures::executor::block_on(nap));
        sleep(ms(30)).await;
        on_thread.join().is_ok()
    });
    assert!(done.expect("main is not stopped"));
}
