//! Cookies as servers set and get them.

use std::fs;

use aioli_http::{CookieJar, Session, SessionCookies, Url};

use crate::server::{Request, Server, ok, run, text};

/// Sets the cookie that the path asks for, as `/set/NAME=VALUE;ATTRIBUTES`, and answers with those
/// it got.
fn server() -> Server {
    Server::answering(|request: &Request| {
        let got = request.header("cookie").unwrap_or("-").to_owned();
        let set = request
            .target
            .strip_prefix("/set/")
            .map(|line| format!("set-cookie: {}\r\n", line.replace("%20", " ")));
        let location = request.target.strip_prefix("/then/");
        match (set, location) {
            (Some(set), _) => ok(&got).replacen("\r\n", &format!("\r\n{set}"), 1),
            (None, Some(location)) => format!(
                "HTTP/1.1 302 Go\r\nset-cookie: hop=1; Path=/\r\nlocation: /{location}\r\ncontent-length: 0\r\n\r\n"
            ),
            (None, None) => ok(&got),
        }
    })
}

#[test]
fn a_session_keeps_cookies() {
    let server = server();
    run(async {
        let session = Session::new();
        assert_eq!(text(&session, server.url("/set/a=1;Path=/")).await, "-");
        assert_eq!(text(&session, server.url("/set/b=2;Path=/")).await, "a=1");
        assert_eq!(text(&session, server.url("/")).await, "a=1; b=2");
        assert_eq!(
            text(&session, server.url("/set/a=;Path=/;Max-Age=0")).await,
            "a=1; b=2"
        );
        assert_eq!(text(&session, server.url("/")).await, "b=2");
        assert_eq!(session.cookies().unwrap().len(), 1);

        let without = Session::builder().cookies(None).build().unwrap();
        text(&without, server.url("/set/a=1;Path=/")).await;
        assert_eq!(text(&without, server.url("/")).await, "-");
    });
}

#[test]
fn a_redirect_sets_cookies_for_the_next_hop() {
    let server = server();
    run(async {
        let session = Session::new();
        assert_eq!(text(&session, server.url("/then/x")).await, "hop=1");
        let response = session.get(server.url("/then/set/last=2")).await.unwrap();
        let names: Vec<_> = response
            .cookies()
            .iter()
            .map(|c| c.name().into_owned())
            .collect();
        assert_eq!(names, ["last"], "those of the last response");
        assert_eq!(session.cookies().unwrap().len(), 2);
    });
}

#[test]
fn one_header_with_the_requests_own_in_place_of_the_jars() {
    let server = server();
    run(async {
        let session = Session::builder()
            .header("cookie", "d=default")
            .build()
            .unwrap();
        let get = || session.get(server.url("/"));
        async fn got(request: aioli_http::RequestBuilder) -> String {
            request.await.unwrap().text().await.unwrap()
        }
        assert_eq!(got(get()).await, "d=default");
        assert_eq!(
            got(get().cookie("r", "request")).await,
            "d=default; r=request"
        );
        for line in ["a=1;Path=/", "d=2;Path=/", "r=3;Path=/"] {
            text(&session, server.url(&format!("/set/{line}"))).await;
        }
        assert_eq!(got(get()).await, "a=1; r=3; d=default");
        assert_eq!(
            got(get().cookie("r", "request")).await,
            "a=1; d=default; r=request"
        );
        let by_hand = get()
            .header("cookie", "h=x")
            .header("cookie", "a=y")
            .cookie("r", "z");
        assert_eq!(got(by_hand).await, "d=2; h=x; a=y; r=z");
        assert_eq!(
            got(get().cookies([("x", "1"), ("y", "2")])).await,
            "a=1; r=3; d=default; x=1; y=2"
        );
    });
}

#[test]
fn input_107_110_what_is_refused_does_no_harm() {
    let server = server();
    run(async {
        let session = Session::new();
        let long = format!("/set/a={}", "x".repeat(4096));
        for path in [
            "/set/a=1;Domain=com",
            "/set/a=1;Secure",
            "/set/__Host-a=1;Path=/",
            "/set/=",
            &long,
        ] {
            text(&session, server.url(path)).await;
            assert!(session.cookies().unwrap().is_empty(), "{path}");
        }
        text(&session, server.url("/set/a=1;Path=/")).await;
        assert_eq!(text(&session, server.url("/")).await, "a=1");
    });
}

#[test]
fn input_111_a_thousand_cookies() {
    let lines: String = (0..100)
        .map(|n| format!("set-cookie: c{n}=x; Path=/\r\n"))
        .collect();
    let server = Server::answering(move |_| ok("").replacen("\r\n", &format!("\r\n{lines}"), 1));
    run(async {
        let session = Session::new();
        let response = session.get(server.url("/")).await.unwrap();
        assert_eq!(response.cookies().len(), 50);
        assert_eq!(session.cookies().unwrap().len(), 50);
    });
}

#[test]
fn input_112_a_jar_is_saved_and_loaded() {
    let folder = std::env::temp_dir().join(format!("aioli-http-cookies-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cookies.json");
    let server = server();
    run(async {
        let jar = CookieJar::load(&path).unwrap_or_default();
        let session = Session::builder().cookies(jar.clone()).build().unwrap();
        text(&session, server.url("/set/lasting=1;Path=/;Max-Age=1000")).await;
        text(&session, server.url("/set/session=2;Path=/")).await;
        for (session_cookies, want) in [
            (SessionCookies::Keep, "lasting=1; session=2"),
            (SessionCookies::Drop, "lasting=1"),
        ] {
            jar.save(&path, session_cookies).unwrap();
            let session = Session::builder()
                .cookies(CookieJar::load(&path).unwrap())
                .build()
                .unwrap();
            assert_eq!(text(&session, server.url("/")).await, want);
        }
    });
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(files, ["cookies.json"], "nothing else is left");
    assert!(jar_cannot_be_saved_into(&folder));
    fs::remove_dir_all(&folder).unwrap();
}

/// A folder in the place of the file: the save fails, and leaves nothing.
fn jar_cannot_be_saved_into(folder: &std::path::Path) -> bool {
    let occupied = folder.join("occupied");
    fs::create_dir_all(occupied.join("x")).unwrap();
    let failed = CookieJar::new()
        .save(&occupied, SessionCookies::Keep)
        .is_err();
    failed && fs::read_dir(folder).unwrap().count() == 2
}

#[test]
fn a_jar_is_shared_by_sessions_and_threads() {
    let server = server();
    run(async {
        let jar = CookieJar::new();
        let one = Session::builder().cookies(jar.clone()).build().unwrap();
        let two = Session::builder().cookies(jar.clone()).build().unwrap();
        text(&one, server.url("/set/a=1;Path=/")).await;
        assert_eq!(text(&two, server.url("/")).await, "a=1");
    });
    let jar = CookieJar::new();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let jar = jar.clone();
            scope.spawn(move || {
                let url = Url::parse("https://a.example/").unwrap();
                for m in 0..100 {
                    jar.set(&url, format!("c{n}-{}=x", m % 10)).unwrap();
                    assert!(jar.header(&url).is_some());
                }
            });
        }
    });
    assert_eq!(jar.len(), 40);
}
