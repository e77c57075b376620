//! The wire between agent and controller.
//!
//! A frame is an [`envelope`] of fixed size and a body. The envelope is frozen for ever; a body is one
//! message of a kind and schema, and what is released is never edited: a changed message is a new
//! schema of its kind.

pub mod bounded;
pub mod codec;
pub mod enrol;
pub mod envelope;
pub mod fence;
pub mod link;
pub mod order;
pub mod report;
pub mod token;

/// ALPN of the link; the number is the version of the protocol.
pub const ALPN_LINK: &[u8] = b"querysmith/1";
/// ALPN of enrolment, the only conversation in which the agent has no certificate yet.
pub const ALPN_ENROL: &[u8] = b"querysmith-enrol/1";
/// Name the controller's certificate is for, whatever address it is reached at.
pub const CONTROLLER_NAME: &str = "controller.querysmith.internal";
/// Start of the URI that names an agent in its certificate.
pub const AGENT_URI: &str = "spiffe://querysmith/agent/";
/// Port the controller listens on unless configured otherwise (UDP).
pub const DEFAULT_PORT: u16 = 7431;

#[cfg(test)]
mod tests;
