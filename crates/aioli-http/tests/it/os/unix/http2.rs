//! What shows over a Unix socket alone, where bytes and the end of a connection keep their order.

use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;

use aioli_http::{ErrorKind, Http2, Session, Timeout};

use super::Place;
use crate::http2_hostile::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, STATUS_200, frame, read_frames,
    read_head,
};
use crate::server::run;

/// Answers a request up to its body, and reads the head of another one. When it is told to, it sends
/// the rest and leaves.
fn leaving(listener: UnixListener, go: mpsc::Receiver<()>, tell: mpsc::Sender<()>) {
    thread::spawn(move || {
        let mut first = listener.accept().unwrap().0;
        read_head(&mut first, &frame(SETTINGS, 0, 0, &[])).unwrap();
        let head = frame(HEADERS, END_HEADERS, 1, &[STATUS_200]);
        first.write_all(&head).unwrap();
        read_frames(&mut first).unwrap();
        tell.send(()).unwrap();
        go.recv().unwrap();
        let body = frame(DATA, END_STREAM, 1, b"all of it");
        first.write_all(&body).unwrap();
        drop(first);
        tell.send(()).unwrap();
    });
}

#[test]
fn what_http2_has_sent_before_it_left_is_read_though_writing_fails_first() {
    let place = Place::new("leaving");
    let ((tell, go), (is_so, told)) = (mpsc::channel(), mpsc::channel());
    leaving(UnixListener::bind(&place.0).unwrap(), go, is_so);
    let session = Session::builder().http2(Http2::prior_knowledge());
    let session = session.unix_socket(&place.0).timeout(Timeout::total(20));
    let session = session.build().unwrap();
    run(async {
        let first = session.get("http://a.example/").await.unwrap();
        // What may have been carried out is not sent again.
        let post = || session.post("http://a.example/").send();
        let second = aioli_task::spawn(post());
        while told.try_recv().is_err() {
            aioli_task::yield_now().await;
        }
        tell.send(()).unwrap();
        // The loop stands still: it has heard of nothing when the next request is written.
        told.recv().unwrap();
        let (third, text) = futures::join!(post(), first.text());
        assert_eq!(text.unwrap(), "all of it");
        for outcome in [second.await, third] {
            let error = outcome.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Disconnected { reused: true, .. }),
                "{error:?}"
            );
        }
    });
}

/// That what is written is lost shows at once here, as the server shuts its side for reading alone.
#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_takes_nothing_any_more_gets_no_new_requests() {
    let place = Place::new("deaf");
    let listener = UnixListener::bind(&place.0).unwrap();
    let (tell, go) = mpsc::channel();
    let server = thread::spawn(move || {
        let mut first = listener.accept().unwrap().0;
        read_head(&mut first, &frame(SETTINGS, 0, 0, &[])).unwrap();
        first.shutdown(Shutdown::Read).unwrap();
        // Its answer is lost before the head is seen.
        let ping = frame(PING, 0, 0, &[0; 8]);
        let head = frame(HEADERS, END_HEADERS, 1, &[STATUS_200]);
        first.write_all(&[ping, head].concat()).unwrap();
        let mut second = listener.accept().unwrap().0;
        read_head(&mut second, &frame(SETTINGS, 0, 0, &[])).unwrap();
        let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[STATUS_200]);
        second.write_all(&head).unwrap();
        go.recv().unwrap();
        let body = frame(DATA, END_STREAM, 1, b"all of it");
        first.write_all(&body).unwrap();
    });
    let session = Session::builder().http2(Http2::prior_knowledge());
    let session = session.unix_socket(&place.0).timeout(Timeout::total(20));
    let session = session.build().unwrap();
    run(async {
        let get = || session.get("http://a.example/").send();
        let first = get().await.unwrap();
        assert_eq!(get().await.unwrap().status(), 200);
        tell.send(()).unwrap();
        assert_eq!(first.text().await.unwrap(), "all of it");
    });
    assert_eq!(session.stats().opened, 2);
    server.join().unwrap();
}
