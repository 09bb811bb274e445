//! Hosts in the file that curl keeps them in.
//!
//! A line has a host, with a dot before it when its subdomains are meant too, and in quotes when
//! that ends (UTC): `.a.example "20301231 23:59:59"`, or `"unlimited"`. `#` begins a comment.

use std::fmt::Write as _;

use super::HstsHost;
use super::store::{NEVER, canonical};
use crate::date;

/// More than a full store can take.
pub(super) const MAX_FILE: u64 = 4 << 20;
/// As curl has it, a longer line is none.
const MAX_LINE: usize = 4096;

const UNLIMITED: &str = "unlimited";

/// Writes hosts, in the order in which they are given.
pub(super) fn write(hosts: &[HstsHost]) -> String {
    let mut text =
        "# HSTS: hosts that are asked by https only, in the form of curl's --hsts\n".to_owned();
    for host in hosts {
        let dot = if host.include_subdomains { "." } else { "" };
        let until = match host.expires {
            NEVER => UNLIMITED.to_owned(),
            expires => date::write_compact(expires),
        };
        let _ = writeln!(text, "{dot}{} \"{until}\"", host.name);
    }
    text
}

/// Reads hosts; what is none is left out.
pub(super) fn read(text: &[u8]) -> impl Iterator<Item = HstsHost> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter(|line| line.len() < MAX_LINE).filter_map(host)
}

fn host(line: &[u8]) -> Option<HstsHost> {
    let line = std::str::from_utf8(line).ok()?.trim();
    if line.starts_with('#') {
        return None;
    }
    let (name, until) = line.split_once([' ', '\t'])?;
    let until = until.trim_start().strip_prefix('"')?;
    let (until, _) = until.split_once('"')?;
    let (name, include_subdomains) = match name.strip_prefix('.') {
        Some(name) => (name, true),
        None => (name, false),
    };
    Some(HstsHost {
        name: canonical(name)?,
        include_subdomains,
        expires: match until.trim() {
            UNLIMITED => NEVER,
            until => date::parse_compact(until.as_bytes())?,
        },
    })
}
