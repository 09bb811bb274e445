//! The root directory holds what the manifest says, and each crate a README.

use super::line_where;
use crate::report::Report;
use crate::workspace::Workspace;

/// Checks the names in the root directory and the READMEs of the crates.
pub(super) fn check(ws: &Workspace, out: &mut Report) {
    let allowed = &ws.tidy().root;
    for name in &ws.root_entries {
        // Build results are nobody's to tidy, and dot files belong to the tools that want them.
        let known = name == "target" || name.starts_with('.') || allowed.contains(name);
        if !known {
            let message = "stands in the root directory; move it to `docs/`, `crates/` or `xtask/`, \
                           or list it in `[workspace.metadata.tidy]`";
            out.add(name, 1, message);
        }
    }
    for package in ws.packages.iter().filter(|p| p.dir.starts_with("crates/")) {
        let path = package.path("README.md");
        if ws
            .files
            .get(&path)
            .is_none_or(|text| text.trim().is_empty())
        {
            out.add(
                path,
                1,
                "no README; write what the crate is, an example, what is out of scope",
            );
        }
        let manifest = package.path("Cargo.toml");
        let text = ws.files.get(&manifest).map_or("", String::as_str);
        if package.published && line_where(text, |l| l.starts_with("readme = \"README.md\"")) == 1 {
            out.add(
                manifest,
                1,
                "does not name its README; write `readme = \"README.md\"`",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{clean, finds, passes, replace};

    #[test]
    fn name_that_does_not_belong_in_the_root() {
        let mut ws = clean();
        ws.root_entries
            .extend([".editorconfig", "target"].map(str::to_owned));
        passes(&ws);
        ws.root_entries.push("notes.txt".to_owned());
        finds(&ws, "notes.txt:1", "stands in the root directory");
    }

    #[test]
    fn crate_without_a_readme() {
        let mut ws = clean();
        ws.files.remove("crates/demo-low/README.md");
        finds(&ws, "crates/demo-low/README.md:1", "no README");
    }

    #[test]
    fn readme_that_the_manifest_does_not_name() {
        let mut ws = clean();
        let manifest = "crates/demo-low/Cargo.toml";
        replace(&mut ws, manifest, "readme = \"README.md\"\n", "");
        finds(&ws, &format!("{manifest}:1"), "does not name its README");
    }
}
