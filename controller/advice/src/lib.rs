//! Every decision of Querysmith: what is wrong, what would fix it, whether it helped, what to learn.
//!
//! Functions from values to values. Nothing here reads a clock, a file, a socket, a database or the
//! environment, and nothing here draws a random number: `now`, thresholds and seeds are arguments.

// What goes in.
pub mod evidence;
pub mod thresholds;

// What comes out, in the order of the verbs.
pub mod detect;
pub mod finding;
pub mod reconcile;

pub mod explain;
pub mod propose;

pub mod measure;

pub mod learn;

// What all of them use.
pub mod interval;

mod catalog;
mod index;
mod overview;
mod scan;
mod statement;
#[cfg(test)]
mod testing;
mod words;
