//! Names, links and folders.

use aioli_fs as fs;
use std::{collections::BTreeSet, io::ErrorKind};

#[test]
fn names_come_and_go() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let (a, b, c) = (
            dir.path().join("a"),
            dir.path().join("b"),
            dir.path().join("c"),
        );
        fs::write(&a, "text").await?;
        fs::rename(&a, &b).await?;
        assert!(!fs::exists(&a).await?);
        fs::hard_link(&b, &c).await?;
        fs::remove_file(&b).await?;
        assert_eq!(fs::read_to_string(&c).await?, "text");
        fs::symlink("nowhere", &a).await?;
        assert!(!fs::exists(&a).await?);
        assert!(fs::symlink_metadata(&a).await?.is_symlink());
        assert_eq!(fs::read_link(&a).await?, std::path::Path::new("nowhere"));
        assert_eq!(fs::canonicalize(dir.path().join(".").join("c")).await?, {
            fs::canonicalize(&c).await?
        });
        Ok::<(), fs::Error>(())
    })
    .unwrap();
}

#[test]
fn folders_come_and_go() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let deep = dir.path().join("x/y/z");
        assert_eq!(
            fs::create_dir(&deep).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        fs::create_dir_all(&deep).await?;
        fs::create_dir_all(&deep).await?;
        assert_eq!(
            fs::create_dir(&deep).await.unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        let top = dir.path().join("x");
        assert_eq!(
            fs::remove_dir(&top).await.unwrap_err().kind(),
            ErrorKind::DirectoryNotEmpty
        );
        fs::remove_dir(&deep).await?;
        fs::remove_dir_all(&top).await?;
        assert!(!fs::exists(&top).await?);
        Ok::<(), fs::Error>(())
    })
    .unwrap();
}

#[test]
fn a_walk_finds_every_entry_once_parents_first() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let mut expected = BTreeSet::new();
        for i in 0..20 {
            let folder = dir.path().join(format!("d{}/e{i}", i % 4));
            fs::create_dir_all(&folder).await?;
            expected.insert(folder.parent().expect("it has one").to_path_buf());
            for j in 0..10 {
                fs::write(folder.join(j.to_string()), "").await?;
                expected.insert(folder.join(j.to_string()));
            }
            expected.insert(folder);
        }
        // A link back up must not be followed.
        fs::symlink(dir.path(), dir.path().join("loop")).await?;
        expected.insert(dir.path().join("loop"));

        let mut seen = BTreeSet::new();
        let mut walk = fs::walk(dir.path());
        while let Some(entry) = walk.next().await {
            let entry = entry?;
            let parent = entry.path().parent().expect("it has one");
            assert!(parent == dir.path() || seen.contains(parent), "{entry:?}");
            assert_eq!(entry.depth(), {
                let below = entry.path().strip_prefix(dir.path()).expect("it is below");
                below.components().count()
            });
            assert!(seen.insert(entry.into_path()), "twice");
        }
        assert_eq!(seen, expected);
        Ok::<(), fs::Error>(())
    })
    .unwrap();
}

#[test]
fn what_goes_in_the_middle_of_a_walk_is_an_item_and_the_rest_goes_on() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        fs::create_dir_all(dir.path().join("a/b")).await?;
        fs::create_dir_all(dir.path().join("c")).await?;
        let mut walk = fs::walk(dir.path());
        let mut n = 0;
        while let Some(entry) = walk.next().await {
            entry?;
            n += 1;
        }
        assert_eq!(n, 3);
        let mut walk = fs::walk(dir.path().join("gone"));
        let error = walk.next().await.expect("an item").unwrap_err();
        assert_eq!(error.operation(), "list");
        assert!(walk.next().await.is_none());
        Ok::<(), fs::Error>(())
    })
    .unwrap();
}

#[test]
fn temporary_things_are_private_and_go_away() {
    use std::os::unix::fs::PermissionsExt;
    crate::block_on(async {
        let dir = fs::TempDir::new().await?;
        let mode = fs::metadata(dir.path()).await?.permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let file = fs::TempFile::new_in(dir.path()).await?;
        let name = file.path().to_path_buf();
        drop(file);
        assert!(!fs::exists(&name).await?);
        let file = fs::TempFile::new_in(dir.path()).await?;
        let error = file.persist(dir.path().join("no/a")).await.unwrap_err();
        assert_eq!(error.operation(), "rename");
        assert!(fs::read_dir(dir.path()).await?.next().await.is_none());
        let path = dir.path().to_path_buf();
        drop(dir);
        assert!(!fs::exists(path).await?);
        Ok::<(), fs::Error>(())
    })
    .unwrap();
}
