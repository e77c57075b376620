//! Tells agents what is wanted of them: apply what was approved, undo, or keep.
//!
//! The wish stands in the store until the agent says that it is in its journal, so an order may be sent
//! any number of times: the change's id makes it one.

pub mod agents;
pub mod carry;
pub mod order;
mod pause;
