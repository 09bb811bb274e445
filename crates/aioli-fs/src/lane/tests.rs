//! A lane when wakers panic.

use std::{
    pin::Pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
};

use super::{Answer, Lane};

/// Tells that it was woken, and panics then if it is to.
struct Told {
    tell: mpsc::Sender<()>,
    panics: bool,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.tell.send(()).expect("the test is listening");
        assert!(!self.panics, "a waker that panics");
    }
}

fn poll<T>(answer: &mut Answer<T>, waker: &Waker) -> Poll<T> {
    Pin::new(answer).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_waker_that_panics_ends_neither_the_others_nor_the_lane() {
    let lane = Lane::new("aioli-test");
    let (go, gate) = mpsc::channel();
    let mut answer = lane.ask(move || gate.recv()).expect("a thread");
    let (tell, told) = mpsc::channel();
    for panics in [true, false] {
        let tell = tell.clone();
        let waker = Waker::from(Arc::new(Told { tell, panics }));
        assert!(poll(&mut answer, &waker).is_pending());
    }
    go.send(()).expect("the call is waiting");
    told.recv().expect("the first one is woken");
    told.recv().expect("the second one is woken too");
    assert_eq!(poll(&mut answer, Waker::noop()), Poll::Ready(Ok(())));

    let (say, said) = mpsc::channel();
    let _answer = lane.ask(move || say.send(())).expect("a thread");
    said.recv().expect("the lane goes on");
}
