//! The cache on the virtual clock, with look-ups that take as long as the test says.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aioli_task::Runner;
use aioli_time::sleep;

use super::*;

const TTL: Duration = Duration::from_secs(10);
const NAMES: usize = 100;

fn run<F: Future>(future: F) -> F::Output {
    Runner::builder()
        .virtual_clock()
        .build()
        .run(future)
        .unwrap()
}

/// Counts its look-ups; each takes a second.
#[derive(Default)]
struct Names {
    cache: Cache,
    asked: Cell<u32>,
    failing: Cell<bool>,
}

impl Names {
    async fn get(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.cache
            .get(host, TTL, NAMES, || async {
                self.asked.set(self.asked.get() + 1);
                sleep(1).await;
                if self.failing.get() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0)); 1000])
            })
            .await
    }
}

#[test]
fn a_name_is_remembered_for_its_time() {
    run(async {
        let names = Names::default();
        let found = names.get("a").await.unwrap();
        assert_eq!(found.len(), ADDRESSES_MAX);
        sleep(9).await;
        names.get("a").await.unwrap();
        assert_eq!(names.asked.get(), 1);
        names.get("b").await.unwrap();
        sleep(1).await;
        names.get("a").await.unwrap();
        assert_eq!(names.asked.get(), 3);
        names.cache.forget("a");
        names.get("a").await.unwrap();
        assert_eq!(names.asked.get(), 4);
    });
}

#[test]
fn who_asks_at_the_same_time_shares_the_answer_and_the_failure() {
    run(async {
        let names = Names::default();
        let since = aioli_task::now();
        let found = futures::future::join_all((0..100).map(|_| names.get("a"))).await;
        assert!(found.into_iter().all(|found| found.is_ok()));
        assert_eq!(names.asked.get(), 1);

        names.failing.set(true);
        let found = futures::future::join_all((0..100).map(|_| names.get("b"))).await;
        for found in found {
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(names.asked.get(), 2);
        assert_eq!(aioli_task::now() - since, Duration::from_secs(2));
        // A failure is not remembered.
        names.failing.set(false);
        names.get("b").await.unwrap();
    });
}

#[test]
fn when_the_one_that_asks_is_dropped_the_next_one_asks() {
    run(async {
        let names = Names::default();
        let mut first = Box::pin(names.get("a"));
        let mut second = pin!(names.get("a"));
        poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            assert!(second.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(names.asked.get(), 1);
        drop(first);
        assert!(second.await.is_ok());
        assert_eq!(names.asked.get(), 2);
    });
}

#[test]
fn the_number_of_names_is_bounded() {
    run(async {
        let names = Names::default();
        for n in 0..NAMES + 10 {
            names.get(&format!("name-{n}")).await.unwrap();
            assert!(lock(&names.cache.entries).len() <= NAMES);
        }
        let asked = names.asked.get();
        // The youngest are those that stayed.
        names.get(&format!("name-{}", NAMES + 9)).await.unwrap();
        assert_eq!(names.asked.get(), asked);
        // So many at the same time that no entry can be thrown away.
        let all = (0..2 * NAMES).map(|n| {
            let (names, host) = (&names, format!("other-{n}"));
            async move { names.get(&host).await }
        });
        let all = futures::future::join_all(all).await;
        assert!(all.into_iter().all(|found| found.is_ok()));
        assert!(lock(&names.cache.entries).len() <= NAMES);
    });
}
