//! `cargo fuzz run hsts`: see `aioli_http::fuzz::hsts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::hsts(data));
