//! The programs that take part: found, built, and asked who they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::process::{Interrupt, Program, output};
use super::results::{OURS, Participant};
use crate::Result;
use crate::command::Cmd;
use crate::python::environment;
use crate::terminal::{Spinner, Terminal};
use crate::workspace::Workspace;

/// The workspace of the peers.
pub(super) const PEERS: &str = "crates/aioli-bench/peers";
/// The profile of everything that is measured: what `cargo build --release` is for users, and
/// not what this workspace makes of it.
const PROFILE: [(&str, &str); 2] = [
    ("CARGO_PROFILE_RELEASE_LTO", "false"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// One who takes part, and how to start it.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    pub(super) who: Participant,
    pub(super) cores: usize,
    /// What its fixed numbers of operations are multiplied by.
    pub(super) scale: f64,
    pub(super) program: Program,
}

/// What a program says of each peer it can be.
#[derive(Debug, Deserialize)]
struct Listing {
    peer: String,
    kind: String,
    #[serde(default)]
    cores: f64,
    #[serde(default)]
    families: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    absent: Option<String>,
    #[serde(default)]
    scale: Option<f64>,
}

/// Where things are built and made.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) bench: PathBuf,
    build: PathBuf,
}

impl Places {
    pub(super) fn new(ws: &Workspace) -> Places {
        let bench = ws.target.join("bench");
        let build = bench.join("build");
        Places { bench, build }
    }

    /// Returns cargo with the directory and the profile of what is measured.
    pub(super) fn cargo(&self, words: &str) -> Cmd {
        let cmd = Cmd::cargo(words).env("CARGO_TARGET_DIR", self.build.to_string_lossy());
        PROFILE
            .iter()
            .fold(cmd, |cmd, (name, value)| cmd.env(name, *value))
    }

    fn binary(&self, name: &str) -> PathBuf {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        self.build.join("release").join(name)
    }

    /// Builds our own program.
    pub(super) fn ours(&self) -> Result<Program> {
        let cmd = self.cargo("build --release -p aioli-bench --bin aioli-bench");
        built(&cmd, OURS)?;
        Ok(Program {
            path: self.binary("aioli-bench"),
            before: Vec::new(),
            helper: None,
        })
    }
}

/// Builds what is wanted and returns who takes part, ourselves first; those who cannot are
/// returned with the reason.
pub(super) fn entrants(
    ws: &Workspace,
    wanted: &[String],
    interrupt: &Interrupt,
) -> Result<Vec<Entrant>> {
    let places = Places::new(ws);
    let ours = places.ours()?;
    let helper = ours.path.clone();
    let versions = locked(&fs::read_to_string(ws.root.join(PEERS).join("Cargo.lock"))?);
    let own = locked(ws.files.get("Cargo.lock").map_or("", String::as_str));
    let mut entrants = list(&ours, &own, interrupt)?;
    let mut programs = Vec::new();
    for name in files(&ws.root.join(PEERS).join("src/bin"), "rs")? {
        if !is_wanted_program(&name, wanted) {
            continue;
        }
        let cmd = places.cargo("build --release --locked --bin").arg(&name);
        let cmd = cmd.arg("--features").arg(&name).dir(ws.root.join(PEERS));
        let program = built(&cmd, &name).map(|()| Program {
            path: places.binary(&name),
            before: Vec::new(),
            helper: None,
        });
        programs.push((name, program));
        if interrupt.asked() {
            return Err("interrupted".into());
        }
    }
    for name in files(&ws.root.join(PEERS).join("python"), "py")? {
        let script = ws
            .root
            .join(PEERS)
            .join("python")
            .join(format!("{name}.py"));
        let program = python(ws, &places).map(|path| Program {
            path,
            before: vec![script.to_string_lossy().into_owned()],
            helper: Some(helper.clone()),
        });
        programs.push(("python".to_owned(), program));
    }
    for (name, program) in programs {
        match program.and_then(|program| list(&program, &versions, interrupt)) {
            Ok(found) => entrants.extend(found),
            Err(error) => entrants.push(absent(&name, &error.to_string())),
        }
    }
    entrants.retain(|e| is_wanted(&e.who.name, wanted));
    for name in wanted {
        if !entrants.iter().any(|e| matches(&e.who.name, name)) {
            return Err(format!("there is no peer `{name}`").into());
        }
    }
    Ok(entrants)
}

