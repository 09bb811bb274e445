//! The way to a server: proxies, certificates and addresses, as curl's options say them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aioli::http::{IpFamily, Proxy, SessionBuilder, TlsVersion, Url};
use aioli::prelude::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::failure::{Code, Failure};
use super::keys;

/// curl's port of a proxy whose port nobody has said, but for one over TLS.
const PROXY_PORT: u16 = 1080;

/// Whom to go through.
#[derive(clap::Args)]
#[command(next_help_heading = "Proxy")]
pub(super) struct ProxyOptions {
    /// Take this proxy (`http`, `https`, `socks4`, `socks4a`, `socks5`, `socks5h`), and not the environment's; an
    /// empty one is none
    #[arg(
        short = 'x',
        long,
        value_name = "[SCHEME://]HOST[:PORT]",
        group = "one_proxy"
    )]
    proxy: Option<String>,
    /// Take a SOCKS5 proxy, with addresses that are looked up here
    #[arg(long, value_name = "HOST[:PORT]", group = "one_proxy")]
    socks5: Option<String>,
    /// Take a SOCKS5 proxy, which looks names up
    #[arg(long, value_name = "HOST[:PORT]", group = "one_proxy")]
    socks5_hostname: Option<String>,
    /// Take a SOCKS4 proxy, with IPv4 addresses that are looked up here
    #[arg(long, value_name = "HOST[:PORT]", group = "one_proxy")]
    socks4: Option<String>,
    /// Take a SOCKS4a proxy, which looks names up
    #[arg(long, value_name = "HOST[:PORT]", group = "one_proxy")]
    socks4a: Option<String>,
    /// Ask an HTTP proxy for a tunnel whatever the URL, and not only for `https`
    #[arg(short = 'p', long)]
    proxytunnel: bool,
    /// Authenticate to the proxy
    #[arg(short = 'U', long, value_name = "NAME:PASSWORD")]
    proxy_user: Option<String>,
    /// Send the proxy's password as it is (that is what happens without `--proxy-digest`)
    #[arg(long, overrides_with = "proxy_digest")]
    proxy_basic: bool,
    /// Prove the password to the proxy, and do not send it
    #[arg(long, overrides_with = "proxy_basic")]
    proxy_digest: bool,
    /// Send a header to the proxy alone
    #[arg(long, value_name = "NAME: VALUE")]
    proxy_header: Vec<String>,
    /// Leave what a proxy says to `CONNECT` out of what `-i` and `-D` write
    #[arg(long)]
    pub(super) suppress_connect_headers: bool,
    /// Reach these hosts directly, and not those of the environment
    #[arg(long, value_name = "HOSTS")]
    noproxy: Option<String>,
}

/// Whom to trust, and which addresses to use.
#[derive(clap::Args)]
#[command(next_help_heading = "TLS and addresses")]
pub(super) struct PeerOptions {
    /// Take any certificate: whoever is on the way can read and change everything
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Show this certificate, in PEM or DER, with its key in the same file or in that of `--key`; `\:` is
    /// a colon of the file's name
    #[arg(short = 'E', long, value_name = "FILE[:PASSPHRASE]")]
    cert: Option<PathBuf>,
    /// The key of the certificate, in PEM or DER
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The passphrase of the key
    #[arg(long, value_name = "PASSPHRASE")]
    pass: Option<String>,
    /// Refuse the certificates of this revocation list
    #[arg(long, value_name = "FILE")]
    crlfile: Option<PathBuf>,
    /// Take only a key with this hash: `sha256//BASE64`, several with `;`
    #[arg(long, value_name = "HASHES")]
    pinnedpubkey: Option<String>,
    /// Speak TLS 1.2 or later, as happens anyway: nothing older is spoken
    #[arg(short = '1', long = "tlsv1.2", visible_aliases = ["tlsv1", "tlsv1.0", "tlsv1.1"])]
    tls_1_2: bool,
    /// Speak TLS 1.3 only
    #[arg(long = "tlsv1.3")]
    tls_1_3: bool,
    /// Speak this version of TLS at most
    #[arg(long, value_name = "VERSION", value_parser = ["default", "1.0", "1.1", "1.2", "1.3"])]
    tls_max: Option<String>,
    /// Use IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 addresses only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Connect by this network interface, or from this address; `host!NAME` is the address of a
    /// host
    #[arg(long, value_name = "NAME|ADDRESS")]
    interface: Option<String>,
    /// Connect to another host for one, or for all, of the URLs; an empty part is any, or the same
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    connect_to: Vec<String>,
    /// Have the system ask a silent peer after so many seconds whether it is still there
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..))]
    keepalive_time: u32,
    /// Do not ask silent peers whether they are still there
    #[arg(long)]
    no_keepalive: bool,
    /// Try the next address of a host after so long
    #[arg(long, value_name = "MS")]
    happy_eyeballs_timeout_ms: Option<u32>,
}

