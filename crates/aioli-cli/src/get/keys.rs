//! Keys that a passphrase protects.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use aioli::prelude::to_thread;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;

use super::failure::{Code, Failure};

const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// What OpenSSL once wrote within the PEM of an unprotected key.
const OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// The file that `--cert` names, and the passphrase behind it: a colon divides them, unless a
/// backslash is before it, or it is that of a drive.
pub(super) fn file_and_passphrase(text: &Path) -> (PathBuf, Option<String>) {
    divide(text, MAIN_SEPARATOR == '\\')
}

/// The same, where there are drives or where there are none.
fn divide(text: &Path, has_drives: bool) -> (PathBuf, Option<String>) {
    let Some(text) = text.to_str() else {
        return (text.to_owned(), None);
    };
    let drive = if has_drives { drive(text) } else { "" };
    let (mut file, mut rest) = (drive.to_owned(), text[drive.len()..].chars());
    while let Some(c) = rest.next() {
        match c {
            ':' => {
                let passphrase = rest.as_str().to_owned();
                return (
                    file.into(),
                    Some(passphrase).filter(|text| !text.is_empty()),
                );
            }
            '\\' if rest.as_str().starts_with([':', '\\']) => file.extend(rest.next()),
            c => file.push(c),
        }
    }
    (file.into(), None)
}

/// A drive at the beginning of a whole path, as `C:`, or nothing. As in curl, one without a slash
/// behind it is a file of one letter, and its passphrase.
fn drive(path: &str) -> &str {
    match path.as_bytes() {
        [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => &path[..2],
        _ => "",
    }
}

/// The key of a file, without protection; what is not protected is as it was.
///
/// # Errors
///
/// When there is no passphrase, or not this one, or the protection is an old one.
pub(super) async fn plain(
    path: &Path,
    key: Vec<u8>,
    passphrase: Option<String>,
) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &str| {
        let text = format!("{}: {why}", path.display());
        Failure::new(Code::LocalCertificate, text)
    };
    let text = String::from_utf8_lossy(&key);
    if text.contains(OLD) {
        return Err(wrong(
            "protected in a way that is not supported; `openssl pkey -in OLD -out NEW -aes256` \
             writes the key anew",
        ));
    }
    let Some(protected) = protected(&text, &key) else {
        return Ok(key);
    };
    let Some(passphrase) = passphrase else {
        return Err(wrong(
            "the key is protected; --pass takes its passphrase, and `openssl pkey -in OLD -out \
             NEW` writes it without",
        ));
    };
    // It takes long on purpose.
    let decrypt = move || {
        let protected = EncryptedPrivateKeyInfoRef::try_from(&protected[..]).ok()?;
        protected.decrypt(passphrase).ok()
    };
    let plain = to_thread(decrypt).await;
    let plain = plain.ok_or_else(|| {
        wrong("the passphrase does not fit, the protection is not known, or the key is damaged")
    })?;
    Ok(plain.as_bytes().to_vec())
}

/// The first protected key (RFC 5958, section 3), if there is one.
fn protected(text: &str, key: &[u8]) -> Option<Vec<u8>> {
    let Some((_, rest)) = text.split_once(BEGIN) else {
        let is_one = EncryptedPrivateKeyInfoRef::try_from(key).is_ok();
        return is_one.then(|| key.to_vec());
    };
    let lines = rest.split(END).next()?;
    // As OpenSSL has it, they may be of any length.
    let digits: String = lines.split_ascii_whitespace().collect();
    // What is no base64 is no key either.
    Some(STANDARD.decode(digits).unwrap_or_default())
}

#[cfg(test)]
mod tests;
