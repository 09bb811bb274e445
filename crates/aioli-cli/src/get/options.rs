//! The command line of `aioli get`: curl's names and meanings.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser};

use super::way::{PeerOptions, ProxyOptions};

mod usual;

use usual::UsualOptions;

/// Get a URL, with the options and exit codes of curl.
///
/// What has no option here is not supported, and is bad usage. Redirects are followed with `-L`
/// only, and a status of 400 and above is an error with `-f` only.
#[derive(Parser)]
#[command(
    name = "aioli get",
    arg_required_else_help = true,
    args_override_self = true,
    version
)]
pub(super) struct Options {
    /// What to get; `http://` goes without saying. `{a,b}`, `[1-9]`, `[01-10:2]` and `[a-z]` stand
    /// for several URLs each
    #[arg(value_name = "URL")]
    pub(super) urls: Vec<String>,
    /// Get this too
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Put the options of a file here, one a line, as `user = "NAME:PASSWORD"`; `-` is the standard
    /// input. No file is read that was not asked for
    #[arg(short = 'K', long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Begin a group of URLs with options of its own
    #[arg(short = ':', long)]
    next: bool,
    /// Read one command a line from the standard input, and answer each with a line of JSON
    #[arg(long, conflicts_with = "urls")]
    pub(super) jsonl: bool,
    #[command(flatten)]
    pub(super) request: RequestOptions,
    #[command(flatten)]
    pub(super) identity: IdentityOptions,
    #[command(flatten)]
    pub(super) body: BodyOptions,
    #[command(flatten)]
    pub(super) output: OutputOptions,
    #[command(flatten)]
    pub(super) connection: ConnectionOptions,
    #[command(flatten)]
    pub(super) proxy: ProxyOptions,
    #[command(flatten)]
    pub(super) peer: PeerOptions,
    #[command(flatten)]
    usual: UsualOptions,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Many are secrets.
        f.debug_struct("Options").finish_non_exhaustive()
    }
}

/// What is asked for.
#[derive(clap::Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestOptions {
    /// Use this method
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// Ask for the head only
    #[arg(short = 'I', long)]
    pub(super) head: bool,
    /// Put the data into the query of a GET
    #[arg(short = 'G', long = "get")]
    pub(super) data_in_query: bool,
    /// Add a header; `Name:` takes a default one away, and `@FILE` adds those of a file, a line
    /// each
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE|@FILE")]
    pub(super) headers: Vec<String>,
    /// Send this `user-agent`
    #[arg(short = 'A', long, value_name = "TEXT")]
    pub(super) user_agent: Option<String>,
    /// Send this `referer`
    #[arg(short = 'e', long, value_name = "URL")]
    pub(super) referer: Option<String>,
    /// Ask for these bytes, like `0-499`
    #[arg(short = 'r', long, value_name = "FIRST-LAST")]
    pub(super) range: Option<String>,
    /// Go on where the file ends (`-`), or at this byte, and append to the file
    #[arg(short = 'C', long, value_name = "OFFSET", conflicts_with_all = ["range", "upload_file"])]
    pub(super) continue_at: Option<String>,
    /// Ask for what has changed since a date, or since a file has; with a `-` before it, for what
    /// has not
    #[arg(
        short = 'z',
        long,
        value_name = "[-]DATE|FILE",
        allow_hyphen_values = true
    )]
    pub(super) time_cond: Option<String>,
    /// Ask for another version than that whose tag a file has
    #[arg(long, value_name = "FILE")]
    pub(super) etag_compare: Option<PathBuf>,
    /// Write the tag of the version that has come to a file
    #[arg(long, value_name = "FILE")]
    pub(super) etag_save: Option<PathBuf>,
    /// Ask for compressed content, and decompress it
    #[arg(long)]
    pub(super) compressed: bool,
    /// Add to the query, escaped
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) url_query: Vec<String>,
    /// Send `/../` and `/./` of the URL's path as they are
    #[arg(long)]
    pub(super) path_as_is: bool,
    /// Send this in place of the URL's path and query
    #[arg(long, value_name = "TARGET")]
    pub(super) request_target: Option<String>,
    /// Ask in these schemes only: `=https`; `+`, `-` and `=` add, take away and set, as in `-http`
    #[arg(long, value_name = "SCHEMES", allow_hyphen_values = true)]
    pub(super) proto: Option<String>,
    /// Follow redirects to these of the schemes only
    #[arg(long, value_name = "SCHEMES", allow_hyphen_values = true)]
    pub(super) proto_redir: Option<String>,
    /// The scheme of a URL that has none
    #[arg(long, value_name = "SCHEME", default_value = "http")]
    pub(super) proto_default: String,
    /// Take braces and brackets of URLs as they are
    #[arg(short = 'g', long)]
    pub(super) globoff: bool,
    /// Write the body as it comes, with its chunks and its compression
    #[arg(long)]
    pub(super) raw: bool,
    /// Follow redirects
    #[arg(short = 'L', long)]
    pub(super) location: bool,
    /// Follow redirects, and send credentials to other hosts too
    #[arg(long)]
    pub(super) location_trusted: bool,
    /// Keep POST after a 301
    #[arg(long)]
    pub(super) post301: bool,
    /// Keep POST after a 302
    #[arg(long)]
    pub(super) post302: bool,
    /// Keep POST after a 303
    #[arg(long)]
    pub(super) post303: bool,
    /// Follow so many redirects at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) max_redirs: u16,
}

