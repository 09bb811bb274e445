//! The layer table against the edges that cargo knows.

use std::collections::BTreeSet;

use super::line_where;
use crate::report::Report;
use crate::workspace::{Kind, Layer, Package, Workspace};

const ROOT: &str = "Cargo.toml";

/// Checks that the table names each crate once, that every edge goes down, and that
/// third-party crates are used where they are listed and listed where they are used.
pub(super) fn check(ws: &Workspace, out: &mut Report) {
    table(ws, out);
    for package in &ws.packages {
        for dependency in &package.dependencies {
            let edge = Edge {
                ws,
                package,
                to: &dependency.name,
                kind: dependency.kind,
            };
            edge.check(out);
        }
    }
    unused(ws, out);
}

/// Returns the line of the root manifest that lists `name` in row `row` under `key`.
fn line_in_table(ws: &Workspace, row: usize, key: &str, name: &str) -> usize {
    let quoted = format!("\"{name}\"");
    let mut current = None;
    let mut in_key = false;
    for (i, line) in ws
        .files
        .get(ROOT)
        .map_or("", String::as_str)
        .lines()
        .enumerate()
    {
        if line.trim() == "[[workspace.metadata.layer]]" {
            current = Some(current.map_or(0, |row| row + 1));
        }
        if let Some((left, _)) = line.split_once('=') {
            in_key = left.trim() == key;
        }
        if current == Some(row) && in_key && line.contains(&quoted) {
            return i + 1;
        }
    }
    1
}

fn table(ws: &Workspace, out: &mut Report) {
    let mut seen = BTreeSet::new();
    for (row, layer) in ws.layers().iter().enumerate() {
        for name in &layer.crates {
            let line = line_in_table(ws, row, "crates", name);
            if ws.package(name).is_none() {
                out.add(ROOT, line, format!("the layer table names `{name}`, which is no crate of this workspace; remove it"));
            }
            if !seen.insert(name) {
                out.add(
                    ROOT,
                    line,
                    format!("`{name}` is in two rows of the layer table; leave it in one"),
                );
            }
        }
    }
    for package in ws.packages.iter().filter(|p| ws.row(&p.name).is_none()) {
        let message = format!(
            "`{}` is in no row of the layer table; add it to the row above all it depends on",
            package.name
        );
        out.add(package.path(ROOT), 1, message);
    }
}

struct Edge<'a> {
    ws: &'a Workspace,
    package: &'a Package,
    to: &'a str,
    kind: Kind,
}

impl Edge<'_> {
    fn check(&self, out: &mut Report) {
        let Some(row) = self.ws.row(&self.package.name) else {
            return;
        };
        if self.ws.package(self.to).is_some() {
            self.inward(row, out);
        } else {
            self.outward(row, out);
        }
    }

    fn inward(&self, row: usize, out: &mut Report) {
        let Some(below) = self.ws.row(self.to) else {
            return;
        };
        if below < row {
            return;
        }
        let way = if below == row { "sideways" } else { "upward" };
        let name = |row: usize| &self.ws.layers()[row].name;
        let message = format!(
            "{} edge to `{}` goes {way}, from row {row} ({}) to row {below} ({}); depend on \
             strictly lower rows only",
            self.kind(),
            self.to,
            name(row),
            name(below),
        );
        self.report(message, out);
    }

    fn outward(&self, row: usize, out: &mut Report) {
        if self.kind == Kind::Dev
            && lists(
                &self.ws.manifest.workspace.metadata.tests.third_party,
                self.to,
            )
        {
            return;
        }
        let layers = self.ws.layers();
        let own = lists(&layers[row].third_party, self.to);
        let inherited = layers[..=row].iter().any(|l| lists(&l.upward, self.to));
        if !own && !inherited {
            let message = format!(
                "third-party {} edge to `{}`, which the layer table does not list for row {row} \
                 ({}); do without it or list it there",
                self.kind(),
                self.to,
                layers[row].name,
            );
            self.report(message, out);
        }
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Normal => "normal",
            Kind::Dev => "dev",
            Kind::Build => "build",
        }
    }

    fn report(&self, message: String, out: &mut Report) {
        let path = self.package.path(ROOT);
        let text = self.ws.files.get(&path).map_or("", String::as_str);
        out.add(
            path,
            line_where(text, |line| names_dependency(line, self.to)),
            message,
        );
    }
}

/// Returns whether a manifest's line begins the entry of `name`.
fn names_dependency(line: &str, name: &str) -> bool {
    let key = line.strip_prefix('"').unwrap_or(line);
    key.strip_prefix(name)
        .is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
        || (line.starts_with('[') && line.ends_with(&format!("dependencies.{name}]")))
}

fn lists(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| listed == name)
}

