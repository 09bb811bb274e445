//! What a request may cost, counted: allocations, and memory that stays.

use aioli_http::{Body, Session, Url};

use crate::server::{Server, ok, run};

/// Requests before anything is counted: buffers find their size.
const WARM_UP: usize = 300;

async fn get(session: &Session, url: &str) {
    let body = session.get(url).await.unwrap().bytes().await.unwrap();
    assert_eq!(body, "hello");
}

#[test]
fn a_small_get_makes_three_allocations() {
    let server = Server::answering(|_| ok("hello"));
    run(async {
        let (session, url) = (Session::new(), server.url("/"));
        for _ in 0..WARM_UP {
            get(&session, &url).await;
        }
        let before = aioli_tally::asked();
        for _ in 0..100 {
            get(&session, &url).await;
        }
        let each = (aioli_tally::asked() - before) as f64 / 100.0;
        // The URL, the future, and the response.
        assert!(each < 3.1, "{each} allocations a request");

        // A URL that is parsed already is copied once.
        let parsed: Url = server.url("/some/path?and=query").parse().unwrap();
        let before = aioli_tally::asked();
        for _ in 0..100 {
            let response = session.get(&parsed).await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "hello");
        }
        let each = (aioli_tally::asked() - before) as f64 / 100.0;
        assert!(each < 3.1, "{each} allocations a request");

        // Who looks at the headers has a map of them, which takes three.
        let before = aioli_tally::asked();
        for _ in 0..100 {
            let response = session.get(&url).await.unwrap();
            assert_eq!(response.headers()["content-length"], "5");
            assert_eq!(response.bytes().await.unwrap(), "hello");
        }
        let each = (aioli_tally::asked() - before) as f64 / 100.0;
        assert!(each < 6.1, "{each} allocations a request");
    });
}

#[test]
fn a_large_body_is_received_where_it_stays() {
    const SIZE: usize = 1 << 20;
    let server = Server::answering(|_| ok(&"x".repeat(SIZE)));
    run(async {
        let (session, url) = (Session::new(), server.url("/"));
        for _ in 0..3 {
            session.get(&url).await.unwrap().bytes().await.unwrap();
        }
        let before = (aioli_tally::asked(), aioli_tally::held());
        let body = session.get(&url).await.unwrap().bytes().await.unwrap();
        let (asked, held) = (
            aioli_tally::asked() - before.0,
            aioli_tally::held() - before.1,
        );
        assert!(body.len() == SIZE && body.iter().all(|byte| *byte == b'x'));
        assert!(asked <= 12, "{asked} allocations");
        let held = usize::try_from(held).unwrap();
        assert!(held < SIZE + SIZE / 20, "{held} bytes for {SIZE}");
    });
}

#[test]
fn a_large_body_is_sent_from_where_it_lies() {
    const SIZE: usize = 1 << 20;
    static BODY: [u8; SIZE] = [b'x'; SIZE];
    let server = Server::answering(|request| {
        assert_eq!(request.body, BODY);
        ok("hello")
    });
    run(async {
        let (session, url) = (Session::new(), server.url("/"));
        let put = async |make: fn() -> Body| {
            let before = aioli_tally::taken();
            let response = session.put(&url).body(make()).await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "hello");
            aioli_tally::taken() - before
        };
        put(|| Body::from_static(&BODY)).await;
        let taken = put(|| Body::from_static(&BODY)).await;
        assert!(taken < 16 * 1024, "{taken} bytes for {SIZE}");
        // Bytes that are given away are there once, and slices are copied once.
        for make in [|| Body::from(BODY.to_vec()), || Body::from(&BODY)] {
            let taken = put(make).await;
            let bound = SIZE..SIZE + 16 * 1024;
            assert!(bound.contains(&taken), "{taken} bytes for {SIZE}");
        }
    });
}

/// Memory after many requests is what it was after a few.
fn memory_stays_flat(requests: usize) {
    let server = Server::answering(|_| ok("hello"));
    run(async {
        let (session, url) = (Session::new(), server.url("/"));
        let urls = [&url, &server.url("/longer/path?q=1")];
        for n in 0..WARM_UP {
            get(&session, urls[n % 2]).await;
        }
        let before = aioli_tally::held();
        for n in 0..requests {
            get(&session, urls[n % 2]).await;
        }
        let more = aioli_tally::held() - before;
        assert!(more < 64 * 1024, "{more} bytes more");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn memory_stays_flat_over_many_requests() {
    memory_stays_flat(2_000);
}

#[test]
#[ignore = "takes long without optimisation"]
fn memory_stays_flat_over_200_000_requests() {
    memory_stays_flat(200_000);
}
