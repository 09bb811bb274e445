//! `cargo fuzz run socks_replies`: see `aioli_http::fuzz::socks_replies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::socks_replies(data));
