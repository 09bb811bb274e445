//! The jar against a list: the same rules, one after the other, over all cookies there are.

use proptest::prelude::*;

use super::*;

/// What a test does to both.
#[derive(Debug, Clone)]
enum Op {
    Set { from: usize, line: String },
    Get { to: usize },
    Wait { seconds: u64 },
}

const URLS: [&str; 9] = [
    "http://a.example/",
    "https://a.example/",
    "https://a.example/x/y",
    "http://www.a.example/x",
    "https://www.a.example/x/",
    "https://b.example/",
    "http://127.0.0.1/x",
    "https://me.github.io/",
    "https://github.io/",
];

fn op() -> impl Strategy<Value = Op> {
    let one_of = |words: &'static [&'static str]| proptest::sample::select(words);
    let line = (
        one_of(&["a", "b", "__Host-a", "__secure-b", ""]),
        "[0-9]",
        one_of(&["", "; Path=/", "; Path=/x", "; Path=/x/", "; Path=x"]),
        one_of(&[
            "",
            "; Domain=a.example",
            "; Domain=www.a.example",
            "; Domain=github.io",
            "; Domain=example",
            "; Domain=127.0.0.1",
        ]),
        one_of(&["", "", "; Secure"]),
        one_of(&["", "", "; Max-Age=5", "; Max-Age=0", "; Max-Age=12"]),
    );
    prop_oneof![
        3 => (0..URLS.len(), line).prop_map(|(from, (name, value, path, domain, secure, age))| {
            let line = format!("{name}={value}{path}{domain}{secure}{age}");
            Op::Set { from, line }
        }),
        3 => (0..URLS.len()).prop_map(|to| Op::Get { to }),
        1 => (1_u64..8).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

/// A list of cookies, in the order in which they were made.
#[derive(Default)]
struct Model(Vec<Cookie>);

impl Model {
    fn set(&mut self, from: &Url, line: &str, now: i64) -> Result<(), CookieError> {
        let new = Cookie::from_line(from, line.as_bytes(), 4096, now)?;
        self.0.retain(|old| !old.is_expired(now));
        let below = |a: &str, b: &str| a == b || a.ends_with(&format!(".{b}"));
        let hides = |old: &Cookie| {
            old.secure
                && old.name == new.name
                && (below(&old.domain, &new.domain) || below(&new.domain, &old.domain))
                && domain::path_matches(&new.path, &old.path)
        };
        if from.scheme() == "http" && !new.secure && self.0.iter().any(hides) {
            return Err(CookieError::Overlay);
        }
        let key = |cookie: &Cookie| {
            let Cookie {
                name,
                domain,
                path,
                host_only,
                ..
            } = cookie.clone();
            (name, domain, path, host_only)
        };
        match self.0.iter_mut().find(|old| key(old) == key(&new)) {
            Some(old) => *old = new,
            None => self.0.push(new),
        }
        self.0.retain(|cookie| !cookie.is_expired(now));
        Ok(())
    }

    fn get(&self, to: &Url, now: i64) -> String {
        let host = to.host_str().unwrap();
        let is_address = to.domain().is_none();
        let mut found: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|cookie| {
                let below = !cookie.host_only
                    && !is_address
                    && host.ends_with(&format!(".{}", cookie.domain));
                (host == cookie.domain || below)
                    && (to.scheme() == "https" || !cookie.secure)
                    && domain::path_matches(to.path(), &cookie.path)
                    && !cookie.is_expired(now)
            })
            .collect();
        // Stable: those of one length stay in the order in which they were made.
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pair = |cookie: &&Cookie| match &*cookie.name() {
            "" => cookie.value().into_owned(),
            name => format!("{name}={}", cookie.value()),
        };
        found.iter().map(pair).collect::<Vec<_>>().join("; ")
    }
}

proptest! {
    #[test]
    fn a_jar_is_a_list(ops in proptest::collection::vec(op(), 1..60)) {
        let (jar, hand) = clocked();
        let mut model = Model::default();
        for op in ops {
            let now = i64::try_from(hand.load(Ordering::Relaxed)).unwrap();
            match op {
                Op::Set { from, line } => {
                    let from = url(URLS[from]);
                    prop_assert_eq!(jar.set(&from, &line), model.set(&from, &line, now), "{}", line);
                }
                Op::Get { to } => {
                    prop_assert_eq!(sent(&jar, URLS[to]), model.get(&url(URLS[to]), now));
                }
                Op::Wait { seconds } => drop(hand.fetch_add(seconds, Ordering::Relaxed)),
            }
        }
        let now = i64::try_from(hand.load(Ordering::Relaxed)).unwrap();
        model.0.retain(|cookie| !cookie.is_expired(now));
        prop_assert_eq!(jar.cookies(), model.0);
    }
}
