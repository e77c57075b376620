//! The controller's end of the link: who may speak to us, what they report, and what we ask of them.
//!
//! Nothing here names the store or the API: both are reached through the traits in [`store`].

// What others use.
pub mod authority;
pub mod listener;
pub mod roster;
pub mod signing_request;
pub mod store;
pub mod tokens;

// One connection, from its handshake to its end.
mod enrol;
mod lane;
mod limits;
mod orders;
mod pace;
mod reset;
mod session;
mod tls;
