//! An HTTP client with the feel of aiohttp's ClientSession.
