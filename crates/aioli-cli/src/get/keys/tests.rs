//! Keys in all the ways in which OpenSSL protects them; the passphrase is `pass:word`.

use super::{divide, plain};
use aioli::task::run;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// What may stand before a key in a file.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
/// Without protection.
const PLAIN: &str = include_str!("../../../tests/keys/plain.pem");
/// `openssl pkcs8 -topk8`: PBKDF2 and AES-256.
const AES: &str = include_str!("../../../tests/keys/protected.pem");
/// `-v2 des3`.
const DES: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAi/s073VY5nBQICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIJSMpDcddzgUEgZC1khOJ3MAb6Lii
yAgfS5NPH+7/94mO4UL5Z+qnPCcHiXO4uGrdZoQUyOEKZKN7WAfDYMnGWVoxlz47
0s0MjBEVtWSwSt7ff/3MnPk7yBZs1A8Z9yx03oPJQd3zkxkBl2CF/28Mx3qQpSgp
TL3yEdnhiCdDyby8JfD2x7lO0L3s53MAzMdRyP68fXMijbIVJqE=
-----END ENCRYPTED PRIVATE KEY-----
";
/// `-scrypt`.
const SCRYPT: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAiE0V1mq6Z6+wICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBDjk9fDcgoeZyRmMOrb6vjsBIGQWB2WGFD1g8UP
OS0w7REocYs9nMB84wuTMNmw/JrIIhuDCf+22HDr23shLi/ZfAjfI8CtDWy8RvB3
waA9EBIsRRGQ3reELZZWilBFvLTFjRyUnus2vl72VbxOC9+18JkPN+a1WfO4mPUi
sjWCCxQ2m5Tyk0k/0Y0jfKAQJQ5aOlVQ3MT5qkVE6G8GKFAwo/Rx
-----END ENCRYPTED PRIVATE KEY-----
";
/// `openssl pkey -traditional -aes128`.
const OLD: &str = "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,AB9E1D37DCB4FDCF4D2B2F2B0C81225C

SNFAcjmmHIloctM44VdE9RMf49irBtV2TLibcfhl2P7V/tmn3aRW5GgDJ9sb3295
OX7YHr4FgN3UkEx0THq/ZYIDYDsWAKXDkQR/gh/O0o8OEINf682BVcwTmzZ4uPio
AxTjWadzm+JDe8Hj4oWaBQzjRJ1ep71oSTGDQk+y5Ww=
-----END EC PRIVATE KEY-----
";
/// `-v1 PBE-SHA1-3DES`.
const V1: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQIRZvqHbupCdYCAggABIGQa2KzRvCjET4s8Yfs
k2Pnm8fEOPPLbGJKALZqoG61qnBpnO+aiKxjKFa1L2WuaVOYxbuYjER75zCgh3yi
2rnYIVpZgwf8x7Y7bCXJPYZG4gCRlMBYspAsJ912/xgS//aNIM8woOdvuEe3TqdQ
WDB9iU9yNrAy5BdtFmF5EsjUvgQI6xSnpTD4+RrRc/YCZNbt
-----END ENCRYPTED PRIVATE KEY-----
";

#[test]
fn files_and_passphrases() {
    for (text, file, passphrase) in [
        ("a.pem", "a.pem", None),
        ("a.pem:s:t", "a.pem", Some("s:t")),
        ("a.pem:", "a.pem", None),
        (r"a\:b\\c\d:s\t", r"a:b\c\d", Some(r"s\t")),
    ] {
        let expected = (file.into(), passphrase.map(str::to_owned));
        for has_drives in [false, true] {
            assert_eq!(divide(Path::new(text), has_drives), expected, "{text}");
        }
    }
}

#[test]
fn files_on_drives_and_passphrases() {
    for (text, file, passphrase) in [
        (r"C:\x.pem", r"C:\x.pem", None),
        (r"C:\\x.pem", r"C:\x.pem", None),
        (r"c:/x/y.pem:s:t", "c:/x/y.pem", Some("s:t")),
        (r"C:\a\:b:C:\s", r"C:\a:b", Some(r"C:\s")),
        (r"C\:\x.pem", r"C:\x.pem", None),
        // No drive, or not at the beginning.
        ("C:x.pem", "C", Some("x.pem")),
        (r"1:\x", "1", Some(r"\x")),
        (r"CD:\x", "CD", Some(r"\x")),
        (r"./C:\x", "./C", Some(r"\x")),
        ("C:", "C", None),
        ("", "", None),
    ] {
        let expected = (file.into(), passphrase.map(str::to_owned));
        assert_eq!(divide(Path::new(text), true), expected, "{text}");
    }
    // Where there are none, it is a letter.
    let expected = ("C".into(), Some(r"\x.pem".to_owned()));
    assert_eq!(divide(Path::new(r"C:\x.pem"), false), expected);
}

/// The key without protection, or what is wrong.
fn opened(key: impl AsRef<[u8]>, passphrase: &str) -> Result<Vec<u8>, String> {
    let passphrase = (!passphrase.is_empty()).then(|| passphrase.to_owned());
    let plain = plain(Path::new("k.pem"), key.as_ref().to_vec(), passphrase);
    run(plain).map_err(|failure| {
        assert_eq!(failure.code, 58);
        failure.text
    })
}

fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

#[test]
fn protected_keys_are_opened() {
    assert_eq!(opened(SCRYPT, "pass:word"), Ok(der(PLAIN)));
    for protected in [AES, DES] {
        let with_others = format!("{CERTIFICATE}{protected}");
        for key in [protected, &with_others] {
            assert_eq!(opened(key, "pass:word").as_deref(), Ok(&*der(PLAIN)));
        }
        assert_eq!(opened(der(protected), "pass:word"), Ok(der(PLAIN)));
        let error = opened(protected, "s3cret").unwrap_err();
        assert!(
            error.contains("k.pem: the passphrase does not fit"),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
        let error = opened(protected, "").unwrap_err();
        assert!(
            error.contains("--pass") && error.contains("openssl pkey"),
            "{error}"
        );
    }
}

#[test]
fn lines_of_any_length_are_read() {
    let (begin, rest) = AES.split_once('\n').unwrap();
    let (lines, end) = rest.split_at(rest.find("-----END").unwrap());
    let one = lines.replace('\n', "");
    for key in [
        AES.replace('\n', "\r\n"),
        AES.replace('\n', " \n"),
        format!("{begin}\n{one}\n{end}"),
        format!("{begin}\n{}\n{}\n{end}", &one[..76], &one[76..]),
    ] {
        assert_eq!(opened(&key, "pass:word"), Ok(der(PLAIN)), "{key}");
    }
    for damaged in [&AES[..200], &AES.replace('O', "!")] {
        let error = opened(damaged, "pass:word").unwrap_err();
        assert!(error.contains("is damaged"), "{error}");
    }
}

#[test]
fn what_is_not_protected_stays_as_it_is() {
    for key in [PLAIN.as_bytes(), &der(PLAIN), b"nonsense", b""] {
        assert_eq!(opened(key, "unneeded").as_deref(), Ok(key));
    }
}

#[test]
fn old_ways_are_told() {
    let error = opened(OLD, "pass:word").unwrap_err();
    assert!(
        error.contains("openssl pkey -in OLD -out NEW -aes256"),
        "{error}"
    );
    assert!(
        opened(V1, "pass:word")
            .unwrap_err()
            .contains("is not known")
    );
}
