//! What is started, and the errors of starting.

use aioli_process::{Command, Error, SIGKILL, Stdio, shell};
use std::io::ErrorKind;

#[test]
fn arguments_environment_and_folder_arrive() {
    crate::block_on(async {
        let output = shell("printf '%s|' \"$0\" \"$@\"")
            .args(["a b", "$HOME", ""])
            .run()
            .await;
        assert_eq!(output.unwrap().text(), "a b|$HOME||");

        let env = Command::new("/usr/bin/env").env("LOST", "1").env_clear();
        let env = env.env("A", "1").env("B", "2").env_remove("A");
        assert_eq!(env.run().await.unwrap().text(), "B=2\n");

        let output = shell("pwd").current_dir("/").run().await.unwrap();
        assert_eq!(output.text(), "/\n");
    });
}

#[test]
fn a_command_can_be_used_again() {
    crate::block_on(async {
        let echo = Command::new("echo").arg("again");
        assert_eq!(echo.run().await.unwrap(), echo.clone().run().await.unwrap());
    });
}

#[test]
fn the_streams_go_where_they_are_told() {
    crate::block_on(async {
        let both = shell("echo out; echo err >&2");
        let output = both.output().await.unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
        let output = both.clone().stderr(Stdio::merge()).output().await.unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\nerr\n"[..], &b""[..])
        );
        let output = both.clone().stderr(Stdio::null()).output().await.unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b""[..])
        );

        let path = std::env::temp_dir().join(format!("aioli-process-{}", std::process::id()));
        let to_file = both
            .stdout(std::fs::File::create(&path).unwrap())
            .stderr(Stdio::merge());
        to_file.status().await.unwrap();
        to_file.status().await.unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "out\nerr\n".repeat(2)
        );
        let from_file = Command::new("cat").stdin(std::fs::File::open(&path).unwrap());
        assert_eq!(
            from_file.output().await.unwrap().text(),
            "out\nerr\n".repeat(2)
        );
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_process_group_is_the_childs_own() {
    crate::block_on(async {
        let output = shell("ps -o pgid= -p $$; echo $$")
            .process_group(0)
            .run()
            .await
            .unwrap();
        let text = output.text();
        let numbers: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(numbers[0], numbers[1]);
    });
}

async fn start_error(command: Command) -> (String, ErrorKind) {
    let error = command.spawn().await.unwrap_err();
    assert!(matches!(error, Error::Start { .. }));
    (error.to_string(), error.kind())
}

#[test]
fn what_cannot_be_started_is_named_with_the_cause() {
    crate::block_on(async {
        let (text, kind) = start_error(Command::new("nope")).await;
        assert_eq!(text, r#"cannot start "nope": not found"#);
        assert_eq!(kind, ErrorKind::NotFound);
        let (text, kind) = start_error(Command::new("/etc/passwd")).await;
        assert_eq!(text, r#"cannot start "/etc/passwd": permission denied"#);
        assert_eq!(kind, ErrorKind::PermissionDenied);
        let (text, _) = start_error(Command::new("true").current_dir("/no/such")).await;
        assert_eq!(
            text,
            r#"cannot start "true": no folder "/no/such" to start in"#
        );
        let (text, _) = start_error(Command::new("true").arg("a\0b")).await;
        assert_eq!(
            text,
            r#"cannot start "true": nul byte found in provided data"#
        );
    });
}

#[test]
fn c330_run_check() {
    crate::block_on(async {
        let command = shell("echo one >&2; echo two >&2; exit 1");
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = command.run().await.unwrap_err();
        assert_eq!(error.status().unwrap().code(), Some(1));
        assert_eq!(
            error.to_string(),
            r#""/bin/sh" ended with exit status 1: two"#
        );
        let Error::Failed { output, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(output.stderr, b"one\ntwo\n");
    });
}

#[test]
fn c315_shell() {
    crate::block_on(async {
        assert_eq!(shell("exit 7").status().await.unwrap().returncode(), 7);
    });
}

#[test]
fn a_killed_subprocess_says_so() {
    crate::block_on(async {
        let error = shell("kill -KILL $$").run().await.unwrap_err();
        assert_eq!(error.to_string(), r#""/bin/sh" ended with SIGKILL"#);
        assert_eq!(error.status().unwrap().signal(), Some(SIGKILL));
        assert_eq!(
            std::io::Error::from(error).to_string(),
            r#""/bin/sh" ended with SIGKILL"#
        );
    });
}
