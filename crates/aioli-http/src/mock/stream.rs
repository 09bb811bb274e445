//! The server's end of one mocked connection, as the client's transport.
//!
//! ```text
//!  poll_write ─▶ Head ─▶ Body ─▶ Answering ─▶ Sending ─▶ Head (kept) or Ended ─▶ poll_read
//! ```
//!
//! Nobody is woken: both directions are polled by the one future of the request, writing first,
//! and only the handler and its stream of pieces make it wait.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{Answer, Answering, Injected, Kind, Mock, MockRequest, MockServer, Pieces};
use crate::body::Source;
use crate::h1::body::BodyDecoder;
use crate::h1::encode::{self, BodyEncoder};
use crate::h1::framing::Delimiter;
use crate::h1::parse_decimal;
use crate::limits::Limits;
use crate::origin::Origin;

/// A connection of a mocked session.
pub(crate) struct MockStream {
    server: Arc<MockServer>,
    origin: Origin,
    /// What the client has sent and nobody has looked at.
    input: BytesMut,
    /// What the client has not read yet.
    output: BytesMut,
    /// In a lock, which is never contended, so that a response may be shared between threads.
    state: Mutex<State>,
}

enum State {
    Head,
    Body(BodyDecoder, Box<MockRequest>, BytesMut),
    Answering(Answering, Method),
    /// The last is how many bytes are left until the connection ends, if it is cut.
    Sending(Pieces, BodyEncoder, Option<usize>),
    Failing(Injected),
    Hanging,
    Ended,
}

impl MockStream {
    pub(super) fn new(server: Arc<MockServer>, origin: Origin) -> MockStream {
        MockStream {
            server,
            origin,
            input: BytesMut::new(),
            output: BytesMut::new(),
            state: Mutex::new(State::Head),
        }
    }

    pub(crate) fn poll_write(&mut self, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if matches!(self.state(), State::Ended) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        for buf in bufs {
            self.input.extend_from_slice(buf);
        }
        self.take_in()?;
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        while self.output.is_empty() {
            match self.state() {
                State::Head | State::Body(..) | State::Hanging => return Poll::Pending,
                State::Ended => return Poll::Ready(Ok(0)),
                State::Answering(answering, method) => {
                    let mock = ready!(answering.as_mut().poll(cx));
                    let method = method.clone();
                    self.begin(mock, &method);
                }
                State::Sending(..) => ready!(self.poll_piece(cx))?,
                State::Failing(_) => {
                    let failing = std::mem::replace(self.state(), State::Ended);
                    let State::Failing(injected) = failing else {
                        unreachable!("it was failing just now");
                    };
                    return Poll::Ready(Err(io::Error::other(injected)));
                }
            }
        }
        let n = buf.len().min(self.output.len());
        buf[..n].copy_from_slice(&self.output[..n]);
        self.output.advance(n);
        Poll::Ready(Ok(n))
    }

    /// Whether the connection could serve another request.
    pub(crate) fn is_silent(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.output.is_empty() && matches!(*state, State::Head)
    }

    fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the request as far as it has come, and asks the handler when that is all of it.
    fn take_in(&mut self) -> io::Result<()> {
        if matches!(self.state(), State::Head) {
            let Some((length, request)) = read_head(&self.input, &self.origin)? else {
                return Ok(());
            };
            self.input.advance(length);
            let decoder =
                BodyDecoder::new(delimiter(&request.headers), Limits::default().h1_body());
            if request.headers.contains_key(header::EXPECT) && self.input.is_empty() {
                self.output
                    .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            *self.state() = State::Body(decoder, Box::new(request), BytesMut::new());
        }
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let State::Body(decoder, request, body) = state else {
            return Ok(());
        };
        loop {
            let piece = decoder
                .decode(&self.input)
                .map_err(|_| malformed("the framing of the body"))?;
            self.input.advance(piece.skip);
            body.extend_from_slice(&self.input.split_to(piece.data));
            if piece.data == 0 {
                break;
            }
        }
        if decoder.is_done() {
            let mut request = MockRequest::clone(request);
            request.body = std::mem::take(body).freeze();
            let method = request.method.clone();
            *state = State::Answering(self.server.answer(request), method);
        }
        Ok(())
    }

    /// Begins to send what the handler has answered.
    fn begin(&mut self, mock: Mock, method: &Method) {
        let next = match mock.0 {
            Kind::Hang => State::Hanging,
            Kind::Fail(injected) => State::Failing(injected),
            Kind::Raw(bytes) => {
                self.output.extend_from_slice(&bytes);
                State::Ended
            }
            Kind::Answer(answer) => self.begin_answer(answer, method),
        };
        *self.state() = next;
    }

    fn begin_answer(&mut self, answer: Answer, method: &Method) -> State {
        let Answer {
            status,
            headers,
            body,
            cut,
        } = answer;
        let mut head = format!("HTTP/1.1 {} \r\n", status.as_u16()).into_bytes();
        for (name, value) in &headers {
            encode::header(&mut head, name, value);
        }
        let length = body.0.length();
        let framed = headers.contains_key(header::CONTENT_LENGTH)
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        match length {
            Some(length) if !framed => {
                let length = HeaderValue::from(length);
                encode::header(&mut head, &header::CONTENT_LENGTH, &length);
            }
            None if !framed => {
                let chunked = HeaderValue::from_static("chunked");
                encode::header(&mut head, &header::TRANSFER_ENCODING, &chunked);
            }
            _ => {}
        }
        head.extend_from_slice(b"\r\n");
        self.output.extend_from_slice(&head);
        if *method == Method::HEAD {
            return State::Head;
        }
        match (body.0, cut) {
            (Source::Empty, None) => State::Head,
            (Source::Empty, Some(_)) => State::Ended,
            (Source::Bytes(bytes), None) => {
                self.output.extend_from_slice(&bytes);
                State::Head
            }
            (Source::Bytes(bytes), Some(cut)) => {
                self.output
                    .extend_from_slice(&bytes[..cut.min(bytes.len())]);
                State::Ended
            }
            (Source::Stream { stream, .. }, cut) => {
                let encoder = length.map_or(BodyEncoder::Chunked, BodyEncoder::Length);
                State::Sending(stream, encoder, cut)
            }
        }
    }

    /// Waits for a piece of the answer's stream and frames it.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let State::Sending(stream, encoder, left) = state else {
            unreachable!("only an answer with a stream has pieces");
        };
        let mut piece: Bytes = match ready!(stream.as_mut().poll_piece(cx)) {
            Some(piece) => piece.map_err(io::Error::other)?,
            None => {
                let end = encoder.finish().map_err(io::Error::other)?;
                self.output.extend_from_slice(end);
                *state = State::Head;
                return Poll::Ready(Ok(()));
            }
        };
        let over = match left {
            Some(left) => {
                piece.truncate(*left);
                *left -= piece.len();
                *left == 0
            }
            None => false,
        };
        let mut framed = Vec::new();
        let tail = encoder
            .frame(&piece, &mut framed)
            .map_err(io::Error::other)?;
        self.output.extend_from_slice(&framed);
        self.output.extend_from_slice(&piece);
        self.output.extend_from_slice(tail);
        if over {
            *state = State::Ended;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads the head of a request, if it is complete; returns its length as well.
fn read_head(input: &[u8], origin: &Origin) -> io::Result<Option<(usize, MockRequest)>> {
    let mut slots = vec![httparse::EMPTY_HEADER; 1024];
    let mut head = httparse::Request::new(&mut slots);
    let length = match head.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(malformed("the head")),
    };
    let mut headers = HeaderMap::new();
    for line in head.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_bytes(line.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(malformed("a header"));
        };
        headers.append(name, value);
    }
    let method = head.method.and_then(|name| name.parse().ok());
    let target = head.path.unwrap_or_default();
    let url = if target.starts_with('/') {
        let scheme = if origin.secure { "https" } else { "http" };
        format!("{scheme}://{}:{}{target}", origin.host_ref(), origin.port)
    } else {
        target.to_owned()
    };
    let (Some(method), Ok(url)) = (method, Url::parse(&url)) else {
        return Err(malformed("the request line"));
    };
    let request = MockRequest {
        method,
        url,
        headers,
        body: Bytes::new(),
    };
    Ok(Some((length, request)))
}

fn delimiter(headers: &HeaderMap) -> Delimiter {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Delimiter::Chunked;
    }
    let length = headers.get(header::CONTENT_LENGTH);
    length
        .and_then(|value| parse_decimal(value.as_bytes()))
        .map_or(Delimiter::None, Delimiter::Length)
}

/// What a mock cannot read: a raw head that a caller has bent, since our own are well-formed.
fn malformed(what: &str) -> io::Error {
    let message = format!("{what} of the request is malformed");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl fmt::Debug for MockStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockStream")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
