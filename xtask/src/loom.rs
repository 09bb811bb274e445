//! `cargo xtask loom`: the models of atomics, in every order of their steps.

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Runs the models of the named crates, or of all that have some.
pub(crate) fn loom(ws: &Workspace, names: &[String]) -> Result<bool> {
    let mut chosen = Vec::new();
    for name in names {
        chosen.push(ws.find(name)?.name.clone());
    }
    if commands(ws, &chosen).is_empty() {
        return Err("no crate asked for has `tests/loom.rs`".into());
    }
    let mut steps = Steps::start();
    run(ws, &chosen, &mut steps);
    Ok(steps.finish())
}

/// Adds a step for each crate that has models: those `chosen`, or all.
pub(crate) fn run(ws: &Workspace, chosen: &[String], steps: &mut Steps) {
    let commands = commands(ws, chosen);
    if commands.is_empty() {
        steps.skip("loom", "no crate has `tests/loom.rs`");
    }
    for (name, cmd) in commands {
        steps.command(&format!("loom: {name}"), &cmd);
    }
}

/// Returns a command for each crate that has models: those `chosen`, or all.
fn commands(ws: &Workspace, chosen: &[String]) -> Vec<(String, Cmd)> {
    let packages = ws.packages_by_layer().into_iter();
    let wanted = packages.filter(|p| chosen.is_empty() || chosen.contains(&p.name));
    let modelled = wanted.filter(|p| ws.files.contains_key(&p.path("tests/loom.rs")));
    let command = |name: &String| {
        // The flag reaches every crate below, so the results lie apart and disturb no other.
        Cmd::cargo("test --release --test loom -p")
            .arg(name)
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", ws.target.join("loom").to_string_lossy())
    };
    modelled
        .map(|p| (p.name.clone(), command(&p.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::commands;
    use crate::tidy::fixture::{clean, file};

    #[test]
    fn crates_with_models_are_run_lowest_first() {
        let mut ws = clean();
        assert!(commands(&ws, &[]).is_empty());
        file(&mut ws, "crates/demo-high/tests/loom.rs", "//! Models.\n");
        file(&mut ws, "crates/demo-low/tests/loom.rs", "//! Models.\n");
        let names: Vec<_> = commands(&ws, &[])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["demo-low", "demo-high"]);
        let one = commands(&ws, &["demo-high".to_owned()]);
        assert_eq!(
            one[0].1.shell(),
            "RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=loom cargo test --release --test loom -p demo-high"
        );
        assert_eq!(one.len(), 1);
    }
}
