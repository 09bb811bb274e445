//! httpbin under gunicorn: everyday features, as another server sees them.

use std::process::Command;

use aioli_http::{Body, Form, Part, Session};
use aioli_task::run;
use futures::stream;
use serde_json::Value;

use super::part::{Running, program};

/// Starts it; the variable names a Python that has both packages.
fn start() -> Option<Running> {
    let mut command = Command::new(program("HTTPBIN")?);
    command.args(["-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1"]);
    // It ends what is idle after two seconds, and a worker that gets no turn for half a minute. On
    // a busy machine a `POST` on a used connection would meet the one, and a test the other.
    command.args(["--keep-alive", "600", "--timeout", "0"]);
    command.args(["--threads", "4", "httpbin:app"]);
    Some(Running::told(command))
}

#[test]
fn what_was_sent_comes_back() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        let got: Value = session
            .get("get")
            .query([("q", "a&b"), ("ü", "1 2")])
            .header("x-kind", "test")
            .await?
            .json()
            .await?;
        assert_eq!(got["args"]["q"], "a&b");
        assert_eq!(got["args"]["ü"], "1 2");
        assert_eq!(got["headers"]["X-Kind"], "test");

        let form: Value = session
            .post("post")
            .form([("user", "me"), ("word", "x&y=z")])
            .await?
            .json()
            .await?;
        assert_eq!(form["form"]["word"], "x&y=z");
        let json: Value = session
            .put("put")
            .json(&["oil", "garlic"])
            .await?
            .json()
            .await?;
        assert_eq!(json["json"][1], "garlic");
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn chunks_both_ways() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        let pieces = ["hel", "lo ", "there"].map(Ok::<_, std::io::Error>);
        let sent: Value = session
            .post("post")
            .body(Body::stream(stream::iter(pieces)))
            .await?
            .json()
            .await?;
        assert_eq!(sent["data"], "hello there");
        let lines = session.get("stream/20").await?.text().await?;
        assert_eq!(lines.lines().count(), 20);
        let bytes = session.get("stream-bytes/100000").await?.bytes().await?;
        assert_eq!(bytes.len(), 100_000);
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn redirects_of_all_kinds() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        for kind in ["redirect/3", "relative-redirect/3", "absolute-redirect/3"] {
            let response = session.get(kind).await?;
            assert_eq!(
                (response.status().as_u16(), response.history().len()),
                (200, 3)
            );
            assert!(
                response.url().path().ends_with("/get"),
                "{}",
                response.url()
            );
        }
        for (status, method) in [("303", "GET"), ("307", "POST"), ("302", "GET")] {
            let response = session
                .post("redirect-to")
                .query([("url", "/anything"), ("status_code", status)])
                .body("x")
                .await?;
            let seen: Value = response.json().await?;
            assert_eq!(seen["method"], method, "{status}");
            assert_eq!(seen["data"], if method == "POST" { "x" } else { "" });
        }
        let teapot = session.get("status/418").raise_for_status(true).await;
        assert_eq!(teapot.unwrap_err().status().unwrap(), 418);
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn cookies_are_kept_and_deleted() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        // Each of them redirects to `/cookies`, which says what it got.
        let set: Value = session.get("cookies/set?a=1&b=x%20y").await?.json().await?;
        assert_eq!(set["cookies"]["a"], "1");
        let both: Value = session
            .get("cookies")
            .cookie("c", "3")
            .await?
            .json()
            .await?;
        assert_eq!(
            (&both["cookies"]["a"], &both["cookies"]["c"]),
            (&"1".into(), &"3".into())
        );
        let left: Value = session.get("cookies/delete?a").await?.json().await?;
        assert_eq!(
            (left["cookies"].get("a"), left["cookies"].get("b").is_some()),
            (None, true)
        );
        let without = Session::builder()
            .base_url(server.url(""))
            .cookies(None)
            .build()?;
        let none: Value = without.get("cookies/set?a=1").await?.json().await?;
        assert_eq!(none["cookies"].as_object().unwrap().len(), 0);
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn credentials_are_accepted() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        for (request, want) in [
            (session.get("basic-auth/me/pass").basic("me", "pass"), 200),
            (session.get("basic-auth/me/pass").basic("me", "other"), 401),
            (
                session.get("hidden-basic-auth/me/pass").basic("me", "pass"),
                200,
            ),
            (session.get("bearer").bearer("t0ken"), 200),
            (session.get("bearer").basic("me", "pass"), 401),
        ] {
            assert_eq!(request.await?.status(), want);
        }
        for path in [
            "auth/me/pass",
            "auth/me/pass/MD5",
            "auth/me/pass/SHA-256",
            "auth-int/me/pass",
            "none/me/pass",
        ] {
            let path = format!("digest-auth/{path}");
            assert_eq!(
                session.get(&path).digest("me", "pass").await?.status(),
                200,
                "{path}"
            );
            assert_eq!(
                session.get(&path).digest("me", "other").await?.status(),
                401,
                "{path}"
            );
        }
        // Plain SHA-512, which no standard has for this, is not answered.
        let path = "digest-auth/auth/me/pass/SHA-512";
        let unanswered = session.get(path).digest("me", "pass").await?;
        assert_eq!(unanswered.status(), 401);
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn a_nonce_lasts_as_long_as_the_server_says() {
    let Some(server) = start() else { return };
    run(async {
        let digest = Session::builder()
            .base_url(server.url(""))
            .digest("me", "pass")
            .build()?;
        for n in 0..6 {
            // After two answers the nonce is out of date.
            let response = digest.get("digest-auth/auth/me/pass/SHA-256/2").await?;
            assert_eq!(response.status(), 200, "request {n}");
        }
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[cfg(feature = "compression")]
#[test]
fn input_079_to_090_codings_by_other_encoders() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        for (path, mark) in [
            ("gzip", "gzipped"),
            ("deflate", "deflated"),
            ("brotli", "brotli"),
        ] {
            let response = session.get(path).await?;
            assert!(
                !response.headers().contains_key("content-encoding"),
                "{path}"
            );
            let page: Value = response.json().await?;
            assert_eq!(page[mark], true, "{path}");
            let raw = session.get(path).decompress(false).await?;
            assert!(raw.headers().contains_key("content-encoding"), "{path}");
        }
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn input_120_a_form_as_another_server_reads_it() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("a file.txt");
        aioli_fs::write(&path, "from a file\r\n--not the end")
            .await
            .unwrap();
        let streamed = Body::stream(stream::iter(["str", "eam"].map(Ok::<_, std::io::Error>)));
        let form = Form::new()
            .text("plain", "ü & \"quotes\"\r\n")
            .part("stream", Part::new(streamed).file_name("s.bin"))
            .file("file", &path)
            .await
            .unwrap();
        let got: Value = session.post("post").multipart(form).await?.json().await?;
        assert_eq!(got["form"]["plain"], "ü & \"quotes\"\r\n");
        assert_eq!(got["files"]["stream"], "stream");
        assert_eq!(got["files"]["file"], "from a file\r\n--not the end");
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}

#[test]
fn a_body_that_waits_for_the_consent_of_another_server() {
    let Some(server) = start() else { return };
    run(async {
        let session = Session::builder().base_url(server.url("")).build()?;
        let request = session
            .put("put")
            .expect_continue(60)
            .body("x".repeat(100_000));
        let got: Value = request.await?.json().await?;
        assert_eq!(got["data"].as_str().map(str::len), Some(100_000));
        Ok::<(), aioli_http::Error>(())
    })
    .unwrap();
}
