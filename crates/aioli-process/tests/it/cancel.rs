//! Dropped and cancelled: no process and no descriptor is left behind.

use aioli_flow::{AsyncClose, timeout, with};
use aioli_process::{Command, Error, Process, SIGTERM, Stdio, shell};
use aioli_task::catch;
use futures::StreamExt;
use std::{
    cell::Cell,
    path::Path,
    pin::pin,
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

async fn sleeper() -> Process {
    let command = Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command.spawn().await.unwrap()
}

/// How many children this process has, zombies too, whose command line has `mark` in it. That of a
/// zombie is empty.
pub(crate) fn n_children(mark: &str) -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let (_, fields) = stat.rsplit_once(')')?;
            let parent = fields.split_whitespace().nth(1)?;
            let command = std::fs::read_to_string(path.join("cmdline")).ok()?;
            (parent == own && command.contains(mark)).then_some(())
        })
        .count()
}

#[test]
fn c321_close_kill_running_and_dont_kill_finished() {
    crate::block_on(async {
        let process = sleeper().await;
        let id = process.id();
        assert!(crate::exists(id));
        drop(process);
        crate::eventually(|| !crate::exists(id));

        let process = Command::new("true").spawn().await.unwrap();
        process.wait().await.unwrap();
        assert!(!crate::exists(process.id()), "it is reaped");
        drop(process);
    });
}

#[test]
fn a_process_that_ended_unnoticed_is_reaped_by_the_drop() {
    crate::block_on(async {
        let mut process = shell("exit 0")
            .stdout(Stdio::piped())
            .spawn()
            .await
            .unwrap();
        let id = process.id();
        // Its end of output, so it is ending; it stays a zombie until somebody asks.
        process.stdout.take().unwrap().read_to_end().await.unwrap();
        assert!(crate::exists(id));
        drop(process);
        crate::eventually(|| !crate::exists(id));
    });
}

#[test]
fn c320_cancel_spawn() {
    crate::block_on(async {
        for _ in 0..50 {
            let command = Command::new("sleep").arg("1000.320");
            drop(crate::poll_once(pin!(command.spawn())));
        }
        // The jobs that were running are the last to end.
        Command::new("true").status().await.unwrap();
        crate::eventually(|| n_children("1000.320") == 0);
    });
}

#[test]
fn no_zombies_and_no_descriptors_after_many_processes() {
    // Other tests have processes and descriptors of their own, so it is done in a child.
    const CHILD: &str = "AIOLI_PROCESS_ALONE";
    if std::env::var_os(CHILD).is_none() {
        let name = "cancel::no_zombies_and_no_descriptors_after_many_processes";
        let test = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]);
        crate::block_on(test.env(CHILD, "1").run()).unwrap();
        return;
    }
    let n_descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Those of processes: pipes, and what their end is seen by.
    let n_theirs = || {
        let all = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        let names = links.map(|link| link.to_string_lossy().into_owned());
        let theirs = |name: &String| name.starts_with("pipe:") || name.contains("pidfd");
        names.filter(theirs).count()
    };
    let own = n_theirs();
    let round = || {
        crate::block_on(async {
            let all = (0..10).map(async |i| {
                let mut process = sleeper().await;
                match i % 5 {
                    0 => drop(process),
                    1 => process.aclose().await,
                    2 => drop(crate::poll_once(pin!(process.communicate("x")))),
                    3 => drop(crate::poll_once(pin!(process.wait()))),
                    _ => drop(shell("echo text; exit 1").run().await),
                }
            });
            futures::future::join_all(all).await;
        });
        // The reactor may hold on to what it has yet to stop watching, after all have ended.
        crate::eventually(|| n_children("") == 0 && n_theirs() == own);
    };
    round();
    let before = n_descriptors();
    for _ in 0..10 {
        round();
    }
    assert_eq!(n_descriptors(), before);
}

#[test]
fn closing_asks_first() {
    aioli_task::run(async {
        let process = sleeper().await;
        let id = process.id();
        process.aclose().await;
        assert!(!crate::exists(id), "it is reaped when closing is done");
    });
}

/// A process that has told that it ignores the request to end.
async fn stubborn() -> Process {
    let line = "trap '' TERM; echo ready; exec sleep 1000";
    let command = shell(line)
        .stdout(Stdio::piped())
        .grace(Duration::from_millis(50));
    let mut process = command.spawn().await.unwrap();
    let mut ready = [0; 6];
    process
        .stdout
        .as_mut()
        .unwrap()
        .read(&mut ready)
        .await
        .unwrap();
    assert_eq!(&ready, b"ready\n");
    process
}

