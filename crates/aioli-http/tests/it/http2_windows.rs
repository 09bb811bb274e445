//! Windows of HTTP/2, and the pings that measure them, through a relay that holds bytes.
//!
//! All of it is on one loop with a virtual clock, so that a round trip takes as long as it should.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aioli_http::{Error, Http2, Session, Timeout};
use aioli_net::{TcpListener, TcpStream};
use aioli_sync::Queue;
use aioli_task::spawn;
use aioli_time::{sleep, sleep_until};
use futures::future::try_join_all;
use http::Response;

use crate::http2_server::{Answer, Settings, serve};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const PREFACE: usize = 24;

/// How long bytes are on their way, there or back.
const DELAY: Duration = Duration::from_millis(50);
const NARROW: u32 = 65_535;
const MIB: usize = 1 << 20;

/// Runs on a virtual clock, which waits for the system to hand over what was sent.
fn run<F: Future>(future: F) -> F::Output {
    let mut runner = aioli_task::Runner::builder().autojump(0.001).build();
    runner.run(future).expect("nobody cancels it")
}

/// What the client has sent, and how much was on its way to it at most.
#[derive(Debug, Default)]
struct Seen {
    pings: Cell<usize>,
    /// `SETTINGS_INITIAL_WINDOW_SIZE`, each time it was said.
    windows: RefCell<Vec<u32>>,
    on_the_way: Cell<usize>,
    most_on_the_way: Cell<usize>,
}

