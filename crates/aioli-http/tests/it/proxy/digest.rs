//! Proxies that want a proof of who we are.

use aioli_http::Body;
use futures::stream;

use super::*;

const CHALLENGE: &str = "HTTP/1.1 407 Who\r\nproxy-authenticate: Digest realm=p, nonce=NONCE, \
                         qop=auth\r\ncontent-length: 3\r\n\r\nwho";

/// What a proxy was asked, and the answer that it was given with it.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// A proxy that lets through who answers `nonce(request number)`, says with that which one is
/// next, and is the server as well.
fn proxy(
    inner: Arc<ServerConfig>,
    nonce: impl Fn(usize) -> &'static str + Send + Sync + 'static,
) -> (Server, Heard, Seen) {
    let (heard, through) = (Heard::default(), Seen::default());
    let noted = (heard.clone(), through.clone());
    let server = Server::start(move |conn| {
        while let Some(request) = conn.request() {
            let answer = request.header("proxy-authorization").unwrap_or_default();
            let mut heard = noted.0.lock().unwrap();
            let this = nonce(heard.len());
            heard.push((
                format!("{} {}", request.method, request.target),
                answer.to_owned(),
            ));
            let next = nonce(heard.len());
            drop(heard);
            if !answer.contains(&format!("nonce=\"{this}\"")) {
                conn.send(CHALLENGE.replace("NONCE", this));
                continue;
            }
            let next = format!("proxy-authentication-info: nextnonce=\"{next}\"\r\n");
            if request.method == "CONNECT" {
                conn.send(format!("HTTP/1.1 200 Established\r\n{next}\r\n"));
                conn.start_tls(inner.clone());
                return answer_all(conn, &noted.1);
            }
            conn.send(ok("fine").replacen("\r\n", &format!("\r\n{next}"), 1));
        }
    });
    (server, heard, through)
}

fn session(authority: &Authority, proxy: Proxy) -> Session {
    // Each request over a connection of its own: tunnels are made anew.
    let limits = Limits::default().idle(0);
    let session = trusting(authority).proxy(proxy).limits(limits);
    session.build().unwrap()
}

/// The parameters of an answer that say what it is for.
fn about(answer: &str) -> Vec<&str> {
    let wanted = ["nonce=", "uri=", "nc="];
    let params = answer.split(", ");
    params
        .filter(|param| wanted.iter().any(|name| param.starts_with(name)))
        .collect()
}

/// The nonce of a request, if there is another one from the third on.
fn two_nonces(n: usize) -> &'static str {
    match n {
        0..2 => "n1",
        _ => "n2",
    }
}

#[test]
fn what_is_asked_of_it_is_proved() {
    let authority = Authority::new();
    let (server, heard, _) = proxy(authority.issue(&["a.example"], |_| {}), two_nonces);
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).digest("me", "secret");
        let session = session(&authority, proxy);
        for path in ["/x?y", "/", "/"] {
            // What is for the proxy goes to no server, and what a caller has for it counts not.
            let request = session.get(format!("http://a.example:81{path}"));
            let response = request.header("proxy-authorization", "own").await.unwrap();
            assert_eq!(response.text().await.unwrap(), "fine");
        }
        let body = Body::stream(stream::iter([Ok::<_, std::io::Error>("once")]));
        let request = session.post("http://a.example/").body(body);
        assert_eq!(request.await.unwrap().status(), 200, "nobody asks again");
    });
    let heard = heard.lock().unwrap();
    let asked: Vec<_> = heard.iter().map(|(asked, _)| &asked[..]).collect();
    let first = "GET http://a.example:81/x?y";
    let second = "GET http://a.example:81/";
    assert_eq!(
        asked,
        [first, first, second, second, "POST http://a.example/"]
    );
    let answers: Vec<_> = heard.iter().map(|(_, answer)| about(answer)).collect();
    assert_eq!(answers[0], Vec::<&str>::new());
    let uri = "uri=\"http://a.example:81/x?y\"";
    assert_eq!(answers[1], ["nonce=\"n1\"", uri, "nc=00000001"]);
    // The next nonce was named with each response, and counts anew.
    let uri = "uri=\"http://a.example:81/\"";
    assert_eq!(answers[2], ["nonce=\"n2\"", uri, "nc=00000001"]);
}

