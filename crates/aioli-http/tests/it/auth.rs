//! Credentials as servers see them.

use std::sync::{Arc, Mutex};

use aioli_http::{Auth, Body, ErrorKind, Limits, Netrc, NetrcError, RequestErrorKind, Session};
use futures::stream;

use crate::cancel::{at_each_point, at_most};
use crate::server::{Request, Server, ok, run};

/// A server that keeps what `authorization` it gets, and answers with `answer(nth, header)`.
fn server(
    answer: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = log.clone();
    let server = Server::answering(move |request: &Request| {
        let header = request.header("authorization").unwrap_or_default();
        let mut log = kept.lock().unwrap();
        log.push(header.to_owned());
        answer(log.len(), header)
    });
    (server, log)
}

fn challenge(params: &str) -> String {
    format!("HTTP/1.1 401 Who\r\nwww-authenticate: {params}\r\ncontent-length: 3\r\n\r\nwho")
}

/// The value of a parameter of a digest answer.
fn param<'a>(header: &'a str, name: &str) -> &'a str {
    let at = header
        .find(&format!("{name}="))
        .unwrap_or_else(|| panic!("{name} in {header}"));
    let value = &header[at + name.len() + 1..];
    value.split([',', ' ']).next().unwrap().trim_matches('"')
}

#[test]
fn basic_and_bearer_are_sent_at_once() {
    let (server, log) = server(|_, _| ok(""));
    run(async {
        let session = Session::builder().basic("u", "p").build().unwrap();
        session.get(server.url("/")).await.unwrap();
        session.get(server.url("/")).bearer("t0ken").await.unwrap();
        session
            .get(server.url("/"))
            .header("authorization", "by hand")
            .bearer("x")
            .await
            .unwrap();
        let session = Session::builder()
            .header("authorization", "default")
            .basic("u", "p");
        let session = session.build().unwrap();
        session.get(server.url("/")).await.unwrap();
        session.get(server.url("/")).basic("", "").await.unwrap();
        let want = [
            "Basic dTpw",
            "Bearer t0ken",
            "by hand",
            "default",
            "Basic Og==",
        ];
        assert_eq!(*log.lock().unwrap(), want);
    });
}

#[test]
fn a_digest_is_challenged_once_and_counted() {
    let (server, log) = server(|_, header| match header {
        "" => challenge("Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", opaque=\"o\""),
        _ => ok("in"),
    });
    run(async {
        let session = Session::builder().digest("me", "pass").build().unwrap();
        for n in 0..3 {
            let response = session
                .get(server.url("/a?b"))
                .query([("n", n)])
                .await
                .unwrap();
            assert_eq!(response.text().await.unwrap(), "in");
        }
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 4);
        assert_eq!(log[0], "");
        for (n, header) in log[1..].iter().enumerate() {
            assert_eq!(param(header, "nc"), format!("{:08x}", n + 1));
            assert_eq!(param(header, "uri"), format!("/a?b&n={n}"));
            assert_eq!(param(header, "opaque"), "o");
        }
        assert_eq!(
            server.accepted(),
            1,
            "the connection of the refusal is used again"
        );
    });
}

#[test]
fn the_strongest_scheme_that_is_asked_for() {
    let digest = "Digest realm=r, nonce=n, qop=auth";
    let both = format!("Basic realm=b, {digest}");
    for (asked, sent) in [
        ("Basic realm=b", "Basic bWU6cGFzcw=="),
        (digest, "Digest "),
        (&both, "Digest "),
        (
            "Digest realm=r, nonce=n, algorithm=X, Basic",
            "Basic bWU6cGFzcw==",
        ),
    ] {
        let refusal = challenge(asked);
        let (server, log) = server(move |_, header| match header {
            "" => refusal.clone(),
            _ => ok("in"),
        });
        run(async {
            let auth = Auth::any("me", "pass").unwrap();
            let session = Session::builder().auth(auth).build().unwrap();
            for _ in 0..2 {
                let response = session.get(server.url("/")).await.unwrap();
                assert_eq!(response.status(), 200, "{asked}");
            }
            let log = log.lock().unwrap();
            assert_eq!(log.len(), 3, "it is asked once: {log:?}");
            assert!(log[0].is_empty() && log[1..].iter().all(|h| h.starts_with(sent)));
        });
    }
}

