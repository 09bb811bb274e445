//! The conversation with proxies that say one thing or another.

use proptest::prelude::*;

use super::*;

/// Gives the handshake `replies` one by one; everything it sent, or why it stopped.
fn converse(
    credentials: Option<(&str, &str)>,
    target: Target<'_>,
    replies: &[u8],
) -> Result<Vec<Vec<u8>>, ProxyErrorKind> {
    let credentials = credentials.map(|(user, password)| Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    });
    let (mut handshake, first) = Handshake::start(credentials.as_ref(), target);
    let mut sent = vec![first];
    let mut rest = replies;
    while let Some(wanted) = handshake.wanted() {
        let (bytes, behind) = rest.split_at_checked(wanted).expect("enough replies");
        rest = behind;
        sent.push(handshake.receive(bytes)?);
    }
    assert!(rest.is_empty(), "all was read, and no more");
    sent.retain(|message| !message.is_empty());
    Ok(sent)
}

fn v4() -> Target<'static> {
    Target::Address("10.1.2.3:443".parse().unwrap())
}

#[test]
fn an_empty_password_is_sent_as_what_it_is() {
    let fine = b"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0";
    let sent = converse(Some(("me", "")), v4(), fine).unwrap();
    assert_eq!(sent[1], b"\x01\x02me\x00");
}

#[test]
fn without_a_login() {
    let fine = b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0";
    assert_eq!(
        converse(None, v4(), fine).unwrap(),
        [
            &b"\x05\x01\x00"[..],
            b"\x05\x01\x00\x01\x0a\x01\x02\x03\x01\xbb"
        ]
    );
    let target = Target::Name("a.example", 80);
    let by_name = b"\x05\x00\x05\x00\x00\x03\x01x\0\0";
    assert_eq!(
        converse(Some(("u", "p")), target, by_name).unwrap(),
        [
            &b"\x05\x02\x00\x02"[..],
            b"\x05\x01\x00\x03\x09a.example\x00\x50"
        ]
    );
    let target = Target::Address("[::1]:80".parse().unwrap());
    let by_v6 = b"\x05\x00\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let sent = converse(None, target, by_v6).unwrap();
    assert_eq!(
        sent[1],
        b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50"
    );
}

#[test]
fn with_a_login() {
    let fine = b"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0";
    let long = "x".repeat(255);
    let sent = converse(Some(("me", &long)), v4(), fine).unwrap();
    assert_eq!(sent[1], [&b"\x01\x02me\xff"[..], long.as_bytes()].concat());
    assert_eq!(sent.len(), 3);
}

#[test]
fn refusals() {
    use ProxyErrorKind::{Authentication, Malformed, Socks};
    let login = Some(("me", "secret"));
    for (credentials, replies, want) in [
        (None, &b"\x05\xff"[..], Authentication),
        (login, b"\x05\xff", Authentication),
        (login, b"\x05\x02\x01\x01", Authentication),
        (login, b"\x05\x02\x01\xff", Authentication),
        // A login that was not offered, another version, and something else altogether.
        (None, b"\x05\x02", Malformed),
        (None, b"\x05\x01", Malformed),
        (None, b"\x04\x00", Malformed),
        (None, b"HT", Malformed),
        (login, b"\x05\x02\x05\x00", Malformed),
        (None, b"\x05\x00\x04\x00\x00\x01", Malformed),
        (None, b"\x05\x00\x05\x00\x00\x02", Malformed),
        (
            None,
            b"\x05\x00\x05\x01\x00\x01",
            Socks(SocksReply::GeneralFailure),
        ),
        (
            None,
            b"\x05\x00\x05\x02\x00\x01",
            Socks(SocksReply::NotAllowed),
        ),
        (
            None,
            b"\x05\x00\x05\x05\x00\x01",
            Socks(SocksReply::ConnectionRefused),
        ),
        (
            None,
            b"\x05\x00\x05\x5b\x00\x01",
            Socks(SocksReply::Other(0x5b)),
        ),
    ] {
        assert_eq!(
            converse(credentials, v4(), replies),
            Err(want),
            "{replies:?}"
        );
    }
}

proptest! {
    /// Whatever a proxy says, the conversation ends within what a reply can have.
    #[test]
    fn no_reply_makes_it_panic_or_read_on(replies in prop::collection::vec(any::<u8>(), 2000)) {
        let credentials = Credentials { user: "u".to_owned(), password: "p".to_owned() };
        let (mut handshake, _) = Handshake::start(Some(&credentials), v4());
        let mut at = 0;
        while let Some(wanted) = handshake.wanted() {
            prop_assert!(wanted <= 257 && at + wanted <= 2 + 2 + 4 + 1 + 257);
            if handshake.receive(&replies[at..at + wanted]).is_err() {
                break;
            }
            at += wanted;
        }
    }
}
