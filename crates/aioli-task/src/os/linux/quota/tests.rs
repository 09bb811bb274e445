//! Quotas as the files of both versions tell them, at the group and around it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::super::machine;
use super::{Mount, Version, parse_cfs, parse_max, quota};
use crate::os::machine::{Machine, Quota};

fn of(time: u64, period: u64) -> Option<Quota> {
    Some(Quota { time, period })
}

/// The quota that these files tell.
fn told_by(files: &[(&str, &str)]) -> Option<Quota> {
    let files: HashMap<PathBuf, String> = files
        .iter()
        .map(|(path, text)| (PathBuf::from(path), String::from(*text)))
        .collect();
    quota(|path| files.get(path).cloned())
}

const MOUNTS_TWO: (&str, &str) = (
    "/proc/self/mountinfo",
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
     30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
);

#[test]
fn the_files_of_version_2() {
    assert_eq!(parse_max("max 100000\n"), None);
    assert_eq!(parse_max("150000 100000\n"), of(150_000, 100_000));
    assert_eq!(parse_max("0 100000"), of(0, 100_000));
    for text in ["", "\n", "150000", "150000 0", "-1 100000", "a b", "1.5 2"] {
        assert_eq!(parse_max(text), None, "{text:?}");
    }
}

#[test]
fn the_files_of_version_1() {
    assert_eq!(parse_cfs("-1\n", "100000\n"), None);
    assert_eq!(parse_cfs("50000\n", "100000\n"), of(50_000, 100_000));
    for (time, period) in [("", ""), ("1", "0"), ("1", ""), ("", "1"), ("1 1", "1")] {
        assert_eq!(parse_cfs(time, period), None, "{time:?} {period:?}");
    }
}

#[test]
fn the_smallest_quota_on_the_way_up_counts() {
    let group = ("/proc/self/cgroup", "0::/a.slice/b.service\n");
    let own = "/sys/fs/cgroup/a.slice/b.service/cpu.max";
    let around = "/sys/fs/cgroup/a.slice/cpu.max";
    assert_eq!(told_by(&[group, MOUNTS_TWO]), None);
    let none = [group, MOUNTS_TWO, (own, "max 100000\n")];
    assert_eq!(told_by(&none), None);
    let files = [group, MOUNTS_TWO, (own, "150000 100000\n")];
    assert_eq!(told_by(&files), of(150_000, 100_000));
    let files = [group, MOUNTS_TWO, (own, "max 100000\n"), (around, "5 10\n")];
    assert_eq!(told_by(&files), of(5, 10));
    let files = [group, MOUNTS_TWO, (own, "4 10\n"), (around, "5 10\n")];
    assert_eq!(told_by(&files), of(4, 10));
    // Outside of the hierarchy there may be files of the same name.
    let beside = ("/sys/fs/cpu.max", "1 10\n");
    assert_eq!(told_by(&[group, MOUNTS_TWO, beside]), None);
}

#[test]
fn in_a_container_the_group_is_what_is_mounted() {
    let max = ("/sys/fs/cgroup/cpu.max", "20000 100000\n");
    // With a namespace of its own.
    let group = ("/proc/self/cgroup", "0::/\n");
    assert_eq!(told_by(&[group, MOUNTS_TWO, max]), of(20_000, 100_000));
    // Without, where only the container's own group is mounted.
    let group = (
        "/proc/self/cgroup",
        "4:cpu,cpuacct:/docker/f00\n0::/docker/f00\n",
    );
    let mounts = (
        "/proc/self/mountinfo",
        "33 31 0:30 /docker/f00 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n\
         34 31 0:31 /docker/f00 /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n",
    );
    let time = ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "30000\n");
    let period = ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    let told = told_by(&[group, mounts, time, period]);
    assert_eq!(told, of(30_000, 100_000));
    // Moved out of it: what is mounted is all that can be seen.
    let group = ("/proc/self/cgroup", "4:cpu,cpuacct:/other\n");
    let told = told_by(&[group, mounts, time, period]);
    assert_eq!(told, of(30_000, 100_000));
}

#[test]
fn where_both_versions_are_mounted_each_is_asked() {
    let group = ("/proc/self/cgroup", "4:memory:/m\n1:cpu:/c\n0::/u\n");
    let mounts = (
        "/proc/self/mountinfo",
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    let time = ("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "7\n");
    let period = ("/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "10\n");
    assert_eq!(told_by(&[group, mounts, time, period]), of(7, 10));
    let max = ("/sys/fs/cgroup/unified/u/cpu.max", "6 10");
    assert_eq!(told_by(&[group, mounts, time, period, max]), of(6, 10));
    let unlimited = ("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
    assert_eq!(told_by(&[group, mounts, unlimited, period]), None);
}

#[test]
fn a_system_without_control_groups_has_no_quota() {
    assert_eq!(told_by(&[]), None);
    assert_eq!(told_by(&[("/proc/self/cgroup", "0::/\n")]), None);
    let nonsense = ("/proc/self/mountinfo", "- -\n\n1 2 3 - cgroup2\na - b\n");
    assert_eq!(told_by(&[("/proc/self/cgroup", ":\n0:"), nonsense]), None);
}

#[test]
fn a_line_of_the_mounts_is_read_with_its_escapes() {
    let line = r"30 22 0:26 /a\040b /mnt/c\134d rw shared:4 master:1 - cgroup2 none rw";
    let mount = Mount {
        version: Version::Two,
        root: "/a b".into(),
        point: r"/mnt/c\d".into(),
    };
    assert_eq!(Mount::parse(line), Some(mount));
    let others = [
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
        "22 1 8:1 / / rw - cgroup cgroup rw,cpuset,cpuacct",
    ];
    assert!(others.into_iter().all(|line| Mount::parse(line).is_none()));
}

/// The standard library, which rounds a quota down to cores, looks into the same files.
#[test]
#[cfg_attr(miri, ignore = "it has no such files")]
fn this_system_is_understood() {
    let Machine { cores, quota } = machine();
    let whole = quota.map_or(u64::MAX, |quota| (quota.time / quota.period).max(1));
    let expected = usize::try_from(whole).unwrap_or(usize::MAX).min(cores);
    let usable = std::thread::available_parallelism().unwrap().get();
    assert_eq!(usable, expected, "{quota:?}");
}
