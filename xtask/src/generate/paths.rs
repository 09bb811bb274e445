//! Public paths: by which name users reach an item that may be re-exported from above.

use crate::source::{Source, words};
use crate::workspace::{Package, Workspace};

/// Returns the path by which users name `item`: from where a module above re-exports it, or
/// from its own module.
pub(super) fn public_path(
    ws: &Workspace,
    package: &Package,
    file: &str,
    item: &[String],
) -> String {
    let library = package.name.replace('-', "_");
    let inner = file.strip_prefix(&package.path("src/")).unwrap_or(file);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let modules: Vec<_> = inner
        .split('/')
        .filter(|m| !matches!(*m, "lib" | "main" | "mod"))
        .collect();
    let inside = re_exported(ws, package, &modules, item).unwrap_or_else(|| {
        let is_open = (0..modules.len()).all(|d| declares(ws, package, &modules[..d], modules[d]));
        // What is in a private module and is not re-exported by name comes out of a macro;
        // its crate is all that can be told.
        let kept = if is_open { &modules[..] } else { &[] };
        kept.iter()
            .map(|m| (*m).to_owned())
            .chain(item.iter().cloned())
            .collect()
    });
    std::iter::once(library)
        .chain(inside)
        .collect::<Vec<_>>()
        .join("::")
}

/// Returns the path in the crate by which a module above names the item, the shortest first.
fn re_exported(
    ws: &Workspace,
    package: &Package,
    modules: &[&str],
    item: &[String],
) -> Option<Vec<String>> {
    let first = item.first()?;
    for depth in 0..=modules.len().saturating_sub(1) {
        let (above, below) = modules.split_at(depth);
        let uses = module(ws, package, above).map(|source| public_uses(&source));
        let uses = uses.unwrap_or_default();
        let path = |parts: &[&str]| {
            let parts = above.iter().chain(parts).map(|part| (*part).to_owned());
            parts.chain(item.iter().cloned()).collect()
        };
        // `channel::Sender` may stand for what `channel` in turn re-exports from within.
        let names_item = |u: &Vec<String>| {
            let (name, on_the_way) = u.split_last().expect("a path has a last part");
            name == first
                && on_the_way.len() <= below.len()
                && on_the_way.iter().eq(below[..on_the_way.len()].iter())
        };
        if uses.iter().any(names_item) {
            return Some(path(&[]));
        }
        let names_module =
            |u: &&Vec<String>| u.len() <= below.len() && u.iter().eq(below[..u.len()].iter());
        if let Some(u) = uses.iter().find(names_module).filter(|u| u.len() > 1) {
            return Some(path(&below[u.len() - 1..]));
        }
    }
    None
}

/// Returns the paths that a module re-exports, relative to it.
fn public_uses(source: &Source) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (start, lead) in source.code.match_indices("pub use ") {
        let tree = source.code[start + lead.len()..]
            .split(';')
            .next()
            .unwrap_or_default();
        expand(tree, &[], &mut paths);
    }
    paths
}

/// Takes a tree of a `use` apart into its paths; one that is renamed is left out.
fn expand(tree: &str, above: &[String], paths: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some((path, inner)) = tree.split_once('{') {
        let mut above = above.to_vec();
        above.extend(parts(path));
        let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
        let mut depth = 0_i32;
        let branches = inner.split(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        branches.for_each(|branch| expand(branch, &above, paths));
    } else if !tree.is_empty() && !tree.contains(" as ") {
        paths.push(above.iter().cloned().chain(parts(tree)).collect());
    }
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    let parts = path.split("::").map(str::trim);
    let named = parts.filter(|part| !part.is_empty() && !["self", "crate"].contains(part));
    named.map(str::to_owned)
}

/// Returns the source of a module given by its path in the crate.
fn module(ws: &Workspace, package: &Package, path: &[&str]) -> Option<Source> {
    let file = if path.is_empty() {
        "lib".to_owned()
    } else {
        path.join("/")
    };
    let text = ws.files.get(&package.path(&format!("src/{file}.rs")))?;
    Some(Source::new(text))
}

/// Returns whether the module at `path` has a public module `name`.
fn declares(ws: &Workspace, package: &Package, path: &[&str], name: &str) -> bool {
    let Some(source) = module(ws, package, path) else {
        return false;
    };
    words(&source.code, name).any(|at| source.code[..at].ends_with("pub mod "))
}