#[test]
fn no_password_follows_a_digest_that_was_refused() {
    let (server, log) = server(|_, _| challenge("Basic realm=b, Digest realm=r, nonce=n"));
    let (basic, basics) = self::server(|_, _| challenge("Basic realm=b"));
    let (bearer, bearers) = self::server(|_, _| challenge("Bearer realm=b"));
    run(async {
        let session = Session::new();
        let auth = Auth::any("me", "wrong").unwrap();
        for (server, log, sent) in [
            (&server, &log, &["", "Digest "][..]),
            (&basic, &basics, &["", "Basic "]),
            (&bearer, &bearers, &[""]),
        ] {
            // What one origin has asked for goes to no other, and what was refused is forgotten.
            for _ in 0..2 {
                let response = session
                    .get(server.url("/"))
                    .auth(auth.clone())
                    .await
                    .unwrap();
                assert_eq!(response.status(), 401);
                let log = std::mem::take(&mut *log.lock().unwrap());
                assert_eq!(log.len(), sent.len(), "{log:?}");
                let pairs = log.iter().zip(sent);
                for (header, sent) in pairs {
                    assert!(header.starts_with(sent) && header.is_empty() == sent.is_empty());
                }
            }
        }
    });
}

#[test]
fn requests_at_the_same_time_are_counted_apart() {
    let (server, log) = server(|n, header| match header {
        "" => challenge(&format!("Digest realm=r, nonce=n{n}, qop=auth")),
        _ => ok("in"),
    });
    run(async {
        let session = Session::builder().digest("me", "pass").build().unwrap();
        let requests = (0..50).map(|_| session.get(server.url("/")).send());
        for response in futures::future::join_all(requests).await {
            assert_eq!(response.unwrap().status(), 200);
        }
        let log = log.lock().unwrap();
        let answers = log.iter().filter(|header| !header.is_empty());
        let mut counts: Vec<_> = answers
            .map(|header| (param(header, "nonce"), param(header, "nc")))
            .collect();
        assert_eq!(counts.len(), 50);
        counts.sort_unstable();
        counts.dedup();
        assert_eq!(counts.len(), 50, "no count was used twice");
    });
}

#[test]
fn a_nonce_that_is_out_of_date_is_replaced() {
    let (server, log) = server(|_, header| match header {
        "" => challenge("Digest realm=r, nonce=n1, qop=auth"),
        old if old.contains("n1") && !old.contains("nc=00000001") => {
            challenge("Digest realm=r, nonce=n2, qop=auth, stale=true")
        }
        _ => ok("in"),
    });
    run(async {
        let session = Session::builder().digest("me", "pass").build().unwrap();
        for _ in 0..3 {
            assert_eq!(session.get(server.url("/")).await.unwrap().status(), 200);
        }
        let log = log.lock().unwrap();
        let nonces: Vec<_> = log[1..]
            .iter()
            .map(|header| param(header, "nonce"))
            .collect();
        assert_eq!(nonces, ["n1", "n1", "n2", "n2"]);
    });
}

#[test]
fn a_response_names_the_nonce_of_the_next_request() {
    for auth in [Auth::digest("me", "pass"), Auth::any("me", "pass")] {
        let (server, log) = server(|n, header| match header {
            "" => challenge("Digest realm=r, nonce=n0, qop=auth"),
            _ => {
                let info = format!("\r\nauthentication-info: nextnonce=\"n{n}\"\r\n");
                ok("in").replacen("\r\n", &info, 1)
            }
        });
        run(async {
            let session = Session::builder().auth(auth.unwrap()).build().unwrap();
            for _ in 0..3 {
                assert_eq!(session.get(server.url("/")).await.unwrap().status(), 200);
            }
            let log = log.lock().unwrap();
            let answers = log[1..].iter();
            let nonces: Vec<_> = answers
                .map(|header| (param(header, "nonce"), param(header, "nc")))
                .collect();
            let first = "00000001";
            assert_eq!(nonces, [("n0", first), ("n2", first), ("n3", first)]);
        });
    }
}

