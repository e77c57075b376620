mod golden;
mod hostile;
mod round_trip;
mod samples;

use super::codec::{CodecError, Message, decode_body};
use super::envelope::{Envelope, EnvelopeError, HEADER_BYTES, Kind};
use super::{enrol, link, order, report};

/// Why a frame is none.
#[derive(Debug, thiserror::Error)]
enum Bad {
    #[error("{0}")]
    Envelope(EnvelopeError),
    #[error("the frame is too short")]
    Truncated,
    #[error("{0}")]
    Body(CodecError),
}

/// What a decoded message is, as bytes again: two messages are equal if these are, even with a NaN
/// inside.
fn canonical<M: Message>(body: &[u8]) -> Result<Vec<u8>, CodecError> {
    let message: M = decode_body(body)?;
    super::codec::encode_body(&message)
}

/// Reads a frame as a receiver does, whatever its kind.
fn read(frame: &[u8]) -> Result<(Envelope, Vec<u8>), Bad> {
    let header: &[u8; HEADER_BYTES] = frame.first_chunk().ok_or(Bad::Truncated)?;
    let envelope = Envelope::from_bytes(header).map_err(Bad::Envelope)?;
    let body = frame.get(HEADER_BYTES..HEADER_BYTES + envelope.body_bytes).ok_or(Bad::Truncated)?;
    let again = match envelope.kind {
        Kind::Hello => canonical::<link::Hello>(body),
        Kind::Welcome => canonical::<link::Welcome>(body),
        Kind::Refusal => canonical::<link::Refusal>(body),
        Kind::RenewRequest => canonical::<enrol::RenewRequest>(body),
        Kind::Certificate => canonical::<enrol::Certificate>(body),
        Kind::EnrolRequest => canonical::<enrol::EnrolRequest>(body),
        Kind::Report => canonical::<report::Report>(body),
        Kind::Stored => canonical::<report::Stored>(body),
        Kind::Order => canonical::<order::Order>(body),
        Kind::Answer => canonical::<order::Answer>(body),
    };
    again.map(|body| (envelope, body)).map_err(Bad::Body)
}
