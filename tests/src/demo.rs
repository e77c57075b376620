//! The demo: a controller, a sample shop, an agent and a workload on this machine, and the journey that
//! goes once around the loop with them and measures it.

pub mod ab_live;
pub mod api;
pub mod browser;
pub mod fleet;
pub mod footprint;
pub mod journey;
pub mod place;
pub mod process;
pub mod progress;
mod proposed;
