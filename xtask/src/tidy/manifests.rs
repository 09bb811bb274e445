//! Manifests: what is inherited, why each dependency is there, names and descriptions.

use toml::{Table, Value};

use super::line_where;
use crate::report::Report;
use crate::workspace::{Package, Workspace};

/// Keys of `[package]` that have one value for all.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];
/// The tables of a manifest that hold edges.
const EDGES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks the manifest of each package and the dependencies of the root's.
pub(super) fn check(ws: &Workspace, out: &mut Report) {
    for package in &ws.packages {
        let path = package.path("Cargo.toml");
        let Some(text) = ws.files.get(&path) else {
            continue;
        };
        match text.parse::<Table>() {
            Ok(table) => Manifest { path, text, table }.check(package, out),
            Err(error) => out.add(path, 1, error.message()),
        }
    }
    root_dependencies(ws, out);
}

struct Manifest<'a> {
    path: String,
    text: &'a str,
    table: Table,
}

impl Manifest<'_> {
    fn check(&self, package: &Package, out: &mut Report) {
        let folder = package.dir.rsplit('/').next().unwrap_or_default();
        if folder != package.name {
            let message = format!(
                "the folder `{folder}` holds `{}`; name both alike",
                package.name
            );
            out.add(&self.path, self.line("name"), message);
        }
        if package.description.trim().is_empty() {
            out.add(
                &self.path,
                1,
                "no description; say in one line what the crate is",
            );
        }
        for key in INHERITED {
            let value = self.table.get("package").and_then(|p| p.get(key));
            if !value.is_some_and(inherits) {
                let message =
                    format!("`{key}` is not the workspace's; write `{key}.workspace = true`");
                out.add(&self.path, self.line(key), message);
            }
        }
        if !self.table.get("lints").is_some_and(inherits) {
            out.add(
                &self.path,
                1,
                "the lints are not the workspace's; write `[lints]` and `workspace = true`",
            );
        }
        self.edges(&self.table, out);
        let targets = self.table.get("target").and_then(Value::as_table);
        for target in targets.into_iter().flat_map(Table::values) {
            self.edges(target.as_table().unwrap_or(&Table::new()), out);
        }
    }

    fn edges(&self, table: &Table, out: &mut Report) {
        let tables = EDGES.iter().filter_map(|key| table.get(*key)?.as_table());
        for (name, value) in tables.flatten() {
            if !inherits(value) {
                let message = format!(
                    "`{name}` is not the workspace's; write `{name}.workspace = true` and put the \
                     version, with its reason, into the root manifest"
                );
                out.add(&self.path, self.line(name), message);
            }
        }
    }

    fn line(&self, key: &str) -> usize {
        line_where(self.text, |line| key_of(line) == key)
    }
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Returns the first part of the key that a line of a manifest sets.
fn key_of(line: &str) -> &str {
    line.split(['.', '=', ' '])
        .next()
        .unwrap_or_default()
        .trim_matches('"')
}

/// Checks that each third-party entry has a comment on its line, and a user.
fn root_dependencies(ws: &Workspace, out: &mut Report) {
    let text = ws.files.get("Cargo.toml").map_or("", String::as_str);
    for (name, value) in &ws.manifest.workspace.dependencies {
        let line = root_line(text, name);
        let written = text.lines().nth(line - 1).unwrap_or_default();
        let reason = written
            .rsplit_once('#')
            .is_some_and(|(_, why)| !why.trim().is_empty());
        if value.get("path").is_none() && !reason {
            let message =
                format!("`{name}` is here without a reason; give it in a comment on its line");
            out.add("Cargo.toml", line, message);
        }
        let used = |p: &Package| {
            p.dependencies
                .iter()
                .any(|d| d.name == package_of(name, value))
        };
        if value.get("path").is_none() && !ws.packages.iter().any(used) {
            out.add(
                "Cargo.toml",
                line,
                format!("no crate depends on `{name}`; remove it"),
            );
        }
    }
}

/// Returns the name on the registry of a dependency that may have been renamed.
fn package_of<'a>(name: &'a str, value: &'a Value) -> &'a str {
    value.get("package").and_then(Value::as_str).unwrap_or(name)
}

fn root_line(text: &str, name: &str) -> usize {
    let start = line_where(text, |line| line == "[workspace.dependencies]");
    let lines = text.lines().enumerate().skip(start);
    let found = lines
        .take_while(|(_, line)| !line.starts_with('['))
        .find(|(_, line)| key_of(line) == name);
    found.map_or(start, |(i, _)| i + 1)
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{clean, finds, finds_among, package, replace};

    const LOW: &str = "crates/demo-low/Cargo.toml";

    #[test]
    fn value_that_is_not_inherited() {
        for (key, line) in [
            ("version", 4),
            ("edition", 5),
            ("rust-version", 6),
            ("license", 7),
        ] {
            let mut ws = clean();
            replace(
                &mut ws,
                LOW,
                &format!("\n{key}.workspace = true"),
                &format!("\n{key} = \"1\""),
            );
            finds(
                &ws,
                &format!("{LOW}:{line}"),
                &format!("write `{key}.workspace = true`"),
            );
        }
        let mut ws = clean();
        replace(&mut ws, LOW, "[lints]\nworkspace = true\n", "");
        finds(&ws, &format!("{LOW}:1"), "the lints are not");
    }

    #[test]
    fn dependency_with_a_version_of_its_own() {
        let mut ws = clean();
        replace(&mut ws, LOW, "small.workspace = true", "small = \"2\"");
        finds_among(&ws, &format!("{LOW}:14"), "`small` is not the workspace's");
    }

    #[test]
    fn target_specific_dependency_with_a_version_of_its_own() {
        let mut ws = clean();
        let there =
            "[target.'cfg(unix)'.dependencies]\nsmall = { version = \"2\" }\n\n[dev-dependencies]";
        replace(&mut ws, LOW, "[dev-dependencies]", there);
        finds(&ws, &format!("{LOW}:14"), "`small` is not the workspace's");
    }

    #[test]
    fn folder_with_another_name() {
        let mut ws = clean();
        let manifest = ws.files[LOW].clone();
        replace(&mut ws, LOW, "demo-low", "demo-low");
        let package = package(&mut ws, "demo-low");
        package.dir = "crates/low".to_owned();
        ws.files
            .insert("crates/low/Cargo.toml".to_owned(), manifest);
        finds_among(&ws, "crates/low/Cargo.toml:2", "name both alike");
    }

    #[test]
    fn crate_without_a_description() {
        let mut ws = clean();
        package(&mut ws, "demo-low").description.clear();
        finds_among(&ws, &format!("{LOW}:1"), "no description");
    }

    #[test]
    fn root_dependency_without_a_reason() {
        let mut ws = clean();
        replace(
            &mut ws,
            "Cargo.toml",
            "small = \"1\" # a small thing",
            "small = \"1\" #",
        );
        finds(&ws, "Cargo.toml:35", "without a reason");
    }

    #[test]
    fn root_dependency_that_nobody_uses() {
        let mut ws = clean();
        replace(
            &mut ws,
            "Cargo.toml",
            "small = \"1\" # a",
            "large = \"1\" # a large thing\nsmall = \"1\" # a",
        );
        finds(&ws, "Cargo.toml:35", "no crate depends on `large`");
    }
}
