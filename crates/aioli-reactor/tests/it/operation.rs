//! Operations of the kernel: what they do, and what is left when they are dropped at any stage.
//!
//! That is neither memory nor a descriptor, here or in the kernel. Where there are none the tests
//! end at once; with epoll, which has a ring beside it, and with io_uring they run.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use aioli_reactor::{LoopEnded, Operations};
use aioli_task::Runner;
use futures::executor::block_on;

use crate::drivers::{forced, run_with};
use crate::{Count, poll_once};

// As Linux numbers them, which is where there are operations.
const READ_WRITE: i32 = 2;
const CREATE_NEW: i32 = 0o300;

const LONG: Duration = Duration::from_secs(20);

fn operations() -> Option<Operations> {
    Operations::current().unwrap()
}

/// A path that is this test's own.
fn temporary(name: &str) -> std::path::PathBuf {
    let process = std::process::id();
    let driver = forced().unwrap_or_default();
    env::temp_dir().join(format!("aioli-reactor-{name}-{process}-{driver}"))
}

/// A file through which nothing comes unless it is written to: both ends of a named pipe.
fn silent(name: &str) -> Arc<File> {
    let path = temporary(name);
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let file = File::options().read(true).write(true).open(&path).unwrap();
    fs::remove_file(path).unwrap();
    Arc::new(file)
}

async fn round_trip(operations: Operations, name: &str) {
    let path = temporary(name);
    let opened = operations.open(&path, READ_WRITE | CREATE_NEW, 0o600).await;
    let file = Arc::new(opened.unwrap());
    let (written, buffer) = operations
        .write_at(file.clone(), b"hello".to_vec(), 3)
        .await;
    assert_eq!((written.unwrap(), &*buffer), (5, &b"hello"[..]));
    operations.sync(file.clone(), false).await.unwrap();
    operations.sync(file.clone(), true).await.unwrap();
    let (read, buffer) = operations.read_at(file.clone(), vec![1; 10], 0).await;
    assert_eq!((read.unwrap(), &*buffer), (8, &b"\0\0\0hello\x01\x01"[..]));
    let (read, _) = operations.read_at(file.clone(), Vec::new(), 0).await;
    assert_eq!(read.unwrap(), 0);
    let file = Arc::into_inner(file).unwrap();
    operations.close(file).await.unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_written_is_read() {
    aioli_task::run(async {
        if let Some(operations) = operations() {
            round_trip(operations, "own").await;
        }
    });
    if let Some(operations) = operations() {
        block_on(round_trip(operations, "foreign"));
    }
}

#[test]
fn errors_are_those_of_the_system() {
    let Some(operations) = operations() else {
        return;
    };
    let missing = block_on(operations.open(Path::new("/no/such/file"), 0, 0));
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    let cut = block_on(operations.open(Path::new("a\0b"), 0, 0));
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::InvalidInput);
    let unwritable = Arc::new(File::open("/dev/null").unwrap());
    let (written, buffer) = block_on(operations.write_at(unwritable, vec![7; 3], 0));
    assert!(written.is_err());
    assert_eq!(buffer, [7; 3]);
}

#[test]
fn an_operation_waits_for_what_it_reads() {
    let Some(operations) = operations() else {
        return;
    };
    let file = silent("late");
    let late = thread::spawn({
        let file = file.clone();
        move || (&*file).write_all(b"late").unwrap()
    });
    let (read, buffer) = block_on(operations.read_at(file, vec![0; 8], u64::MAX));
    assert_eq!(&buffer[..read.unwrap()], b"late");
    late.join().unwrap();
}

#[test]
fn operations_end_with_their_loop() {
    let mut runner = Runner::builder()
        .shutdown_timeout(Duration::from_millis(20))
        .on_error(|_| {})
        .build();
    let ended = runner.run(async {
        let operations = operations()?;
        let file = silent("ending");
        let mut submitted = operations.read_at(file.clone(), vec![0; 8], u64::MAX);
        let mut queued = operations.read_at(file.clone(), vec![0; 8], u64::MAX);
        let (_, waker) = Count::new();
        assert!(poll_once(&mut submitted, &waker).is_pending());
        pass(&operations).await;
        assert!(poll_once(&mut queued, &waker).is_pending());
        Some((file, submitted, queued))
    });
    drop(runner);
    let Some((file, submitted, queued)) = ended.unwrap() else {
        return;
    };
    for operation in [submitted, queued] {
        let (result, buffer) = block_on(operation);
        assert!(LoopEnded::caused(&result.unwrap_err()));
        assert_eq!(buffer, [0; 8]);
    }
    // Nobody else has the file any more, the kernel included.
    assert_eq!(Arc::strong_count(&file), 1);
}

