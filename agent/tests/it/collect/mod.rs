//! The collectors against real servers.

mod planned_code;
mod plans;
mod privacy;
mod query_stats;
mod servers;
mod stage;
mod structure;
mod supervised;
mod versions;
