//! What needs a process of its own: standard streams, and a limit on the size of files.
use aioli_fs as fs;
use std::{
    io::{self, Write},
    pin::pin,
    process::{Command, Output, Stdio},
};

/// Names the program that a child is to be.
const PROGRAM: &str = "AIOLI_FS_TEST_PROGRAM";

/// Runs this test binary again, as `program`, with `input` on a pipe.
fn run(program: &str, input: &[u8]) -> Output {
    let mut shell = Command::new("sh");
    if program == "limit" {
        // In blocks of 512 bytes. The signal would end the process.
        shell.args(["-c", r#"trap "" XFSZ; ulimit -f 20; exec "$0" "$@""#]);
    } else {
        shell.args(["-c", r#"exec "$0" "$@""#]);
    }
    let mut child = shell
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "children::programs", "--nocapture"])
        .env(PROGRAM, program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Does nothing but in a child.
#[test]
fn programs() {
    let Ok(program) = std::env::var(PROGRAM) else {
        return;
    };
    crate::block_on(async {
        match program.as_str() {
            "echo" => echo().await,
            "limit" => limit().await,
            "waits" => {
                // The process ends although a thread waits for input that never comes.
                drop(crate::poll_once(pin!(fs::stdin().read_line())));
            }
            _ => panic!("no such program"),
        }
    });
}

async fn echo() {
    let mut stdin = fs::stdin();
    assert_eq!(stdin.read_line().await.unwrap(), "one\n");
    // What one handle has in memory, the next one gets.
    drop(stdin);
    let mut stdin = fs::stdin();
    let mut two = [0; 2];
    assert_eq!(stdin.read(&mut two).await.unwrap(), 2);
    assert_eq!(&two, b"tw");
    let mut lines = stdin.lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "o");
    assert_eq!(lines.next().await.unwrap().unwrap(), "three");
    // The rest is nobody's until the next one asks.
    drop(lines);
    let mut stdin = fs::stdin();
    assert_eq!(stdin.read_to_string().await.unwrap(), "four\nfive");
    assert_eq!(stdin.read_line().await.unwrap(), "");
    let writers = ["a", "b", "c"].map(|text| async move {
        let line = format!("{}\n", text.repeat(100_000));
        fs::stdout().write_all(line).await.unwrap();
    });
    futures::future::join_all(writers).await;
    fs::stderr().write_all("errors\n").await.unwrap();
}

async fn limit() {
    let dir = fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    let error = fs::write(&path, vec![1; 20_000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(error.path(), Some(&*path));
    assert_eq!(fs::metadata(&path).await.unwrap().len(), 10_240);

    let old = dir.path().join("old");
    fs::write(&old, "old").await.unwrap();
    fs::write_atomic(&old, vec![1; 20_000]).await.unwrap_err();
    assert_eq!(fs::read(&old).await.unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);

    let mut file = fs::create(&path).await.unwrap();
    file.write_all(vec![1; 9_000]).await.unwrap();
    let error = file.write_all(vec![1; 9_000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    file.close().await.unwrap();

    let mut out = fs::BufWriter::new(fs::create(&path).await.unwrap());
    out.write_all(vec![1; 20_000]).await.unwrap();
    let error = out.close().await.unwrap_err();
    assert_eq!((error.operation(), error.path()), ("write", Some(&*path)));
}

#[test]
fn standard_streams_are_read_and_written_whole() {
    let output = run("echo", b"one\ntwo\nthree\r\nfour\nfive");
    let (out, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{errors}");
    for text in ["a", "b", "c"] {
        assert!(
            out.contains(&format!("{}\n", text.repeat(100_000))),
            "{text} is torn"
        );
    }
    assert!(errors.contains("errors\n"));
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_none_is_lost() {
    let output = run("limit", b"");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
}

#[test]
fn a_thread_that_waits_for_input_does_not_hold_up_the_end() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "children::programs"])
        .env(PROGRAM, "waits")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Its input stays open until it has ended.
    let input = child.stdin.take();
    assert!(child.wait().unwrap().success());
    drop(input);
}
