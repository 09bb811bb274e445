//! A server that ends connections at any point, and counts what it has carried out.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// Connections that are served at the same time.
pub(crate) const THREADS: u64 = 10;
/// A connection that begins with this stops the thread that has it.
const STOP: u8 = b'!';
/// One moment of so many is a bad one.
const RARITY: u64 = 8;
/// One body of so many is large.
const LARGE: usize = 200;

/// Numbers without a pattern, the same ones in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    /// An index of `slice` besides the first.
    fn within(&mut self, slice: &[u8]) -> usize {
        let n = slice.len() as u64 - 1;
        1 + usize::try_from(self.below(n)).unwrap()
    }
}

/// Where a connection ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Without a look at the request: it comes to nothing, or is reset.
    BeforeReading,
    /// The request is half read, which resets it.
    InRequest,
    /// The request is carried out, and nothing is said.
    BeforeHead,
    InHead,
    InBody,
    AfterResponse,
    /// Some time after the response.
    WhileIdle,
}

/// Which faults a server has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Temper {
    /// It ends connections between two requests only.
    Mild,
    /// It ends them anywhere.
    Wild,
}

impl Temper {
    fn fault(self, dice: &mut Dice) -> Option<Fault> {
        use Fault::{
            AfterResponse, BeforeHead, BeforeReading, InBody, InHead, InRequest, WhileIdle,
        };
        const ALL: [Fault; 7] = [
            AfterResponse,
            WhileIdle,
            BeforeReading,
            InRequest,
            BeforeHead,
            InHead,
            InBody,
        ];
        let choice = match self {
            Temper::Mild => &ALL[..2],
            Temper::Wild => &ALL[..],
        };
        if dice.below(RARITY) > 0 {
            return None;
        }
        let n = dice.below(choice.len() as u64);
        Some(choice[usize::try_from(n).unwrap()])
    }
}

/// Counts of what servers have done, by the ids of requests.
#[derive(Debug)]
pub(crate) struct Ledger {
    carried_out: Vec<AtomicU8>,
    /// There are no more faults from here on.
    stopping: AtomicBool,
    pub(crate) accepted: AtomicU64,
    pub(crate) faults: AtomicU64,
}

impl Ledger {
    pub(crate) fn new(ids: usize) -> Arc<Ledger> {
        Arc::new(Ledger {
            carried_out: (0..ids).map(|_| AtomicU8::new(0)).collect(),
            stopping: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        })
    }

    /// How often the request has been carried out.
    pub(crate) fn times(&self, id: usize) -> u8 {
        self.carried_out[id].load(Ordering::SeqCst)
    }
}

/// The body of the response to a request.
pub(crate) fn body(id: usize) -> Vec<u8> {
    let length = if id.is_multiple_of(LARGE) {
        200_000
    } else {
        2 + id % 1500
    };
    let byte = b'a' + u8::try_from(id % 26).unwrap();
    vec![byte; length]
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(temper: Temper, seed: u64, ledger: &Arc<Ledger>) -> Server {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let threads = (0..THREADS).map(|n| {
            let (listener, ledger) = (listener.clone(), ledger.clone());
            let mut dice = Dice(seed << 32 | n);
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    let mut connection = Connection {
                        stream,
                        input: Vec::new(),
                    };
                    // An error is a client that has left.
                    if let Ok(End::Stop) = connection.serve(temper, &mut dice, &ledger) {
                        return;
                    }
                    ledger.accepted.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        Server {
            address,
            threads: threads.collect(),
        }
    }

    /// Ends it, when it has seen all connections that were made before.
    pub(crate) fn stop(self, ledger: &Ledger) {
        ledger.stopping.store(true, Ordering::SeqCst);
        for _ in &self.threads {
            let mut stream = TcpStream::connect(self.address).unwrap();
            stream.write_all(&[STOP]).unwrap();
        }
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

enum End {
    /// Of a connection.
    Closed,
    /// Of the thread.
    Stop,
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Connection {
    fn serve(&mut self, temper: Temper, dice: &mut Dice, ledger: &Ledger) -> io::Result<End> {
        loop {
            // What stops the threads must be read by each of them.
            let stopping = ledger.stopping.load(Ordering::SeqCst);
            let fault = temper.fault(dice).filter(|_| !stopping);
            if fault.is_some() {
                ledger.faults.fetch_add(1, Ordering::Relaxed);
            }
            let answered = self.answer(fault, dice, ledger)?;
            match (answered, fault) {
                (Some(end), _) => return Ok(end),
                (None, Some(Fault::AfterResponse)) => return Ok(End::Closed),
                (None, Some(Fault::WhileIdle)) => {
                    (0..dice.below(50)).for_each(|_| thread::yield_now());
                    return Ok(End::Closed);
                }
                (None, _) => {}
            }
        }
    }

    /// Answers one request, unless the connection ends.
    fn answer(
        &mut self,
        fault: Option<Fault>,
        dice: &mut Dice,
        ledger: &Ledger,
    ) -> io::Result<Option<End>> {
        if fault == Some(Fault::BeforeReading) {
            // What has come and is not read makes a reset of the end.
            if dice.below(2) > 0 {
                self.stream.peek(&mut [0])?;
            }
            return Ok(Some(End::Closed));
        }
        if fault == Some(Fault::InRequest) {
            let some = 1 + usize::try_from(dice.below(60)).unwrap();
            self.stream.read_exact(&mut vec![0; some])?;
            return Ok(Some(End::Closed));
        }
        let id = match self.request()? {
            Ok(id) => id,
            Err(end) => return Ok(Some(end)),
        };
        ledger.carried_out[id].fetch_add(1, Ordering::SeqCst);
        let body = body(id);
        let chunked = id % 3 == 1;
        let (head, body) = if chunked {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
            let mut coded = format!("{:x}\r\n", body.len()).into_bytes();
            coded.extend_from_slice(&body);
            coded.extend_from_slice(b"\r\n0\r\n\r\n");
            (head, coded)
        } else {
            (
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()),
                body,
            )
        };
        let mut reply = head.into_bytes();
        match fault {
            Some(Fault::BeforeHead) => return Ok(Some(End::Closed)),
            Some(Fault::InHead) => reply.truncate(dice.within(&reply)),
            Some(Fault::InBody) => reply.extend_from_slice(&body[..dice.within(&body)]),
            _ => reply.extend_from_slice(&body),
        }
        self.stream.write_all(&reply)?;
        let cut = matches!(fault, Some(Fault::InHead | Fault::InBody));
        Ok(cut.then_some(End::Closed))
    }

    /// Reads a whole request; its id, or how the connection ends instead.
    fn request(&mut self) -> io::Result<Result<usize, End>> {
        let mut piece = [0; 4096];
        loop {
            if let Some((id, end)) = self.whole() {
                self.input.drain(..end);
                return Ok(Ok(id));
            }
            let n = self.stream.read(&mut piece)?;
            if n == 0 {
                return Ok(Err(End::Closed));
            }
            self.input.extend_from_slice(&piece[..n]);
            if self.input.first() == Some(&STOP) {
                return Ok(Err(End::Stop));
            }
        }
    }

    /// The id of the request that has come whole, and where it ends.
    fn whole(&self) -> Option<(usize, usize)> {
        let head_end = self.input.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&self.input[..head_end]).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let end = head_end + length.map_or(0, |length| length.parse().unwrap());
        let target = head.split(' ').nth(1).unwrap();
        let id = target.trim_start_matches('/').parse().unwrap();
        (self.input.len() >= end).then_some((id, end))
    }
}
