//! What the kernel says about sockets: how many connections a listener lets wait.

use std::io::{Read, Write};
use std::net::SocketAddr;

use aioli_net::{ListenOptions, TcpListener};
use futures::executor::block_on;
use socket2::{Domain, Protocol, Socket, Type};

// `netlink(7)`, `sock_diag(7)` and `linux/inet_diag.h`.
const NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST_AND_DUMP: u16 = 0x301;
const ERROR: u16 = 2;
const END: u16 = 3;
const INET: u8 = 2;
const TCP: u8 = 6;
const STATE_LISTEN: u32 = 10;
/// Of a message: its length, type, flags, number and port.
const HEAD: usize = 16;
/// Where the local port is in what is told of a socket, in the order of the network.
const PORT: usize = HEAD + 4;
/// Where the local address is.
const ADDRESS: usize = HEAD + 8;
/// Where the limit of the queue is told, which of others is what has not been sent.
const LIMIT: usize = HEAD + 60;

/// Asks the kernel for the limits of all TCP listeners of IPv4.
fn limits() -> std::io::Result<Vec<(SocketAddr, u32)>> {
    let protocol = Protocol::from(NETLINK_SOCK_DIAG);
    let mut socket = Socket::new(Domain::from(NETLINK), Type::DGRAM, Some(protocol))?;
    let mut request = Vec::new();
    request.extend(72_u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST_AND_DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([INET, TCP, 0, 0]);
    request.extend((1_u32 << STATE_LISTEN).to_ne_bytes());
    request.extend([0; 48]);
    assert_eq!(request.len(), 72);
    socket.write_all(&request)?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        let n = socket.read(&mut buffer)?;
        let mut messages = &buffer[..n];
        while messages.len() >= HEAD {
            let len = u32::from_ne_bytes(messages[..4].try_into().unwrap()) as usize;
            let kind = u16::from_ne_bytes(messages[4..6].try_into().unwrap());
            match kind {
                SOCK_DIAG_BY_FAMILY => {}
                END => return Ok(found),
                ERROR => {
                    let code = messages[HEAD..HEAD + 4].try_into().unwrap();
                    let code = -i32::from_ne_bytes(code);
                    return Err(std::io::Error::from_raw_os_error(code));
                }
                _ => panic!("{messages:?}"),
            }
            let port = u16::from_be_bytes(messages[PORT..PORT + 2].try_into().unwrap());
            let limit = u32::from_ne_bytes(messages[LIMIT..LIMIT + 4].try_into().unwrap());
            let address: [u8; 4] = messages[ADDRESS..ADDRESS + 4].try_into().unwrap();
            found.push((SocketAddr::from((address, port)), limit));
            messages = &messages[len.next_multiple_of(4).min(messages.len())..];
        }
    }
}

fn limit_of(listener: &TcpListener) -> u32 {
    let address = listener.local_addr();
    let limits = limits().unwrap();
    let found: Vec<_> = limits.iter().filter(|found| found.0 == address).collect();
    assert_eq!(found.len(), 1, "{limits:?}");
    found[0].1
}

/// The most that the system lets wait.
fn most() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn the_kernel_is_told_how_many_connections_may_wait() {
    if let Err(error) = limits() {
        // A sandbox, or a kernel without it.
        eprintln!("not tested: {error}");
        return;
    }
    let bind = |options: ListenOptions| block_on(options.bind("127.0.0.1:0")).unwrap();
    for backlog in [0, 1, 7, 16, 100] {
        let listener = bind(ListenOptions::new().backlog(backlog));
        assert_eq!(limit_of(&listener), backlog.min(most()));
    }
    let listener = bind(ListenOptions::new().backlog(u32::MAX));
    assert_eq!(limit_of(&listener), most());
    let defaults = [
        bind(ListenOptions::new()),
        block_on(TcpListener::bind("127.0.0.1:0")).unwrap(),
    ];
    for listener in defaults {
        assert_eq!(limit_of(&listener), most().min(1024));
    }
}
