//! Everything public is `Send`, futures included; handles are `Sync`.

use aioli_process::{
    Command, Error, ExitStatus, Lines, Output, PipeReader, PipeWriter, Process, SignalHandler,
    Signals, Stdio, shell, signals,
};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn is_send<T: Send>(_: &T) {}

#[test]
fn types_are_send_sync_and_unpin() {
    macro_rules! check {
        ($($t:ty),*) => { $(send::<$t>(); sync::<$t>(); unpin::<$t>();)* };
    }
    check!(
        Command, Error, ExitStatus, Lines, Output, PipeReader, PipeWriter, Process
    );
    check!(SignalHandler, Signals, Stdio);
}

#[test]
fn futures_of_methods_are_send() {
    // Built and not run: only their type matters.
    drop(async {
        let command = shell("true");
        is_send(&command.spawn());
        is_send(&command.status());
        is_send(&command.output());
        is_send(&command.run());
        let mut process = command.spawn().await?;
        is_send(&process.wait());
        is_send(&process.communicate("text"));
        let mut stdin = process.stdin.take().expect("it is piped");
        is_send(&stdin.write(b"text"));
        is_send(&stdin.write_all("text"));
        let mut stdout = process.stdout.take().expect("it is piped");
        is_send(&stdout.read(&mut [0]));
        is_send(&stdout.read_to_end());
        is_send(&stdout.read_to_string());
        let mut lines = stdout.lines();
        is_send(&lines.next());
        is_send(&lines.for_each(async |line| drop(line)));
        is_send(&aioli_flow::AsyncClose::aclose(process));
        is_send(&signals([])?.next());
        Ok::<(), std::io::Error>(())
    });
}
