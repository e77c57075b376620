//! The Querysmith agent: watches the databases of its host, reports what it sees to the controller, and
//! carries out approved changes.

pub mod apply;
pub mod cli;
pub mod collect;
pub mod config;
pub mod engines;
pub mod link;
pub mod startup;
pub mod telemetry;
