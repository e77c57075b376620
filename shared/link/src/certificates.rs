//! What both ends read in a certificate. Pure: whether it can be trusted is TLS's question.

use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::AGENT_URI;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What an agent's certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentCertificate {
    /// Who it is.
    pub agent: AgentId,
    /// Begin of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
}

/// What an agent's certificate says; `None` if it is not an agent's. Its chain must be verified elsewhere.
pub fn agent_certificate(certificate: &CertificateDer<'_>) -> Option<AgentCertificate> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = &parsed.subject_alternative_name().ok()??.value.general_names;
    let [GeneralName::URI(uri)] = names.as_slice() else { return None };
    let agent = uri.strip_prefix(AGENT_URI)?.parse().ok()?;
    let moment = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000));
    let not_before = moment(parsed.validity().not_before.timestamp());
    let not_after = moment(parsed.validity().not_after.timestamp());
    Some(AgentCertificate { agent, not_before, not_after })
}

/// SHA-256 of the public key of a certificate; `None` if it is none.
pub fn pin_of(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Sha256::digest(parsed.tbs_certificate.subject_pki.raw).into())
}
