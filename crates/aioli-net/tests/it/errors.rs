//! Errors say what was attempted, where, and why it failed.

use std::io;
use std::net::{SocketAddr, TcpListener as Blocking};

use aioli_net::{BindError, ConnectError, TcpListener, TcpStream, resolve};
use futures::executor::block_on;

/// An address nobody listens on, kept from being given to others by the bound socket.
fn refused() -> (SocketAddr, socket2::Socket) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&any.into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap(), socket)
}

#[test]
fn a_refused_connection_names_the_address() {
    let (address, _guard) = refused();
    let error = block_on(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot connect to {address}: ")),
        "{text}"
    );
    assert_eq!(
        text.matches(&address.to_string()).count(),
        1,
        "said once: {text}"
    );

    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let inner = error.get_ref().unwrap();
    assert!(inner.downcast_ref::<ConnectError>().is_some());
}

/// Asyncio: "one error naming all causes".
#[test]
fn c312_create_connection_multiple_errors() {
    let ((a, _a), (b, _b)) = (refused(), refused());
    let error = block_on(TcpStream::connect(vec![a, b])).unwrap_err();
    let text = error.to_string();
    let ConnectError::Failed { attempts, .. } = error else {
        panic!("{error:?}");
    };
    let tried: Vec<SocketAddr> = attempts.iter().map(|attempt| attempt.address).collect();
    assert_eq!(tried, [a, b]);
    for attempt in &attempts {
        assert_eq!(attempt.source.kind(), io::ErrorKind::ConnectionRefused);
        assert!(text.contains(&attempt.address.to_string()), "{text}");
    }
}

#[test]
fn the_second_address_is_tried_when_the_first_refuses() {
    let (a, _a) = refused();
    let listener = Blocking::bind("127.0.0.1:0").unwrap();
    let b = listener.local_addr().unwrap();
    let stream = block_on(TcpStream::connect(vec![a, b])).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), b);
}

#[test]
fn an_address_in_use_is_named() {
    let taken = Blocking::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _listener = Blocking::bind(taken).unwrap();
    let error = block_on(TcpListener::bind(taken)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot bind to {taken}: "))
    );
}

#[test]
fn a_text_that_is_no_address_is_named() {
    let error = block_on(TcpStream::connect("localhost")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "cannot connect: \"localhost\" is not an address: a port is missing"
    );
    let error = block_on(TcpListener::bind("a b:x")).unwrap_err();
    assert!(matches!(error, BindError::Address(_)), "{error:?}");
}

#[test]
fn a_name_without_addresses_is_named() {
    // `.invalid` has no addresses, whether or not there is somebody to ask.
    let error = block_on(resolve("nowhere.invalid:80")).unwrap_err();
    assert!(error.to_string().contains("nowhere.invalid"), "{error}");
    let error = block_on(TcpStream::connect(Vec::new())).unwrap_err();
    assert!(matches!(error, ConnectError::Resolve(_)), "{error:?}");
}

#[test]
fn a_listener_that_is_gone_refuses() {
    let address = block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr()
    });
    let error = block_on(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
