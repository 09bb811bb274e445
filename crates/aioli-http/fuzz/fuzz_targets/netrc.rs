//! `cargo fuzz run netrc`: see `aioli_http::fuzz::netrc`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::netrc(data));
