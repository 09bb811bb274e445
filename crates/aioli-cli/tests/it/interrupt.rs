//! Two hundred downloads, interrupted half-way and taken up again.
#![cfg(unix)]

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};

use super::command::{Ended, Folder, aioli, end_of, run, send, until};
use super::server::{Server, content, file, refused};

const FILES: u32 = 200;
const WORKERS: usize = 16;
/// So many files come whole, then every answer stops in its middle.
const WHOLE: usize = 60;

/// How many requests have come, and whether the server goes on.
#[derive(Default)]
struct Gate {
    state: Mutex<(usize, bool)>,
    opened: Condvar,
}

impl Gate {
    /// Is this answer to stop in its middle?
    fn stops_next(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        state.0 > WHOLE && !state.1
    }

    fn wait(&self) {
        let state = self.state.lock().unwrap();
        drop(self.opened.wait_while(state, |state| !state.1).unwrap());
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.opened.notify_all();
    }
}

fn name(n: u32) -> String {
    format!("file-{n:03}.bin")
}

fn files() -> HashMap<String, Vec<u8>> {
    let length = |n: u32| 2 + (n as usize * 7919) % 20_000;
    (0..FILES)
        .map(|n| (name(n), content(n, length(n))))
        .collect()
}

/// A server that stops in the middle of its answers, until the gate is open.
fn slow_server(gate: Arc<Gate>) -> Server {
    let files = files();
    Server::start(move |request, stream| {
        let content = &files[&request.name];
        if !gate.stops_next() {
            return file(request, stream, content, "\"1\"");
        }
        let length = content.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: {length}\r\n\r\n"
        )?;
        let (first, second) = content.split_at(length / 2);
        stream.write_all(first)?;
        gate.wait();
        stream.write_all(second)
    })
}

/// The names that end so, without the ending.
fn ending_in(folder: &Folder, ending: &str) -> Vec<String> {
    let names = folder.names().into_iter();
    let names = names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned));
    names.collect()
}

fn args(folder: &Folder, server: &Server) -> [&'static str; 5] {
    let list: String = (0..FILES).map(|n| server.url(&name(n)) + "\n").collect();
    folder.write("list.txt", list);
    ["fetch", "-j", "16", "-i", "list.txt"]
}

/// Runs until each worker has half a file, and then sends the signal.
fn stopped_half_way(folder: &Folder, args: [&str; 5], signal: &str) -> Ended {
    let files = files();
    let child = aioli(folder, args).spawn().unwrap();
    until("each worker has half a file", || {
        let parts = ending_in(folder, ".part");
        let is_half = |name: &String| {
            let length = fs::metadata(folder.path(&format!("{name}.part")));
            length.is_ok_and(|length| length.len() as usize == files[name].len() / 2)
        };
        parts.len() == WORKERS && parts.iter().all(is_half)
    });
    send(signal, child.id());
    end_of(child)
}

#[test]
fn interrupted_once_and_resumed() {
    let (folder, gate, files) = (Folder::new(), Arc::new(Gate::default()), files());
    let server = slow_server(gate.clone());
    let args = args(&folder, &server);
    let ended = stopped_half_way(&folder, args, "INT");
    // It ends by the signal, and so has no code.
    assert_eq!(ended.code, None, "{ended:?}");
    assert!(ended.out.contains("60 fetched"), "{ended:?}");
    assert!(ended.out.contains("140 left"), "{ended:?}");
    assert_eq!(ended.errors, [""; 0]);

    // Under their own names there are whole files only.
    let whole = ending_in(&folder, ".bin");
    assert_eq!(whole.len(), WHOLE);
    for name in &whole {
        let name = format!("{name}.bin");
        assert!(folder.read(&name) == files[&name], "{name}");
    }
    let parts = ending_in(&folder, ".part");
    assert_eq!(parts.len(), WORKERS);

    gate.open();
    drop(server.take_seen());
    let ended = run(&folder, args);
    ended.check(0, &[]);
    assert!(ended.out.contains("140 fetched"), "{ended:?}");
    assert!(ended.out.contains("60 skipped"), "{ended:?}");
    let seen = server.take_seen();
    assert_eq!(seen.len(), FILES as usize - WHOLE);
    for request in &seen {
        let half = parts
            .contains(&request.name)
            .then(|| files[&request.name].len() / 2);
        assert_eq!(request.first(), half, "{}", request.name);
    }
    for (name, content) in &files {
        assert!(folder.read(name) == *content, "{name}");
    }
    assert_eq!(folder.names().len(), FILES as usize + 1, "nothing is left");
}

#[test]
fn terminated() {
    let (folder, gate) = (Folder::new(), Arc::new(Gate::default()));
    let server = slow_server(gate.clone());
    let args = args(&folder, &server);
    let ended = stopped_half_way(&folder, args, "TERM");
    gate.open();
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(ended.out.contains("140 left"), "{ended:?}");
    assert_eq!(ending_in(&folder, ".bin").len(), WHOLE);
    assert_eq!(ending_in(&folder, ".part").len(), WORKERS);
}

/// A process that ends without a chance to say good-bye loses nothing either.
#[test]
fn killed_and_resumed() {
    let (folder, gate, files) = (Folder::new(), Arc::new(Gate::default()), files());
    let server = slow_server(gate.clone());
    let args = args(&folder, &server);
    let ended = stopped_half_way(&folder, args, "KILL");
    assert_eq!(ended.code, None);
    gate.open();
    run(&folder, args).check(0, &[]);
    for (name, content) in &files {
        assert!(folder.read(name) == *content, "{name}");
    }
    assert_eq!(folder.names().len(), FILES as usize + 1, "nothing is left");
}

#[test]
fn two_processes_do_not_write_one_file() {
    let (folder, gate) = (Folder::new(), Arc::new(Gate::default()));
    gate.state.lock().unwrap().0 = WHOLE;
    let server = slow_server(gate.clone());
    let url = server.url(&name(5));
    let first = aioli(&folder, ["fetch", &url]).spawn().unwrap();
    until("the first has begun", || {
        let part = fs::metadata(folder.path("file-005.bin.part"));
        part.is_ok_and(|part| part.len() > 0)
    });
    let second = run(&folder, ["fetch", &url]);
    second.check(1, &[&["file-005.bin", "another process is writing"]]);
    gate.open();
    end_of(first).check(0, &[]);
    assert!(folder.read("file-005.bin") == files()["file-005.bin"]);
}

/// Whoever types the body changes their mind.
#[test]
fn interrupted_while_the_body_is_read() {
    let folder = Folder::new();
    let mut command = aioli(&folder, ["get", "-d", "@-", &refused()]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // More than a pipe takes: when it is written, somebody reads.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![b'x'; 1 << 20]).unwrap();
    send("INT", child.id());
    let ended = end_of(child);
    drop(stdin);
    assert_eq!(ended.code, None, "{ended:?}");
}

/// Whoever types the list changes their mind.
#[test]
#[cfg(target_os = "linux")]
fn interrupted_while_the_list_is_read() {
    const INT: u64 = 1 << (2 - 1);
    let folder = Folder::new();
    let mut command = aioli(&folder, ["fetch", "-i", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    until("it handles the signal and reads", || {
        let proc = format!("/proc/{}", child.id());
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap_or("0").trim(), 16).unwrap();
        // The main thread, the one that receives signals, and the one that reads.
        let n_threads = fs::read_dir(format!("{proc}/task")).unwrap().count();
        caught & INT != 0 && n_threads >= 3
    });
    send("INT", child.id());
    let ended = end_of(child);
    drop(stdin);
    assert_eq!(ended.code, None, "{ended:?}");
}
