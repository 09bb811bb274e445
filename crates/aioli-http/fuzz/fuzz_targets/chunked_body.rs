//! `cargo fuzz run chunked_body`: see `aioli_http::fuzz::chunked_body`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::chunked_body(data));
