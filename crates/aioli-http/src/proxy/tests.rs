//! What is a proxy, what is a credential, and what is shown of them.

use proptest::prelude::*;
use url::Url;

use super::*;

fn shown(proxy: &Proxy) -> String {
    let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
    match proxy.check() {
        Ok(()) => format!("{:?}", proxy.find(&origin).unwrap()),
        Err(_) => "malformed".to_owned(),
    }
}

#[test]
fn addresses_and_urls() {
    for (proxy, want) in [
        (Proxy::new("p"), "Http p:80"),
        (Proxy::new("p:3128"), "Http p:3128"),
        (Proxy::new("HTTP://P.Example./"), "Http p.example:80"),
        (Proxy::new("https://p"), "Https p:443"),
        (Proxy::new("https://p:80"), "Https p:80"),
        (Proxy::new("socks5://p"), "Socks5 p:1080"),
        (Proxy::new("socks5://p:80"), "Socks5 p:80"),
        (Proxy::new("socks5h://p:21"), "Socks5h p:21"),
        (Proxy::http("[::1]:8080"), "Http ::1:8080"),
        (Proxy::https("p:8443"), "Https p:8443"),
        (Proxy::socks5("127.0.0.1:9050"), "Socks5 127.0.0.1:9050"),
        (Proxy::socks5h("socks5h://p"), "Socks5h p:1080"),
        (Proxy::http("http://u:p@p"), "Http p:80 with credentials"),
        (Proxy::http("u:p@p:1"), "Http p:1 with credentials"),
        (
            Proxy::socks5("p").basic("u", ""),
            "Socks5 p:1080 with credentials",
        ),
        (Proxy::http("socks5://p"), "malformed"),
        (Proxy::new("socks4://p"), "Socks4 p:1080"),
        (Proxy::socks4("p:81"), "Socks4 p:81"),
        (Proxy::socks4a("me@p"), "Socks4a p:1080 with credentials"),
        (
            Proxy::http("p").digest("u", "p"),
            "Http p:80 with credentials",
        ),
        (Proxy::socks5("p").digest("u", "p"), "malformed"),
        (Proxy::new("socks://p"), "malformed"),
        (Proxy::new(""), "malformed"),
        (Proxy::new("http://"), "malformed"),
        (Proxy::new("http://p/path"), "malformed"),
        (Proxy::new("http://p/?q"), "malformed"),
        (Proxy::new("p:99999"), "malformed"),
        (Proxy::new("http://%FF:x@p"), "malformed"),
        (Proxy::new("p").header("a b", "c"), "malformed"),
    ] {
        assert_eq!(shown(&proxy), want, "{proxy:?}");
    }
}

#[test]
fn input_121_and_125_credentials_that_cannot_be_sent() {
    for (proxy, want) in [
        (Proxy::http("p").basic("a:b", "c"), "malformed"),
        (
            Proxy::http("p").basic("a", "b:c"),
            "Http p:80 with credentials",
        ),
        (Proxy::http("p").basic("a", "b\nc"), "malformed"),
        (Proxy::new("http://a%3Ab:c@p"), "malformed"),
        (
            Proxy::socks5("p").basic("a:b", "c"),
            "Socks5 p:1080 with credentials",
        ),
        (
            Proxy::socks5("p").basic("a".repeat(255), "c"),
            "Socks5 p:1080 with credentials",
        ),
        (Proxy::socks5("p").basic("a".repeat(256), "c"), "malformed"),
        (Proxy::socks5("p").basic("a", "c".repeat(256)), "malformed"),
        (Proxy::socks5("p").basic("", "c"), "malformed"),
        (
            Proxy::new("socks5://u:@p"),
            "Socks5 p:1080 with credentials",
        ),
        (Proxy::new("socks5://u@p"), "Socks5 p:1080 with credentials"),
        (Proxy::socks4("p").basic("a", "secret"), "malformed"),
        (Proxy::socks4("p").basic("a\0", ""), "malformed"),
        (Proxy::socks4("p").basic("a".repeat(256), ""), "malformed"),
        (Proxy::http("p").digest("a:b", "c"), "malformed"),
        (Proxy::http("p").header("host", "c"), "malformed"),
        (Proxy::http("p").header("Content-Length", "5"), "malformed"),
        (
            Proxy::http("p").header("transfer-encoding", "x"),
            "malformed",
        ),
    ] {
        assert_eq!(shown(&proxy), want, "{proxy:?}");
    }
}

