//! The rules of RFC 6797, one by one, the bounds, and the file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000;

/// A store whose clock stands, and moves when it is told to.
fn clocked() -> (HstsStore, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(NOW));
    let hand = clock.clone();
    let store = HstsStore::with_clock(move || {
        UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed))
    });
    (store, hand)
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A store in which the hosts of these URLs have said this.
fn with(said: &[(&str, &str)]) -> HstsStore {
    let (store, _) = clocked();
    for (from, field) in said {
        store.set(&url(from), field).unwrap();
    }
    store
}

fn names(store: &HstsStore) -> Vec<String> {
    let hosts = store.hosts().into_iter();
    hosts.map(|host| host.name().to_owned()).collect()
}

/// Section 8.1: a policy counts over https only, and an address has none.
#[test]
fn whose_word_counts() {
    let (store, _) = clocked();
    for (from, field, expected) in [
        ("http://a.example/", "max-age=60", Err(HstsError::Insecure)),
        ("ftp://a.example/", "max-age=60", Err(HstsError::Insecure)),
        ("https://127.0.0.1/", "max-age=60", Err(HstsError::Host)),
        ("https://127.1/", "max-age=60", Err(HstsError::Host)),
        ("https://[::1]/", "max-age=60", Err(HstsError::Host)),
        ("https://a..example/", "max-age=60", Err(HstsError::Host)),
        ("https://.a.example/", "max-age=60", Err(HstsError::Host)),
        (
            "https://a.example/",
            "includeSubDomains",
            Err(HstsError::Malformed),
        ),
        ("https://a.example/", "max-age=x", Err(HstsError::Malformed)),
        ("https://a.example:8443/x", "max-age=60", Ok(())),
    ] {
        assert_eq!(store.set(&url(from), field), expected, "{from} {field}");
    }
    assert_eq!(names(&store), ["a.example"], "a port is no part of a host");
    let long = format!("https://{}a/", "a.".repeat(127));
    assert_eq!(store.set(&url(&long), "max-age=60"), Err(HstsError::Host));
}

/// Sections 6.1.1 and 8.1: a host is noted until then, anew each time, and forgotten at zero.
#[test]
fn a_policy_ends_is_renewed_and_taken_back() {
    let (store, hand) = clocked();
    let a = url("https://a.example/");
    store.set(&a, "max-age=60; includeSubDomains").unwrap();
    hand.fetch_add(50, Ordering::Relaxed);
    store.set(&a, "max-age=60").unwrap();
    let expected = UNIX_EPOCH + Duration::from_secs(NOW + 110);
    assert_eq!(store.hosts()[0].expires(), Some(expected));
    assert!(
        !store.hosts()[0].include_subdomains(),
        "the last word counts"
    );
    hand.fetch_add(59, Ordering::Relaxed);
    assert!(store.covers("a.example"));
    hand.fetch_add(1, Ordering::Relaxed);
    assert!(store.hosts().is_empty());
    assert_eq!(store.len(), 1, "nobody has looked for it yet");
    assert!(!store.covers("a.example"));
    assert_eq!(store.len(), 0, "an expired host is dropped where it is met");

    store.set(&a, "max-age=60").unwrap();
    store.set(&a, "max-age").unwrap_err();
    assert!(
        store.covers("a.example"),
        "what is malformed changes nothing"
    );
    store.set(&a, "max-age=0").unwrap();
    assert!(store.is_empty());
}