/// Who asks.
#[derive(clap::Args)]
#[command(next_help_heading = "Credentials and cookies")]
pub(super) struct IdentityOptions {
    /// Authenticate with a name and a password
    #[arg(short = 'u', long, value_name = "NAME:PASSWORD")]
    pub(super) user: Option<String>,
    /// Send the password as it is (that is what happens without `--digest`)
    #[arg(long, overrides_with_all = ["digest", "anyauth"])]
    pub(super) basic: bool,
    /// Prove the password, and do not send it
    #[arg(long, overrides_with_all = ["basic", "anyauth"])]
    pub(super) digest: bool,
    /// Ask first, and then prove the password, or send it to a server that wants nothing better
    #[arg(long, overrides_with_all = ["basic", "digest"])]
    pub(super) anyauth: bool,
    /// Authenticate with a bearer token
    #[arg(long, value_name = "TOKEN")]
    pub(super) oauth2_bearer: Option<String>,
    /// Take names and passwords from ~/.netrc
    #[arg(short = 'n', long)]
    pub(super) netrc: bool,
    /// Take names and passwords from ~/.netrc, if it is there
    #[arg(long)]
    pub(super) netrc_optional: bool,
    /// Take names and passwords from this file
    #[arg(long, value_name = "FILE")]
    pub(super) netrc_file: Option<PathBuf>,
    /// Send cookies: `NAME=VALUE; …`, or those of a file
    #[arg(short = 'b', long = "cookie", value_name = "DATA|FILE")]
    pub(super) cookies: Vec<String>,
    /// Write all cookies to a file afterwards; `-` is the standard output
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(super) cookie_jar: Option<PathBuf>,
    /// Forget the cookies that a file has for one run of a browser
    #[arg(short = 'j', long)]
    pub(super) junk_session_cookies: bool,
}

/// What is sent along.
#[derive(clap::Args)]
#[command(next_help_heading = "Body")]
pub(super) struct BodyOptions {
    /// Send data as a form does; `@FILE` sends what is in a file, without its line ends
    #[arg(
        short = 'd',
        long = "data",
        visible_alias = "data-ascii",
        value_name = "DATA"
    )]
    pub(super) data: Vec<String>,
    /// Send data as it is; `@FILE` sends a file as it is
    #[arg(long, value_name = "DATA")]
    pub(super) data_binary: Vec<String>,
    /// Send data as it is, `@` too
    #[arg(long, value_name = "DATA")]
    pub(super) data_raw: Vec<String>,
    /// Send data escaped: `TEXT`, `=TEXT`, `NAME=TEXT`, `@FILE`, `NAME@FILE`
    #[arg(long, value_name = "DATA")]
    pub(super) data_urlencode: Vec<String>,
    /// Send JSON, and ask for JSON; `@FILE` sends a file
    #[arg(long, value_name = "JSON")]
    pub(super) json: Vec<String>,
    /// Send a form with files: `NAME=TEXT`, `NAME=@FILE`, `NAME=<FILE`; behind it `;type=` and
    /// `;filename=`
    #[arg(short = 'F', long = "form", value_name = "NAME=CONTENT")]
    pub(super) form: Vec<String>,
    /// Send a form's field as it is
    #[arg(long, value_name = "NAME=TEXT")]
    pub(super) form_string: Vec<String>,
    /// Upload a file; `-` is the standard input
    #[arg(short = 'T', long, value_name = "FILE")]
    pub(super) upload_file: Option<PathBuf>,
}

