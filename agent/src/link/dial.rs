//! One attempt to reach the controller, and what the end of a connection means.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use querysmith_shared::wire::CONTROLLER_NAME;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint};
use tokio::time::timeout;

/// Longest wait for one address.
const DIAL_TIME: Duration = Duration::from_secs(5);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
/// TLS alerts that are about this agent's certificate (RFC 8446, section 6), as QUIC carries them.
const ALERTS: [(u64, RefusalCode, &str); 7] = [
    (42, RefusalCode::UnknownAgent, "the controller can't use this agent's certificate"),
    (44, RefusalCode::Revoked, "this agent's certificate was revoked"),
    (45, RefusalCode::Expired, "this agent's certificate has expired"),
    (46, RefusalCode::UnknownAgent, "the controller does not accept this agent's certificate"),
    (48, RefusalCode::UnknownAgent, "this agent's certificate is not of the controller's authority"),
    (51, RefusalCode::UnknownAgent, "this agent's certificate is not of the controller's authority"),
    (116, RefusalCode::UnknownAgent, "the controller asks for a certificate"),
];
/// First QUIC error code that is a TLS alert (RFC 9001, section 4.8).
const CRYPTO_ERROR: u64 = 0x100;

/// Why there is no connection (any more).
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address can't be looked up.
    #[error("failed to look up {address}")]
    Lookup {
        /// What was looked up.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The name has no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// No socket.
    #[error("failed to open a socket")]
    Socket(#[source] std::io::Error),
    /// The connection can't be begun.
    #[error("failed to begin a connection")]
    Connect(#[source] quinn::ConnectError),
    /// Nobody answered.
    #[error("no answer from {0}")]
    Silence(SocketAddr),
    /// The other side is not the controller that this agent trusts.
    #[error("the controller can't be trusted: {0}")]
    Untrusted(String),
    /// The controller refused this agent.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// A lane of reports ended while the connection was alive.
    #[error("a lane of reports ended: {0}")]
    Lane(String),
    /// The connection broke.
    #[error("the connection ended: {0}")]
    Broken(ConnectionError),
}

/// Looks the address up and connects to the first of its addresses that answers.
pub(super) async fn dial(address: &str, config: &ClientConfig) -> Result<(Endpoint, Connection), DialError> {
    let found = tokio::net::lookup_host(address)
        .await
        .map_err(|source| DialError::Lookup { address: address.to_owned(), source })?;
    let mut failure = DialError::NoAddress(address.to_owned());
    for remote in found.take(MAX_ADDRESSES) {
        match dial_one(remote, config).await {
            Ok(connected) => return Ok(connected),
            Err(error @ (DialError::Refused(_) | DialError::Untrusted(_))) => return Err(error),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_one(remote: SocketAddr, config: &ClientConfig) -> Result<(Endpoint, Connection), DialError> {
    let local: SocketAddr = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(local).map_err(DialError::Socket)?;
    let connecting =
        endpoint.connect_with(config.clone(), remote, CONTROLLER_NAME).map_err(DialError::Connect)?;
    match timeout(DIAL_TIME, connecting).await {
        Ok(Ok(connection)) => Ok((endpoint, connection)),
        Ok(Err(error)) => Err(ending(error)),
        Err(_) => Err(DialError::Silence(remote)),
    }
}

/// What the end of a connection means to this agent.
pub(super) fn ending(error: ConnectionError) -> DialError {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            match RefusalCode::from_close_code(close.error_code.into_inner()) {
                Some(code) => {
                    let reason = String::from_utf8_lossy(&close.reason).into_owned();
                    DialError::Refused(Refusal { code, reason })
                }
                None => DialError::Broken(ConnectionError::ApplicationClosed(close)),
            }
        }
        ConnectionError::ConnectionClosed(close) => {
            let alert = u64::from(close.error_code).checked_sub(CRYPTO_ERROR);
            match ALERTS.into_iter().find(|(number, _, _)| Some(*number) == alert) {
                Some((_, code, reason)) => DialError::Refused(Refusal { code, reason: reason.to_owned() }),
                None => DialError::Broken(ConnectionError::ConnectionClosed(close)),
            }
        }
        ConnectionError::TransportError(error)
            if (CRYPTO_ERROR..2 * CRYPTO_ERROR).contains(&error.code.into()) =>
        {
            DialError::Untrusted(error.reason)
        }
        error => DialError::Broken(error),
    }
}
