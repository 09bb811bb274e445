//! Where redirects lead, and what goes along.

use std::sync::{Arc, Mutex};

use aioli_http::{
    Body, Error, ErrorKind, HeaderValue, LimitKind, Limits, Redirect, RedirectErrorKind, Session,
};
use futures::stream;

use crate::network::Network;
use crate::server::{Request, Server, ok, run};
use crate::vacant::vacant;

/// Redirects `/<status>/<where>` to `<where>`, where `@N` is the N-th server; logs everything.
fn network(n: usize) -> (Vec<Server>, Arc<Mutex<Vec<Request>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let addrs = Arc::new(Mutex::new(Vec::new()));
    let servers: Vec<Server> = (0..n)
        .map(|_| {
            let (log, addrs) = (log.clone(), addrs.clone());
            Server::answering(move |request| {
                log.lock().unwrap().push(request.clone());
                let Some((status, location)) = request.target[1..].split_once('/') else {
                    return ok(&format!("{} {}", request.method, request.text()));
                };
                let addrs: &Vec<std::net::SocketAddr> = &addrs.lock().unwrap();
                let mut location = location.to_owned();
                if let Some(rest) = location.strip_prefix('@') {
                    let index: usize = rest[..1].parse().unwrap();
                    location = format!("http://{}{}", addrs[index], &rest[1..]);
                }
                format!(
                    "HTTP/1.1 {status} Go\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\nbody"
                )
            })
        })
        .collect();
    *addrs.lock().unwrap() = servers.iter().map(|s| s.addr).collect();
    (servers, log)
}

#[test]
fn a_chain_is_followed_and_remembered() {
    let (servers, _) = network(2);
    run(async {
        let url = servers[0].url("/302/@1/307/@0/x");
        let response = Session::new().get(&url).await.unwrap();
        assert_eq!(response.url().as_str(), servers[0].url("/x"));
        let history: Vec<_> = response
            .history()
            .iter()
            .map(|u| u.as_str().to_owned())
            .collect();
        assert_eq!(history, [url, servers[1].url("/307/@0/x")]);
        assert_eq!(response.text().await.unwrap(), "GET ");
        assert_eq!(servers[0].accepted(), 1, "the connection served again");
    });
}

#[test]
fn input_099_the_limit() {
    let (servers, log) = network(1);
    run(async {
        let deep = format!("{}/x", "/302/@0".repeat(10));
        let session = Session::new();
        assert_eq!(
            session
                .get(servers[0].url(&deep))
                .await
                .unwrap()
                .history()
                .len(),
            10
        );

        let deeper = format!("/302/@0{deep}");
        let error = session.get(servers[0].url(&deeper)).await.unwrap_err();
        let ErrorKind::Redirect { kind, history } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!((*kind, history.len()), (RedirectErrorKind::TooMany, 11));

        log.lock().unwrap().clear();
        let response = session
            .get(servers[0].url(&deep))
            .redirects(0)
            .await
            .unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(response.text().await.unwrap(), "body");
        assert_eq!(log.lock().unwrap().len(), 1);

        let session = Session::builder()
            .limits(Limits::default().redirects(2))
            .build()
            .unwrap();
        session
            .get(servers[0].url("/302/@0/302/@0/x"))
            .await
            .unwrap();
        session
            .get(servers[0].url("/302/@0/302/@0/302/@0/x"))
            .await
            .unwrap_err();
    });
}

#[test]
fn input_100_methods_and_bodies() {
    let (servers, log) = network(1);
    run(async {
        let session = Session::new();
        for (status, want) in [
            (301, "GET "),
            (302, "GET "),
            (303, "GET "),
            (307, "POST {\"a\":1}"),
            (308, "POST {\"a\":1}"),
        ] {
            log.lock().unwrap().clear();
            let url = servers[0].url(&format!("/{status}/@0/x"));
            let body = serde_json::json!({"a": 1});
            let request = session
                .post(url)
                .json(&body)
                .header("content-language", "en");
            assert_eq!(
                request.await.unwrap().text().await.unwrap(),
                want,
                "{status}"
            );
            let log = log.lock().unwrap();
            let describes = log[1]
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("content-"));
            assert_eq!(describes, want.starts_with("POST"));
        }
        let put = session
            .put(servers[0].url("/302/@0/x"))
            .body("b")
            .await
            .unwrap();
        assert_eq!(put.text().await.unwrap(), "PUT b");
    });
}

#[test]
fn input_100_a_stream_cannot_be_sent_twice() {
    let (servers, _) = network(1);
    run(async {
        let session = Session::new();
        let body = || Body::stream(stream::iter([Ok::<_, std::io::Error>("a")]));
        let error = session
            .post(servers[0].url("/307/@0/x"))
            .body(body())
            .await
            .unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Redirect {
                    kind: RedirectErrorKind::BodyNotReplayable,
                    ..
                }
            ),
            "{error:?}"
        );
        let response = session
            .post(servers[0].url("/303/@0/x"))
            .body(body())
            .await
            .unwrap();
        assert_eq!(response.text().await.unwrap(), "GET ");
    });
}

