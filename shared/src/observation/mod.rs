//! Everything an agent can report about a server it watches.
//!
//! Plain values that are already redacted: no literal of a statement, plan or error is in here
//! unless the database's owner allowed it in the agent's configuration.

pub mod activity;
pub mod collector;
pub mod gap;
pub mod host;
pub mod instance;
pub mod plan;
pub mod query_stats;
pub mod schema;
pub mod settings;
