//! The blocking pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use aioli_task::{ContextVar, Runner, is_abandoned, run, spawn, to_thread, yield_now};
use futures::future::join_all;

static NAME: ContextVar<&str> = ContextVar::new();

#[test]
fn a_job_runs_elsewhere_and_sees_the_context() {
    run(async {
        NAME.set("ann");
        let here = std::thread::current().id();
        let (there, name) = to_thread(|| (std::thread::current().id(), NAME.get())).await;
        assert_ne!(here, there);
        assert_eq!(name, Some("ann"));
    });
}

#[test]
fn a_panic_of_the_job_resumes_in_the_awaiter() {
    run(async {
        let task = spawn(to_thread(|| panic!("in the job")));
        let stop = task.outcome().await.unwrap_err();
        assert_eq!(stop.to_string(), "panicked: in the job");
    });
}

#[test]
fn an_abandoned_job_learns_of_it_and_its_result_is_dropped() {
    run(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        let (release, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let job = to_thread(move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
            tell.send(is_abandoned()).unwrap();
        });
        has_started.await.unwrap();
        drop(job);
        release.send(()).unwrap();
        assert!(to_thread(move || told.recv().unwrap()).await);
    });
}

#[test]
fn many_jobs_share_the_pool_and_all_end() {
    run(async {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let jobs = (0..200).map(|n| {
            let (running, most) = (running.clone(), most.clone());
            to_thread(move || {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                n
            })
        });
        let values = join_all(jobs).await;
        assert_eq!(values, (0..200).collect::<Vec<_>>());
        let cores = std::thread::available_parallelism().unwrap().get();
        assert!(most.load(Ordering::SeqCst) <= (cores + 4).min(32));
    });
}

#[test]
fn no_job_waits_for_a_worker_that_nobody_woke() {
    // A worker that is not woken looks by itself when it has been idle for ten seconds.
    let soon = std::time::Duration::from_secs(8);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..200 {
                    let begin = std::time::Instant::now();
                    let jobs = (0..(thread + round) % 12).map(|n| to_thread(move || n));
                    futures::executor::block_on(join_all(jobs));
                    assert!(begin.elapsed() < soon, "round {round}");
                }
            });
        }
    });
}

#[test]
fn a_virtual_clock_stands_still_while_a_job_runs() {
    let mut runner = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .build();
    let value = runner.run(async {
        // Would be taken for a deadlock if the job did not hold the clock.
        let (go, wait) = mpsc::channel::<()>();
        let job = spawn(to_thread(move || wait.recv().is_ok()));
        yield_now().await;
        go.send(()).unwrap();
        job.await
    });
    assert!(value.unwrap());
}
