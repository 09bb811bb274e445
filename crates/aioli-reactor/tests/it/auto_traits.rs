//! Which auto traits each public type and future has.

use std::net::UdpSocket;
use std::panic::{RefUnwindSafe, UnwindSafe};

use aioli_reactor::{
    Async, BorrowedSource, DriverKind, Interest, LoopEnded, Operation, OperationStats, Operations,
    RawSource, Registration,
};

fn shared<T: Send + Sync + Unpin>() {}
fn plain<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
fn send<T: Send>(_: T) {}

#[test]
fn types() {
    shared::<Async<UdpSocket>>();
    shared::<Registration>();
    shared::<BorrowedSource<'static>>();
    shared::<Operations>();
    shared::<Operation<()>>();
    plain::<DriverKind>();
    plain::<Interest>();
    plain::<LoopEnded>();
    plain::<OperationStats>();
    plain::<RawSource>();
}

#[test]
fn futures_are_send() {
    let (_, socket) = crate::pair();
    send(socket.readable());
    send(socket.writable());
    send(socket.read_with(|socket| socket.recv(&mut [0])));
    send(socket.write_with(|socket| socket.send(&[0])));
    let registration = socket.registration();
    send(registration.ready(Interest::Readable));
    send(registration.readable());
    send(registration.writable());
    send(registration.io(Interest::Readable, || Ok(())));
    send(registration.transfer(Interest::Readable, 1, || Ok(0)));
}
