//! The end of a process, and signals sent to it.

use aioli_process::{Command, Error, Process, SIGHUP, SIGKILL, SIGTERM, SIGUSR1, Stdio, shell};
use futures::future::join_all;
use std::pin::pin;

async fn sleeper() -> Process {
    Command::new("sleep").arg("1000").spawn().await.unwrap()
}

#[test]
fn c316_kill_terminate_send_signal() {
    crate::block_on(async {
        let process = sleeper().await;
        process.kill().unwrap();
        assert_eq!(process.wait().await.unwrap().returncode(), -SIGKILL);
        let process = sleeper().await;
        process.terminate().unwrap();
        assert_eq!(process.wait().await.unwrap().returncode(), -SIGTERM);
        let process = sleeper().await;
        process.send_signal(SIGUSR1).unwrap();
        let status = process.wait().await.unwrap();
        assert_eq!(status.returncode(), -SIGUSR1);
        assert_eq!((status.signal(), status.code()), (Some(SIGUSR1), None));
        assert_eq!(status.to_string(), "SIGUSR1");
    });
}

#[test]
fn c319_cancel_process_wait() {
    crate::block_on(async {
        let process = sleeper().await;
        assert!(crate::poll_once(pin!(process.wait())).is_pending());
        process.kill().unwrap();
        assert_eq!(process.wait().await.unwrap().returncode(), -SIGKILL);
    });
}

#[test]
fn c323_subprocess_concurrent_wait() {
    crate::block_on(async {
        let process = shell("read line; exit 5")
            .stdin(Stdio::piped())
            .spawn()
            .await
            .unwrap();
        let mut process = process;
        let stdin = process.stdin.take();
        let mut waits: Vec<_> = (0..10).map(|_| Box::pin(process.wait())).collect();
        for wait in &mut waits {
            assert!(crate::poll_once(wait.as_mut()).is_pending());
        }
        drop(stdin);
        for status in join_all(waits).await {
            assert_eq!(status.unwrap().code(), Some(5));
        }
    });
}

#[test]
fn waits_on_several_threads_are_all_told() {
    let process = crate::block_on(sleeper());
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| crate::block_on(process.wait()).unwrap()))
            .collect();
        process.kill().unwrap();
        for wait in waits {
            assert_eq!(wait.join().unwrap().returncode(), -SIGKILL);
        }
    });
}

#[test]
fn c325_subprocess_send_signal_race() {
    crate::block_on(async {
        for _ in 0..10 {
            let process = Command::new("true").spawn().await.unwrap();
            let sent = process.send_signal(SIGHUP);
            let code = process.wait().await.unwrap().returncode();
            match sent {
                Ok(()) => assert!(code == 0 || code == -SIGHUP, "{code}"),
                Err(Error::NoSuchProcess { .. }) => assert_eq!(code, 0),
                Err(other) => panic!("{other}"),
            }
        }
    });
}

#[test]
fn c326_proc_exited() {
    crate::block_on(async {
        let process = Command::new("true").spawn().await.unwrap();
        process.wait().await.unwrap();
        for result in [
            process.kill(),
            process.terminate(),
            process.send_signal(SIGHUP),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::NoSuchProcess { .. }));
            assert_eq!(
                error.to_string(),
                format!(r#""true" (process {}) has ended"#, process.id())
            );
        }
        let process = sleeper().await;
        let error = process.send_signal(1000).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"cannot send a signal to "sleep": Invalid argument"#
        );
    });
}
