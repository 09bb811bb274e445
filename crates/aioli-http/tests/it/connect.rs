//! From a name to a socket: who is asked, what may be dialled, and how long it may take.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aioli_http::{
    Egress, EgressRule, Error, ErrorKind, IpFamily, Phase, RequestErrorKind, Resolver, Resolving,
    Session, Timeout,
};
use aioli_net::{ListenOptions, TcpListener};
use aioli_task::{Runner, testing};
use futures::future::join_all;

use crate::server::{Server, before, ok, run};

fn hello() -> Server {
    Server::answering(|_| ok("hello"))
}

/// A resolver of a test's own: asks a function, and counts how often.
struct Asking<F> {
    asked: Arc<AtomicUsize>,
    answer: F,
}

impl<F: Fn(&str, usize) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static> Resolver
    for Asking<F>
{
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            aioli_time::sleep(0.01).await;
            (self.answer)(host, n)
        })
    }
}

fn asking<F>(answer: F) -> (Asking<F>, Arc<AtomicUsize>)
where
    F: Fn(&str, usize) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    let asked: Arc<AtomicUsize> = Arc::default();
    let resolver = Asking {
        asked: asked.clone(),
        answer,
    };
    (resolver, asked)
}

/// A listener whose queue is full, with the connections that fill it: another one gets no
/// answer at all.
async fn black_hole() -> (TcpListener, Vec<std::net::TcpStream>) {
    let listener = ListenOptions::new().backlog(1).bind("127.0.0.1:0").await;
    let listener = listener.unwrap();
    let address = listener.local_addr();
    let dial = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let filling: Vec<_> = std::iter::from_fn(dial).take(64).collect();
    assert!(filling.len() < 64, "the queue is never full");
    (listener, filling)
}

