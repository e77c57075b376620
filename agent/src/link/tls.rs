//! TLS and transport settings of the agent's end: TLS 1.3 only, no resumption, no early data.

use std::sync::Arc;
use std::time::Duration;

use querysmith_link::certificates::pin_of;
use querysmith_link::transport::{Limits, transport};
use querysmith_shared::wire::{ALPN_ENROL, ALPN_LINK};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, TransportConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::identity::Credentials;

/// A sign of life is sent this often: three may be lost.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What the controller may do: orders that are open at a time, and bytes it may send before they are read;
/// few, because the whole agent is 20 MB.
const LIMITS: Limits = Limits { streams: 32, stream_window: 512 << 10, connection_window: 1 << 20 };
/// What may be sent and not yet received, bytes.
const SEND_WINDOW: u64 = 1 << 20;

/// Settings for the link: proves who this agent is, and trusts its authorities only.
pub(super) fn link_client(credentials: &Credentials) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in &credentials.authorities {
        roots.add(authority.clone())?;
    }
    let chain = vec![credentials.certificate.clone()];
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, credentials.key.clone_key())?;
    tls.alpn_protocols = vec![ALPN_LINK.to_vec()];
    finish(tls)
}

/// Settings for enrolment: no certificate yet, and trust in the one authority whose key has this pin.
pub(super) fn enrol_client(pin: [u8; 32]) -> Result<ClientConfig, rustls::Error> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedAuthority { pin, provider: provider() }))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN_ENROL.to_vec()];
    finish(tls)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn finish(mut tls: rustls::ClientConfig) -> Result<ClientConfig, rustls::Error> {
    // Every handshake shows both certificates, so that a revoked or expired one is noticed.
    tls.resumption = Resumption::disabled();
    tls.enable_early_data = false;
    let crypto = QuicClientConfig::try_from(tls)
        .map_err(|_| rustls::Error::General("no cipher suite for QUIC".to_owned()))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(agent_transport()));
    Ok(config)
}

fn agent_transport() -> TransportConfig {
    let mut transport = transport(LIMITS);
    transport.keep_alive_interval(Some(KEEP_ALIVE)).send_window(SEND_WINDOW);
    transport
}

/// Trusts a chain only if the pinned authority is in it, and then by the ordinary rules.
#[derive(Debug)]
struct PinnedAuthority {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates.iter().find(|certificate| pin_of(certificate) == Some(self.pin));
        let authority =
            authority.ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
