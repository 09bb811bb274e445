//! `cargo fuzz run response_head`: see `aioli_http::fuzz::response_head`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::response_head(data));
