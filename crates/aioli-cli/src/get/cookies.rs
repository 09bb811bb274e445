//! Cookies from the command line, and in files as curl and browsers have kept them.
//!
//! A file has a line for each cookie with seven fields between tabs: domain, whether subdomains
//! are meant, path, whether only https, when it expires in seconds since 1970 (0 for the end of
//! the run), name, value. `#HttpOnly_` before the domain keeps it from scripts.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aioli::http::{Cookie, CookieJar, Url};
use aioli::prelude::*;

use super::failure::{Code, Failure};
use super::options::IdentityOptions;
use super::output::stdout;

const HTTP_ONLY: &str = "#HttpOnly_";

/// The jar with what the files of `-b` hold.
///
/// # Errors
///
/// When a file that is there cannot be read.
pub(super) async fn jar(options: &IdentityOptions) -> Result<CookieJar, Failure> {
    let jar = CookieJar::new();
    for path in options.cookies.iter().filter(|text| !text.contains('=')) {
        match fs::read_to_string(path).await {
            Ok(text) => fill(&jar, &text, options.junk_session_cookies),
            // As curl has it: naming a file that is not there switches cookies on.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::new(Code::ReadError, error)),
        }
    }
    Ok(jar)
}

/// The pairs that `-b` has for the requests themselves.
pub(super) fn pairs(options: &IdentityOptions) -> Vec<(String, String)> {
    options
        .cookies
        .iter()
        .filter(|text| text.contains('='))
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Puts the cookies of a file into the jar; lines that are none are left out.
fn fill(jar: &CookieJar, text: &str, junk_session: bool) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    for line in text.lines() {
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(rest) => (rest, "; HttpOnly"),
            None if line.starts_with('#') => continue,
            None => (line, ""),
        };
        let fields: Vec<_> = line.splitn(7, '\t').collect();
        let [domain, subdomains, path, secure, expires, name, value] = fields[..] else {
            continue;
        };
        let host = domain.trim_start_matches('.');
        let is_secure = secure == "TRUE";
        let scheme = if is_secure { "https" } else { "http" };
        // An address of IPv6 stands here without the brackets that it has in a URL.
        let parsed = Url::parse(&format!("{scheme}://{host}/"))
            .or_else(|_| Url::parse(&format!("{scheme}://[{host}]/")));
        let Ok(url) = parsed else {
            continue;
        };
        let mut cookie = format!("{name}={value}; Path={path}{http_only}");
        if subdomains == "TRUE" {
            let _ = write!(cookie, "; Domain={host}");
        }
        if is_secure {
            cookie += "; Secure";
        }
        match expires.parse::<u64>() {
            Ok(0) if junk_session => continue,
            Ok(0) => {}
            Ok(at) => {
                // Not as a date, which some files have too far away for the clock.
                let left = at.saturating_sub(now);
                let _ = write!(cookie, "; Max-Age={left}");
            }
            Err(_) => continue,
        }
        // A cookie that no server could have set is not sent to one either.
        let _ = jar.set(&url, cookie);
    }
}

/// Writes the jar to where `-c` says.
///
/// # Errors
///
/// When it cannot be written.
pub(super) async fn save(jar: &CookieJar, path: &Path) -> Result {
    let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
    for cookie in jar.cookies() {
        text += &line(&cookie);
    }
    if path == Path::new("-") {
        return stdout(text.as_bytes());
    }
    Ok(fs::write_atomic(path, text).await?)
}

fn line(cookie: &Cookie) -> String {
    let yes = |yes: bool| if yes { "TRUE" } else { "FALSE" };
    let expires = cookie
        .expires()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs());
    let http_only = if cookie.http_only() { HTTP_ONLY } else { "" };
    let dot = if cookie.host_only() { "" } else { "." };
    format!(
        "{http_only}{dot}{}\t{}\t{}\t{}\t{expires}\t{}\t{}\n",
        cookie.domain(),
        yes(!cookie.host_only()),
        cookie.path(),
        yes(cookie.secure()),
        cookie.name(),
        cookie.value(),
    )
}

