//! Everything public is `Send`, futures included; handles are `Sync`.

use aioli_fs::{
    AlignedBuf, BufReader, BufWriter, DirEntry, Error, File, Lines, OpenOptions, Operation,
    ReadDir, Stdin, Stdout, TempDir, TempFile, Walk,
};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn is_send<T: Send>(_: &T) {}

#[test]
fn types_are_send_sync_and_unpin() {
    macro_rules! check {
        ($($t:ty),*) => { $(send::<$t>(); sync::<$t>(); unpin::<$t>();)* };
    }
    check!(
        AlignedBuf,
        BufReader,
        BufWriter,
        DirEntry,
        Error,
        File,
        Lines,
        OpenOptions,
        ReadDir,
        Stdin,
        Stdout,
        TempDir,
        TempFile,
        Walk
    );
    send::<Operation<File>>();
    unpin::<Operation<File>>();
}

#[test]
fn operations_own_what_they_need() {
    fn lasting<T: Send + 'static>(_: T) {}
    let path = String::from("a");
    lasting(aioli_fs::open(&path));
    lasting(aioli_fs::write(&path, path.as_bytes()));
    lasting(aioli_fs::rename(&path, &path));
    lasting(aioli_fs::walk(&path));
}

#[test]
fn futures_of_methods_are_send() {
    // Built and not run: only their type matters.
    drop(async {
        let mut file = aioli_fs::open("a").await?;
        let mut buf = [0; 4];
        is_send(&file.read(&mut buf));
        is_send(&file.read_to_end());
        is_send(&file.read_to_string());
        is_send(&file.write("text"));
        is_send(&file.write_all(vec![1]));
        is_send(&file.seek(std::io::SeekFrom::Start(0)));
        is_send(&file.set_len(0));
        is_send(&file.sync_all());
        is_send(&file.sync_data());
        is_send(&file.metadata());
        is_send(&file.read_at(&mut buf, 0));
        is_send(&file.write_at("text", 0));
        is_send(&file.write_all_at("text", 0));
        let mut out = BufWriter::new(file);
        is_send(&out.write_all("text"));
        is_send(&out.flush());
        is_send(&out.into_inner());
        is_send(&aioli_fs::lines("a"));
        let mut lines = aioli_fs::lines("a").await?;
        is_send(&lines.next());
        is_send(&lines.for_each(async |line| drop(line)));
        is_send(&aioli_fs::read_dir("a").await?.next());
        is_send(&aioli_fs::walk("a").next());
        is_send(&aioli_fs::open("a").await?.close());
        is_send(&aioli_fs::open("a").await?.into_std());
        is_send(&TempFile::new().await?.persist("a"));
        Ok::<(), aioli_fs::Error>(())
    });
}
