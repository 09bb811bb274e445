//! The tour: what the programs print, and what happens when something is wrong.

use std::collections::HashMap;
use std::thread;

use super::command::{Ended, Folder, aioli, run};
use super::server::{Server, refused};

/// What every program prints but the one that gets pages, whose addresses change.
const PRINTED: &[(&str, &str)] = &[
    ("hello", "Hello|World"),
    (
        "create_task",
        "A started|B started|B finished|A finished|2 1",
    ),
    ("gather", "data 1|data 2|data 3"),
    ("files", "Hello, async file!"),
    ("async_with", "connected|using Connection|closed"),
    ("async_with_fn", "connected|using Connection|closed"),
    ("async_for", "3|2|1"),
    ("async_for_each", "3|2|1"),
    ("custom_iterator", "tick 1|tick 2|tick 3"),
    ("try_except", "Caught: something went wrong"),
    ("gather_errors", "value: 10|error: task 2 failed|value: 30"),
    (
        "semaphore",
        "1 enters|2 enters|1 leaves|3 enters|2 leaves|4 enters|3 leaves|4 leaves",
    ),
    ("timeout", "Timed out!"),
    ("race", "near was first"),
    ("task_group", "b done|a done|sum 1.5"),
    ("cancel_task", "downloading|cleaned up|it is cancelled now"),
    ("run_in_executor", "49"),
    (
        "create_subprocess",
        "exit 7: 7|sleep 1; echo hello: 0|hello",
    ),
    (
        "signal_handler",
        "waiting for a signal|signal 15, shutting down",
    ),
    ("echo_server", "HELLO, SERVER"),
];

/// What the one program of a tour has printed.
fn printed(ended: &Ended) -> Vec<&str> {
    let lines = ended.out.lines().skip_while(|line| *line != "prints");
    let lines = lines.skip(1).take_while(|line| !line.starts_with("took "));
    lines.map(str::trim_start).collect()
}

