//! Both directions at once.

use aioli_process::{Command, Process, Stdio, shell};
use std::pin::pin;

async fn piped(command: Command) -> Process {
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().await.unwrap()
}

#[test]
fn c313_communicate() {
    crate::block_on(async {
        let output = piped(Command::new("cat"))
            .await
            .communicate("some data")
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, b"some data");
    });
}

#[test]
fn c314_communicate_none_and_empty_input() {
    crate::block_on(async {
        let output = piped(Command::new("cat"))
            .await
            .communicate([])
            .await
            .unwrap();
        assert_eq!(output.stdout, b"");
        let output = piped(Command::new("wc").arg("-c"))
            .await
            .communicate("")
            .await
            .unwrap();
        assert_eq!(output.text().trim(), "0");
    });
}

#[test]
fn more_than_the_pipes_hold_goes_both_ways() {
    crate::block_on(async {
        let input: Vec<u8> = (0..3_000_000_u32).map(|i| i as u8).collect();
        let both = shell("tee /dev/stderr");
        let output = piped(both).await.communicate(&input).await.unwrap();
        assert!(output.stdout == input);
        assert!(output.stderr == input);
    });
}

#[test]
fn a_process_that_does_not_read_its_input_is_no_error() {
    crate::block_on(async {
        let input = vec![0; 1_000_000];
        let output = piped(shell("exec 0<&-; exit 3"))
            .await
            .communicate(&input)
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
    });
}

#[test]
fn input_for_a_process_without_a_pipe_is_an_error() {
    crate::block_on(async {
        let mut process = Command::new("true")
            .stdin(Stdio::null())
            .spawn()
            .await
            .unwrap();
        let error = process.communicate("x").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"cannot write to "true": its stdin is not piped"#
        );
        assert!(process.communicate("").await.unwrap().status.success());
    });
}

#[test]
fn a_cancelled_exchange_goes_on_where_it_was() {
    crate::block_on(async {
        let input: Vec<u8> = (0..500_000_u32).map(|i| i as u8).collect();
        let mut process = piped(Command::new("cat")).await;
        let output = loop {
            // Each future is dropped after one poll.
            let polled = crate::poll_once(pin!(process.communicate(&input)));
            if let std::task::Poll::Ready(output) = polled {
                break output.unwrap();
            }
            std::thread::yield_now();
        };
        assert!(output.stdout == input);
        assert!(output.status.success());
    });
}

#[test]
fn a_timeout_keeps_what_was_said() {
    aioli_task::run(async {
        let mut process = piped(shell("echo early; read line; echo $line")).await;
        let short = std::time::Duration::from_millis(100);
        // The input is held back: it was not given to this first, timed-out exchange.
        let stdin = process.stdin.take();
        assert!(
            aioli_flow::timeout(short, process.communicate(""))
                .await
                .is_err()
        );
        let mut stdin = stdin.unwrap();
        stdin.write_all("late\n").await.unwrap();
        drop(stdin);
        assert_eq!(
            process.communicate("").await.unwrap().text(),
            "early\nlate\n"
        );
    });
}
