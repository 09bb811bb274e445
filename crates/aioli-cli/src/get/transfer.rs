//! One transfer: the request that the options describe, and what becomes of the answer.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Instant;

use aioli::http::{
    Auth, HeaderName, HeaderValue, Method, RequestBuilder, Response, Session, StatusCode, Url,
    Version, header,
};
use aioli::prelude::*;

use super::body::upload;
use super::condition::condition;
use super::cookies::pairs;
use super::data::{add_to_query, data, file, url_query};
use super::disposition::file_name;
use super::failure::{Code, Failure};
use super::form::form;
use super::glob::Asked;
use super::log::{Log, with};
use super::options::{IdentityOptions, Options, RequestOptions};
use super::output::{Target, stdout};
use super::pace::Pace;
use super::progress::Bars;
use super::report::Report;
use super::schemes::{Schemes, split_scheme};
use super::validator::{save_tag, saved_tag, take_over_time};

/// Of bodies of more bytes the server is asked whether it wants them.
const EXPECT_FROM: u64 = 1024 * 1024;

/// Carries out the transfer of one URL.
pub(super) async fn transfer(
    options: &Options,
    session: &Session,
    schemes: &Schemes,
    asked: &Asked,
    bars: &Bars,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut report = Report {
        number: asked.number,
        ..Report::default()
    };
    let log = Log::default();
    let transfer = Transfer {
        options,
        session,
        schemes,
        asked,
        bars,
        log: &log,
    };
    let result = transfer.carry_out(&mut report).await;
    report.notes = with(&log, std::mem::take);
    report.error = result
        .as_ref()
        .err()
        .map_or_else(String::new, |failure| failure.text.clone());
    report.seconds = began.elapsed().as_secs_f64();
    report.code = result.as_ref().map_or_else(|failure| failure.code, |()| 0);
    if let Some(format) = &options.output.write_out {
        let format = match format.strip_prefix('@') {
            Some(path) => {
                let read = file(path).await.map_err(|error| Failure::read(&error))?;
                // As curl has it, lines of the file are none of what is written.
                &String::from_utf8_lossy(&read).replace(['\r', '\n'], "")
            }
            None => format,
        };
        stdout(report.fill(format).as_bytes()).map_err(|error| Failure::write(&error))?;
    }
    result
}

/// One transfer.
struct Transfer<'a> {
    options: &'a Options,
    session: &'a Session,
    schemes: &'a Schemes,
    asked: &'a Asked,
    bars: &'a Bars,
    log: &'a Log,
}

