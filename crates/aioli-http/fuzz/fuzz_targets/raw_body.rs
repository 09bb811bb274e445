//! `cargo fuzz run raw_body`: see `aioli_http::fuzz::raw_body`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::raw_body(data));
