//! The controller: knows the fleet, stores what agents report, decides with `advice`, asks people, and has
//! approved changes applied.
//!
//! Arrows go one way: startup → {api, jobs, fleet}; api → {propose, approve, store}; jobs → {propose, apply, store};
//! propose → {advising, approve, store}; advising, apply → {fleet, store}; fleet → ingest → store. Nothing depends on
//! api, jobs or startup.

// What everything stands on.
pub mod config;
pub mod network;
pub mod schedule;
pub mod store;
pub mod telemetry;
pub mod wake;

// The verbs.
pub mod advising;
pub mod apply;
pub mod approve;
pub mod ingest;
pub mod jobs;
pub mod propose;

// The outside.
pub mod api;
pub mod cli;
pub mod fleet;
pub mod startup;
