//! `aioli get --jsonl`: commands in, answers out.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

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
    assert_eq!(answers[&8]["error"]["kind"], "invalid_request");
}
