//! The workspace as a value: its manifests, its packages and the text of its files.
//!
//! The checks read this value only, so that a test can make a small workspace in memory,
//! plant a violation, and look for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Result;
use crate::command::Cmd;

/// Directories that are not the project's own text.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// Everything the commands look at.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The root directory; paths elsewhere are relative to it.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// The root manifest, as far as the commands read it.
    pub(crate) manifest: Manifest,
    /// The members, by name.
    pub(crate) packages: Vec<Package>,
    /// Text of every file of the project by path, with `/` on every system.
    pub(crate) files: BTreeMap<String, String>,
    /// The names in the root directory, build results included.
    pub(crate) root_entries: Vec<String>,
}

/// The root manifest.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) workspace: WorkspaceTable,
}

/// `[workspace]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct WorkspaceTable {
    pub(crate) package: PackageTable,
    #[serde(default)]
    pub(crate) dependencies: BTreeMap<String, toml::Value>,
    pub(crate) metadata: MetadataTable,
}

/// `[workspace.package]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct PackageTable {
    pub(crate) rust_version: String,
}

/// `[workspace.metadata]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct MetadataTable {
    #[serde(default)]
    pub(crate) layer: Vec<Layer>,
    #[serde(default)]
    pub(crate) tests: Tests,
    #[serde(default)]
    pub(crate) tidy: Tidy,
}

/// One row of the layer table; the first is the lowest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) crates: Vec<String>,
    /// Third-party crates for this row alone.
    #[serde(default)]
    pub(crate) third_party: Vec<String>,
    /// Third-party crates for this row and every one above.
    #[serde(default)]
    pub(crate) upward: Vec<String>,
}

/// `[workspace.metadata.tests]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Tests {
    /// Third-party crates that any crate may have as a dev-dependency.
    pub(crate) third_party: Vec<String>,
}

/// `[workspace.metadata.tidy]`: what the checks allow, each exception with its reason.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Tidy {
    /// Names the root directory may hold besides dot files.
    #[serde(default)]
    pub(crate) root: Vec<String>,
    /// Files that may hold unsafe code; the reason opens each of them.
    #[serde(default)]
    pub(crate) unsafe_files: Vec<String>,
    /// Files, or folders with a final `/`, that may ask which platform it is.
    #[serde(default)]
    pub(crate) platform_files: BTreeMap<String, String>,
    /// Files that may be longer than the limit.
    #[serde(default)]
    pub(crate) long_files: BTreeMap<String, String>,
    /// Functions (`path::name`) that may be longer than the limit.
    #[serde(default)]
    pub(crate) long_functions: BTreeMap<String, String>,
}

/// A member of the workspace, as `cargo metadata` tells it.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Directory relative to the root.
    pub(crate) dir: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Vec<String>,
    pub(crate) has_lib: bool,
    pub(crate) published: bool,
}

/// One edge of a package, optional and target-specific ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

impl Package {
    /// Returns the path of a file of this package.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.dir)
    }
}

impl Workspace {
    /// Reads the workspace that `dir` is in.
    pub(crate) fn load(dir: &Path) -> Result<Workspace> {
        let cmd = Cmd::cargo("metadata --no-deps --format-version 1").dir(dir);
        let metadata: Metadata = serde_json::from_str(&cmd.read()?)?;
        let root = metadata.workspace_root;
        let mut files = BTreeMap::new();
        read_files(&root, "", &mut files)?;
        let text = files
            .get("Cargo.toml")
            .ok_or("the root has no Cargo.toml")?;
        let manifest = toml::from_str(text).map_err(|e| format!("Cargo.toml: {e}"))?;
        let mut packages = Vec::new();
        for package in metadata.packages {
            packages.push(package.into_package(&root)?);
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Workspace {
            target: metadata.target_directory,
            manifest,
            packages,
            files,
            root_entries: names(&root)?,
            root,
        })
    }