fn egress(error: &Error) -> (&str, IpAddr, EgressRule) {
    assert!(error.is_connect() && !error.maybe_processed() && !error.is_retryable());
    match error.kind() {
        ErrorKind::Egress {
            host,
            address,
            rule,
            ..
        } => (host, *address, *rule),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_looked_up_once_for_all_who_wait_and_remembered() {
    let server = hello();
    let addr = server.addr;
    run(async {
        let (resolver, asked) = asking(move |host, _| {
            assert_eq!(host, "a.example");
            Ok(vec![SocketAddr::from((addr.ip(), 0))])
        });
        let session = Session::builder().resolver(resolver).build().unwrap();
        let url = format!("http://A.example.:{}/", addr.port());
        let all = join_all((0..20).map(|_| session.get(&url).send())).await;
        assert!(all.iter().all(Result::is_ok));
        drop(all);
        session.get(&url).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_name_that_led_nowhere_is_asked_for_again() {
    let server = hello();
    let addr = server.addr;
    run(async {
        let (resolver, asked) = asking(move |_, n| {
            // Nobody listens on port 1.
            let port = if n == 0 { 1 } else { addr.port() };
            Ok(vec![SocketAddr::from((addr.ip(), port))])
        });
        let session = Session::builder().resolver(resolver).build().unwrap();
        let error = session.get("http://a.example/").await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connect { .. }),
            "{error:?}"
        );
        let text = session.get("http://a.example/").await.unwrap().text().await;
        assert_eq!(text.unwrap(), "hello");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn input_158_no_name_no_address_and_ten_thousand_of_them() {
    let server = hello();
    let addr = server.addr;
    run(async {
        let (resolver, _) = asking(move |host, _| match host {
            "gone.example" => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            "empty.example" => Ok(Vec::new()),
            "good.example" => Ok(vec![addr]),
            _ => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 1)); 10_000]),
        });
        let session = Session::builder()
            .resolver(resolver)
            .happy_eyeballs_delay(f64::INFINITY)
            .build()
            .unwrap();
        for name in ["gone.example", "empty.example"] {
            let error = session.get(format!("http://{name}/")).await.unwrap_err();
            let ErrorKind::Dns { host, source, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!((&host[..], source.kind()), (name, io::ErrorKind::NotFound));
            assert!(error.is_connect() && !error.maybe_processed());
        }
        let error = session.get("http://many.example/").await.unwrap_err();
        let ErrorKind::Connect { source, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(source.to_string().matches("127.0.0.1:1").count(), 16);
        assert!(session.get("http://good.example/").await.is_ok());
    });
}

#[test]
fn input_156_and_157_a_family_that_leads_nowhere_does_not_hold_up_the_other() {
    /// How long the first address has the field to itself (RFC 8305, section 8).
    const DELAY: Duration = Duration::from_millis(250);
    let server = hello();
    let mut runner = Runner::builder().autojump(f64::INFINITY).build();
    let main = async {
        let (hole, _filling) = black_hole().await;
        let session = Session::builder()
            .resolve_all("a.example", [hole.local_addr(), server.addr])
            .build()
            .unwrap();
        let mut request = session.get("http://a.example/").send();
        assert!(futures::poll!(&mut request).is_pending());
        testing::advance(DELAY - Duration::from_millis(1));
        assert!(futures::poll!(&mut request).is_pending());
        assert_eq!(server.accepted(), 0);
        testing::advance(Duration::from_millis(1));
        let text = request.await.unwrap().text().await;
        assert_eq!(text.unwrap(), "hello");
    };
    runner.run(main).expect("main is not stopped");
}

#[test]
fn input_156_a_black_hole_is_given_up_at_the_set_time() {
    run(async {
        let (hole, _filling) = black_hole().await;
        let url = format!("http://{}/", hole.local_addr());
        let limit = Duration::from_millis(200);
        for (timeout, phase) in [
            (Timeout::default().connect(limit), Phase::Connect),
            (Timeout::default().sock_connect(limit), Phase::SockConnect),
        ] {
            let since = Instant::now();
            let request = Session::new().get(&url).timeout(timeout);
            let error = before(limit * 5, request).await.unwrap_err();
            assert_eq!(error.phase(), Some(phase), "{error:?}");
            assert!(since.elapsed() >= limit, "{:?}", since.elapsed());
            assert!(error.is_connect() && !error.maybe_processed());
        }
        // Another address of the host gets its turn when the first one has had its time.
        let server = hello();
        let session = Session::builder()
            .resolve_all("a.example", [hole.local_addr(), server.addr])
            .happy_eyeballs_delay(f64::INFINITY)
            .timeout(Timeout::default().sock_connect(limit))
            .build()
            .unwrap();
        assert!(session.get("http://a.example/").await.is_ok());
    });
}

#[test]
fn a_look_up_has_a_limit_of_its_own_and_is_named_when_the_larger_one_passes() {
    struct Never;
    impl Resolver for Never {
        fn resolve<'a>(&'a self, _host: &'a str) -> Resolving<'a> {
            Box::pin(std::future::pending())
        }
    }
    run(async {
        let session = Session::builder().resolver(Never).build().unwrap();
        let limit = Duration::from_millis(50);
        for timeout in [
            Timeout::default().dns(limit),
            Timeout::default().connect(limit),
        ] {
            let error = session.get("http://a.example/").timeout(timeout).await;
            let error = error.unwrap_err();
            match error.kind() {
                ErrorKind::Timeout { phase, after } => {
                    assert_eq!((*phase, *after), (Phase::Dns, limit));
                }
                other => panic!("{other:?}"),
            }
            assert!(error.is_connect() && error.is_timeout() && !error.maybe_processed());
        }
        assert_eq!(session.stats().in_use, 0);
    });
}

#[test]
fn the_policy_judges_the_address_that_is_dialled() {
    let server = hello();
    let addr = server.addr;
    let loopback = addr.ip();
    run(async {
        let (resolver, _) = asking(move |host, _| match host {
            "mapped.example" => Ok(vec![
                format!("[::ffff:127.0.0.1]:{}", addr.port())
                    .parse()
                    .unwrap(),
            ]),
            "both.example" => Ok(vec!["10.0.0.1:80".parse().unwrap(), addr]),
            _ => Ok(vec![addr]),
        });
        let session = Session::builder()
            .resolver(resolver)
            .resolve("given.example", addr)
            .egress(Egress::public_only())
            .build()
            .unwrap();
        let port = addr.port();
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "rebound.example",
            "given.example",
        ] {
            let error = session
                .get(format!("http://{host}:{port}/"))
                .await
                .unwrap_err();
            let (_, address, rule) = egress(&error);
            assert_eq!((address, rule), (loopback, EgressRule::NotPublic), "{host}");
        }
        for host in ["mapped.example", "[::ffff:127.0.0.1]"] {
            let error = session
                .get(format!("http://{host}:{port}/"))
                .await
                .unwrap_err();
            assert_eq!(egress(&error).2, EgressRule::NotPublic, "{host}");
        }
        assert_eq!(server.accepted(), 0, "nothing was dialled");

        // Of several addresses those that are allowed are used.
        let (resolver, _) = asking(move |_, _| Ok(vec!["10.0.0.1:80".parse().unwrap(), addr]));
        let session = Session::builder()
            .resolver(resolver)
            .egress(Egress::public_only().allow("127.0.0.0/8"))
            .build()
            .unwrap();
        assert!(session.get("http://both.example/").await.is_ok());
    });
}

#[test]
fn the_policy_holds_on_every_hop_of_a_redirect() {
    let inner = hello();
    let to = inner.url("/secret").replace("127.0.0.1", "127.0.0.2");
    let outer = Server::answering(move |_| {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
    });
    run(async {
        let denied = "127.0.0.2".parse().unwrap();
        let session = Session::builder()
            .egress(Egress::anywhere().deny("127.0.0.2"))
            .build()
            .unwrap();
        let error = session.get(outer.url("/")).await.unwrap_err();
        let ErrorKind::Egress { address, rule, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*rule, EgressRule::Denied(denied));
        assert_eq!(address.to_string(), "127.0.0.2");
        assert_eq!(inner.accepted(), 0);
    });
}

#[test]
fn a_malformed_policy_is_told() {
    let policy = Egress::anywhere().deny("not a network");
    let error = Session::builder().egress(policy).build().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::InvalidRequest {
            kind: RequestErrorKind::Network,
            ..
        }
    ));
}

#[test]
fn the_address_of_this_side() {
    let seen: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr());
        let session = Session::builder()
            .local_address("127.0.0.1:0".parse().unwrap())
            .tcp_nodelay(false)
            .tcp_keepalive(30)
            .build()
            .unwrap();
        let accept = async {
            let (stream, from) = listener.accept().await.unwrap();
            seen.lock().unwrap().push(from.ip());
            stream.write_all(ok("hello").as_bytes()).await.unwrap();
            stream
        };
        let (response, _stream) = futures::join!(session.get(url).send(), accept);
        assert_eq!(response.unwrap().text().await.unwrap(), "hello");

        let session = Session::builder()
            .local_address("[::1]:0".parse().unwrap())
            .build()
            .unwrap();
        let url = format!("http://{}/", listener.local_addr());
        let error = session.get(url).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connect { .. }),
            "{error:?}"
        );
    });
    assert_eq!(*seen.lock().unwrap(), [IpAddr::from([127, 0, 0, 1])]);
}

