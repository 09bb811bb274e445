//! nginx over TLS: what holds without it holds with it.

use std::fs;

use aioli_http::{Body, Limits, Session};
use aioli_task::run;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::authority::Authority;
use super::nginx::{Nginx, big, configured};

/// Answers `/hello`, and keeps what is put under `/files`; `settings` are nginx's.
fn start(authority: &Authority, settings: &str) -> Option<Nginx> {
    configured(|folder, address| {
        authority.issue(folder);
        fs::create_dir(folder.join("files")).unwrap();
        let shown = folder.display();
        format!(
            "server {{
                listen {address} ssl;
                ssl_certificate {shown}/certificate;
                ssl_certificate_key {shown}/key;
                client_max_body_size 100m;
                {settings}
                location /hello {{ return 200 '$ssl_protocol $ssl_session_reused'; }}
                location /files {{ alias {shown}/files; dav_methods PUT; }}
            }}"
        )
    })
}

fn url(nginx: &Nginx, path: &str) -> String {
    format!("https://{}/{path}", nginx.running.address)
}

/// Makes `n` requests, some at the same time; all of them are answered.
async fn hello(session: &Session, url: &str, n: usize) {
    let texts = stream::iter(0..n)
        .map(|_| async { session.get(url).await?.error_for_status()?.text().await })
        .buffer_unordered(16)
        .try_collect::<Vec<_>>();
    let texts = texts.await.unwrap();
    assert!(
        texts.iter().all(|text| text.starts_with("TLSv1.")),
        "{texts:?}"
    );
    assert_eq!(texts.len(), n);
}

#[test]
fn one_handshake_for_many_requests() {
    let authority = Authority::new();
    for (protocol, settings) in [
        ("TLSv1.3 .", "ssl_protocols TLSv1.3;"),
        ("TLSv1.2 .", "ssl_protocols TLSv1.2;"),
    ] {
        let Some(nginx) = start(&authority, settings) else {
            return;
        };
        let session = authority.trusted().build().unwrap();
        run(async {
            for _ in 0..50 {
                let response = session.get(url(&nginx, "hello")).await.unwrap();
                assert_eq!(response.text().await.unwrap(), protocol);
            }
        });
        let stats = session.stats();
        assert_eq!((stats.opened, stats.reused, stats.idle), (1, 49, 1));
    }
}

#[test]
fn a_later_connection_resumes_what_an_earlier_one_agreed_on() {
    let authority = Authority::new();
    for settings in ["ssl_protocols TLSv1.3;", "ssl_protocols TLSv1.2;"] {
        let settings = format!("keepalive_requests 1; {settings}");
        let Some(nginx) = start(&authority, &settings) else {
            return;
        };
        let session = authority.trusted().build().unwrap();
        run(async {
            for n in 0..5 {
                let response = session.get(url(&nginx, "hello")).await.unwrap();
                let text = response.text().await.unwrap();
                assert_eq!(text.ends_with(" r"), n > 0, "request {n}: {text}");
            }
        });
        assert_eq!(session.stats().opened, 5);
    }
}

#[test]
fn reloads_and_connections_that_end_lose_no_request() {
    let authority = Authority::new();
    let Some(nginx) = start(&authority, "keepalive_requests 7;") else {
        return;
    };
    let session = authority.trusted().limits(Limits::default().per_host(8));
    let session = session.build().unwrap();
    run(async {
        for _ in 0..4 {
            nginx.reload();
            hello(&session, &url(&nginx, "hello"), 60).await;
        }
    });
    let stats = session.stats();
    assert_eq!((stats.in_use, stats.waiting), (0, 0));
    assert!(stats.idle <= 8 && stats.opened >= 240 / 7, "{stats:?}");
}

#[test]
fn large_bodies_both_ways() {
    let authority = Authority::new();
    let Some(nginx) = start(&authority, "") else {
        return;
    };
    let session = authority.trusted().build().unwrap();
    let pieces = || {
        let pieces: Vec<_> = big().chunks(50_000).map(<[u8]>::to_vec).collect();
        stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
    };
    run(async {
        for (name, body) in [
            ("whole", Body::from(big())),
            ("chunked", Body::stream(pieces())),
            ("sized", Body::sized_stream(big().len() as u64, pieces())),
        ] {
            let url = url(&nginx, &format!("files/{name}"));
            let put = session.put(&url).body(body).await.unwrap();
            assert_eq!(put.status(), 201, "{name}");
            let response = session.get(&url).await.unwrap();
            assert!(response.bytes().await.unwrap() == big(), "{name}");
        }
    });
    assert_eq!(session.stats().opened, 1);
}