impl Transfer<'_> {
    async fn carry_out(&self, report: &mut Report) -> Result<(), Failure> {
        let (options, output) = (self.options, &self.options.output);
        let text = &self.asked.text;
        let url = self.schemes.url(text)?;
        let (method, url, mut request) = request(options, self.session, url, text).await?;
        report.url = self.schemes.asked(&url).to_string();
        report.method = method.to_string();
        let mut target = Target::of(output, self.asked, &url)?;
        let offset = self.offset(&target).await?;
        if offset > 0 {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
            target.append();
        }
        let limit = options.connection.limit();
        let until = limit.map_or(Deadline::NEVER, Deadline::after);
        let outcome = request.extension(self.log.clone()).await;
        if let Ok(response) = &outcome {
            report.head(response);
            self.name(&mut target, response);
        }
        if let Some(path) = target.path() {
            report.file = path.display().to_string();
        }
        let heads = self.heads(&method, &mut target).await;
        let response = outcome.map_err(|error| Failure::of_request(error, options))?;
        heads.map_err(|error| Failure::write(&error))?;
        let status = response.status();
        let ends = offset > 0 && status == StatusCode::RANGE_NOT_SATISFIABLE;
        let fails = !ends && (status.is_client_error() || status.is_server_error());
        let failed = fails && (output.fail || output.fail_with_body);
        // With `-f` an error says more than that it is not the rest.
        if offset > 0 && !(failed && output.fail) && !goes_on(&response, offset)? {
            return Ok(());
        }
        // What has not changed leaves the file as it is.
        let asked = &options.request;
        let has_condition = asked.time_cond.is_some() || asked.etag_compare.is_some();
        let unchanged = status == StatusCode::NOT_MODIFIED && has_condition;
        if !(failed && output.fail || unchanged) {
            if let Some(path) = &asked.etag_save {
                save_tag(path, &response).await?;
            }
            let received = self.receive(response, &mut target, report, until).await;
            if received.is_err() && output.remove_on_error {
                let removed = target.remove().await;
                removed.map_err(|error| Failure::write(&error))?;
            }
            received?;
        }
        if failed {
            let text = format!("the requested URL returned error: {}", status.as_u16());
            return Err(Failure::new(Code::HttpError, text));
        }
        Ok(())
    }

    /// Where to go on.
    async fn offset(&self, target: &Target) -> Result<u64, Failure> {
        match self.options.request.continue_at.as_deref() {
            None => Ok(0),
            Some("-") => Ok(target.length().await),
            Some(text) => text
                .parse()
                .map_err(|_| Failure::usage(format!("-C {text}: neither a number nor -"))),
        }
    }

    /// Gives the file the name that the server says, if that was asked for.
    fn name(&self, target: &mut Target, response: &Response) {
        let output = &self.options.output;
        let named_here = output.output.get(self.asked.number).is_some() || !output.remote_name;
        if named_here || !output.remote_header_name {
            return;
        }
        let header = response.headers().get(header::CONTENT_DISPOSITION);
        let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(name) = header.and_then(|header| file_name(&header)) {
            target.rename(&name);
        }
    }

    /// Writes the heads of all hops to where they were asked for.
    async fn heads(&self, method: &Method, target: &mut Target) -> Result {
        let output = &self.options.output;
        let heads = with(self.log, |notes| notes.heads.clone());
        if (output.include || *method == Method::HEAD) && !heads.is_empty() {
            target.write(&heads, output.create_dirs).await?;
        }
        match &output.dump_header {
            Some(path) if path == Path::new("-") => stdout(&heads),
            // The heads of a group are in one file.
            Some(path) if !self.asked.is_first => {
                let options = fs::OpenOptions::new().append(true).create(true);
                let mut file = options.open(path).await?;
                file.write_all(&heads).await?;
                Ok(file.close().await?)
            }
            Some(path) => Ok(fs::write(path, heads).await?),
            None => Ok(()),
        }
    }

    /// Writes the body as it comes.
    async fn receive(
        &self,
        mut response: Response,
        target: &mut Target,
        report: &mut Report,
        until: Deadline,
    ) -> Result<(), Failure> {
        let output = &self.options.output;
        let limit = output.max_filesize.unwrap_or(u64::MAX);
        let too_large = || Failure::new(Code::TooLarge, "the file is larger than --max-filesize");
        let length = response.content_length();
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut pace = Pace::new(self.options.connection.limit_rate);
        let quiet = output.silent || output.no_progress_meter;
        let progress = self.bars.start(target.is_file() && !quiet, length);
        while let Some(piece) = response.chunk().await? {
            report.bytes += piece.len() as u64;
            if report.bytes > limit {
                return Err(too_large());
            }
            let written = target.write(&piece, output.create_dirs).await;
            written.map_err(|error| Failure::write(&error))?;
            progress.advance(piece.len());
            // The session's own limit ends what waits for the server, and this does not.
            let paced = timeout_at(until, pace.spend(piece.len())).await;
            paced.map_err(|_| Failure::new(Code::Timeout, "--max-time has passed"))?;
        }
        progress.finish();
        let ended = async {
            target.close(output.create_dirs).await?;
            if let Some(path) = target.path() {
                report.file = path.display().to_string();
                let time = response.headers().get(header::LAST_MODIFIED);
                let time = time.filter(|_| output.remote_time);
                let time = time.and_then(|time| time.to_str().ok());
                take_over_time(path.to_owned(), time).await?;
            }
            Ok(())
        };
        ended.await.map_err(|error| Failure::write(&error))
    }
}

/// Whether a response is the rest from `offset` on; if not, there is no rest.
fn goes_on(response: &Response, offset: u64) -> Result<bool, Failure> {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range
        .and_then(|range| range.to_str().ok())
        .unwrap_or_default();
    let begins = |text: String| range.trim_start().starts_with(&text);
    match response.status() {
        StatusCode::PARTIAL_CONTENT if begins(format!("bytes {offset}-")) => Ok(true),
        StatusCode::RANGE_NOT_SATISFIABLE if range.trim() == format!("bytes */{offset}") => {
            Ok(false)
        }
        status => {
            let text = format!("cannot go on at byte {offset}: the server answered {status}");
            Err(Failure::new(Code::Range, text))
        }
    }
}