fn absent(name: &str, why: &str) -> Entrant {
    Entrant {
        who: Participant {
            name: name.to_owned(),
            kind: String::new(),
            families: Vec::new(),
            versions: Vec::new(),
            absent: Some(why.to_owned()),
        },
        cores: 0,
        scale: 1.0,
        program: Program {
            path: PathBuf::new(),
            before: Vec::new(),
            helper: None,
        },
    }
}

/// Asks a program who it can be.
fn list(
    program: &Program,
    versions: &BTreeMap<String, String>,
    interrupt: &Interrupt,
) -> Result<Vec<Entrant>> {
    let text = output(program.command().arg("--list"), interrupt)?;
    let mut found = Vec::new();
    for line in text.lines() {
        let said: Listing = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
        let version = |name: &String| match versions.get(name) {
            Some(version) => format!("{name} {version}"),
            None => name.clone(),
        };
        let mut named = said.versions;
        named.extend(said.packages.iter().map(version));
        found.push(Entrant {
            who: Participant {
                name: said.peer,
                kind: said.kind,
                families: said.families,
                versions: named,
                absent: said.absent,
            },
            cores: said.cores as usize,
            scale: said.scale.unwrap_or(1.0),
            program: program.clone(),
        });
    }
    Ok(found)
}

/// Runs a build behind a spinner; the error is what the compiler said first.
fn built(cmd: &Cmd, name: &str) -> Result {
    let mut spinner = Spinner::start(Terminal::detect(), &format!("build: {name}"));
    let captured = cmd.capture(|line| spinner.tick(line))?;
    drop(spinner);
    if captured.success {
        return Ok(());
    }
    let error = captured
        .output
        .lines()
        .find(|line| line.starts_with("error"));
    Err(format!(
        "it does not build: {}; again: {}",
        error.unwrap_or("no reason given"),
        cmd.shell()
    )
    .into())
}

/// Makes the virtual environment, if its requirements have changed since it was made, and
/// returns its interpreter.
fn python(ws: &Workspace, places: &Places) -> Result<PathBuf> {
    let requirements = ws.root.join(PEERS).join("python/requirements.txt");
    // What could not be installed is missed by the peers that need it; asyncio needs nothing.
    let (python, _) = environment(&places.bench.join("venv"), &requirements)?;
    Ok(python)
}

/// Returns the names of the files in `dir` that end in `extension`, without it.
fn files(dir: &Path, extension: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        if path.extension().is_some_and(|e| e == extension) {
            names.extend(stem);
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the version of each package of a lock file.
fn locked(lock: &str) -> BTreeMap<String, String> {
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        Some(value.trim_end_matches('"').to_owned())
    };
    let mut versions = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let Some(name) = value(line, "name") else {
            continue;
        };
        if let Some(version) = lines.next().and_then(|line| value(line, "version")) {
            versions.insert(name, version);
        }
    }
    versions
}

/// Returns whether `name` is meant by `wanted`, which may leave out what follows a hyphen.
fn matches(name: &str, wanted: &str) -> bool {
    name.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// We and the floor are part of every comparison.
fn is_wanted(name: &str, wanted: &[String]) -> bool {
    let always = [OURS, "floor"].contains(&name) || wanted.is_empty();
    always || wanted.iter().any(|w| matches(name, w))
}

fn is_wanted_program(stem: &str, wanted: &[String]) -> bool {
    is_wanted(stem, wanted) || wanted.iter().any(|w| matches(w, stem))
}

#[cfg(test)]
mod tests {
    use super::{is_wanted, is_wanted_program, locked};

    #[test]
    fn peers_are_meant_by_the_beginnings_of_their_names() {
        let wanted = ["tokio", "hyper-util"].map(str::to_owned);
        for (name, yes) in [
            ("tokio-ct", true),
            ("aioli", true),
            ("floor", true),
            ("hyper", false),
            ("hyper-util", true),
            ("tokiox", false),
        ] {
            assert_eq!(is_wanted(name, &wanted), yes, "{name}");
        }
        assert!(is_wanted("smol", &[]));
        assert!(is_wanted_program("hyper", &wanted));
        assert!(!is_wanted_program("smol", &wanted));
    }

    #[test]
    fn versions_of_a_lock_file() {
        let lock = "[[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\nsource = \"registry\"\n";
        assert_eq!(locked(lock).get("tokio").unwrap(), "1.2.3");
    }
}
