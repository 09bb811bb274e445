//! `cargo xtask servers`: the HTTP client and `aioli fetch` against servers of others.
//!
//! A program is taken where it is installed; otherwise its Debian package is fetched and unpacked
//! into the target directory, which needs no rights and starts nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::command::Cmd;
use crate::python::environment;
use crate::steps::Steps;
use crate::suites::built;
use crate::workspace::Workspace;

/// The crates and the test binaries.
const SUITES: [(&str, &str); 2] = [("aioli-http", "servers"), ("aioli-cli", "servers")];
/// Before the name of a server: the variable that tells the tests where its program is.
const VARIABLE: &str = "AIOLI_SERVER_";
/// What is written in Python, and what that needs.
const PACKAGES: [&str; 2] = ["httpbin", "h11"];
const REQUIREMENTS: &str = "crates/aioli-http/tests/servers/requirements.txt";

/// A program that Debian has.
struct Program {
    name: &'static str,
    package: &'static str,
    /// Where the package puts it.
    path: &'static str,
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "nginx",
        package: "nginx",
        path: "usr/sbin/nginx",
    },
    Program {
        name: "tinyproxy",
        package: "tinyproxy-bin",
        path: "usr/bin/tinyproxy",
    },
    Program {
        name: "microsocks",
        package: "microsocks",
        path: "usr/bin/microsocks",
    },
];

/// Runs them, and nothing else.
pub(crate) fn servers(ws: &Workspace) -> Result<bool> {
    let mut steps = Steps::start();
    run(ws, &mut steps)?;
    Ok(steps.finish())
}

/// Adds the step; what cannot be had here is skipped with a word.
pub(crate) fn run(ws: &Workspace, steps: &mut Steps) -> Result {
    let suites = built(ws, &SUITES)?;
    if suites.len() < SUITES.len() {
        return Err("aioli-http or aioli-cli has no tests `servers`".into());
    }
    let place = ws.target.join("servers");
    let programs = PROGRAMS
        .iter()
        .map(|program| (program.name, program.find(&place)));
    let python = python(ws, &place).map_err(|error| error.to_string());
    let pythons = PACKAGES.map(|name| (name, python.clone().map_err(Into::into)));
    let mut found = Vec::new();
    for (name, path) in programs.chain(pythons) {
        match path {
            Ok(path) => found.push((format!("{VARIABLE}{}", name.to_uppercase()), path)),
            Err(why) => steps.skip(&format!("server {name}"), &why.to_string()),
        }
    }
    if found.is_empty() {
        steps.skip("servers", "there is not a single one");
        return Ok(());
    }
    for suite in suites {
        let cmd = found.iter().fold(suite.command(), |cmd, (variable, path)| {
            cmd.env(variable, path.to_string_lossy())
        });
        steps.command(&format!("servers {}", suite.name), &cmd);
    }
    Ok(())
}

impl Program {
    fn find(&self, place: &Path) -> Result<PathBuf> {
        let name = self.name;
        let path = env::var_os("PATH").unwrap_or_default();
        let usual = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let unpacked = place.join(self.package).join(self.path);
        let mut known = usual.map(|dir| dir.join(name)).chain([unpacked.clone()]);
        if let Some(path) = known.find(|path| path.is_file()) {
            return Ok(path);
        }
        self.unpack(place)
            .map_err(|error| format!("it is not installed, and cannot be fetched: {error}"))?;
        if unpacked.is_file() {
            Ok(unpacked)
        } else {
            Err(format!("the package {} has no {}", self.package, self.path).into())
        }
    }

    /// Fetches the package and unpacks it.
    fn unpack(&self, place: &Path) -> Result {
        let into = place.join(self.package);
        fs::create_dir_all(&into)?;
        let fetch = Cmd::new("apt-get", "download").arg(self.package).dir(&into);
        if fetch.read().is_err() {
            // A fresh machine has no lists of packages yet.
            Cmd::new("apt-get", "update").read()?;
            fetch.read()?;
        }
        let packages = fs::read_dir(&into)?.filter_map(|entry| Some(entry.ok()?.path()));
        let package = packages
            .filter(|path| path.extension().is_some_and(|end| end == "deb"))
            .last()
            .ok_or("nothing has come")?;
        let unpack = Cmd::new("dpkg", "-x").arg(package.to_string_lossy());
        unpack.arg(into.to_string_lossy()).read()?;
        Ok(())
    }
}

/// The Python that has the packages.
fn python(ws: &Workspace, place: &Path) -> Result<PathBuf> {
    fs::create_dir_all(place)?;
    let requirements = ws.root.join(REQUIREMENTS);
    let (python, installed) = environment(&place.join("python"), &requirements)?;
    installed.map_err(|why| format!("its Python packages cannot be installed: {why}"))?;
    Ok(python)
}
