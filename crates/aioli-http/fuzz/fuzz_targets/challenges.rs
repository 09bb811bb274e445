//! `cargo fuzz run challenges`: see `aioli_http::fuzz::challenges`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::challenges(data));
