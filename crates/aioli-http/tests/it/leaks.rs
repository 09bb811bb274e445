//! Which secrets go where, along every kind of redirect, by what the servers received.

use aioli_http::{Auth, CookieJar, HeaderValue, Redirect, RequestBuilder, SessionBuilder, Url};

use crate::network::Network;
use crate::server::run;

const SECRET: &str = "s3cret";

/// A kind of secret: how a session and a request get it.
struct Kind {
    name: &'static str,
    session: OfSession,
    request: OfRequest,
}

type OfSession = Box<dyn Fn(SessionBuilder, &str) -> SessionBuilder>;
type OfRequest = Box<dyn Fn(RequestBuilder) -> RequestBuilder>;

fn of_request(
    name: &'static str,
    request: impl Fn(RequestBuilder) -> RequestBuilder + 'static,
) -> Kind {
    Kind {
        name,
        session: Box::new(|builder, _| builder),
        request: Box::new(request),
    }
}

fn of_session(
    name: &'static str,
    session: impl Fn(SessionBuilder, &str) -> SessionBuilder + 'static,
) -> Kind {
    Kind {
        name,
        session: Box::new(session),
        request: Box::new(|request| request),
    }
}

fn marked() -> HeaderValue {
    let mut value = HeaderValue::from_static(SECRET);
    value.set_sensitive(true);
    value
}

/// The secrets that a request brings.
fn own() -> Vec<Kind> {
    let header = |name: &'static str| of_request(name, move |r| r.header(name, SECRET));
    let mut kinds: Vec<Kind> = [
        "authorization",
        "cookie",
        "www-authenticate",
        "x-api-key",
        "x-auth-token",
    ]
    .map(header)
    .into();
    kinds.extend([
        of_request("authorization twice", |r| {
            let r = r.header("authorization", "first");
            r.header("authorization", SECRET)
        }),
        of_request("marked", |r| r.header("x-anything", marked())),
        of_request("basic", |r| r.basic("me", SECRET)),
        of_request("bearer", |r| r.bearer(SECRET)),
        of_request("cookie()", |r| r.cookie("a", SECRET)),
    ]);
    kinds
}

/// The secrets of a session.
fn defaults() -> Vec<Kind> {
    vec![
        of_session("default authorization", |b, _| {
            b.header("authorization", SECRET)
        }),
        of_session("default cookie", |b, _| b.header("cookie", SECRET)),
        of_session("default marked", |b, _| b.header("x-anything", marked())),
        of_session("session basic", |b, _| b.basic("me", SECRET)),
        of_session("session bearer", |b, _| b.bearer(SECRET)),
        of_session("base and bearer", |b, home| b.base_url(home).bearer(SECRET)),
        of_session("base and header", |b, home| {
            b.base_url(home).header("x-api-key", SECRET)
        }),
    ]
}

/// Those bound to an origin or a host by name.
fn bound() -> Vec<Kind> {
    vec![
        of_session("auth_for", |b, home| {
            b.auth_for(home, Auth::bearer(SECRET).unwrap())
        }),
        of_session("netrc", |b, _| {
            let netrc = format!("machine a.example login me password {SECRET}");
            b.netrc(netrc.parse().unwrap())
        }),
    ]
}

/// Chains of origins, and how many of the first hops have not left home.
const CHAINS: [(&[&str], usize); 10] = [
    (&["home"], 1),
    (&["home", "home"], 2),
    (&["home", "other"], 1),
    (&["home", "below"], 1),
    (&["home", "port"], 1),
    (&["home", "plain"], 1),
    (&["plain", "home"], 1),
    (&["home", "other", "other"], 1),
    (&["home", "other", "home"], 1),
    (&["home", "home", "plain", "home", "home"], 2),
];