/// Section 8.2: a name is compared label by label, and above it only hosts count that mean those
/// below.
#[test]
fn which_hosts_are_covered() {
    let store = with(&[
        ("https://a.example/", "max-age=60"),
        ("https://b.example/", "max-age=60; includeSubDomains"),
        ("https://x.b.example/", "max-age=60"),
        ("https://b\u{fc}cher.example/", "max-age=60"),
    ]);
    for (host, covered) in [
        ("a.example", true),
        ("A.Example", true),
        ("a.example.", true),
        ("a\u{3002}example", true),
        ("w.a.example", false),
        ("xa.example", false),
        ("example", false),
        ("b.example", true),
        ("w.b.example", true),
        ("v.w.b.example", true),
        ("x.b.example", true),
        ("w.x.b.example", true),
        ("xb.example", false),
        ("b\u{fc}cher.example", true),
        ("xn--bcher-kva.example", true),
        ("B\u{dc}CHER.example", true),
        ("bucher.example", false),
        ("127.0.0.1", false),
        ("", false),
        ("a b", false),
    ] {
        assert_eq!(store.covers(host), covered, "{host}");
    }
}

/// A host further down that has expired, or speaks for itself alone, hides none further up.
#[test]
fn a_host_does_not_hide_those_above() {
    let (store, hand) = clocked();
    let above = url("https://a.example/");
    let below = url("https://x.a.example/");
    store
        .set(&above, "max-age=1000; includeSubDomains")
        .unwrap();
    store.set(&below, "max-age=10").unwrap();
    hand.fetch_add(20, Ordering::Relaxed);
    assert!(store.covers("x.a.example"));
    assert_eq!(names(&store), ["a.example"]);
    store.set(&below, "max-age=0").unwrap();
    assert!(store.covers("x.a.example"), "one forgets itself alone");
    hand.fetch_add(980, Ordering::Relaxed);
    assert!(!store.covers("x.a.example"));
}

/// Section 8.3: the scheme changes, and the port if it is that of http.
#[test]
fn what_becomes_of_a_url() {
    let store = with(&[("https://a.example/", "max-age=60")]);
    for (from, expected) in [
        ("http://a.example/x?y#z", Some("https://a.example/x?y#z")),
        ("http://a.example:80/", Some("https://a.example/")),
        ("http://a.example:443/", Some("https://a.example/")),
        ("http://a.example:8080/", Some("https://a.example:8080/")),
        (
            "http://me:secret@a.example./",
            Some("https://me:secret@a.example./"),
        ),
        ("http://A\u{ff0e}example/", Some("https://a.example/")),
        ("https://a.example/", None),
        ("ftp://a.example/", None),
        ("http://b.example/", None),
        ("http://127.0.0.1/", None),
    ] {
        let upgraded = store.upgrade(&url(from));
        assert_eq!(upgraded.as_ref().map(Url::as_str), expected, "{from}");
    }
    let origin = |text: &str| crate::origin::Origin::of(&url(text)).unwrap();
    for from in [
        "http://a.example/",
        "http://a.example:443/",
        "http://a.example:81/",
    ] {
        let upgraded = store.upgrade(&url(from)).unwrap();
        assert_eq!(origin(from).upgraded(), origin(upgraded.as_str()), "{from}");
    }
}

#[test]
fn the_bound_of_a_site_and_of_a_store() {
    let limits = Limits::default().hsts(3, 6);
    let store = HstsStore::with_limits(&limits);
    let note = |host: &str| {
        store
            .set(&url(&format!("https://{host}/")), "max-age=60")
            .unwrap()
    };
    for host in ["a.example", "1.b.example", "2.b.example", "3.b.example"] {
        note(host);
    }
    note("1.b.example");
    note("4.b.example");
    let left = ["a.example", "3.b.example", "1.b.example", "4.b.example"];
    assert_eq!(
        names(&store),
        left,
        "its own site makes room, by what was noted longest ago"
    );
    note("c.example");
    note("d.example");
    note("e.example");
    assert_eq!(
        names(&store),
        [
            "a.example",
            "1.b.example",
            "4.b.example",
            "c.example",
            "d.example",
            "e.example"
        ],
        "the largest site makes room"
    );
    note("a.example");
    assert_eq!(store.len(), 6, "who is there takes no room");

    // Sites of public suffixes are their own.
    note("x.github.io");
    note("y.github.io");
    assert_eq!(store.len(), 6);
    assert!(store.covers("x.github.io") && store.covers("y.github.io"));
}