/// The secrets that arrived, one entry a request.
fn secrets(log: &Mutex<Vec<Request>>) -> Vec<Vec<String>> {
    let names = [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "x-marked",
        "x-default",
    ];
    let log = log.lock().unwrap();
    log.iter()
        .map(|request| {
            let headers = request.headers.iter();
            headers
                .filter(|(k, _)| names.contains(&&k[..]))
                .map(|(_, v)| v.clone())
                .collect()
        })
        .collect()
}

#[test]
fn input_091_to_095_secrets_stay_with_their_origin() {
    let (servers, log) = network(2);
    run(async {
        let mut marked = HeaderValue::from_static("s5");
        marked.set_sensitive(true);
        let mut default = HeaderValue::from_static("s6");
        default.set_sensitive(true);
        let session = Session::builder()
            .header("x-default", default)
            .build()
            .unwrap();
        // `s3` was meant for a proxy, and there is none.
        let sent = (0..7).filter(|n| *n != 3);
        let all: Vec<String> = sent.map(|n| format!("s{n}")).collect();
        let none: Vec<String> = Vec::new();
        for (path, want) in [
            ("/302/@0/x", vec![&all, &all]),
            ("/302/@1/x", vec![&all, &none]),
            ("/302/@1/302/@1/x", vec![&all, &none, &none]),
            ("/302/@1/302/@0/x", vec![&all, &none, &none]),
        ] {
            log.lock().unwrap().clear();
            session
                .get(servers[0].url(path))
                .header("authorization", "s0")
                .header("authorization", "s1")
                .header("cookie", "s2")
                .header("proxy-authorization", "s3")
                .header("x-api-key", "s4")
                .header("x-marked", &marked)
                .header("host", "custom.example")
                .await
                .unwrap();
            let got = secrets(&log);
            assert_eq!(got.iter().collect::<Vec<_>>(), want, "{path}");
            let log = log.lock().unwrap();
            for (request, want) in log.iter().zip(want) {
                let custom = request.header("host") == Some("custom.example");
                assert_eq!(custom, !want.is_empty(), "{path}");
            }
        }
    });
}

#[test]
fn default_secrets_go_to_the_base_only() {
    let (servers, log) = network(2);
    run(async {
        let session = Session::builder()
            .base_url(servers[0].url("/"))
            .header("authorization", "default")
            .header("x-default", "plain")
            .build()
            .unwrap();
        session.get("x").await.unwrap();
        session.get(servers[1].url("/x")).await.unwrap();
        assert_eq!(secrets(&log), [vec!["default", "plain"], vec!["plain"]]);
    });
}

#[test]
fn input_096_098_locations() {
    let server = Server::answering(|request| match &request.target[..] {
        "/file" => {
            "HTTP/1.1 302 Go\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n".into()
        }
        "/userinfo" => format!(
            "HTTP/1.1 302 Go\r\nlocation: http://u:p@{}/x\r\ncontent-length: 0\r\n\r\n",
            request.header("host").unwrap()
        ),
        "/two" => {
            "HTTP/1.1 302 Go\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n".into()
        }
        "/none" => "HTTP/1.1 302 Go\r\ncontent-length: 0\r\n\r\n".into(),
        _ => ok(&format!("{:?}", request.header("authorization"))),
    });
    run(async {
        let session = Session::new();
        let get = |path: &str| session.get(server.url(path));
        for (path, want) in [
            ("/file", RedirectErrorKind::Scheme),
            ("/two", RedirectErrorKind::Location),
        ] {
            let error = get(path).await.unwrap_err();
            let ErrorKind::Redirect { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, want);
        }
        assert_eq!(
            get("/userinfo").await.unwrap().text().await.unwrap(),
            "None"
        );
        assert_eq!(get("/none").await.unwrap().status(), 302);
    });
}

#[test]
fn an_error_after_a_redirect_knows_what_was_sent_before() {
    let nobody = vacant();
    let server = Server::answering(move |_| {
        format!("HTTP/1.1 302 Go\r\nlocation: http://{nobody}/\r\ncontent-length: 0\r\n\r\n")
    });
    run(async {
        let session = Session::new();
        let error = session
            .post(server.url("/"))
            .body("order")
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connect { .. }),
            "{error:?}"
        );
        assert!(
            error.maybe_processed() && !error.is_retryable(),
            "{error:?}"
        );
        let error = session.get(server.url("/")).await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
    });
}

fn refusal(error: &Error) -> RedirectErrorKind {
    let ErrorKind::Redirect { kind, .. } = error.kind() else {
        panic!("{error:?}")
    };
    *kind
}

