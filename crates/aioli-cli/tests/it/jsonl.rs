//! `aioli get --jsonl`: commands in, answers out.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::command::{Folder, aioli, end_of};
use super::server::{Server, refused, reply};

/// Runs the commands, and returns the answers by their numbers.
fn answers(commands: &[Value]) -> HashMap<u64, Value> {
    let folder = Folder::new();
    let mut command = aioli(&folder, ["get", "--jsonl"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for command in commands {
        writeln!(stdin, "{command}").unwrap();
    }
    drop(stdin);
    let ended = end_of(child);
    ended.check(0, &[]);
    let answers = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let answers = answers.map(|answer: Value| (answer["id"].as_u64().unwrap_or(0), answer));
    answers.collect()
}

/// As `answers`, but with each command only after the answer to the one before.
fn answers_in_turn(commands: &[Value]) -> HashMap<u64, Value> {
    let folder = Folder::new();
    let mut command = aioli(&folder, ["get", "--jsonl"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut answers = HashMap::new();
    for command in commands {
        writeln!(stdin, "{command}").unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        answers.insert(answer["id"].as_u64().unwrap(), answer);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    answers
}

#[test]
fn requests_run_in_sessions_and_are_answered_by_number() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "moved" => reply(stream, "302 Found", "location: /there\r\n", b""),
        _ => reply(stream, "200 OK", "x-kind: plain\r\n", &request.body),
    });
    let answers = answers(&[
        json!({ "id": 1, "op": "new_session", "session": "s", "base_url": server.url("") }),
        json!({ "id": 2, "op": "request", "session": "s", "url": "a", "method": "POST", "body_b64": "aGk=" }),
        json!({ "id": 3, "op": "request", "url": server.url("moved"), "stream": true }),
        json!({ "id": 4, "op": "request", "url": server.url("moved"), "redirects": 0 }),
        json!({ "id": 5, "op": "request", "url": refused() }),
        json!({ "id": 6, "op": "request", "session": "nobody", "url": "a" }),
        json!({ "id": 7, "op": "stats", "session": "s" }),
        json!({ "id": 8, "op": "close", "session": "s" }),
        json!({ "id": 9, "op": "dance" }),
    ]);
    assert_eq!(answers[&1], json!({ "id": 1, "ok": true }));
    let posted = &answers[&2];
    assert_eq!(
        (&posted["status"], &posted["body_b64"]),
        (&json!(200), &json!("aGk="))
    );
    assert!(
        posted["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["x-kind", "plain"]))
    );
    assert!(posted["timings"]["total"].as_f64() >= posted["timings"]["head"].as_f64());
    let moved = &answers[&3];
    assert_eq!(moved["history"], json!([server.url("moved")]));
    assert_eq!(moved["url"], server.url("there"));
    assert_eq!(moved["body_length"], 0);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(moved["body_sha256"], empty);
    assert_eq!(answers[&4]["status"], 302);
    assert_eq!(answers[&5]["error"]["kind"], "connect");
    assert_eq!(answers[&5]["error"]["maybe_processed"], false);
    assert_eq!(answers[&6]["error"]["kind"], "command");
    assert!(answers[&7]["in_use"].is_u64() && answers[&7]["waiting"].is_u64());
    assert_eq!(answers[&8]["ok"], true);
    assert_eq!(answers[&0]["error"]["kind"], "command");
}

#[test]
fn allocations_are_counted() {
    let server = Server::start(|_, stream| reply(stream, "200 OK", "", b"fine"));
    let stats = |id| json!({ "id": id, "op": "stats" });
    // The bytes of a body are told as letters, which are as many allocations for one as for many.
    let request = |id| json!({ "id": id, "op": "request", "url": server.url("x") });
    let mut commands = vec![request(1), request(2), stats(3), stats(4)];
    commands.extend((5..105).map(request));
    commands.push(stats(105));
    let answers = answers_in_turn(&commands);
    let [first, next, last] = [3, 4, 105].map(|id| answers[&id]["allocations"].as_u64().unwrap());
    assert!(answers[&3]["allocated_bytes"].as_u64() > Some(first) && first > 0);
    let (of_stats, of_requests) = (next - first, last - next);
    assert!(
        of_stats > 0 && of_requests > 100 * 4,
        "{of_stats} {of_requests}"
    );
    // A request and its answer in JSON are some hundred, whatever else is counted by mistake.
    assert!(of_requests < 100 * 1000, "{of_requests}");
}

#[test]
fn requests_can_be_given_up_and_time_out() {
    let server = Server::start(|_, stream| stream.read(&mut [0]).map(drop));
    let answers = answers(&[
        json!({ "id": 1, "op": "request", "url": server.url("a"), "cancel_after_ms": 20 }),
        json!({ "id": 2, "op": "request", "url": server.url("b"), "timeout": { "head": 0.02 } }),
    ]);
    assert_eq!(answers[&1]["error"]["kind"], "cancelled");
    assert_eq!(answers[&2]["error"]["kind"], "timeout");
    assert_eq!(answers[&2]["error"]["phase"], "head");
}

#[test]
fn sessions_have_proxies_names_and_rules() {
    let server =
        Server::start(|request, stream| reply(stream, "200 OK", "", request.name.as_bytes()));
    let address = server.url("").replace("http://", "").replace('/', "");
    let answers = answers(&[
        json!({
            "id": 1, "op": "new_session", "session": "s", "proxy": address,
            "no_proxy": "near.example", "resolve": [["near.example", address]],
        }),
        json!({ "id": 2, "op": "request", "session": "s", "url": "http://far.example/x" }),
        json!({ "id": 3, "op": "request", "session": "s", "url": "http://near.example/x" }),
        json!({
            "id": 4, "op": "new_session", "session": "t",
            "egress": { "public_only": true, "allow": ["127.0.0.1"], "deny": ["9.9.9.9"] },
        }),
        json!({ "id": 5, "op": "request", "session": "t", "url": "http://127.0.0.2/" }),
        json!({ "id": 6, "op": "request", "session": "t", "url": server.url("y") }),
        json!({ "id": 7, "op": "request", "url": "http://far.example/z", "proxy": address }),
        json!({ "id": 8, "op": "new_session", "session": "u", "egress": { "deny": ["x"] } }),
    ]);
    let body = |id: u64| answers[&id]["body_b64"].as_str().unwrap().to_owned();
    assert_eq!(body(2), "aHR0cDovL2Zhci5leGFtcGxlL3g=");
    assert_eq!(body(3), "eA==");
    assert_eq!(answers[&5]["error"]["kind"], "egress");
    assert_eq!(body(6), "eQ==");
    assert_eq!(body(7), "aHR0cDovL2Zhci5leGFtcGxlL3o=");
    assert_eq!(answers[&8]["error"]["kind"], "invalid-request");
}

#[test]
fn sessions_are_told_of_retries_redirects_cookies_and_forms() {
    let tries = AtomicU32::new(0);
    let server = Server::start(move |request, stream| match request.name.as_str() {
        "flaky" if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            reply(stream, "503 Service Unavailable", "retry-after: 0\r\n", b"")
        }
        "moved" => reply(stream, "302 Found", "location: /there\r\n", b""),
        "set" => reply(stream, "200 OK", "set-cookie: a=1\r\n", b""),
        _ => {
            let cookie = request.header("cookie").unwrap_or_default().to_owned();
            reply(stream, "200 OK", "", cookie.as_bytes())
        }
    });
    let redirect = json!({ "max": 0 });
    let retry = json!({ "most": 1, "backoff": [0.01, 0.01], "on_status": [503] });
    let part = json!({ "name": "f", "content_b64": "aGk=", "file_name": "a.txt" });
    let of = |id: u64, name: &str| json!({ "id": id, "op": "request", "session": "s", "url": server.url(name) });
    let with = |mut command: Value, name: &str, value: Value| {
        command[name] = value;
        command
    };
    let answers = answers_in_turn(&[
        json!({ "id": 1, "op": "new_session", "session": "s", "retry": retry, "redirect": redirect }),
        of(2, "flaky"),
        of(3, "moved"),
        with(of(4, "moved"), "redirect", json!({ "max": 3 })),
        of(5, "set"),
        json!({ "id": 6, "op": "cookies", "session": "s" }),
        with(of(7, "x"), "cookies", json!([["b", "2"]])),
        json!({ "id": 8, "op": "stats", "session": "s" }),
        json!({ "id": 9, "op": "new_session", "session": "p", "cookies": false, "http2": "off" }),
        json!({ "id": 10, "op": "request", "session": "p", "url": server.url("y"),
                "method": "POST", "multipart": [part] }),
        json!({ "id": 11, "op": "cookies", "session": "p" }),
        json!({ "id": 12, "op": "request", "url": "gopher://a/" }),
    ]);
    assert_eq!(answers[&2]["status"], 200);
    assert_eq!(answers[&2]["reused"], true, "that of the first try");
    assert_eq!(answers[&3]["status"], 302);
    assert_eq!(answers[&4]["history"], json!([server.url("moved")]));
    let kept = &answers[&6]["cookies"][0];
    assert_eq!((&kept["name"], &kept["value"]), (&json!("a"), &json!("1")));
    // Both, in base64.
    assert_eq!(answers[&7]["body_b64"], "YT0xOyBiPTI=");
    let timings = &answers[&7]["timings"];
    assert!(
        timings["connect"].is_null() && timings["wait"].is_f64(),
        "{timings}"
    );
    let stats = &answers[&8];
    let count = |name: &str| stats[name].as_u64().unwrap();
    assert_eq!(
        (count("requests"), count("retries"), count("redirects")),
        (5, 1, 1)
    );
    assert_eq!((count("opened"), count("reused")), (1, 6));
    assert!(count("bytes_sent") > 0 && count("bytes_received") > 0);
    assert_eq!(answers[&10]["reused"], false);
    assert_eq!(answers[&11]["cookies"], Value::Null);
    assert_eq!(answers[&12]["error"]["kind"], "invalid-url");
    let seen = server.take_seen();
    let posted = seen
        .iter()
        .find(|request| request.method == "POST")
        .unwrap();
    assert!(String::from_utf8_lossy(&posted.body).contains("filename=\"a.txt\""));
}

#[test]
fn hosts_that_are_asked_by_https_only() {
    let server = Server::start(|_, stream| reply(stream, "200 OK", "", b"in clear"));
    let address = server.url("").replace("http://", "").replace('/', "");
    let of = |id: u64, host: &str| json!({ "id": id, "op": "request", "session": "s", "url": format!("http://{host}/") });
    let answers = answers_in_turn(&[
        json!({ "id": 1, "op": "new_session", "session": "s", "hsts": ".a.example \"unlimited\"\n",
                "resolve": [["www.a.example", address], ["b.example", address]] }),
        of(2, "www.a.example"),
        of(3, "b.example"),
    ]);
    assert_eq!(answers[&2]["error"]["kind"], "tls", "{}", answers[&2]);
    assert_eq!(answers[&3]["status"], 200);
}