#[test]
fn a_tunnel_is_asked_for_once_more() {
    let authority = Authority::new();
    let (server, heard, through) = proxy(authority.issue(&["a.example"], |_| {}), |_| "n1");
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).digest("me", "secret");
        let session = session(&authority, proxy);
        for _ in 0..2 {
            fine(&session, "https://a.example/").await;
        }
    });
    let heard = heard.lock().unwrap();
    assert!(
        heard
            .iter()
            .all(|(asked, _)| asked == "CONNECT a.example:443")
    );
    let answers: Vec<_> = heard.iter().map(|(_, answer)| about(answer)).collect();
    let uri = "uri=\"a.example:443\"";
    let answer = |count| vec!["nonce=\"n1\"", uri, count];
    assert_eq!(
        answers,
        [vec![], answer("nc=00000001"), answer("nc=00000002")]
    );
    for request in &*through.lock().unwrap() {
        assert_eq!(request.header("proxy-authorization"), None);
    }
}

#[test]
fn a_tunnel_names_the_next_nonce() {
    let authority = Authority::new();
    let (server, heard, _) = proxy(authority.issue(&["a.example"], |_| {}), two_nonces);
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).digest("me", "secret");
        let session = session(&authority, proxy);
        for _ in 0..2 {
            fine(&session, "https://a.example/").await;
        }
    });
    let heard = heard.lock().unwrap();
    let answers: Vec<_> = heard.iter().map(|(_, answer)| about(answer)).collect();
    let answer = |nonce| vec![nonce, "uri=\"a.example:443\"", "nc=00000001"];
    let wanted = [vec![], answer("nonce=\"n1\""), answer("nonce=\"n2\"")];
    assert_eq!(answers, wanted);
}

#[test]
fn a_wrong_password_is_told() {
    let authority = Authority::new();
    let nonces = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"];
    // Each refusal has another nonce, so that it alone does not say that the password is wrong.
    let (server, heard, _) = proxy(authority.issue(&["a.example"], |_| {}), move |n| nonces[n]);
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).digest("me", "wrong");
        let session = session(&authority, proxy);
        let response = session.get("http://a.example/").await.unwrap();
        assert_eq!(response.status(), 407);
        assert_eq!(response.text().await.unwrap(), "who");
        assert_eq!(heard.lock().unwrap().len(), 2);
        let error = session.get("https://a.example/").await.unwrap_err();
        refused(&error, ProxyErrorKind::Authentication, Some(407));
        assert_eq!(heard.lock().unwrap().len(), 4);
    });
}

#[test]
fn input_103_a_server_that_asks_as_a_proxy_is_told_nothing() {
    let authority = Authority::new();
    let server = Server::answering(|request| {
        assert_eq!(request.header("proxy-authorization"), None);
        CHALLENGE.replace("NONCE", "n")
    });
    run(async {
        let proxy = Proxy::http("127.0.0.1:9").digest("me", "secret");
        let session = session(&authority, proxy.no_proxy("127.0.0.1"));
        let response = session.get(server.url("/")).await.unwrap();
        assert_eq!(response.status(), 407);
    });
}

#[test]
fn input_160_dropped_at_each_await_of_a_challenge() {
    let authority = Authority::new();
    let (server, ..) = proxy(authority.issue(&["a.example"], |_| {}), |_| "n1");
    run(async {
        for url in ["http://a.example/", "https://a.example/"] {
            let limits = Limits::default().per_host(1).connections(1).idle(0);
            let address = server.addr.to_string();
            let fresh = || Proxy::http(&address).digest("me", "secret");
            let session = trusting(&authority).limits(limits).build().unwrap();
            at_each_point(1, async |polls| {
                let request = session.get(url).proxy(fresh());
                let done = at_most(polls, request.send()).await;
                let stats = session.stats();
                assert_eq!(stats.waiting, 0, "after {polls} polls");
                if let Some(response) = done {
                    assert_eq!(response.unwrap().text().await.unwrap(), "fine");
                    return true;
                }
                assert_eq!(stats.in_use, 0, "after {polls} polls");
                false
            })
            .await;
        }
    });
}
