//! One program of the tour, as a process of its own.

use std::env;
use std::io::Write;

use aioli::prelude::*;
use aioli::process::{Command, Process, Stdio};

use super::HTTP;
use crate::programs::{Program, VARIABLE};
use crate::server::{self, Site};

/// How much output is taken at once.
const STEP: usize = 4096;

/// Runs `program` in a temporary directory, and writes what it prints as it comes.
///
/// The process is this very executable, told to be the program.
pub(super) async fn run(program: &Program, urls: &[String], out: &mut impl Write) -> Result {
    if program.name != HTTP.0 {
        return run_with(program, &[], out).await;
    }
    if !urls.is_empty() {
        return run_with(program, urls, out).await;
    }
    let server = server::start(pages()).await?;
    let urls = ["small", "medium", "large"].map(|name| server::url(&server, name));
    with(server, async |_| run_with(program, &urls, out).await).await
}

async fn run_with(program: &Program, arguments: &[String], out: &mut impl Write) -> Result {
    let folder = fs::TempDir::new().await?;
    let command = Command::new(env::current_exe().context("cannot find this executable")?)
        .args(arguments)
        .env(VARIABLE, program.name)
        // Errors on one line.
        .env("RUST_BACKTRACE", "0")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::merge());
    let status = with(command.spawn().await?, async |process| {
        show_output(process, out).await?;
        Ok::<_, Error>(process.wait().await?)
    });
    let status = status.await?;
    match status.signal() {
        Some(_) => bail!("the program was killed by {status}"),
        None => ensure!(status.success(), "the program ended with {status}"),
    }
    Ok(())
}

/// Writes what the process prints, indented, and each piece when it is there.
async fn show_output(process: &mut Process, out: &mut impl Write) -> Result {
    let mut pipe = process.stdout.take().expect("it is piped");
    let mut buffer = [0; STEP];
    let mut is_new_line = true;
    loop {
        let n = pipe.read(&mut buffer).await?;
        if n == 0 {
            break;
        }
        for line in buffer[..n].split_inclusive(|byte| *byte == b'\n') {
            if is_new_line {
                out.write_all(b"    ")?;
            }
            out.write_all(line)?;
            is_new_line = line.ends_with(b"\n");
        }
        out.flush()?;
    }
    if !is_new_line {
        writeln!(out)?;
    }
    Ok(())
}

/// What the HTTP program gets if it is given no URLs.
fn pages() -> Site {
    let page = |name: &str, n| (name.to_owned(), "asyncio ".repeat(n).into_bytes());
    Site::Pages(
        [
            page("small", 1),
            page("medium", 100),
            page("large", 100_000),
        ]
        .into(),
    )
}
