//! `serve`: a task a client, and an orderly end.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use aioli_net::{BindError, Server, TcpListener, TcpStream, open_connection, serve};
use aioli_task::yield_now;
use futures::AsyncReadExt;

async fn echo_lines(stream: TcpStream) {
    let (mut reader, mut writer) = stream.into_streams();
    while let Ok(line) = reader.readline().await
        && !line.is_empty()
    {
        writer.write(line);
        if writer.drain().await.is_err() {
            return;
        }
    }
}

#[test]
fn c298_start_server() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let talk = async |text: &str| {
            let (mut reader, mut writer) = open_connection(server.local_addr()).await.unwrap();
            writer.write(text);
            writer.drain().await.unwrap();
            assert_eq!(reader.readline().await.unwrap(), text.as_bytes());
        };
        futures::join!(talk("one\n"), talk("two\n"), talk("three\n"));
        server.stop().await;
    });
}

/// Waits until so many handlers run.
async fn until_clients(server: &Server, n: usize) {
    while server.n_clients() != n {
        yield_now().await;
    }
}

#[test]
fn c302_close_clients() {
    aioli_task::run(async {
        let cleaned_up = Rc::new(Cell::new(false));
        let server = serve("127.0.0.1:0", {
            let cleaned_up = cleaned_up.clone();
            async move |stream: TcpStream| {
                let end = aioli_task::catch(echo_lines(stream)).await;
                yield_now().await; // clean-up that awaits
                cleaned_up.set(true);
                if let Err(cancelled) = end {
                    cancelled.raise().await;
                }
            }
        });
        let server = server.await.unwrap();
        let mut client = TcpStream::connect(server.local_addr()).await.unwrap();
        until_clients(&server, 1).await;

        server.close().await;
        assert!(!server.is_serving());
        assert_eq!(server.n_clients(), 1);
        let refused = TcpStream::connect(server.local_addr()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        server.close_clients();
        server.wait_closed().await;
        assert!(cleaned_up.get());
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    });
}

#[test]
fn c303_start_server_1() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let address = server.local_addr();
        assert!(server.is_serving());
        let client = TcpStream::connect(address).await.unwrap();
        until_clients(&server, 1).await;

        let serving = aioli_task::spawn(server.serve_forever());
        yield_now().await;
        assert!(serving.stop().await.is_none());
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn a_dropped_server_leaves_the_connections_to_their_handlers() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let address = server.local_addr();
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        until_clients(&server, 1).await;
        drop(server);
        writer.write("still there\n");
        writer.drain().await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"still there\n");
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn handlers_need_not_be_send() {
    aioli_task::run(async {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let server = serve("127.0.0.1:0", async move |_stream| {
            counted.set(counted.get() + 1)
        });
        let server = server.await.unwrap();
        for _ in 0..3 {
            let client = TcpStream::connect(server.local_addr()).await.unwrap();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        }
        server.stop().await;
        assert_eq!(count.get(), 3);
    });
}

#[test]
fn a_handler_that_panics_does_not_end_the_server() {
    let mut runner = aioli_task::Runner::builder().on_error(|_| {}).build();
    let outcome = runner.run(async {
        let server = serve("127.0.0.1:0", async |stream: TcpStream| {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            assert_ne!(byte, [b'!'], "asked to");
            stream.write_all(&byte).await.unwrap();
        });
        let server = server.await.unwrap();
        let ask = async |byte: u8| {
            let client = TcpStream::connect(server.local_addr()).await.unwrap();
            client.write_all(&[byte]).await.unwrap();
            client.read(&mut [0]).await.unwrap()
        };
        assert_eq!(ask(b'!').await, 0);
        assert_eq!(ask(b'.').await, 1);
        server.stop().await;
    });
    outcome.unwrap();
}

#[test]
fn c299_unhandled_exception_and_cancel() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    let mut runner = aioli_task::Runner::builder()
        .on_error(move |report| seen.borrow_mut().push(report.message().to_owned()))
        .build();
    let outcome = runner.run(async {
        let failing =
            async |stream: TcpStream| -> io::Result<()> { stream.read_exact(&mut [0; 2]).await };
        let server = serve("127.0.0.1:0", failing).await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        client.write_all(b".").await.unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(reports.borrow().len(), 1, "{reports:?}");
        assert!(reports.borrow()[0].starts_with("the handler of a connection failed: "));

        // A cancelled one is not reported.
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        until_clients(&server, 1).await;
        server.close_clients();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        server.stop().await;
    });
    outcome.unwrap();
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
}

#[test]
fn a_server_that_was_just_started_can_be_stopped() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        server.stop().await;
    });
}

#[test]
fn a_shutdown_waits_for_handlers_and_then_cancels_them() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        until_clients(&server, 1).await;
        let shutdown = aioli_task::spawn(server.shutdown(Duration::from_millis(10)));
        assert!(!shutdown.await);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);

        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        until_clients(&server, 1).await;
        let shutdown = aioli_task::spawn(server.shutdown(Duration::from_secs(60)));
        yield_now().await;
        drop(client);
        assert!(shutdown.await);
    });
}

#[test]
fn a_handler_need_not_return() {
    aioli_task::run(async {
        let forever = async |stream: TcpStream| {
            stream.write_all(b".").await.unwrap();
            loop {
                std::future::pending::<()>().await;
            }
        };
        let server = serve("127.0.0.1:0", forever).await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        server.stop().await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn a_listener_of_ones_own_is_served() {
    aioli_task::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(listener, echo_lines);
        let (mut reader, mut writer) = open_connection(server.local_addr()).await.unwrap();
        writer.write("x\n");
        writer.close().await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"x\n");
        server.stop().await;
    });
}

#[test]
fn a_server_is_stopped_on_every_way_out_of_with() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", echo_lines).await.unwrap();
        let address = server.local_addr();
        let serving = aioli_task::spawn(aioli_flow::with(server, async |server| {
            server.wait_closed().await;
        }));
        let client = TcpStream::connect(address).await.unwrap();
        yield_now().await;
        assert!(serving.stop().await.is_none());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn without_a_loop_it_is_an_error() {
    let server = futures::executor::block_on(serve("127.0.0.1:0", echo_lines));
    assert!(
        matches!(server, Err(BindError::NoLoop { .. })),
        "{server:?}"
    );
}
