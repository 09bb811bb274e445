//! asyncio's programming model for Rust.
