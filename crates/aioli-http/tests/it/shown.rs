//! Secrets are planted everywhere, and everything is shown: none is found again.

use std::error::Error as _;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use aioli_http::{
    Auth, Body, CookieJar, Error, Form, HeaderValue, Limits, Mock, Next, Proxy, Request, Session,
    Trace, TraceContext,
};

use crate::server::run;

/// What must not be seen again; its parts are not either, so that an encoding would be found.
const SECRET: &str = "s3cr3t";
/// `s3cr3t` inside of something else in base64, at each of its three positions.
const ENCODED: [&str; 3] = ["czNjcjN0", "MzY3IzdA", "zM2NyM3"];

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<String>>>);

impl Shown {
    fn debug(&self, value: &impl Debug) {
        self.text(format!("{value:?} {value:#?}"));
    }

    fn text(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn error(&self, error: &Error) {
        self.debug(error);
        self.text(format!("{error} {error:#}"));
        self.debug(error.kind());
        let mut source = error.source();
        while let Some(cause) = source {
            self.text(format!("{cause} {cause:?}"));
            source = cause.source();
        }
    }

    #[track_caller]
    fn check(&self) {
        let all = self.0.lock().unwrap();
        assert!(all.len() > 60 && all.iter().any(|text| text.contains("a.example")));
        for text in &*all {
            assert!(!text.contains(SECRET), "{text}");
            for encoded in ENCODED {
                assert!(!text.contains(encoded), "{text}");
            }
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}

impl Trace for Shown {
    fn request_start(&self, request: &TraceContext) {
        self.debug(request);
    }
    fn request_exception(&self, _: &TraceContext, error: &Error) {
        self.error(error);
    }
}

/// A server with things to hide.
fn answer(path: &str) -> Mock {
    match path {
        "/ok" => Mock::text(200, SECRET)
            .header("set-cookie", format!("sid={SECRET}"))
            .header("x-own", SECRET),
        "/status" => Mock::text(500, SECRET),
        "/json" => Mock::json(200, &[SECRET]),
        "/refused" => Mock::redirect(302, &format!("ftp://u:{SECRET}@b.example/?t={SECRET}")),
        "/loop" => Mock::redirect(302, &format!("/loop?t={SECRET}#{SECRET}")),
        "/lost" => Mock::disconnect(),
        "/head" => Mock::raw(format!("HTTP/1.1 200 {SECRET}\x1b\r\n{SECRET}\r\n\r\n")),
        "/large" => Mock::text(200, SECRET.repeat(1000)),
        "/cut" => Mock::text(200, SECRET).cut_after(3),
        _ => Mock::new(404),
    }
}

fn session(shown: &Shown) -> Session {
    let seen = shown.clone();
    let jar = CookieJar::new();
    let url = "http://a.example/".parse().unwrap();
    jar.set(&url, format!("sid={SECRET}")).unwrap();
    shown.debug(&jar);
    shown.debug(&jar.cookies());
    let basic = Auth::basic("me", SECRET).unwrap();
    for auth in [
        &basic,
        &Auth::bearer(SECRET).unwrap(),
        &Auth::digest("me", SECRET).unwrap(),
    ] {
        shown.debug(auth);
    }
    let proxy = Proxy::new(&format!("http://me:{SECRET}@127.0.0.1:1")).basic("me", SECRET);
    shown.debug(&proxy);
    let builder = Session::builder()
        .header("x-api-key", SECRET)
        .query([("key", SECRET)])
        .auth(basic)
        .cookies(jar)
        .proxy(proxy.no_proxy("*"))
        .limits(Limits::default().redirects(2))
        .trace(shown.clone())
        .with(move |request: Request, next: Next| {
            seen.debug(&request);
            seen.debug(&next);
            async move { next.run(request).await }
        })
        .mock(async |request| answer(request.url().path()));
    shown.debug(&builder);
    builder.build().unwrap()
}

#[test]
fn input_164_nothing_secret_is_shown() {
    let shown = Shown::default();
    let session = session(&shown);
    run(async {
        for path in [
            "ok", "status", "json", "refused", "loop", "lost", "head", "large", "cut",
        ] {
            let request = session
                .put(format!("http://a.example/{path}?token={SECRET}#{SECRET}"))
                .header("x-auth-token", SECRET)
                .cookie("own", SECRET)
                .extension(SECRET.to_owned())
                .body_limit(1000)
                .raise_for_status(path == "status")
                .body(SECRET);
            shown.debug(&request);
            let sending = request.send();
            shown.debug(&sending);
            let response = match sending.await {
                Ok(response) => response,
                Err(error) => {
                    shown.error(&error);
                    shown.debug(&std::io::Error::from(error));
                    continue;
                }
            };
            shown.debug(&response);
            shown.debug(&response.timings());
            let result = match path {
                "json" => response.json::<Vec<u32>>().await.map(drop),
                "ok" => {
                    let mut chunks = response.into_stream();
                    shown.debug(&chunks);
                    futures::StreamExt::next(&mut chunks)
                        .await
                        .unwrap()
                        .map(drop)
                }
                _ => response.text().await.map(drop),
            };
            assert_eq!(result.is_err(), path != "ok", "{path}");
            if let Err(error) = result {
                shown.error(&error);
            }
        }
        let bad = session.get(format!("http://me:{SECRET}@/"));
        shown.error(&bad.await.unwrap_err());
        let bad = session.get("http://a.example/").header(SECRET, "a\nb");
        shown.error(&bad.await.unwrap_err());
    });
    shown.debug(&session);
    shown.debug(&session.stats());
    shown.debug(&session.mock_requests());
    shown.debug(&Body::from(SECRET));
    shown.debug(&Form::new().text("token", SECRET));
    shown.debug(&Mock::text(200, SECRET).header("x-own", SECRET));
    let mut sensitive = HeaderValue::from_static(SECRET);
    sensitive.set_sensitive(true);
    shown.debug(&session.get("http://a.example/").header("x-s", sensitive));
    shown.check();
}
