//! Pages to read: for those who know another client, and for those who have an error in hand.

pub mod coming_from;
pub mod errors;
