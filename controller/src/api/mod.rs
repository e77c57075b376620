//! The HTTP API, its document, and the console. What it answers is read from the store; what it changes goes
//! through `approve` or the store, and is in the audit table.

// How requests come in and answers go out.
pub mod announce;
mod answer;
pub mod caller;
pub mod context;
mod decided;
pub mod document;
pub mod input;
pub mod limits;
pub mod metrics;
pub mod missing;
pub mod paging;
pub mod password;
pub mod problem;
mod same_variants;
pub mod secret;
pub mod server;
pub mod shapes;
pub mod streams;
pub mod stretch;
mod switchback;
pub mod unmatched;

// Beside the API.
pub mod console;
pub mod health;
mod hold;

// The resources.
pub mod about;
pub mod activity;
pub mod agents;
pub mod audit;
pub mod by_hand;
pub mod change;
pub mod changes;
pub mod events;
pub mod export;
pub mod findings;
pub mod fleet;
pub mod indexes;
pub mod instance;
pub mod instances;
pub mod jobs;
pub mod outcomes;
pub mod proposal;
pub mod proposals;
pub mod queries;
pub mod query;
pub mod series;
pub mod session;
pub mod settings;
pub mod signing;
pub mod take_back;
pub mod tokens;
pub mod users;
