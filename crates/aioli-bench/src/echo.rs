//! An echo server by aioli.

use aioli::net::{TcpListener, TcpStream};
use aioli::prelude::spawn;
use harness::net::EchoClient;
use harness::{Outcome, Run};

use crate::rt;

/// Runs a workload by its name.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let known = run.workload.starts_with("tcp_");
    known.then(|| rt::block_on(run, serve(run)))
}

async fn serve(run: &Run) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("some port is free");
    let client = EchoClient::start(run, listener.local_addr().port());
    let client = client.expect("the client starts");
    let mut tasks = Vec::new();
    for _ in 0..run.concurrency {
        let (stream, _) = listener.accept().await.expect("the client comes");
        tasks.push(spawn(echo(stream, run.size)));
    }
    for task in tasks {
        task.await;
    }
    client.finish().expect("the client has measured")
}

async fn echo(stream: TcpStream, size: usize) {
    let mut buffer = vec![0; size];
    // The client ends by closing, or by a reset when it leaves something unread.
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
}
