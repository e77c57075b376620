//! The link with real sockets on loopback: both ends as they are, the store in memory.

// The lint knows tests, but not their helpers; here a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

mod enrolment;
mod faults;
mod hostile;
mod identity;
mod log;
mod memory;
mod orders;
mod proxy;
mod raw;
mod reports;
mod world;
