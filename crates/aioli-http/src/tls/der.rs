//! The little of DER that is needed to see who has issued a certificate, and for which key.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// The version of a certificate, which is not always there.
const VERSION: u8 = 0xa0;

/// Parts of a certificate as they are encoded (RFC 5280, section 4.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The whole `SubjectPublicKeyInfo`.
    pub(super) key: &'a [u8],
}

/// Reads a certificate of any version as far as its key.
pub(super) fn parts(certificate: &[u8]) -> Option<Parts<'_>> {
    let (outer, _) = element(SEQUENCE, certificate)?;
    let (mut rest, _) = element(SEQUENCE, outer)?;
    if let Some((_, behind)) = element(VERSION, rest) {
        rest = behind;
    }
    let (_serial, rest) = element(INTEGER, rest)?;
    let (_algorithm, rest) = element(SEQUENCE, rest)?;
    let (issuer, rest) = element(SEQUENCE, rest)?;
    let (_validity, rest) = element(SEQUENCE, rest)?;
    let (subject, rest) = element(SEQUENCE, rest)?;
    let (_, behind) = element(SEQUENCE, rest)?;
    let key = &rest[..rest.len() - behind.len()];
    Some(Parts {
        issuer,
        subject,
        key,
    })
}

/// The content of the first element, which has this tag, and what is behind it.
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = input else {
        return None;
    };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // So many bytes of length follow; no certificate needs more than three.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    (*first == tag)
        .then(|| rest.split_at_checked(length))
        .flatten()
}

#[cfg(test)]
mod tests {
    use rcgen::PublicKeyData as _;

    use super::*;

    #[test]
    fn names_are_found_and_nonsense_is_not() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der();
        let found = parts(der).unwrap();
        assert_eq!(found.issuer, found.subject);
        assert!(!found.issuer.is_empty());
        assert_eq!(found.key, key.subject_public_key_info());
        for end in 0..der.len().min(200) {
            let cut = &der[..end];
            assert_eq!(parts(cut), None, "{end}");
        }
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x84\0\0\0\x01",
            b"\x30\x80",
            b"\x31\x00",
        ] {
            assert_eq!(parts(bad), None, "{bad:?}");
        }
    }
}
