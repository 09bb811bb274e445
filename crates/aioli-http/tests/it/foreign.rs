//! Under executors that are not ours, with no loop on the thread.

use aioli_http::{Body, Form, Session, Timeout};
use futures::{StreamExt, stream};

use crate::server::{Server, ok};

/// Requests of several kinds, some at the same time.
async fn work(url: String) {
    let session = Session::builder()
        .timeout(Timeout::total(10))
        .build()
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            session.get(&url).await.unwrap().text().await.unwrap(),
            "GET "
        );
    }
    let body = Body::stream(stream::iter(["a", "b"]).map(Ok::<_, std::io::Error>));
    assert_eq!(
        session
            .post(&url)
            .body(body)
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "POST ab"
    );
    // Tests run in the crate's folder.
    let form = Form::new().text("a", "b").file("f", "Cargo.toml");
    let form = form.await.unwrap();
    let sent = session.post(&url).multipart(form).expect_continue(0.01);
    let sent = sent.await.unwrap().text().await.unwrap();
    assert!(sent.contains("aioli-http"));
    let all = futures::future::join_all((0..8).map(|_| session.get(&url).send())).await;
    for response in all {
        let mut chunks = response.unwrap().into_stream();
        assert_eq!(chunks.next().await.unwrap().unwrap(), "GET ");
    }
    let error = session
        .get(format!("{url}slow"))
        .timeout(0.05)
        .await
        .unwrap_err();
    assert!(error.is_timeout());
}

fn server() -> Server {
    Server::start(|conn| {
        while let Some(request) = conn.request() {
            if request.target == "/slow" {
                return conn.wait_closed();
            }
            conn.send(ok(&format!("{} {}", request.method, request.text())));
        }
    })
}

#[test]
fn tokio() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|_| tokio::spawn(work(server.url("/"))))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn smol() {
    let server = server();
    smol::block_on(async { smol::spawn(work(server.url("/"))).await });
}

#[test]
fn block_on() {
    let server = server();
    futures::executor::block_on(work(server.url("/")));
}

#[test]
fn a_session_is_shared_between_threads() {
    let server = server();
    let session = Session::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                futures::executor::block_on(async {
                    for _ in 0..20 {
                        let response = session.get(server.url("/")).await.unwrap();
                        assert_eq!(response.text().await.unwrap(), "GET ");
                    }
                });
            });
        }
    });
    assert!(server.accepted() <= 4, "{}", server.accepted());
}
