//! httpbin under gunicorn: everyday features, as another server sees them.

use std::process::Command;

use aioli_http::{Body, Session};
use aioli_task::run;
use futures::stream;
use serde_json::Value;

use super::part::{Running, program};

/// Starts it; the variable names a Python that has both packages.
fn start() -> Option<Running> {
    let mut command = Command::new(program("HTTPBIN")?);
    command.args(["-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1"]);
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
