//! The vocabulary that the agent and the controller speak.
//!
//! Types and pure functions only. Nothing here reads a clock, a file, a socket or the environment,
//! and nothing here draws a random number: whoever needs one of those passes it in.

// Names and values everything else is made of.
pub mod engine;
pub mod hex;
pub mod id;
pub mod parameter;
pub mod timestamp;

// What an agent can report, and what may be done to a database.
pub mod change;
pub mod observation;

// How a change reads as SQL, what of it an approver signs, and how messages read as bytes.
pub mod approval;
pub mod dialect;
pub mod wire;
