//! Enrolment and renewal: how an agent gets its certificate.

use serde::{Deserialize, Serialize};

use super::codec::Message;
use super::envelope::Kind;

/// Asks for the first certificate, with a join token instead of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The secret part of the join token.
    pub secret: String,
    /// Certificate signing request, PEM; the key never leaves the agent's host.
    pub signing_request: String,
    /// Name of the host, for people.
    pub host_name: String,
    /// Version of the agent.
    pub agent_version: String,
}

impl Message for EnrolRequest {
    const KIND: Kind = Kind::EnrolRequest;
}

/// Asks for the next certificate of the same identity, over a connection that has the current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// Certificate signing request, PEM, for a new key.
    pub signing_request: String,
}

impl Message for RenewRequest {
    const KIND: Kind = Kind::RenewRequest;
}

/// A signed certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authorities to trust from now on, PEM.
    pub authorities: String,
}

impl Message for Certificate {
    const KIND: Kind = Kind::Certificate;
}
