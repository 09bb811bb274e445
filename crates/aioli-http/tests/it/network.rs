//! Origins with names, plain and secure, that redirect to one another and remember what they got.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aioli_http::{Session, SessionBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::server::{Request, Server, ok};
use crate::tls::Authority;

/// The names of the origins, their schemes, hosts and servers.
const ORIGINS: [(&str, &str, &str, usize); 7] = [
    ("home", "https", "a.example", 0),
    ("other", "https", "b.example", 0),
    ("below", "https", "www.a.example", 0),
    ("port", "https", "a.example", 1),
    ("plain", "http", "a.example", 2),
    ("plain-other", "http", "b.example", 2),
    ("plain-port", "http", "a.example", 3),
];

/// What an origin saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The host and port that the connection was for, as the `host` header has it.
    pub(crate) host: String,
    pub(crate) request: Request,
}

/// Four servers under seven names.
///
/// * `/go/NAME/REST` redirects to `/go/REST` of another origin, `/go/` answers.
/// * `/auth/NAME/REST` does the same once a digest challenge is answered.
/// * `/status/NUMBER/NAME/REST` redirects with that status to `/go/REST`.
pub(crate) struct Network {
    authority: Authority,
    servers: Vec<Server>,
    log: Arc<Mutex<Vec<Seen>>>,
    bases: Arc<Mutex<HashMap<&'static str, String>>>,
}

impl Network {
    pub(crate) fn new() -> Network {
        let authority = Authority::new();
        let log = Arc::new(Mutex::new(Vec::new()));
        let bases = Arc::new(Mutex::new(HashMap::new()));
        let hosts = ["a.example", "b.example", "www.a.example"];
        let servers: Vec<Server> = (0..4)
            .map(|n| {
                let (log, bases) = (log.clone(), bases.clone());
                let script = move |conn: &mut crate::server::Conn| {
                    while let Some(request) = conn.request() {
                        let answer = answer(&request, &bases.lock().unwrap());
                        let host = request.header("host").unwrap().to_owned();
                        log.lock().unwrap().push(Seen { host, request });
                        conn.send(answer);
                    }
                };
                if n < 2 {
                    Server::tls(authority.issue(&hosts, |_| {}), script)
                } else {
                    Server::start(script)
                }
            })
            .collect();
        for (name, scheme, host, server) in ORIGINS {
            let port = servers[server].addr.port();
            let base = format!("{scheme}://{host}:{port}");
            bases.lock().unwrap().insert(name, base);
        }
        Network {
            authority,
            servers,
            log,
            bases,
        }
    }

    /// A session that finds and trusts all origins.
    pub(crate) fn session(&self) -> SessionBuilder {
        let mut loopback = self.servers[0].addr;
        loopback.set_port(0);
        Session::builder()
            .system_roots(false)
            .add_root_certificate(self.authority.pem())
            .resolve("a.example", loopback)
            .resolve("b.example", loopback)
            .resolve("www.a.example", loopback)
    }

    pub(crate) fn url(&self, name: &str, path: &str) -> String {
        format!("{}{path}", self.bases.lock().unwrap()[name])
    }

    /// A URL from which redirects lead through `chain`, whose first name is the URL's own.
    pub(crate) fn chain(&self, kind: &str, chain: &[&str]) -> String {
        let path: String = chain[1..].iter().map(|name| format!("{name}/")).collect();
        self.url(chain[0], &format!("/{kind}/{path}"))
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn answer(request: &Request, bases: &HashMap<&'static str, String>) -> String {
    let empty = "content-length: 0\r\n\r\n";
    let mut path = request.target.split('/').skip(1);
    let mut kind = path.next().unwrap();
    if kind == "auth"
        && request
            .headers
            .iter()
            .all(|(name, _)| name != "authorization")
    {
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
        return format!("HTTP/1.1 401 Who\r\nwww-authenticate: {challenge}\r\n{empty}");
    }
    let mut status = "302";
    if kind == "status" {
        status = path.next().unwrap();
        kind = "go";
    }
    match path.next() {
        None | Some("") => ok(&format!("{} {}", request.method, request.text())),
        Some(name) => {
            let rest: Vec<&str> = path.collect();
            let location = format!("{}/{kind}/{}", bases[name], rest.join("/"));
            format!("HTTP/1.1 {status} Go\r\nlocation: {location}\r\n{empty}")
        }
    }
}

impl Seen {
    /// Whether `secret` is anywhere in the head, in the clear or in basic credentials.
    pub(crate) fn has(&self, secret: &str) -> bool {
        self.request.target.contains(secret)
            || self.request.headers.iter().any(|(_, value)| {
                let letters = value.strip_prefix("Basic ").unwrap_or_default();
                let basic = STANDARD.decode(letters).unwrap_or_default();
                value.contains(secret) || String::from_utf8_lossy(&basic).contains(secret)
            })
    }
}
