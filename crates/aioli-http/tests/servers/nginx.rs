//! nginx: connections that it ends whenever it likes, and bodies it does not want.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aioli_http::{Body, ErrorKind, Limits, Phase, Session, Timeout};
use aioli_task::run;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::part::{self, Running, program};

/// How many requests one connection serves.
const A_CONNECTION: usize = 3;

/// nginx, and how it is made to start its workers anew.
pub(crate) struct Nginx {
    pub(crate) running: Running,
}

impl Nginx {
    /// New workers take over; the old ones end when they have answered.
    pub(crate) fn reload(&self) {
        // It listens before it handles signals, and one that comes in between ends it. The file
        // with its number is written after both.
        self.running.until_written("pid");
        let sent = Command::new("kill")
            .args(["-HUP", &self.running.pid()])
            .status();
        assert!(sent.unwrap().success());
    }
}

/// Starts it with the servers that `servers` makes of a folder and an address, if it is there.
pub(crate) fn configured(servers: impl Fn(&Path, SocketAddr) -> String) -> Option<Nginx> {
    let program = program("NGINX")?;
    let command = |folder: &Path, address: SocketAddr| {
        part::nginx(&program, folder, &servers(folder, address))
    };
    Some(Nginx {
        running: Running::start(command),
    })
}

fn start() -> Option<Nginx> {
    configured(|folder, address| {
        fs::create_dir(folder.join("files")).unwrap();
        fs::write(folder.join("files/big"), big()).unwrap();
        let shown = folder.display();
        format!(
            "server {{
                listen {address};
                keepalive_requests {A_CONNECTION};
                location /hello {{ return 200 hello; }}
                location /silent {{ return 444; }}
                location /files {{ alias {shown}/files; }}
                location /small {{ client_max_body_size 1k; proxy_pass http://{address}/hello; }}
                location /slow {{ alias {shown}/files; limit_rate 1k; }}
            }}"
        )
    })
}

/// Three million bytes that differ from place to place.
pub(crate) fn big() -> Vec<u8> {
    (0..750_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn connections_that_end_after_some_requests_are_replaced() {
    let Some(nginx) = start() else { return };
    let session = Session::builder().limits(Limits::default().per_host(4));
    let session = session.build().unwrap();
    let url = nginx.running.url("hello");
    let all = run(stream::iter(0..300)
        .map(|_| async { session.get(&url).await?.text().await })
        .buffer_unordered(16)
        .try_collect::<Vec<_>>());
    let all = all.unwrap();
    assert_eq!(all.len(), 300);
    assert!(all.iter().all(|text| text == "hello"));
    assert!(session.stats().idle <= 4);
}

#[test]
fn reloads_lose_no_request() {
    let Some(nginx) = start() else { return };
    let session = Session::new();
    let url = nginx.running.url("hello");
    run(async {
        for _ in 0..6 {
            nginx.reload();
            let round = stream::iter(0..100)
                .map(|_| async { session.get(&url).await?.text().await })
                .buffer_unordered(16)
                .try_collect::<Vec<_>>();
            for text in round.await.unwrap() {
                assert_eq!(text, "hello");
            }
        }
    });
}

#[test]
fn files_whole_and_in_part() {
    let Some(nginx) = start() else { return };
    let url = nginx.running.url("files/big");
    run(async {
        let session = Session::new();
        assert!(session.get(&url).await.unwrap().bytes().await.unwrap() == big());
        let part = session.get(&url).header("range", "bytes=1000-1999");
        let part = part.await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(part.bytes().await.unwrap() == big()[1000..2000]);
        let head = session.head(&url).await.unwrap();
        assert_eq!(head.content_length(), Some(3_000_000));
    });
}

#[test]
fn input_161_a_refused_upload_ends_with_the_refusal() {
    let Some(nginx) = start() else { return };
    let url = nginx.running.url("small");
    run(async {
        let session = Session::new();
        let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 65_536])).take(1000);
        let refused = session
            .post(&url)
            .body(Body::sized_stream(65_536_000, pieces));
        assert_eq!(refused.await.unwrap().status(), 413);
        let next = session.get(nginx.running.url("hello")).await.unwrap();
        assert_eq!(next.status(), 200);
    });
}

#[test]
fn input_002_no_answer_is_an_error() {
    let Some(nginx) = start() else { return };
    let error = run(async { Session::new().get(nginx.running.url("silent")).await }).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Disconnected { reused: false, .. }),
        "{error:?}"
    );
}

#[test]
fn input_159_a_slow_body_meets_the_total_limit() {
    let Some(nginx) = start() else { return };
    let limit = Timeout::total(Duration::from_millis(300));
    let session = Session::builder().timeout(limit).build().unwrap();
    let error = run(async {
        let response = session.get(nginx.running.url("slow/big")).await?;
        response.bytes().await
    });
    assert_eq!(error.unwrap_err().phase(), Some(Phase::Total));
    assert_eq!(session.stats().in_use, 0);
}