impl PeerOptions {
    /// Whether one of them is about those servers that are asked.
    pub(super) fn is_about_servers(&self) -> bool {
        self.pinnedpubkey.is_some() || !self.connect_to.is_empty()
    }

    /// By which interface, or from which address, to connect.
    pub(super) fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Whether silent peers are asked whether they are still there.
    pub(super) fn keeps_alive(&self) -> bool {
        !self.no_keepalive
    }
}

/// Adds the proxies of the options, or of the environment.
///
/// # Errors
///
/// When an option cannot be understood.
pub(super) fn proxies(
    builder: SessionBuilder,
    asked: &ProxyOptions,
) -> Result<SessionBuilder, Failure> {
    if asked.proxy.as_ref().is_some_and(String::is_empty) {
        return Ok(builder);
    }
    let named = asked.proxy.as_ref();
    let socks = |text: &Option<String>, proxy: fn(&str) -> Proxy| text.as_deref().map(proxy);
    let own = named
        .map(|text| Proxy::new(&with_port(text)))
        .or_else(|| socks(&asked.socks5, Proxy::socks5))
        .or_else(|| socks(&asked.socks5_hostname, Proxy::socks5h))
        .or_else(|| socks(&asked.socks4, Proxy::socks4))
        .or_else(|| socks(&asked.socks4a, Proxy::socks4a));
    let is_own = own.is_some();
    let mut proxy = own.unwrap_or_else(Proxy::from_env);
    if let Some(user) = &asked.proxy_user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        proxy = match asked.proxy_digest {
            true => proxy.digest(name, password),
            false => proxy.basic(name, password),
        };
    }
    if asked.proxytunnel {
        proxy = proxy.tunnel(true);
    }
    for header in &asked.proxy_header {
        // Nothing of it is shown: it may be a secret.
        let wrong = || Failure::usage("--proxy-header: one is not NAME: VALUE");
        let (name, value) = header.split_once(':').ok_or_else(wrong)?;
        proxy = proxy.header(name, value.trim());
    }
    let hosts = match &asked.noproxy {
        Some(hosts) => Some(hosts.clone()),
        // Of the environment's proxies they are part.
        None if is_own => ["no_proxy", "NO_PROXY"]
            .iter()
            .find_map(|name| std::env::var(name).ok()),
        None => None,
    };
    Ok(builder.proxy(proxy.no_proxy(&hosts.unwrap_or_default())))
}

/// Adds what the options say of the other end, for these URLs.
///
/// # Errors
///
/// When a file cannot be read, or an option cannot be understood.
pub(super) async fn peers(
    mut builder: SessionBuilder,
    asked: &PeerOptions,
    urls: &[Url],
) -> Result<SessionBuilder, Failure> {
    builder = builder.danger_accept_invalid_certificates(asked.insecure);
    if let Some(cert) = &asked.cert {
        let (cert, pass) = keys::file_and_passphrase(cert);
        let chain = read(&cert, Code::LocalCertificate).await?;
        let (path, key) = match &asked.key {
            Some(path) => (path, read(path, Code::LocalCertificate).await?),
            None => (&cert, chain.clone()),
        };
        let pass = asked.pass.clone().or(pass);
        builder = builder.client_certificate(chain, keys::plain(path, key, pass).await?);
    }
    if let Some(path) = &asked.crlfile {
        builder = builder.add_revocation_list(read(path, Code::CrlFile).await?);
    }
    if let Some(pins) = &asked.pinnedpubkey {
        for hash in hashes(pins)? {
            for host in urls.iter().filter_map(host) {
                builder = builder.pin_public_key(host, hash);
            }
        }
    }
    builder = tls_versions(builder, asked)?;
    if asked.ipv4 || asked.ipv6 {
        let family = if asked.ipv4 {
            IpFamily::V4
        } else {
            IpFamily::V6
        };
        builder = builder.ip_family(family);
    }
    if let Some(text) = &asked.interface {
        builder = interface(builder, text).await?;
    }
    if asked.keeps_alive() {
        builder = builder.tcp_keepalive(f64::from(asked.keepalive_time));
    }
    for text in &asked.connect_to {
        builder = connect_to(builder, text, urls).await?;
    }
    if let Some(after) = asked.happy_eyeballs_timeout_ms {
        builder = builder.happy_eyeballs_delay(Duration::from_millis(after.into()));
    }
    Ok(builder)
}

/// Which versions of TLS are spoken.
fn tls_versions(
    mut builder: SessionBuilder,
    asked: &PeerOptions,
) -> Result<SessionBuilder, Failure> {
    if asked.tls_1_3 {
        builder = builder.min_tls_version(TlsVersion::V1_3);
    }
    match asked.tls_max.as_deref() {
        Some("1.2") => Ok(builder.max_tls_version(TlsVersion::V1_2)),
        Some(old @ ("1.0" | "1.1")) => {
            let text = format!("--tls-max {old}: nothing older than TLS 1.2 is spoken");
            Err(Failure::new(Code::TlsConnect, text))
        }
        _ => Ok(builder),
    }
}

