//! Buffered writing.

use std::io;

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
