//! The change engine against a real server.

// Helpers of tests fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod busy;
mod chaos;
mod crashes;
mod drops;
mod fenced;
mod host;
mod leases;
mod ordinary;
mod refusals;
mod settings;
mod signed;
mod stage;
mod statistics;
mod switchbacks;
mod trouble;
mod versions;
