//! When the next certificate is asked for, and how. Old credentials stay until the new ones have
//! proved a handshake.

use std::path::Path;
use std::time::Duration;

use querysmith_link::frames::{FrameError, answer, read_frame, write_message};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::enrol::{Certificate, RenewRequest};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::Refusal;
use tokio::time::timeout;

use super::identity::{IdentityError, Slot, new_key, store};

/// Earliest and latest share of the certificate's life at which it is renewed.
const EARLIEST: f64 = 0.5;
const LATEST: f64 = 0.7;
/// Longest wait for the answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// When to renew a certificate: `fraction`, between 0 and 1, picks the moment between half and seven
/// tenths of its life, so that agents enrolled together do not all come at once.
pub(super) fn renew_at(not_before: Timestamp, not_after: Timestamp, fraction: f64) -> Timestamp {
    let share = EARLIEST + (LATEST - EARLIEST) * fraction.clamp(0.0, 1.0);
    not_before.after(not_after.since(not_before).mul_f64(share))
}

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenewError {
    #[error("failed to make or store the new identity")]
    Identity(#[source] IdentityError),
    #[error("the connection broke")]
    Connection(#[source] quinn::ConnectionError),
    #[error("the conversation broke")]
    Frame(#[source] FrameError),
    #[error("the controller refused: {0}")]
    Refused(Refusal),
    #[error("the controller did not answer")]
    Silence,
}

/// Asks for a certificate for a new key and stores both beside the current ones.
pub(super) async fn renew(connection: &quinn::Connection, state_dir: &Path) -> Result<(), RenewError> {
    let key = new_key().map_err(RenewError::Identity)?;
    let ask = RenewRequest { signing_request: key.request_pem };
    let answer =
        timeout(ANSWER_TIME, converse(connection, &ask)).await.unwrap_or(Err(RenewError::Silence))?;
    store(state_dir, Slot::Renewed, &key.key_pem, &answer.certificate, &answer.authorities)
        .map(drop)
        .map_err(RenewError::Identity)
}

async fn converse(connection: &quinn::Connection, ask: &RenewRequest) -> Result<Certificate, RenewError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(RenewError::Connection)?;
    write_message(&mut send, ask, 0).await.map_err(RenewError::Frame)?;
    let _ = send.finish();
    let frame = read_frame(&mut receive, Kind::Certificate)
        .await
        .map_err(RenewError::Frame)?
        .ok_or(RenewError::Silence)?;
    answer(&frame).map_err(RenewError::Frame)?.map_err(RenewError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_between_half_and_seven_tenths_of_its_life() {
        let check = |fraction, expected| {
            assert_eq!(renew_at(Timestamp(1_000_000), Timestamp(11_000_000), fraction), Timestamp(expected));
        };
        check(0.0, 6_000_000);
        check(0.5, 7_000_000);
        check(1.0, 8_000_000);
        check(7.0, 8_000_000);
    }
}
