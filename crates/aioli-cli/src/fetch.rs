//! `aioli fetch`: many downloads at once, each of which can go on where it stopped.

mod checksums;
mod download;
mod list;
mod name;
mod part;
mod progress;
mod retry;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use aioli::http::{Limits, Session, Timeout};
use aioli::prelude::*;

use crate::errors::{cause, complain};
use checksums::{Checksums, Hash};
use download::{Done, Job, download};
pub(crate) use list::url;
pub(crate) use name::harmless;
use progress::{Bar, Progress};
use tally::Tally;

/// The status of a program that SIGTERM has ended, as a shell shows it.
const TERMINATED: u8 = 128 + 15;
/// The status of bad usage.
const USAGE: u8 = 2;

/// Download many files at once.
///
/// A file that is there already is not downloaded again; one that was begun goes on where it
/// stopped, if the server still has the same version of it. Ctrl-C leaves what is there in
/// `NAME.part`, and nothing half-written under its own name.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    /// What to download
    #[arg(value_name = "URL", required_unless_present = "lists")]
    urls: Vec<String>,
    /// Read URLs from a file too, one a line; `-` is the standard input
    #[arg(short = 'i', long = "input", value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// Download so many files at the same time
    #[arg(short, long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Download so many files from the same host at the same time; as many as `--jobs` if it is
    /// not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    per_host: Option<u16>,
    /// Try a file so many times more when something fails in passing, and go on where it stopped
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Refuse the file, there can be but one, if it has not this SHA-256
    #[arg(long, value_name = "HEX", value_parser = Hash::parse, conflicts_with = "checksums")]
    sha256: Option<Hash>,
    /// Refuse files whose SHA-256 is not the one in this list, which has lines like those of
    /// `sha256sum`
    #[arg(long, value_name = "FILE")]
    checksums: Option<PathBuf>,
    /// Put the files into this folder, which is made if it is not there
    #[arg(short = 'o', long = "output", value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Give up a file that is longer than so many bytes
    #[arg(long, value_name = "BYTES")]
    max_size: Option<u64>,
    /// Give up when a server cannot be reached, or sends nothing, for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
}

/// What the workers share.
struct Shared {
    session: Session,
    progress: Progress,
    tally: Tally,
    max_size: u64,
    retries: u32,
    checksums: Option<Checksums>,
}

/// Downloads, and returns 1 if anything failed.
pub(crate) async fn fetch(args: Args) -> Result<ExitCode> {
    let list::List { urls, n_bad } = list::read(&args.urls, &args.lists).await;
    if args.sha256.is_some() && urls.len() + n_bad != 1 {
        complain("fetch: --sha256 is for one URL; for several there is --checksums");
        return Ok(ExitCode::from(USAGE));
    }
    let checksums = match &args.checksums {
        Some(path) => Some(Checksums::read(path).await?),
        None => None,
    };
    fs::create_dir_all(&args.folder).await?;
    let names = name::names(&urls);
    let jobs = urls.into_iter().zip(names);
    let jobs: Vec<_> = jobs
        .map(|(url, name)| Job::new(url, name, &args.folder, args.sha256))
        .collect();
    let shared = Rc::new(Shared {
        session: session(&args)?,
        progress: Progress::new(jobs.len()),
        tally: Tally::new(jobs.len(), n_bad),
        max_size: args.max_size.unwrap_or(u64::MAX),
        retries: args.retries,
        checksums,
    });
    let all = download_all(jobs, args.jobs, shared.clone());
    let ended = catch(race((all, terminated()))).await;
    shared.progress.finish();
    shared.tally.summary()?;
    match ended {
        Ok(Of2::A(result)) => {
            result?;
            Ok(shared.tally.exit_code())
        }
        Ok(Of2::B(())) => Ok(ExitCode::from(TERMINATED)),
        Err(interrupted) => interrupted.raise().await,
    }
}

fn session(args: &Args) -> Result<Session> {
    let jobs = usize::from(args.jobs);
    let per_host = args.per_host.map_or(jobs, usize::from);
    let limits = Limits::default().connections(jobs).per_host(per_host);
    let wait = args.timeout;
    let timeout = Timeout::none().connect(wait).head(wait).read(wait);
    let session = Session::builder()
        .user_agent(concat!("aioli/", env!("CARGO_PKG_VERSION")))
        // Ranges count bytes of the file itself.
        .header("accept-encoding", "identity")
        .decompress(false)
        .limits(limits)
        .timeout(timeout);
    Ok(session.build()?)
}

/// Hands the jobs to the workers, in order, and ends when the last one is done.
async fn download_all(jobs: Vec<Job>, n_workers: u16, shared: Rc<Shared>) -> Result {
    let queue = Queue::new(usize::from(n_workers));
    let workers = async |group: &TaskGroup| {
        for _ in 0..n_workers {
            group.spawn(worker(queue.clone(), shared.clone()));
        }
        for job in jobs {
            queue.put(job).await?;
        }
        queue.shutdown();
        Ok(())
    };
    Ok(TaskGroup::scope(workers).await?)
}

async fn worker(queue: Queue<Job>, shared: Rc<Shared>) {
    let work = async |mut job: Job| {
        let bar = shared.progress.start(&job.name);
        match carry_out(&mut job, &shared, &bar).await {
            Ok(done) => {
                shared.tally.done(&done);
                shared.progress.done(&job.name, &done);
            }
            Err(error) => {
                shared.tally.failed(&job);
                let line = format!("fetch: {}: {}", job.shown(), cause(&error));
                shared.progress.above(|| complain(line));
            }
        }
    };
    queue.for_each(work).await;
}

/// Downloads, and tries again while that is of use.
async fn carry_out(job: &mut Job, shared: &Shared, bar: &Bar) -> Result<Done> {
    if let Some(checksums) = &shared.checksums {
        job.hash = Some(checksums.of(&job.name)?);
    }
    let mut tried = 0;
    loop {
        let error = match download(job, &shared.session, bar, shared.max_size).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let wait = retry::wait(&error, tried).filter(|_| tried < shared.retries);
        let Some(wait) = wait else {
            return Err(error);
        };
        tried += 1;
        let (shown, why) = (job.shown(), cause(&error));
        let line = format!("fetch: {shown}: {why}; once more in {wait:.1?}");
        shared.progress.again(|| complain(line));
        bar.again(tried);
        sleep(wait).await;
    }
}

/// Waits for SIGTERM, for ever where there is none.
async fn terminated() {
    match process::signals([process::SIGTERM]) {
        Ok(mut signals) => drop(signals.next().await),
        Err(_) => std::future::pending().await,
    }
}
