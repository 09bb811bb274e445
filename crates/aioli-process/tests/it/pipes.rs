//! The pipes themselves.

use aioli_process::{Command, Stdio, shell};
use std::{io::ErrorKind, pin::pin};

#[test]
fn c317_stdin_broken_pipe() {
    crate::block_on(async {
        let mut process = shell("exit 0").stdin(Stdio::piped()).spawn().await.unwrap();
        let mut stdin = process.stdin.take().unwrap();
        let error = loop {
            // More than the pipe holds: it waits until the process has ended.
            if let Err(error) = stdin.write_all(vec![0; 1_000_000]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(process.wait().await.unwrap().success());
    });
}

#[test]
fn c322_read_stdout_after_process_exit() {
    crate::block_on(async {
        // Less than a pipe holds, so that the writer can end before anything is read.
        let command = shell("head -c 60000 /dev/zero").stdout(Stdio::piped());
        let mut process = command.spawn().await.unwrap();
        assert!(process.wait().await.unwrap().success());
        let mut stdout = process.stdout.take().unwrap();
        let mut n = 0;
        let mut buf = [1; 1000];
        loop {
            let read = stdout.read(&mut buf).await.unwrap();
            if read == 0 {
                break;
            }
            assert!(buf[..read].iter().all(|byte| *byte == 0));
            n += read;
        }
        assert_eq!(n, 60_000);

        let command = shell("head -c 262144 /dev/zero").stdout(Stdio::piped());
        let mut process = command.spawn().await.unwrap();
        let all = process.stdout.take().unwrap().read_to_end().await.unwrap();
        assert_eq!(all.len(), 262_144);
    });
}

#[test]
fn c324_subprocess_protocol_events() {
    crate::block_on(async {
        let command = shell("printf out; printf err >&2");
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().await.unwrap();
        let (mut out, mut err) = (
            process.stdout.take().unwrap(),
            process.stderr.take().unwrap(),
        );
        let (out, err, status) =
            futures::join!(out.read_to_string(), err.read_to_string(), process.wait());
        assert_eq!(
            (out.unwrap().as_str(), err.unwrap().as_str()),
            ("out", "err")
        );
        assert!(status.unwrap().success());
    });
}

#[test]
fn a_cancelled_read_to_end_keeps_its_bytes() {
    crate::block_on(async {
        let cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut cat = cat.spawn().await.unwrap();
        let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        stdin.write_all("first ").await.unwrap();
        let mut first = [0; 1];
        stdout.read(&mut first).await.unwrap();
        assert!(crate::poll_once(pin!(stdout.read_to_end())).is_pending());
        stdin.write_all("second").await.unwrap();
        drop(stdin);
        assert_eq!(stdout.read_to_string().await.unwrap(), "irst second");
    });
}

#[test]
fn lines_have_ends_limits_and_no_other_text() {
    crate::block_on(async {
        let mut lines = piped_lines(r"printf 'a\r\n\377\nb\n\nlast'").await;
        assert_eq!(lines.next().await.unwrap().unwrap(), "a");
        assert_eq!(
            lines.next().await.unwrap().unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        assert_eq!(lines.next().await.unwrap().unwrap(), "b");
        assert_eq!(lines.next().await.unwrap().unwrap(), "");
        assert_eq!(lines.next().await.unwrap().unwrap(), "last");
        assert!(lines.next().await.is_none());

        let mut lines = piped_lines("cat /dev/zero").await.with_limit(1000);
        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "a line is longer than 1000 bytes");
        assert!(lines.next().await.is_none());

        let mut n = 0;
        let lines = piped_lines("seq 100000").await;
        lines
            .for_each(async |line| {
                n += 1;
                assert_eq!(line, n.to_string());
            })
            .await
            .unwrap();
        assert_eq!(n, 100_000);
    });
}

async fn piped_lines(line: &str) -> aioli_process::Lines {
    let mut process = shell(line).stdout(Stdio::piped()).spawn().await.unwrap();
    let lines = process.stdout.take().unwrap().lines();
    // Dropping the process would end it before it has written anything.
    std::thread::spawn(move || crate::block_on(process.wait()).unwrap());
    lines
}

#[test]
fn an_endless_writer_lets_other_tasks_run() {
    aioli_task::run(async {
        let mut process = Command::new("yes")
            .stdout(Stdio::piped())
            .spawn()
            .await
            .unwrap();
        let mut stdout = process.stdout.take().unwrap();
        stdout.read(&mut [0; 2]).await.unwrap();
        let reader = aioli_task::spawn(async move { stdout.read_to_end().await });
        for _ in 0..20 {
            aioli_task::yield_now().await;
        }
        process.kill().unwrap();
        assert!(reader.await.unwrap().starts_with(b"y\n"));
    });
}