#[test]
fn one_family_only() {
    let server = hello();
    let addr = server.addr;
    run(async {
        let session = |family| {
            Session::builder()
                .resolve_all("a.example", ["[::1]:1".parse().unwrap(), addr])
                .ip_family(family)
                .build()
                .unwrap()
        };
        let v4 = session(IpFamily::V4);
        assert!(v4.get("http://a.example/").await.is_ok());
        let error = v4.get("http://[::1]:1/").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Dns { .. }), "{error:?}");
        let v6 = session(IpFamily::V6);
        let error = v6.get("http://a.example/").await.unwrap_err();
        let ErrorKind::Connect { source, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert!(!source.to_string().contains("127.0.0.1"), "{error:?}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_not_taken_for_long_is_given_up_by_the_system() {
    // Nobody accepts: the system does, until its window is full.
    let full = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", full.local_addr().unwrap());
    run(async {
        let session = Session::builder().tcp_user_timeout(0.1).build().unwrap();
        let put = session.put(url).body(vec![0; 64 << 20]);
        let error = put.timeout(Timeout::total(60)).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Disconnected { .. }),
            "{error:?}"
        );
        let cause = std::error::Error::source(&error).unwrap();
        let cause = cause.downcast_ref::<io::Error>().unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::TimedOut);
        assert!(error.maybe_processed());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn by_one_interface_alone() {
    let server = hello();
    let url = format!("http://{}/", server.addr);
    run(async {
        let by = |name| Session::builder().device(name).tcp_user_timeout(30);
        let page = by("lo").build().unwrap().get(&url).await.unwrap();
        assert_eq!(page.text().await.unwrap(), "hello");
        let error = by("no-such-device").build().unwrap().get(&url).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connect { .. }) && !error.maybe_processed(),
            "{error:?}"
        );
    });
}
