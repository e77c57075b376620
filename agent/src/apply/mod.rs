//! Applies approved changes, verifies them, and takes them back.
//!
//! The agent decides nothing about advice and everything about its own safety: an order is carried out only if
//! this host's allow-list lets it, if the agent's own rendering is the text that was approved, and if the
//! database is fit for it. Every effect has its intent and its undo in the journal before it begins; after
//! a crash the database is observed first, then the next step taken, which is what happens without a crash too.

// What comes in and what is allowed.
pub mod allow_list;
pub mod order;

// What was done, and what to do next: no database here.
pub mod clock;
pub mod facts;
pub mod ground;
pub mod journal;
pub mod lease;
pub mod plan;
pub mod seen;
pub mod switchback;
pub mod throttle;

// Doing it.
pub mod applier;
pub mod context;
pub mod failure;
pub mod fault;
pub mod report;
pub mod revert;

mod accept;
mod disk;
mod execute;
pub mod fencing;
mod leases;
mod stages;
mod supervise;
mod withdrawn;

// For the administrator on the host.
pub mod offline;

mod amount;