    /// Returns the layer table, lowest row first.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.manifest.workspace.metadata.layer
    }

    /// Returns what the checks allow.
    pub(crate) fn tidy(&self) -> &Tidy {
        &self.manifest.workspace.metadata.tidy
    }

    /// Returns the member of that name.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|p| p.name == name)
    }

    /// Returns the members in the order of the layer table, those it forgets at the end.
    pub(crate) fn packages_by_layer(&self) -> Vec<&Package> {
        let row = |p: &Package| self.row(&p.name).unwrap_or(usize::MAX);
        let mut packages: Vec<_> = self.packages.iter().collect();
        packages.sort_by_key(|p| row(p));
        packages
    }

    /// Returns the row of a crate in the layer table.
    pub(crate) fn row(&self, name: &str) -> Option<usize> {
        self.layers()
            .iter()
            .position(|l| l.crates.iter().any(|c| c == name))
    }

    /// Finds a member by its name, or by what is left of it without `aioli-`.
    pub(crate) fn find(&self, name: &str) -> Result<&Package> {
        let long = format!("aioli-{name}");
        let found = self.package(name).or_else(|| self.package(&long));
        found.ok_or_else(|| {
            let names: Vec<_> = self
                .packages_by_layer()
                .iter()
                .map(|p| p.name.as_str())
                .collect();
            format!("no crate `{name}` here; there are {}", names.join(", ")).into()
        })
    }

    /// Returns the files whose path ends in `suffix`.
    pub(crate) fn files_ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self
            .files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the package that the file at `path` is part of.
    pub(crate) fn owner(&self, path: &str) -> Option<&Package> {
        self.packages.iter().find(|p| {
            path.strip_prefix(p.dir.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    description: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<RawDependency>,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<RawTarget>,
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    kind: Option<Kind>,
    target: Option<String>,
}

impl RawDependency {
    /// What it is for. What only a build for models has is for tests: no user's build has it.
    fn kind(&self) -> Kind {
        match self.target.as_deref() {
            Some("cfg(loom)") => Kind::Dev,
            _ => self.kind.unwrap_or(Kind::Normal),
        }
    }
}

#[derive(Deserialize)]
struct RawTarget {
    kind: Vec<String>,
}

impl RawPackage {
    fn into_package(self, root: &Path) -> Result<Package> {
        let dir = self
            .manifest_path
            .parent()
            .and_then(|d| d.strip_prefix(root).ok());
        let dir = dir.ok_or_else(|| format!("{} lies outside the workspace", self.name))?;
        let dependencies = self.dependencies.into_iter().map(|d| Dependency {
            kind: d.kind(),
            name: d.name,
        });
        Ok(Package {
            name: self.name,
            description: self.description.unwrap_or_default(),
            dir: slashed(dir),
            dependencies: dependencies.collect(),
            features: self.features.into_keys().collect(),
            has_lib: self
                .targets
                .iter()
                .any(|t| t.kind.iter().any(|k| k == "lib")),
            published: self.publish.is_none_or(|registries| !registries.is_empty()),
        })
    }
}

fn read_files(root: &Path, dir: &str, files: &mut BTreeMap<String, String>) -> Result {
    for name in names(&root.join(dir))? {
        let path = if dir.is_empty() {
            name.clone()
        } else {
            format!("{dir}/{name}")
        };
        let full = root.join(&path);
        if full.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                read_files(root, &path, files)?;
            }
        } else if let Ok(text) = fs::read_to_string(&full) {
            // What is not text is nobody's module and has no lines to complain about. A
            // checkout on Windows may have given the lines two-character ends.
            files.insert(path, text.replace("\r\n", "\n"));
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Kind, RawDependency, Workspace};
    use crate::tidy::tidy;

    /// A directory of its own for one test, removed with all it holds.
    struct Dir(PathBuf);

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    impl Dir {
        fn new(name: &str) -> Dir {
            let dir = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            Dir(dir)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    const ROOT: &str = "\
[workspace]
resolver = \"3\"
members = [\"crates/*\"]
[workspace.package]
rust-version = \"1.95\"
[[workspace.metadata.layer]]
name = \"low\"
crates = [\"low\"]
[[workspace.metadata.layer]]
name = \"high\"
crates = [\"high\", \"side\"]
";

    fn planted(test: &str) -> (Dir, Workspace) {
        let dir = Dir::new(test);
        dir.write("Cargo.toml", ROOT);
        for (name, edges) in [
            (
                "low",
                "[target.'cfg(windows)'.dev-dependencies]\nhigh = { path = \"../high\" }\n",
            ),
            (
                "high",
                "[dependencies]\nside = { path = \"../side\", optional = true }\n",
            ),
            ("side", "[features]\nextra = []\n"),
        ] {
            let manifest = format!("[package]\nname = \"{name}\"\npublish = false\n\n{edges}");
            dir.write(&format!("crates/{name}/Cargo.toml"), &manifest);
            dir.write(&format!("crates/{name}/src/lib.rs"), "//! Nothing.\r\n");
        }
        dir.write("target/debug/junk.md", "not ours");
        let ws = Workspace::load(Path::new(&dir.0)).unwrap();
        (dir, ws)
    }

    #[test]
    fn dependency_of_models_alone_counts_as_one_of_tests() {
        let kind = |target: Option<&str>| {
            let target = target.map(str::to_owned);
            RawDependency {
                name: "checker".to_owned(),
                kind: None,
                target,
            }
            .kind()
        };
        assert_eq!(kind(Some("cfg(loom)")), Kind::Dev);
        assert_eq!(kind(Some("cfg(unix)")), Kind::Normal);
        assert_eq!(kind(None), Kind::Normal);
    }

    #[test]
    fn cargo_tells_the_edges_and_the_disk_the_files() {
        let (_dir, ws) = planted("files");
        let side = ws.package("side").unwrap();
        assert_eq!(
            (side.dir.as_str(), side.has_lib, side.published),
            ("crates/side", true, false)
        );
        assert_eq!(side.features, ["extra"]);
        assert_eq!(ws.package("low").unwrap().dependencies[0].kind, Kind::Dev);
        assert_eq!(ws.files["crates/low/src/lib.rs"], "//! Nothing.\n");
        assert!(ws.files.keys().all(|path| !path.starts_with("target/")));
        assert!(ws.root_entries.contains(&"target".to_owned()));
    }

    #[test]
    fn edges_that_are_optional_or_for_one_system_count() {
        let (_dir, ws) = planted("edges");
        let found: Vec<_> = tidy(&ws).iter().map(ToString::to_string).collect();
        for edge in [
            "crates/low/Cargo.toml:6: dev edge to `high` goes upward",
            "crates/high/Cargo.toml:6: normal edge to `side` goes sideways",
        ] {
            assert!(
                found.iter().any(|v| v.starts_with(edge)),
                "{edge}: {found:#?}"
            );
        }
    }

    #[test]
    fn crates_are_found_by_both_names() {
        let (_dir, mut ws) = planted("names");
        ws.packages[0].name = "aioli-high".to_owned();
        assert_eq!(ws.find("high").unwrap().name, "aioli-high");
        assert_eq!(ws.find("aioli-high").unwrap().name, "aioli-high");
        assert!(
            ws.find("nothing")
                .unwrap_err()
                .to_string()
                .contains("there are low, ")
        );
    }
}