fn unused(ws: &Workspace, out: &mut Report) {
    let layers = ws.layers();
    for (row, layer) in layers.iter().enumerate() {
        for name in &layer.third_party {
            let line = line_in_table(ws, row, "third-party", name);
            if !used(ws, std::slice::from_ref(layer), name) {
                out.add(
                    ROOT,
                    line,
                    format!(
                        "row {row} ({}) lists `{name}`, which none of its crates uses; remove it",
                        layer.name
                    ),
                );
            }
            if layers[..=row].iter().any(|l| lists(&l.upward, name)) {
                out.add(ROOT, line, format!("row {row} ({}) lists `{name}`, which an `upward` list allows already; remove it", layer.name));
            }
        }
        for name in &layer.upward {
            let line = line_in_table(ws, row, "upward", name);
            if !used(ws, &layers[row..], name) {
                out.add(ROOT, line, format!("row {row} ({}) lists `{name}` upward, which no crate there or above uses; remove it", layer.name));
            }
            if layers[..row].iter().any(|l| lists(&l.upward, name)) {
                out.add(
                    ROOT,
                    line,
                    format!(
                        "row {row} ({}) lists `{name}` upward, as a lower row does; remove it",
                        layer.name
                    ),
                );
            }
        }
    }
    for name in &ws.manifest.workspace.metadata.tests.third_party {
        let dev = |p: &Package| {
            p.dependencies
                .iter()
                .any(|d| d.kind == Kind::Dev && d.name == *name)
        };
        if !ws.packages.iter().any(dev) {
            let text = ws.files.get(ROOT).map_or("", String::as_str);
            let section = line_where(text, |line| line == "[workspace.metadata.tests]");
            out.add(
                ROOT,
                section,
                format!("`{name}` is listed for tests, and none uses it; remove it"),
            );
        }
    }
}

fn used(ws: &Workspace, rows: &[Layer], name: &str) -> bool {
    let crates = rows.iter().flat_map(|row| &row.crates);
    crates.filter_map(|c| ws.package(c)).any(|p| {
        p.dependencies
            .iter()
            .any(|d| d.kind != Kind::Dev && d.name == name)
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{
        add_crate, clean, depend, finds, finds_among, package, passes, replace,
    };
    use crate::workspace::Kind;

    #[test]
    fn upward_edge_of_every_kind() {
        for (kind, word) in [
            (Kind::Normal, "normal"),
            (Kind::Dev, "dev"),
            (Kind::Build, "build"),
        ] {
            let mut ws = clean();
            depend(&mut ws, "demo-low", "demo-high", kind);
            finds_among(
                &ws,
                &place(&ws, "demo-low", "demo-high"),
                &format!("{word} edge to `demo-high` goes upward"),
            );
        }
    }

    fn place(ws: &crate::workspace::Workspace, from: &str, to: &str) -> String {
        let path = format!("crates/{from}/Cargo.toml");
        let line = ws.files[&path]
            .lines()
            .position(|l| l.starts_with(to))
            .unwrap()
            + 1;
        format!("{path}:{line}")
    }

    #[test]
    fn sideways_edge() {
        let mut ws = clean();
        depend(&mut ws, "demo-side", "demo-high", Kind::Normal);
        finds_among(&ws, &place(&ws, "demo-side", "demo-high"), "sideways");
    }

    #[test]
    fn crate_in_no_row() {
        let mut ws = clean();
        add_crate(&mut ws, "demo-new");
        finds_among(&ws, "crates/demo-new/Cargo.toml:1", "is in no row");
    }

    #[test]
    fn crate_in_two_rows() {
        let mut ws = clean();
        replace(
            &mut ws,
            "Cargo.toml",
            "\"demo-side\"]",
            "\"demo-side\", \"demo-low\"]",
        );
        finds_among(&ws, "Cargo.toml:19", "is in two rows");
    }

    #[test]
    fn row_of_a_crate_that_is_not_there() {
        let mut ws = clean();
        replace(
            &mut ws,
            "Cargo.toml",
            "\"demo-side\"]",
            "\"demo-side\", \"ghost\"]",
        );
        finds(&ws, "Cargo.toml:19", "no crate of this workspace");
    }

    #[test]
    fn third_party_crate_that_is_not_listed() {
        let mut ws = clean();
        depend(&mut ws, "demo-high", "small", Kind::Normal);
        finds(
            &ws,
            &place(&ws, "demo-high", "small"),
            "does not list for row 1 (high)",
        );
        let mut ws = clean();
        depend(&mut ws, "demo-high", "checker", Kind::Normal);
        finds(
            &ws,
            &place(&ws, "demo-high", "checker"),
            "normal edge to `checker`",
        );
    }

    #[test]
    fn third_party_crate_for_tests_goes_anywhere_as_a_dev_dependency() {
        let mut ws = clean();
        depend(&mut ws, "demo-side", "checker", Kind::Dev);
        passes(&ws);
        depend(&mut ws, "demo-side", "small", Kind::Dev);
        finds(
            &ws,
            &place(&ws, "demo-side", "small"),
            "dev edge to `small`",
        );
    }

    #[test]
    fn listed_crate_that_nobody_uses() {
        for (user, name, line, word) in [
            ("demo-low", "small", 14, "none of its crates uses"),
            ("demo-high", "shared", 15, "no crate there or above uses"),
            ("demo-low", "checker", 21, "listed for tests"),
        ] {
            let mut ws = clean();
            package(&mut ws, user)
                .dependencies
                .retain(|d| d.name != name);
            finds_among(&ws, &format!("Cargo.toml:{line}"), word);
        }
    }

    #[test]
    fn listed_crate_that_is_allowed_already() {
        let mut ws = clean();
        replace(
            &mut ws,
            "Cargo.toml",
            "\"demo-side\"]",
            "\"demo-side\"]\nthird-party = [\"shared\"]\nupward = [\"shared\"]",
        );
        finds_among(&ws, "Cargo.toml:20", "allows already");
        finds_among(&ws, "Cargo.toml:21", "as a lower row does");
    }
}
