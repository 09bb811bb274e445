//! Names: what is known beforehand, what was looked up just now, and who is asked else.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aioli_net::ResolveError;

use self::cache::Cache;
use crate::limits::Limits;

mod cache;

/// How long what was looked up is used again, unless the session says otherwise.
const TTL: Duration = Duration::from_secs(10);

/// The future of [`Resolver::resolve`].
///
/// # Cancel safety
///
/// A session drops it when nobody waits for the name any more.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of names, in place of the system's resolver.
///
/// The session calls it once for all requests that wait for the same name, and remembers what
/// it found ([`SessionBuilder::dns_cache`](crate::SessionBuilder::dns_cache)). It is not asked
/// for literal addresses, nor for names given to
/// [`SessionBuilder::resolve`](crate::SessionBuilder::resolve). A function of the name is one.
///
/// # Examples
///
/// ```
/// use aioli_http::Session;
///
/// # let url = aioli_http::example::serve("hello").replace("127.0.0.1", "anything.example");
/// # aioli_task::run(async {
/// // Everything is on this machine.
/// let here = async |_host| Ok(vec![([127, 0, 0, 1], 0).into()]);
/// let session = Session::builder().resolver(here).build()?;
/// assert_eq!(session.get(url).await?.text().await?, "hello");
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.abc.AbstractResolver")]
pub trait Resolver: Send + Sync + 'static {
    /// Finds the addresses of `host`, the preferred one first; port 0 is the port of the URL.
    ///
    /// `host` is in lower case, in ASCII, and without a trailing dot.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the last request that waits for it is.
    ///
    /// # Errors
    ///
    /// What the look-up failed with; it becomes the source of
    /// [`ErrorKind::Dns`](crate::ErrorKind::Dns).
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// A function that is given the name.
impl<F, Fut> Resolver for F
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(self(host.to_owned()))
    }
}

/// What a host was given: addresses for one port, or for all.
type Given = Vec<(Option<u16>, Vec<SocketAddr>)>;

/// How a session finds the addresses of names.
pub(crate) struct Names {
    /// Names that are not looked up: for one port, or for all.
    overrides: HashMap<String, Given>,
    /// Who is asked; the system if nobody.
    pub(crate) resolver: Option<Arc<dyn Resolver>>,
    pub(crate) ttl: Duration,
    /// How many names are remembered.
    pub(crate) most: usize,
    cache: Cache,
}

impl Names {
    pub(crate) fn new() -> Names {
        Names {
            overrides: HashMap::new(),
            resolver: None,
            ttl: TTL,
            most: Limits::default().names,
            cache: Cache::default(),
        }
    }

    /// Gives a host addresses, for one port or for all; the last ones count.
    pub(crate) fn give(&mut self, host: String, port: Option<u16>, addresses: Vec<SocketAddr>) {
        let given = self.overrides.entry(host).or_default();
        given.retain(|(other, _)| *other != port);
        given.push((port, addresses));
    }

    /// The addresses that a host was given: for this port, else for all.
    pub(crate) fn given(&self, host: &str, port: u16) -> Option<&[SocketAddr]> {
        let given = self.overrides.get(host)?;
        let of = |wanted| given.iter().find(|(port, _)| *port == wanted);
        let (_, addresses) = of(Some(port)).or_else(|| of(None))?;
        Some(addresses)
    }

    /// The addresses of `host`, at least one, with `port` where they have none.
    pub(crate) async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found = match self.given(host, port) {
            Some(given) => given.to_vec(),
            None => {
                let ask = || self.ask(host);
                self.cache.get(host, self.ttl, self.most, ask).await?
            }
        };
        if found.is_empty() {
            return Err(nothing_found());
        }
        let with_port = found.into_iter().map(|mut address| {
            if address.port() == 0 {
                address.set_port(port);
            }
            address
        });
        Ok(with_port.collect())
    }

    /// Whether nobody would have to be asked for `host`.
    pub(crate) fn knows(&self, host: &str, port: u16) -> bool {
        self.given(host, port).is_some() || self.cache.knows(host, self.ttl)
    }

    /// Forgets what was found for `host`: it led nowhere.
    pub(crate) fn forget(&self, host: &str) {
        self.cache.forget(host);
    }

    async fn ask(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        match &self.resolver {
            Some(resolver) => resolver.resolve(host).await,
            // Both families in one question, as the system has it: to ask for each would be to
            // pass over what a file of hosts says of only one.
            None => aioli_net::resolve((host, 0))
                .await
                .map_err(|error| match error {
                    ResolveError::Lookup { ref source, .. } => {
                        io::Error::new(source.kind(), source.clone())
                    }
                    error => io::Error::new(error.kind(), error),
                }),
        }
    }
}

fn nothing_found() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no addresses")
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}
