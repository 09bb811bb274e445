//! What Ctrl-C does to a program: `cargo run -p aioli-task --example ctrl_c [MODE]`.
//!
//! The modes are `clean` (main cleans up and lets the cancellation out), `caught` (main catches
//! it and goes on), `stubborn` (main waits for ever behind a shield) and `stuck` (main blocks the
//! thread).

use std::env;
use std::future::pending;
use std::io::Write;
use std::thread;
use std::time::Duration;

use aioli_task::{Exit, ReasonKind, catch, exit, run, shield, yield_now};

fn say(text: &str) {
    println!("{text}");
    std::io::stdout()
        .flush()
        .expect("the standard output is open");
}

fn main() {
    let mode = env::args().nth(1).unwrap_or_else(|| "clean".to_owned());
    run(async move {
        say("ready");
        match mode.as_str() {
            "clean" => {
                if let Exit::Cancelled(cancelled) = exit(pending::<()>()).await {
                    yield_now().await;
                    say("cleaned up");
                    cancelled.raise().await
                }
            }
            "caught" => {
                let cancelled = catch(pending::<()>()).await;
                let kind = cancelled.err().map(|cancelled| cancelled.reason().kind());
                assert_eq!(kind, Some(ReasonKind::Interrupt));
                say("caught");
            }
            "stubborn" => shield(pending::<()>()).await,
            "stuck" => thread::sleep(Duration::from_secs(60)),
            other => panic!("unknown mode {other:?}"),
        }
    });
}