#[test]
fn input_102_a_location_of_a_mebibyte() {
    let server = Server::answering(|request| match &request.target[..] {
        "/long" => format!(
            "HTTP/1.1 302 Go\r\nlocation: /{}\r\ncontent-length: 0\r\n\r\n",
            "x".repeat(1 << 20)
        ),
        _ => ok("fine"),
    });
    run(async {
        let session = Session::new();
        let error = session.get(server.url("/long")).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Limit {
                    kind: LimitKind::Head,
                    ..
                }
            ),
            "{error:?}"
        );
        let response = session.get(server.url("/")).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "fine");
    });
}

#[test]
fn the_policy_says_where_a_redirect_may_lead() {
    let network = Network::new();
    run(async {
        let secure = Redirect::default().https_only(true);
        let same = Redirect::default().same_origin(true);
        for (policy, chain, want) in [
            (&secure, ["home", "home"], None),
            (&secure, ["home", "other"], None),
            (&secure, ["plain", "home"], None),
            (&secure, ["home", "plain"], Some(RedirectErrorKind::Scheme)),
            (&secure, ["plain", "plain"], Some(RedirectErrorKind::Scheme)),
            (&same, ["home", "home"], None),
            (&same, ["plain", "plain"], None),
            (
                &same,
                ["home", "other"],
                Some(RedirectErrorKind::OtherOrigin),
            ),
            (
                &same,
                ["home", "below"],
                Some(RedirectErrorKind::OtherOrigin),
            ),
            (
                &same,
                ["home", "port"],
                Some(RedirectErrorKind::OtherOrigin),
            ),
            (
                &same,
                ["home", "plain"],
                Some(RedirectErrorKind::OtherOrigin),
            ),
            (
                &same,
                ["plain", "home"],
                Some(RedirectErrorKind::OtherOrigin),
            ),
        ] {
            let url = network.chain("go", &chain);
            let of_session = network.session().redirect(policy.clone()).build().unwrap();
            let plain = network.session().build().unwrap();
            let of_request = plain.get(&url).redirect(policy.clone());
            for request in [of_session.get(&url), of_request] {
                let result = request.await;
                match want {
                    None => assert_eq!(result.unwrap().status(), 200, "{chain:?}"),
                    Some(want) => assert_eq!(refusal(&result.unwrap_err()), want, "{chain:?}"),
                }
            }
            let again = network.url(chain[0], "/go/");
            assert_eq!(of_session.get(again).await.unwrap().status(), 200);
        }
    });
}

#[test]
fn input_094_https_only_sessions_do_not_step_down() {
    let network = Network::new();
    run(async {
        let session = network.session().https_only(true).build().unwrap();
        let error = session
            .get(network.chain("go", &["home", "other", "plain"]))
            .await
            .unwrap_err();
        assert_eq!(refusal(&error), RedirectErrorKind::Scheme);
        assert_eq!(network.take().len(), 2, "nothing was sent in the clear");
        assert_eq!(
            session
                .get(network.url("home", "/go/"))
                .await
                .unwrap()
                .status(),
            200
        );
    });
}

#[test]
fn input_100_methods_that_are_kept() {
    let network = Network::new();
    run(async {
        let session = network.session().build().unwrap();
        for (kept, rows) in [
            (
                &[][..],
                [
                    (301, "GET "),
                    (302, "GET "),
                    (303, "GET "),
                    (307, "POST b"),
                    (308, "POST b"),
                ],
            ),
            (
                &[301, 307, 999][..],
                [
                    (301, "POST b"),
                    (302, "GET "),
                    (303, "GET "),
                    (307, "POST b"),
                    (308, "POST b"),
                ],
            ),
            (
                &[301, 302, 303],
                [
                    (301, "POST b"),
                    (302, "POST b"),
                    (303, "POST b"),
                    (307, "POST b"),
                    (308, "POST b"),
                ],
            ),
        ] {
            let policy = Redirect::default().keep_method(kept.iter().copied());
            for (status, want) in rows {
                let url = network.url("home", &format!("/status/{status}/home/"));
                let request = session.post(url).body("b").redirect(policy.clone());
                assert_eq!(
                    request.await.unwrap().text().await.unwrap(),
                    want,
                    "{status} {kept:?}"
                );
            }
        }
    });
}

#[test]
fn the_policy_may_have_the_bound() {
    let network = Network::new();
    run(async {
        let url = network.chain("go", &["plain"; 4]);
        let of_session = network
            .session()
            .redirect(Redirect::default().max(2))
            .build()
            .unwrap();
        let error = of_session.get(&url).await.unwrap_err();
        assert_eq!(refusal(&error), RedirectErrorKind::TooMany);
        let more = of_session.get(&url).redirect(Redirect::default().max(3));
        assert_eq!(more.await.unwrap().history().len(), 3);
        let none = of_session.get(&url).redirect(Redirect::default().max(0));
        assert_eq!(none.await.unwrap().status(), 302);
        let unsaid = of_session
            .get(&url)
            .redirect(Redirect::default().https_only(false));
        assert_eq!(
            refusal(&unsaid.await.unwrap_err()),
            RedirectErrorKind::TooMany
        );
    });
}
