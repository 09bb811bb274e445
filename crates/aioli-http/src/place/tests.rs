//! What is parsed against a known origin is what would be parsed without one.

use proptest::prelude::*;

use super::*;
use crate::Session;

fn place(url: &str) -> Place {
    Place::of(&Session::new().inner.config, &url.parse().unwrap()).unwrap()
}

#[test]
fn other_origins_are_other_places() {
    let here = place("http://a.example:81/x?y#z");
    for other in [
        "http://a.example/",
        "http://a.example:8/",
        "http://a.example:811/",
        "https://a.example:81/",
        "http://b.example:81/",
        "http://a.example:81@b.example/",
    ] {
        assert!(here.parse(other).is_none(), "{other}");
        assert!(!here.is_of(&other.parse().unwrap()), "{other}");
    }
    let near = here.parse("http://a.example:81/b?c=d").unwrap();
    assert!(here.is_of(&near));
    assert_eq!(near.as_str(), "http://a.example:81/b?c=d");
    // It would be another host.
    assert!(here.parse("http://a.example:81//b/c").is_none());
}

#[test]
fn the_first_place_and_the_last_one_are_known() {
    let places = Places::default();
    let urls = [
        "http://a.example/",
        "http://b.example/",
        "http://c.example/",
    ];
    for (count, known) in [
        [false; 3],
        [true, false, false],
        [true, true, false],
        [true, false, true],
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(noted) = count.checked_sub(1) {
            places.note(&Arc::new(place(urls[noted])));
        }
        for (url, known) in urls.into_iter().zip(known) {
            let found = places.find(&url.parse().unwrap());
            assert_eq!(
                found.is_some_and(|it| it.is_of(&url.parse().unwrap())),
                known
            );
            let near = places.parse(&format!("{url}b?c"));
            let is_right = |(near, at): (Url, Arc<Place>)| {
                at.is_of(&near) && near.as_str() == format!("{url}b?c")
            };
            assert_eq!(near.is_some_and(is_right), known);
        }
    }
}

proptest! {
    #[test]
    fn near_is_the_same(
        rest in proptest::collection::vec(
            proptest::sample::select(vec![
                "/", "//", "\\", "..", ".", "a", "%2e", "%", "?", "#", " ", "\t", "\n", "\u{e9}", "@",
                ":", "b=c&d", "[", "\"", "'", "|", "\0",
            ]),
            0..8,
        ),
        root in proptest::sample::select(vec![
            "http://a.example/", "https://a.example:8443/", "http://127.0.0.1:80/",
            "http://[::1]:8080/",
        ]),
    ) {
        let here = place(root);
        let text = format!("{root}{}", rest.concat());
        if let Some(near) = here.parse(&text) {
            let plain: Url = text.parse().unwrap();
            prop_assert!(here.is_of(&near));
            prop_assert_eq!(near, plain);
        }
    }
}
