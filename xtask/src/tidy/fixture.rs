//! A small clean workspace in memory, for tests to plant violations in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::tidy;
use crate::workspace::{Dependency, Kind, Package, Workspace};

const ROOT: &str = r#"
[workspace]
members = ["crates/*"]

[workspace.package]
version = "0.1.0"
edition = "2024"
rust-version = "1.95"
license = "MIT OR Apache-2.0"

[[workspace.metadata.layer]]
name = "low"
crates = ["demo-low"]
third-party = ["small"]
upward = ["shared"]

[[workspace.metadata.layer]]
name = "high"
crates = ["demo-high", "demo-side"]

[workspace.metadata.tests]
third-party = ["checker"]

[workspace.metadata.tidy]
root = ["Cargo.lock", "Cargo.toml", "README.md", "crates", "docs"]
unsafe-files = [
    "crates/demo-low/src/raw.rs",
]

[workspace.metadata.tidy.platform-files]
"crates/demo-low/src/sys/" = "system calls"

[workspace.dependencies]
demo-low = { path = "crates/demo-low", version = "0.1.0" }
small = "1" # a small thing
shared = "1" # a shared thing
checker = "1" # checks
"#;

const LIB: &str = r#"//! Does one thing.
//!
//! # Should I depend on this crate?
//! Yes.
//! # In scope / Out of scope
//! One thing.
//! # Examples
//! ```
//! # fn hidden() {}
//! ```
//! # Cancellation
//! None.
//! # Implementation
//! Simple.
//! # Asyncio correspondence
//! None.

/// Does it.
///
/// # Cancel safety
///
/// Nothing is lost.
#[doc(alias = "asyncio.do_it")]
pub async fn do_it() {}
"#;

const RAW: &str = "\
//! Raw things.
#![expect(unsafe_code, reason = \"raw\")]

pub(crate) fn read(p: &u8) -> u8 {
    // SAFETY: a reference is valid.
    unsafe { std::ptr::read(p) }
}
";

/// Makes a workspace without a violation.
pub(crate) fn clean() -> Workspace {
    let mut ws = Workspace {
        root: PathBuf::new(),
        target: PathBuf::new(),
        manifest: toml::from_str(ROOT).unwrap(),
        packages: Vec::new(),
        files: BTreeMap::new(),
        root_entries: ["Cargo.toml", ".git", "crates"].map(str::to_owned).to_vec(),
    };
    ws.files.insert("Cargo.toml".to_owned(), ROOT.to_owned());
    add_crate(&mut ws, "demo-high");
    add_crate(&mut ws, "demo-low");
    add_crate(&mut ws, "demo-side");
    file(&mut ws, "crates/demo-low/src/raw.rs", RAW);
    file(
        &mut ws,
        "crates/demo-low/src/sys/call.rs",
        "//! Calls.\n#[cfg(unix)]\nfn call() {}\n",
    );
    depend(&mut ws, "demo-low", "small", Kind::Normal);
    depend(&mut ws, "demo-high", "shared", Kind::Normal);
    depend(&mut ws, "demo-high", "demo-low", Kind::Normal);
    depend(&mut ws, "demo-low", "checker", Kind::Dev);
    file(
        &mut ws,
        "README.md",
        "<!-- generated: crates -->\n<!-- end -->\n<!-- generated: asyncio -->\n<!-- end -->\n",
    );
    let (fresh, _) = crate::generate::refreshed(&ws, &ws.files["README.md"]);
    file(&mut ws, "README.md", &fresh);
    ws
}

/// Adds a clean crate without dependencies; the layer table does not learn of it.
pub(crate) fn add_crate(ws: &mut Workspace, name: &str) {
    let manifest = format!(
        "[package]\nname = \"{name}\"\ndescription = \"A thing\"\nversion.workspace = true\n\
         edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
         readme = \"README.md\"\n\n[lints]\nworkspace = true\n"
    );
    let package = Package {
        name: name.to_owned(),
        description: "A thing".to_owned(),
        dir: format!("crates/{name}"),
        dependencies: Vec::new(),
        features: Vec::new(),
        has_lib: true,
        published: true,
    };
    file(ws, &package.path("Cargo.toml"), &manifest);
    file(ws, &package.path("README.md"), "# Demo\n");
    file(ws, &package.path("src/lib.rs"), LIB);
    ws.packages.push(package);
}

/// Adds an edge to the manifest of `from` and to what cargo says of it.
pub(crate) fn depend(ws: &mut Workspace, from: &str, to: &str, kind: Kind) {
    let section = match kind {
        Kind::Normal => "dependencies",
        Kind::Dev => "dev-dependencies",
        Kind::Build => "build-dependencies",
    };
    let path = format!("crates/{from}/Cargo.toml");
    append(
        ws,
        &path,
        &format!("\n[{section}]\n{to}.workspace = true\n"),
    );
    // A section may stand in a manifest once only.
    let text = ws.files[&path].replacen(&format!("\n[{section}]\n"), "\n[[mark]]\n", 1);
    let text = text.replace(&format!("\n[{section}]\n"), "");
    file(
        ws,
        &path,
        &text.replace("[[mark]]", &format!("[{section}]")),
    );
    package(ws, from).dependencies.push(Dependency {
        name: to.to_owned(),
        kind,
    });
}

/// Returns the package of that name.
pub(crate) fn package<'a>(ws: &'a mut Workspace, name: &str) -> &'a mut Package {
    ws.packages.iter_mut().find(|p| p.name == name).unwrap()
}

/// Writes a file.
pub(crate) fn file(ws: &mut Workspace, path: &str, text: &str) {
    ws.files.insert(path.to_owned(), text.to_owned());
}

/// Appends to a file.
pub(crate) fn append(ws: &mut Workspace, path: &str, text: &str) {
    ws.files.get_mut(path).unwrap().push_str(text);
}

/// Replaces a piece of a file.
#[track_caller]
pub(crate) fn replace(ws: &mut Workspace, path: &str, from: &str, to: &str) {
    let text = &ws.files[path];
    assert!(text.contains(from), "{path} has no {from:?}");
    let text = text.replace(from, to);
    file(ws, path, &text);
    if path == "Cargo.toml" {
        ws.manifest = toml::from_str(&text).unwrap();
    }
}

/// Asserts that the checks find exactly one thing, at `place` and saying `what`.
#[track_caller]
pub(crate) fn finds(ws: &Workspace, place: &str, what: &str) {
    let found = tidy(ws);
    let [one] = &found[..] else {
        panic!("one violation expected: {found:#?}")
    };
    let one = one.to_string();
    assert!(
        one.starts_with(&format!("{place}: ")) && one.contains(what),
        "{one}"
    );
}

/// Asserts that the checks find this among other things.
#[track_caller]
pub(crate) fn finds_among(ws: &Workspace, place: &str, what: &str) {
    let found = tidy(ws);
    let is = |v: &str| v.starts_with(&format!("{place}: ")) && v.contains(what);
    assert!(found.iter().any(|v| is(&v.to_string())), "{found:#?}");
}

/// Asserts that the checks find nothing.
#[track_caller]
pub(crate) fn passes(ws: &Workspace) {
    assert_eq!(tidy(ws), []);
}
