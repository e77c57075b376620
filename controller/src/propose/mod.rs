//! Propose: a draft of advice becomes a proposal that a person can decide on.

pub mod by_hand;
pub(crate) mod complete;
pub(crate) mod what_if;
