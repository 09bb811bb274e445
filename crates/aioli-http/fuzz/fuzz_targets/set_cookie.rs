//! `cargo fuzz run set_cookie`: see `aioli_http::fuzz::set_cookie`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aioli_http::fuzz::set_cookie(data));
