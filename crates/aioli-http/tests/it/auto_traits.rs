//! Which of the public types may cross threads.

use std::panic::{RefUnwindSafe, UnwindSafe};

use aioli_http::*;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn send_value<T: Send + 'static>(_: T) {}

#[test]
fn types() {
    macro_rules! all {
        ($($ty:ty),* $(,)?) => {{ $( send::<$ty>(); sync::<$ty>(); unpin::<$ty>(); )* }};
    }
    all!(
        Auth,
        Cookie,
        CookieError,
        CookieJar,
        Netrc,
        NetrcError,
        Redirect,
        SameSite,
        SessionCookies,
        BodyErrorKind,
        BodyReader,
        BoxError,
        Bytes,
        Coding,
        DecodeErrorKind,
        Egress,
        EgressRule,
        Error,
        ErrorKind,
        HeaderMap,
        HstsError,
        HstsHost,
        HstsStore,
        IpFamily,
        LimitKind,
        Limits,
        Method,
        Network,
        NetworkError,
        Phase,
        ProtocolErrorKind,
        Proxy,
        ProxyErrorKind,
        RedirectErrorKind,
        RequestErrorKind,
        Retry,
        Sent,
        Session,
        SessionBuilder,
        SocksReply,
        Stats,
        StatusCode,
        Timings,
        Timeout,
        TlsErrorKind,
        TlsVersion,
        Url,
        UrlErrorKind,
        Response,
        Upgraded,
        Chunks,
        Result<Response>,
    );
    // A body may be a stream that only one thread at a time can poll.
    send::<Body>();
    unpin::<Body>();
    send::<Request>();
    unpin::<Request>();
    send::<Next>();
    sync::<Next>();
    send::<Mock>();
    unpin::<Mock>();
    send::<Form>();
    unpin::<Form>();
    send::<Part>();
    unpin::<Part>();
    send::<RequestBuilder>();
    unpin::<RequestBuilder>();
    send::<Sending>();
    unpin::<Sending>();
    send::<Tunnel>();
    unpin::<Tunnel>();
}

#[test]
fn plain_data_survives_a_panic() {
    fn safe<T: UnwindSafe + RefUnwindSafe>() {}
    safe::<Timeout>();
    safe::<Limits>();
    safe::<Phase>();
    safe::<Sent>();
}

#[test]
fn futures_are_send() {
    let session = Session::new();
    send_value(session.get("http://a.example/").send());
    send_value(session.tunnel("a.example", 1).into_future());
    send_value(async move {
        let mut response = session.get("http://a.example/").await?;
        response.chunk().await?;
        response.read(&mut [0]).await?;
        let _ = Form::new().file("f", "f").await;
        let _ = session.get("http://a.example/").await?.bytes().await?;
        let _: Vec<u32> = session.get("http://a.example/").await?.json().await?;
        response.text().await
    });
}

#[test]
fn errors_are_small() {
    assert!(size_of::<Error>() <= 16);
}