#[test]
fn a_body_is_protected_if_it_is_known() {
    let (server, log) = server(|_, header| match header {
        "" => challenge("Digest realm=r, nonce=n, qop=\"auth-int\""),
        _ => ok("in"),
    });
    run(async {
        let session = Session::new();
        let post = || session.post(server.url("/")).digest("me", "p");
        let pieces = || stream::iter([Ok::<_, std::io::Error>("order")]);
        let streamed = Body::replayable(pieces);
        for (request, status) in [
            (post(), 200),
            (post().body("order"), 200),
            (post().body(streamed), 401),
        ] {
            assert_eq!(request.await.unwrap().status(), status);
        }
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 5, "the last one was not sent again");
        for answer in [&log[1], &log[3]] {
            assert_eq!(param(answer, "qop"), "auth-int");
        }
        let response = |n: usize| param(&log[n], "response");
        assert_ne!(response(1), response(3));
    });
}

#[test]
fn a_challenge_is_answered_once() {
    // Each refusal has another nonce and says that the last one was out of date.
    let (server, log) =
        server(|n, _| challenge(&format!("Digest realm=r, nonce=n{n}, qop=auth, stale=true")));
    run(async {
        let session = Session::new();
        let response = session
            .get(server.url("/"))
            .digest("me", "wrong")
            .await
            .unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.text().await.unwrap(), "who");
        assert_eq!(log.lock().unwrap().len(), 2);
        let kept = Auth::digest("me", "wrong").unwrap();
        for _ in 0..2 {
            assert_eq!(
                session
                    .get(server.url("/"))
                    .auth(kept.clone())
                    .await
                    .unwrap()
                    .status(),
                401
            );
        }
        assert_eq!(log.lock().unwrap().len(), 6);
    });
}

#[test]
fn what_cannot_be_answered_is_the_response() {
    let (server, log) = server(|_, _| challenge("Negotiate, Basic realm=r"));
    run(async {
        let session = Session::new();
        for request in [
            session.get(server.url("/")).digest("me", "p"),
            session.get(server.url("/")).basic("me", "p"),
        ] {
            assert_eq!(request.await.unwrap().status(), 401);
        }
        let error = session
            .get(server.url("/"))
            .raise_for_status(true)
            .digest("me", "s3cret")
            .await
            .unwrap_err();
        assert_eq!(error.status().unwrap(), 401);
        assert_eq!(log.lock().unwrap().len(), 3);
    });
}

#[test]
fn bodies_are_sent_again_if_they_can_be() {
    // What expects consent is refused before it is read.
    let server = Server::start(|conn| {
        while let Some(mut request) = conn.head() {
            let answered = request.header("authorization").is_some();
            if request.header("expect").is_some() {
                if !answered {
                    conn.send(challenge("Digest realm=r, nonce=n, qop=auth"));
                    return;
                }
                conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            conn.body(&mut request);
            conn.send(match answered {
                true => ok(request.text()),
                false => challenge("Digest realm=r, nonce=n, qop=auth"),
            });
        }
    });
    run(async {
        let session = Session::new();
        let post = || session.post(server.url("/")).digest("me", "p");
        let pieces = || stream::iter([Ok::<_, std::io::Error>("order")]);
        for request in [
            post().body("order"),
            post().body(Body::replayable(pieces)),
            post().body(Body::stream(pieces())).expect_continue(60),
        ] {
            let response = request.await.unwrap();
            assert_eq!(response.text().await.unwrap(), "order");
        }
        let spent = post().body(Body::stream(pieces()));
        assert_eq!(spent.await.unwrap().status(), 401);
    });
}

#[test]
fn input_121_122_what_cannot_be_sent_is_told_before_anything_is() {
    let (server, log) = server(|_, _| ok(""));
    run(async {
        let session = Session::new();
        let get = || session.get(server.url("/"));
        for (request, want) in [
            (get().basic("a:b", "c"), RequestErrorKind::Credentials),
            (get().basic("a", "b\r\nx: y"), RequestErrorKind::Credentials),
            (get().bearer("a b"), RequestErrorKind::Credentials),
            (get().digest("a:b", "c"), RequestErrorKind::Credentials),
            (get().cookie("a", "b; c=d"), RequestErrorKind::Cookie),
            (get().cookie("a", "b\r\nx: y"), RequestErrorKind::Cookie),
            (get().cookie("a=b", "c"), RequestErrorKind::Cookie),
            (
                get().cookies([("a", "b"), ("", "c")]),
                RequestErrorKind::Cookie,
            ),
        ] {
            let error = request.await.unwrap_err();
            let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, want);
        }
        assert!(Session::builder().basic("a:b", "c").build().is_err());
        assert!(
            Session::builder()
                .auth_for("nowhere", Auth::bearer("x").unwrap())
                .build()
                .is_err()
        );
        assert_eq!(log.lock().unwrap().len(), 0);
        get().basic("a", "b:c").cookie("a", "b").await.unwrap();
    });
}

