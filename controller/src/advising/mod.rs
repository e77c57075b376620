//! What advice is asked with, by jobs and for people: the evidence's past, the thresholds, and threads for long work.

pub mod big_stack;
pub mod context;
pub mod switchback;