/// Where the answer goes.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputOptions {
    /// Write the body to a file; the option is given once for each URL. `#1` is what the first
    /// braces or brackets of the URL stood for, and so on
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(super) output: Vec<PathBuf>,
    /// Write the body to a file named as the last part of the URL
    #[arg(short = 'O', long, visible_alias = "remote-name-all")]
    pub(super) remote_name: bool,
    /// With `-O`, take the name that the server says, made harmless, and overwrite no file of it
    #[arg(short = 'J', long, conflicts_with = "continue_at")]
    pub(super) remote_header_name: bool,
    /// Overwrite no file: put a number behind the name of one that would
    #[arg(long, conflicts_with = "continue_at")]
    pub(super) no_clobber: bool,
    /// Remove a file whose transfer has failed
    #[arg(long, conflicts_with = "continue_at")]
    pub(super) remove_on_error: bool,
    /// Give the file the time at which the server says that it was changed
    #[arg(short = 'R', long)]
    pub(super) remote_time: bool,
    /// Put the files into this folder
    #[arg(long, value_name = "DIR")]
    pub(super) output_dir: Option<PathBuf>,
    /// Make the folders of the files
    #[arg(long)]
    pub(super) create_dirs: bool,
    /// Write the head before the body
    #[arg(short = 'i', long, visible_alias = "show-headers")]
    pub(super) include: bool,
    /// Write the head to a file; `-` is the standard output
    #[arg(short = 'D', long, value_name = "FILE")]
    pub(super) dump_header: Option<PathBuf>,
    /// Write this afterwards; `%{http_code}` and others stand for what came, `%header{NAME}` for a
    /// header, `%{json}` for all; `@FILE` is what a file says
    #[arg(short = 'w', long, value_name = "FORMAT|@FILE")]
    pub(super) write_out: Option<String>,
    /// Make an error, without a body, of a status of 400 and above
    #[arg(short = 'f', long)]
    pub(super) fail: bool,
    /// Make an error of a status of 400 and above, and write the body all the same
    #[arg(long)]
    pub(super) fail_with_body: bool,
    /// Show on the standard error stream what is sent (`>`) and what comes (`<`), but for secrets,
    /// and what connections do (`*`)
    #[arg(short = 'v', long)]
    pub(super) verbose: bool,
    /// Write what goes to the standard error stream to a file; `-` is the standard output
    #[arg(long, value_name = "FILE")]
    pub(super) stderr: Option<PathBuf>,
    /// Show no progress, and errors all the same
    #[arg(long)]
    pub(super) no_progress_meter: bool,
    /// Show no progress and no errors
    #[arg(short = 's', long)]
    pub(super) silent: bool,
    /// Show errors even when silent
    #[arg(short = 'S', long)]
    pub(super) show_error: bool,
    /// Give up a body of more bytes than this
    #[arg(long, value_name = "BYTES")]
    pub(super) max_filesize: Option<u64>,
}