#[test]
fn input_160_a_login_dropped_at_each_await() {
    // A challenge, a redirect with a cookie, and the page.
    let (server, _) = server(|_, header| match header {
        "" => challenge("Digest realm=r, nonce=n, qop=auth"),
        header if header.contains("uri=\"/\"") => {
            "HTTP/1.1 302 Go\r\nlocation: /in\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
                .into()
        }
        _ => ok("in"),
    });
    run(async move {
        // One slot: whatever leaks it makes the next request wait for ever.
        let limits = Limits::default().per_host(1).connections(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let kept = Auth::digest("me", "pass").unwrap();
        at_each_point(3, async |polls| {
            let fresh = Auth::digest("me", "pass").unwrap();
            let dropped = session.get(server.url("/")).auth(fresh);
            let done = at_most(polls, dropped.send()).await;
            assert_eq!(session.stats().in_use, 0, "after {polls} polls");
            let whole = session.get(server.url("/")).auth(kept.clone());
            assert_eq!(whole.await.unwrap().text().await.unwrap(), "in");
            assert_eq!(session.cookies().unwrap().len(), 1);
            let Some(response) = done else {
                return false;
            };
            assert_eq!(response.unwrap().text().await.unwrap(), "in");
            true
        })
        .await;
    });
}

#[test]
fn input_164_nothing_of_it_is_shown() {
    let server = Server::answering(|_| {
        "HTTP/1.1 401 Who\r\nset-cookie: a=s3cret\r\ncontent-length: 0\r\n\r\n".into()
    });
    run(async {
        let builder = Session::builder()
            .basic("me", "s3cret")
            .header("x-api-key", "s3cret")
            .netrc("machine a login me password s3cret".parse().unwrap());
        let shown = format!("{builder:?}");
        let session = builder.build().unwrap();
        let request = session
            .get(server.url("/?token=s3cret"))
            .bearer("s3cret")
            .cookie("a", "s3cret");
        let shown = format!("{shown} {session:?} {request:?}");
        let response = request.await.unwrap();
        let cookies = response.cookies();
        assert_eq!(cookies[0].value(), "s3cret");
        let shown = format!("{shown} {response:?} {cookies:?} {:?}", session.cookies());
        let error = response.error_for_status().unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        let refused = session.get(server.url("/")).bearer("s3cret s3cret");
        let refused = format!("{:?}", refused.await.unwrap_err());
        assert!(!refused.contains("s3cret"), "{refused}");
    });
}

#[test]
fn input_126_a_netrc_file_is_for_its_hosts() {
    let (server, log) = server(|_, _| ok(""));
    let path = std::env::temp_dir().join(format!("aioli-http-netrc-{}", std::process::id()));
    let load = |text: &[u8]| {
        std::fs::write(&path, text).unwrap();
        Netrc::load(&path)
    };
    let error = load(b"machine a login x\nwhat").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let source = error.get_ref().and_then(|source| source.downcast_ref());
    assert_eq!(source, Some(&NetrcError::Word { line: 2 }));
    assert!(load(&vec![b'#'; (1 << 20) + 1]).is_err());
    assert!(load(b"machine \xff").is_err());
    let netrc = load(b"machine 127.0.0.1 login u password p\ndefault login x password y").unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        Netrc::load(&path).unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
    run(async {
        let session = Session::builder()
            .netrc(netrc)
            .resolve("other.example", server.addr)
            .build()
            .unwrap();
        session.get(server.url("/")).await.unwrap();
        session.get(server.url("/")).bearer("t").await.unwrap();
        session.get("http://other.example/").await.unwrap();
        assert_eq!(*log.lock().unwrap(), ["Basic dTpw", "Bearer t", ""]);
    });
}
