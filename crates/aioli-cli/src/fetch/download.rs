//! One download: what is there already, what is asked for, and what the answer means.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aioli::http::{Response, Session, StatusCode, Url, header, parse_date};
use aioli::prelude::*;

use super::checksums::Hash;
use super::part::Part;
use super::progress::Bar;
use crate::errors::shown;

/// Something to download.
pub(super) struct Job {
    url: Url,
    /// The file's name, and its path.
    pub(super) name: String,
    path: PathBuf,
    /// What the file has to be, if that was said.
    pub(super) hash: Option<Hash>,
}

impl Job {
    pub(super) fn new(url: Url, name: String, folder: &Path, hash: Option<Hash>) -> Job {
        let path = folder.join(&name);
        Job {
            url,
            name,
            path,
            hash,
        }
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        shown(&self.url).into()
    }
}

/// A file that is there.
#[derive(Debug)]
pub(super) enum Done {
    /// It was there before.
    Skipped,
    /// It has been fetched: so many bytes, after those that were there.
    Fetched { bytes: u64, before: u64 },
}

/// What to do with an answer.
enum Next {
    /// It is the whole file.
    Whole,
    /// It is the rest of the file, which has so many bytes in all.
    Rest(u64),
    /// There is no rest: the file is complete.
    Nothing,
    /// It is of no use; ask for the whole file.
    AskAgain,
}

/// Makes the job's file complete, and gives it its name only then.
pub(super) async fn download(
    job: &Job,
    session: &Session,
    bar: &Bar,
    max_size: u64,
) -> Result<Done> {
    match fs::metadata(&job.path).await {
        Ok(there) if there.is_dir() => bail!("{} is a folder", job.path.display()),
        Ok(_) => {
            if let Some(hash) = job.hash {
                let path = job.path.clone();
                to_thread(move || hash.check(&path)).await?;
            }
            return Ok(Done::Skipped);
        }
        // Whatever is wrong is so for the partial file too, which says it better.
        Err(_) => {}
    }
    let mut part = Part::open(&job.path, &job.url).await?;
    let is_new = part.length == 0;
    match fill(job, &mut part, session, bar, max_size).await {
        Ok(done) => {
            part.complete(&job.path, job.hash).await?;
            Ok(done)
        }
        Err(error) if part.length == 0 || is_new && error.is::<TooLong>() => {
            // What went wrong first says more than that this went wrong too.
            let _ = part.discard().await;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// More bytes than were allowed.
#[derive(Debug)]
struct TooLong {
    max_size: u64,
}

impl std::error::Error for TooLong {}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is longer than {} bytes", self.max_size)
    }
}

/// An answer that is no file.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)
    }
}

/// Gets what the partial file lacks.
async fn fill(
    job: &Job,
    part: &mut Part,
    session: &Session,
    bar: &Bar,
    max_size: u64,
) -> Result<Done> {
    let nothing = Done::Fetched {
        bytes: 0,
        before: part.length,
    };
    let total = part.version.as_ref().and_then(|version| version.total);
    if total == Some(part.length) {
        return Ok(nothing);
    }
    let (mut response, mut next) = ask(job, session, part).await?;
    if let Next::AskAgain = next {
        part.version = None;
        (response, next) = ask(job, session, part).await?;
    }
    let total = match next {
        Next::Nothing => return Ok(nothing),
        Next::Rest(total) => Some(total),
        Next::Whole => response.content_length(),
        Next::AskAgain => bail!("the server answered with a part, and was asked for the whole"),
    };
    ensure!(
        total.is_none_or(|total| total <= max_size),
        TooLong { max_size }
    );
    if let Next::Whole = next {
        part.restart(&job.url, &response).await?;
    }
    let before = part.length;
    bar.begin(before, total);
    receive(part, response, bar, max_size).await?;
    let length = part.length;
    if let Some(total) = total {
        ensure!(length == total, "{length} bytes came, of {total}");
    }
    Ok(Done::Fetched {
        bytes: length - before,
        before,
    })
}

