//! nginx by HTTP/2: picked in the handshake, and known beforehand on plain connections.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use aioli_http::{Body, Http2, Session, Version};
use aioli_task::run;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::authority::Authority;
use super::nginx::{Nginx, big, configured};

/// Requests at the same time; more than nginx allows on one connection here.
const CONCURRENCY: usize = 64;
/// What nginx allows.
const STREAMS: usize = 32;

/// A server of one kind, with a session that speaks HTTP/2 with it.
struct Peer {
    nginx: Nginx,
    session: Session,
    scheme: &'static str,
}

impl Peer {
    /// Both kinds; `settings` are nginx's.
    fn both(settings: &str) -> Option<[Peer; 2]> {
        let authority = Authority::new();
        let server = |folder: &Path, address: SocketAddr, kind: &str| {
            authority.issue(folder);
            fs::create_dir(folder.join("files")).unwrap();
            let shown = folder.display();
            format!(
                "server {{
                    listen {address} {kind};
                    ssl_certificate {shown}/certificate;
                    ssl_certificate_key {shown}/key;
                    client_max_body_size 100m;
                    http2_max_concurrent_streams {STREAMS};
                    {settings}
                    location /hello {{ return 200 '$server_protocol $request_uri'; }}
                    location /small {{ client_max_body_size 1k; proxy_pass http://{address}; }}
                    location /slow {{ alias {shown}/files; limit_rate 100k; }}
                    location /files {{ alias {shown}/files; dav_methods PUT; }}
                }}"
            )
        };
        let secure = configured(|folder, address| server(folder, address, "ssl http2"))?;
        let plain = configured(|folder, address| server(folder, address, "http2"))?;
        let known = Session::builder().http2(Http2::prior_knowledge());
        Some([
            Peer {
                nginx: secure,
                session: authority.trusted().build().unwrap(),
                scheme: "https",
            },
            Peer {
                nginx: plain,
                session: known.build().unwrap(),
                scheme: "http",
            },
        ])
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}/{path}", self.scheme, self.nginx.running.address)
    }

    /// Makes `n` requests, many at the same time; each gets its own answer.
    async fn hello(&self, n: usize) {
        let answers = stream::iter(0..n)
            .map(|n| async move {
                let response = self.session.get(self.url(&format!("hello/{n}"))).await?;
                assert_eq!(response.version(), Version::HTTP_2);
                let text = response.error_for_status()?.text().await?;
                assert_eq!(text, format!("HTTP/2.0 /hello/{n}"));
                Ok::<_, aioli_http::Error>(())
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect::<Vec<_>>();
        assert_eq!(answers.await.unwrap().len(), n);
    }
}

#[test]
fn many_requests_over_few_connections() {
    for peer in Peer::both("").into_iter().flatten() {
        run(async {
            peer.hello(300).await;
            peer.hello(300).await;
        });
        let stats = peer.session.stats();
        let few = CONCURRENCY.div_ceil(STREAMS) as u64 + 1;
        assert!(stats.opened <= few, "{}: {stats:?}", peer.scheme);
        assert_eq!((stats.in_use, stats.waiting), (0, 0), "{stats:?}");
    }
}

#[test]
fn reloads_and_connections_that_end_lose_no_request() {
    // It says goodbye on a connection after so many requests, and to all when it reloads.
    for peer in Peer::both("keepalive_requests 40;").into_iter().flatten() {
        run(async {
            for _ in 0..4 {
                peer.nginx.reload();
                peer.hello(150).await;
            }
        });
        let stats = peer.session.stats();
        assert!(stats.opened >= 600 / 40, "{}: {stats:?}", peer.scheme);
        assert_eq!((stats.in_use, stats.waiting), (0, 0), "{stats:?}");
    }
}

#[test]
fn large_bodies_both_ways() {
    let whole = big();
    let pieces = || {
        let pieces: Vec<_> = whole.chunks(50_000).map(<[u8]>::to_vec).collect();
        stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
    };
    for peer in Peer::both("").into_iter().flatten() {
        run(async {
            let bodies = [
                ("whole", Body::from(whole.clone())),
                ("stream", Body::stream(pieces())),
                ("sized", Body::sized_stream(whole.len() as u64, pieces())),
            ];
            for (name, body) in bodies {
                let url = peer.url(&format!("files/{name}"));
                let put = peer.session.put(&url).body(body).await.unwrap();
                assert_eq!(put.status(), 201, "{name}");
                let response = peer.session.get(&url).await.unwrap();
                assert_eq!(response.version(), Version::HTTP_2);
                assert!(response.bytes().await.unwrap() == whole, "{name}");
            }
            // Several at the same time share windows and connection.
            let url = peer.url("files/whole");
            let bodies = stream::iter(0..8)
                .map(|_| async { peer.session.get(&url).await?.bytes().await })
                .buffer_unordered(8)
                .try_collect::<Vec<_>>();
            assert!(bodies.await.unwrap().iter().all(|body| *body == whole));
        });
        assert_eq!(peer.session.stats().opened, 1, "{}", peer.scheme);
    }
}

#[test]
fn what_is_refused_or_given_up_leaves_the_connection() {
    for peer in Peer::both("").into_iter().flatten() {
        run(async {
            peer.hello(1).await;
            let path = peer.url("files/big");
            let put = peer.session.put(&path).body(big()).await.unwrap();
            assert_eq!(put.status(), 201);

            let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 65_536]));
            let body = Body::sized_stream(65_536_000, pieces.take(1000));
            let refused = peer.session.post(peer.url("small")).body(body).await;
            assert_eq!(refused.unwrap().status(), 413);

            for _ in 0..20 {
                let mut response = peer.session.get(peer.url("slow/big")).await.unwrap();
                assert!(response.chunk().await.unwrap().is_some());
            }
            peer.hello(100).await;
        });
        let stats = peer.session.stats();
        assert!(stats.opened <= 4, "{}: {stats:?}", peer.scheme);
        assert_eq!((stats.in_use, stats.waiting), (0, 0), "{stats:?}");
    }
}
