//! The quota of processor time of the control groups that this process is in.
//!
//! A group may use no more than each group around it, so all are looked at, from that of the process
//! up to where the hierarchy is mounted; what is above that nobody can see from here.
//! `cgroups(7)` has the files that say which group it is, the kernel's `cgroup-v2.rst` has `cpu.max`,
//! `sched-bwc.rst` the files of version 1.

use std::path::{Path, PathBuf};

use crate::os::machine::Quota;

/// Which of the two versions a hierarchy is of: it decides the names of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The smallest quota that holds for this process; `read` gives the text of a file.
pub(super) fn quota(read: impl Fn(&Path) -> Option<String>) -> Option<Quota> {
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let mounts = read(Path::new("/proc/self/mountinfo"))?;
    let quotas = mounts.lines().filter_map(Mount::parse).filter_map(|mount| {
        let group = group_in(&groups, mount.version)?;
        mount.quota(group, &read)
    });
    quotas.reduce(Quota::min)
}

/// The path of the process's group in the hierarchy that deals out processor time.
///
/// A line is `number:controllers:path`; there are no controllers in that of version 2.
fn group_in(groups: &str, version: Version) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_meant = match version {
            Version::One => controllers.split(',').any(|name| name == "cpu"),
            Version::Two => controllers.is_empty(),
        };
        is_meant.then_some(path)
    })
}

/// Where a hierarchy is mounted.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
    /// The group that is seen at `point`: in a container often that of the container.
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Reads a line of `mountinfo`, if it is of a hierarchy that deals out processor time:
    /// `id parent device root point options [more…] - type source options`.
    fn parse(line: &str) -> Option<Mount> {
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let (root, point) = (unescaped(left.next()?), unescaped(left.next()?));
        let (kind, _, options) = (right.next()?, right.next()?, right.next()?);
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|name| name == "cpu") => Version::One,
            _ => return None,
        };
        Some(Mount {
            version,
            root,
            point,
        })
    }

    /// The smallest quota of `group` and of those around it.
    fn quota(&self, group: &str, read: impl Fn(&Path) -> Option<String>) -> Option<Quota> {
        // A group that is not below the root is one that cannot be seen here, but what is mounted is
        // around it or is it.
        let below = Path::new(group).strip_prefix(&self.root).ok();
        let group = self.point.join(below.unwrap_or(Path::new("")));
        let up = group
            .ancestors()
            .take_while(|at| at.starts_with(&self.point));
        let quotas = up.filter_map(|at| match self.version {
            Version::Two => read(&at.join("cpu.max")).and_then(|text| parse_max(&text)),
            Version::One => {
                let time = read(&at.join("cpu.cfs_quota_us"))?;
                parse_cfs(&time, &read(&at.join("cpu.cfs_period_us"))?)
            }
        });
        quotas.reduce(Quota::min)
    }
}

/// A path as `mountinfo` writes it, in which some bytes are three octal digits.
fn unescaped(path: &str) -> PathBuf {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let replace = |path: String, (escape, meant): (&str, &str)| path.replace(escape, meant);
    escapes.into_iter().fold(path.to_owned(), replace).into()
}

/// `cpu.max`: `time period`, or `max period` where there is no quota.
fn parse_max(text: &str) -> Option<Quota> {
    let mut words = text.split_ascii_whitespace();
    let (time, period) = (words.next()?, words.next()?);
    parse_cfs(time, period)
}

/// `cpu.cfs_quota_us`, which is -1 where there is no quota, and `cpu.cfs_period_us`.
fn parse_cfs(time: &str, period: &str) -> Option<Quota> {
    let number = |text: &str| text.trim_ascii().parse::<u64>().ok();
    let (time, period) = (number(time)?, number(period)?);
    (period > 0).then_some(Quota { time, period })
}

#[cfg(test)]
mod tests;
