//! What holds of challenges and of the answers to them, whatever a server asks.

use http::{HeaderMap, HeaderValue};
use url::Url;

use super::{Asked, Digest, FieldNames, Refusal, challenge};
use crate::h1::fields::Fields;
use crate::limits::Limits;
use crate::origin::Origin;

const PASSWORD: &str = "Circle Of Life";

/// Lines of `www-authenticate`; the first one is what is said after the answer, too.
pub(crate) fn challenges(data: &[u8]) {
    let longest = Limits::default().challenge;
    let names = FieldNames::Origin;
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            assert!(challenge::parse(line, longest).len() <= 16);
            headers.append(names.challenge(), value);
        }
    }
    let url = Url::parse("https://a.example/dir?q").expect("a constant");
    let origin = Origin::of(&url).expect("a constant");
    let digest = Digest::new(names, "Mufasa", PASSWORD);
    let asked = Asked {
        of: &origin,
        method: "GET",
        target: "/dir?q",
        body: Some(b"body"),
    };
    let refusal = Refusal {
        headers: &headers,
        answered: false,
        hashable: true,
        longest,
    };
    if !digest.challenged(&origin, refusal) {
        assert_eq!(digest.answer(asked), None);
        return;
    }
    check_answers(&digest, asked, longest);
    let info = headers
        .get(names.challenge())
        .expect("there was a challenge");
    let info = HeaderMap::from_iter([(http::HeaderName::from_static(names.info()), info.clone())]);
    digest.accepted(&origin, &Fields::from(info), longest);
    check_answers(&digest, asked, longest);
    // Who is asked the same again has the wrong password, unless the server says that it is not.
    let again = Refusal {
        answered: true,
        ..refusal
    };
    let _ = digest.challenged(&origin, again);
    digest.refused();
    assert_eq!(digest.answer(asked), None);
}

/// Two answers can be read as what they should say, and differ in their count.
fn check_answers(digest: &Digest, asked: Asked<'_>, longest: usize) {
    let (nonce, realm, count) = {
        let current = digest.current.lock().expect("nothing panics");
        let (_, answering) = current.as_ref().expect("a challenge is answered");
        (
            answering.nonce.clone(),
            answering.realm.clone(),
            answering.count,
        )
    };
    assert!(nonce.len() <= longest && realm.len() <= longest);
    for n in 1..=2 {
        let answer = digest.answer(asked).expect("it can be answered");
        let text = answer.to_str().unwrap_or_default();
        assert!(!text.contains(PASSWORD) && answer.is_sensitive());
        let said = challenge::parse(answer.as_bytes(), usize::MAX);
        let [said] = &said[..] else {
            panic!("{answer:?} is not one answer: {said:?}")
        };
        assert_eq!(said.scheme, "digest");
        assert_eq!(said.param("nonce"), Some(&nonce[..]));
        assert_eq!(said.param("realm"), Some(&realm[..]));
        assert_eq!(said.param("uri"), Some(asked.target));
        let response = said.param("response").expect("it proves something");
        assert!(response.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(counted) = said.param("nc") {
            assert_eq!(counted, format!("{:08x}", count + n));
        }
    }
}
