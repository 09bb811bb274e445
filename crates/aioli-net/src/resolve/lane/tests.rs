//! The lane by itself, with lookups that are answered by the test.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};

use futures::executor::block_on;
use futures::future::join_all;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn waker() -> Waker {
    struct Nothing;
    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
    Waker::from(Arc::new(Nothing))
}

#[test]
fn tasks_that_ask_for_one_name_share_one_flight() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static GO: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
    let (go, gate) = mpsc::channel();
    *GO.lock().unwrap() = Some(gate);

    let lane = Lane::new(|host| {
        assert_eq!(host, "shared");
        CALLS.fetch_add(1, Ordering::SeqCst);
        GO.lock().unwrap().as_ref().unwrap().recv().unwrap();
        Ok(vec![address("127.0.0.1:0")])
    });
    let mut lookups: Vec<_> = (0..5).map(|_| Box::pin(lane.lookup("shared"))).collect();
    let waker = waker();
    for lookup in &mut lookups {
        assert!(
            lookup
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    // Two of them leave while the lookup runs or waits; the others get it.
    lookups.truncate(3);
    go.send(()).unwrap();
    for landed in block_on(join_all(lookups)) {
        assert_eq!(&*landed.unwrap(), &[address("127.0.0.1:0")]);
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);

    // Nothing is remembered.
    go.send(()).unwrap();
    block_on(lane.lookup("shared")).unwrap();
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

#[test]
fn a_lookup_that_nobody_waits_for_is_not_begun() {
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static GO: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
    let (go, gate) = mpsc::channel();
    *GO.lock().unwrap() = Some(gate);

    let lane = Lane::new(|host| {
        SEEN.lock().unwrap().push(host.to_owned());
        GO.lock().unwrap().as_ref().unwrap().recv().unwrap();
        Ok(Vec::new())
    });
    let waker = waker();
    let start = |host: &str| {
        let mut lookup = Box::pin(lane.lookup(host));
        assert!(
            lookup
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        lookup
    };
    // All threads busy, then one in the queue.
    let running: Vec<_> = (0..THREADS_MAX)
        .map(|n| start(&format!("busy{n}")))
        .collect();
    let queued = start("queued");
    let kept = start("kept");
    drop(queued);
    for _ in 0..=THREADS_MAX {
        go.send(()).unwrap();
    }
    block_on(join_all(running));
    block_on(kept).unwrap();
    let seen = SEEN.lock().unwrap();
    assert!(!seen.contains(&"queued".to_owned()), "{seen:?}");
    assert_eq!(seen.len(), THREADS_MAX + 1);
    assert!(lock(&lane.state).flights.is_empty());
}

#[test]
fn a_failure_is_shared_too() {
    let lane = Lane::new(|_| Err(io::Error::other("no such name")));
    let error = block_on(lane.lookup("nowhere")).unwrap_err();
    assert_eq!(error.to_string(), "no such name");
}

#[test]
fn a_waker_that_panics_ends_neither_the_others_nor_the_lane() {
    /// Tells that it was woken, and panics then if it is to.
    struct Told {
        tell: mpsc::Sender<()>,
        panics: bool,
    }
    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.tell.send(()).unwrap();
            assert!(!self.panics, "a waker that panics");
        }
    }
    static GO: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
    let (go, gate) = mpsc::channel();
    *GO.lock().unwrap() = Some(gate);
    let lane = Lane::new(|_| {
        GO.lock().unwrap().as_ref().unwrap().recv().unwrap();
        Ok(Vec::new())
    });
    // Once more than there may be threads.
    for _ in 0..=THREADS_MAX {
        let (tell, told) = mpsc::channel();
        let mut lookups = [true, false].map(|panics| {
            let tell = tell.clone();
            let waker = Waker::from(Arc::new(Told { tell, panics }));
            let mut lookup = lane.lookup("name");
            let polled = Pin::new(&mut lookup).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            lookup
        });
        go.send(()).unwrap();
        for _ in &lookups {
            told.recv().unwrap();
        }
        block_on(join_all(&mut lookups));
    }
}
