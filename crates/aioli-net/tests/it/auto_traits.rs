//! Which auto traits each public type and future has.

use std::net::SocketAddr;

use aioli_net::*;

fn shared<T: Send + Sync + Unpin>() {}
fn send<T: Send>(_: &T) {}

#[test]
fn types() {
    shared::<AcceptError>();
    shared::<AddressError>();
    shared::<Attempt>();
    shared::<BindError>();
    shared::<ConnectError>();
    shared::<Connection>();
    shared::<ConnectOptions>();
    shared::<Incoming<'static>>();
    shared::<IncompleteRead>();
    shared::<LimitOverrun>();
    shared::<ListenOptions>();
    shared::<ReadError>();
    shared::<ReadHalf<TcpStream>>();
    shared::<Received<'static>>();
    shared::<RecvBatch>();
    shared::<ResolveError>();
    shared::<Server>();
    shared::<StreamReader<TcpStream>>();
    shared::<StreamWriter<TcpStream>>();
    shared::<Target>();
    shared::<TcpListener>();
    shared::<TcpStream>();
    shared::<UdpSocket>();
    shared::<WriteHalf<TcpStream>>();
    shared::<protocol::DatagramTransport>();
    shared::<protocol::Driving<Silent>>();
    shared::<protocol::DrivingDatagrams<Silent>>();
    shared::<protocol::Endpoint>();
    shared::<protocol::Transport>();
    shared::<protocol::WaterMarkError>();
}

/// The least of protocols.
struct Silent;

impl protocol::Protocol for Silent {
    fn data_received(&mut self, _: &protocol::Transport, _: &[u8]) {}
}

impl protocol::DatagramProtocol for Silent {
    fn datagram_received(&mut self, _: &protocol::DatagramTransport, _: &[u8], _: SocketAddr) {}
}

#[test]
fn connecting_futures_are_send() {
    send(&TcpStream::connect("localhost:1"));
    send(&ConnectOptions::new().connect("localhost:1"));
    send(&TcpListener::bind("localhost:1"));
    send(&ListenOptions::new().bind("localhost:1"));
    send(&UdpSocket::bind("localhost:1"));
    send(&open_connection("localhost:1"));
    send(&protocol::connect_protocol("localhost:1", Silent));
    send(&resolve("localhost:1"));
}

/// Never run: that it compiles is the test.
#[expect(dead_code, reason = "checked by the compiler alone")]
async fn socket_futures_are_send(
    stream: &TcpStream,
    listener: &TcpListener,
    udp: &UdpSocket,
    [server, other]: [Server; 2],
    address: SocketAddr,
) {
    let mut buffer = [0];
    send(&stream.read(&mut buffer));
    send(&stream.read_exact(&mut buffer));
    send(&stream.peek(&mut buffer));
    send(&stream.write(b""));
    send(&stream.write_all(b""));
    send(&stream.read_vectored(&mut []));
    send(&stream.write_vectored(&[]));
    let file = std::fs::File::open("").unwrap();
    send(&stream.sendfile(&file, &mut (0..1)));
    send(&listener.accept());
    send(&udp.connect("localhost:1"));
    send(&udp.send_to(b"", address));
    send(&udp.send(b""));
    send(&udp.recv_from(&mut buffer));
    send(&udp.recv(&mut buffer));
    send(&udp.peek_from(&mut buffer));
    send(&udp.send_many(&[(b"", address)]));
    send(&udp.recv_many(&mut RecvBatch::new(1, 1)));
    send(&server.close());
    send(&server.wait_closed());
    send(&server.stop());
    send(&other.shutdown(1));
}

/// Never run: that it compiles is the test.
#[expect(dead_code, reason = "checked by the compiler alone")]
async fn transport_futures_are_send(transport: protocol::Transport) {
    send(&transport.drain());
    send(&transport.wait_closed());
}

/// Never run: that it compiles is the test.
#[expect(dead_code, reason = "checked by the compiler alone")]
async fn buffered_futures_are_send(
    mut reader: StreamReader<ReadHalf<TcpStream>>,
    mut writer: StreamWriter<WriteHalf<TcpStream>>,
) {
    send(&reader.read(1));
    send(&reader.read_to_end());
    send(&reader.readexactly(1));
    send(&reader.readline());
    send(&reader.readuntil(["a", "b"]));
    send(&reader.next());
    send(&writer.drain());
    send(&writer.close());
}
