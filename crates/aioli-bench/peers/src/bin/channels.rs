//! Channels that work under any executor.

#[path = "../../../src/workloads/threads.rs"]
mod threads;

use std::process::ExitCode;

use harness::{Outcome, Peer, Program, Run};
use threads::Channel;

const fn peer(name: &'static str, kind: &'static str) -> Peer {
    Peer {
        name,
        families: &["threads"],
        kind,
        cores: 2,
    }
}

/// Those that are `unfair` let newcomers overtake, or may lose an item whose future is dropped.
const PEERS: &[Peer] = &[
    peer("tokio-mpsc", "shared"),
    peer("async-channel", "unfair"),
    peer("flume", "unfair"),
    peer("kanal", "unfair"),
    peer("crossfire", "unfair"),
];

fn main() -> ExitCode {
    harness::main(&Program {
        peers: PEERS,
        packages: &["tokio", "async-channel", "flume", "kanal", "crossfire"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    match run.peer.as_str() {
        "tokio-mpsc" => threads::run::<Tokio>(run),
        "async-channel" => threads::run::<AsyncChannel>(run),
        "flume" => threads::run::<Flume>(run),
        "kanal" => threads::run::<Kanal>(run),
        "crossfire" => threads::run::<Crossfire>(run),
        _ => None,
    }
}

struct Tokio;

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await
    }
}

struct AsyncChannel;

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

struct Flume;

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send_async(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

struct Kanal;

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded_async(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

struct Crossfire;

impl Channel for Crossfire {
    type Sender = crossfire::MAsyncTx<crossfire::mpsc::Array<u64>>;
    type Receiver = crossfire::AsyncRx<crossfire::mpsc::Array<u64>>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        crossfire::mpsc::bounded_async(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}
