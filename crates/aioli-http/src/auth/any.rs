//! A name and a password for the strongest scheme that a server asks for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

use super::challenge;
use super::digest::{Asked, Digest, Refusal};
use crate::h1::fields::Fields;
use crate::origin::Origin;

/// The answers to both schemes, and who has asked for the weaker one.
pub(crate) struct Any {
    digest: Digest,
    basic: HeaderValue,
    /// Whom the password is sent to.
    wants_basic: Mutex<Option<Origin>>,
}

impl Any {
    pub(super) fn new(digest: Digest, basic: HeaderValue) -> Any {
        Any {
            digest,
            basic,
            wants_basic: Mutex::default(),
        }
    }

    /// The header of a request, when it was asked for; nothing goes to other origins.
    pub(super) fn answer(&self, asked: Asked<'_>) -> Option<HeaderValue> {
        let digest = self.digest.answer(asked);
        digest
            .or_else(|| (self.wants_basic().as_ref() == Some(asked.of)).then(|| self.basic.clone()))
    }

    /// Takes note of the challenges of a 401; tells whether one of them is to be answered.
    pub(super) fn challenged(&self, of: &Origin, refusal: Refusal<'_>) -> bool {
        let by_digest = self.digest.challenged(of, refusal);
        // Who was given an answer and does not take it is not given the password after it.
        let by_basic = !by_digest && !refusal.answered && offers_basic(refusal);
        *self.wants_basic() = by_basic.then(|| of.clone());
        by_digest || by_basic
    }

    pub(super) fn accepted(&self, of: &Origin, headers: &Fields, longest: usize) {
        self.digest.accepted(of, headers, longest);
    }

    /// Forgets what was asked for.
    pub(super) fn refused(&self) {
        self.digest.refused();
        *self.wants_basic() = None;
    }

    fn wants_basic(&self) -> MutexGuard<'_, Option<Origin>> {
        // It is whole whenever it is locked.
        self.wants_basic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn offers_basic(refusal: Refusal<'_>) -> bool {
    let challenges = refusal.headers.get_all(http::header::WWW_AUTHENTICATE);
    challenges
        .iter()
        .flat_map(|value| challenge::parse(value.as_bytes(), refusal.longest))
        .any(|challenge| challenge.scheme == "basic")
}
