//! Keys that a passphrase protects.

use std::path::{Path, PathBuf};

use aioli::prelude::to_thread;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};

use super::failure::{Code, Failure};

const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// What OpenSSL once wrote within the PEM of an unprotected key.
const OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// The file that `--cert` names, and the passphrase behind it: a colon divides them, unless a
/// backslash is before it.
pub(super) fn file_and_passphrase(text: &Path) -> (PathBuf, Option<String>) {
    let Some(text) = text.to_str() else {
        return (text.to_owned(), None);
    };
    let (mut file, mut rest) = (String::new(), text.chars());
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
        let protected = EncryptedPrivateKeyInfoRef::try_from(protected.as_bytes()).ok()?;
        protected.decrypt(passphrase).ok()
    };
    let plain = to_thread(decrypt).await;
    let plain = plain
        .ok_or_else(|| wrong("the passphrase does not fit, or the protection is not known"))?;
    Ok(plain.as_bytes().to_vec())
}

/// The first protected key, if there is one (RFC 5958, section 3).
fn protected(text: &str, key: &[u8]) -> Option<SecretDocument> {
    if let Some(begin) = text.find(BEGIN) {
        let end = text[begin..].find(END)? + END.len();
        let (_, document) = SecretDocument::from_pem(&text[begin..][..end]).ok()?;
        return Some(document);
    }
    EncryptedPrivateKeyInfoRef::try_from(key).ok()?;
    SecretDocument::try_from(key).ok()
}

#[cfg(test)]
mod tests;
