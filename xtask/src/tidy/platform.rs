//! Questions about the platform are asked in few places only.

use super::{Module, line_where};
use crate::report::Report;
use crate::source::words;
use crate::workspace::Workspace;

/// Words of a `cfg` that ask which system it is.
const PLATFORM: [&str; 5] = [
    "target_os",
    "target_family",
    "target_env",
    "unix",
    "windows",
];

/// Checks that a `cfg` for a platform stands in `os/`, in `os.rs`, in a test, or in a place
/// that the manifest lists.
pub(super) fn check(ws: &Workspace, modules: &[Module<'_>], out: &mut Report) {
    let listed = &ws.tidy().platform_files;
    let mut used = Vec::new();
    for module in modules {
        let place = listed.keys().find(|place| covers(place, module.path));
        for at in questions(module) {
            let line = module.source.line_at(at);
            used.extend(place);
            let os = module.path.contains("/os/") || module.path.ends_with("/os.rs");
            if place.is_none() && !os && !module.tests_at(line) {
                let message = "asks which platform it is; do that in `os.rs` or under `os/`, or list \
                               the place with a reason in `[workspace.metadata.tidy.platform-files]`";
                out.add(module.path, line + 1, message);
            }
        }
    }
    for place in listed.keys().filter(|place| !used.contains(place)) {
        let text = ws.files.get("Cargo.toml").map_or("", String::as_str);
        let quoted = format!("\"{place}\"");
        let line = line_where(text, |line| line.starts_with(&quoted));
        out.add(
            "Cargo.toml",
            line,
            format!("`{place}` is listed for platforms and asks for none; remove it"),
        );
    }
}

fn covers(place: &str, path: &str) -> bool {
    if place.ends_with('/') {
        path.starts_with(place)
    } else {
        path == place
    }
}

/// Returns the offsets of `cfg`s that ask for a platform.
fn questions(module: &Module<'_>) -> Vec<usize> {
    let code = &module.source.code;
    let starts = ["cfg", "cfg_attr"]
        .into_iter()
        .flat_map(|word| module.source.words(word));
    let asks = |at: &usize| {
        let rest = &code[*at..];
        let Some(open) = rest.find('(') else {
            return false;
        };
        let gap = rest[..open]
            .trim_start_matches("cfg_attr")
            .trim_start_matches("cfg");
        let arguments = &rest[open..open + parenthesized(&rest[open..])];
        gap.chars().all(|c| c == '!' || c.is_whitespace())
            && PLATFORM
                .iter()
                .any(|word| words(arguments, word).next().is_some())
    };
    let mut found: Vec<_> = starts.filter(asks).collect();
    found.sort_unstable();
    found
}

/// Returns the length of the parenthesis that `text` begins with.
fn parenthesized(text: &str) -> usize {
    let mut depth = 0_i32;
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{append, clean, file, finds, passes};

    const LIB: &str = "crates/demo-low/src/lib.rs";

    #[test]
    fn platform_asked_for_outside_the_listed_places() {
        for text in [
            "#[cfg(unix)]\nfn f() {}\n",
            "#[cfg(all(test, target_os = \"linux\"))]\nconst X: u8 = 0;\n",
            "#[cfg_attr(windows, inline)]\nfn f() {}\n",
            "const X: bool = cfg!(not(target_family = \"unix\"));\n",
        ] {
            let mut ws = clean();
            let path = "crates/demo-high/src/lib.rs";
            append(&mut ws, path, text);
            if text.contains("test,") {
                passes(&ws);
            } else {
                finds(&ws, &format!("{path}:25"), "asks which platform it is");
            }
        }
    }

    #[test]
    fn platform_may_be_asked_for_in_os_and_in_tests() {
        let mut ws = clean();
        let text = "//! One system.\n#[cfg(windows)]\nfn f() {}\n";
        for path in [
            "src/os.rs",
            "src/os/linux.rs",
            "tests/it/main.rs",
            "src/raw/tests.rs",
        ] {
            file(&mut ws, &format!("crates/demo-low/{path}"), text);
        }
        append(
            &mut ws,
            LIB,
            "#[cfg(test)]\nmod tests {\n    #[cfg(unix)]\n    fn f() {}\n}\n",
        );
        append(&mut ws, LIB, "#[cfg(feature = \"unix\")]\nfn unix() {}\n");
        passes(&ws);
    }

    #[test]
    fn listed_place_that_asks_for_nothing() {
        let mut ws = clean();
        ws.files.remove("crates/demo-low/src/sys/call.rs");
        finds(&ws, "Cargo.toml:31", "asks for none");
    }
}
