//! The same program on foreign executors, and on our own loop.

use aioli_process::{Command, Error, Stdio, shell};

async fn program() -> Result<(), Error> {
    let cat = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut cat = cat.spawn().await?;
    let mut stdin = cat.stdin.take().expect("it is piped");
    stdin.write_all("hello\nworld\n").await.unwrap();
    drop(stdin);
    let mut lines = cat.stdout.take().expect("it is piped").lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "hello");
    assert_eq!(lines.next().await.unwrap().unwrap(), "world");
    assert!(lines.next().await.is_none());
    assert!(cat.wait().await?.success());

    assert_eq!(shell("echo text").run().await?.text(), "text\n");
    let sleep = Command::new("sleep").arg("1000").spawn().await?;
    sleep.kill()?;
    assert_eq!(sleep.wait().await?.returncode(), -9);
    Ok(())
}

#[test]
fn on_our_loop() {
    aioli_task::run(program()).unwrap();
}

#[test]
fn on_tokio_in_a_spawned_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(program()).await.unwrap().unwrap() });
}

#[test]
fn on_smol() {
    smol::block_on(async { smol::spawn(program()).await.unwrap() });
}

#[test]
fn on_a_plain_block_on() {
    crate::block_on(program()).unwrap();
}

#[test]
fn a_process_can_be_waited_for_after_its_loop_has_ended() {
    let process = aioli_task::run(async {
        Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .await
            .unwrap()
    });
    let mut process = process;
    assert_eq!(process.try_wait().unwrap(), None);
    drop(process.stdin.take());
    assert!(crate::block_on(process.wait()).unwrap().success());
}
