//! `aioli get --jsonl`: one command a line, one answer a line, for test suites in any language.
//!
//! ```text
//! {"id": 1, "op": "new_session", "session": "s", "timeout": {"total": 5}}
//! {"id": 2, "op": "request", "session": "s", "url": "http://127.0.0.1:8000/"}
//! {"id": 3, "op": "stats", "session": "s"}
//! {"id": 4, "op": "close", "session": "s"}
//! ```
//!
//! Requests run at the same time, and are answered as they end; `id`, which may be any JSON, tells
//! which is which. The program ends when its input has ended and all is answered.

mod answer;
mod command;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use aioli::http::Session;
use aioli::prelude::*;
use serde_json::{Value, json};

use crate::alloc;
use command::{Command, Op};

/// Requests that run at the same time; more wait.
const AT_ONCE: usize = 256;
/// The longest line that is read, in bytes.
const LINE_MAX: usize = 64 << 20;

/// The sessions by name. The one without a name is there from the beginning.
type Sessions = Rc<RefCell<HashMap<String, Session>>>;

/// Answers commands until the input ends.
pub(super) async fn jsonl() -> Result<ExitCode> {
    alloc::count(true);
    let sessions = Sessions::default();
    sessions.borrow_mut().insert(String::new(), Session::new());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut lines = fs::stdin().lines().with_limit(LINE_MAX);
    let all = async |group: &TaskGroup| {
        while let Some(line) = lines.next().await {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let command: Command = match serde_json::from_str(&line) {
                Ok(command) => command,
                Err(error) => {
                    say(&answer::refused(&Value::Null, &error))?;
                    continue;
                }
            };
            if let Op::Request(request) = command.op {
                let session = sessions.borrow().get(&command.session).cloned();
                let place = places.clone().acquire_owned().await;
                group.spawn(async move {
                    let answer = match session {
                        Some(session) => answer::request(&command.id, &session, *request).await,
                        None => answer::refused(&command.id, &"there is no such session"),
                    };
                    drop(place);
                    say(&answer)
                });
            } else {
                say(&at_once(command, &sessions).await)?;
            }
        }
        Ok(())
    };
    TaskGroup::scope(all).await?;
    Ok(ExitCode::SUCCESS)
}

/// Carries out a command that needs no waiting for a server.
async fn at_once(command: Command, sessions: &Sessions) -> Value {
    let Command { id, session, op } = command;
    match op {
        Op::NewSession(options) => match options.build() {
            Ok(built) => {
                sessions.borrow_mut().insert(session, built);
                json!({ "id": id, "ok": true })
            }
            Err(error) => answer::failed(&id, &error),
        },
        Op::Stats => match sessions.borrow().get(&session) {
            Some(session) => answer::stats(&id, session),
            None => answer::refused(&id, &"there is no such session"),
        },
        Op::Cookies => match sessions.borrow().get(&session) {
            Some(session) => answer::cookies(&id, session),
            None => answer::refused(&id, &"there is no such session"),
        },
        Op::Close => {
            let was_there = sessions.borrow_mut().remove(&session).is_some();
            json!({ "id": id, "ok": was_there })
        }
        Op::Request(_) => unreachable!("requests are carried out as tasks"),
    }
}

/// Writes one line.
fn say(answer: &Value) -> Result {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}
