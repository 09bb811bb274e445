//! One transfer: the request that the options describe, and what becomes of the answer.

use std::path::Path;
use std::time::Instant;

use aioli::http::{
    Auth, HeaderName, HeaderValue, Method, RequestBuilder, Response, Session, Url, header,
};
use aioli::prelude::*;

use super::body::upload;
use super::cookies::pairs;
use super::data::{add_to_query, data, url_query};
use super::failure::Failure;
use super::form::form;
use super::log::{Log, with};
use super::options::{IdentityOptions, Options, RequestOptions};
use super::output::{Report, Target, stdout};
use super::progress::Progress;

/// Carries out the transfer of URL number `number`.
pub(super) async fn transfer(
    options: &Options,
    session: &Session,
    number: usize,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut report = Report::default();
    let result = attempt(options, session, number, &mut report).await;
    report.seconds = began.elapsed().as_secs_f64();
    report.code = result.as_ref().map_or_else(|failure| failure.code, |()| 0);
    if let Some(format) = &options.output.write_out {
        stdout(report.fill(format).as_bytes()).map_err(|error| Failure::write(&error))?;
    }
    result
}

async fn attempt(
    options: &Options,
    session: &Session,
    number: usize,
    report: &mut Report,
) -> Result<(), Failure> {
    let (method, url, request) = request(options, session, &options.urls[number]).await?;
    report.url = url.to_string();
    let mut target = Target::of(&options.output, number, &url)?;
    let log = Log::default();
    let outcome = request.extension(log.clone()).await;
    let heads = heads(options, &method, number, &log, &mut target).await;
    let response = outcome?;
    heads.map_err(|error| Failure::write(&error))?;
    report.status = response.status().as_u16();
    report.url = response.url().to_string();
    report.redirects = response.history().len();
    if let Some(value) = response.headers().get(header::CONTENT_TYPE) {
        report.content_type = String::from_utf8_lossy(value.as_bytes()).into_owned();
    }
    let fails = response.status().is_client_error() || response.status().is_server_error();
    let failed = fails && (options.output.fail || options.output.fail_with_body);
    let status = response.status();
    if !(failed && options.output.fail) {
        receive(options, response, target, report).await?;
    }
    if failed {
        let text = format!("the requested URL returned error: {}", status.as_u16());
        return Err(Failure::new(Failure::HTTP_ERROR, text));
    }
    Ok(())
}

/// Writes the heads of all hops to where they were asked for.
async fn heads(
    options: &Options,
    method: &Method,
    number: usize,
    log: &Log,
    target: &mut Target,
) -> Result {
    let output = &options.output;
    let heads = with(log, |notes| std::mem::take(&mut notes.heads));
    if (output.include || *method == Method::HEAD) && !heads.is_empty() {
        target.write(&heads, output.create_dirs).await?;
    }
    match &output.dump_header {
        Some(path) if path == Path::new("-") => stdout(&heads),
        // The heads of a group are in one file.
        Some(path) if number > 0 => {
            let mut file = fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .await?;
            file.write_all(&heads).await?;
            Ok(file.close().await?)
        }
        Some(path) => Ok(fs::write(path, heads).await?),
        None => Ok(()),
    }
}

/// Writes the body as it comes.
async fn receive(
    options: &Options,
    mut response: Response,
    mut target: Target,
    report: &mut Report,
) -> Result<(), Failure> {
    let output = &options.output;
    let limit = output.max_filesize.unwrap_or(u64::MAX);
    let too_large = || Failure::new(Failure::TOO_LARGE, "the file is larger than --max-filesize");
    let length = response.content_length();
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let progress = Progress::new(target.is_file() && !output.silent, length);
    while let Some(piece) = response.chunk().await? {
        report.bytes += piece.len() as u64;
        if report.bytes > limit {
            return Err(too_large());
        }
        let written = target.write(&piece, output.create_dirs).await;
        written.map_err(|error| Failure::write(&error))?;
        progress.advance(piece.len());
    }
    progress.finish();
    let closed = target.close(output.create_dirs).await;
    closed.map_err(|error| Failure::write(&error))
}

/// The request that the options describe.
async fn request(
    options: &Options,
    session: &Session,
    text: &str,
) -> Result<(Method, Url, RequestBuilder), Failure> {
    let asked = &options.request;
    let mut url = url(text)?;
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
    let method = match &asked.method {
        Some(name) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Failure::usage(format!("-X {name}: not a method")))?,
        None => usual,
    };
    if let Some(path) = file
        && url.path().ends_with('/')
        && let Some(name) = path.file_name().filter(|name| *name != "-")
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().push(&name.to_string_lossy());
    }
    let mut request = session.request(method.clone(), &url);
    request = headers(request, asked, data.as_ref().map(|data| data.content_type))?;
    request = identity(request, &options.identity)?;
    if let Some(path) = file {
        request = request.body(upload(path).await.map_err(|error| Failure::read(&error))?);
    } else if let Some(form) = form {
        request = request.multipart(form);
    } else if let Some(data) = data {
        request = request.body(data.bytes);
    }
    Ok((method, url, request))
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

/// Reads a URL, to which `http://` is added where no scheme is.
fn url(text: &str) -> Result<Url, Failure> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    Url::parse(&whole).map_err(|error| Failure::new(Failure::MALFORMED_URL, error))
}

/// Adds the headers: those of the options first, then what they leave out.
fn headers(
    mut request: RequestBuilder,
    asked: &RequestOptions,
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
    for text in &asked.headers {
        let wrong = || Failure::usage(format!("-H {text}: not NAME: VALUE"));
        let (name, value) = split_header(text).ok_or_else(wrong)?;
        usual.retain(|(usual, _)| *usual != name);
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
    use super::{split_header, url};

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
    fn urls_without_a_scheme() {
        assert_eq!(url("a.b/c").unwrap().as_str(), "http://a.b/c");
        assert_eq!(url("https://a").unwrap().as_str(), "https://a/");
        assert_eq!(url("http://[x").unwrap_err().code, 3);
    }
}
