//! The advice on real plans: PostgreSQL 15's own EXPLAIN (VERBOSE, FORMAT JSON) of the demo's shop, with its real
//! schema and statistics.

#![allow(clippy::unwrap_used, reason = "the whole program is a test")]

mod adversarial;
mod by_hand;
mod by_hand_parameter;
mod drop_index;
mod explain;
mod index_use;
mod loop_around;
mod missing_index;
mod never_twice;
mod next_step;
mod obsolete;
mod one_statement;
mod planner;
mod propose;
mod reconcile;
mod regression;
mod shop;
mod stale_statistics;
mod top_consumer;