/// Which hops of `chain` received the secret.
async fn received(network: &Network, kind: &Kind, policy: &Redirect, chain: &[&str]) -> Vec<bool> {
    let home = network.url(chain[0], "/");
    let builder = network.session().redirect(policy.clone());
    let session = (kind.session)(builder, &home).build().unwrap();
    let request = session.get(network.chain("go", chain));
    let response = (kind.request)(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = network.take();
    assert_eq!(seen.len(), chain.len());
    seen.iter().map(|seen| seen.has(SECRET)).collect()
}

#[test]
fn input_091_to_095_secrets_stay_at_home() {
    let network = Network::new();
    let policy = Redirect::default().sensitive("x-tenant");
    let by_policy = of_request("x-tenant", |r| r.header("x-tenant", SECRET));
    run(async {
        let kinds = own()
            .into_iter()
            .chain(defaults())
            .chain(bound())
            .chain([by_policy]);
        for kind in kinds {
            for (chain, home) in CHAINS {
                let want: Vec<bool> = (0..chain.len()).map(|hop| hop < home).collect();
                let got = received(&network, &kind, &policy, chain).await;
                assert_eq!(got, want, "{} along {chain:?}", kind.name);
            }
        }
    });
}

#[test]
fn what_the_session_calls_a_secret_is_one_whatever_the_request_says_of_redirects() {
    let network = Network::new();
    let policy = Redirect::default().sensitive("x-tenant");
    let own = || Redirect::default().max(9).sensitive("x-other");
    run(async {
        for kind in [
            of_request("of a request", move |r| {
                r.header("x-tenant", SECRET).redirect(own())
            }),
            of_request("named by it", move |r| {
                r.header("x-other", SECRET).redirect(own())
            }),
            Kind {
                request: Box::new(move |r| r.redirect(own())),
                ..of_session("of the session", |b, _| b.header("x-tenant", SECRET))
            },
        ] {
            for (chain, home) in CHAINS {
                let want: Vec<bool> = (0..chain.len()).map(|hop| hop < home).collect();
                let got = received(&network, &kind, &policy, chain).await;
                assert_eq!(got, want, "{} along {chain:?}", kind.name);
            }
        }
    });
}

#[test]
fn input_132_what_is_for_a_proxy_goes_to_nobody_else() {
    let network = Network::new();
    run(async {
        let name = "proxy-authorization";
        let of_request = of_request("of a request", move |r| r.header(name, SECRET));
        let of_session = of_session("of a session", move |b, _| b.header(name, SECRET));
        for kind in [of_request, of_session] {
            for policy in [
                Redirect::default(),
                Redirect::default().location_trusted(true),
            ] {
                for (chain, _) in CHAINS {
                    let got = received(&network, &kind, &policy, chain).await;
                    assert!(got.iter().all(|got| !got), "{} along {chain:?}", kind.name);
                }
            }
        }
    });
}

#[test]
fn what_is_no_secret_goes_along() {
    let network = Network::new();
    run(async {
        let plain = of_request("plain", |r| r.header("x-plain", SECRET));
        for (chain, _) in CHAINS {
            let got = received(&network, &plain, &Redirect::default(), chain).await;
            assert!(got.iter().all(|got| *got), "{chain:?}");
        }
    });
}

#[test]
fn trusted_locations_get_everything_but_what_is_bound_by_name() {
    let network = Network::new();
    let policy = Redirect::default().location_trusted(true);
    run(async {
        for kind in own().into_iter().chain(defaults()) {
            for (chain, _) in CHAINS {
                let got = received(&network, &kind, &policy, chain).await;
                assert!(got.iter().all(|got| *got), "{} along {chain:?}", kind.name);
            }
        }
        for kind in bound() {
            for (chain, home) in CHAINS {
                let want: Vec<bool> = (0..chain.len()).map(|hop| hop < home).collect();
                let got = received(&network, &kind, &policy, chain).await;
                assert_eq!(got, want, "{} along {chain:?}", kind.name);
            }
        }
    });
}

#[test]
fn defaults_of_a_base_go_to_no_other_first_url() {
    let network = Network::new();
    run(async {
        let home = network.url("home", "/");
        for kind in defaults().into_iter().chain(bound()) {
            let builder = network.session().base_url(&home[..]);
            let session = (kind.session)(builder, &home).build().unwrap();
            for origin in ["other", "below", "port", "plain"] {
                // A netrc file knows hosts and nothing else.
                let want = kind.name == "netrc" && ["port", "plain"].contains(&origin);
                session.get(network.url(origin, "/go/")).await.unwrap();
                assert_eq!(
                    network.take()[0].has(SECRET),
                    want,
                    "{} to {origin}",
                    kind.name
                );
            }
        }
    });
}

#[test]
fn the_jars_cookies_go_where_they_belong() {
    let network = Network::new();
    run(async {
        for (line, chain, want) in [
            (
                "a=s3cret; Secure",
                &["home", "other", "home"][..],
                vec![true, false, true],
            ),
            ("a=s3cret; Secure", &["home", "port"], vec![true, true]),
            (
                "a=s3cret; Secure",
                &["home", "plain", "home"],
                vec![true, false, true],
            ),
            ("a=s3cret; Secure", &["home", "below"], vec![true, false]),
            ("a=s3cret", &["home", "plain"], vec![true, true]),
            (
                "a=s3cret",
                &["home", "plain-other", "other"],
                vec![true, false, false],
            ),
            (
                "a=s3cret; Domain=a.example",
                &["home", "below", "other"],
                vec![true, true, false],
            ),
            (
                "a=s3cret; Domain=a.example; Path=/elsewhere",
                &["home"],
                vec![false],
            ),
        ] {
            let jar = CookieJar::new();
            let home = Url::parse(&network.url("home", "/")).unwrap();
            jar.set(&home, line).unwrap();
            let kind = of_session("jar", move |b, _| b.cookies(jar.clone()));
            let got = received(&network, &kind, &Redirect::default(), chain).await;
            assert_eq!(got, want, "{line} along {chain:?}");
        }
    });
}

#[test]
fn input_104_a_digest_challenge_of_another_origin_is_not_answered() {
    let network = Network::new();
    run(async {
        for policy in [
            Redirect::default(),
            Redirect::default().location_trusted(true),
        ] {
            for (chain, statuses) in [
                (&["home"][..], vec![200]),
                (&["home", "home"], vec![200]),
                (&["home", "other"], vec![401]),
                (&["home", "port"], vec![401]),
                (&["home", "plain"], vec![401]),
                (&["home", "below"], vec![401]),
                (&["plain", "home"], vec![401]),
            ] {
                let url = network.chain("auth", chain);
                let session = network.session().redirect(policy.clone());
                let of_request = session.build().unwrap();
                let home = network.url(chain[0], "/");
                let session = network
                    .session()
                    .redirect(policy.clone())
                    .base_url(&home[..]);
                let of_session = session.digest("s3cret", "s3cret").build().unwrap();
                for request in [
                    of_request.get(&url).digest("s3cret", "s3cret"),
                    of_session.get(&url),
                ] {
                    let response = request.await.unwrap();
                    assert_eq!(response.status().as_u16(), statuses[0], "{chain:?}");
                    let seen = network.take();
                    let got: Vec<bool> = seen.iter().map(|seen| seen.has(SECRET)).collect();
                    // Challenged once, then answered without being asked, or never again.
                    let want = match &chain[1..] {
                        [] => vec![false, true],
                        ["home"] if chain[0] == "home" => vec![false, true, true],
                        _ => vec![false, true, false],
                    };
                    assert_eq!(got, want, "{chain:?}");
                }
            }
        }
    });
}

#[test]
fn input_106_a_host_of_ones_own_stays_at_home() {
    let network = Network::new();
    run(async {
        let jar = CookieJar::new();
        let home = Url::parse(&network.url("home", "/")).unwrap();
        jar.set(&home, "a=1; Secure; Path=/").unwrap();
        jar.set(&Url::parse("https://fake.example/").unwrap(), "b=2; Path=/")
            .unwrap();
        for trusted in [false, true] {
            let policy = Redirect::default().location_trusted(trusted);
            let session = network.session().cookies(jar.clone()).redirect(policy);
            let session = session.build().unwrap();
            let chain = network.chain("go", &["home", "home", "port", "home"]);
            session
                .get(chain)
                .header("host", "fake.example")
                .await
                .unwrap();
            let seen = network.take();
            let hosts: Vec<bool> = seen
                .iter()
                .map(|seen| seen.host == "fake.example")
                .collect();
            assert_eq!(hosts, [true, true, false, false]);
            for seen in seen {
                assert_eq!(
                    seen.request.header("cookie"),
                    Some("a=1"),
                    "by the url, not by `host`"
                );
            }
        }
    });
}

#[test]
fn input_105_referers() {
    let network = Network::new();
    run(async {
        let session = network.session().build().unwrap();
        let referers = |seen: Vec<crate::network::Seen>| -> Vec<bool> {
            let has = |seen: &crate::network::Seen| seen.request.header("referer").is_some();
            seen.iter().map(has).collect()
        };
        session
            .get(network.chain("go", &["home", "other", "plain"]))
            .await
            .unwrap();
        assert_eq!(referers(network.take()), [false; 3], "none is made up");
        let chain = network.chain("go", &["home", "other", "plain", "home"]);
        for trusted in [false, true] {
            let policy = Redirect::default().location_trusted(trusted);
            let session = network
                .session()
                .redirect(policy.clone())
                .header("referer", "https://a.example/default")
                .build()
                .unwrap();
            for request in [
                session.get(&chain),
                session.get(&chain).header("accept", "*/*"),
                session
                    .get(&chain)
                    .header("referer", "https://a.example/own"),
            ] {
                request.await.unwrap();
                assert_eq!(referers(network.take()), [true, true, false, false]);
            }
        }
    });
}