/// Returns when what was asked for before has been handed over.
async fn pass(operations: &Operations) {
    let null = operations.open(Path::new("/dev/null"), 0, 0).await.unwrap();
    operations.close(null).await.unwrap();
}

#[test]
fn one_that_is_detached_is_carried_out_and_its_heir_hears_of_it() {
    let Some(operations) = operations() else {
        return;
    };
    let file = silent("inherited");
    let (heard, inherited) = mpsc::channel();
    for is_handed_over in [false, true] {
        let heard = heard.clone();
        let read = operations.read_at(file.clone(), vec![0; 8], u64::MAX);
        let mut read = read.detach_on_drop(move |(result, buffer)| {
            heard.send((result.unwrap(), buffer)).unwrap();
        });
        let (_, waker) = Count::new();
        assert!(poll_once(&mut read, &waker).is_pending());
        if is_handed_over {
            block_on(pass(&operations));
        }
        drop(read);
        (&*file).write_all(b"late").unwrap();
        let (n, buffer) = inherited.recv_timeout(LONG).unwrap();
        assert_eq!(&buffer[..n], b"late");
    }
    // One that has not begun is not carried out, and one that is awaited has no need of an heir.
    let unheard = |_| unreachable!("there is nothing to inherit");
    drop(operations.sync(file.clone(), true).detach_on_drop(unheard));
    let sync = operations.sync(file.clone(), true);
    block_on(sync.detach_on_drop(|_| unreachable!("it is awaited"))).unwrap_err();
    wait_until(|| Arc::strong_count(&file) == 1);
}

#[test]
fn a_loop_waits_at_its_end_for_one_that_is_detached() {
    let mut runner = Runner::new();
    let (heard, inherited) = mpsc::channel();
    let file = silent("outlived");
    let began = runner.run(async {
        let operations = operations()?;
        let read = operations.read_at(file.clone(), vec![0; 8], u64::MAX);
        let mut read = read.detach_on_drop(move |(result, _)| heard.send(result).unwrap());
        let (_, waker) = Count::new();
        assert!(poll_once(&mut read, &waker).is_pending());
        Some(())
    });
    if began.unwrap().is_none() {
        return;
    }
    let late = thread::spawn(move || (&*file).write_all(b"late").unwrap());
    drop(runner);
    assert_eq!(inherited.try_recv().unwrap().unwrap(), 4);
    late.join().unwrap();
}

#[test]
fn a_part_of_a_buffer_is_read_and_written() {
    let Some(operations) = operations() else {
        return;
    };
    let path = temporary("part");
    fs::write(&path, "").unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let file = Arc::new(file);
    fs::remove_file(path).unwrap();
    let buffer = b"one two three".to_vec();
    let (written, _) = block_on(operations.write_from(file.clone(), buffer, 4..7, 0));
    assert_eq!(written.unwrap(), 3);
    let (read, buffer) = block_on(operations.read_into(file, vec![b'.'; 6], 2..4, 0));
    assert_eq!((read.unwrap(), &*buffer), (2, &b"..tw.."[..]));
}

#[test]
fn many_are_in_flight_at_once() {
    aioli_task::run(async {
        let Some(operations) = operations() else {
            return;
        };
        let file = silent("many");
        let read = |_| operations.read_at(file.clone(), vec![0; 1], u64::MAX);
        let reads: Vec<_> = (0..100).map(read).collect();
        let mut all = futures::future::join_all(reads);
        let (_, waker) = Count::new();
        assert!(poll_once(&mut all, &waker).is_pending());
        pass(&operations).await;
        assert_eq!(operations.stats().in_flight, 100);
        (&*file).write_all(&[7; 100]).unwrap();
        for (read, buffer) in all.await {
            assert_eq!((read.unwrap(), &*buffer), (1, &[7][..]));
        }
        assert_eq!(operations.stats().in_flight, 0);
        assert!(operations.stats().most_in_flight >= 100);
    });
}

