//! What both ends of the link between agent and controller do alike, signatures of approvers included.
//!
//! Nothing here dials, listens or decides: each end has its own conversation, in `agent/src/link` and
//! `controller/src/fleet`. The wire itself, without any I/O, is `querysmith_shared::wire`.

pub mod certificates;
pub mod frames;
pub mod signature;
pub mod transport;
