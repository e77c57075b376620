//! What may stand in a signing request. Pure.

use rcgen::{CertificateSigningRequestParams, PublicKey};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

/// Why a signing request is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadRequest {
    /// It can't be read, or its signature is not by its key.
    #[error("the signing request can't be read or is not signed by its own key")]
    Unreadable(#[source] rcgen::Error),
    /// It asks for a name.
    #[error("the signing request asks for the name `{0}`: the controller alone gives names")]
    Name(String),
    /// It asks for extensions.
    #[error("the signing request asks for extensions: the controller alone decides on them")]
    Extensions,
    /// Its key is of a kind that is not used here.
    #[error("the signing request's key is not on the curve P-256")]
    Key,
}

/// The public key of a signing request that asks for nothing but a signature.
pub fn public_key_of_request(request_pem: &str) -> Result<PublicKey, BadRequest> {
    let request = CertificateSigningRequestParams::from_pem(request_pem).map_err(|error| match error {
        rcgen::Error::UnsupportedExtension => BadRequest::Extensions,
        error => BadRequest::Unreadable(error),
    })?;
    let unreadable = |_| BadRequest::Unreadable(rcgen::Error::CouldNotParseCertificationRequest);
    let (_, pem) = x509_parser::pem::parse_x509_pem(request_pem.as_bytes()).map_err(|_| unreadable(()))?;
    let (_, parsed) = X509CertificationRequest::from_der(&pem.contents).map_err(|_| unreadable(()))?;
    let subject = &parsed.certification_request_info.subject;
    if subject.iter_attributes().next().is_some() {
        return Err(BadRequest::Name(subject.to_string().chars().take(200).collect()));
    }
    if parsed.requested_extensions().is_some_and(|mut extensions| extensions.next().is_some()) {
        return Err(BadRequest::Extensions);
    }
    if request.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
        return Err(BadRequest::Key);
    }
    Ok(request.public_key)
}
