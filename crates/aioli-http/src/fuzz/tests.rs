//! The fuzzers' functions on all of their seeds, and on seeds that were changed at random.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// So many changed seeds are run for each function.
const MUTATIONS: usize = 3000;
/// Mutations do not grow beyond this.
const LARGEST: usize = 4096;

/// Numbers without a pattern, the same ones in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        usize::try_from(z % n.max(1) as u64).expect("it is less than n")
    }

    fn byte(&mut self) -> u8 {
        // Mostly what has a meaning somewhere.
        const MEANT: &[u8] = b"\r\n\t \0:;,=/?#@%[].-+0123456789aAfFxX\"\\\xff\x80\x1f";
        match self.below(3) {
            0 => u8::try_from(self.below(256)).expect("it is less"),
            _ => MEANT[self.below(MEANT.len())],
        }
    }

    /// Changes `bytes` in one place; `other` is something to take a part of.
    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at + 1).min(20));
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, self.byte()),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let from = self.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ if at < bytes.len() => bytes[at] = self.byte(),
            _ => {}
        }
        bytes.truncate(LARGEST);
    }
}

/// Runs the function on all seeds of its name, and on mutations of them.
fn check(name: &str, function: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let entries = fs::read_dir(folder).expect("there are seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    // The same numbers are to mean the same mutations.
    paths.sort();
    let seeds: Vec<_> = paths
        .iter()
        .map(|path| fs::read(path).expect("a file"))
        .collect();
    assert!(seeds.len() > 3, "{name} has hardly any seeds");
    let run = |bytes: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| function(bytes))) {
            eprintln!("{name} panics at: {}", bytes.escape_ascii());
            resume_unwind(panic);
        }
    };
    seeds.iter().for_each(|seed| run(seed));
    let mut dice = Dice(0);
    for _ in 0..MUTATIONS {
        let mut bytes = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            let other = &seeds[dice.below(seeds.len())];
            dice.change(&mut bytes, other);
        }
        run(&bytes);
    }
}

#[test]
fn response_heads() {
    check("response_head", super::response_head);
}

#[test]
fn chunked_bodies() {
    check("chunked_body", super::chunked_body);
}

#[test]
fn set_cookie_lines() {
    check("set_cookie", super::set_cookie);
}

#[test]
fn request_lines() {
    check("request_line", super::request_line);
}

#[cfg(feature = "compression")]
#[test]
fn content_codings() {
    check("content_codings", super::content_codings);
}

#[test]
fn raw_bodies() {
    check("raw_body", super::raw_body);
}

#[test]
fn challenges() {
    check("challenges", super::challenges);
}

#[test]
fn socks_replies() {
    check("socks_replies", super::socks_replies);
}

#[test]
fn field_values() {
    check("field_values", super::field_values);
}

#[test]
fn cookie_files() {
    check("cookie_file", super::cookie_file);
}

#[test]
fn netrc_files() {
    check("netrc", super::netrc);
}

#[test]
fn hsts_files_and_fields() {
    check("hsts", super::hsts);
}