#[cfg(test)]
mod tests {
    use aioli::http::{CookieJar, Url};
    use proptest::prelude::*;

    use super::{fill, line};

    fn lines(jar: &CookieJar) -> Vec<String> {
        let mut lines: Vec<_> = jar.cookies().iter().map(line).collect();
        lines.sort();
        lines
    }

    proptest! {
        /// What was read and is written is read as the same again, whatever stands in the file.
        #[test]
        fn files_of_strangers_are_read_or_left(
            text in prop::collection::vec(prop_oneof![
                "(#HttpOnly_)?[.]?(a[.]example|example|A[.]Example[.]|127[.]0[.]0[.]1|\\[::1\\])\t(TRUE|FALSE)\t(/[!-~]{0,5}|x)\t(TRUE|FALSE)\t(0|4102444800|-1|99999999999999)\t[ -~]{0,6}\t[ -~\t\u{80}-\u{200}]{0,9}",
                "[ -~\t]{0,40}",
                ".{0,40}",
            ], 0..6),
        ) {
            let jar = CookieJar::new();
            fill(&jar, &text.join("\n"), false);
            let written = lines(&jar);
            let again = CookieJar::new();
            fill(&again, &written.join(""), false);
            // Lives are counted from now on, and a second may have begun.
            let lasting = |lines: &[String]| {
                let fields = lines.iter().map(|line| {
                    let mut fields: Vec<_> = line.split('\t').map(str::to_owned).collect();
                    fields.remove(4);
                    fields
                });
                let mut fields: Vec<_> = fields.collect();
                fields.sort();
                fields
            };
            let (written, again) = (lasting(&written), lasting(&lines(&again)));
            prop_assert_eq!(written, again);
        }
    }

    #[test]
    fn addresses_have_no_brackets() {
        let jar = CookieJar::new();
        for host in ["::1", "[::2]", "127.0.0.1"] {
            fill(&jar, &format!("{host}\tFALSE\t/\tFALSE\t0\ta\tb\n"), false);
        }
        let hosts = lines(&jar).concat();
        assert_eq!(
            hosts,
            ["127.0.0.1", "::1", "::2"]
                .map(|host| format!("{host}\tFALSE\t/\tFALSE\t0\ta\tb\n"))
                .concat()
        );
    }

    #[test]
    fn files_are_read_and_written() {
        let jar = CookieJar::new();
        let far = "4102444800";
        let text = format!(
            "# comment\n\
             example.com\tFALSE\t/\tFALSE\t0\tsession\t1\n\
             .example.com\tTRUE\t/a\tTRUE\t{far}\twide\t2=3\n\
             #HttpOnly_example.org\tFALSE\t/\tFALSE\t{far}\thidden\t\n\
             too\tfew\n\
             example.com\tFALSE\t/\tFALSE\tnever\tx\ty\n\
             .com\tTRUE\t/\tFALSE\t0\tsuper\t1\n"
        );
        fill(&jar, &text, false);
        let mut lines: Vec<_> = jar.cookies().iter().map(line).collect();
        lines.sort();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[0].starts_with("#HttpOnly_example.org\tFALSE\t/\tFALSE\t"));
        assert!(lines[1].starts_with(".example.com\tTRUE\t/a\tTRUE\t"));
        assert!(lines[1].ends_with("\twide\t2=3\n"));
        // A public suffix shares with nobody below it.
        assert_eq!(lines[2], "com\tFALSE\t/\tFALSE\t0\tsuper\t1\n");
        assert_eq!(lines[3], "example.com\tFALSE\t/\tFALSE\t0\tsession\t1\n");
        let url = Url::parse("https://www.example.com/a/b").unwrap();
        assert_eq!(jar.header(&url).unwrap(), "wide=2=3");

        let jar = CookieJar::new();
        let never = format!("a.example\tFALSE\t/\tFALSE\t{}\tx\ty\n", u64::MAX);
        fill(&jar, &never, false);
        assert_eq!(jar.len(), 1, "it ends after the end of the clock");

        let jar = CookieJar::new();
        fill(&jar, &text, true);
        assert_eq!(jar.len(), 2, "those of a session are left out");
    }
}
