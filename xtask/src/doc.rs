//! `cargo xtask doc`: the documentation of all libraries, and a landing page by layer.

use std::fmt::Write;
use std::fs;

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
use crate::workspace::Workspace;

const STYLE: &str = "\
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
h2 { font-size: 1rem; margin: 1.5rem 0 .25rem; opacity: .7; font-weight: normal }
dl { margin: 0 } dt { font: 1rem monospace; font-weight: bold; margin-top: .5rem }
dd { margin: 0 0 0 1.5rem }";

/// Builds the documentation and the landing page.
pub(crate) fn doc(ws: &Workspace) -> Result<bool> {
    let mut steps = Steps::start();
    steps.command("docs", &command(ws));
    let index = ws.target.join("doc").join("index.html");
    steps.check("landing page", "cargo xtask doc", || {
        fs::create_dir_all(ws.target.join("doc"))?;
        Ok(fs::write(&index, landing_page(ws))?)
    });
    let well = steps.finish();
    if well {
        println!("{}", index.display());
    }
    Ok(well)
}

/// Returns the command that documents all libraries and takes warnings for errors.
pub(crate) fn command(ws: &Workspace) -> Cmd {
    // The program and the facade have one name, and one of them would overwrite the other.
    let programs = ws.packages.iter().filter(|p| !p.has_lib);
    let excluded = programs.flat_map(|p| ["--exclude".to_owned(), p.name.clone()]);
    Cmd::cargo("doc --workspace --no-deps")
        .args(excluded)
        .env("RUSTDOCFLAGS", "-D warnings")
}

fn landing_page(ws: &Workspace) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>aioli</title>\n<style>\n{STYLE}\n</style>\n\
         <h1>aioli</h1>\n<p>Each crate stands on those of the rows below it, and on no other.</p>\n"
    );
    for (row, layer) in ws.layers().iter().enumerate().rev() {
        let packages = layer.crates.iter().filter_map(|name| ws.package(name));
        let packages: Vec<_> = packages.filter(|p| p.published).collect();
        if packages.is_empty() {
            continue;
        }
        let _ = write!(page, "<h2>{row} · {}</h2>\n<dl>\n", escaped(&layer.name));
        for package in packages {
            let name = escaped(&package.name);
            let title = match package.has_lib {
                true => format!(
                    "<a href=\"{}/index.html\">{name}</a>",
                    package.name.replace('-', "_")
                ),
                false => name,
            };
            let _ = writeln!(
                page,
                "<dt>{title}</dt><dd>{}</dd>",
                escaped(&package.description)
            );
        }
        page.push_str("</dl>\n");
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{command, landing_page};
    use crate::tidy::fixture::{clean, package};

    #[test]
    fn landing_page_shows_the_layers_highest_first() {
        let mut ws = clean();
        package(&mut ws, "demo-side").has_lib = false;
        package(&mut ws, "demo-low").description = "Less < more".to_owned();
        let page = landing_page(&ws);
        let places = [
            "<h2>1 · high</h2>",
            "<dt><a href=\"demo_high/index.html\">demo-high</a></dt><dd>A thing</dd>",
            "<dt>demo-side</dt>",
            "<h2>0 · low</h2>",
            "<dd>Less &lt; more</dd>",
        ];
        let found: Vec<_> = places.iter().map(|p| page.find(p).expect(p)).collect();
        assert!(found.is_sorted());
        let cmd = command(&ws).shell();
        assert_eq!(
            cmd,
            "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --exclude demo-side"
        );
    }
}
