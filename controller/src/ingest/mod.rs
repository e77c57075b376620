//! Stores what agents report, once however often it arrives.
//!
//! A batch is one transaction: the watermark is locked, what is not above it is passed over, the rest is
//! written, the watermark is raised. A report that the store refuses is set aside, with a note that it is
//! missing, so that it can't hold up those behind it.

pub mod batch;
mod body;
mod figures;
pub mod fleet_store;
pub mod ingester;
pub mod mirror;
pub mod window;
