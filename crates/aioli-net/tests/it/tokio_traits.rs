//! tokio's I/O traits on our streams, by tokio's own combinators.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::connection;

#[test]
fn tokios_combinators_work_on_our_streams() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().unwrap();
    let task = async {
        let (client, server) = connection().await;
        let (reader, mut writer) = client.into_split();
        let echo = tokio::spawn(async move {
            let (mut reader, mut writer) = server.into_split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            AsyncWriteExt::shutdown(&mut writer).await.unwrap();
        });
        AsyncWriteExt::write_all(&mut writer, b"one\ntwo")
            .await
            .unwrap();
        AsyncWriteExt::shutdown(&mut writer).await.unwrap();
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\n");
        let mut rest = String::new();
        AsyncReadExt::read_to_string(&mut reader, &mut rest)
            .await
            .unwrap();
        assert_eq!(rest, "two");
        echo.await.unwrap();
    };
    runtime.block_on(async { tokio::spawn(task).await.unwrap() });
}
