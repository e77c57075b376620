//! TLS and transport settings of the controller's end: TLS 1.3 only, no resumption, no early data.

use std::sync::{Arc, PoisonError, RwLock};

use querysmith_link::transport::{Limits, transport};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::{ALPN_ENROL, ALPN_LINK};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, ServerConfig, VarInt};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;

use super::authority::{Authority, AuthorityError, CONTROLLER_LIFE};

/// What anybody may do who reaches the port: streams for hello, two lanes, a renewal, and some to spare; but of
/// bytes that nobody reads yet no more than 128 KiB, because whoever sends them is not known.
const LIMITS: Limits = Limits { streams: 8, stream_window: 4 << 20, connection_window: 128 << 10 };
/// What an agent may send ahead once it is admitted, bytes: a report of the longest kind on each lane.
const ADMITTED_WINDOW: u32 = 8 << 20;

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The controller's certificate can't be made.
    #[error("failed to make the controller's certificate")]
    Certificate(#[source] AuthorityError),
    /// The settings do not fit together.
    #[error("failed to set up TLS")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The controller's own certificate, which is made anew while it runs.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    current: RwLock<(Arc<CertifiedKey>, Timestamp)>,
}

impl OwnCertificate {
    pub(super) fn new(authority: &Authority, now: Timestamp) -> Result<Self, TlsError> {
        let key = certified(authority, now)?;
        Ok(Self { current: RwLock::new((key, now)) })
    }

    /// Makes a new one if half of the current one's life is over, or the clock went back behind its
    /// beginning.
    pub(super) fn renew_if_due(&self, authority: &Authority, now: Timestamp) -> Result<bool, TlsError> {
        let made_at = self.current.read().unwrap_or_else(PoisonError::into_inner).1;
        if now >= made_at && now.since(made_at) < CONTROLLER_LIFE / 2 {
            return Ok(false);
        }
        let key = certified(authority, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (key, now);
        Ok(true)
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

fn certified(authority: &Authority, now: Timestamp) -> Result<Arc<CertifiedKey>, TlsError> {
    let made = authority.issue_controller_certificate(now).map_err(TlsError::Certificate)?;
    let key = aws_lc_rs::sign::any_ecdsa_type(&made.key).map_err(settings)?;
    Ok(Arc::new(CertifiedKey::new(made.chain, key)))
}

/// Gives a connection the room of an agent that is known.
pub(super) fn widen(connection: &Connection) {
    connection.set_receive_window(VarInt::from(ADMITTED_WINDOW));
}

/// Settings for the listener. A client without a certificate is let in only so far that its ALPN can be
/// seen: enrolment has none yet, and for the link the session refuses it.
pub(super) fn server(authority: &Authority, own: Arc<OwnCertificate>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).map_err(settings)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(settings)?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(settings)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(own);
    tls.alpn_protocols = vec![ALPN_LINK.to_vec(), ALPN_ENROL.to_vec()];
    // Every handshake shows both certificates, so that an expired one is noticed.
    tls.send_tls13_tickets = 0;
    tls.max_early_data_size = 0;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).map_err(settings)?));
    config.transport_config(Arc::new(transport(LIMITS)));
    Ok(config)
}

fn settings(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsError {
    TlsError::Settings(error.into())
}
