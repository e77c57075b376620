//! The controller's own periodic work.
//!
//! A job has no input: each activation looks at the store and does what is to be done, so a missed one costs
//! time only, and the next activation is the retry. It runs by its schedule, and at once when something
//! happened that concerns it.

// How jobs run.
pub mod runner;
pub mod status;

// The jobs.
pub mod detect;
pub mod keep;
pub mod learn;
pub mod measure;
pub mod offer;
pub mod propose;
pub mod registry;
pub mod renew;
pub mod roll_up;
pub mod seal;
mod switchback;