/// Connects by an interface, or from an address.
async fn interface(builder: SessionBuilder, text: &str) -> Result<SessionBuilder, Failure> {
    let host = text.strip_prefix("host!");
    let address = match (host.unwrap_or(text).parse::<IpAddr>(), host) {
        (Ok(address), _) => address,
        (Err(_), None) => return Ok(builder.device(text.strip_prefix("if!").unwrap_or(text))),
        (Err(_), Some(host)) => {
            let found = aioli::net::resolve((host, 0)).await;
            let first = found.ok().and_then(|found| found.first().copied());
            let none = || Failure::new(Code::Interface, format!("--interface {text}: no address"));
            first.ok_or_else(none)?.ip()
        }
    };
    Ok(builder.local_address((address, 0).into()))
}

/// Leads those URLs elsewhere that `--connect-to` is about.
async fn connect_to(
    mut builder: SessionBuilder,
    text: &str,
    urls: &[Url],
) -> Result<SessionBuilder, Failure> {
    let wrong = |why| Failure::usage(format!("--connect-to {text}: {why}"));
    let Some([from, from_port, to, to_port]) = four(text) else {
        return Err(wrong("not HOST1:PORT1:HOST2:PORT2"));
    };
    for url in urls {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            continue;
        };
        let is_meant = (from.is_empty() || host.eq_ignore_ascii_case(from))
            && (from_port.is_empty() || port.to_string() == from_port);
        if !is_meant {
            continue;
        }
        let to_port = match to_port {
            "" => port,
            other => other.parse().map_err(|_| wrong("not a port"))?,
        };
        let to = if to.is_empty() { host } else { to };
        let found = aioli::net::resolve((to.trim_matches(['[', ']']), to_port)).await;
        let found = found.map_err(|error| Failure::new(Code::CannotResolve, error))?;
        builder = builder.resolve_port(host.trim_matches(['[', ']']), port, found);
    }
    Ok(builder)
}

/// The four parts between colons, some of which may be addresses in brackets.
fn four(text: &str) -> Option<[&str; 4]> {
    let mut depth = 0;
    let parts = text.split(|c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ':' && depth == 0
    });
    parts.collect::<Vec<_>>().try_into().ok()
}

async fn read(path: &Path, code: Code) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::new(code, format!("{}: {error}", path.display()));
    fs::read(path).await.map_err(failed)
}

/// A proxy with the port that curl takes if none is said.
fn with_port(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.trim_end_matches('/');
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    if has_port || scheme.eq_ignore_ascii_case("https") {
        return text.to_owned();
    }
    format!("{scheme}://{rest}:{PROXY_PORT}")
}

/// The hashes of `--pinnedpubkey`.
fn hashes(text: &str) -> Result<Vec<[u8; 32]>, Failure> {
    let hash = |part: &str| {
        let bytes = STANDARD.decode(part.strip_prefix("sha256//")?).ok()?;
        bytes.try_into().ok()
    };
    let wrong = || Failure::usage("--pinnedpubkey: not sha256//BASE64");
    text.split(';')
        .map(|part| hash(part.trim()).ok_or_else(wrong))
        .collect()
}

/// The host of a URL of the command line.
fn host(url: &Url) -> Option<&str> {
    Some(url.host_str()?.trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::{Url, four, hashes, host, with_port};

    #[test]
    fn the_port_of_a_proxy() {
        for (text, want) in [
            ("p", "http://p:1080"),
            ("p:3128", "p:3128"),
            ("http://p/", "http://p:1080"),
            ("http://u:p@p", "http://u:p@p:1080"),
            ("http://u:p@p:1", "http://u:p@p:1"),
            ("[::1]", "http://[::1]:1080"),
            ("socks5://[::1]:9050", "socks5://[::1]:9050"),
            ("https://p", "https://p"),
        ] {
            assert_eq!(with_port(text), want, "{text}");
        }
    }

    #[test]
    fn parts_of_connect_to() {
        assert_eq!(four("a:1:b:2"), Some(["a", "1", "b", "2"]));
        assert_eq!(four("::[::1]:8"), Some(["", "", "[::1]", "8"]));
        assert_eq!(four("a:1:b"), None);
    }

    #[test]
    fn pins_and_hosts() {
        let zero = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert_eq!(hashes(zero).unwrap(), [[0; 32]]);
        assert_eq!(hashes(&format!("{zero}; {zero}")).unwrap().len(), 2);
        for wrong in ["", "sha256//AAAA", "key.pem", "sha1//AAAA"] {
            assert!(hashes(wrong).is_err(), "{wrong}");
        }
        let url = |text| Url::parse(text).unwrap();
        assert_eq!(host(&url("http://A.example/x")), Some("a.example"));
        assert_eq!(host(&url("https://[::1]:8/")), Some("::1"));
    }
}
