//! `cargo fuzz run content_codings`: see `aioli_http::fuzz::content_codings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::content_codings(data));
