//! Names for files, made of URLs: harmless, and each one once.

use std::collections::HashMap;

use aioli::http::Url;

use crate::server::decode;

/// Bytes of a name, so that there is room below the 255 of most systems for what is put behind.
const LENGTH_MAX: usize = 200;
/// Bytes of what counts as a file's extension.
const EXTENSION_MAX: usize = 16;
/// The endings of the files beside a file that is not complete.
const PARTIAL: [&str; 2] = [".part", ".part.json"];

/// The names of the files of `urls`, which are all different.
///
/// URLs that would have the same name all get a name of their own, which depends on the URL and
/// not on the order, so that a second run finds the files of the first.
pub(super) fn names(urls: &[Url]) -> Vec<String> {
    let mut names: Vec<_> = urls.iter().map(name).collect();
    loop {
        let mut count = HashMap::<_, u32>::new();
        for name in &names {
            *count.entry(key(name)).or_default() += 1;
        }
        let mut is_unique = true;
        for (name, url) in names.iter_mut().zip(urls) {
            if count[&key(name)] > 1 {
                *name = with_mark(name, url);
                is_unique = false;
            }
        }
        if is_unique {
            return names;
        }
    }
}

/// What two names may not have in common: some file systems take `A` and `a` for the same.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// The last part of the URL's path, without what a file's name may not have on some system.
fn name(url: &Url) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    match last {
        "" => "index.html".to_owned(),
        last => harmless(&decode(last)),
    }
}

/// The text as a name that is harmless on every system.
pub(crate) fn harmless(text: &str) -> String {
    let harmless = |c: char| {
        let is_bad = c.is_control() || "/\\:*?\"<>|\u{fffd}".contains(c);
        if is_bad { '_' } else { c }
    };
    let name: String = text.chars().map(harmless).collect();
    // First of all: what is cut off may be what has kept the rest harmless.
    let name = shortened(name.trim(), LENGTH_MAX - 1);
    let mut name = name.trim_end_matches(['.', ' ']).to_owned();
    if name.is_empty() {
        name = "_".to_owned();
    }
    if name.starts_with(['.', '-']) {
        // Neither hidden nor, as an argument, an option.
        name.replace_range(..1, "_");
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    let lower = name.to_lowercase();
    if PARTIAL.iter().any(|ending| lower.ends_with(ending)) {
        name.push('_');
    }
    name
}

/// Names that mean a device on Windows, whatever their extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" => true,
        stem => {
            let number = stem
                .strip_prefix("COM")
                .or_else(|| stem.strip_prefix("LPT"));
            number.is_some_and(|n| n.len() == 1 && n.chars().all(|c| c.is_ascii_digit()))
        }
    }
}

/// The name with a mark of the URL before its extension.
fn with_mark(name: &str, url: &Url) -> String {
    let (stem, extension) = split(name);
    format!("{stem}-{:016x}{extension}", hash(url.as_str()))
}

/// The name in at most `max` bytes, with its extension.
fn shortened(name: &str, max: usize) -> String {
    let (stem, extension) = split(name);
    let room = max - extension.len();
    let end = stem.floor_char_boundary(room.min(stem.len()));
    format!("{}{extension}", &stem[..end])
}

/// The name before its extension, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= EXTENSION_MAX => name.split_at(dot),
        _ => (name, ""),
    }
}

/// Fowler, Noll and Vo's hash: the same in every run and on every system.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests;
