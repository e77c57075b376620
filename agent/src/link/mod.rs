//! The link to the controller: who this agent is, what waits to be sent, and the connection that
//! sends it. Nothing here knows how reports are made or how orders are carried out.

// What others use.
pub mod connection;
pub mod enrolment;
pub mod identity;
pub mod outbox;

// The connection.
mod backoff;
pub mod dial;
mod lane;
mod orders;
mod renewal;
mod session;
mod tls;

// The spool below the outbox.
mod keeper;
mod overflow;
mod reserve;
mod room;
mod spool;
mod spool_file;