impl Seen {
    /// Looks at whole frames, and leaves the rest.
    fn frames(&self, bytes: &mut Vec<u8>, skip: &mut usize) {
        while let Some((kind, flags, payload)) = next_frame(bytes, skip) {
            match kind {
                PING if flags & ACK == 0 => self.pings.set(self.pings.get() + 1),
                SETTINGS => {
                    for setting in payload.chunks(6) {
                        let value = setting[2..].try_into().unwrap();
                        if setting[..2] == [0, 4] {
                            self.windows.borrow_mut().push(u32::from_be_bytes(value));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn held(&self, n: usize) {
        let on_the_way = self.on_the_way.get() + n;
        self.on_the_way.set(on_the_way);
        let most = self.most_on_the_way.get().max(on_the_way);
        self.most_on_the_way.set(most);
    }
}

/// Takes a frame off the beginning: its kind, flags and payload.
fn next_frame(bytes: &mut Vec<u8>, skip: &mut usize) -> Option<(u8, u8, Vec<u8>)> {
    let preface = bytes.len().min(*skip);
    *skip -= preface;
    bytes.drain(..preface);
    let head = bytes.first_chunk::<9>()?;
    let (kind, flags) = (head[3], head[4]);
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    if bytes.len() < 9 + length {
        return None;
    }
    let payload = bytes.drain(..9 + length).skip(9).collect();
    Some((kind, flags, payload))
}

/// Carries bytes one way, each for as long as [`DELAY`]; `note` sees what goes in and comes out.
async fn carry(
    from: Rc<TcpStream>,
    to: Rc<TcpStream>,
    came: impl Fn(&[u8]) + 'static,
    went: impl Fn(usize) + 'static,
) {
    let held = Rc::new(Queue::unbounded());
    let source = held.clone();
    let out = spawn(async move {
        while let Ok((at, bytes)) = source.get().await {
            let bytes: Vec<u8> = bytes;
            sleep_until(at).await;
            went(bytes.len());
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 18];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        came(&buffer[..n]);
        let at = aioli_task::now() + DELAY;
        held.try_put((at, buffer[..n].to_vec())).unwrap();
    }
    held.shutdown();
    let _ = out.await;
}

/// Starts a server behind a relay, which answers with so many bytes as the path says.
async fn distant() -> (SocketAddr, Rc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relayed = near.local_addr();
    let seen = Rc::new(Seen::default());
    drop(spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = Arc::new(|seen: &crate::http2_server::Seen| {
            let n = seen.head.uri().path()[1..].parse().unwrap();
            Answer::Body(Response::new(()), vec![7; n])
        });
        serve(stream, 0, Settings::default(), answer).await;
    }));
    let notes = seen.clone();
    drop(spawn(async move {
        let (client, _) = near.accept().await.unwrap();
        let server = TcpStream::connect(address).await.unwrap();
        let (client, server) = (Rc::new(client), Rc::new(server));
        let rest = RefCell::new((Vec::new(), PREFACE));
        let (frames, comes, goes) = (notes.clone(), notes.clone(), notes);
        let up = move |bytes: &[u8]| {
            let (rest, skip) = &mut *rest.borrow_mut();
            rest.extend_from_slice(bytes);
            frames.frames(rest, skip);
        };
        let down = move |bytes: &[u8]| comes.held(bytes.len());
        let down_again = move |n| goes.on_the_way.set(goes.on_the_way.get() - n);
        drop(spawn(carry(client.clone(), server.clone(), up, |_| ())));
        carry(server, client, down, down_again).await;
    }));
    (relayed, seen)
}

/// Takes bodies of so many bytes each at the same time; returns how long that took.
async fn take(session: &Session, address: SocketAddr, bodies: &[usize]) -> Duration {
    let begun = aioli_task::now();
    let bodies = bodies.iter().map(|n| async move {
        let response = session.get(format!("http://{address}/{n}")).await?;
        assert_eq!(response.bytes().await?.len(), *n);
        Ok::<_, Error>(())
    });
    try_join_all(bodies).await.unwrap();
    aioli_task::now() - begun
}

fn session(http2: Http2) -> Session {
    let builder = Session::builder().http2(http2);
    builder.timeout(Timeout::none()).build().unwrap()
}

/// Without limits of time. The clock jumps when the loop is idle, and while the system takes its time
/// with bytes there must be nothing to jump to but the end of their way.
fn patient(http2: Http2) -> Http2 {
    http2.ping(f64::INFINITY).settings_timeout(f64::INFINITY)
}

fn narrow() -> Http2 {
    Http2::prior_knowledge().windows(NARROW, NARROW)
}

#[test]
fn windows_that_are_not_asked_to_grow_stay_as_they_are() {
    run(async {
        let (address, seen) = distant().await;
        let took = take(&session(patient(narrow())), address, &[16 * MIB]).await;
        // A window each round trip.
        let rounds = 16 * MIB / NARROW as usize;
        assert!(
            took >= DELAY * 2 * u32::try_from(rounds).unwrap(),
            "{took:?}"
        );
        assert_eq!(seen.pings.get(), 0);
        assert_eq!(*seen.windows.borrow(), [NARROW]);
        assert!(seen.most_on_the_way.get() <= NARROW as usize + 10_000);
    });
}

#[test]
fn windows_grow_with_what_the_path_carries() {
    let most = 4 * MIB;
    run(async {
        let (address, seen) = distant().await;
        let adaptive = patient(narrow()).adaptive_windows(u32::try_from(most).unwrap());
        let session = session(adaptive);
        let took = take(&session, address, &[32 * MIB]).await;
        assert!(took <= DELAY * 2 * 30, "{took:?}");
        let windows = seen.windows.borrow().clone();
        assert!(windows.is_sorted_by(|a, b| a < b), "{windows:?}");
        assert_eq!(windows.first(), Some(&NARROW));
        assert_eq!(windows.last().map(|last| *last as usize), Some(most));
        let held = seen.most_on_the_way.get();
        assert!((most / 2..=most + 10_000).contains(&held), "{held}");
        // The bound is reached, and nothing is left to find out.
        let pings = seen.pings.get();
        assert!((2..=20).contains(&pings), "{pings}");
        let again = take(&session, address, &[32 * MIB]).await;
        assert!(again < took && again <= DELAY * 2 * 12, "{again:?}");
        assert_eq!(seen.pings.get(), pings);
    });
}

#[test]
fn many_bodies_share_a_window_that_grows() {
    run(async {
        let (address, seen) = distant().await;
        // A stream may have all of the connection, which is what holds back here.
        let adaptive = patient(Http2::prior_knowledge()).windows(1 << 20, NARROW);
        let session = session(adaptive.adaptive_windows(2 << 20));
        let took = take(&session, address, &[2 * MIB; 8]).await;
        assert!(took <= DELAY * 2 * 30, "{took:?}");
        assert!(seen.most_on_the_way.get() >= MIB, "{seen:?}");
    });
}

#[test]
fn a_caller_who_takes_nothing_is_sent_no_more() {
    run(async {
        let (address, seen) = distant().await;
        let session = session(patient(narrow()).adaptive_windows(4 << 20));
        let mut response = session
            .get(format!("http://{address}/{}", 16 * MIB))
            .await
            .unwrap();
        let first = response.chunk().await.unwrap().unwrap().len();
        sleep(3600).await;
        assert!(
            seen.most_on_the_way.get() <= NARROW as usize + 10_000,
            "{seen:?}"
        );
        let mut rest = 0;
        while let Some(piece) = response.chunk().await.unwrap() {
            rest += piece.len();
        }
        assert_eq!(first + rest, 16 * MIB);
    });
}

#[test]
fn a_bound_below_the_windows_changes_nothing() {
    run(async {
        let (address, seen) = distant().await;
        take(
            &session(patient(narrow()).adaptive_windows(1)),
            address,
            &[MIB],
        )
        .await;
        assert_eq!(seen.pings.get(), 0);
        assert_eq!(*seen.windows.borrow(), [NARROW]);
    });
}

/// A server that answers no ping. After the first one it says something whenever so many seconds
/// have passed, and then falls silent; returns when it spoke last as well.
async fn without_pongs(pauses: &'static [u64]) -> (SocketAddr, Rc<Cell<Instant>>) {
    let spoke = Rc::new(Cell::new(aioli_task::now()));
    let last = spoke.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    drop(spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
        stream.write_all(&settings).await.unwrap();
        let (mut bytes, mut skip) = (Vec::new(), PREFACE);
        let mut buffer = [0; 4096];
        loop {
            let Some((kind, ..)) = next_frame(&mut bytes, &mut skip) else {
                let n @ 1.. = stream.read(&mut buffer).await.unwrap() else {
                    return;
                };
                bytes.extend_from_slice(&buffer[..n]);
                continue;
            };
            if kind == PING {
                break;
            }
            if kind == HEADERS {
                let head = [0, 0, 1, HEADERS, 4, 0, 0, 0, 1, 0x88];
                let data = [0, 0, 1, DATA, 0, 0, 0, 0, 1, b'x'];
                stream.write_all(&[head, data].concat()).await.unwrap();
            }
        }
        for seconds in pauses {
            sleep(Duration::from_secs(*seconds)).await;
            let update = [0, 0, 4, WINDOW_UPDATE, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            stream.write_all(&update).await.unwrap();
            spoke.set(aioli_task::now());
        }
        while let Ok(1..) = stream.read(&mut buffer).await {}
    }));
    (address, last)
}

#[test]
fn a_ping_that_was_overtaken_by_other_words_is_a_probe_all_the_same() {
    for (http2, pauses) in [
        // The first one asks after 20 s of silence, and what is said then is no answer.
        (Http2::prior_knowledge(), &[5][..]),
        (Http2::prior_knowledge(), &[5, 15, 15]),
        // This one measures.
        (narrow().adaptive_windows(4 << 20), &[]),
    ] {
        run(async {
            let (address, last) = without_pongs(pauses).await;
            let session = session(http2);
            let request = session.get(format!("http://{address}/"));
            let mut response = request.timeout(Timeout::total(1000)).await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "x");
            let error = response.chunk().await.unwrap_err();
            assert!(!error.is_timeout(), "it is not given up");
            assert!(error.maybe_processed(), "{error:?}");
            // Twice 20 s, from the next look on; there is one in the idle time, 15 s, at least.
            let silence = (aioli_task::now() - last.get()).as_secs();
            assert!((40..=60).contains(&silence), "{pauses:?}: {silence}");
        });
    }
}
