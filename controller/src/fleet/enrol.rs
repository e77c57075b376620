//! Enrolment: a join token and a signing request become an agent with a certificate.

use std::time::{Duration, SystemTime};

use querysmith_link::frames::{message, read_frame, write_message};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::enrol::{Certificate, EnrolRequest};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::token::secret_hash;
use quinn::Connection;
use tokio::time::timeout;
use uuid::Uuid;

use super::authority::{Authority, IssueError};
use super::store::{FleetStore, NewAgent, TokenVerdict};

/// Longest conversation, from handshake to farewell.
const TIME: Duration = Duration::from_secs(20);
/// Longest names that are kept of what an agent says of itself, characters.
const MAX_HOST_NAME: usize = 255;
const MAX_VERSION: usize = 64;

/// Serves the one request of an enrolment connection.
pub(super) async fn serve(connection: &Connection, authority: &Authority, store: &dyn FleetStore) {
    let address = connection.remote_address();
    match timeout(TIME, converse(connection, authority, store)).await {
        Ok(Ok(agent)) => tracing::info!(%agent, %address, "agent enrolled"),
        Ok(Err(refusal)) => {
            tracing::warn!(%address, code = ?refusal.code, reason = refusal.reason, "enrolment refused");
        }
        Err(_) => {
            tracing::warn!(%address, "enrolment took too long");
            super::roster::close(connection, RefusalCode::TooMany, "the enrolment took too long");
        }
    }
}

async fn converse(
    connection: &Connection,
    authority: &Authority,
    store: &dyn FleetStore,
) -> Result<AgentId, Refusal> {
    let malformed = |reason: String| Refusal { code: RefusalCode::Malformed, reason };
    let (mut send, mut receive) =
        connection.accept_bi().await.map_err(|error| malformed(error.to_string()))?;
    let request = match read_frame(&mut receive, Kind::EnrolRequest).await {
        Ok(Some(frame)) => message::<EnrolRequest>(&frame).map_err(|error| error.refusal()),
        Ok(None) => Err(malformed("the stream ended without a request".to_owned())),
        Err(error) => Err(error.refusal()),
    };
    let outcome = match request {
        Ok(request) => decide(&request, authority, store).await,
        Err(refusal) => Err(refusal),
    };
    let written = match &outcome {
        Ok((_, certificate)) => write_message(&mut send, certificate, 0).await,
        Err(refusal) => write_message(&mut send, refusal, 0).await,
    };
    if let Err(error) = written {
        tracing::warn!(%error, "failed to answer an enrolment");
    }
    let _ = send.finish();
    // The agent hangs up when it has read the answer.
    connection.closed().await;
    outcome.map(|(agent, _)| agent)
}

async fn decide(
    request: &EnrolRequest,
    authority: &Authority,
    store: &dyn FleetStore,
) -> Result<(AgentId, Certificate), Refusal> {
    let refuse = |code, reason: &str| Refusal { code, reason: reason.to_owned() };
    let unknown = || refuse(RefusalCode::TokenUnknown, "the join token is not known here");
    let hash = secret_hash(&request.secret).ok_or_else(unknown)?;
    let now = Timestamp::from(SystemTime::now());
    let agent = AgentId(Uuid::now_v7());
    // Signed before the token is used up: a bad request must not cost the token. Without a good token
    // the certificate is thrown away here.
    let issued = authority.issue_agent_certificate(&request.signing_request, agent, now, rand::random());
    let (certificate, issued) = issued.map_err(|error| match error {
        IssueError::BadRequest(error) => refuse(RefusalCode::BadSigningRequest, &error.to_string()),
        IssueError::Signing(error) => refuse(RefusalCode::BadSigningRequest, &error.to_string()),
    })?;
    let new = NewAgent {
        agent,
        host_name: request.host_name.chars().take(MAX_HOST_NAME).collect(),
        version: request.agent_version.chars().take(MAX_VERSION).collect(),
        certificate: issued,
    };
    match store.redeem_token(hash, &new, now).await {
        Ok(TokenVerdict::Redeemed) => {
            let authorities = authority.certificate_pem().to_owned();
            Ok((agent, Certificate { certificate, authorities }))
        }
        Ok(TokenVerdict::Unknown) => Err(unknown()),
        Ok(TokenVerdict::Used) => {
            Err(refuse(RefusalCode::TokenUnknown, "the join token was used before; each enrols one agent"))
        }
        Ok(TokenVerdict::Expired) => Err(refuse(RefusalCode::TokenExpired, "the join token has expired")),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "failed to redeem a join token");
            Err(refuse(RefusalCode::StoreAway, "the controller can't reach its store now; try again later"))
        }
    }
}
