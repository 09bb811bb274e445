//! `cargo fuzz run field_values`: see `aioli_http::fuzz::field_values`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::field_values(data));