#[test]
fn expired_hosts_make_room_first() {
    let clock = Arc::new(AtomicU64::new(NOW));
    let hand = clock.clone();
    let store = HstsStore {
        kept: Arc::new(Kept::new(
            Limits::default().hsts(2, 9).hsts,
            WallClock::by(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed))),
        )),
    };
    let note = |host: &str, age: u32| {
        let field = format!("max-age={age}");
        store
            .set(&url(&format!("https://{host}.a.example/")), field)
            .unwrap();
    };
    note("old", 1000);
    note("short", 10);
    hand.fetch_add(10, Ordering::Relaxed);
    note("new", 1000);
    assert_eq!(names(&store), ["old.a.example", "new.a.example"]);
}

#[test]
fn a_file_takes_no_ones_place() {
    let store = HstsStore::with_limits(&Limits::default().hsts(2, 4));
    store
        .set(&url("https://kept.a.example/"), "max-age=60")
        .unwrap();
    let lines: Vec<_> = (0..9)
        .map(|n| format!("{n}.a.example \"unlimited\"\n"))
        .collect();
    store.add_text(lines.concat());
    assert_eq!(names(&store), ["kept.a.example", "0.a.example"]);
    let lines: Vec<_> = (0..9)
        .map(|n| format!("s{n}.example \"unlimited\"\n"))
        .collect();
    store.add_text(lines.concat());
    assert_eq!(store.len(), 4);
    assert!(store.covers("kept.a.example"));
}

#[test]
fn files_of_curls() {
    let store = with(&[]);
    store.add_text(
        "# Your HSTS cache. https://curl.se/docs/hsts.html\r\n\
         # This file was generated by libcurl! Edit at your own risk.\r\n\
         .a.example \"20291212 19:00:05\"\r\n\
         \t b.example   \"unlimited\"  and what not\n\
         B\u{fc}cher.example. \"20291212 19:00:05\"\n\
         b.example \"20291212 19:00:05\"\n\
         old.example \"20200101 00:00:00\"\n\
         127.0.0.1 \"unlimited\"\n\
         ::1 \"unlimited\"\n\
         nothing\n\
         no.date\n\
         no.quotes 20291212 19:00:05\n\
         half.quotes \"20291212 19:00:05\n\
         no.such.day \"20290230 19:00:05\"\n\
         short.clock \"20291212 9:00:05\"\n\
         words \"next week\"\n\
         ..dots.example \"unlimited\"\n\
         a/b \"unlimited\"\n\
         last.example \"99991231 23:59:59\"",
    );
    let at = |expires: u64| Some(UNIX_EPOCH + Duration::from_secs(expires));
    let hosts = store.hosts();
    let hosts: Vec<_> = hosts
        .iter()
        .map(|host| (host.name(), host.include_subdomains(), host.expires()))
        .collect();
    assert_eq!(
        hosts,
        [
            ("a.example", true, at(1_891_796_405)),
            ("b.example", false, None),
            ("xn--bcher-kva.example", false, at(1_891_796_405)),
            ("last.example", false, at(253_402_300_799)),
        ]
    );
    let text = store.to_text();
    let (comment, lines) = text.split_once('\n').unwrap();
    assert!(comment.starts_with('#'));
    assert_eq!(
        lines,
        ".a.example \"20291212 19:00:05\"\n\
         b.example \"unlimited\"\n\
         xn--bcher-kva.example \"20291212 19:00:05\"\n\
         last.example \"99991231 23:59:59\"\n"
    );

    let long = format!("{}.example \"unlimited\"\n", "x".repeat(5000));
    store.add_text(
        [
            long.as_bytes(),
            b"\xff.example \"unlimited\"\nmore.example \"unlimited\"\n",
        ]
        .concat(),
    );
    assert_eq!(names(&store).last().unwrap(), "more.example");
    assert_eq!(store.len(), 5);
}