/// How to get there.
#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionOptions {
    /// Give up after so many seconds
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) max_time: Option<f64>,
    /// Give up when there is no connection after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) connect_timeout: Option<f64>,
    /// Send and receive no more bytes a second; `k`, `m` and `g` behind the number are 1024 and so on
    #[arg(long, value_name = "SPEED", value_parser = bytes)]
    pub(super) limit_rate: Option<u64>,
    /// Give up what is slower than so many bytes a second for the time of `-y`
    #[arg(short = 'Y', long, value_name = "BYTES")]
    pub(super) speed_limit: Option<u64>,
    /// For so many seconds, 30 if it is not said; 0 here or with `-Y` is no limit
    #[arg(short = 'y', long, value_name = "SECONDS")]
    pub(super) speed_time: Option<u32>,
    /// Try again so many times when something fails in passing
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) retry: u32,
    /// Wait so many seconds before each further try, and not longer and longer
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) retry_delay: Option<f64>,
    /// Begin no other try when so many seconds have passed since the first one
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) retry_max_time: Option<f64>,
    /// Try again whatever the method
    #[arg(long)]
    pub(super) retry_all_errors: bool,
    /// Wait so many seconds for the consent of the server before a long body is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(super) expect100_timeout: f64,
    /// Carry out the transfers of a group at the same time; the first failure is the exit code
    #[arg(short = 'Z', long)]
    pub(super) parallel: bool,
    /// Carry out so many at the same time at most
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) parallel_max: u16,
    /// Begin no other transfer when one has failed
    #[arg(long)]
    pub(super) fail_early: bool,
    /// Speak HTTP/1.0, in which no body of unknown length can be sent
    #[arg(short = '0', long = "http1.0",
          overrides_with_all = ["http1_1", "http2", "http2_prior_knowledge"])]
    pub(super) http1_0: bool,
    /// Speak HTTP/1.1
    #[arg(long = "http1.1", overrides_with_all = ["http2", "http2_prior_knowledge"])]
    pub(super) http1_1: bool,
    /// Speak HTTP/2 with servers that want to; over https that is what happens anyway
    #[arg(long, overrides_with_all = ["http1_1", "http2_prior_knowledge"])]
    pub(super) http2: bool,
    /// Speak HTTP/2 from the beginning, without https too
    #[arg(long, overrides_with_all = ["http1_1", "http2"])]
    pub(super) http2_prior_knowledge: bool,
    /// Connect through a Unix socket
    #[arg(long, value_name = "PATH")]
    pub(super) unix_socket: Option<PathBuf>,
    /// Trust these root certificates, in PEM or DER, and no others
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Trust the root certificates of this folder, whose names are as `openssl rehash` makes them,
    /// and no others but those of `--cacert`
    #[arg(long, value_name = "DIR")]
    pub(super) capath: Option<PathBuf>,
    /// Ask by https only the hosts of this file, and those whose servers want that, and write all
    /// of them to the file; an empty name is for this run
    #[arg(long, value_name = "FILE")]
    pub(super) hsts: Vec<OsString>,
    /// Connect to these addresses for a host and a port
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]")]
    pub(super) resolve: Vec<String>,
}

impl ConnectionOptions {
    /// The limit of all of a transfer. As curl has it, 0 is none.
    pub(super) fn limit(&self) -> Option<f64> {
        self.max_time.filter(|limit| *limit > 0.0)
    }
}

/// Splits a command line at `--next`, each part with options of its own; files of options are
/// [expanded](super::config::expanded) already, but for those whose names are behind `--config=` and
/// not UTF-8.
pub(super) fn parse(words: Vec<OsString>) -> Result<Vec<Options>, clap::Error> {
    words
        .split(|word| word == "--next")
        .map(|group| {
            let name = [OsString::from("aioli get")];
            let words = name.iter().chain(group);
            let found = command().try_get_matches_from(words)?;
            let mut options = Options::from_arg_matches(&found)?;
            options.urls = in_order(&found, [("urls", options.urls), ("url", options.url)]);
            options.url = Vec::new();
            if !options.config.is_empty() {
                let wrong =
                    "a name behind --config that is not UTF-8 has to be a word of its own\n";
                return Err(clap::Error::raw(ErrorKind::InvalidUtf8, wrong));
            }
            Ok(options)
        })
        .collect()
}

/// All options, with those that are not told of.
pub(super) fn command() -> Command {
    with_opposites(Options::command())
}

/// Adds what takes each switch back that came before it: `--no-location`, `--buffer`.
fn with_opposites(command: Command) -> Command {
    let switches: Vec<_> = command
        .get_arguments()
        .filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue) && arg.get_id() != "next")
        .filter_map(|arg| Some((arg.get_id().clone(), arg.get_long()?.to_owned())))
        .collect();
    switches.into_iter().fold(command, |command, (id, long)| {
        let opposite = match long.strip_prefix("no-") {
            Some(rest) => rest.to_owned(),
            None => format!("no-{long}"),
        };
        let arg = Arg::new(opposite.clone())
            .long(opposite)
            .hide(true)
            .action(ArgAction::SetTrue)
            .overrides_with(id);
        command.arg(arg)
    })
}

/// The values of several options in the order in which they stand on the command line.
fn in_order<const N: usize>(found: &ArgMatches, lists: [(&str, Vec<String>); N]) -> Vec<String> {
    let mut all: Vec<_> = lists
        .into_iter()
        .flat_map(|(name, values)| found.indices_of(name).into_iter().flatten().zip(values))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, value)| value).collect()
}

/// A number of seconds that a time limit can have.
fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds = text.parse().map_err(|_| "not a number")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(_) => Ok(seconds),
        Err(_) => Err("not a number of seconds"),
    }
}

