//! Indexes: which could serve a use of a table, which are there already, how large one will be.

pub(crate) mod candidate;
pub(crate) mod coverage;
pub(crate) mod size;
