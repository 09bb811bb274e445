//! The same program on foreign executors, and on our own loop.

use aioli_fs as fs;
use std::io::SeekFrom;

async fn program() -> fs::Result<()> {
    let dir = fs::TempDir::new().await?;
    let path = dir.path().join("out.txt");
    let mut file = fs::create(&path).await?;
    file.write_all("Hello, async file!\nsecond line\n").await?;
    file.sync_all().await?;
    file.close().await?;

    let mut file = fs::open(&path).await?;
    let mut word = [0; 5];
    assert_eq!(file.read(&mut word).await?, 5);
    assert_eq!(&word, b"Hello");
    assert_eq!(file.seek(SeekFrom::Start(7)).await?, 7);
    assert_eq!(file.read_to_string().await?, "async file!\nsecond line\n");
    assert_eq!(file.read(&mut word).await?, 0);
    drop(file);

    let mut source = fs::lines(&path).await?;
    let mut lines = Vec::new();
    while let Some(line) = source.next().await {
        lines.push(line?);
    }
    assert_eq!(lines, ["Hello, async file!", "second line"]);

    let mut entries = fs::read_dir(dir.path()).await?;
    assert_eq!(
        entries.next().await.expect("one entry")?.file_name(),
        "out.txt"
    );
    assert!(entries.next().await.is_none());
    let gone = dir.path().to_path_buf();
    dir.close().await?;
    assert!(!fs::exists(gone).await?);
    Ok(())
}

#[test]
fn on_our_loop() {
    aioli_task::run(program()).unwrap();
}

#[test]
fn on_tokio_in_a_spawned_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(program()).await.unwrap().unwrap() });
}

#[test]
fn on_smol() {
    smol::block_on(async { smol::spawn(program()).await.unwrap() });
}

#[test]
fn on_a_plain_block_on() {
    crate::block_on(program()).unwrap();
}

#[test]
fn with_the_combinators_of_futures() {
    use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, StreamExt, TryStreamExt};
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let path = dir.path().join("a");
        let mut file = fs::create(&path).await?;
        AsyncWriteExt::write_all(&mut file, &vec![b'x'; 1 << 20]).await?;
        AsyncWriteExt::close(&mut file).await?;
        let mut file = fs::open(&path).await?;
        AsyncSeekExt::seek(&mut file, SeekFrom::End(-10)).await?;
        let mut rest = Vec::new();
        AsyncReadExt::read_to_end(&mut file, &mut rest).await?;
        assert_eq!(rest, b"xxxxxxxxxx");

        let mut out = fs::BufWriter::new(fs::create(&path).await?);
        AsyncWriteExt::write_all(&mut out, &vec![b'y'; 100_000]).await?;
        AsyncWriteExt::flush(&mut out).await?;
        assert_eq!(fs::metadata(&path).await?.len(), 100_000);

        let names: Vec<_> = fs::walk(dir.path()).try_collect().await?;
        assert_eq!(names.len(), 1);
        let n = StreamExt::count(fs::lines(&path).await?).await;
        assert_eq!(n, 1);
        std::io::Result::Ok(())
    })
    .unwrap();
}

#[cfg(feature = "tokio")]
#[test]
fn with_the_traits_of_tokio() {
    use std::io::IoSlice;
    use tokio::io::{
        AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, copy_buf,
    };
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let (path, copied) = (dir.path().join("a"), dir.path().join("b"));
        let mut file = fs::create(&path).await?;
        assert!(AsyncWrite::is_write_vectored(&file));
        let pieces = [IoSlice::new(b"one\n"), IoSlice::new(b"two\n")];
        assert_eq!(AsyncWriteExt::write_vectored(&mut file, &pieces).await?, 8);
        AsyncWriteExt::shutdown(&mut file).await?;
        let mut file = fs::open(&path).await?;
        assert_eq!(AsyncSeekExt::seek(&mut file, SeekFrom::Start(4)).await?, 4);
        let mut rest = String::new();
        AsyncReadExt::read_to_string(&mut file, &mut rest).await?;
        assert_eq!(rest, "two\n");
        AsyncSeekExt::rewind(&mut file).await?;
        let mut reader = fs::BufReader::new(file);
        let mut line = String::new();
        AsyncBufReadExt::read_line(&mut reader, &mut line).await?;
        assert_eq!(line, "one\n");
        let mut out = fs::BufWriter::new(fs::create(&copied).await?);
        assert_eq!(copy_buf(&mut reader, &mut out).await?, 4);
        AsyncWriteExt::flush(&mut out).await?;
        assert_eq!(fs::read(&copied).await?, b"two\n");
        std::io::Result::Ok(())
    })
    .unwrap();
}