/// A number of bytes, with curl's letters for powers of 1024.
fn bytes(text: &str) -> Result<u64, &'static str> {
    let wrong = "not a number of bytes";
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(wrong),
    };
    let number: u64 = number.parse().map_err(|_| wrong)?;
    number.checked_mul(1 << (10 * power)).ok_or(wrong)
}

/// What `--resolve` says: a host, a port, and the addresses instead. What curl has a `+` in front
/// for, that they do not stay for ever, is no matter here.
pub(super) fn resolve(text: &str) -> Option<(String, u16, Vec<IpAddr>)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (host, rest) = text.split_once(':')?;
    let (port, addresses) = rest.split_once(':')?;
    let address = |text: &str| {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        text.parse().ok()
    };
    let addresses = addresses.split(',').map(address).collect::<Option<_>>()?;
    Some((host.to_owned(), port.parse().ok()?, addresses))
}

#[cfg(test)]
mod tests {
    use super::{Options, bytes, parse, resolve, seconds};
    use clap::CommandFactory;
    use std::path::PathBuf;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Options::command().debug_assert();
    }

    #[test]
    fn short_options_take_values_with_and_without_a_space() {
        let words = ["-XPUT", "-sSo", "file", "-d", "a=b", "-HA: b", "host/path"];
        let groups = parse(words.map(Into::into).into()).unwrap();
        let [options] = groups.try_into().unwrap();
        assert_eq!(options.request.method.as_deref(), Some("PUT"));
        assert!(options.output.silent && options.output.show_error);
        assert_eq!(options.output.output, [PathBuf::from("file")]);
        assert_eq!(options.body.data, ["a=b"]);
        assert_eq!(options.request.headers, ["A: b"]);
        assert_eq!(options.urls, ["host/path"]);
    }

    #[test]
    fn a_switch_is_taken_back_and_set_again() {
        let follows = |words: &[&str]| {
            let words = words.iter().chain(&["a"]).map(Into::into);
            let [options] = parse(words.collect()).unwrap().try_into().unwrap();
            (options.request.location, options.peer.keeps_alive())
        };
        assert_eq!(follows(&["-L"]), (true, true));
        assert_eq!(follows(&["-sL", "--no-location"]), (false, true));
        assert_eq!(follows(&["--no-location", "-L"]), (true, true));
        assert_eq!(follows(&["--no-keepalive"]), (false, false));
        assert_eq!(follows(&["--no-keepalive", "--keepalive"]), (false, true));
        assert_eq!(follows(&["-qgN#", "--tcp-nodelay"]), (false, true));
    }

    #[test]
    fn urls_stay_in_their_order() {
        let words = ["a", "--url", "b", "-d", "x", "c", "--url", "d"];
        let [options] = parse(words.map(Into::into).into())
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(options.urls, ["a", "b", "c", "d"]);
        assert_eq!(options.body.data, ["x"]);
    }

    #[test]
    fn groups_have_options_of_their_own() {
        let words = ["-I", "a", "--next", "-L", "b", "c"];
        let groups = parse(words.map(Into::into).into()).unwrap();
        let heads: Vec<_> = groups.iter().map(|group| group.request.head).collect();
        let urls: Vec<_> = groups.iter().map(|group| group.urls.len()).collect();
        assert_eq!((heads, urls), (vec![true, false], vec![1, 2]));
    }

    #[test]
    fn numbers_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for bad in ["nan", "inf", "-1", "1e300", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_of_bytes() {
        for (text, want) in [
            ("0", 0),
            ("512", 512),
            ("2k", 2048),
            ("3M", 3 << 20),
            ("1g", 1 << 30),
        ] {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        for bad in ["", "k", "1.5k", "1kk", "-1", "99999999999p"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_instead_of_hosts() {
        let v6 = resolve("a.b:443:[::1]").unwrap();
        assert_eq!((v6.0.as_str(), v6.1), ("a.b", 443));
        assert!(v6.2[0].is_ipv6());
        assert!(resolve("a.b:80:10.0.0.1").unwrap().2[0].is_ipv4());
        assert_eq!(resolve("+a.b:80:10.0.0.1,[::1]").unwrap().2.len(), 2);
        for bad in [
            "",
            "a",
            "a:80",
            "a:x:1.2.3.4",
            "a:80:nonsense",
            "a:80:1.2.3.4,",
        ] {
            assert!(resolve(bad).is_none(), "{bad}");
        }
    }
}
