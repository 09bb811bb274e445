//! What holds of the conversation with a SOCKS proxy, whatever it says.

use super::{Credentials, Handshake, Target, socks4};

/// The longest thing to be read is a name and a port.
const MOST: usize = 255 + 2;
/// Method, login, head, length, rest.
const ROUNDS: usize = 5;

/// All that the proxy says, one byte behind the other.
pub(crate) fn replies(data: &[u8]) {
    if let Some(reply) = data.first_chunk() {
        let granted = reply.starts_with(&[0, 90]);
        assert_eq!(socks4::judge(*reply).is_ok(), granted);
    }
    let me = Credentials {
        user: "me".to_owned(),
        password: "secret".to_owned(),
    };
    for target in [
        Target::Address(([10, 1, 2, 3], 443).into()),
        Target::Address(([1_u16; 8], 443).into()),
        Target::Name("a.example", 80),
    ] {
        for credentials in [None, Some(&me)] {
            converse(credentials, target, data);
        }
    }
}

fn converse(credentials: Option<&Credentials>, target: Target<'_>, mut data: &[u8]) {
    let (mut handshake, first) = Handshake::start(credentials, target);
    let mut said = vec![first];
    let mut rounds = 0;
    while let Some(wanted) = handshake.wanted() {
        rounds += 1;
        assert!((1..=MOST).contains(&wanted) && rounds <= ROUNDS);
        let Some((bytes, rest)) = data.split_at_checked(wanted) else {
            return;
        };
        data = rest;
        let Ok(answer) = handshake.receive(bytes) else {
            return;
        };
        said.push(answer);
    }
    said.retain(|message| !message.is_empty());
    let request = said.pop().expect("something was said");
    assert!(
        request.starts_with(&[5, 1, 0]),
        "it is asked for a connection"
    );
    // The methods, and a login for who has one.
    assert!(matches!(said.len(), 1 | 2));
    assert!(said.len() == 1 || credentials.is_some());
}
