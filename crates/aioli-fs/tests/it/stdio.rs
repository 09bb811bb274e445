//! The standard streams, in processes of their own: this program again, with one test.

use aioli_fs::{self as fs, BufReader};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs the ignored test `name` of this file with `input`.
fn child(name: &str, input: &[u8]) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("stdio::{name}"),
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The child may have gone without reading all of it.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
#[ignore = "the child of a test"]
fn echo() {
    crate::block_on(async {
        let mut reader = BufReader::from(fs::stdin());
        let first = reader.read_line().await.unwrap();
        fs::stdout().write_all(format!("<{first}>")).await.unwrap();
        let mut lines = reader.lines();
        while let Some(line) = lines.next().await {
            fs::stdout()
                .write_all(format!("[{}]", line.unwrap()))
                .await
                .unwrap();
        }
        fs::stderr().write_all("all said").await.unwrap();
    });
}

#[test]
fn lines_go_in_and_come_out() {
    let output = child("echo", b"one\ntwo\nthree");
    assert!(
        stdout(&output).contains("<one\n>[two][three]"),
        "{output:?}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("all said"));
}

#[test]
#[ignore = "the child of a test"]
fn gives_up() {
    aioli_task::run(async {
        let mut buf = [0; 4];
        // Reads for a future that is dropped at once lose nothing.
        for _ in 0..3 {
            let mut stdin = fs::stdin();
            let polled = crate::poll_once(std::pin::pin!(stdin.read(&mut buf)));
            if let std::task::Poll::Ready(n) = polled {
                let n = n.unwrap();
                fs::stdout().write_all(&buf[..n]).await.unwrap();
            }
        }
        let mut rest = fs::stdin();
        while let n @ 1.. = rest.read(&mut buf).await.unwrap() {
            fs::stdout().write_all(&buf[..n]).await.unwrap();
        }
    });
}

#[test]
fn a_dropped_read_loses_no_byte() {
    let output = child("gives_up", b"0123456789abcdef");
    assert!(stdout(&output).contains("0123456789abcdef"), "{output:?}");
}

#[test]
#[ignore = "the child of a test"]
fn waits() {
    aioli_task::run(async {
        let mut stdin = fs::stdin();
        let mut buf = [0; 4];
        assert!(crate::poll_once(std::pin::pin!(stdin.read(&mut buf))).is_pending());
    });
    // Before its standard input ends, which its parent waits with.
    std::process::exit(7);
}

#[test]
fn a_waiting_read_does_not_keep_the_process() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stdio::waits", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Taken out, for `wait` closes it.
    let input = child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
    drop(input);
}

#[test]
#[ignore = "the child of a test"]
fn broken_pipe() {
    crate::block_on(async {
        // The parent has closed the other end.
        let data = vec![b'x'; 1 << 20];
        let mut out = fs::stdout();
        let error = loop {
            if let Err(error) = out.write_all(&data).await {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert!(
            error.to_string().starts_with(r#"write "standard output":"#),
            "{error}"
        );
        std::process::exit(9);
    });
}

#[test]
fn a_closed_pipe_is_an_error() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stdio::broken_pipe", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}
