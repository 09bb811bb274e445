//! The session that the options describe.

use aioli::http::{
    CookieJar, Http2, Limits, Netrc, Redirect, Retry, Session, SessionBuilder, Timeout, Url, header,
};
use aioli::prelude::*;

use super::cookies;
use super::failure::{Code, Failure};
use super::glob::Pattern;
use super::log::Listener;
use super::options::{ConnectionOptions, IdentityOptions, Options, RequestOptions, resolve};
use super::roots;
use super::schemes::Schemes;
use super::way;

/// Statuses that may go away by themselves.
const PASSING: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// The first wait before another try, and the longest, in seconds.
const BACKOFF: std::ops::Range<f64> = 1.0..600.0;

/// The largest number of servers that options may be about.
const SERVERS_MAX: usize = 10_000;

/// Builds the session and its cookie jar.
///
/// # Errors
///
/// When a file cannot be read, or says something that cannot be understood.
pub(super) async fn session(
    options: &Options,
    schemes: &Schemes,
) -> Result<(Session, CookieJar), Failure> {
    let builder = Session::builder()
        // What is sent is what the options say.
        .without_header(header::USER_AGENT)
        .without_header(header::ACCEPT)
        .decompress(options.request.compressed)
        .trace(Listener::new(
            options.output.verbose,
            !options.proxy.suppress_connect_headers,
        ));
    let builder = redirects(builder, &options.request, schemes)?;
    let builder = connection(builder, &options.connection).await?;
    let builder = way::proxies(builder, &options.proxy)?;
    let urls = servers(options, schemes)?;
    let builder = way::peers(builder, &options.peer, &urls).await?;
    let builder = netrc(builder, &options.identity).await?;
    let jar = cookies::jar(&options.identity).await?;
    let builder = builder.cookies(jar.clone()).hsts(schemes.hsts().cloned());
    let session = builder.build()?;
    Ok((session, jar))
}

/// The servers that are asked, as URLs, where an option is about those.
fn servers(options: &Options, schemes: &Schemes) -> Result<Vec<Url>, Failure> {
    let mut servers = Vec::new();
    if !options.peer.is_about_servers() {
        return Ok(servers);
    }
    // What is no pattern is said when it is its turn.
    let globs = !options.request.globoff;
    let patterns = options.urls.iter();
    let patterns = patterns.filter_map(|text| Pattern::of(text, globs).ok());
    for text in patterns.flat_map(|pattern| pattern.servers()) {
        if servers.len() >= SERVERS_MAX {
            let text = "too many servers for --connect-to and --pinnedpubkey";
            return Err(Failure::usage(text));
        }
        let Ok(url) = schemes.url(&text) else {
            continue;
        };
        servers.extend(schemes.hsts().and_then(|hosts| hosts.upgrade(&url)));
        servers.push(url);
    }
    Ok(servers)
}

fn redirects(
    builder: SessionBuilder,
    asked: &RequestOptions,
    schemes: &Schemes,
) -> Result<SessionBuilder, Failure> {
    let follows = asked.location || asked.location_trusted;
    let most = if follows { asked.max_redirs.into() } else { 0 };
    let kept = [
        (asked.post301, 301),
        (asked.post302, 302),
        (asked.post303, 303),
    ];
    let kept = kept
        .into_iter()
        .filter_map(|(keep, status)| keep.then_some(status));
    let redirect = Redirect::default()
        .max(most)
        .https_only(follows && schemes.redirects_to_https_only()?)
        .location_trusted(asked.location_trusted)
        .keep_method(kept);
    Ok(builder.redirect(redirect))
}

async fn connection(
    mut builder: SessionBuilder,
    asked: &ConnectionOptions,
) -> Result<SessionBuilder, Failure> {
    let mut timeout = asked.limit().map_or_else(Timeout::none, Timeout::total);
    if asked.speed_limit.is_some() || asked.speed_time.is_some() {
        // As curl has it, one of both stands for the other with its usual value.
        let (least, over) = (
            asked.speed_limit.unwrap_or(1),
            asked.speed_time.unwrap_or(30),
        );
        // A 0 is no limit.
        if least > 0 && over > 0 {
            timeout = timeout.min_speed(least, f64::from(over));
        }
    }
    // As curl has it, 0 is the usual limit.
    let connect = asked.connect_timeout.filter(|limit| *limit > 0.0);
    builder = builder
        .timeout(timeout.connect(connect.unwrap_or(300.0)))
        .limits(Limits::default());
    builder = builder.http2(if asked.http1_1 {
        Http2::off()
    } else if asked.http2_prior_knowledge {
        Http2::prior_knowledge()
    } else {
        Http2::negotiated()
    });
    if asked.retry > 0 {
        let retry = Retry::idempotent(asked.retry)
            .backoff(BACKOFF)
            .respect_retry_after(BACKOFF.end)
            .longest_retry_after(BACKOFF.end)
            .unsafe_methods(asked.retry_all_errors)
            .on_status(PASSING);
        let retry = match asked.retry_max_time {
            // As curl has it, 0 is no limit.
            Some(limit) if limit > 0.0 => retry.within(limit),
            _ => retry,
        };
        let retry = match asked.retry_delay {
            Some(delay) => retry.backoff(delay..delay).jitter(|| 1.0),
            None => retry,
        };
        builder = builder.retry(retry);
    }
    if let Some(path) = &asked.cacert {
        let read = fs::read(path).await;
        let roots = read.map_err(|error| Failure::new(Code::CaFile, error))?;
        builder = builder.system_roots(false).add_root_certificate(roots);
    }
    if let Some(folder) = &asked.capath {
        builder = builder.system_roots(false);
        for root in roots::of_folder(folder).await {
            builder = builder.add_root_certificate(root);
        }
    }
    for text in &asked.resolve {
        let wrong = || Failure::usage(format!("--resolve {text}: not HOST:PORT:ADDRESS[,ADDRESS]"));
        let (host, port, addresses) = resolve(text).ok_or_else(wrong)?;
        let addresses = addresses.into_iter().map(|address| (address, port).into());
        builder = builder.resolve_port(&host, port, addresses);
    }
    if let Some(path) = &asked.unix_socket {
        builder = builder.unix_socket(path);
    }
    Ok(builder)
}

async fn netrc(
    builder: SessionBuilder,
    identity: &IdentityOptions,
) -> Result<SessionBuilder, Failure> {
    let load = match &identity.netrc_file {
        Some(path) => {
            let path = path.clone();
            to_thread(move || Netrc::load(path)).await
        }
        None if identity.netrc || identity.netrc_optional => to_thread(Netrc::from_env).await,
        None => return Ok(builder),
    };
    match load {
        Ok(netrc) => Ok(builder.netrc(netrc)),
        Err(error) if identity.netrc_optional && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(builder)
        }
        Err(error) => Err(Failure::new(Code::ReadError, error)),
    }
}
