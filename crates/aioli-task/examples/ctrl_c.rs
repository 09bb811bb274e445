//! What Ctrl-C does to a program: `cargo run -p aioli-task --example ctrl_c [MODE]`.
//!
//! The modes are `clean` (main cleans up and lets the cancellation out), `caught` (main catches
//! it and goes on), `stubborn` (main waits for ever behind a shield), `stuck` (main blocks the
//! thread) and `handled` (the program handles the signal itself).

use std::env;
use std::future::pending;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use aioli_task::interrupt::on_signal;
use aioli_task::{Exit, LoopHandle, ReasonKind, catch, current, exit, run, shield, yield_now};

fn say(text: &str) {
    println!("{text}");
    std::io::stdout()
        .flush()
        .expect("the standard output is open");
}

fn main() {
    let mode = env::args().nth(1).unwrap_or_else(|| "clean".to_owned());
    run(async move {
        if mode != "handled" {
            say("ready");
        }
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
            "handled" => {
                let home = LoopHandle::current();
                let main = current();
                let _handler = on_signal(
                    2,
                    Arc::new(move |_| {
                        let main = main.clone();
                        home.call_soon(move || _ = main.cancel_with("handled"))
                            .expect("main waits");
                    }),
                );
                say("ready");
                let cancelled = catch(pending::<()>()).await;
                let message = cancelled
                    .err()
                    .and_then(|c| c.reason().message().map(str::to_owned));
                say(message.as_deref().unwrap_or("not handled"));
            }
            "stuck" => thread::sleep(Duration::from_secs(60)),
            other => panic!("unknown mode {other:?}"),
        }
    });
}
