//! Functions around requests: their order, what they see, and what they may do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aioli_http::{
    Body, ErrorKind, HeaderValue, Method, Mock, Next, Request, Response, Result, Retry, Session,
    StatusCode, UrlErrorKind,
};
use futures::stream;

use crate::server::{run, run_virtual};

type Log = Arc<Mutex<Vec<String>>>;

fn logging(
    log: &Log,
    name: &'static str,
) -> impl Fn(Request, Next) -> futures::future::BoxFuture<'static, Result<Response>>
+ Send
+ Sync
+ 'static {
    let log = log.clone();
    move |request, next| {
        let log = log.clone();
        Box::pin(async move {
            let line = format!("{name}: {} {}", request.method(), request.url().path());
            log.lock().unwrap().push(line);
            let result = next.run(request).await;
            let line = match &result {
                Ok(response) => format!("{name}: {}", response.status().as_u16()),
                Err(error) => format!("{name}: {}", error.kind()),
            };
            log.lock().unwrap().push(line);
            result
        })
    }
}

#[test]
fn the_first_is_the_outermost_and_sees_one_request() {
    let log = Log::default();
    let session = Session::builder()
        .with(logging(&log, "outer"))
        .with(logging(&log, "inner"))
        .retry(Retry::idempotent(3).jitter(|| 1.0))
        .mock(async |request| match request.url().path() {
            "/a" => Mock::redirect(302, "/b"),
            _ => Mock::new(503),
        })
        .build()
        .unwrap();
    run_virtual(async {
        let response = session.get("http://a.example/a").await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    });
    assert_eq!(session.mock_requests().len(), 5);
    let want = ["outer: GET /a", "inner: GET /a", "inner: 503", "outer: 503"];
    assert_eq!(*log.lock().unwrap(), want);
}

#[test]
fn secrets_are_attached_below() {
    let seen = Arc::new(Mutex::new(None));
    let saw = seen.clone();
    let session = Session::builder()
        .header("authorization", "Bearer secret")
        .with(move |request: Request, next: Next| {
            *saw.lock().unwrap() = Some(request.headers().clone());
            async move { next.run(request).await }
        })
        .mock(async |request| Mock::text(200, request.header("authorization").unwrap()))
        .build()
        .unwrap();
    run(async {
        let request = session.get("http://a.example/").header("x-own", "1");
        assert_eq!(
            request.await.unwrap().text().await.unwrap(),
            "Bearer secret"
        );
    });
    let headers = seen.lock().unwrap().take().unwrap();
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key("x-own"));
}

#[test]
fn everything_of_a_request_can_be_changed() {
    let session = Session::builder()
        .with(async |mut request, next| {
            assert_eq!(request.body(), Some(&b"old"[..]));
            request.set_method(Method::PUT);
            request.url_mut().set_path("/new");
            request.set_body("new");
            let mark = HeaderValue::from_static("yes");
            request.headers_mut().insert("x-changed", mark);
            request.extensions_mut().insert(1_u8);
            next.run(request).await
        })
        .mock(async |request| Mock::new(200).body(request.body().clone()))
        .build()
        .unwrap();
    run(async {
        let request = session.post("http://a.example/old").body("old");
        let response = request.extension("kept").await.unwrap();
        assert_eq!(response.extensions().get::<u8>(), Some(&1));
        assert_eq!(response.extensions().get::<&str>(), Some(&"kept"));
        assert_eq!(response.text().await.unwrap(), "new");
    });
    let seen = &session.mock_requests()[0];
    assert_eq!((seen.method().as_str(), seen.url().path()), ("PUT", "/new"));
    assert_eq!(seen.header("x-changed"), Some("yes"));
}

#[test]
fn it_may_fail_and_attach_to_the_response() {
    let session = Session::builder()
        .with(async |request, next| {
            let mut response = next.run(request).await?.error_for_status()?;
            response.extensions_mut().insert("seen");
            Ok(response)
        })
        .mock(async |request| match request.url().path() {
            "/good" => Mock::new(200),
            _ => Mock::new(404),
        })
        .build()
        .unwrap();
    run(async {
        let good = session.get("http://a.example/good").await.unwrap();
        assert_eq!(good.extensions().get(), Some(&"seen"));
        let error = session.get("http://a.example/bad").await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    });
}

#[test]
fn a_changed_url_is_checked_again() {
    let to = Arc::new(Mutex::new(""));
    let target = to.clone();
    let session = Session::builder()
        .https_only(true)
        .with(move |mut request: Request, next: Next| {
            *request.url_mut() = target.lock().unwrap().parse().unwrap();
            async move { next.run(request).await }
        })
        .mock(async |_| Mock::new(200))
        .build()
        .unwrap();
    run(async {
        for (url, want) in [
            ("http://a.example/", UrlErrorKind::NotHttps),
            ("ftp://a.example/", UrlErrorKind::Scheme),
        ] {
            *to.lock().unwrap() = url;
            let error = session.get("https://a.example/").await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidUrl(kind) if *kind == want));
        }
        *to.lock().unwrap() = "https://b.example/";
        let response = session.get("https://a.example/").await.unwrap();
        assert_eq!(response.url().host_str(), Some("b.example"));
    });
}

#[test]
fn copies_have_bodies_that_can_be_sent_twice() {
    let copies = Arc::new(Mutex::new(Vec::new()));
    let noted = copies.clone();
    let session = Session::builder()
        .with(move |request: Request, next: Next| {
            noted.lock().unwrap().push(request.try_clone().is_some());
            async move { next.run(request).await }
        })
        .mock(async |_| Mock::new(200))
        .build()
        .unwrap();
    run(async {
        let url = "http://a.example/";
        session.put(url).await.unwrap();
        session.put(url).body("bytes").await.unwrap();
        let pieces = stream::iter(["a"].map(Ok::<_, std::io::Error>));
        session.put(url).body(Body::stream(pieces)).await.unwrap();
    });
    assert_eq!(*copies.lock().unwrap(), [true, true, false]);
}

#[test]
fn a_middleware_that_waits_is_dropped_with_its_request() {
    let session = Session::builder()
        .with(async |request, next| {
            aioli_time::sleep(Duration::from_secs(3600)).await;
            next.run(request).await
        })
        .mock(async |_| Mock::new(200))
        .build()
        .unwrap();
    run(async {
        let mut request = session.get("http://a.example/").send();
        assert!(futures::poll!(&mut request).is_pending());
        drop(request);
        assert_eq!(session.stats().waiting + session.stats().in_use, 0);
    });
    assert!(session.mock_requests().is_empty());
}
