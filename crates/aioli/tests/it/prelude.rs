//! The prelude can be imported whole: what it brings, and what it leaves alone.

use aioli::prelude::*;
use std::time::Duration;

#[test]
fn result_can_be_used_as_the_standard_one() {
    fn one() -> Result {
        Ok(())
    }
    fn two() -> Result<u8> {
        Ok("2".parse()?)
    }
    fn three() -> Result<u8, std::num::ParseIntError> {
        "3".parse()
    }
    assert!(one().is_ok());
    assert_eq!(two().unwrap() + three().unwrap(), 5);
}

/// Names of std's prelude, each used as what it is there. A glob import that brought another
/// meaning would change one of them.
#[test]
fn names_of_every_rust_file_keep_their_meaning() {
    let some: Option<Box<String>> = Some(Box::new(String::from("a")));
    let vec: Vec<_> = some.iter().map(ToString::to_string).collect();
    let _: (Box<dyn FnOnce()>, Box<dyn Send>) = (Box::new(|| drop(vec)), Box::new(()));
    let _: fn(&str) -> std::result::Result<u8, _> = |text| u8::try_from(text.len());
    assert_eq!(Some(1).map_or_else(Default::default, i32::from), 1);
    assert_eq!(
        [None, Some(1)].into_iter().flatten().collect::<Vec<u8>>(),
        [1]
    );
}

/// A name of one's own, or one that is imported by name, goes before the prelude's.
#[test]
fn own_names_go_first() {
    fn sleep(seconds: u32) -> u32 {
        seconds
    }
    use std::fs;
    assert_eq!(sleep(1), 1);
    assert!(fs::exists(".").unwrap());
}

#[test]
fn tutorial_in_one_breath() {
    let mut runner = Runner::builder().virtual_clock().build();
    let main = async {
        let queue = Queue::new(2);
        let squares = (1..=3)
            .map(|n| {
                let queue = queue.clone();
                async move {
                    sleep(n).await;
                    queue.put(n * n).await
                }
            })
            .spawn_all();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.push(timeout(Duration::from_secs(5), queue.get()).await??);
        }
        for square in squares {
            square.await?;
        }
        ensure!(seen == [1, 4, 9], "{seen:?}");
        let slow = [3.0, 2.5].map(|n| async move {
            sleep(n).await;
            n
        });
        let (first, number) = gather((slow.race(), to_thread(|| 6 * 7))).await;
        ensure!(first == 2.5 && number == 42);
        let group = TaskGroup::scope(async |tg| {
            tg.spawn(async { "x".parse::<u8>() });
            Ok(())
        });
        let error = group.await.context("the group failed").unwrap_err();
        ensure!(error.to_string() == "the group failed");
        Ok::<_, Error>(move_on_after(1, sleep(f64::INFINITY)).await)
    };
    assert_eq!(runner.run(main).unwrap().unwrap(), None);
}
