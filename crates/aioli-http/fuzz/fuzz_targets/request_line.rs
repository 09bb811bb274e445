//! `cargo fuzz run request_line`: see `aioli_http::fuzz::request_line`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::request_line(data));
