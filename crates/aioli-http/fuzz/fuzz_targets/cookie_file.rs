//! `cargo fuzz run cookie_file`: see `aioli_http::fuzz::cookie_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::cookie_file(data));
