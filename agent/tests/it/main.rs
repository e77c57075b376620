//! The agent's parts against real servers.

// Helpers are no test functions, but a failure in one fails its test all the same.
#![allow(clippy::unwrap_used)]

mod apply;
mod collect;
