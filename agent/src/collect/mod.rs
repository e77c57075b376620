//! Watches databases: what to read, when, and what it costs. Knows no engine: that is behind
//! [`crate::engines::Engine`].

pub mod collector;
pub mod sink;

// Decisions.
pub mod budget;
pub mod schedule;
pub mod status;

// Doing.
pub mod cost;
pub mod machine;
pub mod supervise;