/// The request that the options describe.
async fn request(
    options: &Options,
    session: &Session,
    mut url: Url,
    text: &str,
) -> Result<(Method, Url, RequestBuilder), Failure> {
    let asked = &options.request;
    for more in &asked.url_query {
        let more = url_query(more)
            .await
            .map_err(|error| Failure::read(&error))?;
        add_to_query(&mut url, &more);
    }
    let mut data = data(&options.body)
        .await
        .map_err(|error| Failure::read(&error))?;
    if asked.data_in_query
        && let Some(data) = data.take()
    {
        add_to_query(&mut url, &String::from_utf8_lossy(&data.bytes));
    }
    let form = form(&options.body).await?;
    let file = options.body.upload_file.as_deref();
    let usual = match (&data, file) {
        _ if asked.head => Method::HEAD,
        (_, Some(_)) => Method::PUT,
        (None, None) if form.is_none() => Method::GET,
        _ => Method::POST,
    };
    let method = asked.method.as_deref().map_or(Ok(usual), method)?;
    if let Some(path) = file
        && url.path().ends_with('/')
        && let Some(name) = path.file_name().filter(|name| *name != "-")
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().push(&name.to_string_lossy());
    }
    let mut request = session.request(method.clone(), &url).raw(asked.raw);
    if options.connection.http1_0 {
        request = request.version(Version::HTTP_10);
    }
    if let Some(target) = target(asked, text, &url) {
        request = request.target(&target);
    }
    request = conditions(request, asked).await?;
    let lines = header_lines(&asked.headers).await?;
    request = headers(
        request,
        asked,
        &lines,
        data.as_ref().map(|data| data.content_type),
    )?;
    request = identity(request, &options.identity)?;
    if expects(&lines, data.as_ref().map(|data| data.bytes.len()), file).await {
        request = request.expect_continue(options.connection.expect100_timeout);
    }
    if let Some(path) = file {
        request = request.body(upload(path).await.map_err(|error| Failure::read(&error))?);
    } else if let Some(form) = form {
        request = request.multipart(form);
    } else if let Some(data) = data {
        request = request.body(data.bytes);
    }
    if let Some(rate) = options.connection.limit_rate.and_then(NonZeroU64::new) {
        request = request.limit_rate(rate);
    }
    Ok((method, url, request))
}

/// The method of `-X`.
fn method(name: &str) -> Result<Method, Failure> {
    let wrong = |_| Failure::usage(format!("-X {name}: not a method"));
    Method::from_bytes(name.as_bytes()).map_err(wrong)
}

/// Adds what the server is to compare with what it has.
async fn conditions(
    mut request: RequestBuilder,
    asked: &RequestOptions,
) -> Result<RequestBuilder, Failure> {
    if let Some(text) = &asked.time_cond {
        let (name, value) = condition(text).await?;
        request = request.header(name, value);
    }
    if let Some(path) = &asked.etag_compare {
        request = request.header(header::IF_NONE_MATCH, saved_tag(path).await?);
    }
    Ok(request)
}

/// What stands in the request line, if it is not the path and the query of `url`: what was asked
/// for, or the path as it was written in `text`.
fn target(asked: &RequestOptions, text: &str, url: &Url) -> Option<String> {
    if let Some(target) = &asked.request_target {
        return Some(target.clone());
    }
    if !asked.path_as_is {
        return None;
    }
    let (_, rest) = split_scheme(text).unwrap_or(("", text));
    let at = rest.find(['/', '?', '#'])?;
    let path = rest[at..].split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        // There is nothing to be kept, or it could not be sent as it is.
        return None;
    }
    let query = url.query().map(|query| format!("?{query}"));
    Some(format!("{path}{}", query.unwrap_or_default()))
}

/// Whether the server is asked before the body is sent: because a header says so, or because the
/// body is long or of unknown length, as curl has it.
async fn expects(lines: &[String], data: Option<usize>, file: Option<&Path>) -> bool {
    let of_header = |text: &String| {
        let (name, value) = split_header(text)?;
        (name == header::EXPECT).then_some(value.is_some())
    };
    if let Some(expects) = lines.iter().find_map(of_header) {
        return expects;
    }
    let length = match (file, data) {
        (Some(path), _) if path == Path::new("-") => u64::MAX,
        (Some(path), _) => fs::metadata(path).await.map_or(0, |there| there.len()),
        (None, data) => data.unwrap_or_default() as u64,
    };
    length > EXPECT_FROM
}

