//! The root certificates of a folder, as OpenSSL finds them there.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use aioli::http::Session;
use aioli::prelude::to_thread;

/// The digits of the hash of a subject in a file's name.
const HASH_DIGITS: usize = 8;

/// The usable certificates of the files that are named `HASH.NUMBER`; of a folder that cannot be
/// read there are none.
pub(super) async fn of_folder(path: &Path) -> Vec<Vec<u8>> {
    let path = path.to_owned();
    to_thread(move || {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let named = entries.filter(|entry| is_name(&entry.file_name()));
        let read = named.filter_map(|entry| fs::read(entry.path()).ok());
        read.filter(|bytes| is_usable(bytes)).collect()
    })
    .await
}

/// Whether it is a name that `openssl rehash` gives to certificates; those of revocation lists
/// have an `r` before the number.
fn is_name(name: &OsStr) -> bool {
    let parts = name.to_str().and_then(|name| name.split_once('.'));
    parts.is_some_and(|(hash, number)| {
        hash.len() == HASH_DIGITS
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// As with the system's roots, one that is of no use does not keep the others from being used.
fn is_usable(bytes: &[u8]) -> bool {
    let alone = Session::builder().add_root_certificate(bytes);
    alone.build().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_of_certificates() {
        assert!(is_name("56c899cd.0".as_ref()) && is_name("56c899cd.12".as_ref()));
        for other in [
            "ca.pem",
            "56c899cd",
            "56c899cd.",
            "56c899cd.r0",
            "6c899cd.0",
        ] {
            assert!(!is_name(other.as_ref()), "{other}");
        }
    }
}
