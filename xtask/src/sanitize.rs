//! `cargo xtask sanitize`: the tests of the crates with unsafe code at their heart, watched.

use std::path::Path;

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The crates whose memory and threads are worth the time.
const CRATES: &str = "-p aioli-sync -p aioli-task";
/// The sanitizers: their names, and what is to be linked for each.
const SANITIZERS: [(&str, &str); 2] = [("address", "asan"), ("thread", "tsan")];

/// What Miri cannot run of each crate, or not in a day: tests that build or start programs, that need a
/// poller of another project, or that hold very much memory.
const NOT_IN_MIRI: [(&str, &[&str]); 2] = [
    ("aioli-sync", &["smol", "foreign"]),
    (
        "aioli-task",
        &["interrupt::", "one_core::", "smol", "futures_of_all_sizes"],
    ),
];

/// Runs the tests under all that is there, and returns whether all went well.
pub(crate) fn sanitize(ws: &Workspace) -> Result<bool> {
    let mut steps = Steps::start();
    run(ws, &mut steps)?;
    Ok(steps.finish())
}

/// Runs the tests in Miri, or those whose names have one of `filters` in them, and returns whether all
/// went well.
pub(crate) fn miri(ws: &Workspace, filters: &[String]) -> Result<bool> {
    if let Some(flag) = filters.iter().find(|filter| filter.starts_with('-')) {
        return Err(format!("`{flag}` means nothing here; parts of tests' names do").into());
    }
    let mut steps = Steps::start();
    let has_miri = Cmd::new("rustup", "run nightly cargo miri --version").read();
    for (package, skipped) in NOT_IN_MIRI {
        let step = format!("miri {package}");
        match has_miri {
            Ok(_) => drop(steps.command(&step, &interpreted(ws, package, skipped, filters))),
            Err(_) => steps.skip(
                &step,
                "not run: `rustup component add miri rust-src --toolchain nightly` makes it possible",
            ),
        }
    }
    Ok(steps.finish())
}

/// Adds the steps; what this machine lacks is skipped with a word.
pub(crate) fn run(ws: &Workspace, steps: &mut Steps) -> Result {
    let sysroot = Cmd::new("rustc", "--print sysroot").read()?;
    let version = Cmd::new("rustc", "-vV").read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.unwrap_or_default();
    let sysroot = Path::new(sysroot.trim());
    let has_sources = sysroot.join("lib/rustlib/src/rust/library").is_dir();
    for (name, library) in SANITIZERS {
        let step = format!("{name} sanitizer");
        if !has_runtime(sysroot, host, library) {
            steps.skip(&step, "this toolchain has no runtime for it");
        } else if name == "thread" && !has_sources {
            // It does not see what the standard library's own code orders, unless that is built
            // with it; what it reports then means nothing.
            steps.skip(
                &step,
                "not run: `rustup component add rust-src` makes it possible",
            );
        } else {
            steps.command(&step, &sanitized(ws, name, host));
        }
    }
    match Cmd::new("valgrind", "--version").read() {
        Ok(_) => drop(steps.command("valgrind", &valgrind(ws, host))),
        Err(_) => steps.skip("valgrind", "it is not installed"),
    }
    Ok(())
}

fn has_runtime(sysroot: &Path, host: &str, library: &str) -> bool {
    let dir = sysroot.join("lib/rustlib").join(host).join("lib");
    let Ok(entries) = dir.read_dir() else {
        return false;
    };
    let end = format!("_rt.{library}.a");
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.any(|name| name.ends_with(&end))
}

fn tests(ws: &Workspace, dir: &str, host: &str) -> Cmd {
    // A target of its own name keeps the flags from build scripts and macros.
    Cmd::cargo(&format!("test {CRATES} --lib --test it --target {host}"))
        .env("CARGO_TARGET_DIR", ws.target.join(dir).to_string_lossy())
}

/// The flag is one of nightly compilers; the variable opens it in the others.
fn sanitized(ws: &Workspace, name: &str, host: &str) -> Cmd {
    let mut cmd = tests(ws, &format!("sanitize-{name}"), host);
    if name == "thread" {
        cmd = cmd.arg("-Zbuild-std");
    }
    // These tests build programs of their own, without a target, and the flags would reach macros.
    cmd.args(["--", "--skip", "interrupt::"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTFLAGS",
            format!("-Zsanitizer={name} -Cunsafe-allow-abi-mismatch=sanitizer"),
        )
}

/// Twenty times slower, so the random tests get fewer cases.
fn valgrind(ws: &Workspace, host: &str) -> Cmd {
    let variable = host.to_uppercase().replace('-', "_");
    tests(ws, "valgrind", host)
        .env(
            &format!("CARGO_TARGET_{variable}_RUNNER"),
            "valgrind --quiet --error-exitcode=9 --leak-check=no --fair-sched=yes",
        )
        .env("PROPTEST_CASES", "20")
}

/// A thousand times slower. What threads of the process keep for its whole life is no leak.
fn interpreted(ws: &Workspace, package: &str, skipped: &[&str], filters: &[String]) -> Cmd {
    // The proxy of `cargo` need not be what this process finds by that name.
    Cmd::new("rustup", "run nightly cargo miri test --test it -p")
        .args([package, "--"])
        .args(filters)
        .args(skipped.iter().flat_map(|name| ["--skip", name]))
        .env("CARGO_TARGET_DIR", ws.target.join("miri").to_string_lossy())
        .env(
            "MIRIFLAGS",
            "-Zmiri-disable-isolation -Zmiri-num-cpus=2 -Zmiri-ignore-leaks",
        )
        .env("PROPTEST_CASES", "2")
}

#[cfg(test)]
mod tests {
    use super::{has_runtime, interpreted, miri, sanitized, valgrind};
    use crate::tidy::fixture::clean;

    #[test]
    fn runtimes_are_looked_for() {
        let dir = std::env::temp_dir().join(format!("aioli-sysroot-{}", std::process::id()));
        let lib = dir.join("lib/rustlib/a-b-c/lib");
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::write(lib.join("librustc-stable_rt.asan.a"), "").unwrap();
        assert!(has_runtime(&dir, "a-b-c", "asan"));
        assert!(!has_runtime(&dir, "a-b-c", "tsan"));
        assert!(!has_runtime(&dir, "x-y-z", "asan"));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn each_has_a_directory_of_its_own() {
        let ws = clean();
        let shell = sanitized(&ws, "address", "a-b-c").shell();
        assert!(shell.contains("sanitize-address") && shell.contains("-Zsanitizer=address"));
        let shell = valgrind(&ws, "a-b-c").shell();
        assert!(shell.contains("CARGO_TARGET_A_B_C_RUNNER='valgrind"));
    }

    #[test]
    fn miri_runs_what_is_asked_for_but_for_what_it_cannot_run() {
        let ws = clean();
        let filters = ["spares".to_owned()];
        let shell = interpreted(&ws, "aioli-task", &["smol", "x::"], &filters).shell();
        assert!(
            shell.ends_with("-p aioli-task -- spares --skip smol --skip x::"),
            "{shell}"
        );
        assert!(shell.contains("PROPTEST_CASES=2"), "{shell}");
        assert!(miri(&ws, &["--fast".to_owned()]).is_err());
    }
}
