//! Enrolment: a join token becomes an identity.

use std::path::Path;
use std::time::Duration;

use querysmith_link::certificates::pin_of;
use querysmith_link::frames::{FrameError, answer, read_frame, write_message};
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::enrol::{Certificate, EnrolRequest};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::Refusal;
use querysmith_shared::wire::token::{JoinToken, NotAToken};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::timeout;

use super::dial::{DialError, dial, ending};
use super::identity::{IdentityError, Slot, load, new_key, store};
use super::tls::enrol_client;

/// Longest wait for the answer: the controller's store may be slow to begin.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What enrolment needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    /// The join token.
    pub token: &'a str,
    /// Where the controller listens, `host:port`.
    pub controller: &'a str,
    /// The agent's state directory.
    pub state_dir: &'a Path,
    /// Name of this host, for people.
    pub host_name: &'a str,
    /// Version of the agent.
    pub agent_version: &'a str,
    /// Replace an identity that is already there.
    pub force: bool,
}

/// Why enrolment failed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The agent already has an identity and `force` was not given.
    #[error("this agent is already enrolled as {0}; --force replaces that identity")]
    AlreadyEnrolled(AgentId),
    /// The token is not one.
    #[error(transparent)]
    Token(#[from] NotAToken),
    /// The identity can't be made or stored. If the token was used up by then, a new one is needed.
    #[error("failed to make this agent's identity")]
    Identity(#[source] IdentityError),
    /// TLS can't be set up.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
    /// The controller can't be reached, or is not the one that made the token.
    #[error("failed to reach the controller")]
    Dial(#[source] DialError),
    /// The controller refused.
    #[error("the controller refused: {0}")]
    Refused(Refusal),
    /// The conversation broke.
    #[error("the controller's answer can't be read: {0}")]
    Conversation(String),
    /// The controller did not answer in time.
    #[error("the controller did not answer within {} s", ANSWER_TIME.as_secs())]
    Silence,
    /// The answer's authority is not the one that the token pins.
    #[error("the answer is not of the authority that made the token")]
    WrongAuthority,
}

/// Makes a key, asks the controller for a certificate with the join token, and stores both. The secret
/// is said only to a controller whose authority has the token's pin.
pub async fn enrol(request: Enrolment<'_>) -> Result<AgentId, EnrolError> {
    let token: JoinToken = request.token.parse()?;
    if let Some(known) = load(request.state_dir, Slot::Current).map_err(EnrolError::Identity)?
        && !request.force
    {
        return Err(EnrolError::AlreadyEnrolled(known.agent));
    }
    let key = new_key().map_err(EnrolError::Identity)?;
    let ask = EnrolRequest {
        secret: token.secret_text(),
        signing_request: key.request_pem,
        host_name: request.host_name.to_owned(),
        agent_version: request.agent_version.to_owned(),
    };
    let config = enrol_client(token.pin).map_err(EnrolError::Tls)?;
    let (endpoint, connection) = dial(request.controller, &config).await.map_err(EnrolError::Dial)?;
    let answer = timeout(ANSWER_TIME, converse(&connection, &ask)).await.unwrap_or(Err(EnrolError::Silence));
    connection.close(0_u8.into(), b"done");
    let _ = timeout(Duration::from_secs(1), endpoint.wait_idle()).await;
    let answer = answer?;
    let authorities = CertificateDer::pem_slice_iter(answer.authorities.as_bytes());
    if !authorities.flatten().any(|authority| pin_of(&authority) == Some(token.pin)) {
        return Err(EnrolError::WrongAuthority);
    }
    let (certificate, authorities) = (&answer.certificate, &answer.authorities);
    let stored = store(request.state_dir, Slot::Current, &key.key_pem, certificate, authorities);
    let credentials = stored.map_err(EnrolError::Identity)?;
    super::identity::discard_renewed(request.state_dir);
    Ok(credentials.agent)
}

async fn converse(connection: &quinn::Connection, ask: &EnrolRequest) -> Result<Certificate, EnrolError> {
    let broken = |error: quinn::ConnectionError| match ending(error) {
        DialError::Refused(refusal) => EnrolError::Refused(refusal),
        error => EnrolError::Dial(error),
    };
    let (mut send, mut receive) = connection.open_bi().await.map_err(broken)?;
    let unreadable = |error: FrameError| match connection.close_reason() {
        Some(reason) => broken(reason),
        None => EnrolError::Conversation(error.to_string()),
    };
    write_message(&mut send, ask, 0).await.map_err(unreadable)?;
    let _ = send.finish();
    let Some(frame) = read_frame(&mut receive, Kind::Certificate).await.map_err(unreadable)? else {
        return Err(EnrolError::Conversation("it ended without an answer".to_owned()));
    };
    answer(&frame).map_err(unreadable)?.map_err(EnrolError::Refused)
}