#[test]
fn of_two_lines_counts_which_ends_later() {
    let (store, _) = clocked();
    store.add_text(".a.example \"20300101 00:00:00\"\na.example \"20290101 00:00:00\"\n");
    assert!(store.covers("www.a.example"));
    store.add_text("a.example \"unlimited\"\n");
    assert!(!store.covers("www.a.example"));
    assert_eq!(store.hosts()[0].expires(), None);
}

#[test]
fn a_file_is_saved_and_loaded() {
    let folder = std::env::temp_dir().join(format!("hsts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("hsts.txt");
    let missing = HstsStore::load(&path).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    let store = with(&[(
        "https://a.example/",
        "max-age=9999999999; includeSubDomains",
    )]);
    store.save(&path).unwrap();
    assert_eq!(HstsStore::load(&path).unwrap().hosts(), store.hosts());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["hsts.txt"], "nothing is left beside it");

    let large = std::fs::File::create(&path).unwrap();
    large.set_len(file::MAX_FILE + 1).unwrap();
    let error = store.add_file(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nobody_is_shown() {
    let store = with(&[("https://a.example/", "max-age=60")]);
    assert_eq!(format!("{store:?}"), "HstsStore { len: 1, .. }");
}

fn host_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,9}(\\.[a-z0-9]{1,5}){0,3}\\.?",
        "[!-~]{1,12}",
        "\\PC{1,8}",
        "[0-9.:]{1,9}",
    ]
}

proptest! {
    /// What was noted and is written is read as the same, whatever the hosts are called.
    #[test]
    fn what_is_saved_is_loaded(
        said in prop::collection::vec((host_text(), any::<u64>(), any::<bool>()), 0..9),
        ages in prop::sample::select(vec![1u64, 60, 86_400 * 366, 86_400 * 365 * 9000]),
    ) {
        let (store, _) = clocked();
        for (host, age, subdomains) in said {
            let Ok(url) = Url::parse(&format!("https://{host}/")) else { continue };
            let more = if subdomains { "; includeSubDomains" } else { "" };
            let _ = store.set(&url, format!("max-age={}{more}", age % ages.saturating_mul(2)));
        }
        let (again, _) = clocked();
        again.add_text(store.to_text());
        prop_assert_eq!(again.hosts(), store.hosts());
        prop_assert_eq!(again.to_text(), store.to_text());
    }

    #[test]
    fn files_of_strangers_are_read_or_left(
        text in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "\\.?\\PC{0,9} ?\"(unlimited|[0-9]{8} [0-9:]{8}|[ -~]{0,20})\"?".prop_map(String::into_bytes),
        ], 0..9),
    ) {
        let store = HstsStore::from_text(text.join(&b'\n'));
        let again = HstsStore::from_text(store.to_text());
        prop_assert_eq!(again.hosts(), store.hosts());
    }

    /// A store of plain rules, which looks at every host, says the same.
    #[test]
    fn a_simple_model_covers_the_same(
        steps in prop::collection::vec(
            ("([ab]\\.){0,3}[ab]\\.example", 0u64..40, any::<bool>(), 0u64..20, "([abc]\\.){0,3}[ab]\\.example"),
            0..30,
        ),
    ) {
        let (store, hand) = clocked();
        let mut model: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        for (host, age, subdomains, passes, asked) in steps {
            let more = if subdomains { "; includeSubDomains" } else { "" };
            store.set(&url(&format!("https://{host}/")), format!("max-age={age}{more}")).unwrap();
            let now = hand.load(Ordering::Relaxed);
            model.insert(host, (now + age, subdomains));
            hand.fetch_add(passes, Ordering::Relaxed);
            let now = now + passes;
            let expected = model.iter().any(|(host, (expires, subdomains))| {
                let is_below = asked.ends_with(&format!(".{host}"));
                *expires > now && (*host == asked || *subdomains && is_below)
            });
            prop_assert_eq!(store.covers(&asked), expected, "{}", asked);
        }
    }
}
