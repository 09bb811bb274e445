//! Buffered writing.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use aioli_net::StreamWriter;
use futures::AsyncReadExt;
use futures::executor::block_on;

use crate::connection;

#[test]
fn nothing_is_sent_before_a_drain_and_everything_after() {
    block_on(async {
        let (client, server) = connection().await;
        let mut writer = StreamWriter::new(client);
        writer.write("one");
        writer.writelines(["two", "three"]);
        assert_eq!(writer.pending(), 11);
        writer.drain().await.unwrap();
        assert_eq!(writer.pending(), 0);
        let mut text = [0; 11];
        server.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"onetwothree");
    });
}

#[test]
fn a_writer_is_drained_and_closed_by_try_with() {
    aioli_task::run(async {
        let (client, mut server) = connection().await;
        let body = async |writer: &mut StreamWriter<_>| {
            writer.write("bye");
        };
        aioli_flow::try_with(StreamWriter::new(client), body)
            .await
            .unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "bye");
    });
}

#[test]
fn c295_drain_raises() {
    block_on(async {
        let (client, server) = connection().await;
        drop(server);
        let mut writer = StreamWriter::new(client);
        let error = loop {
            writer.write("data");
            if let Err(error) = writer.drain().await {
                break error;
            }
        };
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
    });
}

#[test]
fn c296_async_writer_api_exception_after_close() {
    block_on(async {
        let (client, _server) = connection().await;
        let mut writer = StreamWriter::new(client);
        writer.close().await.unwrap();
        assert!(writer.is_closed());
        writer.write("data");
        let error = writer.drain().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        writer.drain().await.unwrap();
    });
}

#[test]
fn c297_wait_closed_on_close_with_unread_data() {
    block_on(async {
        let (client, server) = connection().await;
        client.write_all(b"unread").await.unwrap();
        let mut writer = StreamWriter::new(server);
        writer.close().await.unwrap();
        let mut client = client;
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    });
}

/// What a run in debug mode reports.
fn reports(main: impl AsyncFnOnce()) -> Vec<String> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    let mut runner = aioli_task::Runner::builder()
        .debug(true)
        .on_error(move |report| log.borrow_mut().push(report.message().to_owned()))
        .build();
    runner.run(main()).unwrap();
    runner.close();
    // A machine that is busy is not what is tested.
    seen.take()
        .into_iter()
        .filter(|report| !report.contains("without a pause"))
        .collect()
}

#[test]
fn c300_unclosed_resource_warnings() {
    let reported = reports(async || {
        let (client, mut server) = connection().await;
        let mut writer = StreamWriter::new(client);
        writer.write("drained");
        writer.drain().await.unwrap();
        drop(writer);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "drained");
    });
    assert_eq!(
        reported,
        ["a StreamWriter was dropped without being closed"]
    );
    let reported = reports(async || {
        let (client, _server) = connection().await;
        StreamWriter::new(client).close().await.unwrap();
    });
    assert!(reported.is_empty(), "{reported:?}");
}

#[test]
fn what_a_dropped_writer_has_not_drained_is_written_by_the_loop() {
    let long = vec![b'x'; 8 * 1024 * 1024];
    let reported = reports(async || {
        let (client, mut server) = connection().await;
        let mut writer = StreamWriter::new(client.into_split().1);
        writer.write(&long);
        drop(writer);
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), long.len());
    });
    assert_eq!(reported, ["a clean-up was left to the loop"]);
}

#[test]
fn the_end_of_a_run_waits_for_what_a_dropped_writer_has_left() {
    let (sent, received) = std::sync::mpsc::channel();
    aioli_task::run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut all = Vec::new();
            io::Read::read_to_end(&mut stream, &mut all).unwrap();
            sent.send(all.len()).unwrap();
        });
        let (_, mut writer) = aioli_net::open_connection(address).await.unwrap();
        writer.write(vec![b'x'; 8 * 1024 * 1024]);
    });
    assert_eq!(received.recv().unwrap(), 8 * 1024 * 1024);
}