#[test]
#[cfg(unix)]
fn every_program_prints_what_its_original_does() {
    let threads = PRINTED.iter().map(|(name, expected)| {
        thread::spawn(move || {
            let folder = Folder::new();
            let ended = run(&folder, ["tour", name]);
            ended.check(0, &[]);
            let expected: Vec<_> = expected.split('|').collect();
            assert_eq!(printed(&ended), expected, "{name}");
            assert_eq!(folder.names(), [""; 0], "its files are elsewhere");
        })
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        thread.join().expect("the thread's own message says more");
    }
}

#[test]
fn producer_consumer() {
    let ended = run(&Folder::new(), ["tour", "producer_consumer"]);
    ended.check(0, &[]);
    let lines = printed(&ended);
    for i in 0..10 {
        let produced = format!("produced {i}");
        assert!(lines.contains(&produced.as_str()), "{ended:#?}");
        let consumed = format!(" consumed {i}");
        let n = lines.iter().filter(|line| line.ends_with(&consumed));
        assert_eq!(n.count(), 1, "{ended:#?}");
    }
    assert_eq!(lines.len(), 20);
}

#[test]
fn source_output_and_time_are_shown() {
    let ended = run(&Folder::new(), ["tour", "files", "run_in_executor"]);
    ended.check(0, &[]);
    let mut rest = ended.out.as_str();
    for part in [
        "--- files: Writes a file and reads it again.\n",
        "    let mut f = fs::create(\"out.txt\").await?;\n",
        "prints\n    Hello, async file!\ntook ",
        " s\n",
        "--- run_in_executor: ",
        "prints\n    49\ntook ",
        "2 programs in ",
    ] {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part:?} does not follow: {}", ended.out));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn all_programs_are_listed() {
    let ended = run(&Folder::new(), ["tour", "--list"]);
    ended.check(0, &[]);
    assert_eq!(ended.out.lines().count(), PRINTED.len() + 2);
    for (name, _) in PRINTED {
        assert!(ended.out.contains(&format!("{name} ")), "{name}");
    }
}

#[test]
fn pages_come_from_the_own_server() {
    for name in ["http_gather", "fetch"] {
        let ended = run(&Folder::new(), ["tour", name]);
        ended.check(0, &[]);
        let lines = printed(&ended);
        assert_eq!(lines.len(), 3);
        for (line, end) in lines.iter().zip(["small 8", "medium 800", "large 800000"]) {
            assert!(
                line.starts_with("http://127.0.0.1:") && line.ends_with(end),
                "{line}"
            );
        }
    }
}

#[test]
fn pages_come_from_the_urls_that_are_given() {
    let pages = ["a", "b"].map(|name| (name.to_owned(), name.repeat(100).into_bytes()));
    let server = Server::of_files(HashMap::from(pages));
    let urls = [server.url("a"), server.url("b")];
    let ended = run(
        &Folder::new(),
        ["tour", "files", "fetch", &urls[0], &urls[1]],
    );
    ended.check(0, &[]);
    for url in &urls {
        assert!(ended.out.contains(&format!("{url} 100")), "{ended:#?}");
    }
}

#[test]
fn urls_that_do_not_work() {
    let url = refused();
    let ended = run(&Folder::new(), ["tour", "fetch", &url]);
    ended.check(1, &[&["http_gather", "exit status 1"]]);
    let line = printed(&ended)[0];
    assert!(
        line.contains(&url) && line.contains("Connection refused"),
        "{line}"
    );
    assert!(ended.out.contains("1 failed: http_gather"), "{ended:#?}");

    let ended = run(&Folder::new(), ["tour", "fetch", "nonsense"]);
    ended.check(2, &[&["\"nonsense\"", "not a URL"]]);
}

#[test]
fn unknown_names_are_told_and_the_rest_goes_on() {
    let ended = run(&Folder::new(), ["tour", "flies", "files", "xyzzy"]);
    let nearest: &[&str] = &["\"flies\"", "the nearest is files"];
    ended.check(2, &[nearest, &["\"xyzzy\"", "--list"]]);
    assert_eq!(printed(&ended), ["Hello, async file!"]);
    assert!(ended.out.contains("1 program in"), "{ended:#?}");
    assert!(ended.out.contains("2 not known"), "{ended:#?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_tour() {
    use std::io::{BufRead, BufReader};
    let folder = Folder::new();
    let mut child = aioli(&folder, ["tour", "files", "files", "files"])
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    drop(out);
    let ended = super::command::end_of(child);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.errors, [""; 0]);
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::super::command::{Folder, aioli, end_of, send, until};
    use std::fs;

    /// The process whose parent is `parent`.
    fn child_of(parent: u32) -> Option<u32> {
        let processes = fs::read_dir("/proc").unwrap();
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut pids = pids.filter(|pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            after_name.split_whitespace().nth(1) == Some(&parent.to_string())
        });
        pids.next()
    }

    #[test]
    fn a_program_that_is_killed_is_told_and_the_rest_goes_on() {
        let folder = Folder::new();
        let tour = aioli(&folder, ["tour", "hello", "files"]).spawn().unwrap();
        let mut program = None;
        until("the program runs", || {
            program = child_of(tour.id());
            program.is_some()
        });
        send("KILL", program.unwrap());
        let ended = end_of(tour);
        ended.check(1, &[&["hello", "killed by SIGKILL"]]);
        assert!(ended.out.contains("Hello, async file!"), "{ended:#?}");
        assert!(ended.out.contains("1 failed: hello"), "{ended:#?}");
    }

    #[test]
    fn a_tour_that_is_interrupted_leaves_no_program_behind() {
        let folder = Folder::new();
        let tour = aioli(&folder, ["tour", "timeout"]).spawn().unwrap();
        let mut program = None;
        until("the program runs", || {
            program = child_of(tour.id());
            program.is_some()
        });
        let program = format!("/proc/{}", program.unwrap());
        send("INT", tour.id());
        let ended = end_of(tour);
        assert_eq!((ended.code, &ended.errors[..]), (None, &[][..]));
        assert!(!fs::exists(program).unwrap());
    }
}