#[test]
fn c329_terminate_is_ignored_then_kill() {
    aioli_task::run(async {
        let process = stubborn().await;
        let id = process.id();
        process.aclose().await;
        assert!(!crate::exists(id));
    });
}

#[test]
fn c327_cancellation_doesnt_orphan_the_process() {
    aioli_task::run(async {
        let process = sleeper().await;
        let id = process.id();
        let body = with(process, async |process| process.wait().await);
        assert!(timeout(Duration::from_millis(20), body).await.is_err());
        assert!(!crate::exists(id));
    });
}

/// Waits until a process has written this file.
async fn until_written(path: &Path, text: &str) {
    while std::fs::read(path).unwrap_or_default() != text.as_bytes() {
        aioli_task::yield_now().await;
    }
}

#[test]
fn a_cancelled_run_asks_the_process_to_end_and_waits_for_it() {
    aioli_task::run(async {
        let path = std::env::temp_dir().join(format!("aioli-run-{}", std::process::id()));
        let name = path.display();
        let line = format!("trap 'echo bye >{name}; exit' TERM; echo up >{name}; read forever");
        let (input, _held) = std::io::pipe().unwrap();
        let input = std::fs::File::from(std::os::fd::OwnedFd::from(input));
        let command = shell(line).stdin(input);
        loop {
            let own = command.clone();
            let task = aioli_task::spawn(async move { own.output().await });
            until_written(&path, "up\n").await;
            assert!(task.stop().await.is_none());
            // The request may have come while the command was still starting, which kills.
            if std::fs::read(&path).unwrap() == b"bye\n" {
                break;
            }
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::remove_file(path).unwrap();
    });
}

/// Calls `attempt` with a pause, and with longer ones until it says that the process had started
/// by then: a request to cancel that comes before drops the start, and nobody is asked anything.
async fn with_longer_pauses(mut attempt: impl AsyncFnMut(Duration) -> bool) {
    let mut pause = Duration::from_millis(100);
    while !attempt(pause).await {
        pause *= 2;
        assert!(pause < Duration::from_secs(60), "it does not start");
    }
}

#[test]
fn c328_custom_deliver_cancel() {
    aioli_task::run(with_longer_pauses(async |pause| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let noted = log.clone();
        let command = Command::new("sleep").arg("1000");
        let command = command.deliver_cancel(move |process| {
            let noted = noted.clone();
            async move {
                noted.lock().unwrap().push(process.id());
                // Shielded: the second request does not end this before the process has ended.
                aioli_time::sleep(Duration::from_millis(50)).await;
                process.terminate().unwrap();
                noted.lock().unwrap().push(0);
                // Cancelled when the process has ended.
                let late = catch(aioli_time::sleep(Duration::from_secs(1000))).await;
                noted.lock().unwrap().push(1);
                late.unwrap_err().raise().await;
            }
        });
        let task = aioli_task::spawn(async move { command.status().await });
        let began = Instant::now();
        aioli_time::sleep(pause).await;
        task.cancel();
        aioli_time::sleep(Duration::from_millis(10)).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert!(began.elapsed() < Duration::from_secs(100));
        let log = log.lock().unwrap().clone();
        if log.is_empty() {
            return false;
        }
        assert_eq!(log[1..], [0, 1]);
        assert!(!crate::exists(log[0]), "it is reaped");
        true
    }));
}

#[test]
fn a_delivery_that_returns_leaves_the_process_to_end_by_itself() {
    aioli_task::run(with_longer_pauses(async |pause| {
        let (asked, mut was_asked) = futures::channel::mpsc::unbounded();
        let (input, held) = std::io::pipe().unwrap();
        let input = std::fs::File::from(std::os::fd::OwnedFd::from(input));
        // It ends when its input does.
        let command = Command::new("cat").stdin(input).deliver_cancel(move |_| {
            asked.unbounded_send(()).unwrap();
            async {}
        });
        let has_ended = Cell::new(false);
        let cancelled = async {
            let status = timeout(pause, async move { command.status().await }).await;
            assert!(status.is_err());
            has_ended.set(true);
        };
        let released = async {
            let has_started = was_asked.next().await.is_some();
            if has_started {
                aioli_time::sleep(Duration::from_millis(100)).await;
                assert!(!has_ended.get(), "the process has not ended");
            }
            drop(held);
            has_started
        };
        futures::join!(cancelled, released).1
    }));
}