#[test]
fn the_scheme_of_the_url_decides_if_only_one_is_meant() {
    let plain = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
    let secure = Origin::of(&Url::parse("https://a.example/").unwrap()).unwrap();
    let both = Proxy::http("p");
    assert!(both.find(&plain).is_some() && both.find(&secure).is_some());
    let only = both.clone().only_http();
    assert!(only.find(&plain).is_some() && only.find(&secure).is_none());
    let only = both.only_https();
    assert!(only.find(&plain).is_none() && only.find(&secure).is_some());
}

#[test]
fn input_136_another_user_is_another_proxy() {
    let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
    let server = |proxy: Proxy| proxy.find(&origin).unwrap().clone();
    let me = server(Proxy::http("p").basic("me", "x"));
    assert_eq!(me, server(Proxy::http("http://me:x@p")));
    for other in [
        Proxy::http("p"),
        Proxy::http("p").basic("me", "y"),
        Proxy::http("p").basic("you", "x"),
        Proxy::https("p:80").basic("me", "x"),
        Proxy::http("p:81").basic("me", "x"),
        Proxy::http("p").basic("me", "x").header("x-tag", "1"),
        Proxy::http("p").digest("me", "x"),
    ] {
        assert_ne!(me, server(other));
    }
}

#[test]
fn one_of_all_ways_to_say_who_we_are_wins() {
    let sent = |proxy: &Proxy| {
        let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
        let server = proxy.find(&origin).unwrap();
        assert!(server.logs_in());
        let own = server.own_headers();
        let own = own.filter(|(name, _)| *name == header::PROXY_AUTHORIZATION);
        let own = own.map(|(_, value)| {
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        });
        (own.collect::<Vec<_>>(), server.proof().is_some())
    };
    let basic = "Basic bWU6eA==".to_owned();
    let proxy = || Proxy::http("http://other:y@p");
    let by_hand = |proxy: Proxy| proxy.header("proxy-authorization", "Bearer t");
    for (proxy, want) in [
        (proxy().basic("me", "x"), (vec![basic.clone()], false)),
        (proxy().digest("me", "x"), (vec![], true)),
        (
            proxy().digest("me", "x").basic("me", "x"),
            (vec![basic], false),
        ),
        (
            by_hand(proxy()).basic("me", "x"),
            (vec!["Bearer t".to_owned()], false),
        ),
        (
            by_hand(proxy().basic("me", "x")),
            (vec!["Bearer t".to_owned()], false),
        ),
        (
            by_hand(proxy()).digest("me", "x"),
            (vec!["Bearer t".to_owned()], false),
        ),
        (
            by_hand(proxy().header("proxy-authorization", "Bearer before")),
            (vec!["Bearer t".to_owned()], false),
        ),
    ] {
        assert_eq!(sent(&proxy), want, "{proxy:?}");
    }
}

#[test]
fn input_164_nothing_secret_is_shown() {
    let proxy = Proxy::http("http://sesame:hunter2@p").header("x-key", "hunter2");
    let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
    let server = proxy.find(&origin).unwrap();
    for shown in [
        format!("{proxy:?} {proxy:#?}"),
        format!(
            "{server:?} {:?} {:?}",
            server.credentials, server.authorization
        ),
    ] {
        assert!(
            !shown.contains("hunter2") && !shown.contains("sesame"),
            "{shown}"
        );
        assert!(!shown.contains("c2VzYW1l"), "{shown}");
    }
}

proptest! {
    /// What is taken for a proxy can be asked for, and credentials come through as they are.
    #[test]
    fn any_text_is_a_proxy_or_is_none(text in "\\PC{0,40}", no_proxy in "\\PC{0,40}") {
        let proxy = Proxy::new(&text).no_proxy(&no_proxy);
        let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
        let found = proxy.find(&origin);
        prop_assert!(found.is_none() || proxy.check().is_ok());
        if let Some(server) = found {
            prop_assert!(!server.host.is_empty());
        }
    }

    #[test]
    fn credentials_in_a_url_are_those_that_were_escaped(
        user in "[^\\x00-\\x1f\\x7f-\\u{9f}:]{1,20}", password in "[^\\x00-\\x1f\\x7f-\\u{9f}]{0,20}",
    ) {
        let mut url = Url::parse("http://p/").unwrap();
        url.set_username(&user).unwrap();
        url.set_password(Some(&password)).unwrap();
        let in_url = Proxy::new(url.as_str());
        // A percent sign is not escaped by the setter, so it is by hand.
        prop_assume!(!user.contains('%') && !password.contains('%'));
        let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
        let given = Proxy::http("p").basic(&user, &password);
        prop_assert_eq!(in_url.find(&origin), given.find(&origin));
    }
}
