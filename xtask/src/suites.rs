//! Test binaries that cargo has built, to be run with another environment.
//!
//! They have been built by `cargo test --workspace`: asking cargo for the same again only tells
//! where they lie, while asking for some of the crates would build them anew with the features
//! that these alone want.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Result;
use crate::command::Cmd;
use crate::workspace::Workspace;

/// A test binary, with the directory it runs in.
#[derive(Debug, PartialEq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    binary: String,
    dir: PathBuf,
}

impl Suite {
    pub(crate) fn command(&self) -> Cmd {
        Cmd::new(&self.binary, "").dir(&self.dir)
    }
}

/// Builds what is not built, and returns those of the test binaries that there are, each wanted
/// by its crate and its name.
pub(crate) fn built(ws: &Workspace, wanted: &[(&str, &str)]) -> Result<Vec<Suite>> {
    let built = Cmd::cargo("test --workspace --no-run --message-format=json").read()?;
    Ok(find(ws, wanted, &built))
}

/// One line of what cargo says about a build.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<String>,
    target: Option<Target>,
    executable: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

fn find(ws: &Workspace, wanted: &[(&str, &str)], built: &str) -> Vec<Suite> {
    let messages: Vec<Message> = built
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let suite = |(name, test): &(&str, &str)| {
        let package = ws.find(name).ok()?;
        let manifest = ws.root.join(package.path("Cargo.toml"));
        let message = messages.iter().find(|message| {
            message.reason == "compiler-artifact"
                && message.executable.is_some()
                && message.manifest_path.as_deref() == manifest.to_str()
                && message.target.as_ref().is_some_and(|t| t.is_test(test))
        })?;
        Some(Suite {
            name: package.name.clone(),
            binary: message.executable.clone()?,
            dir: ws.root.join(&package.dir),
        })
    };
    wanted.iter().filter_map(suite).collect()
}

impl Target {
    fn is_test(&self, name: &str) -> bool {
        self.name == name && self.kind.iter().any(|kind| kind == "test")
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::fixture::clean;

    #[test]
    fn suites_are_found_among_what_cargo_has_built() {
        let mut ws = clean();
        ws.packages[0].name = "aioli-net".to_owned();
        let manifest = ws.root.join(ws.packages[0].path("Cargo.toml"));
        let line = |target: &str, kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":{manifest:?},"target":{{"name":"{target}","kind":["{kind}"]}},"executable":{executable}}}"#
            )
        };
        let built = [
            line("aioli_net", "lib", "null"),
            line("aioli_net", "lib", r#""/unit""#),
            line("it", "test", r#""/it""#),
            line("other", "test", r#""/other""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = find(&ws, &[("aioli-net", "it")], &built.join("\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "aioli-net");
        assert_eq!(found[0].binary, "/it");
        assert_eq!(found[0].dir, ws.root.join(&ws.packages[0].dir));
    }
}