/// Adds credentials and cookies.
fn identity(
    mut request: RequestBuilder,
    asked: &IdentityOptions,
) -> Result<RequestBuilder, Failure> {
    if let Some(user) = &asked.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let auth = if asked.digest {
            Auth::digest(name, password)
        } else if asked.anyauth {
            Auth::any(name, password)
        } else {
            Auth::basic(name, password)
        };
        request = request.auth(auth?);
    }
    if let Some(token) = &asked.oauth2_bearer {
        request = request.auth(Auth::bearer(token)?);
    }
    Ok(request.cookies(pairs(asked)))
}

/// The headers of `-H`, those of files among them.
async fn header_lines(asked: &[String]) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for text in asked {
        let Some(path) = text.strip_prefix('@') else {
            lines.push(text.clone());
            continue;
        };
        let read = file(path).await.map_err(|error| Failure::read(&error))?;
        let text = String::from_utf8_lossy(&read);
        lines.extend(
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::to_owned),
        );
    }
    Ok(lines)
}

/// Adds the headers: those of the options first, then what they leave out.
fn headers(
    mut request: RequestBuilder,
    asked: &RequestOptions,
    lines: &[String],
    content_type: Option<&'static str>,
) -> Result<RequestBuilder, Failure> {
    let json = content_type == Some("application/json");
    let agent = concat!("aioli/", env!("CARGO_PKG_VERSION"));
    let range = asked.range.as_ref().map(|range| format!("bytes={range}"));
    let mut usual = vec![
        (
            header::USER_AGENT,
            Some(asked.user_agent.as_deref().unwrap_or(agent)),
        ),
        (
            header::ACCEPT,
            Some(if json { "application/json" } else { "*/*" }),
        ),
        (header::CONTENT_TYPE, content_type),
        (header::REFERER, asked.referer.as_deref()),
        (header::RANGE, range.as_deref()),
    ];
    for text in lines {
        // Nothing of it is shown: it may be a secret.
        let wrong = || Failure::usage("-H: one is not NAME: VALUE");
        let (name, value) = split_header(text).ok_or_else(wrong)?;
        usual.retain(|(usual, _)| *usual != name);
        if name == header::EXPECT {
            // The client writes it when it does what it says.
            continue;
        }
        if let Some(value) = value {
            request = request.header(name, HeaderValue::from_bytes(value).map_err(|_| wrong())?);
        }
    }
    for (name, value) in usual {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            request = request.header(name, value);
        }
    }
    Ok(request)
}

/// `Name: value`, `Name:` (none of it), or `Name;` (an empty one).
fn split_header(text: &str) -> Option<(HeaderName, Option<&[u8]>)> {
    if let Some(name) = text.strip_suffix(';')
        && !name.contains(':')
    {
        return Some((name.parse().ok()?, Some(b"")));
    }
    let (name, value) = text.split_once(':')?;
    let value = value.trim();
    let value = (!value.is_empty()).then_some(value.as_bytes());
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::{Schemes, split_header, target};
    use crate::get::options::parse;

    #[test]
    fn headers_of_the_command_line() {
        let split = |text| split_header(text).map(|(name, value)| (name.to_string(), value));
        assert_eq!(split("A: b: c "), Some(("a".into(), Some(&b"b: c"[..]))));
        assert_eq!(split("Accept:"), Some(("accept".into(), None)));
        assert_eq!(split("X-Empty;"), Some(("x-empty".into(), Some(&b""[..]))));
        assert_eq!(split("no colon"), None);
        assert_eq!(split("bad name: x"), None);
    }

    #[test]
    fn targets_that_are_not_the_urls() {
        let target = |words: &[&str], text: &str| {
            let words = words.iter().chain([&text]).map(Into::into);
            let [options] = parse(words.collect()).unwrap().try_into().unwrap();
            let url = Schemes::of(&options.request).url(text).unwrap();
            target(&options.request, text, &url)
        };
        let as_is = |text| target(&["--path-as-is"], text);
        assert_eq!(as_is("a/b/../c?d e#f").as_deref(), Some("/b/../c?d%20e"));
        assert_eq!(as_is("http://a/./%41").as_deref(), Some("/./%41"));
        let nested = as_is("a/b/../c?u=http://d/e");
        assert_eq!(nested.as_deref(), Some("/b/../c?u=http://d/e"));
        for nothing in ["http://a", "a?b", "a/b c"] {
            assert_eq!(as_is(nothing), None, "{nothing}");
        }
        let own = target(&["--path-as-is", "--request-target", "*"], "a/b/../c");
        assert_eq!(own.as_deref(), Some("*"));
        assert_eq!(target(&[], "a/b/../c"), None);
    }
}