/// Which settings leave a loop without operations, and which are none.
#[test]
fn the_environment_says_who_carries_them_out() {
    const THIS: &str = "operation::the_environment_says_who_carries_them_out";
    const FILES: &str = "AIOLI_FILES";
    const EXPECTED: &str = "AIOLI_TEST_EXPECTED";
    if let Ok(expected) = env::var(EXPECTED) {
        let said = match Operations::current() {
            Ok(found) => found.is_some().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(said.starts_with(&expected), "{said}");
        return;
    }
    if forced().is_some() || env::var(FILES).is_ok_and(|files| !files.is_empty()) {
        return; // the run without a setting tries all
    }
    let allowed = Operations::current().unwrap().is_some().to_string();
    for (driver, files, expected) in [
        ("", "", &*allowed),
        ("epoll", "ring", &*allowed),
        ("", "pool", "false"),
        ("poll", "ring", "false"),
        ("epoll", "thread", "AIOLI_FILES=thread: `ring` and `pool`"),
    ] {
        let variables = [(FILES, files), (EXPECTED, expected)];
        let output = run_with(driver, &["--exact", THIS], &variables);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{driver} {files}: {text}");
    }
}

/// How far an operation gets before it is dropped.
#[derive(Debug, Clone, Copy)]
enum Stage {
    New,
    Queued,
    HandedOver,
    Completed,
}

const STAGES: [Stage; 4] = [
    Stage::New,
    Stage::Queued,
    Stage::HandedOver,
    Stage::Completed,
];

async fn drop_at<F: Future + Unpin>(operations: &Operations, stage: Stage, mut operation: F) {
    if matches!(stage, Stage::New) {
        return;
    }
    let (_, waker) = Count::new();
    assert!(poll_once(&mut operation, &waker).is_pending());
    match stage {
        Stage::New | Stage::Queued => {}
        Stage::HandedOver => pass(operations).await,
        Stage::Completed => {
            pass(operations).await;
            pass(operations).await;
        }
    }
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "it never came true");
        thread::yield_now();
    }
}

const ROUNDS: usize = 1000;
/// So large that the allocator maps it, and unmaps it when it is freed.
const BUFFER: usize = 256 * 1024;

/// Drops each operation at each stage, many times.
async fn drop_all(operations: &Operations, path: &Path) {
    let pipe = silent("counted-pipe");
    let file = Arc::new(File::options().read(true).write(true).open(path).unwrap());
    for stage in STAGES {
        // The first round leaves what stays: pools, tables.
        let mut before = None;
        for _ in 0..=ROUNDS {
            let op = operations;
            drop_at(op, stage, op.read_at(file.clone(), vec![0; BUFFER], 0)).await;
            drop_at(op, stage, op.write_at(file.clone(), vec![1; 64], 0)).await;
            drop_at(
                op,
                stage,
                op.read_at(pipe.clone(), vec![0; BUFFER], u64::MAX),
            )
            .await;
            drop_at(op, stage, op.sync(file.clone(), true)).await;
            drop_at(op, stage, op.open(path, READ_WRITE, 0)).await;
            drop_at(op, stage, op.close(File::open(path).unwrap())).await;
            before.get_or_insert_with(Held::now);
        }
        let before = before.unwrap();
        // The files are shared, so a forgotten operation would be seen here too.
        let begin = Instant::now();
        let is_settled = || {
            let counts = [&file, &pipe].map(Arc::strong_count);
            counts == [1, 1] && Held::now().is_like(&before)
        };
        while !is_settled() && begin.elapsed() < LONG {
            pass(operations).await;
        }
        assert!(is_settled(), "{stage:?}: {before:?}, now {:?}", Held::now());
    }
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    kilobytes: usize,
}

impl Held {
    fn now() -> Held {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmData:"));
        let words = line.unwrap().split_whitespace();
        Held {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            kilobytes: words.flat_map(str::parse).next().unwrap(),
        }
    }

    /// A leak of one buffer in twenty rounds would be seen.
    fn is_like(&self, before: &Held) -> bool {
        let slack = ROUNDS / 20 * BUFFER / 1024;
        self.descriptors <= before.descriptors && self.kilobytes <= before.kilobytes + slack
    }
}

#[test]
fn a_dropped_operation_leaks_neither_memory_nor_descriptors() {
    const THIS: &str = "operation::a_dropped_operation_leaks_neither_memory_nor_descriptors";
    /// Set in the process that counts.
    const COUNTING: &str = "AIOLI_TEST_COUNTING";
    let Some(operations) = operations() else {
        return;
    };
    if env::var_os(COUNTING).is_none() {
        let driver = aioli_reactor::driver_kind().unwrap().to_string();
        let output = run_with(
            &driver,
            &["--exact", THIS, "--nocapture"],
            &[(COUNTING, "1")],
        );
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        return;
    }
    let path = temporary("counted");
    fs::write(&path, [5; 64]).unwrap();
    block_on(drop_all(&operations, &path));
    aioli_task::run(async {
        let operations = super::operation::operations().unwrap();
        drop_all(&operations, &path).await;
    });
    fs::remove_file(path).unwrap();
}