/// Asks for the rest of the file, or for all of it if nothing usable is there.
async fn ask(job: &Job, session: &Session, part: &Part) -> Result<(Response, Next)> {
    let mut request = session.get(&job.url);
    if let Some(version) = &part.version {
        request = request
            .header(header::RANGE, format!("bytes={}-", part.length))
            .header(header::IF_RANGE, version.validator.as_str());
    }
    let response = request.await?;
    let next = next(&response, part)?;
    Ok((response, next))
}

fn next(response: &Response, part: &Part) -> Result<Next> {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|range| content_range(range.to_str().ok()?));
    // Servers have been seen that answer with a part of another version.
    let version = part.version.as_ref();
    let fits = version.is_some_and(|version| version.may_be_of(response));
    let range = range.filter(|_| fits);
    Ok(match (response.status(), range) {
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, _) => Next::Whole,
        (StatusCode::PARTIAL_CONTENT, Some((Some((first, last)), total)))
            if first == part.length && last.checked_add(1) == Some(total) =>
        {
            Next::Rest(total)
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, Some((None, total))) if total == part.length => {
            Next::Nothing
        }
        (StatusCode::PARTIAL_CONTENT, _) => Next::AskAgain,
        (StatusCode::RANGE_NOT_SATISFIABLE, _) if version.is_some() => Next::AskAgain,
        (status, _) => {
            let after = response.headers().get(header::RETRY_AFTER);
            let after = after.and_then(|after| after.to_str().ok());
            let retry_after = after.and_then(|after| until(after.trim(), SystemTime::now()));
            bail!(Refused {
                status,
                retry_after
            })
        }
    })
}

/// How long it is until what a `retry-after` says: seconds, or a date (RFC 9110, section 10.2.3).
fn until(after: &str, now: SystemTime) -> Option<Duration> {
    let date = || Some(parse_date(after)?.duration_since(now).unwrap_or_default());
    after
        .parse()
        .map_or_else(|_| date(), |n| Some(Duration::from_secs(n)))
}

/// What a `content-range` says: the first and the last byte, and the length of the whole.
type ContentRange = (Option<(u64, u64)>, u64);

/// Reads `bytes 2-5/10` or `bytes */10`. The form without a length is of no use.
fn content_range(value: &str) -> Option<ContentRange> {
    let (range, total) = value.strip_prefix("bytes ")?.trim().split_once('/')?;
    let total = total.parse().ok()?;
    if range == "*" {
        return Some((None, total));
    }
    let (first, last) = range.split_once('-')?;
    Some((Some((first.parse().ok()?, last.parse().ok()?)), total))
}

/// Writes the body behind what is there.
async fn receive(part: &mut Part, mut response: Response, bar: &Bar, max_size: u64) -> Result {
    while let Some(piece) = response.chunk().await? {
        let length = piece.len() as u64;
        ensure!(part.length + length <= max_size, TooLong { max_size });
        part.write(&piece).await?;
        bar.advance(length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{content_range, until};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn when_to_come_back() {
        let now = UNIX_EPOCH + Duration::from_secs(60);
        let until = |after| until(after, now).map(|wait| wait.as_secs());
        assert_eq!(until("5"), Some(5));
        assert_eq!(until("Thu, 01 Jan 1970 00:01:30 GMT"), Some(30));
        assert_eq!(until("Thu, 01 Jan 1970 00:00:30 GMT"), Some(0));
        assert_eq!(until("soon"), None);
    }

    #[test]
    fn content_ranges() {
        assert_eq!(content_range("bytes 2-5/10"), Some((Some((2, 5)), 10)));
        assert_eq!(content_range("bytes */10"), Some((None, 10)));
        for bad in [
            "",
            "bytes 2-5/*",
            "bytes 2/10",
            "lines 2-5/10",
            "bytes -5/10",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
