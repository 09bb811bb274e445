//! The little of DER that is needed to see who has issued a certificate.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// The version of a certificate, which is not always there.
const VERSION: u8 = 0xa0;

/// The names of a certificate's issuer and of its subject, as they are encoded (RFC 5280,
/// section 4.1).
pub(super) fn issuer_and_subject(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, _) = element(SEQUENCE, certificate)?;
    let (mut rest, _) = element(SEQUENCE, outer)?;
    if let Some((_, behind)) = element(VERSION, rest) {
        rest = behind;
    }
    let (_serial, rest) = element(INTEGER, rest)?;
    let (_algorithm, rest) = element(SEQUENCE, rest)?;
    let (issuer, rest) = element(SEQUENCE, rest)?;
    let (_validity, rest) = element(SEQUENCE, rest)?;
    let (subject, _) = element(SEQUENCE, rest)?;
    Some((issuer, subject))
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
    use super::*;

    #[test]
    fn names_are_found_and_nonsense_is_not() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der();
        let (issuer, subject) = issuer_and_subject(der).unwrap();
        assert_eq!(issuer, subject);
        assert!(!issuer.is_empty());
        for end in 0..der.len().min(200) {
            let cut = &der[..end];
            assert_eq!(issuer_and_subject(cut), None, "{end}");
        }
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x84\0\0\0\x01",
            b"\x30\x80",
            b"\x31\x00",
        ] {
            assert_eq!(issuer_and_subject(bad), None, "{bad:?}");
        }
    }
}