#[test]
fn a_delivery_does_not_wait_for_output_that_nobody_reads() {
    aioli_task::run(async {
        let path = std::env::temp_dir().join(format!("aioli-deliver-{}", std::process::id()));
        let name = path.display();
        // Far more than a pipe holds.
        let line = format!(
            "trap 'head -c 1000000 /dev/zero; exit' TERM; echo up >{name}; \
             while :; do sleep 0.01; done"
        );
        with_longer_pauses(async |pause| {
            let (asked, mut was_asked) = futures::channel::mpsc::unbounded();
            let command = shell(&line).deliver_cancel(move |process| {
                asked.unbounded_send(()).unwrap();
                async move { process.terminate().unwrap() }
            });
            let running = aioli_task::spawn(async move { command.output().await });
            until_written(&path, "up\n").await;
            aioli_time::sleep(pause).await;
            running.cancel();
            assert!(timeout(10, running.outcome()).await.unwrap().is_err());
            std::fs::remove_file(&path).unwrap();
            was_asked.next().await.is_some()
        })
        .await;
    });
}

#[test]
fn a_request_is_not_lost_when_the_ending_is_dropped() {
    aioli_task::run(with_longer_pauses(async |pause| {
        let (asked, mut was_asked) = futures::channel::mpsc::unbounded();
        let command = Command::new("sleep").arg("1000");
        let command = command.deliver_cancel(move |_| {
            asked.unbounded_send(()).unwrap();
            std::future::pending()
        });
        let is_dropped = Rc::new(Cell::new(false));
        let noted = is_dropped.clone();
        let running = aioli_task::spawn(async move {
            {
                let status = pin!(command.status());
                let asked = pin!(was_asked.next());
                // Drops the first when the second is there: in the middle of the ending.
                let first = futures::future::select(status, asked).await;
                assert!(matches!(first, futures::future::Either::Right(_)));
            }
            noted.set(true);
            std::future::pending::<()>().await;
        });
        aioli_time::sleep(pause).await;
        running.cancel();
        assert!(running.outcome().await.is_err());
        is_dropped.get()
    }));
}

#[test]
fn a_signal_to_the_group_reaches_what_a_process_has_started() {
    aioli_task::run(async {
        let line = "sleep 1000.77 & sleep 1000.77 & echo up; wait";
        let command = shell(line).process_group(0).stdout(Stdio::piped());
        let mut process = command.spawn().await.unwrap();
        let mut stdout = process.stdout.take().unwrap();
        stdout.read(&mut [0; 3]).await.unwrap();
        process.signal_group(SIGTERM).unwrap();
        // The end of the pipe, of which every one of them has the other end.
        assert!(stdout.read_to_end().await.unwrap().is_empty());
        assert_eq!(process.wait().await.unwrap().signal(), Some(SIGTERM));
        let refused = process.signal_group(SIGTERM).unwrap_err();
        assert!(matches!(refused, Error::NoSuchProcess { .. }));

        let process = sleeper().await;
        let refused = process.signal_group(SIGTERM).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    });
}

#[test]
fn no_zombie_of_many_short_processes() {
    spawn_and_count(500);
}

#[test]
#[ignore = "ten thousand processes take a while"]
fn no_zombie_of_ten_thousand_processes() {
    spawn_and_count(10_000);
}

/// Runs so many processes, some of which nobody waits for, and counts what is left of them.
fn spawn_and_count(n: usize) {
    const MARK: &str = "1000.10000";
    aioli_task::run(async {
        let one = async |i: usize| match i % 3 {
            0 => drop(Command::new("true").status().await.unwrap()),
            1 => drop(Command::new("true").spawn().await.unwrap()),
            _ => drop(Command::new("sleep").arg(MARK).spawn().await.unwrap()),
        };
        let all = futures::stream::iter(0..n).map(one).buffer_unordered(16);
        all.collect::<Vec<()>>().await;
    });
    // A zombie has no command line; other tests have processes of their own, but few.
    crate::eventually(|| n_children(MARK) == 0);
    crate::eventually(|| n_zombies() < 10);
}

fn n_zombies() -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap();
    let is_zombie = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        (fields.next()? == "Z" && fields.next()? == own).then_some(())
    };
    processes.filter_map(|entry| is_zombie(entry.ok()?)).count()
}

#[test]
fn a_cancelled_wait_in_a_task_loses_nothing() {
    aioli_task::run(async {
        let process = Rc::new(sleeper().await);
        let own = process.clone();
        let task = aioli_task::spawn(async move { own.wait().await });
        aioli_task::yield_now().await;
        assert!(task.stop().await.is_none());
        process.terminate().unwrap();
        assert_eq!(process.wait().await.unwrap().signal(), Some(SIGTERM));
    });
}
