//! What the files have to be: SHA-256, of the command line or of a list as `sha256sum` writes it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use aioli::prelude::*;
use sha2::{Digest as _, Sha256};

/// How much of a file is read at once.
const STEP: usize = 64 * 1024;

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hash([u8; 32]);

/// The hashes of a list, by the last part of the name.
pub(super) struct Checksums {
    path: PathBuf,
    hashes: HashMap<String, Hash>,
}

/// A file is another one than it has to be.
#[derive(Debug)]
pub(super) struct Mismatch {
    expected: Hash,
    found: Hash,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { expected, found } = self;
        write!(f, "its SHA-256 is {found}, and should be {expected}")
    }
}

impl Hash {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub(super) fn parse(text: &str) -> Result<Hash, &'static str> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err("not a SHA-256 of 64 hexadecimal digits");
        }
        let mut hash = [0; 32];
        for (i, byte) in hash.iter_mut().enumerate() {
            let digits = &text[2 * i..2 * i + 2];
            *byte = u8::from_str_radix(digits, 16).expect("they are hexadecimal");
        }
        Ok(Hash(hash))
    }

    /// Reads the file, and tells whether it is this one. It blocks.
    ///
    /// # Errors
    ///
    /// [`Mismatch`], or what the system says.
    pub(super) fn check(self, path: &Path) -> Result {
        let found = of_file(path).with_context(|| format!("cannot read {}", path.display()))?;
        let expected = self;
        ensure!(found == expected, Mismatch { expected, found });
        Ok(())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn of_file(path: &Path) -> io::Result<Hash> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut piece = vec![0; STEP];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Hash(hash.finalize().into())),
            n => hash.update(&piece[..n]),
        }
    }
}

impl Checksums {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// When it cannot be read, a line is none of a list, or a name has two hashes.
    pub(super) async fn read(path: &Path) -> Result<Checksums> {
        let text = fs::read_to_string(path).await?;
        let path = path.to_owned();
        let mut hashes = HashMap::new();
        for (i, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = || format!("{}:{}", path.display(), i + 1);
            let Some((hash, name)) = line_of_list(line) else {
                bail!("{}: not a SHA-256, two spaces and a name", place());
            };
            match hashes.entry(name) {
                Entry::Occupied(there) if *there.get() != hash => {
                    bail!("{}: another SHA-256 for {:?}", place(), there.key());
                }
                entry => drop(entry.or_insert(hash)),
            }
        }
        Ok(Checksums { path, hashes })
    }

    /// The hash of a file.
    ///
    /// # Errors
    ///
    /// When the list does not say.
    pub(super) fn of(&self, name: &str) -> Result<Hash> {
        match self.hashes.get(name) {
            Some(hash) => Ok(*hash),
            None => bail!("{} has no SHA-256 for {name:?}", self.path.display()),
        }
    }
}

/// Reads `HASH  NAME`, or `HASH *NAME`; a backslash before it says that there are some in the name.
fn line_of_list(line: &str) -> Option<(Hash, String)> {
    let (line, escaped) = match line.strip_prefix('\\') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (hash, name) = line.split_once(' ')?;
    let name = name.strip_prefix([' ', '*'])?;
    let name = name.rsplit('/').next()?;
    let name = match escaped {
        true => name.replace("\\\\", "\\"),
        false => name.to_owned(),
    };
    (!name.is_empty()).then_some((Hash::parse(hash).ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::{Hash, line_of_list};

    const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn lines_of_lists() {
        let name = |line: &str| line_of_list(line).map(|(_, name)| name);
        assert_eq!(name(&format!("{ZERO}  a b")), Some("a b".to_owned()));
        assert_eq!(name(&format!("{ZERO} *./x/a")), Some("a".to_owned()));
        assert_eq!(name(&format!("\\{ZERO}  a\\\\b")), Some("a\\b".to_owned()));
        for bad in [
            ZERO,
            &ZERO[1..],
            &format!("{ZERO}  "),
            &format!("{ZERO} a"),
            "x  a",
        ] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn hashes_are_read_and_written() {
        let text = ZERO.replacen("00", "fF", 1);
        let hash = Hash::parse(&text).unwrap();
        assert_eq!(hash.to_string(), text.to_lowercase());
        for bad in [
            "",
            &ZERO[1..],
            &ZERO.replacen('0', "g", 1),
            &ZERO.replacen("00", "ü", 1),
        ] {
            assert!(Hash::parse(bad).is_err(), "{bad}");
        }
    }
}
