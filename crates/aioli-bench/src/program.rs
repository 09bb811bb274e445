//! The front of every program: who it is, and its `main`.

use std::process::ExitCode;

use crate::json::{Object, strings};
use crate::run::{Request, parse};
use crate::{Outcome, Result, Run, alloc, net, os};

/// One of the runtimes or clients that a program can be.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// What it is called in the tables.
    pub name: &'static str,
    /// The workloads it takes part in, by family: `tasks`, `threads`, `tcp`, `http`, `files`.
    pub families: &'static [&'static str],
    /// Whether its primitives may be used from other threads: `shared` or `local`, which are
    /// compared among themselves; `bare` and `unfair` ones promise less and are only shown.
    pub kind: &'static str,
    /// How many cores it uses where it is not told otherwise.
    pub cores: usize,
}

/// A program that takes part.
#[derive(Debug)]
pub struct Program {
    /// What it can be.
    pub peers: &'static [Peer],
    /// The packages whose versions are to be named beside the results.
    pub packages: &'static [&'static str],
    /// Runs a workload; `None` if it has no such thing.
    pub run: fn(&Run) -> Option<Outcome>,
}

/// The `main` of every program.
pub fn main(program: &Program) -> ExitCode {
    match answer(program) {
        // What a workload has left running need not be taken down in order.
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn answer(program: &Program) -> Result {
    match parse(std::env::args().skip(1))? {
        Request::List => {
            for peer in program.peers {
                println!("{}", listing(program, peer));
            }
        }
        Request::Help(role, run) => {
            os::pin(&run.pin)?;
            net::help(&role, &run)?;
        }
        Request::Measure(run) => {
            if !program.peers.iter().any(|peer| peer.name == run.peer) {
                return Err(format!("this program is no `{}`", run.peer).into());
            }
            os::pin(&run.pin)?;
            if run.count {
                alloc::count(true);
            }
            match (program.run)(&run) {
                Some(outcome) => println!("{}", outcome.line(&run)),
                None => println!("{}", unsupported(&run)),
            }
        }
    }
    Ok(())
}

fn listing(program: &Program, peer: &Peer) -> String {
    Object::new()
        .string("peer", peer.name)
        .string("kind", peer.kind)
        .number("cores", peer.cores as f64)
        .raw("families", &strings(peer.families))
        .raw("packages", &strings(program.packages))
        .end()
}

fn unsupported(run: &Run) -> String {
    Object::new()
        .string("peer", &run.peer)
        .string("workload", &run.workload)
        .raw("unsupported", "true")
        .end()
}
