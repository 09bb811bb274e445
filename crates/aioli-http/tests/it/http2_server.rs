//! A server of HTTP/2 by `h2` on a loop of its own, plain or with TLS.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use aioli_net::TcpListener;
use aioli_task::spawn;
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

/// One request as it arrived.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) head: Request<()>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<http::HeaderMap>,
    /// The number of its connection.
    pub(crate) connection: usize,
}

/// What the server does with a request.
pub(crate) enum Answer {
    Body(Response<()>, Vec<u8>),
    /// With trailers behind the body.
    Trailers(Response<()>, Vec<u8>, http::HeaderMap),
    /// Resets the stream.
    Reset(Reason),
    /// Says that the connection takes no more, and answers this one.
    GoAway(Vec<u8>),
    /// Never answers.
    Silence,
}

/// Settings of the server.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) streams_max: u32,
    pub(crate) window: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            streams_max: 100,
            window: 65_535,
        }
    }
}

/// A server; dropping it stops accepting.
pub(crate) struct H2Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

pub(crate) type Decide = dyn Fn(&Seen) -> Answer + Send + Sync;

impl H2Server {
    pub(crate) fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> H2Server {
        H2Server::launch(None, Settings::default(), answer)
    }

    pub(crate) fn launch(
        tls: Option<ServerConfig>,
        settings: Settings,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> H2Server {
        let (accepted, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (tell, told) = mpsc::channel();
        let (count, over) = (accepted.clone(), stop.clone());
        let answer: Arc<Decide> = Arc::new(answer);
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        thread::spawn(move || {
            aioli_task::run(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let number = count.fetch_add(1, Ordering::SeqCst);
                    let (answer, acceptor) = (answer.clone(), acceptor.clone());
                    drop(spawn(async move {
                        match acceptor {
                            None => serve(stream, number, settings, answer).await,
                            Some(acceptor) => {
                                // Who shakes hands badly is gone.
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    serve(stream, number, settings, answer).await;
                                }
                            }
                        }
                    }));
                }
            });
        });
        H2Server {
            address: told.recv().unwrap(),
            accepted,
            stop,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections have been accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for H2Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(std::net::TcpStream::connect(self.address));
    }
}

/// Serves one connection, whatever it is.
pub(crate) async fn serve<IO>(stream: IO, number: usize, settings: Settings, answer: Arc<Decide>)
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(settings.streams_max)
        .initial_window_size(settings.window)
        // Tests drop more requests in a row than a server should bear with.
        .max_pending_accept_reset_streams(1000);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let answer = answer.clone();
        let (head, body) = request.into_parts();
        let head = Request::from_parts(head, ());
        if head.uri().path() == "/goaway" {
            connection.graceful_shutdown();
        }
        drop(spawn(one(head, body, respond, number, answer)));
    }
}

async fn one(
    head: Request<()>,
    mut body: RecvStream,
    mut respond: SendResponse<Bytes>,
    connection: usize,
    answer: Arc<Decide>,
) {
    let mut seen = Seen {
        head,
        body: Vec::new(),
        trailers: None,
        connection,
    };
    if seen.head.uri().path() == "/unread" {
        // Nothing of the body is taken: the window stays as full as it is.
        return std::future::pending().await;
    }
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        seen.body.extend_from_slice(&piece);
    }
    seen.trailers = body.trailers().await.ok().flatten();
    // Who has left does not want to hear.
    match answer(&seen) {
        Answer::Body(head, body) => drop(send(&mut respond, head, body, true)),
        Answer::Trailers(head, body, trailers) => {
            if let Some(mut stream) = send(&mut respond, head, body, false) {
                let _ = stream.send_trailers(trailers);
            }
        }
        Answer::Reset(reason) => respond.send_reset(reason),
        Answer::GoAway(body) => drop(send(&mut respond, Response::new(()), body, true)),
        Answer::Silence => std::future::pending().await,
    }
}

fn send(
    respond: &mut SendResponse<Bytes>,
    head: Response<()>,
    body: Vec<u8>,
    is_last: bool,
) -> Option<h2::SendStream<Bytes>> {
    let mut stream = respond.send_response(head, false).ok()?;
    stream.send_data(body.into(), is_last).ok()?;
    Some(stream)
}
